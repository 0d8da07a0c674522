//! Vectors, matrices, arrays and places.

use crate::build::{array, matrix, message, numbers, said, value};
use crate::read::{Content, Field};

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
fn bytes_are_raw_vectors_of_any_length() {
    let bytes = value(Content::Bytes(&[1, 255]));
    assert_eq!(Field::new("x", &bytes).bytes(), Ok(&[1, 255][..]));
    let one = numbers(&[1.0]);
    assert!(said(&one, |f| f.bytes()).ends_with("must be bytes; it is double of length 1"));
    assert!(said(&bytes, |f| f.numbers()).ends_with("it is raw of length 2"));
}
