//! Ranges of hyper-parameters, and what coefficients say of them.

use super::slab::Slab;

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
