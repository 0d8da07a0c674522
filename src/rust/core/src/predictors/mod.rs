//! Predictors X, in whatever form they come, as a coordinate ascent sees them: `x_j'x_j` (the
//! norms), `x_j'r` (the product), and `r - delta x_j`; for one response and one predictor at a time
//! in lanes, or for several responses and many predictors by matrix products. Covariates (the
//! intercept among them) are regressed out and, if asked, predictors scaled to standard deviation one.
//!
//! [`Predictors`] is the trait. Its forms, each with a residual of its own:
//! - [`Dense`]: columns of numbers; the residual is one;
//! - [`Sparse`]: only what is not zero. A predictor without its covariates is no longer sparse, so
//!   the residual is kept as `r = s + Q a` with `Q` an orthonormal basis of the covariates, `s` above
//!   `a`: because `r` is orthogonal to `Q`, `x_j'r` needs `x_j` as it is, and an update changes `s`
//!   where `x_j` is not zero, and `a`;
//! - [`Gram`]: cross-products `X'X` and `X'y` (or LD), from summary statistics or because there are
//!   many more samples than predictors. The "residual" is `X'r`, one number for each predictor.
//!
//! A further form (small integers, two bits, one gram for each group of conditions) is a file with a
//! struct and the required methods of the trait; what has a default is made of these, and is
//! overridden where the form knows a faster way. No model changes.
//!
//! With Y, they are what fits of several responses go through: [`Responses`] one block of predictors
//! after another, missing responses (`missing`) included; and a [`Region`] one effect after another:
//! [`Complete`] in any form, or [`Incomplete`], where each predictor has a noise of its own
//! ([`Observed`]).

mod background;
mod blocks;
mod complete;
mod dense;
mod gram;
mod incomplete;
mod missing;
mod observed;
mod precisions;
mod region;
mod responses;
mod sparse;
mod variances;

use std::borrow::Cow;
use std::ops::Range;

use faer::{Mat, MatMut, MatRef};
use rayon::prelude::*;

pub use background::{Background, Products};
pub(crate) use blocks::{BLOCK, blocks};
pub use complete::{Complete, region};
pub use dense::{Centred, Dense, centred};
pub use gram::{Gram, Symmetric};
pub use incomplete::Incomplete;
pub use missing::Imputed;
pub use observed::{Observed, alone};
pub use region::{Part, Region};
pub use responses::Responses;
pub use sparse::{Compressed, Sparse};

use crate::Error;
use crate::linalg::columns::{add, dot_product};
use crate::linalg::lanes::{Lanes, kernel};
use crate::linalg::pieces::{column_pieces, row_pieces};

/// Predictors with less than this share of their sum of squares left, once the covariates are
/// regressed out, are linear functions of the covariates.
const NOTHING_LEFT: f64 = 1e-20;

/// A response with the covariates regressed out.
#[derive(Debug, Clone)]
pub struct Response {
    /// The residual of a regression without predictors, in the form of the predictors.
    pub start: Vec<f64>,
    /// Its sum of squares.
    pub total: f64,
}

/// Samples, and sizes of the predictors.
#[derive(Debug, Clone)]
pub struct Frame {
    samples: f64,
    norms: Vec<f64>,
    scales: Option<Vec<f64>>,
}

impl Frame {
    /// From the sums of squares of the predictors. With `standardize` they become `samples - 1` where
    /// not zero, exactly, so that predictors share computations.
    pub fn new(samples: f64, mut norms: Vec<f64>, standardize: bool) -> Self {
        let unit = samples - 1.0;
        let scale = |&d: &f64| if d > 0.0 { (d / unit).sqrt() } else { 1.0 };
        let scales = standardize.then(|| norms.iter().map(scale).collect());
        if standardize {
            norms.iter_mut().filter(|d| **d > 0.0).for_each(|d| *d = unit);
        }
        Self { samples, norms, scales }
    }

    fn scale(&self, j: usize) -> f64 {
        self.scales.as_ref().map_or(1.0, |s| s[j])
    }
}

