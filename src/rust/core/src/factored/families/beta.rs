//! Proportions, `y ~ Beta(mu f, (1 - mu) f)` with `mu = logistic(eta)`, precision `f`.

use super::dispersion::{Dispersion, Term};
use super::hermite::{expect, expect_pair};
use super::{Outcomes, Predictor, Quadratic};
use crate::linalg::gamma::{digamma, ln_gamma, trigamma};
use crate::linalg::scalar::{logistic, logit};

/// The precisions.
#[derive(Debug, Clone)]
pub struct Beta {
    /// The model of the precisions.
    pub model: Dispersion,
    /// The precisions, n by m (those of the model).
    pub precision: Vec<f64>,
}

/// `mu` is kept this far from zero and one, where `log Gamma(mu f)` is infinite.
const EDGE: f64 = 1e-12;

fn mean_of(eta: f64) -> f64 {
    logistic(eta).clamp(EDGE, 1.0 - EDGE)
}

impl Beta {
    /// From a model of the precisions.
    pub fn new(model: Dispersion) -> Self {
        let precision = model.value.clone();
        Self { model, precision }
    }

    pub(super) fn quadratic(&self, at: usize, y: f64, m: f64, v: f64) -> Quadratic {
        let f = self.precision[at];
        let target = logit(y);
        let (slope, w) = expect_pair(m, v, |x| {
            let mu = mean_of(x);
            let derivative = mu * (1.0 - mu);
            let (a, b) = (mu * f, (1.0 - mu) * f);
            let slope = f * derivative * (target - digamma(a) + digamma(b));
            (slope, (f * derivative).powi(2) * (trigamma(a) + trigamma(b)))
        });
        Quadratic { w, h: w * m + slope }
    }

    fn density(y: f64, f: f64, eta: f64) -> f64 {
        let mu = mean_of(eta);
        let (a, b) = (mu * f, (1.0 - mu) * f);
        ln_gamma(f) - ln_gamma(a) - ln_gamma(b) + (a - 1.0) * y.ln() + (b - 1.0) * (-y).ln_1p()
    }

    pub(super) fn expected(&self, at: usize, y: f64, m: f64, v: f64) -> f64 {
        expect(m, v, |x| Self::density(y, self.precision[at], x))
    }

    pub(super) fn mean(&self, m: f64, v: f64) -> f64 {
        expect(m, v, logistic)
    }

    pub(super) fn update(&mut self, outcomes: &Outcomes<'_>, eta: Predictor<'_>) {
        for t in 0..outcomes.m {
            let seen = outcomes.observed(t);
            let y = outcomes.column(t);
            self.model.ascend(t, &seen, |i, f| {
                let at = t * outcomes.n + i;
                let (value, slope) = expect_pair(eta.mean[at], eta.variance[at], |x| {
                    let mu = mean_of(x);
                    let slope =
                        digamma(f) - mu * digamma(mu * f) - (1.0 - mu) * digamma((1.0 - mu) * f)
                            + mu * y[i].ln()
                            + (1.0 - mu) * (-y[i]).ln_1p();
                    (Self::density(y[i], f, x), slope)
                });
                Term { value, slope, information: slope * slope }
            });
        }
        self.precision.copy_from_slice(&self.model.value);
    }
}
