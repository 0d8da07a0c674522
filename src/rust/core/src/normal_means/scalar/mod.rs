//! The question in one dimension.
//!
//! Of a coefficient `theta` the data say `exp(b theta - d theta^2 / 2)`: an observation
//! `x = b / d ~ N(theta, s2)` with `s2 = 1 / d`, or the local quadratic of a bound; `d = b = 0` is no
//! observation. Against `theta = 0`:
//! ```text
//!   theta ~ N(0, v):        s2 = v / (1 + v d),    mu = s2 b,
//!                           log BF = (mu b - log(1 + v d)) / 2,    theta | x ~ N(mu, s2)
//!   its positive half:      log BF = log(2 phi(0) sqrt(s2 / v)) + log(Phi / phi)(mu / s),
//!   Exp(c):                 s2 = 1 / d,    mu = (b - c) / d,
//!                           log BF = log(c s) + log(Phi / phi)(mu / s),
//!                           both: theta | x ~ N(mu, s2) cut to its positive half
//!   a spike and a slab:     logit P(slab | x) = logit(pi) + log BF
//!   sum_k pi_k N(0, v_k):   P(k | x) ~ pi_k BF_k,    log evidence = log sum_k pi_k BF_k
//! ```
//! The posterior `q` maximises `E_q[b theta - d theta^2 / 2] - KL(q || prior)`, whose largest value is
//! the log evidence: that gives each divergence from the other two.
//!
//! - `slab`: the log Bayes factors as functions of the scale, with derivatives, to find the best one;
//! - `mixture`: mixtures of scales, on lanes.

mod mixture;
mod slab;
#[cfg(test)]
mod tests;

pub use mixture::{ABSENT, Averages, Table, padded, weigh};
pub use slab::{Family, Ratio};

use crate::linalg::normal_tail::cut_normal;

/// The support of a slab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// The whole line.
    Any,
    /// The positive half.
    Positive,
}

/// `log(2 phi(0))`.
const LOG_2_OVER_ROOT_2_PI: f64 = -0.225_791_352_644_727_4;

/// The posterior of a slab: `N(mu, s2)`, cut to its support.
#[derive(Debug, Clone, Copy)]
pub struct Posterior {
    /// The location.
    pub mu: f64,
    /// The squared scale.
    pub s2: f64,
    /// The log Bayes factor against zero.
    pub log_bayes: f64,
}

/// Under `N(0, v)`; a point at zero if `v = 0`.
#[inline(always)]
pub fn normal(d: f64, b: f64, v: f64) -> Posterior {
    let inflation = 1.0 + v * d;
    let s2 = v / inflation;
    let mu = s2 * b;
    Posterior { mu, s2, log_bayes: 0.5 * (mu * b - inflation.ln()) }
}

/// Under the positive half of `N(0, v)`.
#[inline]
pub fn half_normal(d: f64, b: f64, v: f64) -> Posterior {
    let inflation = 1.0 + v * d;
    let s2 = v / inflation;
    let mu = s2 * b;
    let tail = cut_normal(mu / s2.sqrt()).log_ratio;
    Posterior { mu, s2, log_bayes: LOG_2_OVER_ROOT_2_PI + tail - 0.5 * inflation.ln() }
}

/// Mean and second moment of `N(mu, s2)`, cut to its support.
#[inline(always)]
pub fn moments(sign: Sign, mu: f64, s2: f64) -> (f64, f64) {
    match sign {
        Sign::Any => (mu, mu * mu + s2),
        Sign::Positive => {
            let s = s2.sqrt();
            let cut = cut_normal(mu / s);
            (s * cut.mean, s2 * cut.second)
        }
    }
}

/// The divergence of `N(mu, s2)` from `N(0, v)`, both cut to their support.
pub fn divergence(sign: Sign, mu: f64, s2: f64, v: f64) -> f64 {
    let (m1, m2) = moments(sign, mu, s2);
    let scale = (s2 / v).ln();
    match sign {
        Sign::Any => 0.5 * (m2 / v - 1.0 - scale),
        // -E(x - mu)^2 / 2 s2 - log Phi(z), written so that z^2 does not appear.
        Sign::Positive => {
            let ratio = cut_normal(mu / s2.sqrt()).log_ratio;
            let tilt = mu * m1 / s2 - 0.5 * m2 / s2;
            0.5 * (m2 / v - scale) + tilt - ratio - LOG_2_OVER_ROOT_2_PI
        }
    }
}

/// Inclusion probabilities that add nothing to a divergence.
pub const NOTHING: f64 = 1e-15;

/// A prior probability of the slab, for the divergences of many posterior ones.
#[derive(Debug, Clone, Copy)]
pub struct Inclusion {
    log_in: f64,
    log_out: f64,
}

impl Inclusion {
    /// With probability `pi`.
    pub fn new(pi: f64) -> Self {
        Self { log_in: pi.ln(), log_out: (-pi).ln_1p() }
    }

    /// `a log(a / pi) + (1 - a) log((1 - a) / (1 - pi))`, with `0 log 0 = 0`.
    #[inline]
    pub fn divergence(&self, a: f64) -> f64 {
        if a < NOTHING {
            return -self.log_out;
        }
        // log(1 - a) by its series where that is exact: most coefficients are out.
        let series = -a * (1.0 + a * (0.5 + a / 3.0));
        let out = if a < 1e-4 { series } else { (-a).ln_1p() };
        let rest = if a < 1.0 { (1.0 - a) * (out - self.log_out) } else { 0.0 };
        a * (a.ln() - self.log_in) + rest
    }
}
