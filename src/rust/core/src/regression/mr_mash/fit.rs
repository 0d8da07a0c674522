//! The iteration.

use faer::{Mat, MatRef};

use super::elbo::{Bound, bound};
use super::model::Model;
use super::sweep::{Coefficients, Sums, at_rest, of_products, sweep};
use crate::ended::BEYOND;
use crate::linalg::scalar::log_sum_exp;
use crate::noise::Residual;
use crate::normal_means::problem::LOG_2_PI;
use crate::predictors::{Imputed, Predictors, Responses};
use crate::weights::{
    Pace, Proposal, ROUNDING, WeightUpdate, expectation, largest_difference, log_dirichlet,
};
use crate::{Ended, Error, Monitor, Prior, Stop, memory};

/// How to iterate.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// Whether and how to estimate the weights.
    pub weights: WeightUpdate,
    /// Dirichlet parameters of the weights, at least one.
    pub penalty: &'a [f64],
    /// From sweep 16 on, weights below this become zero.
    pub threshold: f64,
    /// Converged when the bound rises by no more than this per sample and condition, and the weights
    /// are the best ones for the current coefficients (`Em`: no weight changes by more than
    /// `tol_weights`). With both zero, all sweeps are made.
    pub tol: f64,
    /// See `tol`.
    pub tol_weights: f64,
    /// Most sweeps.
    pub max_iter: usize,
}

impl Options<'_> {
    fn is_endless(&self) -> bool {
        self.tol == 0.0 && self.tol_weights == 0.0
    }
}

/// Where to start.
#[derive(Debug, Clone)]
pub struct Start<'a> {
    /// The residual covariance.
    pub residual: Residual,
    /// Posterior means, r by p, that the residuals of the design belong to; zero if there are none.
    pub coefficients: Option<MatRef<'a, f64>>,
}

/// A fit.
#[derive(Debug)]
pub struct Fit {
    /// Posterior means, r by p.
    pub mean: Mat<f64>,
    /// `c_p` of the last sweep, r by p: with the prior, the weights and `Sigma / d_p` below, all of the
    /// posterior of each row.
    pub products: Mat<f64>,
    /// Prior weights, those of the last sweep.
    pub weights: Vec<f64>,
    /// Posterior weights summed over predictors.
    pub responsibilities: Vec<f64>,
    /// The residual covariance of the last sweep.
    pub residual: Residual,
    /// The share of each response's sum of squares that is left, where it could be impossible.
    pub left: Option<Vec<f64>>,
    /// The bound at the end.
    pub elbo: f64,
    /// The last rise of the objective, per sample and condition.
    pub rise: f64,
    /// The last change of a weight.
    pub weight_change: f64,
    /// The last change of a coefficient.
    pub coefficient_change: f64,
    /// Proposals of weights that were kept, and not.
    pub proposals: [usize; 2],
    /// Iterations are sweeps; the objective after each is the bound, plus the log-density of the
    /// weights (up to a constant) if they are penalised.
    pub ended: Ended,
}

/// Sweeps before small weights are set to zero.
const SETTLING: usize = 15;

/// Fit by coordinate ascent, from the weights of the prior.
pub fn fit(
    design: &mut Responses<impl Predictors>,
    prior: &Prior,
    start: Start<'_>,
    options: &Options<'_>,
    monitor: &Monitor,
) -> Result<Fit, Error> {
    let (r, p) = (prior.conditions, design.norms().len());
    let mean = start.coefficients.map_or_else(|| Mat::zeros(r, p), |b| b.to_owned());
    let q = Coefficients { mean, products: Mat::zeros(r, p) };
    let model = Model::new(prior, start.residual.covariance.as_ref())?;
    let state = State {
        design,
        prior,
        options,
        monitor,
        model,
        residual: start.residual,
        weights: prior.weights.clone(),
        q,
        sums: None,
        log_bf: None,
        proposal: None,
        pace: Pace::default(),
        proposals: [0, 0],
    };
    state.run()
}

struct State<'a, X> {
    design: &'a mut Responses<X>,
    prior: &'a Prior,
    options: &'a Options<'a>,
    monitor: &'a Monitor,
    model: Model<'a>,
    residual: Residual,
    weights: Vec<f64>,
    q: Coefficients,
    /// Of the last sweep.
    sums: Option<(Sums, Bound)>,
    /// Log Bayes factors of the last sweep, all components.
    log_bf: Option<Vec<f64>>,
    /// Weights that would be better for the last sweep.
    proposal: Option<Proposal>,
    pace: Pace,
    proposals: [usize; 2],
}

