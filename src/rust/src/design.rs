//! Predictors of a regression as R gives them: `list(kind, ...)`, see `rust_mr_ash()`.

use extendr_api::prelude::*;
use mnmash_core::predictors::{Compressed, Dense, Predictors, Sparse, Symmetric};
use mnmash_core::{Error, Monitor};

type Result<T> = std::result::Result<T, Error>;

/// The named elements of a list.
pub struct Elements<'a>(Vec<(&'a str, Robj)>);

impl<'a> Elements<'a> {
    pub fn new(list: &'a List) -> Self {
        Self(list.iter().collect())
    }

    fn find(&self, name: &str) -> Option<&Robj> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, x)| x)
    }

    /// An element as numbers; none if there is none.
    pub fn numbers(&self, name: &str) -> &[f64] {
        self.find(name).and_then(|x| x.as_real_slice()).unwrap_or(&[])
    }

    pub fn number(&self, name: &str) -> f64 {
        self.numbers(name).first().copied().unwrap_or(0.0)
    }

    fn indices(&self, name: &str) -> Vec<usize> {
        let found = self.find(name).and_then(|x| x.as_integer_slice()).unwrap_or(&[]);
        found.iter().map(|&i| usize::try_from(i).unwrap_or(usize::MAX)).collect()
    }

    pub fn kind(&self) -> &str {
        self.find("kind").and_then(|k| k.as_str()).unwrap_or("dense")
    }
}

/// A matrix, sparse if `starts` is among the elements of the list.
pub struct Columns<'a> {
    starts: Vec<usize>,
    rows: Vec<usize>,
    values: &'a [f64],
}

impl<'a> Columns<'a> {
    pub fn new(list: &'a Elements) -> Self {
        let (starts, rows) = (list.indices("starts"), list.indices("rows"));
        Self { starts, rows, values: list.numbers("x") }
    }

    pub fn is_sparse(&self) -> bool {
        !self.starts.is_empty()
    }

    pub fn view(&self) -> Compressed<'_> {
        Compressed { starts: &self.starts, rows: &self.rows, values: self.values }
    }

    pub fn symmetric(&self) -> Symmetric<'_> {
        if self.is_sparse() {
            Symmetric::Sparse(self.view())
        } else {
            Symmetric::Dense(self.values.into())
        }
    }

    /// How many columns of `n` rows there are.
    pub fn count(&self, n: usize) -> usize {
        if self.is_sparse() { self.starts.len() - 1 } else { self.values.len() / n.max(1) }
    }

    /// Hand the columns in the given order, with `basis` regressed out and perhaps scaled, to `work`.
    pub fn with<W: Work>(
        &self,
        n: usize,
        order: &[usize],
        basis: &[f64],
        standardize: bool,
        monitor: &Monitor,
        work: W,
    ) -> Result<W::Output> {
        if self.is_sparse() {
            let (mut starts, mut rows, mut values) = (vec![0], Vec::new(), Vec::new());
            for &j in order {
                let range = self.starts[j]..self.starts[j + 1];
                rows.extend_from_slice(&self.rows[range.clone()]);
                values.extend_from_slice(&self.values[range]);
                starts.push(rows.len());
            }
            let x = Compressed { starts: &starts, rows: &rows, values: &values };
            return work.run(Sparse::new(x, n, basis, standardize)?);
        }
        let mut x = Vec::with_capacity(self.values.len());
        for &j in order {
            x.extend_from_slice(&self.values[j * n..(j + 1) * n]);
        }
        work.run(Dense::new(x, n, basis, standardize, monitor)?)
    }
}

/// What to do with predictors of either kind.
pub trait Work {
    type Output;
    fn run<X: Predictors>(self, x: X) -> Result<Self::Output>;
}
