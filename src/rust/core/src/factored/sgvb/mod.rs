//! The same posterior by stochastic gradients of the bound (Kingma and Welling 2014), as a check of
//! the coordinate engine: it shares none of its updates.
//!
//! The linear predictor of a cell is `m + sqrt(v) z` with `z ~ N(0, 1)`; the expected log-likelihood
//! and its derivatives in `m` and `v` are averages over draws of `z`, each with its antithetic twin
//! and with a quadratic around `m` as control variate: for normal outcomes nothing is left of the
//! noise. The chain rule takes them to the coefficients, which Adam moves (Kingma and Ba 2015).
//! Effects of covariates take natural-gradient steps; hyper-parameters and the family's parameters
//! have the closed forms of the coordinate engine.

mod adam;
mod cells;
#[cfg(test)]
mod tests;

use super::factor::weight_of;
use super::families::Family;
use super::fit::Fit;
use super::greedy::{Options, STARTS, new_factor};
use super::hyper::Sums;
use super::left::Kind;
use super::priors;
use super::seeds::predictors;
use super::state::{Direct, Problem, State};
use crate::predictors::Predictors;
use crate::{Ended, Error, Monitor, Stop};
use adam::{Adam, Gradient};
use cells::Cells;

/// Gradient steps in a round.
const STEPS: usize = 20;
/// Rounds for a new factor.
const NEW_ROUNDS: usize = 25;
/// Rounds before a fit may end, and over which the bound is compared.
const SPAN: usize = 15;
/// The family's parameters follow after so many steps.
const FAMILY_EVERY: usize = 10;
/// What a factor must raise the bound by: fits are not settled to less.
const RISE: f64 = 0.05;
/// Evaluations of the bound at the end.
const LAST: usize = 200;
/// The length of a first step, in posterior standard deviations, and how soon it is halved.
const RATE: f64 = 0.1;
const HALF: f64 = 100.0;

/// A fit and the Monte Carlo standard error of its bound, the last of the trace.
#[derive(Debug)]
pub struct Stochastic {
    /// The fit. The trace has an estimate for each round, then one of the final bound.
    pub fit: Fit,
    /// The standard error of the last.
    pub error: f64,
}

/// Fit by stochastic gradients, with spike-and-slab priors on both sides of the factors. The random
/// numbers are functions of `seed`.
///
/// O(n p + n m) for each factor and step; at most `options.max_iter` rounds of 20 steps after each
/// factor.
pub fn fit(
    problem: &Problem<'_>,
    family: Family,
    direct: Vec<Direct>,
    options: Options,
    seed: u64,
    monitor: &Monitor,
) -> Result<Stochastic, Error> {
    family.check(&problem.outcomes)?;
    let mut run = Run::new(problem, State::new(problem, family, direct), seed);
    let mut trace = Vec::new();
    let (rounds, tol) = (options.max_iter, options.tol);
    let mut settled = run.settle(rounds, tol, &mut trace, monitor)?;
    let mut best = run.evaluate(problem, LAST / 4, monitor)?;
    for k in 0..options.factors {
        let weight = problem.weights.map(|_| k);
        let mut added = false;
        let at = weight_of(problem.weights, weight, problem.design.rows());
        run.state.relinearise(problem, 1.0);
        let (quadratics, mean) = (&run.state.quadratics, &run.state.mean);
        let seeds = predictors(problem.design, at, quadratics, mean, options.sign, options.seeds);
        for seed in &seeds {
            let mut trial = run.clone();
            let range = problem.left.pi;
            let pi = (STARTS[0].0 / problem.design.count().max(1) as f64).clamp(range.0, range.1);
            let mut factor = new_factor(problem, options, seed, weight, (pi, STARTS[0].1));
            // The seed's own start would be the coordinate engine's: all predictors are equal here.
            factor.right.s2.fill(0.1);
            if let Kind::Sparse(slab) = &mut factor.left.kind {
                slab.alpha.fill(pi);
            }
            trial.state.factors.push(factor);
            trial.restart();
            let mut rounds = Vec::new();
            trial.rounds(NEW_ROUNDS, &mut rounds, monitor)?;
            let reached = trial.evaluate(problem, LAST / 4, monitor)?;
            if reached.0 > best.0 + RISE + 2.0 * reached.1.hypot(best.1) {
                trace.append(&mut rounds);
                (run, added) = (trial, true);
                break;
            }
        }
        if added {
            settled = run.settle(options.max_iter, tol, &mut trace, monitor)?;
            best = run.evaluate(problem, LAST / 4, monitor)?;
        } else if weight.is_none() {
            break;
        }
    }
    let (bound, error) = run.evaluate(problem, LAST, monitor)?;
    run.state.settle(problem);
    let iterations = trace.len();
    trace.push(bound);
    let ended = Ended::new(Stop::at(settled), iterations, trace);
    Ok(Stochastic { fit: Fit { state: run.state, ended }, error })
}

