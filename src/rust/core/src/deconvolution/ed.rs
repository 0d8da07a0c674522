//! Extreme deconvolution: EM for the weights, means and covariances of a mixture (Bovy, Hogg and
//! Roweis 2011, Annals of Applied Statistics 5, 1657-1677).

use faer::Mat;

use super::updates::ed;
use super::{EStep, Expectation, Mixture, Sums};
use crate::linalg::psd;
use crate::{Ended, Error, Monitor, Stop};

/// What is held at its start, for each component; an empty list holds nothing.
#[derive(Debug, Clone, Default)]
pub struct Fixed {
    /// Weights. The others share what these leave.
    pub weights: Vec<bool>,
    /// Means. If the start has no means, all are held at zero.
    pub means: Vec<bool>,
    /// Covariances.
    pub covariances: Vec<bool>,
}

/// How to run it.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Stop when a step raises the objective by at most this, for each unit.
    pub tol: f64,
    /// Steps at most. With none, only the objective is computed.
    pub max_iter: usize,
    /// `w`: covariances become `(S + wI) / (q + 1)`, where `S` is the sum of squares that `q` units
    /// contribute. Zero leaves them alone.
    pub regularisation: f64,
}

/// A fitted mixture.
#[derive(Debug, Clone)]
pub struct Fit {
    /// The mixture.
    pub mixture: Mixture,
    /// The log-likelihood at the start and after each step.
    pub loglik: Vec<f64>,
    /// The objective at the start and after each step: the log-likelihood, and with regularisation
    /// also `-1/2 (log det U + w tr U^{-1})` for each covariance that is not held.
    pub ended: Ended,
}

/// Falls of the objective up to this fraction of it are rounding.
const ROUNDING: f64 = 1e-10;

/// Fit from a start. The traces end with the values of the mixture that is returned.
pub fn fit(
    step: &EStep,
    start: Mixture,
    fixed: &Fixed,
    options: Options,
    monitor: &Monitor,
) -> Result<Fit, Error> {
    let mut state = State::new(step, start, fixed, options.regularisation)?;
    let mut found = step.run(&state.mixture, monitor)?;
    let mut loglik = vec![found.loglik];
    let mut trace = vec![found.loglik + state.penalty()];
    let mut stop = Stop::Iterations;
    let units = step.observations().units().max(1) as f64;
    for _ in 0..options.max_iter {
        state.advance(&found);
        found = step.run(&state.mixture, monitor)?;
        let old = trace[trace.len() - 1];
        let new = found.loglik + state.penalty();
        loglik.push(found.loglik);
        trace.push(new);
        if new < old - ROUNDING * old.abs() || new.is_nan() {
            stop = Stop::Fell;
            break;
        }
        if new - old <= options.tol * units {
            stop = Stop::Converged;
            break;
        }
    }
    let ended = Ended::new(stop, trace.len() - 1, trace);
    Ok(Fit { mixture: state.mixture, loglik, ended })
}

/// A mixture on its way.
struct State {
    mixture: Mixture,
    /// Factors of the covariances that are not held, unless they are regularised.
    factors: Vec<Option<Mat<f64>>>,
    fixed: Fixed,
    w: f64,
    /// Components whose covariance the prior of `w` is on: those that are learnt at all.
    regularised: Vec<usize>,
}

