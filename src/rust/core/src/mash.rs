//! mash: estimate the mixture weights of the prior from all units (Urbut et al. 2019).
//!
//! The only J by P buffer holds the log-likelihoods, then, in place, the likelihoods scaled by row.
//! The rest is J-vectors. At the maximum of the (penalised) likelihood every row has
//! `sum_p pi_p L_jp >= 1 / (J + sum_p (a_p - 1))` on that scale, so that nothing underflows.

use faer::MatMut;
use rayon::prelude::*;

use crate::normal_means::{Likelihood, NormalMeans, Prior};
use crate::weights::{Likelihoods, Mixture, Options, mixture_weights, scale_rows};
use crate::{Error, Monitor};

/// Rows that are worked on together.
const ROWS: usize = 512;

/// A fitted mixture, with the likelihoods it came from.
pub struct Fit<'a> {
    means: &'a NormalMeans<'a>,
    /// J by P, columns `stride` apart, in arranged order, each row scaled by its maximum.
    likelihoods: Vec<f64>,
    stride: usize,
    row_max: Vec<f64>,
    /// Log-likelihoods under the point mass, in arranged order: scaled by row they would underflow.
    null: Option<Vec<f64>>,
    /// The weights, and how well they solve the problem.
    pub mixture: Mixture,
}

/// Log-likelihoods of the units, in the caller's order, on the scale of the data.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitLoglik {
    /// Under the mixture.
    pub mixture: Vec<f64>,
    /// Under the point mass, if the prior has one.
    pub null: Option<Vec<f64>>,
    /// Under the rest of the mixture, renormalised; uniform weights if it has none.
    pub alternative: Option<Vec<f64>>,
}

impl<'a> Fit<'a> {
    /// Fit the weights. `dirichlet` penalises them (`a_p = 1`: not at all).
    pub fn new(
        means: &'a NormalMeans<'a>,
        prior: &Prior,
        dirichlet: &[f64],
        start: Option<&[f64]>,
        options: Options,
        monitor: &Monitor,
    ) -> Result<Self, Error> {
        let (rows, cols) = (means.units, prior.len());
        let stride = stride(rows);
        let mut likelihoods = vec![0.0; stride * cols];
        let out =
            MatMut::from_column_major_slice_with_stride_mut(&mut likelihoods, rows, cols, stride);
        Likelihood::new(means, prior)?.arranged(out, monitor)?;
        let null = prior.null.then(|| likelihoods[..rows].to_vec());
        let row_max = scale_rows(&mut likelihoods, rows, cols, stride, monitor)?;
        let view = Likelihoods::new(&likelihoods, rows, cols, stride)?;
        let mut mixture = mixture_weights(view, dirichlet, None, start, options, monitor)?;
        // The solver saw rows less their maxima: back to the log-likelihood of the data.
        let scale: f64 = row_max.iter().sum();
        mixture.objective += scale;
        mixture.trace.iter_mut().for_each(|objective| *objective += scale);
        Ok(Self { means, likelihoods, stride, row_max, null, mixture })
    }

    /// Components with weight above `threshold`.
    pub fn active(&self, threshold: f64) -> Vec<usize> {
        (0..self.mixture.pi.len()).filter(|&p| self.mixture.pi[p] > threshold).collect()
    }

    /// Log-likelihoods of the units. O(J) times the number of components with weight.
    pub fn unit_loglik(&self) -> UnitLoglik {
        let pi = &self.mixture.pi;
        let restore = |mut column: Vec<f64>| {
            self.means.restore(&mut column);
            column
        };
        let mixture = restore(self.log_sum(pi));
        let Some(null) = &self.null else {
            return UnitLoglik { mixture, null: None, alternative: None };
        };
        let rest = 1.0 - pi[0];
        let mut others: Vec<f64> = pi.iter().map(|p| p / rest).collect();
        if rest <= 0.0 {
            others.fill(1.0 / (pi.len() - 1) as f64);
        }
        others[0] = 0.0;
        let null = Some(restore(null.clone()));
        UnitLoglik { mixture, null, alternative: Some(restore(self.log_sum(&others))) }
    }

