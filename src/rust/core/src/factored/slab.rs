//! Spike-and-slab coefficients under a quadratic likelihood, one at a time.
//!
//! A coefficient is zero with prior probability `1 - pi`, else N(0, 1/tau), or the positive half of
//! it. For the quadratic `b theta - d theta^2 / 2` the posterior is again a spike and a slab, with
//! `s2 = 1/(d + tau)`, `mu = s2 b` and
//! ```text
//!   logit(alpha) = logit(pi) + 1/2 log(tau s2) + mu^2 / (2 s2)   [+ log 2 Phi(mu/s) for the half].
//! ```

use crate::linalg::normal_tail::cut_normal;
use crate::linalg::scalar::{logistic, logit};

/// Inclusion probabilities at which a coefficient adds nothing to the variance of a sum.
const OUT: f64 = 1e-9;

/// Inclusion probabilities that add nothing to a divergence.
const NOTHING: f64 = 1e-15;

/// `log(2 / sqrt(2 pi))`.
const LOG_2_OVER_ROOT_2_PI: f64 = -0.225_791_352_644_727_4;

/// The support of the slab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// The whole line.
    Any,
    /// The positive half: a half-normal slab.
    Positive,
}

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
        let s2 = 1.0 / (d + self.tau);
        let mu = s2 * b;
        let scale = self.log_odds + 0.5 * (self.tau * s2).ln();
        let log_odds = match self.sign {
            Sign::Any => scale + 0.5 * mu * b,
            Sign::Positive => scale + LOG_2_OVER_ROOT_2_PI + cut_normal(mu / s2.sqrt()).log_ratio,
        };
        self.alpha[j] = logistic(log_odds);
        self.mu[j] = mu;
        self.s2[j] = s2;
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
        let (mu, s2) = (self.mu[j], self.s2[j]);
        match self.sign {
            Sign::Any => (mu, mu * mu + s2),
            Sign::Positive => {
                let s = s2.sqrt();
                let cut = cut_normal(mu / s);
                (s * cut.mean, s2 * cut.second)
            }
        }
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
        let (included, excluded) = (self.pi.ln(), (-self.pi).ln_1p());
        let of = |j: usize| {
            let alpha = self.alpha[j];
            if alpha < NOTHING {
                return -excluded;
            }
            // log(1 - alpha) by its series where that is exact: most coefficients are out.
            let series = -alpha * (1.0 + alpha * (0.5 + alpha / 3.0));
            let out = if alpha < 1e-4 { series } else { (-alpha).ln_1p() };
            let spike = alpha * (alpha.ln() - included)
                + if alpha < 1.0 { (1.0 - alpha) * (out - excluded) } else { 0.0 };
            spike + alpha * self.slab_kl(j)
        };
        (0..self.len()).map(of).sum()
    }

    /// The divergence of the slab of coefficient `j` from the prior's.
    pub(super) fn slab_kl(&self, j: usize) -> f64 {
        let (mu, s2) = (self.mu[j], self.s2[j]);
        let (m1, m2) = self.slab_moments(j);
        let scale = (self.tau * s2).ln();
        match self.sign {
            Sign::Any => 0.5 * (self.tau * m2 - 1.0 - scale),
            // -E(x - mu)^2 / 2 s2 - log Phi(z), written so that z^2 does not appear.
            Sign::Positive => {
                let ratio = cut_normal(mu / s2.sqrt()).log_ratio;
                let tilt = mu * m1 / s2 - 0.5 * m2 / s2;
                0.5 * (self.tau * m2 - scale) + tilt - ratio - LOG_2_OVER_ROOT_2_PI
            }
        }
    }

    /// Another prior: inclusion probability and precision of the slab.
    pub fn set_prior(&mut self, pi: f64, tau: f64) {
        (self.pi, self.log_odds, self.tau) = (pi, logit(pi), tau);
    }
}

/// `a log(a/p) + (1-a) log((1-a)/(1-p))`, with `0 log 0 = 0`.
pub fn binary_kl(a: f64, p: f64) -> f64 {
    let part = |a: f64, p: f64| if a > 0.0 { a * (a / p).ln() } else { 0.0 };
    part(a, p) + part(1.0 - a, 1.0 - p)
}
