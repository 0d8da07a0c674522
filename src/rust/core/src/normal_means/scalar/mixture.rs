//! Mixtures of scales: `theta ~ sum_k pi_k N(0, sigma2 a_k)` under a residual variance `sigma2`.
//!
//! With `c` the precision-weighted value in units of `sigma2`, `log BF_k = s_k c^2 / (2 sigma2) -
//! log(1 + d a_k) / 2` for `s_k = a_k / (1 + d a_k)`: what depends on the norm `d` of a predictor alone
//! is kept in a table.

use super::normal;
use crate::linalg::lanes::{Lanes, MAX_LANES};
use crate::linalg::scalar::LogSum;

/// In place of the logarithm of zero.
pub const ABSENT: f64 = -1e300;

/// `s_k` and `-log(1 + d a_k) / 2` in rows, padded to whole lanes; one row for all predictors where all have one norm.
#[derive(Debug)]
pub struct Table {
    shrink: Vec<f64>,
    half_log: Vec<f64>,
    /// Components with padding.
    width: usize,
    /// Zero if one row serves all.
    stride: usize,
}

/// Components with padding.
pub fn padded(components: usize) -> usize {
    components.next_multiple_of(MAX_LANES)
}

impl Table {
    /// Of predictors with squared norms `norms`, for components `a`.
    pub fn new(norms: &[f64], a: &[f64]) -> Self {
        let width = padded(a.len());
        let common = norms.windows(2).all(|w| w[0] == w[1]);
        let rows = if common { &norms[..norms.len().min(1)] } else { norms };
        let mut shrink = vec![0.0; rows.len() * width];
        let mut half_log = shrink.clone();
        for (i, &d) in rows.iter().enumerate() {
            for (k, &a) in a.iter().enumerate() {
                let prior = normal(d, 0.0, a);
                shrink[i * width + k] = prior.s2;
                half_log[i * width + k] = prior.log_bayes;
            }
        }
        Self { shrink, half_log, width, stride: if common { 0 } else { width } }
    }

    /// `s` and `-log(1 + d a) / 2` of predictor `j`.
    #[inline(always)]
    pub fn row(&self, j: usize) -> (&[f64], &[f64]) {
        let at = j * self.stride..j * self.stride + self.width;
        (&self.shrink[at.clone()], &self.half_log[at])
    }
}

/// What a mixture says of one coefficient, `phi_k` the posterior probabilities of its components.
#[derive(Debug, Clone, Copy)]
pub struct Averages {
    /// `log sum_k pi_k BF_k`.
    pub log_evidence: f64,
    /// `sum_k phi_k s_k`.
    pub shrink: f64,
    /// `sum_k phi_k s_k^2`.
    pub shrink_squared: f64,
}

/// The components of one predictor, a row of a [`Table`]: their probabilities are added to `phi`. Padding
/// has `log_pi` of [`ABSENT`].
#[inline(always)]
pub fn weigh<V: Lanes>(
    (shrink, half_log): (&[f64], &[f64]),
    log_pi: &[f64],
    half_z2: f64,
    work: &mut [f64],
    phi: &mut [f64],
) -> Averages {
    let width = shrink.len();
    let (half_log, log_pi) = (&half_log[..width], &log_pi[..width]);
    let (work, phi) = (&mut work[..width], &mut phi[..width]);
    let z = V::splat(half_z2);
    let mut total = LogSum::<V>::new();
    for (((w, s), l), p) in work
        .chunks_exact_mut(V::N)
        .zip(shrink.chunks_exact(V::N))
        .zip(half_log.chunks_exact(V::N))
        .zip(log_pi.chunks_exact(V::N))
    {
        let log = V::load(s).mul_add(z, V::load(l) + V::load(p));
        total.see(log);
        log.store(w);
    }
    total.join();
    let mut sums = [V::splat(0.0); 2];
    for (w, s) in work.chunks_exact_mut(V::N).zip(shrink.chunks_exact(V::N)) {
        let (e, s) = (total.add(V::load(w)), V::load(s));
        e.store(w);
        let weighted = e * s;
        sums[0] = sums[0] + weighted;
        sums[1] = weighted.mul_add(s, sums[1]);
    }
    let sum = total.sum.sum();
    let share = V::splat(1.0 / sum);
    for (p, w) in phi.chunks_exact_mut(V::N).zip(work.chunks_exact(V::N)) {
        V::load(w).mul_add(share, V::load(p)).store(p);
    }
    Averages {
        log_evidence: total.top.to_array()[0] + sum.ln(),
        shrink: sums[0].sum() / sum,
        shrink_squared: sums[1].sum() / sum,
    }
}
