//! Predictors and the responses that go with them.

use mnmash_core::predictors::Predictors as _;

use crate::build::{list, matrix, message, null, numbers, value, word};
use crate::nouns::predictors::Columns;
use crate::nouns::{Predictors, Responses};
use crate::read::{Content, Field, Outcome, Value};

fn sparse<'a>(starts: &'a [i32], rows: &'a [i32], values: &'a [f64]) -> Value<'a> {
    list(vec![
        ("n", numbers(&[3.0])),
        ("starts", value(Content::Integers(starts))),
        ("rows", value(Content::Integers(rows))),
        ("values", numbers(values)),
    ])
}

#[test]
fn sparse_predictors_are_those_of_the_dense_matrix() {
    let dense = [0.0, 2.0, 0.0, 5.0, 0.0, 7.0];
    let x = sparse(&[0, 1, 3], &[1, 0, 2], &[2.0, 5.0, 7.0]);
    let x = Columns::read(&Field::new("x", &x)).unwrap();
    assert_eq!((x.rows(), x.count()), (3, 2));
    let Columns::Sparse { starts, rows, values, .. } = &x else { panic!("it is sparse") };
    for j in 0..2 {
        let mut column = [0.0; 3];
        (starts[j]..starts[j + 1]).for_each(|at| column[rows[at]] = values[at]);
        assert_eq!(column, dense[3 * j..3 * j + 3]);
    }
    for (starts, rows) in
        [(&[0, 1, 2], &[1, 0, 2]), (&[0, 1, 3], &[1, 0, 3]), (&[1, 1, 3], &[0; 3])]
    {
        let bad = sparse(starts, rows, &[2.0, 5.0, 7.0]);
        message(Columns::read(&Field::new("x", &bad)));
    }
}

const X: [f64; 4] = [1.0, 2.0, 3.0, 4.0];

fn samples(basis: Value<'_>) -> Value<'_> {
    list(vec![("form", word("samples")), ("x", matrix(2, 2, &X)), ("basis", basis)])
}

fn products<'a>(norms: Value<'a>, roots: Value<'a>) -> Value<'a> {
    list(vec![
        ("form", word("products")),
        ("x", matrix(2, 2, &X)),
        ("norms", norms),
        ("roots", roots),
        ("samples", numbers(&[9.0])),
    ])
}

#[test]
fn predictors_are_samples_or_products() {
    let read =
        |v: &Value| Field::new("predictors", v).read(Predictors::read).map(|p| p.columns().rows());
    assert_eq!(read(&samples(matrix(2, 1, &[0.6, 0.8]))), Ok(2));
    assert_eq!(read(&samples(null())), Ok(2));
    let short = message(read(&samples(matrix(1, 1, &[1.0]))));
    assert_eq!(short, "predictors$basis must be numbers in 2 rows; it is double, 1 by 1");
    assert_eq!(read(&products(null(), null())), Ok(2));
    let few = message(read(&products(numbers(&[1.0]), null())));
    assert_eq!(few, "predictors$norms must be 2 numbers; it is double of length 1");
    let gram = list(vec![("form", word("gram")), ("x", matrix(2, 2, &X))]);
    let unknown = message(read(&gram));
    assert_eq!(unknown, "predictors$form must be one of samples, products; it is \"gram\"");
}

/// What is said where `take` wants predictors of another form.
fn refused(given: &Value, take: impl Fn(&Predictors) -> Outcome<()>) -> String {
    message(take(&Field::new("predictors", given).read(Predictors::read).unwrap()))
}

#[test]
fn a_function_of_one_form_refuses_the_others() {
    let as_given = |p: &Predictors| p.as_given().map(|_| ());
    let (of_products, with_basis) = (products(null(), null()), samples(matrix(2, 1, &[0.6, 0.8])));
    assert_eq!(refused(&of_products, as_given), "predictors$form must be samples");
    assert_eq!(refused(&with_basis, as_given), "predictors$basis must be NULL");
    assert_eq!(
        refused(&with_basis, |p| p.gram(false).map(|_| ())),
        "predictors$form must be products"
    );
    let x = sparse(&[0, 1, 3], &[1, 0, 2], &[2.0, 5.0, 7.0]);
    let few = list(vec![("form", word("samples")), ("x", x), ("basis", null())]);
    let found = refused(&few, |p| p.dense().map(|_| ()));
    assert_eq!(found, "predictors$x must be a matrix of numbers; it is a list");
}

#[test]
fn products_have_the_unit_of_their_norms_or_roots_or_none() {
    let norms = |norms, roots, standardize| {
        let given = products(norms, roots);
        let found = Field::new("predictors", &given).read(Predictors::read).unwrap();
        found.gram(standardize).map(|g| g.norms().to_vec())
    };
    let each = [4.0, 9.0];
    assert_eq!(norms(null(), null(), false), Ok(vec![1.0, 4.0]));
    assert_eq!(norms(null(), numbers(&each), false), Ok(vec![16.0, 324.0]));
    assert_eq!(norms(numbers(&each), null(), false), Ok(vec![4.0, 9.0]));
    assert_eq!(norms(numbers(&each), null(), true), Ok(vec![8.0, 8.0]));
    let said = message(norms(null(), null(), true));
    assert_eq!(said, "control$standardize needs predictors$norms");
    let both = products(numbers(&each), numbers(&each));
    let said = message(Field::new("predictors", &both).read(Predictors::read));
    assert_eq!(said, "predictors must have norms or roots, not both");
}

#[test]
fn responses_go_with_the_form_of_the_predictors() {
    let y = [1.0, 2.0, 3.0, 4.0];
    let given = |total| list(vec![("y", matrix(2, 2, &y)), ("total", total)]);
    let (of_samples, of_products) = (samples(null()), products(null(), null()));
    let read = |predictors: &Value, total, together: bool| {
        let predictors = Field::new("predictors", predictors).read(Predictors::read).unwrap();
        let given = given(total);
        let field = Field::new("responses", &given);
        let found = if together {
            field.read(|r| Responses::together(r, &predictors))
        } else {
            field.read(|r| Responses::apart(r, &predictors))
        };
        found.map(|r| r.total.len())
    };
    assert_eq!(read(&of_samples, null(), true), Ok(0));
    assert_eq!(read(&of_products, matrix(2, 2, &y), true), Ok(4));
    assert_eq!(read(&of_products, numbers(&y[..2]), false), Ok(2));
    let said = message(read(&of_products, numbers(&y[..2]), true));
    assert_eq!(said, "responses$total must be 2 by 2 numbers; it is double of length 2");
    let said = message(read(&of_products, null(), false));
    assert_eq!(said, "responses$total must be given; it is NULL");
    let said = message(read(&of_samples, numbers(&y[..2]), false));
    assert_eq!(said, "responses$total must be NULL where predictors$form is samples");
}
