//! One unit under independent effects: cell by cell, until their means stand still.

use faer::linalg::solvers::DenseSolveCore;
use faer::{Mat, Side};

use super::{Cell, Correlation, Data, Product};
use crate::Error;
use crate::normal_means::problem::LOG_2_PI;

/// Most rounds over the cells of a unit, and the step, in standard errors, at which they end.
const ROUNDS: usize = 100;
const STILL: f64 = 1e-9;

/// How much is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// What the data say of each cell.
    Evidence,
    /// And the moments of effects, and the log-likelihood.
    Moments,
    /// And the probabilities of their signs.
    Signs,
}

/// What is known of one unit.
#[derive(Debug)]
pub struct Unit {
    pub loglik: f64,
    pub cells: Vec<Cell>,
    pub delta: Vec<f64>,
    pub beta: Vec<f64>,
}

/// The errors of the units.
#[derive(Debug)]
pub struct Noise<'a> {
    data: Data<'a>,
    /// The inverse of a common V and its log-determinant: of units without missing cells.
    common: Option<(Mat<f64>, f64)>,
}

impl<'a> Noise<'a> {
    /// Of data that were checked.
    ///
    /// # Errors
    /// A common V that is not positive definite.
    pub fn new(data: &Data<'a>) -> Result<Self, Error> {
        let r = data.conditions;
        let common = match data.v {
            Correlation::Common(v) => {
                let v = Mat::from_fn(r, r, |i, k| v[k * r + i]);
                let why = || Error::Value { name: "V", why: "must be positive definite".into() };
                Some(inverse(&v).ok_or_else(why)?)
            }
            _ => None,
        };
        Ok(Self { data: *data, common })
    }

    /// The unit of this row.
    pub fn unit(&self, product: &Product, row: usize, want: Want) -> Result<Unit, Error> {
        let (j, r) = (self.data.units, self.data.conditions);
        let at = |c: usize| c * j + row;
        let observed: Vec<usize> = (0..r).filter(|&c| !self.data.x[at(c)].is_nan()).collect();
        let mut unit = Unit {
            loglik: 0.0,
            cells: vec![Cell::default(); r],
            delta: vec![0.0; r],
            beta: vec![0.0; r],
        };
        let x: Vec<f64> = observed.iter().map(|&c| self.data.x[at(c)]).collect();
        let s: Vec<f64> = observed.iter().map(|&c| self.data.s[at(c)]).collect();
        let signs = want == Want::Signs;
        if want != Want::Evidence && observed.len() < r {
            for c in (0..r).filter(|c| observed.binary_search(c).is_err()) {
                unit.cells[c] = product.cell(c, 0.0, 0.0, signs);
            }
        }
        if matches!(self.data.v, Correlation::Identity) {
            for (i, &c) in observed.iter().enumerate() {
                let delta = 1.0 / (s[i] * s[i]);
                let beta = x[i] * delta;
                (unit.delta[c], unit.beta[c]) = (delta, beta);
                if want == Want::Evidence {
                    continue;
                }
                let cell = product.cell(c, delta, beta, signs);
                unit.loglik += cell.log_evidence - 0.5 * (LOG_2_PI - delta.ln() + beta * x[i]);
                unit.cells[c] = cell;
            }
            return Ok(unit);
        }
        let (precision, log_det) = self.precision(row, &observed, &s)?;
        mean_field(product, &observed, &x, &precision, &mut unit);
        unit.loglik -= 0.5 * (observed.len() as f64 * LOG_2_PI + log_det);
        if signs {
            for &c in &observed {
                unit.cells[c] = product.cell(c, unit.delta[c], unit.beta[c], true);
            }
        }
        Ok(unit)
    }

    /// The inverse of the noise of the observed cells, and the log-determinant of the noise.
    fn precision(
        &self,
        row: usize,
        observed: &[usize],
        s: &[f64],
    ) -> Result<(Mat<f64>, f64), Error> {
        let (n, r) = (observed.len(), self.data.conditions);
        let scales: f64 = s.iter().map(|s| 2.0 * s.ln()).sum();
        let scaled = |m: &Mat<f64>| Mat::from_fn(n, n, |i, k| m[(i, k)] / (s[i] * s[k]));
        if let (Some((found, log_det)), true) = (&self.common, n == r) {
            return Ok((scaled(found), log_det + scales));
        }
        let mut lower = vec![0.0; r * r];
        self.data.v.lower(row, self.data.units, r, &mut lower);
        let v = Mat::from_fn(n, n, |i, k| {
            let (a, b) = (observed[i].max(observed[k]), observed[i].min(observed[k]));
            lower[a * r + b]
        });
        let (found, log_det) = inverse(&v).ok_or(Error::SingularNoise { unit: row })?;
        Ok((scaled(&found), log_det + scales))
    }
}

/// The inverse, and the log-determinant.
fn inverse(v: &Mat<f64>) -> Option<(Mat<f64>, f64)> {
    let llt = v.llt(Side::Lower).ok()?;
    let l = llt.L();
    let log_det = (0..v.nrows()).map(|i| 2.0 * l[(i, i)].ln()).sum();
    Some((llt.inverse(), log_det))
}

/// The best product of distributions of the cells, and its bound without the constant of the noise.
fn mean_field(
    product: &Product,
    observed: &[usize],
    x: &[f64],
    precision: &Mat<f64>,
    unit: &mut Unit,
) {
    let n = observed.len();
    // x less the means.
    let mut left = x.to_vec();
    for _ in 0..ROUNDS {
        let mut step = 0.0_f64;
        for (i, &c) in observed.iter().enumerate() {
            let delta = precision[(i, i)];
            let others: f64 = (0..n).filter(|&k| k != i).map(|k| precision[(i, k)] * left[k]).sum();
            let beta = delta * x[i] + others;
            let cell = product.cell(c, delta, beta, false);
            let now = x[i] - cell.mean;
            step = step.max((now - left[i]).abs() * delta.sqrt());
            left[i] = now;
            (unit.cells[c], unit.delta[c], unit.beta[c]) = (cell, delta, beta);
        }
        if step < STILL {
            break;
        }
    }
    let mut bound = 0.0;
    for (i, &c) in observed.iter().enumerate() {
        let (cell, delta, beta) = (unit.cells[c], unit.delta[c], unit.beta[c]);
        let pull: f64 = (0..n).map(|k| precision[(i, k)] * left[k]).sum();
        let variance = (cell.second - cell.mean * cell.mean).max(0.0);
        bound -= 0.5 * (left[i] * pull + delta * variance);
        bound -= beta * cell.mean - 0.5 * delta * cell.second - cell.log_evidence;
    }
    unit.loglik = bound;
}
