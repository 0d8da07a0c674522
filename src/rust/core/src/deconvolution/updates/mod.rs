//! New covariances of one component from the sums of an E-step: pure functions, no data.
//!
//! With `T_j = R_j U R_j' + V_j`, `y_j = T_j^{-1} x_j` and responsibilities `q_j`, an E-step gives
//! `q = sum q_j`, `A = sum q_j R_j' T_j^{-1} R_j` and `C = sum q_j R_j' y_j y_j' R_j`: half of `C -
//! A` is the gradient of the log-likelihood in `U`. For any positive definite `N`, the second
//! moment
//! ```text
//!   S = T + T (C - A) T / q,      T = U + N,
//! ```
//! makes `-q/2 [log |U + N| + tr S (U + N)^{-1}]` a function with the value of that gradient at
//! `U`, whose maximum is known in closed form: in the coordinates where `N` is the identity, the
//! eigenvalues of `S` less one, where positive. So every `N` gives a step, and all have the fixed
//! points that are stationary points of the log-likelihood among covariances:
//! - `N = 0`: extreme deconvolution (`ed`, `ed_penalised`), the EM step for complete data `b_j`;
//! - `N` below every `V_j`: an EM step too, for complete data `b_j` plus a part of the noise, so
//!   the log-likelihood cannot fall;
//! - `N = V` where that is common to all units: truncated-eigenvalue deconvolution (TED, `ted`);
//! - `N = q A^{-1} - U`, an average of the `V_j` (`average_noise`): TED for differing noise (GTED);
//!   it is almost always uphill, and far faster than extreme deconvolution, but not proved to be.
//!
//! `fa`: the EM step of factor analysis on `S`; `scaled`: the best multiple of a given matrix;
//! `residual`: the noise itself, where it is common; `penalty`: what keeps eigenvalues apart from
//! zero.

use faer::{Mat, MatRef};

use super::estep::Sums;
use crate::linalg::dense::{self, congruence, eigen, from_eigen, product, symmetric};

pub mod ed;
mod metric;
mod penalty;
mod scaled;
#[cfg(test)]
mod tests;

pub use metric::Metric;
pub use penalty::Penalty;
pub use scaled::{Base, scaled};

/// The second moment `S` in the coordinates of `noise`, and `U` in them.
fn noisy_moment(noise: &Metric, u: MatRef<'_, f64>, sums: &Sums) -> Mat<f64> {
    let n = noise.size();
    let mut t = noise.enter(u);
    for i in 0..n {
        t[(i, i)] += 1.0;
    }
    let gradient = noise.enter_dual(ed::gradient(sums).as_ref());
    let change = congruence(t.as_ref(), gradient.as_ref());
    Mat::from_fn(n, n, |i, p| t[(i, p)] + change[(i, p)])
}

/// `q A^{-1} - U`: the average noise as the component sees it; between the harmonic and the
/// arithmetic mean of the `V_j`. Where the noise is so small beside `U` that rounding leaves nothing
/// of it, a small part of `U` takes its place: any noise gives a step with the same fixed points.
pub fn average_noise(u: MatRef<'_, f64>, sums: &Sums) -> Option<Metric> {
    let (n, a) = (u.nrows(), &sums.a);
    let precision = Mat::from_fn(n, n, |i, p| a[(i, p)] / sums.q);
    Metric::inverse_less(precision.as_ref(), u)
}

/// A covariance, and its eigenvalues in the metric of the penalty where they were needed for it.
#[derive(Debug, Clone)]
pub struct Stepped {
    /// The covariance.
    pub u: Mat<f64>,
    /// Its eigenvalues.
    pub eigenvalues: Option<Vec<f64>>,
}