impl State {
    fn new(step: &EStep, mixture: Mixture, fixed: &Fixed, w: f64) -> Result<Self, Error> {
        let (r, kk) = (step.observations().dimension(), mixture.len());
        if !(w >= 0.0 && w.is_finite()) {
            return Err(Error::Value { name: "w", why: "must be finite and not negative".into() });
        }
        mixture.check(r)?;
        let mut fixed = fixed.clone();
        for flags in [&mut fixed.weights, &mut fixed.means, &mut fixed.covariances] {
            if flags.is_empty() {
                flags.resize(kk, false);
            }
            if flags.len() != kk {
                let (expected, found) = (kk, flags.len());
                return Err(Error::Shape { name: "fixed", expected, found });
            }
        }
        if mixture.means.is_empty() {
            fixed.means.fill(true);
        }
        let held: f64 = (0..kk).filter(|&k| fixed.weights[k]).map(|k| mixture.weights[k]).sum();
        let sum: f64 = mixture.weights.iter().sum();
        if held > 1.0 + 1e-8 && sum > held {
            let why =
                format!("that are fixed add up to {held}, which leaves nothing for the others");
            return Err(Error::Value { name: "weights", why });
        }
        let mut factors = Vec::with_capacity(kk);
        for (k, u) in mixture.covariances.iter().enumerate() {
            let columns: Vec<f64> = (0..r * r).map(|e| u[(e % r, e / r)]).collect();
            let name = format!("covariance {}", k + 1);
            let factor = psd::factor(r, &columns, &name)?;
            factors.push((w == 0.0 && !fixed.covariances[k]).then(|| factor.to_mat()));
        }
        let learnt = |&k: &usize| w > 0.0 && !fixed.covariances[k] && mixture.weights[k] > 0.0;
        let regularised = (0..kk).filter(learnt).collect();
        Ok(Self { mixture, factors, fixed, w, regularised })
    }

    /// The M-step.
    fn advance(&mut self, found: &Expectation) {
        for (k, sums) in found.sums.iter().enumerate() {
            // Without units there is nothing to learn from: the component stays as it is.
            if sums.q >= f64::MIN_POSITIVE {
                self.update(k, sums);
            }
        }
        self.reweight(&found.sums);
    }

    fn update(&mut self, k: usize, sums: &Sums) {
        let free_mean = !self.fixed.means[k];
        let u = &self.mixture.covariances[k];
        let mean = free_mean.then(|| ed::mean(&self.mixture.means[k], u.as_ref(), sums));
        if !self.fixed.covariances[k] {
            match &self.factors[k] {
                Some(factor) => {
                    let factor = ed::factor(factor.as_ref(), sums, free_mean);
                    self.mixture.covariances[k] = product(&factor);
                    self.factors[k] = Some(factor);
                }
                None => {
                    let s = ed::covariance(u.as_ref(), sums, free_mean);
                    let (w, q) = (self.w, sums.q);
                    self.mixture.covariances[k] = Mat::from_fn(s.nrows(), s.ncols(), |i, c| {
                        (q * s[(i, c)] + if i == c { w } else { 0.0 }) / (q + 1.0)
                    });
                }
            }
        }
        if let Some(mean) = mean {
            self.mixture.means[k] = mean;
        }
    }

    /// Weights in proportion to the responsibilities; those held stay.
    fn reweight(&mut self, sums: &[Sums]) {
        let (mut held, mut free) = (0.0, 0.0);
        for (k, sums) in sums.iter().enumerate() {
            if self.fixed.weights[k] {
                held += self.mixture.weights[k];
            } else {
                free += sums.q;
            }
        }
        if free > 0.0 {
            for (k, sums) in sums.iter().enumerate().filter(|(k, _)| !self.fixed.weights[*k]) {
                self.mixture.weights[k] = (1.0 - held).max(0.0) * sums.q / free;
            }
        }
    }

    /// The logarithm of the prior that `w` stands for, up to a constant.
    fn penalty(&self) -> f64 {
        let one = |&k: &usize| {
            let Some((inverse, log_det)) = psd::whitener(self.mixture.covariances[k].as_ref())
            else {
                return f64::NEG_INFINITY;
            };
            -0.5 * (log_det + self.w * inverse.squared_norm_l2())
        };
        self.regularised.iter().map(one).sum()
    }
}

/// `FF'`.
fn product(factor: &Mat<f64>) -> Mat<f64> {
    let u = factor * factor.transpose();
    Mat::from_fn(u.nrows(), u.ncols(), |i, c| u[(i.max(c), i.min(c))])
}

#[cfg(test)]
mod tests;
