//! Prior covariances by penalised maximum likelihood: a mixture of components of several shapes,
//! fitted with the steps of `updates` from one E-step per iteration.
//!
//! The objective is the log-likelihood plus the penalties of the free components, in a metric that
//! is fixed from the data's noise: it never falls from one accepted point to the next. A step that
//! lowers it is taken back, and tried again from the same sums with less boldness: with a smaller
//! part of the average noise, and at last (none of it) as the EM step of extreme deconvolution.

mod component;
mod evaluate;
mod start;
#[cfg(test)]
mod tests;

use faer::Mat;

use super::updates::Penalty;
use crate::normal_means::Data;
use crate::{Ended, Error, Monitor, Stop};

use component::Boldness;
pub use component::{Component, Shape};
use evaluate::{Evaluated, Model, Point};
pub use start::Start;

/// How free components and those of low rank are updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// In closed form by eigenvalues (TED and GTED).
    Eigenvalues,
    /// Extreme deconvolution; components of low rank by factor analysis.
    Ed,
    /// Factor analysis.
    Fa,
}

/// Choices of a fit.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The steps.
    pub step: Step,
    /// The penalty of free components.
    pub penalty: Penalty,
    /// Iterations of extreme deconvolution for free components before other steps.
    pub warmup: usize,
    /// Most evaluations after the starts were compared, those of steps taken back included.
    pub max_iter: usize,
    /// Converged when the objective rises by no more than this for each unit.
    pub tol: f64,
    /// Random starts to compare.
    pub starts: usize,
    /// The iterations after which they are compared.
    pub trial: usize,
    /// The key of the random starts.
    pub seed: u64,
    /// Whether the noise covariance, common to all units, is estimated too.
    pub residual: bool,
    /// Whether weights are estimated.
    pub weights: bool,
    /// The first scale of every component's penalty, and then one round of alternating with
    /// it in each step. If `None`, scales are chosen along with covariances.
    pub scale: Option<f64>,
}

/// A fitted mixture.
#[derive(Debug, Clone)]
pub struct Fit {
    /// The components.
    pub components: Vec<Component>,
    /// Their weights.
    pub weights: Vec<f64>,
    /// The metric of the penalty.
    pub metric: Mat<f64>,
    /// The noise covariance, where it was estimated.
    pub noise: Option<Mat<f64>>,
    /// The log-likelihood of accepted points.
    pub loglik: Vec<f64>,
    /// Final objective of each start when they were compared.
    pub starts: Vec<f64>,
    /// Sums of responsibilities.
    pub responsibility: Vec<f64>,
    /// Steps taken back.
    pub rejected: usize,
    /// The penalised log-likelihood of accepted points; iterations are evaluations, those of steps
    /// taken back included.
    pub ended: Ended,
}

/// Fit. `weights` are where to start, or equal.
pub fn fit(
    data: Data<'_>,
    starts: &[Start],
    weights: Option<&[f64]>,
    options: &Options,
    monitor: &Monitor,
) -> Result<Fit, Error> {
    if starts.is_empty() {
        return Err(Error::Value { name: "components", why: "are none".into() });
    }
    let equal = vec![1.0 / starts.len() as f64; starts.len()];
    let weights = weights.unwrap_or(&equal);
    let model = Model::new(data, options)?;
    let random = starts.iter().any(Start::is_random);
    let n_starts = if random { options.starts.max(1) } else { 1 };
    let mut best: Option<Climb> = None;
    let mut finals = Vec::new();
    for attempt in 0..n_starts {
        let components = start::components(&model, starts, options, attempt);
        let point = Point { components, weights: weights.to_vec(), noise: model.noise() };
        let mut climb = Climb::new(&model, point, options, monitor)?;
        if n_starts > 1 {
            climb.run(&model, options, options.trial, monitor)?;
        }
        finals.push(climb.now.objective);
        if best.as_ref().is_none_or(|b| climb.now.objective > b.now.objective) {
            best = Some(climb);
        }
    }
    let Some(mut climb) = best else { return Err(Error::Interrupted) };
    let most = climb.iterations + options.max_iter;
    let stop = match climb.stop {
        Some(stop) => stop,
        None => climb.run(&model, options, most, monitor)?,
    };
    let Climb { now, loglik, objective, iterations, rejected, .. } = climb;
    let responsibility = now.sums.iter().map(|s| s.q).collect();
    Ok(Fit {
        components: now.point.components,
        weights: now.point.weights,
        metric: model.metric.matrix(),
        noise: options.residual.then_some(now.point.noise).flatten(),
        loglik,
        starts: finals,
        responsibility,
        rejected,
        ended: Ended::new(stop, iterations, objective),
    })
}

