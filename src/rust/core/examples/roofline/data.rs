//! Numbers to work on.

/// Uniform in (-1, 1).
pub fn random(n: usize, seed: u64) -> Vec<f64> {
    let mut state = 88_172_645_463_325_252_u64 ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    (0..n + 8).map(|_| next()).skip(8).collect()
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
