//! One convex step inside a coordinate ascent.
//!
//! Where an evidence bound is raised one predictor after another, expectation maximisation of the
//! weights takes the mean of the posterior weights: it cannot lower the bound, and is slow. At a fixed
//! point the weights maximise `sum_j log sum_k pi_k BF_jk`, the likelihood of the normal-means problems
//! of the predictors: a convex problem, whose solution for the Bayes factors of the last sweep is a
//! [`Proposal`]. It is kept if the bound after a sweep with it is not lower than before; else
//! everything goes back to expectation maximisation, and the next proposal goes less far. A short
//! enough one is kept: where the coefficients are at rest, the gradients of the bound and of that
//! likelihood in the weights agree. [`Pace`] says when, and how far: the first proposal waits until a
//! sweep gains little, as Bayes factors of coefficients that are still far off lead to poor optima.

use super::{Likelihoods, Method, Options, mixture_weights, scale_rows};
use crate::{Error, Monitor};

/// How the weights of a prior are estimated in the course of an ascent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightUpdate {
    /// They are known.
    Fixed,
    /// Expectation maximisation.
    Em,
    /// The same, with proposals from the convex problem.
    Convex,
}

/// A fall of the bound by this part of its terms is none.
pub const ROUNDING: f64 = 1e-11;
/// Weights are optimal when no others have a log-likelihood of the current effects that is higher by
/// more than this.
const GAP: f64 = 5e-7;

/// The best weights for some Bayes factors.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The weights.
    pub pi: Vec<f64>,
    /// By how much their log-likelihood is higher than that of the weights in use.
    gain: f64,
}

impl Proposal {
    /// The solution for these log Bayes factors (a column for each component, `stride` apart, a row
    /// for each predictor), and how much better it is than `now`; `dirichlet` are the parameters of the
    /// prior of the weights.
    ///
    /// # Errors
    /// Those of [`mixture_weights`].
    pub fn new(
        mut log_bf: Vec<f64>,
        rows: usize,
        stride: usize,
        dirichlet: &[f64],
        now: &[f64],
        monitor: &Monitor,
    ) -> Result<Self, Error> {
        let columns = dirichlet.len();
        if rows == 0 {
            return Ok(Self { pi: now.to_vec(), gain: 0.0 });
        }
        scale_rows(&mut log_bf, rows, columns, stride, monitor)?;
        let likelihoods = Likelihoods::new(&log_bf, rows, columns, stride)?;
        let options = Options { tol: 1e-9, max_iter: 50, method: Method::Convex };
        let found = mixture_weights(likelihoods, dirichlet, None, Some(now), options, monitor)?;
        let gain = found.objective - found.ended.trace.first().unwrap_or(&found.objective);
        Ok(Self { pi: found.pi, gain })
    }

    /// Whether the weights in use are as good, or no worse than a change of the bound can show that
    /// is known up to `rounding`.
    pub fn is_idle(&self, rounding: f64) -> bool {
        self.gain <= GAP.max(4.0 * rounding)
    }
}

/// The means of the posterior weights, given their sums over predictors: a step of expectation
/// maximisation, with `dirichlet` parameters. None if there are no sums.
pub fn expectation(sums: &[f64], dirichlet: &[f64]) -> Option<Vec<f64>> {
    let raw: Vec<f64> = sums.iter().zip(dirichlet).map(|(s, a)| (s + a - 1.0).max(0.0)).collect();
    let total: f64 = raw.iter().sum();
    (total > 0.0).then(|| raw.iter().map(|w| w / total).collect())
}

/// The logarithm of the Dirichlet density of the weights, up to a constant.
pub fn log_dirichlet(pi: &[f64], dirichlet: &[f64]) -> f64 {
    let penalised = dirichlet.iter().zip(pi).filter(|(a, _)| **a != 1.0);
    penalised.map(|(a, w)| (a - 1.0) * w.ln()).sum()
}

/// The largest difference of two sets of weights.
pub fn largest_difference(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}

/// When to make proposals, and how far to go.
#[derive(Debug, Clone)]
pub struct Pace {
    started: bool,
    length: f64,
}

/// As long as a sweep gains more than this, the coefficients are far from settled, and the best
/// weights for them lead to poor optima: from a start at zero with correlated predictors, often to
/// one without effects, which no ascent leaves again.
const EARLY: f64 = 0.1;
/// But that is not waited for longer than this many sweeps.
const PATIENCE: usize = 100;
/// A proposal that is refused is followed by one that goes this part as far, down to `SHORTEST` of
/// the way, and one that is kept by one that goes further.
const SHORTER: f64 = 0.25;
const LONGER: f64 = 1.3;
const SHORTEST: f64 = 1e-6;

impl Default for Pace {
    fn default() -> Self {
        Self { started: false, length: 1.0 }
    }
}

impl Pace {
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

    /// The last proposal did not lower the bound.
    pub fn kept(&mut self) {
        self.length = (LONGER * self.length).min(1.0);
    }

    /// It did.
    pub fn refused(&mut self) {
        self.length *= SHORTER;
    }
}
