//! What the face makes of named lists: each fault is an error that names the field. The reader
//! knows nothing of R, so it is tested without it.

#![allow(dead_code)]

#[path = "../src/nouns.rs"]
mod nouns;
#[path = "../src/predictors.rs"]
mod predictors;
#[path = "../src/read.rs"]
mod read;
#[path = "../src/value.rs"]
mod value;
#[path = "../src/words.rs"]
mod words;

use mnmash_core::normal_means::Correlation;
use nouns::{Measurements, Mixture, Noise};
use predictors::{Columns, Predictors};
use read::{Content, Failure, Field, Fields, Outcome, Value};

fn value(content: Content) -> Value {
    Value { content, dim: Vec::new() }
}

fn numbers(x: &[f64]) -> Value<'_> {
    value(Content::Numbers(x))
}

fn matrix(rows: usize, cols: usize, x: &[f64]) -> Value<'_> {
    assert_eq!(x.len(), rows * cols);
    Value { content: Content::Numbers(x), dim: vec![rows, cols] }
}

fn array(dim: [usize; 3], x: &[f64]) -> Value<'_> {
    assert_eq!(x.len(), dim.iter().product::<usize>());
    Value { content: Content::Numbers(x), dim: dim.to_vec() }
}

fn word(x: &str) -> Value<'_> {
    value(Content::Words(vec![x]))
}

fn flag(x: bool) -> Value<'static> {
    value(Content::Flags(vec![Some(x)]))
}

fn null() -> Value<'static> {
    value(Content::Null)
}

fn list<'a>(fields: Vec<(&'a str, Value<'a>)>) -> Value<'a> {
    value(Content::List(fields))
}

/// The message of an outcome that must be a fault of the arguments.
fn message<T>(outcome: Outcome<T>) -> String {
    match outcome {
        Err(Failure::Arguments(message)) => message,
        Err(Failure::Core(error)) => panic!("the core refused: {error}"),
        Ok(_) => panic!("it was accepted"),
    }
}

/// What `read` says of the field `control$f` when it holds `value`.
fn said<'a, T>(value: &'a Value<'a>, read: impl FnOnce(&Field<'a>) -> Outcome<T>) -> String {
    message(read(&Field::new("control$f", value)))
}

#[test]
fn fields_that_are_missing_unknown_unnamed_or_twice_are_named() {
    let (one, two) = ([1.0], [2.0]);
    let tol = |fields: &Fields| fields.number("tol");
    let read = |fields| message(Field::new("control", &list(fields)).read(tol));
    assert_eq!(read(vec![("tols", numbers(&one))]), "control$tol is missing");
    let more = |name| vec![("tol", numbers(&one)), (name, numbers(&two))];
    assert_eq!(read(more("tols")), "control has an unknown field \"tols\"");
    assert_eq!(read(more("tol")), "control has two fields \"tol\"");
    assert_eq!(read(more("")), "control has a field without a name");
    let whole = list(vec![("tol", numbers(&one))]);
    assert_eq!(Field::new("control", &whole).read(tol), Ok(1.0));
    let bare = numbers(&one);
    let found = message(Field::new("control", &bare).read(tol));
    assert_eq!(found, "control must be a list; it is double of length 1");
}

#[test]
fn fields_of_a_list_within_a_list_are_named_from_the_outside() {
    let outer = list(vec![("greedy", list(vec![("tol", word("small"))]))]);
    let found = Field::new("control", &outer).read(|c| c.get("greedy")?.read(|g| g.number("tol")));
    assert_eq!(
        message(found),
        "control$greedy$tol must be one number; it is character of length 1"
    );
}

#[test]
fn a_number_is_one_number_and_not_na() {
    for bad in [&[][..], &[1.0, 2.0], &[f64::NAN]] {
        let found = said(&numbers(bad), |f| f.number());
        let length = bad.len();
        assert_eq!(found, format!("control$f must be one number; it is double of length {length}"));
    }
    let integer = value(Content::Integers(&[3]));
    assert_eq!(Field::new("x", &integer).number(), Ok(3.0));
    assert!(said(&value(Content::Integers(&[i32::MIN])), |f| f.number()).contains("one number"));
    assert!(said(&flag(true), |f| f.number()).ends_with("it is logical of length 1"));
    assert!(said(&null(), |f| f.number()).ends_with("it is NULL"));
    assert_eq!(Field::new("x", &numbers(&[f64::INFINITY])).number(), Ok(f64::INFINITY));
}

