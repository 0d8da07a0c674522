//! Expectation maximisation: `pi_p <- pi_p g_p`, one pass an iteration, monotone and slow.

use super::Solution;
use super::problem::{Problem, Progress, normalise};
use super::sqp::Limits;
use crate::{Error, Stop};

pub(super) fn solve(
    problem: &Problem<'_>,
    start: &[f64],
    limits: Limits,
) -> Result<Solution, Error> {
    let mut at = Progress::new(problem, start)?;
    for iterations in 0.. {
        let (here, kkt) = at.look(problem)?;
        problem.count_iteration()?;
        if kkt <= limits.tol || iterations >= limits.max_iter {
            return Ok(at.end(Stop::at(kkt <= limits.tol), kkt));
        }
        at.x.iter_mut().zip(&here.g).for_each(|(x, g)| *x *= g);
        normalise(&mut at.x);
    }
    unreachable!("the loop ends by returning")
}