/// Extreme deconvolution, penalised in `metric` at the scale `s`. Without penalty it keeps the
/// range of `U`. The objective cannot fall.
pub fn ed_penalised(
    u: MatRef<'_, f64>,
    sums: &Sums,
    metric: &Metric,
    penalty: Penalty,
    s: f64,
) -> Option<Stepped> {
    // The mean of the posterior second moments of the component's effects.
    let moment = ed::covariance(u, sums, false);
    if penalty == Penalty::None {
        return Some(Stepped { u: moment, eigenvalues: None });
    }
    let (values, vectors) = eigen(metric.enter(moment.as_ref()).as_ref())?;
    let shrink = |w: &f64| penalty.shrink_known(sums.q, sums.q * w.max(0.0), s);
    let new: Vec<f64> = values.iter().map(shrink).collect();
    let u = metric.leave(from_eigen(&new, vectors.as_ref()).as_ref());
    Some(Stepped { u, eigenvalues: Some(new) })
}

/// The closed-form step for noise `N`, of rank at most `rank`.
pub fn ted(noise: &Metric, u: MatRef<'_, f64>, sums: &Sums, rank: usize) -> Option<Mat<f64>> {
    let (values, vectors) = eigen(noisy_moment(noise, u, sums).as_ref())?;
    let kept = values.len() - rank.min(values.len());
    let new: Vec<f64> = (0..values.len())
        .map(|i| if i < kept { 0.0 } else { (values[i] - 1.0).max(0.0) })
        .collect();
    Some(noise.leave(from_eigen(&new, vectors.as_ref()).as_ref()))
}

/// The closed-form step for noise `c M`, penalised in the metric `M`: at the scale `s`, or, if `joint`,
/// at a scale chosen along with the eigenvalues.
pub fn ted_penalised(
    metric: &Metric,
    c: f64,
    u: MatRef<'_, f64>,
    sums: &Sums,
    penalty: Penalty,
    s: f64,
    joint: bool,
) -> Option<Stepped> {
    let noise = metric.scaled(c);
    let (values, vectors) = eigen(noisy_moment(&noise, u, sums).as_ref())?;
    // Eigenvalues in the coordinates of cM are those in M's over c; so are scales.
    let new = match joint {
        true => penalty.shrink_jointly(sums.q, &values, s / c),
        false => values.iter().map(|d| penalty.shrink(sums.q, *d, s / c)).collect(),
    };
    let u = noise.leave(from_eigen(&new, vectors.as_ref()).as_ref());
    Some(Stepped { u, eigenvalues: Some(new.iter().map(|v| c * v).collect()) })
}

/// The EM step of factor analysis for noise `N`: a new factor with the columns of the old.
pub fn fa(noise: &Metric, factor: MatRef<'_, f64>, sums: &Sums) -> Option<Mat<f64>> {
    let u = symmetric(product(factor, factor.transpose()).as_ref());
    let s = noisy_moment(noise, u.as_ref(), sums);
    let f = noise.enter_factor(factor);
    let r = f.ncols();
    let mut inner = product(f.transpose(), f.as_ref());
    for i in 0..r {
        inner[(i, i)] += 1.0;
    }
    // Given x, the factors' mean is B'x and their covariance P = (I + F'F)^{-1}, with B = F P.
    let p = dense::spd_inverse(inner.as_ref())?;
    let b = product(f.as_ref(), p.as_ref());
    let sb = product(s.as_ref(), b.as_ref());
    let moment = &p + &product(b.transpose(), sb.as_ref());
    let new =
        product(sb.as_ref(), dense::spd_inverse(symmetric(moment.as_ref()).as_ref())?.as_ref());
    Some(noise.leave_factor(new.as_ref()))
}

/// The EM step of a noise covariance `N` common to all units, from the sums of all components:
/// `N + N sum (C - A) N / J`.
pub fn residual(noise: MatRef<'_, f64>, sums: &[Sums], units: usize) -> Mat<f64> {
    let n = noise.nrows();
    let mut total = Mat::zeros(n, n);
    for s in sums {
        total += &s.c - &s.a;
    }
    let change = congruence(noise, total.as_ref());
    Mat::from_fn(n, n, |i, p| noise[(i, p)] + change[(i, p)] / units as f64)
}

/// Eigenvalues of `U` in the coordinates of a metric, ascending.
pub fn eigenvalues(metric: &Metric, u: MatRef<'_, f64>) -> Option<Vec<f64>> {
    eigen(metric.enter(u).as_ref()).map(|(values, _)| values)
}