#[test]
fn counts_places_and_seeds_are_whole() {
    assert_eq!(Field::new("x", &numbers(&[7.0])).count(), Ok(7));
    assert_eq!(Field::new("x", &numbers(&[7.0])).place(), Ok(6));
    assert_eq!(Field::new("x", &numbers(&[-2.0])).seed(), Ok((-2i64) as u64));
    for bad in [-1.0, 0.5, 1e300, f64::INFINITY, f64::NAN] {
        let bad = [bad];
        let expected = "control$f must be one whole number, not negative; it is double of length 1";
        assert_eq!(said(&numbers(&bad), |f| f.count()), expected);
    }
    assert!(said(&numbers(&[0.0]), |f| f.place()).contains("one whole number from 1"));
    assert!(said(&numbers(&[0.5]), |f| f.seed()).contains("one whole number"));
}

#[test]
fn a_flag_is_not_na_and_flags_are_as_many_as_they_should_be() {
    let na = value(Content::Flags(vec![None]));
    assert!(said(&na, |f| f.flag()).contains("must be TRUE or FALSE"));
    assert_eq!(Field::new("x", &flag(false)).flag(), Ok(false));
    let some = value(Content::Flags(vec![Some(true), None]));
    assert!(said(&some, |f| f.flags(2)).contains("2 times TRUE or FALSE"));
    assert!(said(&flag(true), |f| f.flags(2)).ends_with("it is logical of length 1"));
}

#[test]
fn an_unknown_word_is_an_error_that_lists_the_known_ones() {
    let read = |v| said(&v, |f| f.one_of(words::WEIGHT_UPDATES));
    let expected = "control$f must be one of convex, em, fixed; it is \"emm\"";
    assert_eq!(read(word("emm")), expected);
    assert_eq!(read(word("")), "control$f must be one of convex, em, fixed; it is \"\"");
    assert!(read(null()).ends_with("it is NULL"));
    let two = value(Content::Words(vec!["em", "em"]));
    assert!(read(two).ends_with("it is character of length 2"));
}

/// The words of a table are distinct, each is read, and each stands for another value.
fn check_table<T: Copy + std::fmt::Debug>(table: &[(&str, T)], meanings: usize) {
    let mut seen: Vec<String> = Vec::new();
    for (i, (name, meaning)) in table.iter().enumerate() {
        assert!(table[..i].iter().all(|(other, _)| other != name), "{name} is there twice");
        let (given, meaning) = (word(name), format!("{meaning:?}"));
        let found = Field::new("x", &given).one_of(table).unwrap();
        assert_eq!(format!("{found:?}"), meaning);
        if !seen.contains(&meaning) {
            seen.push(meaning);
        }
    }
    assert_eq!(seen.len(), meanings);
}

#[test]
fn every_table_of_words_is_one_to_one() {
    check_table(words::FORMS, 2);
    check_table(words::WEIGHT_METHODS, 2);
    check_table(words::UD_STEPS, 3); // "ted" and "gted" are one step
    check_table(&words::penalties(1.0, 0.5), 3);
    check_table(words::HETEROGENEITIES, 2);
    check_table(words::WEIGHT_UPDATES, 3);
    check_table(&words::structures(2), 6);
    check_table(&words::plain_structures(0), 3);
    check_table(words::SCALE_RULES, 3);
    check_table(words::UPDATES, 2);
    check_table(words::ROLES, 3);
    check_table(words::FAMILIES, 6);
    check_table(&words::left_priors(4), 3);
}

