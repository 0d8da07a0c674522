//! The fit of the mixture weights of mash.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::Monitor;
use mnmash_core::mash::{Heterogeneity, error_moment, fit_weights, random_effects, weight_sums};
use mnmash_core::normal_means::posterior::Weights;
use mnmash_core::weights::{Method, Options, Point, newton_step};

use crate::boundary::{Failure, Outcome, run};
use crate::posterior::zero_based;
use crate::problem::{Problem, prior as read_prior};

// Weights of the components, and how well they solve their problem.
#[extendr]
fn rust_mash_fit(
    x: RMatrix<f64>,
    s: RMatrix<f64>,
    missing: Nullable<Logicals>,
    v: Nullable<List>,
    ulist: List,
    grid: &[f64],
    pointmass: bool,
    prior: &[f64],
    start: Nullable<Doubles>,
    tol: f64,
    max_iter: i32,
    memory: f64,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<List> {
    let problem = Problem::new(&x, &s, &missing, &v)?;
    let components = read_prior(x.ncols(), &ulist, grid, pointmass).map_err(Failure)?;
    let start = match &start {
        Nullable::Null => None,
        Nullable::NotNull(start) => start.as_robj().as_real_slice(),
    };
    let options = Options { tol, max_iter: max_iter.max(0) as usize, method: Method::Convex };
    let monitor = Monitor::default();
    let mixture = run(n_threads, &progress, &monitor, || {
        let means = problem.means()?;
        fit_weights(&means, &components, prior, start, options, memory as usize, &monitor)
    })?;
    Ok(list!(
        pi = &mixture.pi,
        objective = mixture.objective,
        kkt = mixture.kkt,
        gap = mixture.gap,
        iterations = mixture.ended.iterations as i32,
        converged = mixture.ended.converged(),
        stop = mixture.ended.message,
        trace = &mixture.ended.trace
    ))
}

// list(value, g, hessian, cover): sums over the units at the weights `pi`, with the Hessian of some
// components (numbers from 1).
#[extendr]
fn rust_weight_sums(
    x: RMatrix<f64>,
    s: RMatrix<f64>,
    missing: Nullable<Logicals>,
    v: Nullable<List>,
    ulist: List,
    grid: &[f64],
    pointmass: bool,
    pi: &[f64],
    columns: &[f64],
    floor: f64,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<List> {
    let problem = Problem::new(&x, &s, &missing, &v)?;
    let components = read_prior(x.ncols(), &ulist, grid, pointmass).map_err(Failure)?;
    let columns: Vec<usize> = columns.iter().map(|p| (*p as usize).saturating_sub(1)).collect();
    let point = Point { x: pi, columns: &columns, floor };
    let monitor = Monitor::default();
    let sums = run(n_threads, &progress, &monitor, || {
        weight_sums(&problem.means()?, &components, point, &monitor)
    })?;
    let hessian = RMatrix::new_matrix(columns.len(), columns.len(), |i, j| sums.hessian[(i, j)]);
    Ok(list!(value = sums.value, g = sums.g, hessian = hessian, cover = sums.cover))
}

// The Newton step from `x`, given gradient and Hessian.
#[extendr]
fn rust_newton_step(hessian: RMatrix<f64>, g: &[f64], x: &[f64]) -> Outcome<Vec<f64>> {
    newton_step(hessian.data(), g, x).map_err(Failure)
}

// The mean of E[ee'] over the units, e the errors in units of their standard errors.
#[extendr]
fn rust_error_moment(
    x: RMatrix<f64>,
    s: RMatrix<f64>,
    missing: Nullable<Logicals>,
    v: Nullable<List>,
    ulist: List,
    grid: &[f64],
    pointmass: bool,
    active: Robj,
    weights: RMatrix<f64>,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<RMatrix<f64>> {
    let problem = Problem::new(&x, &s, &missing, &v)?;
    let prior = read_prior(x.ncols(), &ulist, grid, pointmass).map_err(Failure)?;
    let active = zero_based(&active).map_err(Failure)?;
    let weights = Weights { active: &active, values: weights.data() };
    let monitor = Monitor::default();
    let found = run(n_threads, &progress, &monitor, || {
        error_moment(problem.data(), &prior, weights, &monitor)
    })?;
    Ok(RMatrix::new_matrix(found.nrows(), found.ncols(), |i, k| found[(i, k)]))
}

// c(mean, se, tau2, Q) of estimates `y` with variances `v`.
#[extendr]
fn rust_random_effects(y: &[f64], v: &[f64], restricted: bool) -> Outcome<Vec<f64>> {
    let how = if restricted { Heterogeneity::Restricted } else { Heterogeneity::Moments };
    let found = random_effects(y, v, how).map_err(Failure)?;
    Ok(vec![found.mean, found.se, found.tau2, found.q])
}

extendr_module! {
    mod mash;
    fn rust_mash_fit;
    fn rust_error_moment;
    fn rust_newton_step;
    fn rust_random_effects;
    fn rust_weight_sums;
}
