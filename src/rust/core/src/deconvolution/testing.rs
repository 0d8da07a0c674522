//! Dense slow answers for the tests of this room.

use faer::Mat;

use super::{Mixture, Sums};
use crate::normal_means::testing::Case;
use crate::testing::{random, solve};

/// Full-rank, singular and zero covariances for `r` conditions; means if asked.
pub fn mixture(r: usize, means: bool) -> Mixture {
    let mut covariances = Vec::new();
    for (rank, size) in [(r, 1.0), (1, 4.0), (r.div_ceil(2), 0.3), (0, 0.0), (r, 100.0)] {
        let f = random((7 * rank + r) as u64, r * rank.max(1));
        let dot =
            |i: usize, p: usize| (0..rank).map(|c| size * f[c * r + i] * f[c * r + p]).sum::<f64>();
        covariances.push(Mat::from_fn(r, r, dot));
    }
    let weights = vec![0.3, 0.25, 0.0, 0.15, 0.3];
    let mean = |k: usize| random(k as u64 + 50, r).iter().map(|m| 2.0 * m).collect();
    let means = if means { (0..5).map(mean).collect() } else { Vec::new() };
    Mixture { weights, means, covariances }
}

/// Sums and log-likelihood by elimination, unit by unit, in plain loops.
pub fn slow(case: &Case, mixture: &Mixture, weights: Option<&[f64]>) -> (Vec<Sums>, f64) {
    let (r, kk) = (case.r, mixture.len());
    let mut sums = vec![Sums::zero(r); kk];
    let mut loglik = 0.0;
    for unit in 0..case.j {
        let at = case.observed(unit);
        let n = at.len();
        let mut found = Vec::new();
        for k in 0..kk {
            let u = &mixture.covariances[k];
            let total = |e: usize| {
                let (i, p) = (at[e / n], at[e % n]);
                case.noise(unit, i, p) + u[(i, p)]
            };
            let mut t: Vec<f64> = (0..n * n).map(total).collect();
            let mut inverse: Vec<f64> =
                (0..n * n).map(|e| f64::from(u8::from(e / n == e % n))).collect();
            let log_det = solve(n, &mut t, n, &mut inverse);
            let residual: Vec<f64> = at
                .iter()
                .map(|&i| case.x[i * case.j + unit] - mixture.mean(k).map_or(0.0, |m| m[i]))
                .collect();
            let y: Vec<f64> =
                (0..n).map(|i| (0..n).map(|p| inverse[i * n + p] * residual[p]).sum()).collect();
            let quad: f64 = residual.iter().zip(&y).map(|(a, b)| a * b).sum();
            let constant = n as f64 * (2.0 * std::f64::consts::PI).ln();
            let log = mixture.weights[k].ln() - 0.5 * (constant + log_det + quad);
            found.push((log, inverse, y));
        }
        let largest = found.iter().fold(f64::NEG_INFINITY, |m, f| m.max(f.0));
        let total: f64 = found.iter().map(|f| (f.0 - largest).exp()).sum();
        let weight = weights.map_or(1.0, |w| w[unit]);
        loglik += weight * (largest + total.ln());
        for (sum, (log, inverse, y)) in sums.iter_mut().zip(&found) {
            let q = weight * (log - largest).exp() / total;
            sum.q += q;
            for i in 0..n {
                sum.y[at[i]] += q * y[i];
                for p in 0..n {
                    sum.a[(at[i], at[p])] += q * inverse[i * n + p];
                    sum.c[(at[i], at[p])] += q * y[i] * y[p];
                }
            }
        }
    }
    (sums, loglik)
}

/// The largest difference relative to the size of each kind of sum; sums of components that hardly
/// matter are compared with those of the others.
pub fn difference(got: &[Sums], want: &[Sums]) -> f64 {
    let size = |of: &dyn Fn(&Sums) -> f64| want.iter().map(of).fold(0.0, f64::max);
    let largest = |y: &[f64]| y.iter().fold(0.0, |m: f64, y| m.max(y.abs()));
    let a_size = size(&|s| s.a.norm_max());
    let c_size = size(&|s| s.c.norm_max());
    let y_size = size(&|s| largest(&s.y));
    let mut worst = 0.0_f64;
    for (got, want) in got.iter().zip(want) {
        let y: Vec<f64> = got.y.iter().zip(&want.y).map(|(a, b)| a - b).collect();
        for (off, own, all) in [
            ((&got.a - &want.a).norm_max(), want.a.norm_max(), a_size),
            ((&got.c - &want.c).norm_max(), want.c.norm_max(), c_size),
            (largest(&y), largest(&want.y), y_size),
        ] {
            worst = worst.max(off / own.max(1e-4 * all));
        }
        worst = worst.max((got.q - want.q).abs() / want.q.max(1e-8));
    }
    worst
}
