//! The predictors as a coordinate ascent sees them: `x_j'r`, and `r - delta x_j`.
//!
//! [`Design`] is that for one response; [`Blocks`] is the same for some predictors and all of several
//! responses at a time.
//!
//! Three forms, all with the covariates (the intercept among them) regressed out and, if asked,
//! with predictors scaled to standard deviation one:
//! - [`Dense`]: columns of numbers; the residual is one;
//! - [`Sparse`]: only what is not zero. A predictor without its covariates is no longer sparse, so
//!   the residual is kept as `r = s + Q a` with `Q` an orthonormal basis of the covariates: because
//!   `r` is orthogonal to `Q`, `x_j'r` needs `x_j` as it is, and an update changes `s` where `x_j`
//!   is not zero, and `a`;
//! - [`Gram`](super::gram::Gram): cross-products `X'X` and `X'y`, from summary statistics or
//!   because there are many more samples than predictors. The "residual" is `X'r`, one number for
//!   each predictor.

mod blocks;
mod dense;
mod sparse;

pub use blocks::{Blocks, column_pieces, row_pieces};
pub use dense::Dense;
pub use sparse::{Compressed, Sparse};

use crate::Error;
use crate::linalg::columns::{add, dot_product};
use crate::linalg::lanes::{Lanes, kernel};

/// Predictors with less than this share of their sum of squares left, once the covariates are
/// regressed out, are linear functions of the covariates.
const NOTHING_LEFT: f64 = 1e-20;

/// A response with the covariates regressed out.
#[derive(Debug, Clone)]
pub struct Response {
    /// The residual of a regression without predictors, in the form of the design.
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

/// Predictors, as columns that can be multiplied with a residual and subtracted from it.
pub trait Design: Sync {
    /// What every design has.
    fn frame(&self) -> &Frame;
    /// Sums of squares of the predictors; zero for those that the covariates explain.
    fn norms(&self) -> &[f64] {
        &self.frame().norms
    }
    /// The number of samples.
    fn samples(&self) -> f64 {
        self.frame().samples
    }
    /// What each predictor was divided by; none if nothing.
    fn scales(&self) -> Option<&[f64]> {
        self.frame().scales.as_deref()
    }
    /// `x_j'r`.
    fn product<V: Lanes>(&self, j: usize, residual: &[f64]) -> f64;
    /// `r <- r - delta x_j`.
    fn subtract<V: Lanes>(&self, j: usize, delta: f64, residual: &mut [f64]);
    /// `||r||^2`, of the residual that coefficients `b` leave.
    fn sum_of_squares(&self, response: &Response, b: &[f64], residual: &[f64]) -> f64;
    /// Operations of one product, to know how often to look for an interrupt.
    fn cost(&self) -> usize;
}

/// The residual that coefficients `b` (in the units of the design) leave.
pub fn residual_of<D: Design>(design: &D, response: &Response, b: &[f64]) -> Vec<f64> {
    kernel!(
        fn subtract_all<'a, V: Lanes, D: Design>(
            design: &'a D,
            b: &'a [f64],
            residual: &'a mut [f64],
        ) {
            for (j, &b) in b.iter().enumerate() {
                if b != 0.0 {
                    design.subtract::<V>(j, b, residual);
                }
            }
        }
    );
    let mut residual = response.start.clone();
    subtract_all(design, b, &mut residual);
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

/// A response of a [`Dense`] or [`Sparse`] design: `y` minus its projection on the covariates.
pub fn response(basis: &[f64], y: &[f64]) -> Response {
    let mut start = y.to_vec();
    regress_out(basis, &mut start);
    let total = dot_product(&start, &start);
    Response { start, total }
}
