//! Weights of the components of the prior.
//!
//! Expectation maximisation takes the mean of the posterior weights: it cannot lower the bound, and is
//! slow. At a fixed point, the weights maximise `sum_p log sum_t w_t BF_pt`, the likelihood of the
//! normal-means problem `c_p / d_p` with noise `Sigma / d_p`: a convex problem, whose solution for the
//! Bayes factors of the last sweep is a proposal. It is kept if the bound after a sweep with it is not
//! lower than before; else everything goes back to expectation maximisation, and the next proposal
//! goes less far. A short enough one is kept: where the coefficients are at rest, the gradients of
//! the bound and of that likelihood in the weights agree. The first proposal waits until a sweep
//! gains little: Bayes factors of coefficients that are still far off lead to poor optima.

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

/// The best weights for some Bayes factors.
#[derive(Debug, Clone)]
pub struct Proposal {
    pub pi: Vec<f64>,
    /// By how much their log-likelihood is higher than that of the weights in use.
    pub gain: f64,
}

/// The solution for these log Bayes factors (by columns, a row for each predictor), and how much
/// better it is than `now`.
pub fn proposal(
    mut log_bf: Vec<f64>,
    rows: usize,
    penalty: &[f64],
    now: &[f64],
    monitor: &Monitor,
) -> Result<Proposal, Error> {
    let columns = penalty.len();
    weights::scale_rows(&mut log_bf, rows, columns, rows, monitor)?;
    let likelihoods = Likelihoods::new(&log_bf, rows, columns, rows)?;
    let options = weights::Options { tol: 1e-9, max_iter: 50, method: Method::Convex };
    let found = weights::mixture_weights(likelihoods, penalty, None, Some(now), options, monitor)?;
    let gain = found.objective - found.ended.trace.first().unwrap_or(&found.objective);
    Ok(Proposal { pi: found.pi, gain })
}

/// When to make proposals, and how far to go.
#[derive(Debug, Clone)]
pub struct Pace {
    started: bool,
    length: f64,
}

/// As long as a sweep gains more than this, the coefficients are far from settled, and the best
/// weights for them lead to poor optima: often to one without effects.
const EARLY: f64 = 0.1;
/// But that is not waited for longer than this many sweeps.
const PATIENCE: usize = 100;
/// A proposal that is refused is followed by one that goes this part as far, down to `SHORTEST` of
/// the way, and one that is kept by one that goes further.
const SHORTER: f64 = 0.25;
const LONGER: f64 = 1.3;
const SHORTEST: f64 = 1e-6;

impl Pace {
    pub fn new() -> Self {
        Self { started: false, length: 1.0 }
    }

    /// Whether proposals are made.
    pub fn has_started(&self) -> bool {
        self.started
    }

    /// Sweep number `sweep` raised the objective by `rise`.
    pub fn after(&mut self, sweep: usize, rise: f64) {
        self.started |= rise <= EARLY || sweep >= PATIENCE;
    }

    /// Whether even the shortest step was refused.
    pub fn is_exhausted(&self) -> bool {
        self.length < SHORTEST
    }

    /// Weights between those in use and the best.
    pub fn part_of_the_way(&self, now: &[f64], best: &[f64]) -> Vec<f64> {
        now.iter().zip(best).map(|(w, b)| w + self.length * (b - w)).collect()
    }

    pub fn kept(&mut self) {
        self.length = (LONGER * self.length).min(1.0);
    }

    pub fn refused(&mut self) {
        self.length *= SHORTER;
    }
}
