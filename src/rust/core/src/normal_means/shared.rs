//! Units with one common noise: each prior matrix is diagonalised once against it.
//!
//! The thin singular value decomposition `M = WF = Q Sigma P'` gives, with `y = Q'Wx`, for every scale
//! `w` and all units at once,
//! ```text
//!   log det(I + wG) = sum_i log(1 + w sigma_i^2),
//!   z'(I + wMM')^{-1} z = z'z - sum_i y_i^2 w sigma_i^2 / (1 + w sigma_i^2)
//!                      (= sum_i y_i^2 / (1 + w sigma_i^2) at full rank),
//!   E[b|x] = FP diag(w sigma_i / (1 + w sigma_i^2)) y,
//!   Var[b_r|x] = sum_i (FP)_ri^2 w / (1 + w sigma_i^2).
//! ```

use faer::{Mat, MatRef};

use crate::linalg::cholesky::TRUSTED;
use crate::linalg::psd::Factor;

/// One prior matrix in the eigenbasis of a shared noise.
#[derive(Debug, Clone)]
pub struct SharedBasis {
    /// Singular values of `WF`, largest first.
    pub sigma: Vec<f64>,
    /// `Q'W`, rank by R: applied to the effects (missing ones zero) it gives `y`.
    pub project: Mat<f64>,
    /// `FP`, R by rank.
    pub lift: Mat<f64>,
    /// Whether `Q` is square, so that `y'y = z'z`.
    pub full: bool,
}

impl SharedBasis {
    /// Diagonalise one prior matrix against the noise of this whitener, observed by R. O(R^3), or
    /// O(R^2 r) at low rank.
    pub fn new(whitener: MatRef<'_, f64>, factor: &Factor) -> Self {
        let f = factor.to_mat();
        let m = whitener * &f;
        let n = whitener.nrows();
        let rank = factor.rank.min(n);
        let r = factor.rows;
        if rank == 0 {
            // Nothing observed, or a zero matrix: no direction is informed by the data.
            return Self::uninformed(f, r);
        }
        let (q, sigma, p) = thin_svd(m.as_ref());
        let project = q.transpose() * whitener;
        Self { sigma, project, lift: &f * &p, full: rank == n }
    }

    /// Whether singular values and vectors have their digits at scales up to `w`: their errors are a
    /// rounding of the largest, and matter where others are much smaller.
    pub fn trusted(&self, w: f64) -> bool {
        let largest = self.sigma.first().copied().unwrap_or(0.0);
        let least = self.sigma.iter().copied().fold(largest, f64::min);
        largest * w.sqrt() <= TRUSTED || largest <= TRUSTED * least
    }

    fn uninformed(lift: Mat<f64>, r: usize) -> Self {
        let rank = lift.ncols();
        Self { sigma: vec![0.0; rank], project: Mat::zeros(rank, r), lift, full: false }
    }
}

/// `M = Q diag(sigma) P'` with as many singular values as `M` has columns; `Q` has zero columns for
/// those beyond its rows, so that directions of the prior that no cell informs are kept.
fn thin_svd(m: MatRef<'_, f64>) -> (Mat<f64>, Vec<f64>, Mat<f64>) {
    let (n, r) = (m.nrows(), m.ncols());
    if r == 1 {
        let norm = m.col(0).norm_l2();
        // Of length one also when no cell informs the direction: a square `Q` must be orthogonal.
        let q = |i: usize| if norm > 0.0 { m[(i, 0)] / norm } else { f64::from(u8::from(i == 0)) };
        let q = Mat::from_fn(n, 1, |i, _| q(i));
        return (q, vec![norm], Mat::identity(1, 1));
    }
    // Square the shorter side's partner: the full P is needed, so complete it from svd().
    match m.svd() {
        Ok(svd) => {
            let s = svd.S().column_vector();
            let k = n.min(r);
            let sigma = (0..r).map(|i| if i < k { s[i] } else { 0.0 }).collect();
            let q = Mat::from_fn(n, r, |i, c| if c < k { svd.U()[(i, c)] } else { 0.0 });
            (q, sigma, svd.V().to_owned())
        }
        // Not finite: let the likelihood say so.
        Err(_) => {
            let nan = Mat::from_fn(n, r, |_, _| f64::NAN);
            (nan, vec![f64::NAN; r], Mat::identity(r, r))
        }
    }
}
