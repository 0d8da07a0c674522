//! Lists of named values.

use crate::build::{list, message, numbers, word};
use crate::read::{Field, Fields};

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
