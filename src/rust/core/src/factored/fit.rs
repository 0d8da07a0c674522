//! The fit: factors are added one by one for as long as the bound rises, then all are refined together.

use super::ascent::{ascend, refine};
use super::families::Family;
use super::greedy::{GREEDY_ROUNDS, LeftPrior, Options, add_factor};
use super::left::{Kind, Left};
use super::moves::{REFINE_ROUNDS, improve};
use super::single::SingleEffects;
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
    // The state holds five numbers a cell, and is kept twice.
    memory::room(10 * problem.outcomes.n * problem.outcomes.m)?;
    let start = State::new(problem, family, direct);
    let done = grow(start.clone(), problem, options, monitor)?;
    let LeftPrior::SingleEffects(count) = options.left else { return Ok(done) };
    // Spikes and slabs split and turn their factors, which sums of single effects cannot: their
    // factors are another start, and the better of the two is kept.
    let sparse = Options { left: LeftPrior::SpikeSlab, ..options };
    let mut draft = grow(start, problem, sparse, monitor)?.state;
    if draft.factors.is_empty() {
        return Ok(done);
    }
    single_effects(&mut draft, problem, count);
    let other = settle(draft, problem, options, vec![done.ended.trace[0]], monitor)?;
    Ok(if other.ended.last() > done.ended.last() { other } else { done })
}

/// Factors are added for as long as the bound rises, then refined.
fn grow(
    mut state: State,
    problem: &Problem<'_>,
    options: Options,
    monitor: &Monitor,
) -> Result<Fit, Error> {
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
    settle(state, problem, options, trace, monitor)
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
fn single_effects(state: &mut State, problem: &Problem<'_>, count: usize) {
    for factor in &mut state.factors {
        let Some(slab) = factor.left.sparse() else { continue };
        let mut places: Vec<usize> = (0..slab.len()).filter(|&j| slab.alpha[j] > 0.0).collect();
        places.sort_by(|&i, &j| slab.alpha[j].total_cmp(&slab.alpha[i]).then(i.cmp(&j)));
        let places: Vec<(usize, f64)> =
            places.into_iter().take(count).map(|j| (j, slab.mean(j))).collect();
        let effects = SingleEffects::starting_at(&places, count, problem.design, 1.0 / slab.tau);
        factor.left = Left::new(problem.design.rows(), Kind::Single(effects));
    }
    state.rebuild(problem);
    // The divergences of the effects are those of their last update: before the first there are none.
    state.step(problem, Scope::All, true, 1.0);
}
