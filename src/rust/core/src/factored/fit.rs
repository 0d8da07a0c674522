//! The fit: factors are added one by one for as long as the bound rises, then all are refined together.

use super::ascent::{ascend, refine};
use super::families::Family;
use super::greedy::{GREEDY_ROUNDS, Options, add_factor};
use super::moves::{REFINE_ROUNDS, improve};
use super::state::{Direct, Problem, Scope, State};
use crate::{Error, Monitor};

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
