//! Numbers: vectors, matrices and arrays of the size that they should have, and places.

use super::{Array, Content, EXACT, Field, Outcome, Table};

impl<'a> Field<'a> {
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

    pub fn bytes(&self) -> Outcome<&'a [u8]> {
        match self.value.content {
            Content::Bytes(x) => Ok(x),
            _ => self.wrong("bytes"),
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
}
