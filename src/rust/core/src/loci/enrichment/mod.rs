//! Enrichment of causal variables in annotations.
//!
//! A variable j is causal with `log(pi_j / (1 - pi_j)) = x_j'a`. If a locus has at most one causal
//! variable, and `B_j` is the Bayes factor of variable j, then up to a constant
//! ```text
//!   log p(data | a) = sum over loci of [sum_j log(1 - pi_j) + log(1 + sum_j e^{x_j'a} B_j)],
//!   P(j is causal | data) = e^{x_j'a} B_j / (1 + sum_i e^{x_i'a} B_i).
//! ```
//! Its maximum is found by expectation maximisation; the M-step is a logistic regression of these
//! probabilities ([`single_signal`]). An interval of a coefficient holds the values that lose little
//! of it when the others are estimated again ([`intervals`]). With several effects per locus, from
//! single-effect posteriors, the prior of the place of an effect is `softmax(x'a)` and the M-step is
//! a multinomial regression ([`places`]).

mod interval;
mod newton;
mod places;
#[cfg(test)]
mod tests;

use faer::MatRef;
use rayon::prelude::*;

use crate::linalg::scalar::{log_sum_exp, logistic, softplus};
use crate::{Ended, Error, Monitor, Stop, memory};
pub use interval::{Interval, intervals};
use newton::{Free, newton, normal_equations};
pub use places::{place_probabilities, places};

/// Variables in loci.
#[derive(Debug, Clone, Copy)]
pub struct Loci<'a> {
    /// Where each locus starts, and the end: variables of a locus are contiguous.
    pub starts: &'a [usize],
    /// m by q: an intercept first (for the logistic model), then annotations.
    pub annotations: MatRef<'a, f64>,
    /// Ridge penalty `penalty / 2 |a|^2` of the annotations' coefficients (not of the intercept).
    pub penalty: f64,
}

impl Loci<'_> {
    fn check(&self, m: usize) -> Result<(), Error> {
        let found = self.annotations.nrows();
        if found != m {
            return Err(Error::Shape { name: "annotations", expected: m, found });
        }
        // What each variable has in a step: predictors, terms, weights, probabilities, responses.
        memory::room(12 * m)?;
        match self.starts.last() == Some(&m) {
            true => Ok(()),
            false => Err(Error::Shape { name: "loci", expected: m, found: 0 }),
        }
    }

    /// `x_j'a`.
    fn predictor(&self, a: &[f64]) -> Vec<f64> {
        let m = self.annotations.nrows();
        let one = |j: usize| -> f64 {
            a.iter().enumerate().map(|(c, a)| self.annotations[(j, c)] * a).sum()
        };
        (0..m).into_par_iter().map(one).collect()
    }

    /// The penalty of coefficients, of which the first `intercepts` have none.
    fn ridge(&self, a: &[f64], intercepts: usize) -> f64 {
        0.5 * self.penalty * a.iter().skip(intercepts).map(|a| a * a).sum::<f64>()
    }
}

/// A fit of the model with one causal variable per locus.
#[derive(Debug, Clone)]
pub struct SingleFit {
    /// Coefficients.
    pub a: Vec<f64>,
    /// The log-likelihood (less the penalty) at the start of each iteration, and at the end; it has
    /// converged when the last gain was below the tolerance.
    pub ended: Ended,
    /// Posterior probabilities of the variables.
    pub pip: Vec<f64>,
    /// Prior probabilities of the variables.
    pub prior: Vec<f64>,
    /// Posterior probabilities of no causal variable, by locus.
    pub null: Vec<f64>,
}

/// Options of the expectation maximisation.
#[derive(Debug, Clone, Copy)]
pub struct EmOptions {
    /// Stop when the log-likelihood gains less.
    pub tol: f64,
    /// Most iterations.
    pub max_iter: usize,
}

/// Expectation maximisation from coefficients `start`.
///
/// # Errors
/// Annotations that are not independent; `Error::Interrupted`.
pub fn single_signal(
    loci: &Loci,
    log_bf: &[f64],
    start: &[f64],
    options: EmOptions,
    monitor: &Monitor,
) -> Result<SingleFit, Error> {
    loci.check(log_bf.len())?;
    maximise(loci, log_bf, start, Free::all(start.len()), options, monitor)
}

/// The same where only some of the coefficients may change.
fn maximise(
    loci: &Loci,
    log_bf: &[f64],
    start: &[f64],
    free: Free,
    options: EmOptions,
    monitor: &Monitor,
) -> Result<SingleFit, Error> {
    let mut a = start.to_vec();
    let mut trace: Vec<f64> = Vec::new();
    let mut converged = false;
    let (mut pip, mut null);
    let mut eta = loci.predictor(&a);
    let mut iteration = 0;
    loop {
        let found = expectation(loci, &eta, log_bf);
        (pip, null) = (found.1, found.2);
        trace.push(found.0 - loci.ridge(&a, 1));
        let n = trace.len();
        if free.none() || (n > 1 && trace[n - 1] - trace[n - 2] < options.tol) {
            converged = true;
            break;
        }
        if iteration == options.max_iter {
            break;
        }
        a = regress(loci, &pip, a, free, monitor)?;
        eta = loci.predictor(&a);
        iteration += 1;
    }
    let prior = eta.iter().map(|e| logistic(*e)).collect();
    let ended = Ended::new(Stop::at(converged), iteration, trace);
    Ok(SingleFit { a, ended, pip, prior, null })
}

/// Log-likelihood, posterior probabilities of variables, and of no causal variable by locus.
fn expectation(loci: &Loci, eta: &[f64], log_bf: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
    let one = |w: &[usize]| {
        let range = w[0]..w[1];
        let terms: Vec<f64> = range.clone().map(|j| eta[j] + log_bf[j]).collect();
        let log_total = log_sum_exp(std::iter::once(0.0).chain(terms.iter().copied()));
        let silent: f64 = range.map(|j| softplus(eta[j])).sum();
        let pip: Vec<f64> = terms.iter().map(|t| (t - log_total).exp()).collect();
        (log_total - silent, pip, (-log_total).exp())
    };
    let parts: Vec<_> = loci.starts.par_windows(2).map(one).collect();
    let mut out = (0.0, Vec::with_capacity(log_bf.len()), Vec::with_capacity(parts.len()));
    for (value, pip, null) in parts {
        out.0 += value;
        out.1.extend(pip);
        out.2.push(null);
    }
    out
}

/// The least weight of a variable, so that certain ones leave a direction to go back.
const LEAST: f64 = 1e-100;

/// Logistic regression of probabilities.
fn regress(
    loci: &Loci,
    response: &[f64],
    start: Vec<f64>,
    free: Free,
    monitor: &Monitor,
) -> Result<Vec<f64>, Error> {
    let value = |a: &[f64]| {
        let eta = loci.predictor(a);
        let term = |(e, y): (&f64, &f64)| y * e - softplus(*e);
        eta.iter().zip(response).map(term).sum::<f64>() - loci.ridge(a, 1)
    };
    let derivatives = |a: &[f64]| {
        let mean: Vec<f64> = loci.predictor(a).iter().map(|e| logistic(*e)).collect();
        let r: Vec<f64> = response.iter().zip(&mean).map(|(y, p)| y - p).collect();
        let w: Vec<f64> = mean.iter().map(|p| (p * (1.0 - p)).max(LEAST)).collect();
        normal_equations(loci, &r, &w, a, 1)
    };
    newton(loci, start, free, monitor, value, derivatives)
}
