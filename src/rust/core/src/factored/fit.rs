//! The fit: factors are added one by one for as long as the bound rises, then all are refined together.

use super::factor::{Factor, weight_of};
use super::families::Family;
use super::left::{Group, Kind, Left};
use super::moves::improve;
use super::seeds::{Seed, direction, predictors};
use super::single::SingleEffects;
use super::slab::{Sign, Slab};
use super::state::{Direct, Problem, Scope, State};
use crate::{Error, Monitor};

/// The prior of the sample side of the factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftPrior {
    /// Spike and slab on the predictors.
    SpikeSlab,
    /// So many single effects.
    SingleEffects(usize),
    /// The samples' own values, with one inclusion for each factor.
    Values,
}

/// How to fit.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The largest number of factors.
    pub factors: usize,
    /// The prior of the sample side.
    pub left: LeftPrior,
    /// The support of the loadings.
    pub sign: Sign,
    /// How many seeds of either kind are tried before a factor is given up.
    pub seeds: usize,
    /// Largest number of rounds over all parts.
    pub max_iter: usize,
    /// The fit has converged when a round raises the bound by less than this.
    pub tol: f64,
}

/// Why a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The bound no longer rises.
    Converged,
    /// The rounds are used up.
    MaxIter,
}

/// A fitted model.
#[derive(Debug)]
pub struct Fit {
    /// The posterior.
    pub state: State,
    /// The bound: with no factor, after each factor, then after each round.
    pub trace: Vec<f64>,
    /// Rounds over all parts.
    pub iterations: usize,
    /// Why it ended.
    pub stop: Stop,
}

/// Rounds for a factor on its own.
const GREEDY_ROUNDS: usize = 100;
/// Rounds of a new factor between two looks at whether it has a chance.
const TRIAL_ROUNDS: usize = 5;
/// A new factor is given up if it would need so many more rounds at its present pace.
const HOPELESS: f64 = 50.0;
/// A new factor is given up if no predictor is in with more than this probability.
const EMPTY: f64 = 0.05;
/// Passes over the steps to other optima.
const PASSES: usize = 3;
/// Rounds over all factors after each one that is accepted.
pub(super) const REFINE_ROUNDS: usize = 10;
/// All coefficients are visited when those that may be in have settled, or after so many rounds.
const FULL_EVERY: usize = 10;
/// The smallest share of a damped step.
const LEAST_DAMPING: f64 = 1.0 / 64.0;
/// Starting inclusion probabilities on the two sides of a factor, the first as a number of predictors.
pub(super) const STARTS: [(f64, f64); 2] = [(1.0, 0.25), (10.0, 0.5)];

/// Fit a model. `direct` are outcome-specific effects, or empty.
///
/// O(n p) for each factor and round, whatever the number of outcomes, and O(n p m) for each new factor.
pub fn fit(
    problem: &Problem<'_>,
    family: Family,
    direct: Vec<Direct>,
    options: Options,
    monitor: &Monitor,
) -> Result<Fit, Error> {
    family.check(&problem.outcomes)?;
    let mut state = State::new(problem, family, direct);
    let mut bound = ascend(&mut state, problem, Scope::All, GREEDY_ROUNDS, 1e-3, monitor)?.0;
    let mut trace = vec![bound];
    for k in 0..options.factors {
        let weight = problem.weights.map(|_| k);
        let Some(next) = add_factor(&state, problem, options, weight, bound, monitor)? else {
            // Factors with sample weights are not alike: the next may still be there.
            if weight.is_some() { continue } else { break }
        };
        state = next;
        bound = ascend(&mut state, problem, Scope::All, REFINE_ROUNDS, options.tol, monitor)?.0;
        trace.push(bound);
    }
    let (rounds, tol) = (options.max_iter, options.tol);
    let (mut iterations, mut converged);
    (_, iterations, converged) = refine(&mut state, problem, rounds, tol, &mut trace, monitor)?;
    for _ in 0..PASSES {
        let last = trace.len();
        improve(&mut state, problem, options, &mut trace, monitor)?;
        if trace.len() == last || iterations >= rounds {
            break;
        }
        let left = rounds - iterations;
        let more;
        (_, more, converged) = refine(&mut state, problem, left, tol, &mut trace, monitor)?;
        iterations += more;
    }
    state.settle(problem);
    let stop = if converged { Stop::Converged } else { Stop::MaxIter };
    Ok(Fit { state, trace, iterations, stop })
}

/// The state with one more factor, if some seed gives one with a larger bound.
pub(super) fn add_factor(
    state: &State,
    problem: &Problem<'_>,
    options: Options,
    weight: Option<usize>,
    bound: f64,
    monitor: &Monitor,
) -> Result<Option<State>, Error> {
    let (n, p) = (problem.design.n, problem.design.p);
    let w = weight_of(problem.weights, weight, n);
    let (quadratics, mean) = (&state.quadratics, &state.mean);
    let seeds = match options.left {
        LeftPrior::Values => direction(n, w, quadratics, mean, options.sign),
        _ => predictors(&problem.design, w, quadratics, mean, options.sign, options.seeds),
    };
    for (tried, start) in STARTS.into_iter().enumerate() {
        // A second start is for the first half of the seeds.
        let count = if tried == 0 { seeds.len() } else { seeds.len().div_ceil(2) };
        for seed in &seeds[..count] {
            let mut trial = state.clone();
            let pi = (start.0 / p.max(1) as f64).clamp(problem.left.pi.0, problem.left.pi.1);
            let factor = new_factor(problem, options, seed, weight, (pi, start.1));
            let at = w;
            factor.add(at, 1.0, &mut trial.mean);
            trial.factors.push(factor);
            let reached = raise(&mut trial, problem, bound, monitor)?;
            if reached > bound {
                return Ok(Some(trial));
            }
        }
    }
    Ok(None)
}

