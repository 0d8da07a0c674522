//! Active-set Newton method with column generation.
//!
//! Each iteration prices *all* columns in one pass (`g`, hence the certificate), then minimises the
//! quadratic model on the support and the worst violators only, and searches along that direction.
//! Three details decide whether this takes ten iterations or fifty: the start covers every row
//! ([`Problem::cover`]), no row may lose almost all its likelihood in one step
//! ([`Problem::direction`]), and the model tolerates nearly collinear columns ([`qp`]).

use super::problem::{Direction, Problem, Progress, candidates, normalise};
use super::{Solution, qp};
use crate::{Error, Stop};

/// Columns that may enter in one iteration.
const ENTERING: usize = 20;
/// A proportion below this is zero, unless it is penalised.
const ZERO: f64 = 1e-13;
/// Part of the predicted gain that a step must reach.
const ARMIJO: f64 = 1e-3;
/// A KKT residual that rounding hardly lets fall further.
const EXACT: f64 = 1e-13;
/// Fruitless iterations in a row after which rounding is blamed.
const PATIENCE: usize = 4;

/// When to stop: the KKT residual, the predicted gain in total log-likelihood, the iterations.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub tol: f64,
    pub gain: f64,
    pub max_iter: usize,
    /// Look at the predicted gain too, and take one step more once all is reached: it costs two
    /// passes, and convergence is quadratic.
    pub polish: bool,
}

impl Limits {
    /// Whether, and why, to stop before another step.
    fn verdict(&self, kkt: f64, iterations: usize, fruitless: usize) -> Option<Stop> {
        let exhausted = iterations >= self.max_iter;
        let stalled = fruitless >= PATIENCE;
        match kkt <= self.tol {
            true if kkt <= EXACT || exhausted || stalled || !self.polish => Some(Stop::Converged),
            false if exhausted => Some(Stop::Iterations),
            false if stalled => Some(Stop::Stalled),
            _ => None,
        }
    }
}

/// The model's minimiser from one point.
struct Step {
    columns: Vec<usize>,
    along: Direction,
    /// The first-order decrease of `F` along the direction.
    slope: f64,
}

pub(super) fn solve(
    problem: &Problem<'_>,
    start: &[f64],
    limits: Limits,
) -> Result<Solution, Error> {
    let mut at = Progress::new(problem, start)?;
    let mut fruitless = 0;
    let mut polished = false;
    for iterations in 0.. {
        let (here, kkt) = at.look(problem)?;
        if let Some(stop) = limits.verdict(kkt, iterations, fruitless) {
            return Ok(at.end(stop, kkt));
        }
        // After a fruitless iteration, only the worst violator.
        let entering = if fruitless % 2 == 1 { 1 } else { ENTERING };
        let least = 1.0 + (1e-3 * kkt).max(1e-15);
        let columns = candidates(&at.x, &here.g, least, entering);
        let step = model_step(problem, &at.x, &at.u, columns, &here.g)?;
        let near = kkt <= limits.tol && problem.total() * step.slope <= limits.gain;
        if near && polished {
            return Ok(at.end(Stop::Converged, kkt));
        }
        polished |= near;
        let moved = follow(problem, &mut at.x, &at.u, &step)?;
        fruitless = if moved { 0 } else { fruitless + 1 };
    }
    unreachable!("the loop ends by returning")
}

fn model_step(
    problem: &Problem<'_>,
    x: &[f64],
    u: &[f64],
    columns: Vec<usize>,
    g: &[f64],
) -> Result<Step, Error> {
    let h = problem.hessian(x, &columns, u)?;
    let q: Vec<f64> = columns.iter().map(|&p| 1.0 - g[p]).collect();
    let here: Vec<f64> = columns.iter().map(|&p| x[p]).collect();
    let d = qp::solve(&h, &q, &here);
    let slope = -q.iter().zip(&d).map(|(q, d)| q * d).sum::<f64>();
    let along = problem.direction(x, &columns, d, u)?;
    Ok(Step { columns, along, slope })
}

/// Backtrack along the direction; `x` moves, with sum one, if `F` falls enough. True if it did.
fn follow(problem: &Problem<'_>, x: &mut [f64], u: &[f64], step: &Step) -> Result<bool, Error> {
    if step.slope <= 0.0 {
        return Ok(false);
    }
    let mut length = step.along.longest.min(1.0);
    for _ in 0..40 {
        let gain = problem.gain(x, &step.columns, u, &step.along, length)?;
        if gain >= ARMIJO * length * step.slope {
            for (&p, d) in step.columns.iter().zip(&step.along.d) {
                let moved = x[p] + length * d;
                x[p] = if moved < ZERO && !problem.is_penalised(p) { 0.0 } else { moved };
            }
            normalise(x);
            return Ok(true);
        }
        length *= 0.5;
    }
    Ok(false)
}

/// Keep the 40 largest proportions; the solver brings back what it needs.
pub(super) fn thin(x: &mut [f64]) {
    let mut sorted = x.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let least = sorted[sorted.len().min(40) - 1];
    x.iter_mut().filter(|x| **x < least).for_each(|x| *x = 0.0);
}
