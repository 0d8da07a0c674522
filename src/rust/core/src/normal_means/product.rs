//! Effects that are independent between conditions: `b_r ~ sum_l w_lr N(0, v_l)`, a mixture of scales
//! for each condition. No mixture of normals in many dimensions has their exact zeros in any
//! combination of conditions.
//!
//! With the precision `P` of the observed cells of a unit, the data say of one cell, given the others,
//! `exp(beta theta - delta theta^2 / 2)` with
//! ```text
//!   delta = P_rr,     beta = P_rr x_r + sum_{k /= r} P_rk (x_k - b_k),
//! ```
//! the question of `scalar`. Where errors are independent the cells are too, and everything is exact.
//! Otherwise each `b_k` is replaced by its mean under the best product of distributions (mean field),
//! found cell by cell, and the log-likelihood by its bound
//! ```text
//!   E log N(x; b, N) - sum_r KL(q_r || g_r),      KL_r = beta m1 - delta m2 / 2 - log evidence,
//! ```
//! which is never above it.
//!
//! - `unit`: one unit, cell by cell; `parts`: the posterior of a cell; `signs`: those of sums of cells;
//! - `beside`: the product as one of the components of a prior.

mod beside;
mod parts;
mod signs;
mod unit;

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::problem::BLOCK;
use super::scalar::normal;
use super::{Correlation, Data};
use crate::{Error, Monitor, memory};
pub use beside::{Beside, Reported};
use parts::below_zero;
use unit::{Noise, Unit, Want};

/// The mixtures of all conditions, on one set of variances.
#[derive(Debug, Clone)]
pub struct Product {
    variances: Vec<f64>,
    /// Logarithms of the weights of a condition, one after the other.
    log_weights: Vec<f64>,
}

/// What is known of one effect.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cell {
    /// `log` of the integral of what the data say over the prior.
    pub log_evidence: f64,
    /// The mean.
    pub mean: f64,
    /// The second moment.
    pub second: f64,
    /// The probability that it is zero.
    pub zero: f64,
    /// The probability that it is negative.
    pub negative: f64,
    /// The probability that it is positive.
    pub positive: f64,
}

impl Product {
    /// `weights`: L by R, by columns; each is divided by its sum.
    ///
    /// # Errors
    /// Other shapes; variances or weights that are negative or not finite; a condition without weight.
    pub fn new(conditions: usize, variances: &[f64], weights: &[f64]) -> Result<Self, Error> {
        let bad = |x: &f64| !(*x >= 0.0 && x.is_finite());
        let l = variances.len();
        if l == 0 || weights.len() != l * conditions {
            let expected = l.max(1) * conditions;
            return Err(Error::Shape { name: "weights", expected, found: weights.len() });
        }
        for (name, values) in [("variances", variances), ("weights", weights)] {
            if let Some(at) = values.iter().position(bad) {
                let why = format!("must be finite and not negative, unlike element {}", at + 1);
                return Err(Error::Value { name, why });
            }
        }
        let mut log_weights = Vec::with_capacity(weights.len());
        for (r, column) in weights.chunks_exact(l).enumerate() {
            let sum: f64 = column.iter().sum();
            if sum <= 0.0 {
                let why = format!("are zero for condition {}", r + 1);
                return Err(Error::Value { name: "weights", why });
            }
            log_weights.extend(column.iter().map(|w| (w / sum).ln()));
        }
        Ok(Self { variances: variances.to_vec(), log_weights })
    }

    /// The number of conditions.
    pub fn conditions(&self) -> usize {
        self.log_weights.len() / self.variances.len()
    }