/// A fit on its way.
#[derive(Debug)]
struct Climb {
    now: Evaluated,
    loglik: Vec<f64>,
    objective: Vec<f64>,
    iterations: usize,
    rejected: usize,
    boldness: f64,
    stop: Option<Stop>,
}

/// Steps taken back in a row before the next is one of extreme deconvolution.
const TRIES: usize = 4;

/// How much boldness grows after a step that was accepted.
const GROWTH: f64 = 1.2;

/// A fall of the objective by this fraction is rounding.
const ROUNDING: f64 = 1e-12;

impl Climb {
    fn new(
        model: &Model,
        point: Point,
        options: &Options,
        monitor: &Monitor,
    ) -> Result<Self, Error> {
        let now = model.evaluate(point, options, monitor)?;
        let (loglik, objective) = (vec![now.loglik], vec![now.objective]);
        Ok(Self { now, loglik, objective, iterations: 0, rejected: 0, boldness: 1.0, stop: None })
    }

    /// Go on until the end, or until `most` evaluations.
    fn run(
        &mut self,
        model: &Model,
        options: &Options,
        most: usize,
        monitor: &Monitor,
    ) -> Result<Stop, Error> {
        let mut tries = 0;
        while self.iterations < most {
            let accepted = self.loglik.len() - 1;
            let warm = accepted < options.warmup && options.step == Step::Eigenvalues;
            let bold = match () {
                () if tries >= TRIES => Boldness::None,
                () if warm => Boldness::Warmup(self.boldness),
                () => Boldness::Full(self.boldness),
            };
            // Where the noise is estimated, its turn comes every other time.
            let noise_turn = options.residual && accepted % 2 == 1;
            let point = match noise_turn {
                true => model.propose_noise(&self.now),
                false => model.propose(&self.now, options, bold),
            };
            let next = model.evaluate(point, options, monitor)?;
            self.iterations += 1;
            let gain = next.objective - self.now.objective;
            if gain >= -ROUNDING * self.now.objective.abs() {
                self.loglik.push(next.loglik);
                self.objective.push(next.objective);
                self.now = next;
                self.boldness = (self.boldness * GROWTH).min(1.0);
                tries = 0;
                if gain <= options.tol * model.units() && !warm && self.settled(options, model) {
                    self.stop = Some(Stop::Converged);
                    return Ok(Stop::Converged);
                }
            } else {
                self.rejected += 1;
                if tries >= TRIES || noise_turn {
                    // A step that cannot lower the objective but by rounding. If it did by less
                    // than `tol` asks for, there was as little to gain: the fit has converged.
                    let little = options.tol * model.units();
                    let small = -gain <= little && self.last_gain() <= little;
                    let stop = if small { Stop::Converged } else { Stop::Stalled };
                    self.stop = Some(stop);
                    return Ok(stop);
                }
                self.boldness *= 0.5;
                tries += 1;
            }
        }
        Ok(Stop::Iterations)
    }

    /// What the last step that was accepted gained.
    fn last_gain(&self) -> f64 {
        match self.objective.as_slice() {
            [.., before, now] => now - before,
            _ => 0.0,
        }
    }

    /// Where steps of two kinds take turns, both must have gained little.
    fn settled(&self, options: &Options, model: &Model) -> bool {
        let n = self.objective.len();
        !options.residual
            || (n > 2
                && self.objective[n - 1] - self.objective[n - 3] <= options.tol * model.units())
    }
}
