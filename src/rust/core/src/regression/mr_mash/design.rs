//! What a sweep asks of the data, and its answer from cross-products.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::Error;
use crate::regression::design::column_pieces;

/// Predictors that are updated between two matrix products with all the data. Within a block, the
/// change of one is passed on to the others through their cross-products: the same arithmetic as
/// updating the residuals each time.
pub const BLOCK: usize = 64;

/// What the missing responses contribute.
#[derive(Debug, Clone)]
pub struct Imputed {
    /// Sum over rows of the covariance of the missing responses, padded with zeros.
    pub covariance: Mat<f64>,
    /// Entropy of all of them.
    pub entropy: f64,
}

/// The data, and the residuals at the current coefficients.
pub trait Design: Send + Sync {
    /// `x_p'x_p` of all predictors.
    fn precision(&self) -> &[f64];
    /// The number of samples, n.
    fn samples(&self) -> f64;
    /// Cross-products of the predictors of a block.
    fn gram(&self, block: usize) -> MatRef<'_, f64>;
    /// Inner products of the residuals (rows) with the predictors of a block (columns).
    fn gather(&self, block: Range<usize>, out: MatMut<'_, f64>);
    /// The coefficients of a block (columns) have changed.
    fn change(&mut self, block: Range<usize>, change: MatRef<'_, f64>);
    /// `(Y - XR)'(Y - XR)` at these coefficients (r by p), which the residuals belong to.
    fn cross(&self, coefficients: MatRef<'_, f64>) -> Mat<f64>;
    /// What changes in the course of a fit.
    type State: Clone;
    /// A copy of it, to go back to.
    fn save(&self) -> Self::State;
    /// Back to it.
    fn restore(&mut self, state: Self::State);
    /// The covariance of the residuals at these coefficients.
    fn covariance(&mut self, coefficients: MatRef<'_, f64>) -> Result<Mat<f64>, Error> {
        let a = self.cross(coefficients);
        let n = self.samples();
        Ok(Mat::from_fn(a.nrows(), a.ncols(), |i, p| a[(i, p)] / (n - 1.0)))
    }
    /// Estimate missing responses under this residual covariance.
    fn impute(&mut self, _covariance: MatRef<'_, f64>) -> Result<Option<Imputed>, Error> {
        Ok(None)
    }
}

/// The blocks of `p` predictors.
pub fn blocks(p: usize) -> impl Iterator<Item = Range<usize>> {
    (0..p.div_ceil(BLOCK)).map(move |b| b * BLOCK..((b + 1) * BLOCK).min(p))
}

/// Cross-products of predictors.
#[derive(Debug, Clone)]
pub enum CrossProducts {
    /// All of them.
    Dense(Mat<f64>),
    /// Those that are not zero, by columns: where each column begins, rows, values.
    Sparse {
        /// `p + 1` positions.
        starts: Vec<usize>,
        /// Rows, ascending within a column.
        rows: Vec<usize>,
        /// Values.
        values: Vec<f64>,
    },
}

impl CrossProducts {
    /// The diagonal.
    fn diagonal(&self, p: usize) -> Vec<f64> {
        (0..p).map(|i| self.get(i, i)).collect()
    }

    fn get(&self, i: usize, p: usize) -> f64 {
        match self {
            Self::Dense(m) => m[(i, p)],
            Self::Sparse { starts, rows, values } => {
                let column = starts[p]..starts[p + 1];
                match rows[column.clone()].binary_search(&i) {
                    Ok(at) => values[column.start + at],
                    Err(_) => 0.0,
                }
            }
        }
    }
}

/// Summary statistics: `X'X`, `X'Y`, `Y'Y` and n.
#[derive(Debug, Clone)]
pub struct Summaries {
    samples: f64,
    xtx: CrossProducts,
    /// r by p.
    xty: Mat<f64>,
    yty: Mat<f64>,
    precision: Vec<f64>,
    grams: Vec<Mat<f64>>,
    /// Inner products of predictors with the residuals, r by p.
    state: Mat<f64>,
}

impl Summaries {
    /// At the given coefficients (r by p), or zero.
    pub fn new(
        samples: f64,
        xtx: CrossProducts,
        xty: Mat<f64>,
        yty: Mat<f64>,
        coefficients: Option<MatRef<'_, f64>>,
    ) -> Self {
        let p = xty.ncols();
        let gram = |range: Range<usize>| {
            Mat::from_fn(range.len(), range.len(), |i, q| xtx.get(range.start + i, range.start + q))
        };
        let precision = xtx.diagonal(p);
        let grams = blocks(p).map(gram).collect();
        let state = xty.clone();
        let mut out = Self { samples, xtx, xty, yty, precision, grams, state };
        if let Some(b) = coefficients {
            for block in blocks(p) {
                out.change(block.clone(), b.subcols(block.start, block.len()));
            }
        }
        out
    }
}

/// Predictors whose inner products one task updates.
const PIECE: usize = 256;

impl Design for Summaries {
    fn precision(&self) -> &[f64] {
        &self.precision
    }

    fn samples(&self) -> f64 {
        self.samples
    }

    fn gram(&self, block: usize) -> MatRef<'_, f64> {
        self.grams[block].as_ref()
    }

    fn gather(&self, block: Range<usize>, mut out: MatMut<'_, f64>) {
        out.copy_from(self.state.subcols(block.start, block.len()));
    }

    fn change(&mut self, block: Range<usize>, change: MatRef<'_, f64>) {
        match &self.xtx {
            CrossProducts::Dense(xtx) => {
                let rows = xtx.subrows(block.start, block.len());
                let pieces = column_pieces(self.state.as_mut(), PIECE);
                pieces.into_par_iter().enumerate().for_each(|(i, piece)| {
                    let x = rows.subcols(i * PIECE, piece.ncols());
                    matmul(piece, Accum::Add, change, x, -1.0, Par::Seq);
                });
            }
            CrossProducts::Sparse { starts, rows, values } => {
                for (q, p) in block.enumerate() {
                    let change = change.col(q);
                    for at in starts[p]..starts[p + 1] {
                        let mut to = self.state.as_mut().col_mut(rows[at]);
                        for i in 0..change.nrows() {
                            to[i] -= values[at] * change[i];
                        }
                    }
                }
            }
        }
    }

    fn cross(&self, coefficients: MatRef<'_, f64>) -> Mat<f64> {
        // Y'Y - Y'XR - R'X'(Y - XR), made symmetric.
        let a = &self.yty
            - coefficients * self.xty.transpose()
            - &self.state * coefficients.transpose();
        Mat::from_fn(a.nrows(), a.ncols(), |i, p| 0.5 * (a[(i, p)] + a[(p, i)]))
    }

    type State = Mat<f64>;

    fn save(&self) -> Mat<f64> {
        self.state.clone()
    }

    fn restore(&mut self, state: Mat<f64>) {
        self.state = state;
    }
}
