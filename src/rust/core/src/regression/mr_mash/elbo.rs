//! The evidence lower bound after a sweep.
//!
//! For the row updated last, `-KL_p = log Z_p - r_p'Sigma^{-1}c_p + d_p/2 tr(Sigma^{-1} M_p)` with
//! `M_p = E[beta_p beta_p']`, and it stays so when others change. The expected cross-product of the
//! residuals has `sum_p d_p (M_p - r_p r_p')`, so that `M_p` cancels:
//! ```text
//! L = -n r / 2 log 2 pi - n / 2 log det Sigma - 1/2 tr(Sigma^{-1} (E'E + covariance of missing))
//!     + sum_p [log Z_p - r_p'Sigma^{-1}c_p + d_p/2 r_p'Sigma^{-1}r_p] + entropy of missing
//! ```

use faer::{Mat, MatRef};

use super::model::Model;
use super::sweep::Sums;
use crate::normal_means::problem::LOG_2_PI;
use crate::predictors::{Imputed, Predictors, Responses};

/// `sum_p d_p r_p r_p'`.
pub fn weighted_square(mean: MatRef<'_, f64>, norms: &[f64]) -> Mat<f64> {
    let scaled = Mat::from_fn(mean.nrows(), mean.ncols(), |i, p| mean[(i, p)] * norms[p].sqrt());
    let square = &scaled * scaled.transpose();
    Mat::from_fn(square.nrows(), square.ncols(), |i, p| square[(i.max(p), i.min(p))])
}

/// The bound, and what the update of Sigma needs.
pub struct Bound {
    pub elbo: f64,
    /// Cross-product of the residuals at the means, with what is missing.
    pub cross: Mat<f64>,
    /// `sum_p d_p r_p r_p'`.
    pub square: Mat<f64>,
}

pub fn bound(
    design: &Responses<impl Predictors>,
    model: &Model<'_>,
    mean: MatRef<'_, f64>,
    sums: &Sums,
    imputed: Option<&Imputed>,
) -> Bound {
    let n = design.samples();
    let r = mean.nrows() as f64;
    let mut cross = design.cross(mean);
    if let Some(imputed) = imputed {
        cross += &imputed.covariance;
    }
    let square = weighted_square(mean, design.norms());
    let elbo = -0.5 * n * (r * LOG_2_PI + model.noise.log_det) - 0.5 * model.noise.trace(&cross)
        + sums.evidence
        + 0.5 * model.noise.trace(&square)
        + imputed.map_or(0.0, |i| i.entropy);
    Bound { elbo, cross, square }
}
