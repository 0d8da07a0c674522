//! Normal outcomes, `y ~ N(eta, V)`, with `V` between bounds: `Vmin + (Vmax - Vmin) logistic(e)`.

use super::dispersion::{Dispersion, Term};
use super::{Outcomes, Predictor, Quadratic};

/// The variances of normal outcomes.
#[derive(Debug, Clone)]
pub struct Gaussian {
    /// The variances.
    pub model: Dispersion,
}

impl Gaussian {
    pub(super) fn quadratic(&self, at: usize, y: f64) -> Quadratic {
        let w = 1.0 / self.model.value[at];
        Quadratic { w, h: w * y }
    }

    pub(super) fn expected(&self, at: usize, y: f64, m: f64, v: f64) -> f64 {
        normal(self.model.value[at], (y - m) * (y - m) + v).value
    }

    /// In closed form where the variance is one number, else by a scoring step.
    pub(super) fn update(&mut self, outcomes: &Outcomes<'_>, eta: Predictor<'_>) {
        for t in 0..outcomes.m {
            let seen = outcomes.observed(t);
            let y = outcomes.column(t);
            let square = |i: usize| {
                let at = t * outcomes.n + i;
                (y[i] - eta.mean[at]).powi(2) + eta.variance[at]
            };
            if self.model.plain() {
                let mean = seen.iter().map(|&i| square(i)).sum::<f64>() / seen.len().max(1) as f64;
                if let super::dispersion::Link::Between(low, high) = self.model.link[t] {
                    self.model.set(t, mean.clamp(low, high));
                }
            } else {
                self.model.ascend(t, &seen, |i, variance| normal(variance, square(i)));
            }
        }
    }
}

/// The log-density at variance `v` of a value whose expected squared distance to the mean is `square`.
pub(super) fn normal(v: f64, square: f64) -> Term {
    Term {
        value: -0.5 * ((std::f64::consts::TAU * v).ln() + square / v),
        slope: 0.5 * (square / v - 1.0) / v,
        information: 0.5 / (v * v),
    }
}
