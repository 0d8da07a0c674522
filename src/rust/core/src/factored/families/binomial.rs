//! Binomial outcomes, by the bound of Jaakkola and Jordan (2000) of the logistic function.

use super::Quadratic;
use super::hermite::expect;
use crate::linalg::gamma::ln_gamma;
use crate::linalg::scalar::{logistic, softplus, softplus_curvature};

/// The numbers of trials.
#[derive(Debug, Clone)]
pub struct Binomial {
    /// n by m, by columns; empty for one trial everywhere.
    pub size: Vec<f64>,
}

impl Binomial {
    /// The number of trials of cell `at`.
    pub fn trials(&self, at: usize) -> f64 {
        self.size.get(at).copied().unwrap_or(1.0)
    }

    pub(super) fn quadratic(&self, at: usize, y: f64, m: f64, v: f64) -> Quadratic {
        let size = self.trials(at);
        Quadratic { w: size * softplus_curvature((m * m + v).sqrt()), h: y - 0.5 * size }
    }

    pub(super) fn expected(&self, at: usize, y: f64, m: f64, v: f64) -> f64 {
        let size = self.trials(at);
        let c = (m * m + v).sqrt();
        // log 2 cosh(c/2), without overflow
        let log_cosh = softplus(c) - 0.5 * c;
        let choose = ln_gamma(size + 1.0) - ln_gamma(y + 1.0) - ln_gamma(size - y + 1.0);
        choose + y * m - size * (0.5 * m + log_cosh)
    }

    pub(super) fn mean(&self, at: usize, m: f64, v: f64) -> f64 {
        self.trials(at) * expect(m, v, logistic)
    }
}
