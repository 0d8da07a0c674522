//! R objects as the reader takes them: vectors of numbers are borrowed.

use std::fmt;

use faer::MatRef;

/// What an R object holds; vectors of numbers are borrowed.
#[derive(Debug)]
pub enum Content<'a> {
    Null,
    /// NA is none.
    Flags(Vec<Option<bool>>),
    Integers(&'a [i32]),
    /// NA is a NaN.
    Numbers(&'a [f64]),
    Words(Vec<&'a str>),
    Bytes(&'a [u8]),
    /// Names are empty where R has none.
    List(Vec<(&'a str, Value<'a>)>),
    Function,
    /// Anything else, by its name.
    Other(String),
}

/// An R object.
#[derive(Debug)]
pub struct Value<'a> {
    pub content: Content<'a>,
    /// Empty for a vector.
    pub dim: Vec<usize>,
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, length) = match &self.content {
            Content::Null => return f.write_str("NULL"),
            Content::Flags(x) => ("logical", x.len()),
            Content::Integers(x) => ("integer", x.len()),
            Content::Numbers(x) => ("double", x.len()),
            Content::Words(x) => ("character", x.len()),
            Content::Bytes(x) => ("raw", x.len()),
            Content::List(x) => ("list", x.len()),
            Content::Function => return f.write_str("a function"),
            Content::Other(what) => return write!(f, "of type {what}"),
        };
        if self.dim.is_empty() {
            return write!(f, "{what} of length {length}");
        }
        let dim: Vec<String> = self.dim.iter().map(usize::to_string).collect();
        write!(f, "{what}, {}", dim.join(" by "))
    }
}

/// A matrix by columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Table<'a> {
    pub rows: usize,
    pub cols: usize,
    pub values: &'a [f64],
}

impl<'a> Table<'a> {
    pub fn view(&self) -> MatRef<'a, f64> {
        MatRef::from_column_major_slice(self.values, self.rows, self.cols)
    }

    pub fn column(&self, j: usize) -> &'a [f64] {
        &self.values[j * self.rows..(j + 1) * self.rows]
    }
}

/// An array of three dimensions, the first fastest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Array<'a> {
    pub dim: [usize; 3],
    pub values: &'a [f64],
}
