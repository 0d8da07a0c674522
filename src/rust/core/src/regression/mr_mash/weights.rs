//! Weights of the components of the prior.
//!
//! Expectation maximisation takes the mean of the posterior weights: it cannot lower the bound, and is
//! slow. At a fixed point, the weights maximise `sum_p log sum_t w_t BF_pt`, the likelihood of the
//! normal-means problem `c_p / d_p` with noise `Sigma / d_p`: a convex problem, whose solution for the
//! Bayes factors of the last sweep is a proposal. It is kept if the bound after a sweep with it is not
//! lower than before; else everything goes back to expectation maximisation. The first proposal
//! waits for some sweeps: Bayes factors of coefficients that are still far off lead to poor optima.

use crate::weights::{self, Likelihoods, Method};
use crate::{Error, Monitor};

/// How the weights are estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightUpdate {
    /// They are known.
    Fixed,
    /// Expectation maximisation.
    Em,
    /// The same, with proposals from the convex problem.
    Convex,
}

/// The means of the posterior weights, given their sums; `penalty` are Dirichlet parameters.
pub fn expectation(sums: &[f64], penalty: &[f64]) -> Vec<f64> {
    let raw: Vec<f64> = sums.iter().zip(penalty).map(|(s, a)| (s + a - 1.0).max(0.0)).collect();
    let total: f64 = raw.iter().sum();
    raw.iter().map(|w| w / total).collect()
}

/// The solution for these log Bayes factors (by columns, a row for each predictor).
pub fn proposal(
    mut log_bf: Vec<f64>,
    rows: usize,
    penalty: &[f64],
    start: &[f64],
    monitor: &Monitor,
) -> Result<weights::Mixture, Error> {
    let columns = penalty.len();
    let maxima = weights::scale_rows(&mut log_bf, rows, columns, rows, monitor)?;
    let likelihoods = Likelihoods::new(&log_bf, rows, columns, rows)?;
    let options = weights::Options { tol: 1e-6, max_iter: 50, method: Method::Convex };
    let found =
        weights::mixture_weights(likelihoods, penalty, None, Some(start), options, monitor)?;
    Ok(found.unscale(&maxima, None))
}

/// When to make the next proposal: soon after one that was kept, later after each that was not.
#[derive(Debug, Clone)]
pub struct Schedule {
    next: usize,
    gap: usize,
}

const LONGEST_GAP: usize = 32;
/// Sweeps before the first.
const FIRST: usize = 15;

impl Schedule {
    pub fn new() -> Self {
        Self { next: FIRST, gap: 1 }
    }

    /// Whether a proposal should follow sweep number `sweep`.
    pub fn is_due(&self, sweep: usize) -> bool {
        sweep >= self.next
    }

    pub fn kept(&mut self, sweep: usize) {
        self.gap = 1;
        self.next = sweep + 1;
    }

    pub fn refused(&mut self, sweep: usize) {
        self.next = sweep + self.gap;
        self.gap = (2 * self.gap).min(LONGEST_GAP);
    }
}
