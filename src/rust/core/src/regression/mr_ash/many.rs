//! Several responses of one design, each with its own fit, in the units of the predictors as given.

use rayon::prelude::*;

use super::fit::fit;
use super::model::{Fit, Grid, Options, Settings, Start};
use crate::regression::design::{Design, Response};
use crate::{Error, Monitor};

/// One response, its prior and its start.
#[derive(Debug, Clone)]
pub struct Task {
    /// The response.
    pub response: Response,
    /// Prior variances.
    pub grid: Grid,
    /// Weights to start from.
    pub pi: Vec<f64>,
    /// Residual variance to start from.
    pub sigma2: f64,
    /// Coefficients to start from, in the units of the predictors as given; none means zero.
    pub b: Option<Vec<f64>>,
}

/// Fit all of them, in parallel. `order` is common.
///
/// # Errors
/// Those of [`fit`].
pub fn fit_all<D: Design>(
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
            let start = Start { pi: &task.pi, sigma2: task.sigma2, b: b.as_deref() };
            let mut found = fit(design, &task.response, settings, start, monitor)?;
            each(&mut found.b, scales, |b, s| b / s);
            each(&mut found.c, scales, |c, s| c * s);
            each(&mut found.variances, scales, |v, s| v / (s * s));
            Ok(found)
        })
        .collect()
}

/// Sums of squares of the predictors as given, less what the covariates explain.
pub fn norms_as_given<D: Design>(design: &D) -> Vec<f64> {
    let mut norms = design.norms().to_vec();
    each(&mut norms, design.scales(), |d, s| d * s * s);
    norms
}

fn each(x: &mut [f64], scales: Option<&[f64]>, change: impl Fn(f64, f64) -> f64) {
    if let Some(scales) = scales {
        x.iter_mut().zip(scales).for_each(|(x, &s)| *x = change(*x, s));
    }
}