#[test]
fn lengths_and_dimensions_are_checked_and_nothing_is_copied() {
    let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let table = matrix(2, 3, &x);
    let field = Field::new("control$f", &table);
    let found = field.matrix_of(2, 3).unwrap();
    assert!(std::ptr::eq(found.values, &x[..]));
    assert_eq!((found.column(1), found.view()[(1, 2)]), (&x[2..4], 6.0));
    let is = "; it is double, 2 by 3";
    assert_eq!(message(field.matrix_of(3, 2)), format!("control$f must be 3 by 2 numbers{is}"));
    assert_eq!(message(field.matrix_by(2)), format!("control$f must be numbers in 2 columns{is}"));
    assert_eq!(message(field.matrix_with(3)), format!("control$f must be numbers in 3 rows{is}"));
    assert_eq!(message(field.array()), format!("control$f must be an array of numbers{is}"));
    assert_eq!(message(field.numbers_of(5)), format!("control$f must be 5 numbers{is}"));
    let vector = numbers(&x);
    let said_of = message(Field::new("control$f", &vector).matrix());
    assert_eq!(said_of, "control$f must be a matrix of numbers; it is double of length 6");
    let integers = value(Content::Integers(&[1, 2]));
    assert!(said(&integers, |f| f.numbers()).ends_with("it is integer of length 2"));
    let cube = array([1, 2, 3], &x);
    assert_eq!(Field::new("x", &cube).array_of(1, 2).unwrap().dim, [1, 2, 3]);
    assert!(said(&cube, |f| f.array_of(2, 1)).ends_with("it is double, 1 by 2 by 3"));
    assert_eq!(Field::new("x", &numbers(&[1.0, 9.0])).pair(), Ok((1.0, 9.0)));
}

#[test]
fn places_orders_and_starts_are_counted_within_their_bounds() {
    let (integers, doubles) = (value(Content::Integers(&[2, 1])), [2.0, 1.0]);
    for order in [&integers, &numbers(&doubles)] {
        assert_eq!(Field::new("x", order).permutation(2), Ok(vec![1, 0]));
        assert_eq!(Field::new("x", order).places(5), Ok(vec![1, 0]));
    }
    for bad in [&[0.0, 1.0][..], &[1.0, 3.0], &[1.0, 1.5], &[1.0, f64::NAN]] {
        let bad = numbers(bad);
        assert!(said(&bad, |f| f.places(2)).contains("whole numbers from 1 to 2"));
        assert!(said(&bad, |f| f.permutation(2)).contains("an order of 1 to 2"));
    }
    for bad in [&[1.0, 1.0][..], &[1.0], &[1.0, 2.0, 1.0]] {
        assert!(said(&numbers(bad), |f| f.permutation(2)).contains("an order of 1 to 2"));
    }
    assert_eq!(Field::new("x", &numbers(&[0.0, 2.0, 2.0])).starts(2), Ok(vec![0, 2, 2]));
    for bad in [&[1.0, 2.0][..], &[0.0, 1.0], &[0.0, 2.0, 1.0, 2.0], &[0.0, -1.0, 2.0], &[]] {
        let found = said(&numbers(bad), |f| f.starts(2));
        assert!(found.contains("ascending whole numbers from 0 to 2"));
    }
}

#[test]
fn a_table_of_words_is_read_by_rows() {
    let all = vec!["U", "D", "I", "D"];
    let table = Value { content: Content::Words(all), dim: vec![2, 2] };
    let found = Field::new("models", &table).table_of(2, words::ROLES).unwrap();
    let plain: Vec<String> = found.iter().map(|row| format!("{row:?}")).collect();
    assert_eq!(plain, ["[Unassociated, Indirect]", "[Direct, Direct]"]);
    let said_of = |dim, words| {
        let bad = Value { content: Content::Words(words), dim };
        said(&bad, |f| f.table_of(2, words::ROLES))
    };
    assert!(said_of(vec![1, 2], vec!["U", "X"]).contains("a matrix of U, D, I, in 2 columns"));
    assert!(said_of(vec![2, 1], vec!["U", "D"]).contains("a matrix of U, D, I"));
    assert!(said_of(vec![], vec!["U", "D"]).contains("a matrix of U, D, I"));
}

