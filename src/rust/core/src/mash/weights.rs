//! Estimate the mixture weights of the prior from all units.

use std::ops::Range;

use faer::MatMut;

use crate::normal_means::problem::Block;
use crate::normal_means::{Likelihood, NormalMeans};
use crate::weights::{Likelihoods, Mixture, Options, mixture_weights, scale_rows};
use crate::weights::{LogLikelihoods, Point, Sums, mixture_sums};
use crate::weights::{mixture_weights_by_blocks, stride};
use crate::{Error, Monitor, Prior, memory};

/// Maximise `sum_j log sum_p pi_p p(x_j | p) + sum_p (a_p - 1) log pi_p`.
///
/// `dirichlet` are the `a_p` (one: no penalty). The objective is that of the data. The J by P matrix
/// of likelihoods is held if it takes at most `memory` bytes; otherwise only those of its columns that
/// matter, in about as many bytes, and the others are recomputed by blocks. The optimum is the same.
pub fn fit_weights(
    means: &NormalMeans,
    prior: &Prior,
    dirichlet: &[f64],
    start: Option<&[f64]>,
    options: Options,
    memory: usize,
    monitor: &Monitor,
) -> Result<Mixture, Error> {
    let size = stride(means.units).saturating_mul(prior.len()).saturating_mul(8);
    if size <= memory {
        return fit_held(means, prior, dirichlet, start, options, monitor);
    }
    let source = Blocks { means, prior, blocks: means.blocks() };
    mixture_weights_by_blocks(&source, dirichlet, start, options, memory, monitor)
}

/// What one pass over the units says about the weights of a point: see [`mixture_sums`].
pub fn weight_sums(
    means: &NormalMeans,
    prior: &Prior,
    point: Point<'_>,
    monitor: &Monitor,
) -> Result<Sums, Error> {
    mixture_sums(&Blocks { means, prior, blocks: means.blocks() }, point, monitor)
}

/// One buffer holds the log-likelihoods and then, in place, the likelihoods scaled by row; it is gone
/// when the weights are known, since what follows needs few of its columns.
fn fit_held(
    means: &NormalMeans,
    prior: &Prior,
    dirichlet: &[f64],
    start: Option<&[f64]>,
    options: Options,
    monitor: &Monitor,
) -> Result<Mixture, Error> {
    let (rows, cols) = (means.units, prior.len());
    let stride = stride(rows);
    let mut values = memory::zeros(stride * cols)?;
    let out = MatMut::from_column_major_slice_with_stride_mut(&mut values, rows, cols, stride);
    Likelihood::new(means, prior)?.arranged(out, monitor)?;
    let row_max = scale_rows(&mut values, rows, cols, stride, monitor)?;
    let view = Likelihoods::new(&values, rows, cols, stride)?;
    // The solver sees rows less their maxima: back to the log-likelihood of the data.
    let fit = mixture_weights(view, dirichlet, None, start, options, monitor)?;
    Ok(fit.unscale(&row_max, None))
}

/// The log-likelihoods of units in arranged order, computed when they are needed.
pub(super) struct Blocks<'a> {
    pub(super) means: &'a NormalMeans<'a>,
    pub(super) prior: &'a Prior,
    pub(super) blocks: Vec<Block>,
}

impl<'a> LogLikelihoods for Blocks<'a> {
    type Subset = Likelihood<'a>;

    fn columns(&self) -> usize {
        self.prior.len()
    }

    fn blocks(&self) -> Vec<Range<usize>> {
        self.blocks.iter().map(|block| block.range.clone()).collect()
    }

    fn subset(&self, columns: &[usize]) -> Result<Self::Subset, Error> {
        Likelihood::of(self.means, self.prior, columns)
    }

