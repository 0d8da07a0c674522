//! Values as R would pass them, and what is said of wrong ones.

use crate::read::{Content, Failure, Field, Outcome, Value};

pub fn value(content: Content) -> Value {
    Value { content, dim: Vec::new() }
}

pub fn numbers(x: &[f64]) -> Value<'_> {
    value(Content::Numbers(x))
}

pub fn matrix(rows: usize, cols: usize, x: &[f64]) -> Value<'_> {
    assert_eq!(x.len(), rows * cols);
    Value { content: Content::Numbers(x), dim: vec![rows, cols] }
}

pub fn array(dim: [usize; 3], x: &[f64]) -> Value<'_> {
    assert_eq!(x.len(), dim.iter().product::<usize>());
    Value { content: Content::Numbers(x), dim: dim.to_vec() }
}

pub fn word(x: &str) -> Value<'_> {
    value(Content::Words(vec![x]))
}

pub fn flag(x: bool) -> Value<'static> {
    value(Content::Flags(vec![Some(x)]))
}

pub fn null() -> Value<'static> {
    value(Content::Null)
}

pub fn list<'a>(fields: Vec<(&'a str, Value<'a>)>) -> Value<'a> {
    value(Content::List(fields))
}

/// The message of an outcome that must be a fault of the arguments.
pub fn message<T>(outcome: Outcome<T>) -> String {
    match outcome {
        Err(Failure::Arguments(message)) => message,
        Err(Failure::Core(error)) => panic!("the core refused: {error}"),
        Ok(_) => panic!("it was accepted"),
    }
}

/// What `read` says of the field `control$f` when it holds `value`.
pub fn said<'a, T>(value: &'a Value<'a>, read: impl FnOnce(&Field<'a>) -> Outcome<T>) -> String {
    message(read(&Field::new("control$f", value)))
}