/// Two units in two conditions, with what is put in the place of a field.
fn measurements<'a>(put: &'a str, with: Value<'a>) -> Value<'a> {
    let mut fields = vec![
        ("x", matrix(2, 2, &[1.0, 2.0, 3.0, 4.0])),
        ("s", matrix(2, 2, &[1.0; 4])),
        ("missing", null()),
        ("V", null()),
        ("baseline", null()),
    ];
    fields.retain(|(name, _)| *name != put);
    fields.push((put, with));
    list(fields)
}

#[test]
fn measurements_know_how_their_errors_are_correlated() {
    let read = |v: &Value, check: &dyn Fn(&Measurements)| {
        check(&Field::new("measurements", v).read(Measurements::read).unwrap());
    };
    let v = [1.0, 0.5, 0.5, 1.0];
    read(&measurements("V", null()), &|m| {
        assert!(matches!(m.data().v, Correlation::Identity));
        assert_eq!((m.units, m.conditions), (2, 2));
    });
    read(&measurements("V", matrix(2, 2, &v)), &|m| {
        assert!(matches!(m.data().v, Correlation::Common(x) if x == v));
    });
    let each = [v, v].concat();
    read(&measurements("V", array([2, 2, 2], &each)), &|m| {
        assert!(matches!(m.data().v, Correlation::PerUnit(x) if x == each));
    });
    let missing = Content::Flags(vec![Some(false), Some(true), Some(false), Some(false)]);
    read(&measurements("missing", value(missing)), &|m| {
        let x = m.data().x;
        assert!(x[1].is_nan() && x[0] == 1.0 && x[2] == 3.0);
    });
    let baseline = list(vec![
        ("s", matrix(2, 3, &[1.0; 6])),
        ("weights", numbers(&[0.0, 0.0, 1.0])),
        ("keep", numbers(&[1.0, 2.0])),
    ]);
    read(&measurements("baseline", baseline), &|m| match m.data().v {
        Correlation::Contrast(c) => {
            assert_eq!((c.keep, c.baseline, c.v.len()), (&[0, 1][..], &[0.0, 0.0, 1.0][..], 0));
        }
        other => panic!("{other:?}"),
    });
}

#[test]
fn measurements_of_the_wrong_size_are_refused_by_name() {
    let read = |v: &Value| message(Field::new("measurements", v).read(Measurements::read));
    let x = [1.0; 6];
    let cases = [
        ("x", numbers(&x), "measurements$x must be a matrix"),
        ("s", matrix(2, 3, &x), "measurements$s must be 2 by 2 numbers; it is double, 2 by 3"),
        ("V", matrix(3, 2, &x), "measurements$V must be 2 by 2 numbers, or 2 by 2 by 2"),
        ("missing", flag(true), "measurements$missing must be 4 times"),
        ("baseline", list(vec![]), "measurements$baseline$weights is missing"),
        ("v", null(), "measurements has an unknown field \"v\""),
    ];
    for (put, with, expected) in cases {
        let found = read(&measurements(put, with));
        assert!(found.starts_with(expected), "{found}");
    }
}

fn prior<'a>(grid: Value<'a>, scales: Value<'a>, weights: Value<'a>) -> Value<'a> {
    let u = list(vec![("a", matrix(1, 1, &[2.0])), ("", matrix(1, 1, &[3.0]))]);
    let null = flag(true);
    list(vec![("U", u), ("grid", grid), ("scales", scales), ("weights", weights), ("null", null)])
}

fn mixture<'a>(v: &'a Value<'a>) -> Outcome<Mixture<'a>> {
    Field::new("prior", v).read(|p| Mixture::read(p, 1))
}

