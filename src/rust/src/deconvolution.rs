//! Extreme deconvolution.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use faer::Mat;
use mnmash_core::deconvolution::ed::{self, Fit, Fixed, Options};
use mnmash_core::deconvolution::estep::{Map, Noise};
use mnmash_core::deconvolution::{EStep, Mixture, Observations, Projected};
use mnmash_core::{Error, Monitor};

use crate::boundary::{Failure, Outcome, run};
use crate::problem::Problem;

/// The start, what is fixed of it, and the options, as every call has them.
struct Task {
    start: Mixture,
    fixed: Fixed,
    options: Options,
    weights: Option<Vec<f64>>,
}

/// `start` is `list(U, pi, means, fixed_pi, fixed_means, fixed_U)`, of which `means` may be NULL
/// (zero), else K by R; `control` is `c(tol, max_iter, w)`.
fn read_task(start: &List, control: &[f64], weights: &Nullable<Doubles>) -> Outcome<Task> {
    let [u, pi, means, fixed @ ..] = start.as_slice() else {
        return Err(Failure(Error::Shape { name: "start", expected: 6, found: start.len() }));
    };
    let covariances: Vec<Mat<f64>> = u
        .as_list()
        .map(|u| u.values().map(|u| square(u.as_real_slice().unwrap_or(&[]))).collect())
        .unwrap_or_default();
    let pi = pi.as_real_slice().unwrap_or(&[]).to_vec();
    let k = pi.len().max(1);
    let means = match means.as_real_slice() {
        None => Vec::new(),
        Some(m) => (0..pi.len()).map(|i| m.iter().skip(i).step_by(k).copied().collect()).collect(),
    };
    let flags = |i: usize| -> Vec<bool> {
        let flags = fixed.get(i).and_then(|f| f.as_logical_slice());
        flags.unwrap_or(&[]).iter().map(Rbool::is_true).collect()
    };
    let fixed = Fixed { weights: flags(0), means: flags(1), covariances: flags(2) };
    let value = |i: usize| control.get(i).copied().unwrap_or(0.0);
    let (tol, max_iter, regularisation) = (value(0), value(1).max(0.0) as usize, value(2));
    let weights = match weights {
        Nullable::NotNull(w) => w.as_robj().as_real_slice().map(<[f64]>::to_vec),
        Nullable::Null => None,
    };
    let start = Mixture { weights: pi, means, covariances };
    Ok(Task { start, fixed, options: Options { tol, max_iter, regularisation }, weights })
}

fn square(values: &[f64]) -> Mat<f64> {
    let n = (values.len() as f64).sqrt().round() as usize;
    Mat::from_fn(n, n, |i, c| values.get(c * n + i).copied().unwrap_or(f64::NAN))
}

fn fit(
    observations: Observations,
    task: &Task,
    monitor: &Monitor,
) -> std::result::Result<Fit, Error> {
    let step = EStep::new(observations, task.weights.as_deref())?;
    ed::fit(&step, task.start.clone(), &task.fixed, task.options, monitor)
}

fn result(fit: &Fit) -> List {
    let Mixture { weights, means, covariances } = &fit.mixture;
    let matrix = |u: &Mat<f64>| RMatrix::new_matrix(u.nrows(), u.ncols(), |i, c| u[(i, c)]);
    let u = List::from_values(covariances.iter().map(matrix));
    let means: Robj = match means.first() {
        None => ().into(),
        Some(first) => RMatrix::new_matrix(means.len(), first.len(), |k, i| means[k][i]).into(),
    };
    list!(
        U = u,
        pi = weights,
        means = means,
        trace = &fit.ended.trace,
        loglik = &fit.loglik,
        iterations = fit.ended.iterations as f64,
        converged = fit.ended.converged(),
        message = fit.ended.message
    )
}

// Effects with noise, as mash has them.
#[extendr]
fn rust_ed(
    x: RMatrix<f64>,
    s: RMatrix<f64>,
    missing: Nullable<Logicals>,
    v: Nullable<List>,
    start: List,
    control: &[f64],
    weights: Nullable<Doubles>,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<List> {
    let problem = Problem::new(&x, &s, &missing, &v)?;
    let task = read_task(&start, control, &weights)?;
    let monitor = Monitor::default();
    let found = run(n_threads, &progress, &monitor, || {
        fit(Observations::Direct(&problem.means()?), &task, &monitor)
    })?;
    Ok(result(&found))
}

// Linear functions of effects (`map`: n by R, n by R by J, or NULL for the effects themselves),
// with covariances of the noise (`noise`: n by n, n by n by J, or with `diagonal` J by n
// variances).
#[extendr]
fn rust_ed_projected(
    x: RMatrix<f64>,
    noise: &[f64],
    diagonal: bool,
    map: Nullable<Doubles>,
    effects: i32,
    start: List,
    control: &[f64],
    weights: Nullable<Doubles>,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<List> {
    let (units, observations) = (x.nrows(), x.ncols());
    let effects = effects.max(0) as usize;
    let noise = match diagonal {
        true => Noise::Diagonal(noise),
        false if noise.len() == observations * observations => Noise::Common(noise),
        false => Noise::PerUnit(noise),
    };
    let map = match &map {
        Nullable::Null => Map::Identity,
        Nullable::NotNull(map) => match map.as_robj().as_real_slice().unwrap_or(&[]) {
            map if map.len() == observations * effects => Map::Common(map),
            map => Map::PerUnit(map),
        },
    };
    let projected = Projected { units, observations, effects, x: x.data(), noise, map };
    let task = read_task(&start, control, &weights)?;
    let monitor = Monitor::default();
    let found = run(n_threads, &progress, &monitor, || {
        projected.check()?;
        fit(Observations::Projected(&projected), &task, &monitor)
    })?;
    Ok(result(&found))
}

extendr_module! {
    mod deconvolution;
    fn rust_ed;
    fn rust_ed_projected;
}
