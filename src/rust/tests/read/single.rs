//! One number, flag or word.

use crate::build::{flag, null, numbers, said, value, word};
use crate::read::{Content, Field};
use crate::words;

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
