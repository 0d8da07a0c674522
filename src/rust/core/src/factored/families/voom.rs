//! Logarithms of counts, `y ~ N(eta, exp(-eta) + phi)`: by the delta method the log of a count with
//! mean `mu = exp(eta)` and relative variance `phi` has variance `1/mu + phi` (Law et al. 2014).

use super::dispersion::{Dispersion, Term};
use super::gaussian::normal;
use super::hermite::{expect, expect_pair};
use super::{Outcomes, Predictor, Quadratic};

/// The relative variances.
#[derive(Debug, Clone)]
pub struct Voom {
    /// `phi`.
    pub model: Dispersion,
    /// `eta + base` is the log of the mean count: n by m, or empty for zero.
    pub base: Vec<f64>,
}

impl Voom {
    fn base(&self, at: usize) -> f64 {
        self.base.get(at).copied().unwrap_or(0.0)
    }

    pub(super) fn quadratic(&self, at: usize, y: f64, m: f64, v: f64) -> Quadratic {
        let (phi, base) = (self.model.value[at], self.base(at));
        let (slope, w) = expect_pair(m, v, |x| {
            let poisson = (-x - base).exp();
            let variance = poisson + phi;
            let share = poisson / variance;
            let r = y - x;
            let slope = r / variance + 0.5 * share * (1.0 - r * r / variance);
            (slope, 1.0 / variance + 0.5 * share * share)
        });
        Quadratic { w, h: w * m + slope }
    }

    pub(super) fn expected(&self, at: usize, y: f64, m: f64, v: f64) -> f64 {
        let (phi, base) = (self.model.value[at], self.base(at));
        expect(m, v, |x| normal((-x - base).exp() + phi, (y - x) * (y - x)).value)
    }

    pub(super) fn update(&mut self, outcomes: &Outcomes<'_>, eta: Predictor<'_>) {
        let base = std::mem::take(&mut self.base);
        for t in 0..outcomes.m {
            let seen = outcomes.observed(t);
            let y = outcomes.column(t);
            self.model.ascend(t, &seen, |i, phi| {
                let at = t * outcomes.n + i;
                let b = base.get(at).copied().unwrap_or(0.0);
                let (m, v) = (eta.mean[at], eta.variance[at]);
                let term = |x: f64| normal((-x - b).exp() + phi, (y[i] - x) * (y[i] - x));
                let (value, slope) = expect_pair(m, v, |x| (term(x).value, term(x).slope));
                Term { value, slope, information: expect(m, v, |x| term(x).information) }
            });
        }
        self.base = base;
    }
}
