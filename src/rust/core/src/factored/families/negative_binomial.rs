//! Negative binomial counts of size `a`, variance `mu + mu^2 / a`.
//!
//! Two links: the log-odds `eta = log(mu / a)`, under which a change of the size moves the mean, and
//! the log-mean `eta = log mu`, under which it does not.

use super::dispersion::{Dispersion, Link, Term};
use super::hermite::{expect, expect_pair};
use super::{Outcomes, Predictor, Quadratic};
use crate::linalg::gamma::{digamma, ln_gamma};
use crate::linalg::scalar::{logistic, softplus};
use crate::linalg::search::maximum;

/// The farthest that the logarithm of a size goes in one round, and how closely it is found.
const LONGEST: f64 = 1.0;
const CLOSE: f64 = 1e-3;

/// What the linear predictor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mean {
    /// `log(mu / a)`.
    Odds,
    /// `log mu`.
    Log,
}

/// Negative binomial counts.
#[derive(Debug, Clone)]
pub struct NegativeBinomial {
    /// The link of the mean.
    pub mean: Mean,
    /// The model of the sizes.
    pub model: Dispersion,
    /// The sizes, n by m (those of the model).
    pub size: Vec<f64>,
}

impl NegativeBinomial {
    /// From a model of the sizes.
    pub fn new(mean: Mean, model: Dispersion) -> Self {
        let size = model.value.clone();
        Self { mean, model, size }
    }

    /// `eta` on the log-odds scale.
    fn odds(&self, eta: f64, a: f64) -> f64 {
        match self.mean {
            Mean::Odds => eta,
            Mean::Log => eta - a.ln(),
        }
    }

    pub(super) fn quadratic(&self, at: usize, y: f64, m: f64, v: f64) -> Quadratic {
        let a = self.size[at];
        // d log p / d eta = y - (y + a) p with p = logistic(odds); its negative derivative.
        let (slope, w) = expect_pair(self.odds(m, a), v, |x| {
            let p = logistic(x);
            (y - (y + a) * p, (y + a) * p * (1.0 - p))
        });
        Quadratic { w, h: w * m + slope }
    }

    /// `E log p` with size `a`, for the cell's `odds ~ N(m, v)`.
    fn cell(y: f64, a: f64, m: f64, v: f64) -> f64 {
        let constant = ln_gamma(y + a) - ln_gamma(a) - ln_gamma(y + 1.0);
        constant + y * m - (y + a) * expect(m, v, softplus)
    }

    pub(super) fn expected(&self, at: usize, y: f64, m: f64, v: f64) -> f64 {
        let a = self.size[at];
        Self::cell(y, a, self.odds(m, a), v)
    }

    pub(super) fn mean(&self, at: usize, m: f64, v: f64) -> f64 {
        let scale = if self.mean == Mean::Odds { self.size[at] } else { 1.0 };
        scale * (m + 0.5 * v).exp()
    }

    /// Sizes; under the log-odds link with a shift of the intercept that keeps the means.
    pub(super) fn update(&mut self, outcomes: &Outcomes<'_>, eta: Predictor<'_>) -> Vec<f64> {
        let n = outcomes.n;
        let mut shifts = vec![0.0; outcomes.m];
        for t in 0..outcomes.m {
            let seen = outcomes.observed(t);
            let y = outcomes.column(t);
            let moments = |i: usize| (eta.mean[t * n + i], eta.variance[t * n + i]);
            if self.model.plain() {
                let Link::Above(floor) = self.model.link[t] else { continue };
                let now = self.model.value[t * n];
                // The means stay as they are, under either link.
                let keep = |a: f64| match self.mean {
                    Mean::Odds => (now / a).ln(),
                    Mean::Log => -a.ln(),
                };
                let total = |log_a: f64| -> f64 {
                    let a = log_a.exp();
                    let shift = keep(a);
                    let cell = |&i: &usize| Self::cell(y[i], a, moments(i).0 + shift, moments(i).1);
                    seen.iter().map(cell).sum()
                };
                let (low, high) = (floor.max(1e-6).ln(), 1e7f64.ln());
                let start = now.ln().clamp(low, high);
                let near = [(start - LONGEST).max(low), start, (start + LONGEST).min(high)];
                // The place is that of a parabola's top: near the end it may be lower by a little.
                let found = maximum(total, &near, CLOSE).at;
                let better = if total(found) > total(start) { found } else { start };
                let a = better.exp().max(floor);
                shifts[t] = if self.mean == Mean::Odds { keep(a) } else { 0.0 };
                self.model.set(t, a);
            } else {
                let mean = self.mean;
                self.model.ascend(t, &seen, |i, a| {
                    let (m, v) = moments(i);
                    let m = if mean == Mean::Log { m - a.ln() } else { m };
                    let value = Self::cell(y[i], a, m, v);
                    let (sp, p) = expect_pair(m, v, |x| (softplus(x), logistic(x)));
                    // Under the log link the odds follow the size: d odds / d a = -1/a.
                    let follow = y[i] - (y[i] + a) * p;
                    let through = if mean == Mean::Log { -follow / a } else { 0.0 };
                    let slope = digamma(y[i] + a) - digamma(a) - sp + through;
                    Term { value, slope, information: slope * slope }
                });
            }
        }
        self.size.copy_from_slice(&self.model.value);
        shifts
    }
}
