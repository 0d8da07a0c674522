//! Predictors as R passes them: columns, dense or sparse, or their products.

use mnmash_core::predictors::{self, Compressed, Dense, Sparse, Symmetric};
use mnmash_core::{Error, Monitor};

use crate::read::{Field, Fields, Outcome, Table};
use crate::words::FORMS;

/// What is known of the predictors: `list(form, ...)`.
pub enum Predictors<'a> {
    /// `list("samples", x, basis)`: their values, n by p, and an orthonormal basis of the
    /// covariates.
    Samples { x: Columns<'a>, basis: Table<'a> },
    /// `list("products", x, norms, samples)`: correlations and sums of squares, or products where
    /// `norms` is NULL.
    Products { x: Columns<'a>, norms: Option<&'a [f64]>, samples: f64 },
}

/// The forms of [`Predictors`].
#[derive(Debug, Clone, Copy)]
pub enum Form {
    Samples,
    Products,
}

impl<'a> Predictors<'a> {
    pub fn read(list: &Fields<'a>) -> Outcome<Self> {
        let x = Columns::read(&list.get("x")?)?;
        match list.one_of("form", FORMS)? {
            Form::Samples => {
                let basis = list.get("basis")?.matrix_with(x.rows())?;
                Ok(Self::Samples { x, basis })
            }
            Form::Products => {
                let norms = list.maybe("norms", |n| n.numbers_of(x.count()))?;
                Ok(Self::Products { x, norms, samples: list.number("samples")? })
            }
        }
    }

    pub fn columns(&self) -> &Columns<'a> {
        match self {
            Self::Samples { x, .. } | Self::Products { x, .. } => x,
        }
    }

    /// The rows of what goes with them: samples, or predictors if it is products.
    pub fn rows(&self) -> usize {
        self.columns().rows()
    }
}

/// A matrix: all of it, or by compressed columns `list(n, starts, rows, values)` (numbers from 0).
pub enum Columns<'a> {
    Dense(Table<'a>),
    Sparse { n: usize, starts: Vec<usize>, rows: Vec<usize>, values: &'a [f64] },
}

impl<'a> Columns<'a> {
    pub fn read(field: &Field<'a>) -> Outcome<Self> {
        if !field.is_list() {
            return Ok(Self::Dense(field.matrix()?));
        }
        field.read(|f| {
            let (n, values) = (f.count("n")?, f.get("values")?.numbers()?);
            let starts = f.get("starts")?.starts(values.len())?;
            let rows = f.get("rows")?.offsets(values.len(), n)?;
            Ok(Self::Sparse { n, starts, rows, values })
        })
    }

    pub fn rows(&self) -> usize {
        match self {
            Self::Dense(x) => x.rows,
            Self::Sparse { n, .. } => *n,
        }
    }

    pub fn count(&self) -> usize {
        match self {
            Self::Dense(x) => x.cols,
            Self::Sparse { starts, .. } => starts.len() - 1,
        }
    }

    /// As a symmetric matrix.
    pub fn symmetric(&self) -> Symmetric<'_> {
        match self {
            Self::Dense(x) => Symmetric::Dense(x.values.into()),
            Self::Sparse { starts, rows, values, .. } => {
                Symmetric::Sparse(Compressed { starts, rows, values })
            }
        }
    }

    /// The columns in the given order, with `basis` regressed out and perhaps scaled, for `work`.
    pub fn with<W: Work>(
        &self,
        order: &[usize],
        basis: Table<'_>,
        standardize: bool,
        monitor: &Monitor,
        work: W,
    ) -> Result<W::Output, Error> {
        match self {
            Self::Dense(table) => {
                let mut x = Vec::with_capacity(table.values.len());
                order.iter().for_each(|&j| x.extend_from_slice(table.column(j)));
                work.run(Dense::new(x, table.rows, basis.values, standardize, monitor)?)
            }
            Self::Sparse { n, starts, rows, values } => {
                let (mut to, mut at, mut kept) = (vec![0], Vec::new(), Vec::new());
                for &j in order {
                    let range = starts[j]..starts[j + 1];
                    at.extend_from_slice(&rows[range.clone()]);
                    kept.extend_from_slice(&values[range]);
                    to.push(at.len());
                }
                let x = Compressed { starts: &to, rows: &at, values: &kept };
                work.run(Sparse::new(x, *n, basis.values, standardize)?)
            }
        }
    }
}

/// What to do with predictors of either kind.
pub trait Work {
    type Output;
    fn run<X: predictors::Predictors>(self, x: X) -> Result<Self::Output, Error>;
}
