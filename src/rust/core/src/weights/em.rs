//! Expectation maximisation: `pi_p <- pi_p g_p`, one pass an iteration, monotone and slow.

use super::Solution;
use super::problem::{Problem, normalise};
use super::sqp::Limits;
use crate::{Ended, Error, Stop};

pub(super) fn solve(
    problem: &Problem<'_>,
    start: &[f64],
    limits: Limits,
) -> Result<Solution, Error> {
    let all: Vec<usize> = (0..problem.columns()).collect();
    let mut x = problem.cover(start)?;
    let mut u = vec![0.0; problem.count()];
    let mut trace = Vec::new();
    for iterations in 0.. {
        let here = problem.evaluate(&x, &all, &mut u)?;
        problem.count_iteration()?;
        trace.push(here.value * problem.total());
        let kkt = here.g.iter().copied().fold(f64::NEG_INFINITY, f64::max) - 1.0;
        if kkt <= limits.tol || iterations >= limits.max_iter {
            let ended = Ended::new(Stop::at(kkt <= limits.tol), iterations, trace);
            return Ok(Solution { x, kkt, ended });
        }
        x.iter_mut().zip(&here.g).for_each(|(x, g)| *x *= g);
        normalise(&mut x);
    }
    unreachable!("the loop ends by returning")
}
