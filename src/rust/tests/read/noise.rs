//! Noise, in many dimensions and in one.

use crate::build::{list, matrix, message, null, numbers, word};
use crate::nouns::{Noise, Variances};
use crate::read::{Field, Value};
use crate::words;

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

#[test]
fn noise_in_one_dimension_has_a_variance_for_each_fit_and_no_rank() {
    let given = |structure, rank, v| list(vec![("structure", structure), ("rank", rank), ("V", v)]);
    let read = |v: &Value| {
        let found = Field::new("noise", v).read(|n| Variances::read(n, 2));
        found.map(|n| (n.known, n.values.to_vec()))
    };
    let v = [1.0, 4.0];
    let known = read(&given(word("known"), null(), numbers(&v)));
    assert_eq!(known, Ok((true, v.to_vec())));
    assert_eq!(read(&given(word("full"), null(), numbers(&v))).map(|n| n.0), Ok(false));
    let few = message(read(&given(word("full"), null(), numbers(&v[..1]))));
    assert_eq!(few, "noise$V must be 2 numbers; it is double of length 1");
    let rank = message(read(&given(word("full"), numbers(&v[..1]), numbers(&v))));
    assert_eq!(rank, "noise$rank must be NULL; it is double of length 1");
    let odd = message(read(&given(word("lowrank"), null(), numbers(&v))));
    assert_eq!(odd, "noise$structure must be one of known, full; it is \"lowrank\"");
}