impl<X: Predictors> State<'_, X> {
    fn run(mut self) -> Result<Fit, Error> {
        let mut trace: Vec<f64> = Vec::new();
        let (mut rise, mut weight_change) = (f64::INFINITY, f64::INFINITY);
        let mut stop = Stop::Iterations;
        let values = self.design.samples() * self.prior.conditions as f64;
        for number in 1..=self.options.max_iter {
            let before = self.weights.clone();
            let last = trace.last().copied();
            let objective = match last {
                None => self.sweep()?,
                Some(last) => {
                    if !self.update_residual()? {
                        stop = Stop::Contradicted;
                        break;
                    }
                    self.step(number, last)?
                }
            };
            trace.push(objective);
            if self.is_impossible() {
                stop = Stop::Contradicted;
                break;
            }
            let Some(last) = last else { continue };
            weight_change = largest_difference(&before, &self.weights);
            rise = (objective - last) / values;
            let settled = rise.abs() <= self.options.tol && !self.options.is_endless();
            if self.is_still(settled, weight_change, ROUNDING * last.abs())? && settled {
                stop = Stop::Converged;
                break;
            }
            self.pace.after(number, objective - last);
        }
        let left = self.sums.as_ref().and_then(|(_, last)| self.design.shares_left(&last.cross));
        let Some((sums, last)) = self.sums else {
            return Err(Error::Value { name: "max_iter", why: "must be at least 1".into() });
        };
        if !last.elbo.is_finite() {
            let why = "make the bound infinite: are their scales far apart?".into();
            return Err(Error::Value { name: "X, Y and V", why });
        }
        Ok(Fit {
            mean: self.q.mean,
            products: self.q.products,
            weights: self.weights,
            responsibilities: sums.weights,
            residual: self.residual,
            left,
            elbo: last.elbo,
            rise,
            weight_change,
            coefficient_change: sums.change,
            proposals: self.proposals,
            ended: Ended::new(stop, trace.len(), trace),
        })
    }

    /// Whether the weights are where they should be, up to the tolerance. Leaves a proposal, if it is
    /// time for one: for the coefficients of the last sweep as they were updated, or, where they
    /// have `settled`, as they are.
    fn is_still(&mut self, settled: bool, change: f64, rounding: f64) -> Result<bool, Error> {
        let small = change <= self.options.tol_weights;
        match self.options.weights {
            WeightUpdate::Fixed => return Ok(true),
            WeightUpdate::Em => return Ok(small),
            WeightUpdate::Convex => {}
        }
        let Some(log_bf) = self.log_bf.take() else { return Ok(false) };
        let mut found = self.propose(log_bf)?;
        if settled && found.is_idle(0.0) {
            let packed = self.model.pack(&self.weights, true);
            found = self.propose(at_rest(self.design, &packed, Some(self.q.mean.as_ref())))?;
        }
        let still = found.is_idle(rounding) || (small && self.pace.is_exhausted());
        self.proposal = Some(found);
        Ok(still)
    }

    fn propose(&self, log_bf: Vec<f64>) -> Result<Proposal, Error> {
        let (p, penalty) = (self.q.mean.ncols(), self.options.penalty);
        Proposal::new(log_bf, p, p, penalty, &self.weights, self.monitor)
    }

    /// Whether more is explained than there is, or the bound exceeds the log-likelihood of a perfect
    /// fit.
    fn is_impossible(&self) -> bool {
        let Some((_, bound)) = &self.sums else { return false };
        let Some(left) = self.design.shares_left(&bound.cross) else { return false };
        let n = self.design.samples();
        let perfect =
            -0.5 * n * (self.prior.conditions as f64 * LOG_2_PI + self.model.noise.log_det);
        left.iter().any(|share| *share < -BEYOND) || bound.elbo > perfect + 1e-6 * perfect.abs()
    }

    /// Sigma given the last sweep. Returns whether there is one: products that are not of any data may
    /// leave none.
    fn update_residual(&mut self) -> Result<bool, Error> {
        let Some((sums, bound)) = &self.sums else { return Ok(true) };
        if self.residual.is_known() {
            return Ok(true);
        }
        let n = self.design.samples();
        let variance = match (&sums.second, self.residual.is_plugin()) {
            (Some(second), false) => second - &bound.square,
            _ => Mat::zeros(bound.cross.nrows(), bound.cross.ncols()),
        };
        let g = Mat::from_fn(variance.nrows(), variance.ncols(), |i, p| {
            (bound.cross[(i, p)] + variance[(i, p)]) / n
        });
        let before = self.residual.clone();
        self.residual.update(&g);
        self.model = match Model::new(self.prior, self.residual.covariance.as_ref()) {
            Err(_) if self.design.products().is_some() => {
                self.residual = before;
                return Ok(false);
            }
            other => other?,
        };
        Ok(true)
    }

    /// New weights and a sweep.
    fn step(&mut self, number: usize, last: f64) -> Result<f64, Error> {
        let Some((sums, _)) = &self.sums else { return self.sweep() };
        if self.options.weights == WeightUpdate::Fixed {
            return self.sweep();
        }
        let mut expected = expectation(&sums.weights, self.options.penalty)
            .unwrap_or_else(|| self.weights.clone());
        if number > SETTLING && self.options.threshold > 0.0 {
            drop_small(&mut expected, self.options.threshold);
        }
        let Some(Proposal { pi: mut best, .. }) = self.proposal.take() else {
            self.weights = expected;
            return self.sweep();
        };
        if number > SETTLING && self.options.threshold > 0.0 {
            drop_small(&mut best, self.options.threshold);
        }
        let (mean, residuals) = (self.q.mean.clone(), self.design.save());
        self.weights = self.pace.part_of_the_way(&self.weights, &best);
        let objective = self.sweep()?;
        if objective >= last - ROUNDING * last.abs() {
            self.proposals[0] += 1;
            self.pace.kept();
            return Ok(objective);
        }
        self.proposals[1] += 1;
        self.pace.refused();
        self.q.mean = mean;
        self.design.restore(residuals);
        self.weights = expected;
        self.sweep()
    }

    /// A sweep with the current weights and Sigma; returns the objective.
    fn sweep(&mut self) -> Result<f64, Error> {
        let imputed: Option<Imputed> = self.design.impute(self.residual.covariance.as_ref())?;
        let due = self.options.weights == WeightUpdate::Convex && self.pace.has_started();
        let packed = self.model.pack(&self.weights, due);
        let p = self.q.mean.ncols();
        let mut log_bf = due.then(|| memory::zeros(p * packed.of)).transpose()?;
        let second = !self.residual.is_known();
        let mut sums =
            sweep(self.design, &packed, &mut self.q, second, log_bf.as_deref_mut(), self.monitor)?;
        let mut all = vec![0.0; self.weights.len()];
        for (&t, w) in packed.components.iter().zip(&sums.weights) {
            all[t] = *w;
        }
        sums.weights = all;
        self.log_bf = log_bf;
        let mean = self.q.mean.as_ref();
        let bound = bound(self.design, &self.model, mean, &sums, imputed.as_ref());
        let objective = bound.elbo + log_dirichlet(&self.weights, self.options.penalty);
        self.sums = Some((sums, bound));
        Ok(objective)
    }
}