    /// The effect in condition `r`, of which the data say `exp(beta theta - delta theta^2 / 2)`. Without
    /// `signs` their probabilities are left at zero: they are most of the work.
    pub fn cell(&self, r: usize, delta: f64, beta: f64, signs: bool) -> Cell {
        let l = self.variances.len();
        let log_weights = &self.log_weights[r * l..(r + 1) * l];
        // One pass, rescaled where a larger term comes.
        let mut top = f64::NEG_INFINITY;
        let mut total = 0.0;
        let mut out = Cell::default();
        for (&v, &log_weight) in self.variances.iter().zip(log_weights) {
            if log_weight == f64::NEG_INFINITY {
                continue;
            }
            let p = normal(delta, beta, v);
            let log = log_weight + p.log_bayes;
            if log > top {
                let by = (top - log).exp();
                top = log;
                total *= by;
                for part in [
                    &mut out.mean,
                    &mut out.second,
                    &mut out.zero,
                    &mut out.negative,
                    &mut out.positive,
                ] {
                    *part *= by;
                }
            }
            let share = (log - top).exp();
            total += share;
            out.mean += share * p.mu;
            out.second += share * (p.mu * p.mu + p.s2);
            if p.s2 <= 0.0 {
                out.zero += share;
            } else if signs {
                // The smaller tail keeps its digits.
                let tail = below_zero(p.mu.abs(), p.s2);
                let (negative, positive) =
                    if p.mu > 0.0 { (tail, 1.0 - tail) } else { (1.0 - tail, tail) };
                out.negative += share * negative;
                out.positive += share * positive;
            }
        }
        out.log_evidence = top + total.ln();
        for part in
            [&mut out.mean, &mut out.second, &mut out.zero, &mut out.negative, &mut out.positive]
        {
            *part /= total;
        }
        out
    }

    /// The log-likelihood of every unit (its bound where errors are correlated), in the caller's order.
    ///
    /// # Errors
    /// Other conditions; noise that is not positive definite; `Error::Interrupted`.
    pub fn loglik(&self, data: Data, monitor: &Monitor) -> Result<Vec<f64>, Error> {
        let mut out = memory::zeros(data.units)?;
        let of = |unit: Unit, _| unit.loglik;
        self.each_unit(data, (Want::Moments, monitor), |_| true, of, |row, v| out[row] = v)?;
        Ok(out)
    }

    /// What the data say of each cell given the others, `delta` and `beta`: J by R each, in the
    /// caller's order; zero where it is missing.
    ///
    /// # Errors
    /// Those of [`Product::loglik`].
    pub fn evidence(&self, data: Data, monitor: &Monitor) -> Result<[Vec<f64>; 2], Error> {
        let (j, r) = (data.units, data.conditions);
        let mut out = [memory::zeros(j * r)?, memory::zeros(j * r)?];
        let of = |unit: Unit, _| [unit.delta, unit.beta];
        self.each_unit(
            data,
            (Want::Evidence, monitor),
            |_| true,
            of,
            |row, found| {
                for (table, values) in out.iter_mut().zip(found) {
                    values
                        .into_iter()
                        .enumerate()
                        .for_each(|(c, value)| table[c * j + row] = value);
                }
            },
        )?;
        Ok(out)
    }

    /// `take(row, of(unit, row))` for the units that are `wanted`, side by side in blocks.
    fn each_unit<T>(
        &self,
        data: Data,
        (want, monitor): (Want, &Monitor),
        wanted: impl Fn(usize) -> bool + Sync,
        of: impl Fn(Unit, usize) -> T + Sync,
        take: impl FnMut(usize, T) + Send,
    ) -> Result<(), Error> {
        super::problem::check(&data)?;
        let (expected, found) = (data.conditions, self.conditions());
        if expected != found {
            return Err(Error::Shape { name: "weights", expected, found });
        }
        let noise = Noise::new(&data)?;
        let starts: Vec<usize> = (0..data.units).step_by(BLOCK).collect();
        let take = Mutex::new(take);
        starts.into_par_iter().try_for_each(|start| {
            let rows = start..(start + BLOCK).min(data.units);
            monitor.advance(rows.len())?;
            rows.filter(|row| wanted(*row)).try_for_each(|row| {
                let found = of(noise.unit(self, row, want)?, row);
                // A lock for one copy.
                (take.lock().unwrap_or_else(PoisonError::into_inner))(row, found);
                Ok(())
            })
        })
    }
}

#[cfg(test)]
mod tests;
