//! Coordinates in which a positive definite matrix is the identity.

use faer::{Mat, MatRef};

use crate::linalg::dense::{congruence, product};
use crate::linalg::psd;

/// A positive definite matrix `M = LL'`. In its coordinates `U` is `L^{-1} U L^{-T}`.
#[derive(Debug, Clone)]
pub struct Metric {
    lower: Mat<f64>,
    whitener: Mat<f64>,
}

impl Metric {
    /// `None` if the matrix is not positive definite.
    pub fn new(matrix: MatRef<'_, f64>) -> Option<Self> {
        let n = matrix.nrows();
        let (whitener, _) = psd::whitener(matrix)?;
        let llt = matrix.llt(faer::Side::Lower).ok()?;
        let l = llt.L();
        let lower = Mat::from_fn(n, n, |i, p| if p <= i { l[(i, p)] } else { 0.0 });
        Some(Self { lower, whitener })
    }

    /// The number of rows.
    pub fn size(&self) -> usize {
        self.lower.nrows()
    }

    /// `M`.
    pub fn matrix(&self) -> Mat<f64> {
        product(self.lower.as_ref(), self.lower.transpose())
    }

    /// The metric of `cM`.
    pub fn scaled(&self, c: f64) -> Self {
        let root = c.sqrt();
        let n = self.size();
        Self {
            lower: Mat::from_fn(n, n, |i, p| self.lower[(i, p)] * root),
            whitener: Mat::from_fn(n, n, |i, p| self.whitener[(i, p)] / root),
        }
    }

    /// `L^{-1} U L^{-T}`.
    pub fn enter(&self, u: MatRef<'_, f64>) -> Mat<f64> {
        congruence(self.whitener.as_ref(), u)
    }

    /// `L U L'`.
    pub fn leave(&self, u: MatRef<'_, f64>) -> Mat<f64> {
        congruence(self.lower.as_ref(), u)
    }

    /// `L' G L`: how a precision, or a gradient with respect to a covariance, enters.
    pub fn enter_dual(&self, g: MatRef<'_, f64>) -> Mat<f64> {
        congruence(self.lower.transpose(), g)
    }

    /// `L^{-1} F`, for the columns of a factor.
    pub fn enter_factor(&self, f: MatRef<'_, f64>) -> Mat<f64> {
        product(self.whitener.as_ref(), f)
    }

    /// `L F`.
    pub fn leave_factor(&self, f: MatRef<'_, f64>) -> Mat<f64> {
        product(self.lower.as_ref(), f)
    }
}
