//! What each family of outcomes hands the engine: for every observed cell, a local quadratic
//! `h eta - w eta^2 / 2` of its log-likelihood at the current posterior of the linear predictor, and
//! the cell's term of the bound.
//!
//! | family | mean | variance | local quadratic |
//! |---|---|---|---|
//! | gaussian | eta | V | exact |
//! | binomial | N logistic(eta) | | Jaakkola and Jordan's bound, tight at `c^2 = E eta^2` |
//! | nb | a exp(eta) | mu + mu^2/a | expected gradient and curvature |
//! | nb_log | exp(eta) | mu + mu^2/a | expected gradient and curvature |
//! | voom | eta | exp(-eta) + phi | expected gradient, Fisher information |
//! | beta | logistic(eta) | mu(1-mu)/(1+f) | expected gradient, Fisher information |
//!
//! The first two never lower the bound. For the others the engine takes damped steps, and keeps those
//! that raise it. Expectations over `eta ~ N(m, v)` are by Gauss-Hermite quadrature.

pub mod beta;
pub mod binomial;
pub mod dispersion;
pub mod gaussian;
pub mod hermite;
pub mod negative_binomial;
#[cfg(test)]
mod tests;
pub mod voom;

use rayon::prelude::*;

use crate::Error;

/// The outcomes: n by m, by columns; not-a-number where missing.
#[derive(Debug, Clone, Copy)]
pub struct Outcomes<'a> {
    /// The number of samples.
    pub n: usize,
    /// The number of outcomes (tissues).
    pub m: usize,
    /// The values, by columns.
    pub y: &'a [f64],
}

impl<'a> Outcomes<'a> {
    /// Outcome `t`.
    pub fn column(&self, t: usize) -> &'a [f64] {
        &self.y[t * self.n..(t + 1) * self.n]
    }

    /// The samples at which outcome `t` was observed.
    pub fn observed(&self, t: usize) -> Vec<usize> {
        let y = self.column(t);
        (0..self.n).filter(|&i| !y[i].is_nan()).collect()
    }

    /// Mean and variance (divisor n) of the observed values of outcome `t`.
    pub fn moments(&self, t: usize) -> (f64, f64) {
        let y = self.column(t);
        let seen = self.observed(t);
        let count = seen.len().max(1) as f64;
        let mean = seen.iter().map(|&i| y[i]).sum::<f64>() / count;
        (mean, seen.iter().map(|&i| (y[i] - mean).powi(2)).sum::<f64>() / count)
    }
}

/// A family with its parameters.
#[derive(Debug, Clone)]
pub enum Family {
    /// Normal outcomes.
    Gaussian(gaussian::Gaussian),
    /// Binomial outcomes, one trial each unless sizes are given.
    Binomial(binomial::Binomial),
    /// Negative binomial counts.
    NegativeBinomial(negative_binomial::NegativeBinomial),
    /// Logarithms of counts.
    Voom(voom::Voom),
    /// Proportions strictly between zero and one.
    Beta(beta::Beta),
}

/// The local quadratic `h eta - w eta^2 / 2` of one cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quadratic {
    /// The curvature, not negative.
    pub w: f64,
    /// The slope at zero.
    pub h: f64,
}

/// The local quadratics of all cells, n by m, by columns; zero where the outcome is missing.
#[derive(Debug, Clone)]
pub struct Quadratics {
    /// The curvatures.
    pub w: Vec<f64>,
    /// The slopes at zero.
    pub h: Vec<f64>,
}

/// The moments of the linear predictors: n by m, by columns.
#[derive(Debug, Clone, Copy)]
pub struct Predictor<'a> {
    /// Posterior means.
    pub mean: &'a [f64],
    /// Posterior variances.
    pub variance: &'a [f64],
}

impl Family {
    /// Whether every update is exact, so that the bound never falls.
    pub fn conjugate(&self) -> bool {
        matches!(self, Self::Gaussian(_) | Self::Binomial(_))
    }

    /// The quadratic of cell `at`, with outcome `y` and `eta ~ N(m, v)`.
    pub fn quadratic(&self, at: usize, y: f64, m: f64, v: f64) -> Quadratic {
        match self {
            Self::Gaussian(f) => f.quadratic(at, y),
            Self::Binomial(f) => f.quadratic(at, y, m, v),
            Self::NegativeBinomial(f) => f.quadratic(at, y, m, v),
            Self::Voom(f) => f.quadratic(at, y, m, v),
            Self::Beta(f) => f.quadratic(at, y, m, v),
        }
    }

