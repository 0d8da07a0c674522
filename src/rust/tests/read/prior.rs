//! Priors, in many dimensions and in one.

use crate::build::{flag, list, matrix, message, null, numbers};
use crate::nouns::{Mixture, Scalars};
use crate::read::{Failure, Field, Outcome, Value};

fn prior<'a>(grid: Value<'a>, scales: Value<'a>, weights: Value<'a>) -> Value<'a> {
    let u = list(vec![("a", matrix(1, 1, &[2.0])), ("", matrix(1, 1, &[3.0]))]);
    let parts = [("U", u), ("grid", grid), ("scales", scales), ("weights", weights)];
    let others = [("null", flag(true)), ("product", null())];
    list(parts.into_iter().chain(others).collect())
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
fn a_prior_in_one_dimension_has_a_column_for_each_fit() {
    let (v, w) = ([0.0, 2.0, 0.0, 3.0], [0.9, 0.1, 0.8, 0.2]);
    let given = |slab| {
        list(vec![
            ("variances", matrix(2, 2, &v)),
            ("weights", matrix(2, 2, &w)),
            ("relative", flag(true)),
            ("slab", slab),
        ])
    };
    let plain = given(null());
    let found = Field::new("prior", &plain).read(|p| Scalars::read(p, 2)).unwrap();
    assert_eq!(
        (found.spike_and_slab(0), found.spike_and_slab(1)),
        (Ok((0.1, 2.0)), Ok((0.2, 3.0)))
    );
    assert!(found.relative && found.slab.is_none());
    let few = message(Field::new("prior", &plain).read(|p| Scalars::read(p, 3)));
    assert_eq!(few, "prior$variances must be numbers in 3 columns; it is double, 2 by 2");
    let odd = given(numbers(&w));
    let odd = message(Field::new("prior", &odd).read(|p| Scalars::read(p, 2)));
    assert_eq!(odd, "prior$slab must be 2 numbers; it is double of length 4");
}

#[test]
fn a_spike_is_at_zero_and_has_one_slab() {
    for (rows, v) in [(2, &[0.5, 2.0][..]), (3, &[0.0, 1.0, 2.0]), (1, &[0.0])] {
        let of_one = list(vec![
            ("variances", matrix(rows, 1, v)),
            ("weights", matrix(rows, 1, v)),
            ("relative", flag(false)),
            ("slab", null()),
        ]);
        let found = Field::new("prior", &of_one).read(|p| Scalars::read(p, 1)).unwrap();
        let said = message(found.spike_and_slab(0));
        assert_eq!(said, "prior$variances must be zero and one number more");
    }
}