/// Whether the last rounds are no better than those before, beyond `tol` and their own scatter.
fn settled(trace: &[f64], tol: f64) -> bool {
    if trace.len() < 3 * SPAN {
        return false;
    }
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (old, new) = trace[trace.len() - 2 * SPAN..].split_at(SPAN);
    let centre = mean(new);
    let scatter = (new.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / SPAN as f64).sqrt();
    centre - mean(old) < tol.max(scatter / (SPAN as f64).sqrt())
}

#[derive(Debug, Clone)]
struct Run<'a> {
    problem: &'a Problem<'a>,
    state: State,
    adam: Adam,
    cells: Cells,
    /// Steps since the last new factor, which set the rate, and in all, which are the random stream.
    steps: usize,
    drawn: u64,
    seed: u64,
}

impl<'a> Run<'a> {
    fn new(problem: &'a Problem<'a>, state: State, seed: u64) -> Self {
        let cells = Cells::new(problem.outcomes.n * problem.outcomes.m);
        Self { problem, state, adam: Adam::default(), cells, steps: 0, drawn: 0, seed }
    }

    /// The number of coefficients has changed: step lengths start anew.
    fn restart(&mut self) {
        self.adam = Adam::default();
        self.steps = 0;
    }

    /// Rounds until the bound no longer rises: whether that was before they were used up.
    fn settle(
        &mut self,
        rounds: usize,
        tol: f64,
        trace: &mut Vec<f64>,
        monitor: &Monitor,
    ) -> Result<bool, Error> {
        let first = trace.len();
        while trace.len() - first < rounds {
            self.rounds(1, trace, monitor)?;
            if settled(&trace[first..], tol) {
                return Ok(true);
            }
        }
        Ok(rounds == 0)
    }

    fn rounds(
        &mut self,
        count: usize,
        trace: &mut Vec<f64>,
        monitor: &Monitor,
    ) -> Result<(), Error> {
        for _ in 0..count {
            monitor.advance(1)?;
            let mut total = 0.0;
            for _ in 0..STEPS {
                // No progress yet, but a place to stop.
                monitor.advance(0)?;
                total += self.step();
            }
            trace.push(total / STEPS as f64);
        }
        Ok(())
    }

    /// One step along the gradient; the estimate of the bound before it.
    fn step(&mut self) -> f64 {
        let problem = self.problem;
        self.state.rebuild(problem);
        let expected = self.cells.draw(problem, &self.state, self.seed, self.drawn);
        let bound = expected - self.state.divergence();
        self.drawn += 1;
        self.steps += 1;
        let rate = RATE / (1.0 + self.steps as f64 / HALF).sqrt();
        self.adam.begin(rate);
        let n = problem.outcomes.n;
        let State { factors, direct, effects, .. } = &mut self.state;
        for factor in &mut *factors {
            let weight = weight_of(problem.weights, factor.weight, n);
            let sides = self.cells.factor(problem, factor, weight);
            if let Kind::Sparse(slab) = &mut factor.left.kind {
                self.adam.climb(slab, &sides.0);
            }
            self.adam.climb(&mut factor.right, &sides.1);
        }
        priors::update(factors, &problem.left, &problem.right, false);
        for (t, direct) in direct.iter_mut().enumerate() {
            let gradient: Vec<Gradient> = self.cells.direct(problem, direct, t);
            let Kind::Sparse(slab) = &mut direct.kind else { continue };
            self.adam.climb(slab, &gradient);
            let (pi, tau) = problem.direct.best(&Sums::of(slab), slab.tau);
            slab.set_prior(pi, tau);
        }
        for (t, effects) in effects.iter_mut().enumerate() {
            let (gm, gv) = self.cells.outcome(t, n);
            effects.natural_step(&problem.covariates, gm, gv, (2.0 * rate).min(1.0));
        }
        if self.steps % FAMILY_EVERY == 0 {
            self.state.rebuild(problem);
            self.state.update_family(problem);
        }
        bound
    }

    /// The mean of several estimates of the bound at the same posterior, and its standard error.
    fn evaluate(
        &mut self,
        problem: &Problem<'_>,
        count: usize,
        monitor: &Monitor,
    ) -> Result<(f64, f64), Error> {
        self.state.rebuild(problem);
        let (mut sum, mut square) = (0.0, 0.0);
        // Differences to the first: the bound is large, its scatter small.
        let first = self.cells.draw(problem, &self.state, self.seed, self.drawn);
        for draw in 1..=count as u64 {
            monitor.advance(0)?;
            let value = self.cells.draw(problem, &self.state, self.seed, self.drawn + draw) - first;
            sum += value;
            square += value * value;
        }
        self.drawn += count as u64 + 1;
        let count = count as f64;
        let mean = sum / count;
        let error = ((square / count - mean * mean).max(0.0) / (count - 1.0).max(1.0)).sqrt();
        Ok((first + mean - self.state.divergence(), error))
    }
}
