//! Coordinates in which a positive definite matrix is the identity.

use faer::{Mat, MatRef};

use crate::linalg::dense::{congruence, eigen, product};
use crate::linalg::psd;

/// The least share that is left of an inverse when a matrix is taken from it: less is rounding.
const LEAST: f64 = 1e-13;

/// A positive definite matrix `M = LL'`, with any `L`. In its coordinates `U` is `L^{-1} U L^{-T}`.
#[derive(Debug, Clone)]
pub struct Metric {
    factor: Mat<f64>,
    whitener: Mat<f64>,
}

impl Metric {
    /// `None` if the matrix is not positive definite.
    pub fn new(matrix: MatRef<'_, f64>) -> Option<Self> {
        let n = matrix.nrows();
        let (whitener, _) = psd::whitener(matrix)?;
        let llt = matrix.llt(faer::Side::Lower).ok()?;
        let l = llt.L();
        let factor = Mat::from_fn(n, n, |i, p| if p <= i { l[(i, p)] } else { 0.0 });
        Some(Self { factor, whitener })
    }

    /// `P^{-1} - U` for a positive definite `P` and a `U` that is below its inverse. With `P = GG'` it
    /// is `G^{-T} (I - G'UG) G^{-1}`: the difference is taken where it is that from one, so that each
    /// direction keeps what digits it has, and what falls below `LEAST` of `P^{-1}` is held there.
    pub fn inverse_less(precision: MatRef<'_, f64>, u: MatRef<'_, f64>) -> Option<Self> {
        let n = precision.nrows();
        let (whitener, _) = psd::whitener(precision)?;
        let llt = precision.llt(faer::Side::Lower).ok()?;
        let l = llt.L();
        let g = Mat::from_fn(n, n, |i, p| if p <= i { l[(i, p)] } else { 0.0 });
        let (shares, q) = eigen(congruence(g.transpose(), u).as_ref())?;
        let root: Vec<f64> = shares.iter().map(|share| (1.0 - share).max(LEAST).sqrt()).collect();
        let (out, back) =
            (product(whitener.transpose(), q.as_ref()), product(q.transpose(), g.transpose()));
        Some(Self {
            factor: Mat::from_fn(n, n, |i, p| out[(i, p)] * root[p]),
            whitener: Mat::from_fn(n, n, |i, p| back[(i, p)] / root[i]),
        })
    }

    /// The number of rows.
    pub fn size(&self) -> usize {
        self.factor.nrows()
    }

    /// `M`.
    pub fn matrix(&self) -> Mat<f64> {
        product(self.factor.as_ref(), self.factor.transpose())
    }

    /// The metric of `cM`.
    pub fn scaled(&self, c: f64) -> Self {
        let root = c.sqrt();
        let n = self.size();
        Self {
            factor: Mat::from_fn(n, n, |i, p| self.factor[(i, p)] * root),
            whitener: Mat::from_fn(n, n, |i, p| self.whitener[(i, p)] / root),
        }
    }

    /// `L^{-1} U L^{-T}`.
    pub fn enter(&self, u: MatRef<'_, f64>) -> Mat<f64> {
        congruence(self.whitener.as_ref(), u)
    }

    /// `L U L'`.
    pub fn leave(&self, u: MatRef<'_, f64>) -> Mat<f64> {
        congruence(self.factor.as_ref(), u)
    }

    /// `L' G L`: how a precision, or a gradient with respect to a covariance, enters.
    pub fn enter_dual(&self, g: MatRef<'_, f64>) -> Mat<f64> {
        congruence(self.factor.transpose(), g)
    }

    /// `L^{-1} F`, for the columns of a factor.
    pub fn enter_factor(&self, f: MatRef<'_, f64>) -> Mat<f64> {
        product(self.whitener.as_ref(), f)
    }

    /// The harmonic mean of the eigenvalues of another matrix in these coordinates.
    pub fn size_of(&self, other: &Self) -> f64 {
        let w = other.enter_factor(self.factor.as_ref());
        self.size() as f64 / w.squared_norm_l2()
    }

    /// `L F`.
    pub fn leave_factor(&self, f: MatRef<'_, f64>) -> Mat<f64> {
        product(self.factor.as_ref(), f)
    }
}
