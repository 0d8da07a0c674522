//! Words, and what they stand for.

use crate::build::{said, word};
use crate::read::{Content, Field, Value};
use crate::words;

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
    check_table(words::STOPS, 4);
    check_table(words::VARIANCES, 2);
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
fn a_table_of_words_is_read_by_rows() {
    let all = vec!["U", "D", "I", "D"];
    let table = Value { content: Content::Words(all), dim: vec![2, 2] };
    let found = Field::new("models", &table).table_of(Some(2), words::ROLES).unwrap();
    let free = Field::new("models", &table).table_of(None, words::ROLES).unwrap();
    assert_eq!(free, found);
    let plain: Vec<String> = found.iter().map(|row| format!("{row:?}")).collect();
    assert_eq!(plain, ["[Unassociated, Indirect]", "[Direct, Direct]"]);
    let said_of = |dim, words| {
        let bad = Value { content: Content::Words(words), dim };
        said(&bad, |f| f.table_of(Some(2), words::ROLES))
    };
    assert!(said_of(vec![1, 2], vec!["U", "X"]).contains("a matrix of U, D, I, in 2 columns"));
    assert!(said_of(vec![2, 1], vec!["U", "D"]).contains("a matrix of U, D, I"));
    assert!(said_of(vec![], vec!["U", "D"]).contains("a matrix of U, D, I"));
}
