//! Effects with their errors.

use mnmash_core::normal_means::Correlation;

use crate::build::{array, flag, list, matrix, message, null, numbers, value};
use crate::nouns::Measurements;
use crate::read::{Content, Field, Value};

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
