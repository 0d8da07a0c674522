//! A slow, plain version for the tests: one unit at a time, by Gaussian elimination.

use crate::testing::solve;

/// Posterior mean and covariance (by rows) of `b ~ N(0, u)` given `x ~ N(b, noise)` over the
/// conditions in `observed`.
pub fn posterior(
    r: usize,
    u: &[f64],
    noise: &[f64],
    x: &[f64],
    observed: &[usize],
) -> (Vec<f64>, Vec<f64>) {
    let n = observed.len();
    let pick = |m: &[f64], i: usize, p: usize| m[observed[i] * r + observed[p]];
    let mut sum: Vec<f64> =
        (0..n * n).map(|k| pick(u, k / n, k % n) + pick(noise, k / n, k % n)).collect();
    // Right-hand sides: U_o. and x.
    let mut y = Vec::new();
    for &o in observed {
        y.extend_from_slice(&u[o * r..(o + 1) * r]);
        y.push(x[o]);
    }
    solve(n, &mut sum, r + 1, &mut y);
    let column = |i: usize, c: usize| -> f64 {
        (0..n).map(|o| u[i * r + observed[o]] * y[o * (r + 1) + c]).sum()
    };
    let mean = (0..r).map(|i| column(i, r)).collect();
    let covariance = (0..r * r).map(|k| u[k] - column(k / r, k % r)).collect();
    (mean, covariance)
}
