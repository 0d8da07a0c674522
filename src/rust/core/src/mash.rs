//! mash: estimate the mixture weights of the prior from all units (Urbut et al. 2019).

use faer::MatMut;

use crate::normal_means::{Likelihood, NormalMeans, Prior};
use crate::weights::{Likelihoods, Mixture, Options, mixture_weights, scale_rows};
use crate::{Error, Monitor};

/// Maximise `sum_j log sum_p pi_p p(x_j | p) + sum_p (a_p - 1) log pi_p`.
///
/// `dirichlet` are the `a_p` (one: no penalty). The objective is that of the data. Memory: one J by P
/// buffer, which holds the log-likelihoods and then, in place, the likelihoods scaled by row; it is
/// gone when the weights are known, since what follows needs few of its columns.
pub fn fit_weights(
    means: &NormalMeans,
    prior: &Prior,
    dirichlet: &[f64],
    start: Option<&[f64]>,
    options: Options,
    monitor: &Monitor,
) -> Result<Mixture, Error> {
    let (rows, cols) = (means.units, prior.len());
    let stride = stride(rows);
    let mut values = vec![0.0; stride * cols];
    let out = MatMut::from_column_major_slice_with_stride_mut(&mut values, rows, cols, stride);
    Likelihood::new(means, prior)?.arranged(out, monitor)?;
    let row_max = scale_rows(&mut values, rows, cols, stride, monitor)?;
    let view = Likelihoods::new(&values, rows, cols, stride)?;
    let mut mixture = mixture_weights(view, dirichlet, None, start, options, monitor)?;
    // The solver saw rows less their maxima: back to the log-likelihood of the data.
    let scale: f64 = row_max.iter().sum();
    mixture.objective += scale;
    mixture.trace.iter_mut().for_each(|objective| *objective += scale);
    Ok(mixture)
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

    fn fit(case: &Case, dirichlet: &[f64], threads: usize) -> Mixture {
        let v = case.correlation();
        let data = Data { units: case.j, conditions: case.r, x: &case.x, s: &case.s, v };
        let means = NormalMeans::new(data).unwrap();
        let (prior, monitor) = (case.prior(), Monitor::default());
        let options = Options::default();
        let work = || fit_weights(&means, &prior, dirichlet, None, options, &monitor);
        with_threads(threads, &monitor, |_| true, work).unwrap()
    }

    #[test]
    fn the_objective_is_that_of_the_data_and_no_component_improves_it() {
        for case in cases().iter().filter(|case| case.r <= 7) {
            let prior = case.prior();
            let mut dirichlet = vec![1.0; prior.len()];
            dirichlet[0] = 10.0;
            let got = fit(case, &dirichlet, 1);
            assert!(got.converged(), "{}", case.name);
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
            let (one, two) = (fit(case, &dirichlet, 1), fit(case, &dirichlet, 2));
            assert_eq!((one.pi, one.trace), (two.pi, two.trace), "{}", case.name);
        }
    }
}
