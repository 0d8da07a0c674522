//! The same problem for rows that are read elsewhere, chunk by chunk: Newton's method with an active
//! set, which asks for the sums of one pass over all rows at a time.
//!
//! Columns near a violation of optimality take part in the next step. A step that does not raise the
//! objective is shortened, for one more pass. Rows that no column of the support explains leave the
//! quadratic model without meaning: what they want comes first, whatever it costs the others.

use super::problem::{candidates, normalise, violation};
use super::{Mixture, Point, Sums, check_dirichlet, check_positive, qp};
use crate::{Ended, Error, Stop};

/// What a penalised column has at least at the start.
const PENALISED: f64 = 1e-8;
/// Weights below this are none.
const NOTHING: f64 = 1e-13;
/// A gain of the model, for all rows together, that is not worth a pass.
const WORTHLESS: f64 = 1e-7;
/// Columns within this of violating optimality are in the next step, at most so many beside the
/// support.
const NEAR: f64 = 1e-2;
const MOST: usize = 20;
/// Most repairs of rows that nothing explains, and most quarters of a step.
const REPAIRS: usize = 3;
const QUARTERS: i32 = 12;

/// The sums of one pass, and the rows it went over.
#[derive(Debug, Clone)]
pub struct Pass {
    /// Sums over all rows.
    pub sums: Sums,
    /// Their number.
    pub rows: f64,
}

/// A point, and what a pass says of it, per unit of total weight.
struct Place {
    x: Vec<f64>,
    columns: Vec<usize>,
    sums: Sums,
    total: f64,
}

/// Add the penalty to sums at `x`, of which the Hessian is that of `columns`, and divide derivatives
/// by the total weight.
pub(super) fn penalise(
    sums: &mut Sums,
    x: &[f64],
    columns: &[usize],
    dirichlet: &[f64],
    total: f64,
) {
    for (p, a) in dirichlet.iter().enumerate() {
        if *a > 1.0 {
            sums.value += (a - 1.0) * x[p].ln();
            sums.g[p] += (a - 1.0) / x[p];
        }
        sums.g[p] /= total;
    }
    for (i, &p) in columns.iter().enumerate() {
        if dirichlet[p] > 1.0 {
            sums.hessian[(i, i)] += (dirichlet[p] - 1.0) / (x[p] * x[p]);
        }
    }
    sums.hessian.col_iter_mut().for_each(|column| column.iter_mut().for_each(|h| *h /= total));
}

/// Estimate the proportions as [`mixture_weights`](super::mixture_weights) does, from `start`. `pass`
/// is asked for the sums at a point, many times. The trace has the objective at the start and after
/// each iteration.
///
/// # Errors
/// Those of `pass`; a start or a penalty that is none.
pub fn mixture_weights_by_passes<E: From<Error>>(
    dirichlet: &[f64],
    start: &[f64],
    tol: f64,
    max_iter: usize,
    mut pass: impl FnMut(Point<'_>) -> Result<Pass, E>,
) -> Result<Mixture, E> {
    check_dirichlet(dirichlet, start.len())?;
    check_positive("start", Some(start), start.len())?;
    let mut visit = |x: Vec<f64>, columns: Vec<usize>, floor: f64| -> Result<Place, E> {
        let Pass { mut sums, rows } = pass(Point { x: &x, columns: &columns, floor })?;
        let penalty = dirichlet.iter().map(|a| a - 1.0);
        let total = rows + penalty.clone().sum::<f64>();
        // A penalty is so many rows that only its column explains.
        for ((cover, x), penalty) in sums.cover.iter_mut().zip(&x).zip(penalty) {
            *cover += if *x < floor * penalty { floor * penalty } else { 0.0 };
        }
        penalise(&mut sums, &x, &columns, dirichlet, total);
        Ok(Place { x, columns, sums, total })
    };
    let at_least = |(x, a): (&f64, &f64)| if *a > 1.0 { x.max(PENALISED) } else { *x };
    let mut x: Vec<f64> = start.iter().zip(dirichlet).map(at_least).collect();
    normalise(&mut x);
    let columns = (0..x.len()).filter(|&p| x[p] > 0.0).collect();
    let mut here = visit(x, columns, 0.0)?;
    let floor = 1.0 / here.total;
    let (mut trace, mut repairs, mut iterations) = (vec![here.sums.value], 0, 0);
    let stop = loop {
        let kkt = here.violation();
        let step = here.step();
        let last = iterations == max_iter;
        if kkt <= tol && (here.gain(&step) <= WORTHLESS || last) && here.complete(tol) {
            break Stop::Converged;
        }
        if last {
            break Stop::Iterations;
        }
        let repair = repairs < REPAIRS && here.sums.cover.iter().any(|c| *c > 0.0);
        repairs += usize::from(repair);
        let value = here.sums.value;
        let least = if repair { f64::NEG_INFINITY } else { value - 1e-13 * value.abs() };
        let mut better = None;
        for quarter in 0..=if repair { 0 } else { QUARTERS } {
            let x = match repair {
                true => here.covered(),
                false => here.moved(&step, 0.25_f64.powi(quarter), dirichlet),
            };
            let columns = candidates(&x, &here.sums.g, 1.0 - NEAR, MOST);
            let there = visit(x, columns, floor)?;
            if there.sums.value.is_finite() && there.sums.value >= least {
                better = Some(there);
                break;
            }
        }
        let Some(there) = better else {
            break if kkt <= tol { Stop::Converged } else { Stop::Stalled };
        };
        here = there;
        iterations += 1;
        trace.push(here.sums.value);
    };
    let kkt = here.violation().max(0.0);
    let (objective, gap) = (here.sums.value, here.total * kkt.ln_1p());
    Ok(Mixture { pi: here.x, objective, kkt, gap, ended: Ended::new(stop, iterations, trace) })
}

impl Place {
    /// By how much the worst column violates optimality.
    fn violation(&self) -> f64 {
        violation(&self.sums.g)
    }

    /// The Newton step of the columns: the minimiser `d >= -x` of `-(g - 1)'d + d'Hd / 2`.
    fn step(&self) -> Vec<f64> {
        let slope: Vec<f64> = self.columns.iter().map(|&p| 1.0 - self.sums.g[p]).collect();
        let x: Vec<f64> = self.columns.iter().map(|&p| self.x[p]).collect();
        qp::solve(&self.sums.hessian, &slope, &x)
    }

    /// What the step promises to first order, for all rows together.
    fn gain(&self, step: &[f64]) -> f64 {
        let terms = self.columns.iter().zip(step);
        self.total * terms.map(|(&p, s)| (self.sums.g[p] - 1.0) * s).sum::<f64>()
    }

    /// Whether all columns that violate optimality are in the step.
    fn complete(&self, tol: f64) -> bool {
        let violates = |p: &usize| self.sums.g[*p] > 1.0 + tol;
        (0..self.x.len()).filter(violates).all(|p| self.columns.contains(&p))
    }

    fn moved(&self, step: &[f64], length: f64, dirichlet: &[f64]) -> Vec<f64> {
        let mut x = self.x.clone();
        self.columns.iter().zip(step).for_each(|(&p, s)| x[p] += length * s);
        for (x, a) in x.iter_mut().zip(dirichlet) {
            if *x < NOTHING && *a == 1.0 {
                *x = 0.0;
            }
        }
        normalise(&mut x);
        x
    }

    fn covered(&self) -> Vec<f64> {
        let mut x: Vec<f64> = self.x.iter().zip(&self.sums.cover).map(|(x, c)| x + c).collect();
        normalise(&mut x);
        x
    }
}
