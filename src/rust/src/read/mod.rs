//! Named arguments: what R passes are lists of named values. Each value is taken by its name and
//! checked, and none may be left over: a wrong list is an error that names the field, never another
//! model.
//!
//! Nothing here knows R: `boundary` makes a [`Value`] of an R object, the tests make their own.

use std::cell::RefCell;
use std::fmt;

use mnmash_core::Error;

mod arrays;
mod single;
mod value;

pub use value::{Array, Content, Table, Value};

/// Why a call fails, before or in the core.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The arguments are not what the function takes: a fault of the R code that calls it.
    Arguments(String),
    /// What the core found wrong.
    Core(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

/// The largest number up to which all whole numbers are doubles.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A value, or why there is none.
pub type Outcome<T> = Result<T, Failure>;

/// No value: what is wrong with the arguments.
pub fn refuse<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Failure::Arguments(message.into()))
}

/// A value and how to call it in a message, such as `control$tol`.
pub struct Field<'a> {
    path: String,
    value: &'a Value<'a>,
}

impl<'a> Field<'a> {
    pub fn new(path: impl Into<String>, value: &'a Value<'a>) -> Self {
        Self { path: path.into(), value }
    }

    /// That it should be something else.
    pub fn wrong<T>(&self, expected: impl fmt::Display) -> Outcome<T> {
        let Self { path, value } = self;
        refuse(format!("{path} must be {expected}; it is {value}"))
    }

    /// Take the fields of a list by name; those that `take` leaves are an error.
    pub fn read<T>(&self, take: impl FnOnce(&Fields<'a>) -> Outcome<T>) -> Outcome<T> {
        let Content::List(all) = &self.value.content else { return self.wrong("a list") };
        let taken = RefCell::new(vec![false; all.len()]);
        let fields = Fields { path: self.path.clone(), all, taken };
        let found = take(&fields)?;
        fields.finish()?;
        Ok(found)
    }

    /// None for NULL.
    pub fn given(self) -> Option<Self> {
        if matches!(self.value.content, Content::Null) { None } else { Some(self) }
    }

    /// The elements of a list, with their names.
    pub fn items(&self) -> Outcome<Vec<(&'a str, Self)>> {
        let Content::List(all) = &self.value.content else { return self.wrong("a list") };
        let item = |(i, (name, value)): (usize, &'a (&'a str, Value<'a>))| {
            (*name, Field::new(format!("{}[[{}]]", self.path, i + 1), value))
        };
        Ok(all.iter().enumerate().map(item).collect())
    }

    /// Whether it is a function of R; `boundary` has it.
    pub fn function(&self) -> Outcome<()> {
        if matches!(self.value.content, Content::Function) {
            Ok(())
        } else {
            self.wrong("a function")
        }
    }

    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.value.content, Content::List(_))
    }
}

/// The named values of a list, and which of them were taken.
pub struct Fields<'a> {
    path: String,
    all: &'a [(&'a str, Value<'a>)],
    taken: RefCell<Vec<bool>>,
}

impl<'a> Fields<'a> {
    /// The value of this name.
    pub fn get(&self, name: &str) -> Outcome<Field<'a>> {
        let path = format!("{}${name}", self.path);
        let Some(at) = self.all.iter().position(|(n, _)| *n == name) else {
            return refuse(format!("{path} is missing"));
        };
        self.taken.borrow_mut()[at] = true;
        Ok(Field { path, value: &self.all[at].1 })
    }

    /// What `read` makes of the value, or none for NULL.
    pub fn maybe<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Field<'a>) -> Outcome<T>,
    ) -> Outcome<Option<T>> {
        self.get(name)?.given().as_ref().map(read).transpose()
    }

    pub fn number(&self, name: &str) -> Outcome<f64> {
        self.get(name)?.number()
    }

    pub fn count(&self, name: &str) -> Outcome<usize> {
        self.get(name)?.count()
    }

    pub fn flag(&self, name: &str) -> Outcome<bool> {
        self.get(name)?.flag()
    }

    pub fn one_of<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Outcome<T> {
        self.get(name)?.one_of(words)
    }

    fn finish(&self) -> Outcome<()> {
        let taken = self.taken.borrow();
        let Some(at) = taken.iter().position(|t| !t) else { return Ok(()) };
        let (path, name) = (&self.path, self.all[at].0);
        Err(Failure::Arguments(match self.all.iter().position(|(n, _)| *n == name) {
            _ if name.is_empty() => format!("{path} has a field without a name"),
            Some(first) if first < at => format!("{path} has two fields \"{name}\""),
            _ => format!("{path} has an unknown field \"{name}\""),
        }))
    }
}
