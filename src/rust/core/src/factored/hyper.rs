//! Ranges of hyper-parameters, and what coefficients say of them.

use super::single::SingleEffects;
use super::slab::Slab;
use crate::linalg::scalar::{logistic, logit};

/// The prior of the probability that a single effect is there: a beta distribution, of which the
/// density is that of the log-odds.
const SHAPE: [f64; 2] = [0.5, 2.0];
/// The least probability that a single effect is there, or is not.
const LEAST: f64 = 1e-6;

/// The ranges in which the hyper-parameters are estimated; equal ends fix them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hyper {
    /// The smallest and largest prior inclusion probability.
    pub pi: (f64, f64),
    /// The smallest and largest prior precision of the slab.
    pub tau: (f64, f64),
}

impl Hyper {
    /// Whether the precision is estimated.
    pub fn free(&self) -> bool {
        self.tau.0 < self.tau.1
    }

    /// The inclusion probability and precision with the largest bound, for coefficients with these sums
    /// whose precision is now `tau`.
    pub fn best(&self, sums: &Sums, tau: f64) -> (f64, f64) {
        let pi = (sums.included / sums.count.max(1.0)).clamp(self.pi.0, self.pi.1);
        if sums.energy > 0.0 && self.free() {
            (pi, (sums.included / sums.energy).clamp(self.tau.0, self.tau.1))
        } else {
            (pi, tau)
        }
    }

    /// The log-odds with the largest bound that a single effect is there. `pi` is the probability of a
    /// predictor: times the predictors for each effect it is that of an effect.
    pub fn log_odds(&self, presence: &Presence) -> f64 {
        let [a, b] = SHAPE;
        let best = (presence.there + a) / (presence.effects + a + b);
        let each = presence.predictors / presence.effects.max(1.0);
        let end = |pi: f64| (pi * each).clamp(LEAST, 1.0 - LEAST);
        logit(best.clamp(end(self.pi.0), end(self.pi.1)))
    }
}

/// What single effects say of the probability that they are there.
#[derive(Debug, Clone, Copy, Default)]
pub struct Presence {
    /// The expected number that are there.
    there: f64,
    /// How many there might be.
    effects: f64,
    /// The predictors at which they might be, summed over the sums of effects.
    predictors: f64,
}

impl Presence {
    /// Of some sums of single effects.
    pub fn of<'a>(sums: impl Iterator<Item = &'a SingleEffects>) -> Self {
        sums.fold(Self::default(), |total, sum| Self {
            there: total.there + sum.there(),
            effects: total.effects + sum.effects.len() as f64,
            predictors: total.predictors + sum.predictors() as f64,
        })
    }
}

/// What the prior of the probability takes from the bound, at most nothing.
pub fn presence_prior(log_odds: f64) -> f64 {
    let [a, b] = SHAPE;
    let (rho, mode) = (logistic(log_odds), a / (a + b));
    a * (rho / mode).ln() + b * ((1.0 - rho) / (1.0 - mode)).ln()
}

/// What coefficients say of their common prior.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sums {
    /// How many there are.
    pub count: f64,
    /// The sum of their inclusion probabilities.
    pub included: f64,
    /// The sum of their second moments.
    pub energy: f64,
}

impl Sums {
    /// Of some coefficients.
    pub fn of(slab: &Slab) -> Self {
        let second = (0..slab.len()).map(|j| slab.second(j));
        Self { count: slab.len() as f64, included: slab.alpha.iter().sum(), energy: second.sum() }
    }
}
