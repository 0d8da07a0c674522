//! The best multiple of a given covariance.

use faer::{Mat, MatRef};

use super::{Metric, Sums, noisy_moment};
use crate::linalg::dense::{congruence, eigen};
use crate::linalg::search::root;

/// A covariance of which a multiple is sought.
#[derive(Debug, Clone)]
pub struct Base(pub Mat<f64>);

/// The scale `s >= 0` that maximises `-q/2 [log |s U0 + N| + tr S (s U0 + N)^{-1}]`, to rounding,
/// when the present one is `now`. Where the noise is common that is the EM step.
pub fn scaled(noise: &Metric, base: &Base, now: f64, sums: &Sums) -> Option<f64> {
    let n = noise.size();
    let u = Mat::from_fn(n, n, |i, p| now * base.0[(i, p)]);
    let (lambda, q) = eigen(noise.enter(base.0.as_ref()).as_ref())?;
    let d = diagonal_in(q.as_ref(), noisy_moment(noise, u.as_ref(), sums).as_ref());
    Some(best_scale(&lambda, &d))
}

/// The diagonal of `Q'SQ`.
fn diagonal_in(q: MatRef<'_, f64>, s: MatRef<'_, f64>) -> Vec<f64> {
    let rotated = congruence(q.transpose(), s);
    (0..q.ncols()).map(|i| rotated[(i, i)]).collect()
}

/// The `s >= 0` that minimises `sum_i log(1 + s l_i) + d_i / (1 + s l_i)`.
pub(super) fn best_scale(lambda: &[f64], d: &[f64]) -> f64 {
    let largest = lambda.iter().copied().fold(0.0, f64::max);
    let pairs: Vec<(f64, f64)> = lambda
        .iter()
        .zip(d)
        .filter(|(l, _)| **l > 1e-12 * largest)
        .map(|(l, d)| (*l, *d))
        .collect();
    let cost = |s: f64| pairs.iter().map(|(l, d)| (s * l).ln_1p() + d / (1.0 + s * l)).sum::<f64>();
    let slope = |s: f64| {
        let each = |(l, d): &(f64, f64)| l * (1.0 + s * l - d) / (1.0 + s * l).powi(2);
        pairs.iter().map(each).sum::<f64>()
    };
    // Every term is least at (d - 1) / l: so is their sum, somewhere between the extremes.
    let bests = pairs.iter().map(|(l, d)| (d - 1.0).max(0.0) / l);
    let high = bests.fold(0.0, f64::max);
    if high == 0.0 {
        return 0.0;
    }
    // There may be several minima: look at a grid of both scales, and for the root of the slope
    // where it turns up.
    const STEPS: usize = 64;
    let grid = |k: usize| {
        let t = k as f64 / STEPS as f64;
        high * (1e-6_f64.powf(1.0 - t) - 1e-6 * (1.0 - t))
    };
    let (mut best, mut least) = (0.0, cost(0.0));
    let mut low = (0.0, slope(0.0));
    for k in 1..=STEPS {
        let s = grid(k);
        let up = (s, slope(s));
        if low.1 <= 0.0 && up.1 >= 0.0 {
            let found = root(slope, low.0, up.0);
            if cost(found) < least {
                (best, least) = (found, cost(found));
            }
        }
        low = up;
    }
    best
}
