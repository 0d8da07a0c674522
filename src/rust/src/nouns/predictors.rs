//! Predictors: columns, dense or sparse, or their products.

use mnmash_core::predictors::{self, Compressed, Dense, Gram, Sparse, Symmetric};
use mnmash_core::{Error, Monitor, memory};

use crate::read::{Field, Fields, Outcome, Table, refuse};
use crate::words::FORMS;

/// What is known of the predictors: `list(form, x, ...)`.
pub enum Predictors<'a> {
    /// With `basis`: n by p values, and an orthonormal basis of the covariates that are to be
    /// regressed out, or NULL for none.
    Samples { x: Columns<'a>, basis: Table<'a> },
    /// With `norms`, `roots`, `samples`: p by p products.
    Products { x: Columns<'a>, unit: Unit<'a>, samples: f64 },
}

/// What makes products of `x`.
pub enum Unit<'a> {
    /// They are.
    One,
    /// `x` are correlations; these are the predictors' sums of squares.
    Norms(&'a [f64]),
    /// `diag(roots) x diag(roots)`.
    Roots(&'a [f64]),
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
                let n = x.rows();
                let none = Table { rows: n, cols: 0, values: &[] };
                let basis = list.maybe("basis", |b| b.matrix_with(n))?.unwrap_or(none);
                Ok(Self::Samples { x, basis })
            }
            Form::Products => {
                let of_each = |name| list.maybe(name, |n| n.numbers_of(x.count()));
                let unit = match (of_each("norms")?, of_each("roots")?) {
                    (None, None) => Unit::One,
                    (Some(norms), None) => Unit::Norms(norms),
                    (None, Some(roots)) => Unit::Roots(roots),
                    _ => return refuse("predictors must have norms or roots, not both"),
                };
                Ok(Self::Products { x, unit, samples: list.number("samples")? })
            }
        }
    }

    pub fn columns(&self) -> &Columns<'a> {
        match self {
            Self::Samples { x, .. } | Self::Products { x, .. } => x,
        }
    }

    /// Values and basis, for a function that takes samples only.
    pub fn samples(&self) -> Outcome<(&Columns<'a>, Table<'a>)> {
        match self {
            Self::Samples { x, basis } => Ok((x, *basis)),
            Self::Products { .. } => refuse("predictors$form must be samples"),
        }
    }

    /// The same, where it takes a full matrix only.
    pub fn dense(&self) -> Outcome<(Table<'a>, Table<'a>)> {
        match self.samples()? {
            (Columns::Dense(x), basis) => Ok((*x, basis)),
            _ => refuse("predictors$x must be a matrix of numbers; it is a list"),
        }
    }

    /// A full matrix from which nothing is to be regressed out.
    pub fn as_given(&self) -> Outcome<Table<'a>> {
        match self.dense()? {
            (x, Table { cols: 0, .. }) => Ok(x),
            _ => refuse("predictors$basis must be NULL"),
        }
    }

    /// Products; `standardize` as the core has it.
    pub fn gram(&self, standardize: bool) -> Outcome<Gram<'_>> {
        let Self::Products { x, unit, samples } = self else {
            return refuse("predictors$form must be products");
        };
        let roots = match unit {
            Unit::Norms(norms) => {
                return Ok(Gram::new(x.symmetric(), norms, *samples, standardize)?);
            }
            _ if standardize => return refuse("control$standardize needs predictors$norms"),
            Unit::Roots(roots) => roots.to_vec(),
            Unit::One => vec![1.0; x.count()],
        };
        Ok(Gram::scaled(x.symmetric(), roots, *samples)?)
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
        let straight = order.iter().copied().eq(0..self.count());
        match self {
            Self::Dense(table) => {
                memory::room(table.values.len())?;
                let mut x = Vec::with_capacity(table.values.len());
                if straight {
                    x.extend_from_slice(table.values);
                } else {
                    order.iter().for_each(|&j| x.extend_from_slice(table.column(j)));
                }
                work.run(Dense::new(x, table.rows, basis.values, standardize, monitor)?)
            }
            Self::Sparse { n, starts, rows, values } if straight => {
                let x = Compressed { starts, rows, values };
                work.run(Sparse::new(x, *n, basis.values, standardize)?)
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