/// Predictors, as columns that can be multiplied with a residual and subtracted from it. Residuals of
/// several responses are columns of a matrix.
pub trait Predictors: Send + Sync + Sized {
    /// What every form has.
    fn frame(&self) -> &Frame;
    /// The length of a residual.
    fn rows(&self) -> usize;
    /// `x_j'r`.
    fn product<V: Lanes>(&self, j: usize, residual: &[f64]) -> f64;
    /// `r <- r - delta x_j`.
    fn subtract<V: Lanes>(&self, j: usize, delta: f64, residual: &mut [f64]);
    /// `||r||^2`, of the residual that coefficients `b` leave.
    fn sum_of_squares(&self, response: &Response, b: &[f64], residual: &[f64]) -> f64;
    /// Operations of one product, to know how often to look for an interrupt.
    fn cost(&self) -> usize;
    /// Residuals sample by sample; none where only their products with the predictors are kept.
    fn by_sample<'a>(&self, residual: &'a Mat<f64>) -> Option<Cow<'a, Mat<f64>>>;

    /// Sums of squares of the predictors, `x_j'x_j`; zero for those that the covariates explain.
    fn norms(&self) -> &[f64] {
        &self.frame().norms
    }
    /// The number of predictors.
    fn count(&self) -> usize {
        self.norms().len()
    }
    /// The number of samples.
    fn samples(&self) -> f64 {
        self.frame().samples
    }
    /// What each predictor was divided by; none if nothing.
    fn scales(&self) -> Option<&[f64]> {
        self.frame().scales.as_deref()
    }
    /// The products of residuals (rows of `out`) with the predictors of a block (columns).
    fn gather(&self, block: Range<usize>, residual: MatRef<'_, f64>, out: MatMut<'_, f64>) {
        let responses = row_pieces(out, 1);
        responses.into_par_iter().enumerate().for_each(|(c, mut out)| {
            let Some(residual) = residual.col(c).try_as_col_major() else { return };
            let mut found = vec![0.0; block.len()];
            products_from(self, block.start, residual.as_slice(), &mut found);
            found.iter().enumerate().for_each(|(i, x)| out[(0, i)] = *x);
        });
    }
    /// Subtract what changes of the coefficients of a block (columns; a row for each response) make of
    /// fitted values.
    fn change(&self, block: Range<usize>, change: MatRef<'_, f64>, residual: MatMut<'_, f64>) {
        change_columns(self, block, change, residual);
    }
    /// Cross-products of the predictors of a block.
    fn gram(&self, block: Range<usize>) -> Mat<f64> {
        let mut gram = Mat::zeros(block.len(), block.len());
        for (c, j) in block.clone().enumerate() {
            products_from(self, block.start, &image(self, j), gram.col_as_slice_mut(c));
        }
        gram
    }
    /// Products of all predictors (rows) with the residuals (columns).
    fn products<'a>(&self, residual: &'a Mat<f64>) -> Cow<'a, Mat<f64>> {
        let p = self.count();
        let mut out = Mat::zeros(residual.ncols(), p);
        for block in blocks(p) {
            let to = out.as_mut().subcols_mut(block.start, block.len());
            self.gather(block, residual.as_ref(), to);
        }
        Cow::Owned(out.transpose().to_owned())
    }
    /// What coefficients of a few predictors (rows; a column for each response) take from the residuals.
    fn fitted(&self, active: &[usize], b: MatRef<'_, f64>) -> Mat<f64> {
        let mut out = Mat::zeros(self.rows(), b.ncols());
        for (a, &j) in active.iter().enumerate() {
            let change = Mat::from_fn(b.ncols(), 1, |r, _| -b[(a, r)]);
            self.change(j..j + 1, change.as_ref(), out.as_mut());
        }
        out
    }
    /// `x_i'x_j`.
    fn inner(&self, i: usize, j: usize) -> f64 {
        let mut out = [0.0];
        products_from(self, i, &image(self, j), &mut out);
        out[0]
    }
}

/// [`Predictors::change`], one response after another.
fn change_columns<X: Predictors>(
    x: &X,
    block: Range<usize>,
    change: MatRef<'_, f64>,
    residual: MatMut<'_, f64>,
) {
    column_pieces(residual, 1).into_par_iter().enumerate().for_each(|(c, residual)| {
        let Some(residual) = residual.col_mut(0).try_as_col_major_mut() else { return };
        let change: Vec<f64> = change.row(c).iter().copied().collect();
        subtract_from(x, block.start, &change, residual.as_slice_mut());
    });
}

/// Predictor `j` in the form of a residual.
fn image<X: Predictors>(x: &X, j: usize) -> Vec<f64> {
    let mut column = vec![0.0; x.rows()];
    subtract_from(x, j, &[-1.0], &mut column);
    column
}

kernel!(
    /// The products of consecutive predictors, from one on, with a residual.
    fn products_from<'a, V: Lanes, X: Predictors>(
        x: &'a X,
        first: usize,
        residual: &'a [f64],
        out: &'a mut [f64],
    ) {
        for (i, out) in out.iter_mut().enumerate() {
            *out = x.product::<V>(first + i, residual);
        }
    }
);

kernel!(
    /// Subtract multiples of consecutive predictors, from one on, from a residual.
    fn subtract_from<'a, V: Lanes, X: Predictors>(
        x: &'a X,
        first: usize,
        deltas: &'a [f64],
        residual: &'a mut [f64],
    ) {
        for (i, &delta) in deltas.iter().enumerate() {
            if delta != 0.0 {
                x.subtract::<V>(first + i, delta, residual);
            }
        }
    }
);

/// The residual that coefficients `b` (in the units of the predictors as they are used) leave.
pub fn residual_of<X: Predictors>(x: &X, response: &Response, b: &[f64]) -> Vec<f64> {
    let mut residual = response.start.clone();
    subtract_from(x, 0, b, &mut residual);
    residual
}

kernel!(
    /// `y <- y - delta x`.
    fn subtract_multiple<'a, V: Lanes>(delta: f64, x: &'a [f64], y: &'a mut [f64]) {
        add::<V>(-delta, x, y);
    }
);

/// Subtract from `x` its projection on the columns of `basis` (orthonormal, `x.len()` rows), twice,
/// because rounding leaves a trace of a large mean the first time.
fn regress_out(basis: &[f64], x: &mut [f64]) {
    for _ in 0..2 {
        for q in basis.chunks_exact(x.len()) {
            let along = dot_product(q, x);
            subtract_multiple(along, q, x);
        }
    }
}

fn check_basis(basis: &[f64], n: usize) -> Result<(), Error> {
    if n == 0 {
        return Err(Error::Value { name: "X", why: "has no rows".into() });
    }
    if basis.len() % n != 0 {
        let expected = basis.len().next_multiple_of(n);
        return Err(Error::Shape { name: "basis", expected, found: basis.len() });
    }
    Ok(())
}

/// A response of [`Dense`] or [`Sparse`] predictors: `y` minus its projection on the covariates.
pub fn response(basis: &[f64], y: &[f64]) -> Response {
    let mut start = y.to_vec();
    regress_out(basis, &mut start);
    let total = dot_product(&start, &start);
    Response { start, total }
}

/// The same, with room for what `x`, one of the two, keeps besides the samples.
pub fn response_of<X: Predictors>(x: &X, basis: &[f64], y: &[f64]) -> Response {
    let mut found = response(basis, y);
    found.start.resize(x.rows(), 0.0);
    found
}
