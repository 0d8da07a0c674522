//! The regression of one region.

use faer::{Mat, MatRef};

use super::signals::{Signal, signals};
use super::sketch::{Sketch, no_effect};
use crate::noise::{Residual, Structure};
use crate::normal_means::posterior::Posterior;
use crate::predictors::{BLOCK, Predictors, Responses};
use crate::regression::mr_mash::summary::{Rows, summarise};
use crate::regression::mr_mash::{self, Fit, Options, fit, row_log_bayes_factors};
use crate::weights::WeightUpdate;
use crate::{Error, Monitor, Prior};

/// What is asked of every region.
#[derive(Debug)]
pub struct Task<'a> {
    /// The prior, with the weights of the genome.
    pub prior: &'a Prior,
    /// Of the residual covariance.
    pub structure: Structure,
    /// Converged when a sweep raises the bound by no more than this per sample and condition.
    pub tol: f64,
    /// Most sweeps of a fit.
    pub max_iter: usize,
    /// Whether to try again from no effects.
    pub restart: Option<Restart>,
    /// Rows whose largest log Bayes factor exceeds this are kept one by one.
    pub threshold: f64,
    /// Whether standard deviations and signs of all effects are wanted.
    pub posterior: bool,
}

/// A fit from no effects: first under the prior with other weights, those of more effects, then
/// under the prior as it is.
#[derive(Debug)]
pub struct Restart {
    /// The same prior with these weights.
    pub prior: Prior,
    /// Most sweeps under them.
    pub sweeps: usize,
}

/// Where a region starts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Start<'a> {
    /// Posterior means, r by p, of predictors as they are used; none: zero.
    pub coefficients: Option<MatRef<'a, f64>>,
    /// The residual covariance; none: that of the responses.
    pub covariance: Option<MatRef<'a, f64>>,
    /// What of the responses the covariates explain, q by r; none: that of completed responses
    /// without effects.
    pub level: Option<MatRef<'a, f64>>,
}

/// What a region comes back with.
#[derive(Debug)]
pub struct Found {
    /// The fit with the highest bound.
    pub fit: Fit,
    /// Whether it is the one from no effects.
    pub restarted: bool,
    /// `x_p'x_p`.
    pub norms: Vec<f64>,
    /// What predictors were divided by.
    pub scales: Option<Vec<f64>>,
    /// What of the responses the covariates explain, as coefficients of their basis.
    pub level: Mat<f64>,
    /// What the weights are found from.
    pub sketch: Sketch,
    /// Predictors that stand for a signal each.
    pub signals: Vec<Signal>,
    /// Standard deviations and local false sign rates, p by r by columns, if asked for; NaN for
    /// predictors that do not vary.
    pub posterior: Option<[Vec<f64>; 2]>,
}

/// A fit from no effects must be better by this much: less is rounding and tolerance.
const GAIN: f64 = 0.01;

/// Fit a region. `design` has no effects taken out yet.
///
/// # Errors
/// Those of [`mr_mash::fit`].
pub fn regress<X: Predictors>(
    mut design: Responses<X>,
    start: Start<'_>,
    task: &Task<'_>,
    monitor: &Monitor,
) -> Result<Found, Error> {
    let r = task.prior.conditions;
    let untouched = design.save();
    let residual = match start.covariance {
        Some(v) => Residual::start(task.structure, v),
        None => {
            let none = Mat::zeros(r, design.norms().len());
            let v = design.covariance(start.coefficients.unwrap_or(none.as_ref()))?;
            Residual::start(task.structure, v.as_ref())
        }
    };
    if let Some(b) = start.coefficients {
        for first in (0..b.ncols()).step_by(BLOCK) {
            let block = first..(first + BLOCK).min(b.ncols());
            design.change(block.clone(), b.subcols(block.start, block.len()));
        }
    }
    if let Some(level) = start.level {
        design.set_level(level);
    }
    let from = mr_mash::Start { residual, coefficients: start.coefficients };
    let mut best = task.fit(&mut design, task.prior, from, task.max_iter, monitor)?;
    let mut restarted = false;
    if let Some(restart) = &task.restart {
        let state = design.save();
        design.restore(untouched);
        match task.again(&mut design, restart, &best, monitor) {
            Ok(found) if found.elbo > best.elbo + GAIN => (best, restarted) = (found, true),
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            // Not better, or no fit at all: the region stays where it was.
            _ => design.restore(state),
        }
    }
    let norms = design.norms().to_vec();
    let log_bf = row_log_bayes_factors(&best, task.prior, &norms)?;
    let none = no_effect(task.prior, &best.weights, &log_bf, norms.len());
    let posterior = task.posterior.then(|| posterior(&best, task.prior, &norms, monitor));
    Ok(Found {
        signals: signals(design.predictors(), &none),
        sketch: Sketch::new(&log_bf, norms.len(), task.threshold),
        posterior: posterior.transpose()?,
        scales: design.predictors().scales().map(<[f64]>::to_vec),
        level: design.level().to_owned(),
        fit: best,
        restarted,
        norms,
    })
}

impl Task<'_> {
    fn fit(
        &self,
        design: &mut Responses<impl Predictors>,
        prior: &Prior,
        start: mr_mash::Start<'_>,
        max_iter: usize,
        monitor: &Monitor,
    ) -> Result<Fit, Error> {
        let penalty = vec![1.0; prior.len()];
        let (weights, tol) = (WeightUpdate::Fixed, self.tol);
        let options =
            Options { weights, penalty: &penalty, threshold: 0.0, tol, tol_weights: 0.0, max_iter };
        fit(design, prior, start, &options, monitor)
    }

    fn again(
        &self,
        design: &mut Responses<impl Predictors>,
        restart: &Restart,
        best: &Fit,
        monitor: &Monitor,
    ) -> Result<Fit, Error> {
        let start = mr_mash::Start { residual: best.residual.clone(), coefficients: None };
        let hot = self.fit(design, &restart.prior, start, restart.sweeps, monitor)?;
        let coefficients = Some(hot.mean.as_ref());
        let start = mr_mash::Start { residual: hot.residual.clone(), coefficients };
        self.fit(design, self.prior, start, self.max_iter, monitor)
    }
}

/// Standard deviations and local false sign rates of all rows.
fn posterior(
    fit: &Fit,
    prior: &Prior,
    norms: &[f64],
    monitor: &Monitor,
) -> Result<[Vec<f64>; 2], Error> {
    let (r, p) = (prior.conditions, norms.len());
    let varies: Vec<usize> = (0..p).filter(|&j| norms[j] > 0.0).collect();
    let m = varies.len();
    let products: Vec<f64> =
        (0..r).flat_map(|c| varies.iter().map(move |&j| fit.products[(c, j)])).collect();
    let norms: Vec<f64> = varies.iter().map(|&j| norms[j]).collect();
    let mut tables = vec![vec![0.0; m * r]; 6];
    let [mean, sd, lfdr, negative, positive, lfsr] = &mut tables[..] else {
        unreachable!("six tables")
    };
    let out = Posterior { mean, sd, lfdr, negative, positive, lfsr, covariance: None };
    let covariance = fit.residual.covariance.as_ref();
    let prior = prior.clone().with_weights(&fit.weights)?;
    summarise(&prior, Rows { products: &products, norms: &norms, covariance }, out, monitor)?;
    Ok([1, 5].map(|t| {
        let mut all = vec![f64::NAN; p * r];
        for c in 0..r {
            for (i, &j) in varies.iter().enumerate() {
                all[c * p + j] = tables[t][c * m + i];
            }
        }
        all
    }))
}