    fn block(&self, subset: &Self::Subset, block: usize, out: &mut [f64]) -> Result<(), Error> {
        let block = &self.blocks[block];
        let (rows, cols) = (block.range.len(), subset.len());
        subset.block(block, MatMut::from_column_major_slice_mut(out, rows, cols))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal_means::testing::{Case, cases, slow_log_density};
    use crate::normal_means::{Correlation, Data};
    use crate::with_threads;

    fn fit(case: &Case, dirichlet: &[f64], threads: usize, memory: usize) -> Mixture {
        let means = NormalMeans::new(case.data()).unwrap();
        let (prior, monitor) = (case.prior(), Monitor::default());
        let options = Options::default();
        let work = || fit_weights(&means, &prior, dirichlet, None, options, memory, &monitor);
        with_threads(threads, &monitor, |_| true, work).unwrap()
    }

    #[test]
    fn the_objective_is_that_of_the_data_and_no_component_improves_it() {
        let cases = cases();
        let small = cases.iter().filter(|case| case.r <= 7);
        for (case, memory) in small.flat_map(|case| [(case, usize::MAX), (case, 0)]) {
            let prior = case.prior();
            let mut dirichlet = vec![1.0; prior.len()];
            dirichlet[0] = 10.0;
            let got = fit(case, &dirichlet, 1, memory);
            assert!(got.ended.converged(), "{}", case.name);
            let mut objective = 9.0 * got.pi[0].ln();
            let mut gradient: Vec<f64> = dirichlet.iter().map(|a| a - 1.0).collect();
            gradient[0] /= got.pi[0];
            for j in 0..case.j {
                let density = |p| slow_log_density(case, j, prior.locate(p));
                let logs: Vec<f64> = (0..prior.len()).map(density).collect();
                let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = got.pi.iter().zip(&logs).map(|(p, l)| p * (l - top).exp()).sum();
                objective += top + sum.ln();
                for (g, l) in gradient.iter_mut().zip(&logs) {
                    *g += (l - top).exp() / sum;
                }
            }
            let error = (got.objective - objective).abs() / objective.abs();
            assert!(error < 1e-9, "{}: {error:e}", case.name);
            let total = case.j as f64 + 9.0;
            let worst = gradient.iter().map(|g| g / total - 1.0).fold(f64::MIN, f64::max);
            assert!(worst < 1e-7, "{}: {worst:e}", case.name);
        }
    }

    #[test]
    fn the_fit_does_not_depend_on_the_number_of_threads() {
        for case in cases().iter().filter(|case| case.r == 5) {
            let dirichlet = vec![1.0; case.prior().len()];
            for memory in [usize::MAX, 0] {
                let fit = |threads| fit(case, &dirichlet, threads, memory);
                let (one, two) = (fit(1), fit(2));
                assert_eq!((one.pi, one.ended.trace), (two.pi, two.ended.trace), "{}", case.name);
            }
        }
    }

    #[test]
    fn columns_that_are_not_held_are_computed_again_for_every_kind_of_noise() {
        let (monitor, options) = (Monitor::default(), Options::default());
        for case in cases().iter().filter(|case| case.r == 5) {
            // Many units: copies of the case whose effects shrink.
            let (copies, j) = (90, case.j);
            let long = |values: &[f64], shrink: f64| -> Vec<f64> {
                let cell = |c: &[f64], at: usize| c[at % j] * (1.0 - shrink * (at / j) as f64);
                let column = |c| (0..copies * j).map(move |at| cell(c, at));
                values.chunks_exact(j).flat_map(column).collect()
            };
            let (x, s) = (long(&case.x, 1.0 / 91.0), long(&case.s, 0.0));
            let v =
                case.v.as_ref().map(|v| if v.len() > 25 { v.repeat(copies) } else { v.clone() });
            let v = match &v {
                None => Correlation::Identity,
                Some(v) if v.len() == 25 => Correlation::Common(v),
                Some(v) => Correlation::PerUnit(v),
            };
            let data = Data { units: copies * j, conditions: 5, x: &x, s: &s, v };
            let (means, prior) = (NormalMeans::new(data).unwrap(), case.prior());
            let dirichlet = vec![1.0; prior.len()];
            let fit = |memory| {
                fit_weights(&means, &prior, &dirichlet, None, options, memory, &monitor).unwrap()
            };
            let (held, streamed) = (fit(usize::MAX), fit(0));
            assert!(held.ended.converged() && streamed.ended.converged(), "{}", case.name);
            let error = (held.objective - streamed.objective).abs() / held.objective.abs();
            assert!(error < 1e-9, "{}: {error:e}", case.name);
        }
    }
}
