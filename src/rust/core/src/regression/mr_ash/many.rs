//! Several responses of one design, each with its own fit, in the units of the predictors as given.

use rayon::prelude::*;

use super::fit::fit;
use super::model::{Fit, Grid, Options, Settings, Start};
use crate::linalg::scalar::softmax;
use crate::normal_means::scalar::normal;
use crate::predictors::{Predictors, Response};
use crate::{Error, Monitor};

/// One response, its prior and its start.
#[derive(Debug, Clone)]
pub struct Task {
    /// The response.
    pub response: Response,
    /// Prior variances.
    pub grid: Grid,
    /// Weights to start from; none means those that the coefficients to start from suggest.
    pub pi: Option<Vec<f64>>,
    /// Residual variance to start from.
    pub sigma2: f64,
    /// Coefficients to start from, in the units of the predictors as given; none means zero.
    pub b: Option<Vec<f64>>,
}

/// Fit all of them, in parallel. `order` is common.
///
/// # Errors
/// Those of [`fit`].
pub fn fit_all<D: Predictors>(
    design: &D,
    tasks: &[Task],
    dirichlet: Option<&[f64]>,
    order: &[usize],
    options: Options,
    monitor: &Monitor,
) -> Result<Vec<Fit>, Error> {
    let scales = design.scales();
    tasks
        .par_iter()
        .map(|task| {
            let settings = Settings { grid: &task.grid, dirichlet, order, options };
            let b = task.b.clone().map(|mut b| {
                each(&mut b, scales, |b, s| b * s);
                b
            });
            let (b, sigma2) = (b.as_deref(), task.sigma2);
            let given = || start_weights(design.norms(), b, sigma2, &task.grid);
            let pi = task.pi.clone().unwrap_or_else(given);
            let start = Start { pi: &pi, sigma2, b };
            let mut found = fit(design, &task.response, settings, start, monitor)?;
            each(&mut found.b, scales, |b, s| b / s);
            each(&mut found.products, scales, |c, s| c * s);
            each(&mut found.variances, scales, |v, s| v / (s * s));
            Ok(found)
        })
        .collect()
}

/// The average posterior probabilities of the components, were the coefficients measured with errors
/// of variance `sigma2 / d`; equal weights without coefficients.
fn start_weights(norms: &[f64], b: Option<&[f64]>, sigma2: f64, grid: &Grid) -> Vec<f64> {
    let variances: Vec<f64> = grid.relative(sigma2).iter().map(|a| sigma2 * a).collect();
    let k = variances.len();
    let Some(b) = b else { return vec![1.0 / k as f64; k] };
    let mut total = vec![0.0; k];
    let known: Vec<(f64, f64)> =
        norms.iter().zip(b).filter(|(d, _)| **d > 0.0).map(|(d, b)| (d / sigma2, *b)).collect();
    for &(d, b) in &known {
        let mut log: Vec<f64> = variances.iter().map(|&v| normal(d, d * b, v).log_bayes).collect();
        softmax(&mut log);
        total.iter_mut().zip(log).for_each(|(t, w)| *t += w / known.len() as f64);
    }
    total
}

/// Sums of squares of the predictors as given, less what the covariates explain.
pub fn norms_as_given<D: Predictors>(design: &D) -> Vec<f64> {
    let mut norms = design.norms().to_vec();
    each(&mut norms, design.scales(), |d, s| d * s * s);
    norms
}

