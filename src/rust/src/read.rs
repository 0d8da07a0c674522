//! Named arguments: what R passes are lists of named values. Each value is taken by its name and
//! checked, and none may be left over: a wrong list is an error that names the field, never another
//! model.
//!
//! Nothing here knows R: `boundary` makes a [`Value`] of an R object, the tests make their own.

use std::cell::RefCell;
use std::fmt;

use mnmash_core::Error;

pub use crate::value::{Array, Content, Table, Value};

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

    pub fn number(&self) -> Outcome<f64> {
        match self.value.content {
            Content::Numbers(&[x]) if !x.is_nan() => Ok(x),
            Content::Integers(&[x]) if x != i32::MIN => Ok(f64::from(x)),
            _ => self.wrong("one number"),
        }
    }

    /// A whole number that is not negative, of R's exact ones.
    pub fn count(&self) -> Outcome<usize> {
        match self.number() {
            Ok(x) if x >= 0.0 && x.fract() == 0.0 && x <= EXACT => Ok(x as usize),
            _ => self.wrong("one whole number, not negative"),
        }
    }

    /// Such as the number of a row, counted from 1 in R and from 0 here.
    pub fn place(&self) -> Outcome<usize> {
        match self.count() {
            Ok(place) if place > 0 => Ok(place - 1),
            _ => self.wrong("one whole number from 1"),
        }
    }

    /// The seed of random numbers: a whole number, of either sign.
    pub fn seed(&self) -> Outcome<u64> {
        match self.number() {
            Ok(x) if x.fract() == 0.0 && x.abs() <= EXACT => Ok(x as i64 as u64),
            _ => self.wrong("one whole number"),
        }
    }

    pub fn flag(&self) -> Outcome<bool> {
        match &self.value.content {
            Content::Flags(x) if x.len() == 1 && x[0].is_some() => Ok(x[0] == Some(true)),
            _ => self.wrong("TRUE or FALSE"),
        }
    }

    /// Flags, of which none is missing.
    pub fn flags(&self, length: usize) -> Outcome<Vec<bool>> {
        let found = match &self.value.content {
            Content::Flags(x) if x.len() == length => x.iter().copied().collect(),
            _ => None,
        };
        found.map_or_else(|| self.wrong(format!("{length} times TRUE or FALSE")), Ok)
    }

    /// What the word stands for.
    pub fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Outcome<T> {
        let all = || words.iter().map(|w| w.0).collect::<Vec<_>>().join(", ");
        let Content::Words(found) = &self.value.content else {
            return self.wrong(format!("one of {}", all()));
        };
        let [word] = found[..] else { return self.wrong(format!("one of {}", all())) };
        match words.iter().find(|w| w.0 == word) {
            Some((_, meaning)) => Ok(*meaning),
            None => {
                let message = format!("{} must be one of {}; it is \"{word}\"", self.path, all());
                Err(Failure::Arguments(message))
            }
        }
    }

    /// What the words of a matrix stand for, by rows.
    pub fn table_of<T: Copy>(&self, cols: usize, words: &[(&str, T)]) -> Outcome<Vec<Vec<T>>> {
        let all = || words.iter().map(|w| w.0).collect::<Vec<_>>().join(", ");
        let (Content::Words(found), &[rows, c]) = (&self.value.content, &self.value.dim[..]) else {
            return self.wrong(format!("a matrix of {}", all()));
        };
        let meaning = |word: &str| words.iter().find(|w| w.0 == word).map(|w| w.1);
        let row = |i: usize| (0..c).map(|j| meaning(found[j * rows + i])).collect();
        let table = if c == cols { (0..rows).map(row).collect() } else { None };
        table.map_or_else(|| self.wrong(format!("a matrix of {}, in {cols} columns", all())), Ok)
    }

    pub fn word(&self) -> Outcome<&'a str> {
        match &self.value.content {
            Content::Words(words) if words.len() == 1 => Ok(words[0]),
            _ => self.wrong("one string"),
        }
    }

    /// As many numbers as there are.
    pub fn numbers(&self) -> Outcome<&'a [f64]> {
        match self.value.content {
            Content::Numbers(x) => Ok(x),
            _ => self.wrong("numbers"),
        }
    }

    pub fn numbers_of(&self, length: usize) -> Outcome<&'a [f64]> {
        match self.value.content {
            Content::Numbers(x) if x.len() == length => Ok(x),
            _ => self.wrong(format!("{length} numbers")),
        }
    }

    pub fn pair(&self) -> Outcome<(f64, f64)> {
        Ok((self.numbers_of(2)?[0], self.numbers_of(2)?[1]))
    }

    pub fn matrix(&self) -> Outcome<Table<'a>> {
        match (&self.value.content, &self.value.dim[..]) {
            (Content::Numbers(values), &[rows, cols]) => Ok(Table { rows, cols, values }),
            _ => self.wrong("a matrix of numbers"),
        }
    }

    pub fn matrix_of(&self, rows: usize, cols: usize) -> Outcome<Table<'a>> {
        match self.matrix() {
            Ok(found) if (found.rows, found.cols) == (rows, cols) => Ok(found),
            _ => self.wrong(format!("{rows} by {cols} numbers")),
        }
    }

    pub fn matrix_by(&self, cols: usize) -> Outcome<Table<'a>> {
        match self.matrix() {
            Ok(found) if found.cols == cols => Ok(found),
            _ => self.wrong(format!("numbers in {cols} columns")),
        }
    }

    pub fn matrix_with(&self, rows: usize) -> Outcome<Table<'a>> {
        match self.matrix() {
            Ok(found) if found.rows == rows => Ok(found),
            _ => self.wrong(format!("numbers in {rows} rows")),
        }
    }

    pub fn array(&self) -> Outcome<Array<'a>> {
        match (&self.value.content, &self.value.dim[..]) {
            (Content::Numbers(values), &[i, j, k]) => Ok(Array { dim: [i, j, k], values }),
            _ => self.wrong("an array of numbers"),
        }
    }

    pub fn array_of(&self, rows: usize, cols: usize) -> Outcome<Array<'a>> {
        match self.array() {
            Ok(found) if found.dim[..2] == [rows, cols] => Ok(found),
            _ => self.wrong(format!("an array of {rows} by {cols} numbers")),
        }
    }

    /// A square matrix of numbers, or one for each of `units`, one after the other: then the second
    /// is true.
    pub fn matrix_or_array(&self, rows: usize, units: usize) -> Outcome<(&'a [f64], bool)> {
        self.rectangle_or_array(rows, rows, units)
    }

    /// The same for matrices that need not be square.
    pub fn rectangle_or_array(
        &self,
        rows: usize,
        cols: usize,
        units: usize,
    ) -> Outcome<(&'a [f64], bool)> {
        match (&self.value.content, &self.value.dim[..]) {
            (Content::Numbers(x), &[r, c]) if (r, c) == (rows, cols) => Ok((x, false)),
            (Content::Numbers(x), &[r, c, j]) if (r, c, j) == (rows, cols, units) => Ok((x, true)),
            _ => self.wrong(format!("{rows} by {cols} numbers, or {rows} by {cols} by {units}")),
        }
    }

    /// Places among `below`, counted from 1 in R and from 0 here.
    pub fn places(&self, below: usize) -> Outcome<Vec<usize>> {
        let most = below as f64;
        let place = |x: f64| (x >= 1.0 && x <= most && x.fract() == 0.0).then(|| x as usize - 1);
        let found: Option<Vec<usize>> = match self.value.content {
            Content::Numbers(x) => x.iter().map(|&x| place(x)).collect(),
            Content::Integers(x) => x.iter().map(|&x| place(f64::from(x))).collect(),
            _ => None,
        };
        found.map_or_else(|| self.wrong(format!("whole numbers from 1 to {below}")), Ok)
    }

    /// As many places as there are, each once.
    pub fn permutation(&self, length: usize) -> Outcome<Vec<usize>> {
        let Ok(places) = self.places(length) else {
            return self.wrong(format!("an order of 1 to {length}"));
        };
        let mut seen = vec![false; length];
        places.iter().for_each(|&p| seen[p] = true);
        if places.len() == length && seen.into_iter().all(|s| s) {
            Ok(places)
        } else {
            self.wrong(format!("an order of 1 to {length}"))
        }
    }

    /// Where parts of a vector of `total` elements begin, and the end of the last: from 0,
    /// ascending.
    pub fn starts(&self, total: usize) -> Outcome<Vec<usize>> {
        let found = self.whole().filter(|s| s.first() == Some(&0) && s.last() == Some(&total));
        match found.filter(|s| s.windows(2).all(|w| w[0] <= w[1])) {
            Some(starts) => Ok(starts),
            None => self.wrong(format!("ascending whole numbers from 0 to {total}")),
        }
    }

    /// Places counted from 0, below `below`.
    pub fn offsets(&self, length: usize, below: usize) -> Outcome<Vec<usize>> {
        match self.whole().filter(|w| w.len() == length && w.iter().all(|&i| i < below)) {
            Some(offsets) => Ok(offsets),
            None => self.wrong(format!("{length} whole numbers from 0 to {below}, exclusive")),
        }
    }

    /// Whole numbers that are not negative.
    fn whole(&self) -> Option<Vec<usize>> {
        let count = |x: f64| (x >= 0.0 && x.fract() == 0.0 && x <= EXACT).then_some(x as usize);
        match self.value.content {
            Content::Numbers(x) => x.iter().map(|&x| count(x)).collect(),
            Content::Integers(x) => x.iter().map(|&x| count(f64::from(x))).collect(),
            _ => None,
        }
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