    /// `log sum_p q_p L_jp` plus the row's maximum, in arranged order.
    fn log_sum(&self, q: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.row_max.len()];
        out.par_chunks_mut(ROWS).enumerate().for_each(|(chunk, out)| {
            let first = chunk * ROWS;
            for (p, &q) in q.iter().enumerate().filter(|(_, q)| **q > 0.0) {
                let column = &self.likelihoods[p * self.stride + first..][..out.len()];
                for (out, l) in out.iter_mut().zip(column) {
                    *out += q * l;
                }
            }
            for (out, max) in out.iter_mut().zip(&self.row_max[first..]) {
                *out = out.ln() + max;
            }
        });
        out
    }

    /// Posterior weights of the active components into `out`, J by active, in the caller's order.
    pub fn posterior_weights(&self, active: &[usize], out: &mut [f64]) {
        let rows = self.row_max.len();
        let mut total = vec![0.0; rows];
        for (&p, out) in active.iter().zip(out.chunks_exact_mut(rows.max(1))) {
            let column = &self.likelihoods[p * self.stride..][..rows];
            for ((out, l), total) in out.iter_mut().zip(column).zip(&mut total) {
                *out = self.mixture.pi[p] * l;
                *total += *out;
            }
        }
        out.par_chunks_mut(rows.max(1)).for_each(|column| {
            for (w, total) in column.iter_mut().zip(&total) {
                *w /= total;
            }
            self.means.restore(column);
        });
    }
}

/// Columns start on their own cache line, and not all in the same cache set.
fn stride(rows: usize) -> usize {
    let stride = rows.next_multiple_of(8);
    if stride % 512 == 0 { stride + 8 } else { stride }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal_means::Data;
    use crate::normal_means::testing::{Case, cases, slow_log_density};
    use crate::with_threads;

    fn with_fit<T: Send>(case: &Case, threads: usize, f: impl Fn(Fit) -> T + Sync + Send) -> T {
        let v = case.correlation();
        let data = Data { units: case.j, conditions: case.r, x: &case.x, s: &case.s, v };
        let means = NormalMeans::new(data).unwrap();
        let prior = case.prior();
        let mut dirichlet = vec![1.0; prior.len()];
        dirichlet[0] = 10.0;
        let monitor = Monitor::default();
        let work =
            || Fit::new(&means, &prior, &dirichlet, None, Options::default(), &monitor).map(&f);
        with_threads(threads, &monitor, |_| true, work).unwrap()
    }

    fn log_sum_exp(terms: &[f64]) -> f64 {
        let max = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        max + terms.iter().map(|t| (t - max).exp()).sum::<f64>().ln()
    }

    #[test]
    fn unit_log_likelihoods_and_weights_agree_with_a_slow_sum() {
        for case in cases().iter().filter(|case| case.r <= 12) {
            let prior = case.prior();
            let (pi, units, active, weights) = with_fit(case, 1, |fit| {
                let active = fit.active(1e-10);
                let mut weights = vec![0.0; active.len() * case.j];
                fit.posterior_weights(&active, &mut weights);
                (fit.mixture.pi.clone(), fit.unit_loglik(), active, weights)
            });
            for j in 0..case.j {
                let logs: Vec<f64> =
                    (0..pi.len()).map(|p| slow_log_density(case, j, prior.locate(p))).collect();
                let joint = |p: usize| pi[p].ln() + logs[p];
                let all: Vec<f64> = (0..pi.len()).map(joint).collect();
                let total = log_sum_exp(&all);
                let name = &case.name;
                assert!((units.mixture[j] - total).abs() < 1e-9 * total.abs().max(1.0), "{name}");
                let null = units.null.as_ref().unwrap()[j];
                assert!((null - logs[0]).abs() < 1e-9 * null.abs().max(1.0), "{name}");
                let others = log_sum_exp(&all[1..]) - (1.0 - pi[0]).ln();
                let got = units.alternative.as_ref().unwrap()[j];
                assert!((got - others).abs() < 1e-8 * others.abs().max(1.0), "{name}");
                for (c, &p) in active.iter().enumerate() {
                    let error = (weights[c * case.j + j] - (all[p] - total).exp()).abs();
                    assert!(error < 1e-8, "{name} row {j} component {p}: {error:e}");
                }
            }
        }
    }

    #[test]
    fn the_fit_does_not_depend_on_the_number_of_threads() {
        for case in cases().iter().filter(|case| case.r == 5) {
            let fit = |threads| {
                with_fit(case, threads, |fit| (fit.mixture.pi.clone(), fit.unit_loglik()))
            };
            assert_eq!(fit(1), fit(2), "{}", case.name);
        }
    }
}
