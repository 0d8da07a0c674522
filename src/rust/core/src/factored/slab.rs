//! Spike-and-slab coefficients under a quadratic likelihood, one at a time.
//!
//! A coefficient is zero with prior probability `1 - pi`, else N(0, 1/tau), or the positive half of
//! it. For the quadratic `b theta - d theta^2 / 2` the posterior is again a spike and a slab: see
//! `normal_means::scalar`.

use crate::linalg::scalar::{logistic, logit};
pub use crate::normal_means::scalar::Sign;
use crate::normal_means::scalar::{Inclusion, NOTHING, divergence, half_normal, moments, normal};

/// Inclusion probabilities at which a coefficient adds nothing to the variance of a sum.
const OUT: f64 = 1e-9;

/// Coefficients with a common prior, and their posteriors.
#[derive(Debug, Clone)]
pub struct Slab {
    /// The posterior inclusion probabilities.
    pub alpha: Vec<f64>,
    /// The slab's location.
    pub mu: Vec<f64>,
    /// The slab's squared scale.
    pub s2: Vec<f64>,
    /// The prior inclusion probability.
    pub pi: f64,
    /// `logit(pi)`.
    log_odds: f64,
    /// The prior precision of the slab.
    pub tau: f64,
    /// The slab's support.
    pub sign: Sign,
}

impl Slab {
    /// All coefficients excluded.
    pub fn new(len: usize, pi: f64, tau: f64, sign: Sign) -> Self {
        let (alpha, mu, s2) = (vec![0.0; len], vec![0.0; len], vec![1.0 / tau; len]);
        Self { alpha, mu, s2, pi, log_odds: logit(pi), tau, sign }
    }

    /// The number of coefficients.
    pub fn len(&self) -> usize {
        self.mu.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.mu.is_empty()
    }

    /// Set coefficient `j` to its posterior under `b theta - d theta^2 / 2`.
    #[inline(always)]
    pub fn set(&mut self, j: usize, d: f64, b: f64) {
        let found = match self.sign {
            Sign::Any => normal(d, b, 1.0 / self.tau),
            Sign::Positive => half_normal(d, b, 1.0 / self.tau),
        };
        self.alpha[j] = logistic(self.log_odds + found.log_bayes);
        self.mu[j] = found.mu;
        self.s2[j] = found.s2;
    }

    /// All coefficients in, and next to given values: where an ascent starts.
    pub fn start_at(&mut self, values: &[f64]) {
        self.alpha.fill(1.0);
        self.mu.copy_from_slice(values);
        self.s2.fill(1e-3);
    }

    /// `logit(pi)`.
    pub(super) fn prior_odds(&self) -> f64 {
        self.log_odds
    }

    /// The posterior means.
    pub fn means(&self) -> Vec<f64> {
        (0..self.len()).map(|j| self.mean(j)).collect()
    }

    /// Mean and second moment of the slab of coefficient `j`.
    pub(super) fn slab_moments(&self, j: usize) -> (f64, f64) {
        moments(self.sign, self.mu[j], self.s2[j])
    }

    /// The posterior mean of coefficient `j`.
    pub fn mean(&self, j: usize) -> f64 {
        self.alpha[j] * self.slab_moments(j).0
    }

    /// The posterior second moment of coefficient `j`.
    pub fn second(&self, j: usize) -> f64 {
        self.alpha[j] * self.slab_moments(j).1
    }

    /// The posterior variance of coefficient `j`.
    pub fn variance(&self, j: usize) -> f64 {
        let (m1, m2) = self.slab_moments(j);
        let alpha = self.alpha[j];
        (alpha * (m2 - m1 * m1) + alpha * (1.0 - alpha) * m1 * m1).max(0.0)
    }

    /// The posterior variances, zero for coefficients that are out beyond doubt.
    pub fn variances(&self) -> Vec<f64> {
        let of = |j: usize| if self.alpha[j] > OUT { self.variance(j) } else { 0.0 };
        (0..self.len()).map(of).collect()
    }

    /// All coefficients times the root of `square`; the prior stays.
    pub fn rescale(&mut self, square: f64) {
        self.mu.iter_mut().for_each(|m| *m *= square.sqrt());
        self.s2.iter_mut().for_each(|s| *s *= square);
    }

    /// `KL(q || p)`, summed over the coefficients.
    pub fn kl(&self) -> f64 {
        let prior = Inclusion::new(self.pi);
        let of = |j: usize| {
            let alpha = self.alpha[j];
            let slab = if alpha < NOTHING { 0.0 } else { alpha * self.slab_kl(j) };
            prior.divergence(alpha) + slab
        };
        (0..self.len()).map(of).sum()
    }

    /// The divergence of the slab of coefficient `j` from the prior's.
    pub(super) fn slab_kl(&self, j: usize) -> f64 {
        divergence(self.sign, self.mu[j], self.s2[j], 1.0 / self.tau)
    }

    /// Another prior: inclusion probability and precision of the slab.
    pub fn set_prior(&mut self, pi: f64, tau: f64) {
        (self.pi, self.log_odds, self.tau) = (pi, logit(pi), tau);
    }
}