#[test]
fn a_prior_has_a_grid_or_scales_and_as_many_weights_as_components() {
    let shared = prior(numbers(&[0.5, 2.0]), null(), null());
    let squared = mixture(&shared).unwrap();
    assert_eq!(squared.prior.scales, [[0.25, 4.0], [0.25, 4.0]]);
    assert!(squared.prior.null && squared.weights.is_none());
    let said_of = message(squared.weighted());
    assert_eq!(said_of, "prior$weights must be given; it is NULL");
    let own = || list(vec![("", numbers(&[1.0])), ("", numbers(&[4.0, 9.0]))]);
    let w = [0.1, 0.2, 0.3, 0.4];
    let weights = prior(null(), own(), numbers(&w));
    let scaled = mixture(&weights).unwrap();
    assert_eq!(scaled.prior.scales, [vec![1.0], vec![4.0, 9.0]]);
    assert_eq!(scaled.weighted().unwrap().weights, w);
    let both = message(mixture(&prior(numbers(&[1.0]), own(), null())));
    assert_eq!(both, "prior must have either grid or scales");
    assert_eq!(message(mixture(&prior(null(), null(), null()))), both);
    let few = message(mixture(&prior(numbers(&[1.0]), null(), numbers(&w))));
    assert_eq!(few, "prior$weights must be 3 numbers; it is double of length 4");
}

#[test]
fn matrices_of_a_prior_are_named_where_they_are_wrong() {
    let at = |k: usize| {
        let names = ["ok", "bad"];
        let fields = (0..2).map(|i| {
            let u: &[f64] = if i == k { &[-1.0] } else { &[1.0] };
            (if k == 1 { names[i] } else { "" }, matrix(1, 1, u))
        });
        let null = [("scales", null()), ("weights", null()), ("null", flag(false))];
        let mut all = vec![("U", list(fields.collect())), ("grid", numbers(&[1.0]))];
        all.extend(null);
        let prior = list(all);
        match Field::new("prior", &prior).read(|p| Mixture::read(p, 1)).map(|_| ()) {
            Err(Failure::Core(error)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert!(at(0).starts_with("prior covariance 1 is not positive semi-definite"));
    assert!(at(1).starts_with("prior covariance 'bad' is not positive semi-definite"));
}

#[test]
fn noise_has_a_structure_and_a_matrix_of_its_size() {
    let noise = |structure, rank, v| list(vec![("structure", structure), ("rank", rank), ("V", v)]);
    let read = |v: &Value| {
        let found = Field::new("noise", v).read(|n| Noise::read(n, 2, words::structures));
        found.map(|n| (format!("{:?}", n.structure), n.known().map(|v| v.rows)))
    };
    let eye = [1.0, 0.0, 0.0, 1.0];
    let factor = noise(word("factor"), numbers(&[1.0]), matrix(2, 2, &eye));
    assert_eq!(read(&factor), Ok(("Factors { rank: 1 }".to_string(), Ok(2))));
    let (_, v) = read(&noise(word("full"), null(), null())).unwrap();
    assert_eq!(message(v), "noise$V must be given; it is NULL");
    let odd = message(read(&noise(word("odd"), null(), null())));
    assert!(odd.starts_with("noise$structure must be one of known, diagonal, full"));
    let wide = message(read(&noise(word("full"), null(), matrix(1, 4, &eye))));
    assert_eq!(wide, "noise$V must be 2 by 2 numbers; it is double, 1 by 4");
}

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

#[test]
fn predictors_are_samples_or_products() {
    let x = [1.0, 2.0, 3.0, 4.0];
    let samples =
        |basis| list(vec![("form", word("samples")), ("x", matrix(2, 2, &x)), ("basis", basis)]);
    let read = |v: &Value| Field::new("predictors", v).read(Predictors::read).map(|p| p.rows());
    assert_eq!(read(&samples(matrix(2, 0, &[]))), Ok(2));
    let short = message(read(&samples(matrix(1, 1, &[1.0]))));
    assert_eq!(short, "predictors$basis must be numbers in 2 rows; it is double, 1 by 1");
    let products = |norms| {
        list(vec![
            ("form", word("products")),
            ("x", matrix(2, 2, &x)),
            ("norms", norms),
            ("samples", numbers(&[9.0])),
        ])
    };
    assert_eq!(read(&products(null())), Ok(2));
    let few = message(read(&products(numbers(&[1.0]))));
    assert_eq!(few, "predictors$norms must be 2 numbers; it is double of length 1");
    let gram = list(vec![("form", word("gram")), ("x", matrix(2, 2, &x))]);
    let unknown = message(read(&gram));
    assert_eq!(unknown, "predictors$form must be one of samples, products; it is \"gram\"");
}
