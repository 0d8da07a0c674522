//! Numbers to work on.

use mnmash_core::random::Stream;

/// Uniform in (-1, 1).
pub fn random(n: usize, seed: u64) -> Vec<f64> {
    let stream = Stream::new(seed, 0);
    (0..n).map(|i| 2.0 * stream.uniform(i as u32) - 1.0).collect()
}

/// A covariance of given rank, of variances near one.
pub fn gram(r: usize, rank: usize, seed: u64) -> Vec<f64> {
    let f = random(r * rank, seed);
    let dot = |k: usize| (0..rank).map(|c| f[c * r + k % r] * f[c * r + k / r]).sum::<f64>();
    (0..r * r).map(|k| 3.0 * dot(k) / rank as f64).collect()
}

/// Correlations that fall off with distance.
pub fn correlation(r: usize) -> Vec<f64> {
    (0..r * r).map(|k| 0.4_f64.powi((k % r).abs_diff(k / r) as i32)).collect()
}

/// Standard errors that differ by cell.
pub fn errors(n: usize) -> Vec<f64> {
    random(n, 2).iter().map(|v| (0.3 * v).exp()).collect()
}
