//! The fit: factors are added one by one for as long as the bound rises, then all are refined together.

use super::ascent::{ascend, refine};
use super::families::Family;
use super::greedy::{GREEDY_ROUNDS, LeftPrior, Options, add_factor, single_effects};
use super::left::{Kind, Left};
use super::moves::{REFINE_ROUNDS, improve};
use super::state::{Direct, Problem, Scope, State};
use crate::predictors::Predictors;
use crate::{Ended, Error, Monitor, Stop, memory};

/// A fitted model.
#[derive(Debug)]
pub struct Fit {
    /// The posterior.
    pub state: State,
    /// Iterations are rounds over all parts; the trace is the bound with no factor, after each
    /// factor, then after each round.
    pub ended: Ended,
}

/// Passes over the steps to other optima.
const PASSES: usize = 3;

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
    // The state holds five numbers a cell, and is kept three times where a better one is sought; new
    // factors are sought by the products of predictors and outcomes.
    let (n, m, p) = (problem.outcomes.n, problem.outcomes.m, problem.design.count());
    memory::room(16 * n * m + 3 * p * m)?;
    let start = State::new(problem, family, direct);
    let LeftPrior::SingleEffects(count) = options.left else {
        return grow(start, problem, options, monitor);
    };
    // Spikes and slabs split and turn their factors, which sums of single effects cannot, and are
    // faster: the first factors are theirs.
    let sparse = Options { left: LeftPrior::SpikeSlab, ..options };
    let Fit { state: mut draft, ended } = grow(start.clone(), problem, sparse, monitor)?;
    if !draft.factors.is_empty() {
        to_single_effects(&mut draft, problem, count);
        let mut trace = vec![ended.trace[0]];
        draft = extend(draft, problem, options, &mut trace, monitor)?;
        let done = settle(draft, problem, options, trace, monitor)?;
        if done.ended.last() > ended.trace[0] {
            return Ok(done);
        }
    }
    grow(start, problem, options, monitor)
}

/// Factors are added for as long as the bound rises, then refined.
fn grow(
    mut state: State,
    problem: &Problem<'_>,
    options: Options,
    monitor: &Monitor,
) -> Result<Fit, Error> {
    let bound = ascend(&mut state, problem, Scope::All, GREEDY_ROUNDS, 1e-3, monitor)?.0;
    let mut trace = vec![bound];
    state = extend(state, problem, options, &mut trace, monitor)?;
    settle(state, problem, options, trace, monitor)
}

/// Factors are added to a state for as long as the bound rises.
fn extend(
    mut state: State,
    problem: &Problem<'_>,
    options: Options,
    trace: &mut Vec<f64>,
    monitor: &Monitor,
) -> Result<State, Error> {
    let mut bound = state.bound(problem);
    for k in 0..options.factors {
        let weight = problem.weights.map(|_| k);
        // There already: by its weights, or by its number.
        let there = match weight {
            Some(_) => state.factors.iter().any(|f| f.weight == weight),
            None => k < state.factors.len(),
        };
        if there {
            continue;
        }
        let Some(next) = add_factor(&state, problem, options, weight, bound, monitor)? else {
            // Factors with sample weights are not alike: the next may still be there.
            if weight.is_some() { continue } else { break }
        };
        state = next;
        bound = ascend(&mut state, problem, Scope::All, REFINE_ROUNDS, options.tol, monitor)?.0;
        trace.push(bound);
    }
    Ok(state)
}

/// Rounds over all parts until the bound settles, then steps to better optima and rounds again.
fn settle(
    mut state: State,
    problem: &Problem<'_>,
    options: Options,
    mut trace: Vec<f64>,
    monitor: &Monitor,
) -> Result<Fit, Error> {
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
    Ok(Fit { state, ended: Ended::new(Stop::at(converged), iterations, trace) })
}

/// Single effects in the place of spikes and slabs: the `count` variants of each factor that are most
/// likely in it.
fn to_single_effects(state: &mut State, problem: &Problem<'_>, count: usize) {
    for factor in &mut state.factors {
        let Some(slab) = factor.left.sparse() else { continue };
        let mut places: Vec<usize> = (0..slab.len()).filter(|&j| slab.alpha[j] > 0.0).collect();
        places.sort_by(|&i, &j| slab.alpha[j].total_cmp(&slab.alpha[i]).then(i.cmp(&j)));
        let places: Vec<(usize, f64)> =
            places.into_iter().take(count).map(|j| (j, slab.mean(j))).collect();
        let mut effects = single_effects(problem, count);
        effects.start_at(&places, problem.design);
        factor.left = Left::new(problem.design.rows(), Kind::Single(effects));
    }
    state.rebuild(problem);
    // The divergences of the effects are those of their last update: before the first there are none.
    state.step(problem, Scope::All, true, 1.0);
}