fn each(x: &mut [f64], scales: Option<&[f64]>, change: impl Fn(f64, f64) -> f64) {
    if let Some(scales) = scales {
        x.iter_mut().zip(scales).for_each(|(x, &s)| *x = change(*x, s));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictors::{Dense, response};

    /// Densities of coefficients as measurements, and what they say of the components.
    #[test]
    fn weights_start_at_the_average_posterior_of_the_coefficients() {
        let (norms, b, sigma2) = ([4.0, 0.0, 25.0], [0.8, 9.0, -0.1], 2.0);
        for (grid, unit) in [
            (Grid::Relative(vec![0.0, 0.1, 3.0]), sigma2),
            (Grid::Absolute(vec![0.0, 0.1, 3.0]), 1.0),
        ] {
            let found = start_weights(&norms, Some(&b), sigma2, &grid);
            let mut want = [0.0; 3];
            for j in [0, 2] {
                let density = |a: f64| {
                    let v = sigma2 / norms[j] + unit * a;
                    (-0.5 * b[j] * b[j] / v).exp() / v.sqrt()
                };
                let each = [0.0, 0.1, 3.0].map(density);
                let sum: f64 = each.iter().sum();
                (0..3).for_each(|k| want[k] += 0.5 * each[k] / sum);
            }
            for (found, want) in found.iter().zip(want) {
                assert!((found - want).abs() < 1e-14, "{found} {want}");
            }
        }
        let grid = Grid::Relative(vec![0.0, 1.0]);
        assert_eq!(start_weights(&norms, None, 1.0, &grid), [0.5, 0.5]);
    }

    const N: usize = 30;
    const SCALES: [f64; 3] = [0.2, 1.0, 7.0];

    fn number(k: usize) -> f64 {
        (k as f64 * 12.9898).sin() * 2.0
    }

    /// Standardising inside is the same as giving predictors that are divided by their standard
    /// deviations, with coefficients and all else in the units of the caller.
    #[test]
    fn results_are_in_the_units_of_the_predictors() {
        let basis = vec![1.0 / (N as f64).sqrt(); N];
        let x: Vec<f64> = (0..3 * N).map(|k| number(k) * SCALES[k / N]).collect();
        let monitor = Monitor::default();
        let inside = Dense::new(x.clone(), N, &basis, true, &monitor).unwrap();
        let sd: Vec<f64> = x
            .chunks(N)
            .map(|x| {
                let mean = x.iter().sum::<f64>() / N as f64;
                (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (N - 1) as f64).sqrt()
            })
            .collect();
        let scaled = x.iter().enumerate().map(|(k, x)| x / sd[k / N]).collect();
        let outside = Dense::new(scaled, N, &basis, false, &monitor).unwrap();
        let sum = |x: &[f64]| {
            let mean = x.iter().sum::<f64>() / N as f64;
            x.iter().map(|x| (x - mean).powi(2)).sum::<f64>()
        };
        for ((norm, x), s) in norms_as_given(&inside).iter().zip(x.chunks(N)).zip(&sd) {
            assert!((norm / sum(x) - 1.0).abs() < 1e-12 && *s > 0.0);
        }
        let y = |seed: usize| -> Vec<f64> {
            (0..N).map(|i| x[i] / sd[0] + number(1000 * seed + i)).collect()
        };
        let task = |seed: usize, b: Option<Vec<f64>>| Task {
            response: response(&basis, &y(seed)),
            grid: Grid::Absolute(vec![0.0, 0.1, 1.0]),
            pi: Some(vec![0.5, 0.25, 0.25]),
            sigma2: 2.0,
            b,
        };
        // Few sweeps, so that the start matters.
        let options = Options { tol: 0.0, max_iter: 2, ..Options::default() };
        let start = vec![0.5, -0.2, 0.1];
        let given = start.iter().zip(&sd).map(|(b, s)| b / s).collect();
        let order = [2, 0, 1];
        let tasks = [task(1, Some(given)), task(2, None)];
        let found = fit_all(&inside, &tasks, None, &order, options, &monitor).unwrap();
        let tasks = [task(1, Some(start)), task(2, None)];
        let want = fit_all(&outside, &tasks, None, &order, options, &monitor).unwrap();
        for (found, want) in found.iter().zip(&want) {
            for j in 0..3 {
                let s = sd[j];
                let pairs = [
                    (found.b[j] * s, want.b[j]),
                    (found.products[j] / s, want.products[j]),
                    (found.variances[j] * s * s, want.variances[j]),
                ];
                for (got, want) in pairs {
                    assert!((got - want).abs() < 1e-11 * (1.0 + want.abs()), "{j}: {got} {want}");
                }
            }
        }
        assert!((want[0].b[0] - want[1].b[0]).abs() > 1e-3, "the responses differ");
    }
}
