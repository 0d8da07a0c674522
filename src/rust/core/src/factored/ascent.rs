//! Rounds of coordinate ascent, until the bound settles.

use super::state::{Problem, Scope, State};
use crate::{Error, Monitor};

/// All coefficients are visited when those that may be in have settled, or after so many rounds.
const FULL_EVERY: usize = 10;
/// The smallest share of a damped step.
const LEAST_DAMPING: f64 = 1.0 / 64.0;

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
pub(super) fn refine(
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