/// A factor that starts from a seed.
pub(super) fn new_factor(
    problem: &Problem<'_>,
    options: Options,
    seed: &Seed,
    weight: Option<usize>,
    (pi_left, pi_right): (f64, f64),
) -> Factor {
    let (n, p, m) = (problem.design.n, problem.design.p, problem.outcomes.m);
    let tau = (1.0 / (seed.scale * seed.scale)).clamp(problem.left.tau.0, problem.left.tau.1);
    let left = match options.left {
        LeftPrior::SpikeSlab => Left::new(n, Kind::Sparse(Slab::new(p, pi_left, tau, Sign::Any))),
        LeftPrior::SingleEffects(count) => {
            Left::new(n, Kind::Single(SingleEffects::new(count, n, p, 1.0 / tau)))
        }
        LeftPrior::Values => {
            let values = &seed.values;
            let square = values.iter().map(|g| g * g).sum::<f64>() / n as f64;
            let tau = (1.0 / square).clamp(problem.left.tau.0, problem.left.tau.1);
            let pi = pi_right.clamp(problem.left.pi.0, problem.left.pi.1);
            let mut left = Left::new(n, Kind::Group(Group::new(values.clone(), pi, tau)));
            left.mean.copy_from_slice(values);
            left
        }
    };
    let pi = pi_right.clamp(problem.right.pi.0, problem.right.pi.1);
    let mut right = Slab::new(m, pi, 1.0, options.sign);
    right.start_at(&seed.loadings);
    Factor { left, right, weight }
}

/// Rounds for the last factor alone, for as long as it may come above `target`: the bound.
fn raise(
    state: &mut State,
    problem: &Problem<'_>,
    target: f64,
    monitor: &Monitor,
) -> Result<f64, Error> {
    // A new factor starts from means that are not yet a posterior: its first round may fall.
    state.step(problem, Scope::Last, true, 1.0);
    let mut bound = f64::NEG_INFINITY;
    let mut rounds = 0;
    while rounds < GREEDY_ROUNDS {
        let (reached, more, settled) =
            ascend(state, problem, Scope::Last, TRIAL_ROUNDS, 1e-3, monitor)?;
        rounds += more;
        let gain = (reached - bound) / more.max(1) as f64;
        bound = reached;
        let lost = target - bound > HOPELESS * gain;
        let empty = state.factors.last().is_some_and(|f| f.left.inclusion() < EMPTY);
        if settled || lost || (empty && bound < target) {
            break;
        }
    }
    Ok(bound)
}

/// Rounds until the bound rises by less than `tol`: the bound, the rounds, and whether it settled.
pub(super) fn ascend(
    state: &mut State,
    problem: &Problem<'_>,
    scope: Scope,
    rounds: usize,
    tol: f64,
    monitor: &Monitor,
) -> Result<(f64, usize, bool), Error> {
    rounds_of(state, problem, scope, rounds, tol, &mut Vec::new(), monitor)
}

/// The same over all parts, with the bound of each round kept.
fn refine(
    state: &mut State,
    problem: &Problem<'_>,
    rounds: usize,
    tol: f64,
    trace: &mut Vec<f64>,
    monitor: &Monitor,
) -> Result<(f64, usize, bool), Error> {
    rounds_of(state, problem, Scope::All, rounds, tol, trace, monitor)
}

fn rounds_of(
    state: &mut State,
    problem: &Problem<'_>,
    scope: Scope,
    rounds: usize,
    tol: f64,
    trace: &mut Vec<f64>,
    monitor: &Monitor,
) -> Result<(f64, usize, bool), Error> {
    let mut bound = state.bound(problem);
    let mut damping = 1.0;
    let mut full = true;
    let mut since = 0;
    for round in 1..=rounds {
        monitor.advance(1)?;
        let new = if state.family.conjugate() {
            state.step(problem, scope, full, 1.0);
            state.bound(problem)
        } else {
            let before = state.clone();
            loop {
                state.step(problem, scope, full, damping);
                let new = state.bound(problem);
                if new >= bound || damping <= LEAST_DAMPING {
                    if new < bound || new.is_nan() {
                        *state = before;
                        trace.push(bound);
                        // Next to the optimum all that is left is rounding.
                        return Ok((bound, round, bound - new < tol));
                    }
                    damping = (2.0 * damping).min(1.0);
                    break new;
                }
                state.clone_from(&before);
                damping *= 0.5;
            }
        };
        let gain = new - bound;
        bound = new;
        trace.push(bound);
        if full && gain.abs() < tol {
            return Ok((bound, round, true));
        }
        since = if full { 0 } else { since + 1 };
        // A short round that gains little is followed by a full one, which decides.
        full = since + 1 >= FULL_EVERY || gain.abs() < tol;
    }
    Ok((bound, rounds, rounds == 0))
}
