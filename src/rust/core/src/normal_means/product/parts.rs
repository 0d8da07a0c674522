//! The posterior of one cell as what it is: zero, or one of a few normals.

use super::super::scalar::normal;
use super::Product;
use crate::linalg::special::erfc;

/// A normal that an effect may come from.
#[derive(Debug, Clone, Copy)]
pub struct Slab {
    pub weight: f64,
    pub mean: f64,
    pub variance: f64,
}

/// An effect is zero with a probability, or from one of the slabs.
#[derive(Debug, Clone)]
pub struct Parts {
    pub zero: f64,
    pub slabs: Vec<Slab>,
}

/// What is less probable than this is left out: no probability of a sign loses a digit that matters.
const NEGLIGIBLE: f64 = 1e-30;

impl Product {
    /// The posterior in condition `r`, as [`Product::cell`] sums it up.
    pub fn parts(&self, r: usize, delta: f64, beta: f64) -> Parts {
        let l = self.variances.len();
        let log_weights = &self.log_weights[r * l..(r + 1) * l];
        let each = self.variances.iter().zip(log_weights);
        let logs: Vec<_> = each
            .map(|(&v, &log_weight)| {
                let p = normal(delta, beta, v);
                (log_weight + p.log_bayes, p)
            })
            .collect();
        let top = logs.iter().fold(f64::NEG_INFINITY, |top, (log, _)| top.max(*log));
        let total: f64 = logs.iter().map(|(log, _)| (log - top).exp()).sum();
        let mut parts = Parts { zero: 0.0, slabs: Vec::new() };
        for (log, p) in logs {
            let weight = (log - top).exp() / total;
            if p.s2 <= 0.0 {
                parts.zero += weight;
            } else if weight > NEGLIGIBLE {
                parts.slabs.push(Slab { weight, mean: p.mu, variance: p.s2 });
            }
        }
        parts
    }
}

impl Parts {
    /// How many parts there are.
    pub fn len(&self) -> usize {
        self.slabs.len() + usize::from(self.zero > 0.0)
    }

    /// The effect that belongs to a uniform number, and a standard normal where it is not zero.
    pub fn draw(&self, u: f64, normal: impl FnOnce() -> f64) -> f64 {
        let mut left = u - self.zero;
        if left < 0.0 {
            return 0.0;
        }
        for slab in &self.slabs {
            left -= slab.weight;
            if left < 0.0 {
                return slab.mean + slab.variance.sqrt() * normal();
            }
        }
        // Rounding left a remainder.
        self.slabs.last().map_or(0.0, |slab| slab.mean + slab.variance.sqrt() * normal())
    }
}

/// `P(N(mean, variance) < 0)`, which keeps its digits where it is small.
pub fn below_zero(mean: f64, variance: f64) -> f64 {
    0.5 * erfc(mean / (2.0 * variance).sqrt())
}