    /// The quadratics of all cells, `damping` of the way from those of before.
    pub fn linearise(
        &self,
        outcomes: &Outcomes<'_>,
        eta: Predictor<'_>,
        damping: f64,
        quadratics: &mut Quadratics,
    ) {
        let n = outcomes.n;
        let columns = quadratics.w.par_chunks_mut(n).zip(quadratics.h.par_chunks_mut(n));
        columns.enumerate().for_each(|(t, (w, h))| {
            let y = outcomes.column(t);
            if let Self::Gaussian(f) = self {
                if f.model.plain() {
                    return f.linearise(t, y, w, h);
                }
            }
            for i in (0..n).filter(|&i| !y[i].is_nan()) {
                let at = t * n + i;
                let new = self.quadratic(at, y[i], eta.mean[at], eta.variance[at]);
                w[i] += damping * (new.w - w[i]);
                h[i] += damping * (new.h - h[i]);
            }
        });
    }

    /// The expected log-likelihood of cell `at`, or a lower bound of it.
    pub fn expected(&self, at: usize, y: f64, m: f64, v: f64) -> f64 {
        match self {
            Self::Gaussian(f) => f.expected(at, y, m, v),
            Self::Binomial(f) => f.expected(at, y, m, v),
            Self::NegativeBinomial(f) => f.expected(at, y, m, v),
            Self::Voom(f) => f.expected(at, y, m, v),
            Self::Beta(f) => f.expected(at, y, m, v),
        }
    }

    /// The sum of [`expected`](Self::expected) over the observed cells of outcome `t`.
    pub fn expected_sum(&self, t: usize, outcomes: &Outcomes<'_>, eta: Predictor<'_>) -> f64 {
        let cells = t * outcomes.n..(t + 1) * outcomes.n;
        if let Self::Gaussian(f) = self {
            if f.model.plain() {
                return f.expected_sum(cells, outcomes.y, eta);
            }
        }
        cells
            .filter(|&at| !outcomes.y[at].is_nan())
            .map(|at| self.expected(at, outcomes.y[at], eta.mean[at], eta.variance[at]))
            .sum()
    }

    /// Better values of the family's own parameters (variances, dispersions): the bound never falls.
    /// Returns shifts of the outcomes' intercepts that belong to them.
    pub fn update(&mut self, outcomes: &Outcomes<'_>, eta: Predictor<'_>) -> Vec<f64> {
        match self {
            Self::Gaussian(f) => f.update(outcomes, eta),
            Self::NegativeBinomial(f) => return f.update(outcomes, eta),
            Self::Voom(f) => f.update(outcomes, eta),
            Self::Beta(f) => f.update(outcomes, eta),
            Self::Binomial(_) => {}
        }
        vec![0.0; outcomes.m]
    }

    /// The mean of the outcome at `eta` known up to `N(m, v)`.
    pub fn mean(&self, at: usize, m: f64, v: f64) -> f64 {
        match self {
            Self::Gaussian(_) | Self::Voom(_) => m,
            Self::Binomial(f) => f.mean(at, m, v),
            Self::NegativeBinomial(f) => f.mean(at, m, v),
            Self::Beta(f) => f.mean(m, v),
        }
    }

    /// The family's parameters, n by m: variances, sizes, floors of the variance, or precisions.
    pub fn parameters(&self) -> Option<&[f64]> {
        match self {
            Self::Gaussian(f) => Some(&f.model.value),
            Self::NegativeBinomial(f) => Some(&f.size),
            Self::Voom(f) => Some(&f.model.value),
            Self::Beta(f) => Some(&f.precision),
            Self::Binomial(_) => None,
        }
    }

    /// Whether all outcomes are such as the family can have.
    pub fn check(&self, outcomes: &Outcomes<'_>) -> Result<(), Error> {
        let (what, bad): (&str, fn(f64, f64) -> bool) = match self {
            Self::Gaussian(_) | Self::Voom(_) => return Ok(()),
            Self::Binomial(_) => ("between 0 and the number of trials", |y, n| y < 0.0 || y > n),
            Self::NegativeBinomial(_) => ("counts, not negative", |y, _| y < 0.0),
            Self::Beta(_) => ("strictly between 0 and 1", |y, _| y <= 0.0 || y >= 1.0),
        };
        let trials = |at: usize| match self {
            Self::Binomial(f) => f.trials(at),
            _ => 1.0,
        };
        match (0..outcomes.y.len()).find(|&at| bad(outcomes.y[at], trials(at))) {
            None => Ok(()),
            Some(at) => {
                let (i, t) = (at % outcomes.n + 1, at / outcomes.n + 1);
                let why = format!("must be {what}: it is {} at ({i}, {t})", outcomes.y[at]);
                Err(Error::Value { name: "Y", why })
            }
        }
    }
}
