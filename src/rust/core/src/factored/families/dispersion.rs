//! Variances and dispersions that follow covariates, outcome by outcome: `value = link(C theta)`.

use faer::prelude::*;
use faer::{Mat, Side};

use crate::linalg::scalar::{logistic, logit};

/// From the linear predictor to the value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// `low + (high - low) logistic(e)`: a variance between bounds.
    Between(f64, f64),
    /// `low + exp(-e)`: a size or precision above a floor; a larger predictor is more spread.
    Above(f64),
}

impl Link {
    /// The value at `e`, and its derivative.
    pub fn at(self, e: f64) -> (f64, f64) {
        match self {
            Self::Between(low, high) => {
                let p = logistic(e);
                (low + (high - low) * p, (high - low) * p * (1.0 - p))
            }
            Self::Above(low) => {
                let x = (-e).clamp(-40.0, 40.0).exp();
                (low + x, -x)
            }
        }
    }

    /// The predictor at which the value is `value`, kept inside the bounds.
    pub fn inverse(self, value: f64) -> f64 {
        match self {
            Self::Between(low, high) => {
                let p = ((value - low) / (high - low)).clamp(1e-6, 1.0 - 1e-6);
                logit(p)
            }
            Self::Above(low) => -(value - low).max(1e-12 * (1.0 + low)).ln(),
        }
    }
}

/// The log-likelihood of one cell as a function of its value: itself, slope, and information.
#[derive(Debug, Clone, Copy)]
pub struct Term {
    /// The expected log-likelihood.
    pub value: f64,
    /// Its derivative.
    pub slope: f64,
    /// Its expected negative second derivative, or the squared slope.
    pub information: f64,
}

/// Coefficients of the values' covariates.
#[derive(Debug, Clone)]
pub struct Dispersion {
    n: usize,
    /// n by q, by columns; the first is an intercept.
    covariates: Vec<f64>,
    q: usize,
    /// One link for each outcome.
    pub link: Vec<Link>,
    /// q for each outcome.
    pub theta: Vec<f64>,
    /// The standard errors of `theta`.
    pub se: Vec<f64>,
    /// The values, n by m, by columns.
    pub value: Vec<f64>,
}

/// Halvings of a step before it is given up.
const HALVINGS: usize = 8;

impl Dispersion {
    /// All outcomes at `start`; `covariates` are n by q with an intercept first.
    pub fn new(n: usize, covariates: &[f64], link: Vec<Link>, start: &[f64]) -> Self {
        let q = covariates.len() / n.max(1);
        let m = link.len();
        let (mut theta, mut value) = (vec![0.0; m * q], vec![0.0; n * m]);
        for t in 0..m {
            theta[t * q] = link[t].inverse(start[t]);
            let at = link[t].at(theta[t * q]).0;
            value[t * n..(t + 1) * n].fill(at);
        }
        let covariates = covariates.to_vec();
        Self { n, covariates, q, link, theta, se: vec![f64::NAN; m * q], value }
    }

    /// Whether there is nothing but the intercept.
    pub fn plain(&self) -> bool {
        self.q == 1
    }

    /// One value for all samples of outcome `t`.
    pub fn set(&mut self, t: usize, value: f64) {
        self.theta[t * self.q] = self.link[t].inverse(value);
        self.value[t * self.n..(t + 1) * self.n].fill(value);
    }

    fn predictor(&self, i: usize, theta: &[f64]) -> f64 {
        (0..self.q).map(|c| self.covariates[c * self.n + i] * theta[c]).sum()
    }

    /// A scoring step for outcome `t` on the samples `seen`; never lowers the sum of the terms.
    pub fn ascend(&mut self, t: usize, seen: &[usize], term: impl Fn(usize, f64) -> Term) {
        let (q, link) = (self.q, self.link[t]);
        let theta = self.theta[t * q..(t + 1) * q].to_vec();
        let (mut total, mut slope, mut info) = (0.0, vec![0.0; q], Mat::<f64>::zeros(q, q));
        for &i in seen {
            let (value, derivative) = link.at(self.predictor(i, &theta));
            let at = term(i, value);
            total += at.value;
            for a in 0..q {
                let xa = self.covariates[a * self.n + i] * derivative;
                slope[a] += xa * at.slope;
                for b in 0..=a {
                    let xb = self.covariates[b * self.n + i] * derivative;
                    info[(a, b)] += xa * xb * at.information;
                }
            }
        }
        for a in 0..q {
            info[(a, a)] += 1e-8 * (1.0 + info[(a, a)]);
        }
        let Ok(factor) = info.llt(Side::Lower) else { return };
        let inverse = factor.solve(Mat::<f64>::identity(q, q));
        for a in 0..q {
            self.se[t * q + a] = inverse[(a, a)].sqrt();
        }
        let step: Vec<f64> =
            (0..q).map(|a| (0..q).map(|b| inverse[(a, b)] * slope[b]).sum()).collect();
        // At most a factor of e^2 at a time: far from the optimum the quadratic is a poor guide.
        let longest = step.iter().fold(0.0f64, |a, b| a.max(b.abs()));
        let mut length = (2.0 / longest).min(1.0);
        for _ in 0..HALVINGS {
            let trial: Vec<f64> = theta.iter().zip(&step).map(|(a, b)| a + length * b).collect();
            let values: Vec<f64> =
                seen.iter().map(|&i| link.at(self.predictor(i, &trial)).0).collect();
            let new: f64 = seen.iter().zip(&values).map(|(&i, &v)| term(i, v).value).sum();
            if new >= total {
                for i in 0..self.n {
                    self.value[t * self.n + i] = link.at(self.predictor(i, &trial)).0;
                }
                self.theta[t * q..(t + 1) * q].copy_from_slice(&trial);
                return;
            }
            length *= 0.5;
        }
    }
}
