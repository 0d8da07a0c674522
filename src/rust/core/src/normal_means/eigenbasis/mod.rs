//! Prior matrices in their eigenbases, for units whose noise is one covariance over a number, `N / d_j`.
//!
//! A unit is its precision `d` and `c = d x`, so that `log p(x | b) = c'N^{-1}b - d/2 b'N^{-1}b + const`.
//! With the thin singular value decomposition `WF = Q diag(sigma) P'` of [`SharedBasis`], `y = Q'Wc`,
//! `lambda_i = s sigma_i^2` for the scale `s` and `f_i = lambda_i / (1 + d lambda_i)`,
//! ```text
//!   log BF = 1/2 sum_i [f_i y_i^2 - log(1 + d lambda_i)]      against b = 0,
//!   E[b|x] = B (f y),     Var[b|x] = B diag(f) B',     B = FP diag(1 / sigma) (= W^{-1}Q),
//!   E[b|x]' N^{-1} c = sum_i f_i y_i^2.
//! ```
//! Neither `Q` nor `sigma` depends on the scale or on the unit. A zero matrix has rank zero: its Bayes
//! factor is one and its effect zero, exactly.
//!
//! The same sums are wanted in two orders, each with its own tables:
//! - one unit after another, all matrices at all scales of a [`Grid`] (m&m regression: a unit depends on
//!   those before): [`Shrinkage`] and [`Unit`], with scales in lanes;
//! - all units at a scale that is searched for (fine-mapping): [`Coordinates`], with units in lanes. There
//!   the observation is whitened with its own noise, `y = Q'W sqrt(d) x`, and `lambda` has `d` in it.
//!
//! [`SecondMoments`] adds up `E[bb']` in the eigenbases for both.

mod bayes;
mod coordinates;
#[cfg(test)]
mod coordinates_tests;
mod grid;
mod moments;
mod second;
mod shrinkage;
mod sums;
mod unit;
#[cfg(test)]
mod unit_tests;

use faer::{Mat, MatRef};
use rayon::prelude::*;

use super::shared::SharedBasis;
use crate::linalg::lanes::Lanes;
use crate::linalg::psd::Factor;
use crate::linalg::special::log_split;
pub use bayes::LogBayes;
pub use coordinates::{Coordinates, Lambda, block_range, padded};
pub use grid::Grid;
pub use second::SecondMoments;
pub use shrinkage::Shrinkage;
pub use sums::{Selection, Sums};
pub use unit::Unit;

/// Components with a posterior weight up to this do not enter the moments of a [`Unit`]. Their weights do
/// count: for what is left out, a moment changes by at most this times the number of components,
/// relatively to the largest moment of a component.
pub const NEGLIGIBLE: f64 = 1e-13;

/// Prior matrices in the eigenbasis of one noise, directions of all matrices one below the other.
#[derive(Debug, Clone)]
pub struct Eigenbasis {
    /// The number of conditions, R.
    pub conditions: usize,
    /// Where the directions of each matrix start; one more than there are matrices.
    pub starts: Vec<usize>,
    /// `sigma^2`.
    pub lambda: Vec<f64>,
    /// `Q'W`, a row for each direction.
    pub project: Mat<f64>,
    /// `B`, a column for each direction.
    pub lift: Mat<f64>,
}

impl Eigenbasis {
    /// One decomposition for each factor, against the noise of this whitener.
    pub fn new(whitener: MatRef<'_, f64>, factors: &[Factor]) -> Self {
        let r = whitener.ncols();
        let bases: Vec<SharedBasis> =
            factors.par_iter().map(|factor| SharedBasis::new(whitener, factor)).collect();
        let mut starts = vec![0];
        let mut lambda = Vec::new();
        for basis in &bases {
            lambda.extend(basis.sigma.iter().map(|s| s * s));
            starts.push(lambda.len());
        }
        let mut project = Mat::zeros(lambda.len(), r);
        let mut lift = Mat::zeros(r, lambda.len());
        for (basis, &start) in bases.iter().zip(&starts) {
            for (i, &sigma) in basis.sigma.iter().enumerate() {
                project.row_mut(start + i).copy_from(basis.project.row(i));
                // A direction that the noise hides altogether has no share in the moments.
                for p in 0..r {
                    lift[(p, start + i)] =
                        if sigma > 0.0 { basis.lift[(p, i)] / sigma } else { 0.0 };
                }
            }
        }
        Self { conditions: r, starts, lambda, project, lift }
    }

    /// Of the effects `Wb`, whose noise is the identity: `project` is `Q'`, and `lift` is `Q`.
    pub fn whitened(whitener: MatRef<'_, f64>, factors: &[Factor]) -> Self {
        let r = whitener.nrows();
        let whiten = |factor: &Factor| {
            let f = whitener * factor.to_mat();
            let rank = factor.rank;
            let values = (0..r * rank).map(|i| f[(i / rank, i % rank)]).collect();
            Factor { rows: r, rank, values, support: (0..r).collect() }
        };
        let identity = Mat::identity(r, r);
        Self::new(identity.as_ref(), &factors.iter().map(whiten).collect::<Vec<_>>())
    }

    /// The number of matrices.
    pub fn matrices(&self) -> usize {
        self.starts.len() - 1
    }
}

/// `1 + d lambda` and `f = lambda / (1 + d lambda)`.
#[inline(always)]
fn shrink<V: Lanes>(lambda: V, d: V) -> (V, V) {
    let inflation = d.mul_add(lambda, V::splat(1.0));
    (inflation, lambda * inflation.recip())
}

/// `sum_i log(1 + d lambda_i)` as the logarithm of a product, whose mantissa and exponent are kept apart:
/// it may be beyond 1e308.
#[derive(Clone, Copy)]
struct LogDet<V> {
    mantissa: V,
    exponent: V,
}

impl<V: Lanes> LogDet<V> {
    #[inline(always)]
    fn new() -> Self {
        Self { mantissa: V::splat(1.0), exponent: V::splat(0.0) }
    }

    /// Take in a factor. The product of those since the last `split` must be below 1e308.
    #[inline(always)]
    fn times(&mut self, inflation: V) {
        self.mantissa = self.mantissa * inflation;
    }

    #[inline(always)]
    fn split(&mut self) {
        let (mantissa, exponent) = self.mantissa.split_exponent();
        self.mantissa = mantissa;
        self.exponent = self.exponent + exponent;
    }

    #[inline(always)]
    fn log(mut self) -> V {
        self.split();
        log_split(self.mantissa, self.exponent)
    }
}
