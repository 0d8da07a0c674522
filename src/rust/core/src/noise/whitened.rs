//! A covariance, and what whitens it.

use faer::Mat;

use crate::Error;
use crate::linalg::psd;

/// A positive definite covariance V and its factors: `W V W' = I`.
#[derive(Debug, Clone)]
pub struct Whitened {
    /// V.
    pub covariance: Mat<f64>,
    /// `W`, lower triangular.
    pub whitener: Mat<f64>,
    /// `W^{-1}`.
    pub root: Mat<f64>,
    /// `log det V`.
    pub log_det: f64,
}

impl Whitened {
    /// Fails unless V is positive definite.
    pub fn new(covariance: Mat<f64>) -> Result<Self, Error> {
        let n = covariance.nrows();
        let Some((whitener, log_det)) = psd::whitener(covariance.as_ref()) else {
            let values = covariance.self_adjoint_eigenvalues(faer::Side::Lower);
            let eigenvalue = values.map_or(f64::NAN, |v| v[0]);
            return Err(Error::NotPsd { name: "`V`".into(), eigenvalue });
        };
        let llt = covariance.llt(faer::Side::Lower).map(|f| f.L().to_owned());
        let root = llt.unwrap_or_else(|_| Mat::zeros(n, n));
        Ok(Self { covariance, whitener, root, log_det })
    }

    /// `tr(V^{-1} M)` for symmetric `M`.
    pub fn trace(&self, m: &Mat<f64>) -> f64 {
        let w = &self.whitener;
        let wm = w * m;
        let row = |i: usize| (0..m.ncols()).map(|p| wm[(i, p)] * w[(i, p)]).sum::<f64>();
        (0..w.nrows()).map(row).sum()
    }
}