/// Weights below `threshold` become zero, unless all are.
fn drop_small(weights: &mut [f64], threshold: f64) {
    let total: f64 = weights.iter().filter(|w| **w >= threshold).sum();
    if total > 0.0 {
        for w in weights.iter_mut() {
            *w = if *w < threshold { 0.0 } else { *w / total };
        }
    }
}

/// The log Bayes factors of the predictors, each alone, under the mixture.
pub fn log_bayes_factors(
    design: &Responses<impl Predictors>,
    prior: &Prior,
    start: &Start<'_>,
) -> Result<Vec<f64>, Error> {
    let model = Model::new(prior, start.residual.covariance.as_ref())?;
    let packed = model.pack(&prior.weights, false);
    let log_bf = at_rest(design, &packed, None);
    let p = design.norms().len();
    let mixture = |j: usize| {
        let terms = packed.components.iter();
        log_sum_exp(terms.map(|&t| log_bf[t * p + j] + prior.weights[t].ln()))
    };
    Ok((0..p).map(mixture).collect())
}

/// The log Bayes factors that the last sweep of a fit had for its rows: a column for each component
/// of the prior, those without weight among them.
///
/// # Errors
/// A residual covariance that is not positive definite.
pub fn row_log_bayes_factors(fit: &Fit, prior: &Prior, norms: &[f64]) -> Result<Vec<f64>, Error> {
    let model = Model::new(prior, fit.residual.covariance.as_ref())?;
    let packed = model.pack(&fit.weights, true);
    Ok(of_products(&packed, norms, fit.products.as_ref()))
}
