//! The fit of the mixture weights of mash.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::Monitor;
use mnmash_core::mash::Fit;
use mnmash_core::weights::{Method, Options};

use crate::boundary::{Failure, Outcome, run};
use crate::problem::{Problem, prior as read_prior};

// Weights of the components, log-likelihoods of the units (scaled units) and posterior weights of
// the components above `pi_thresh`.
#[extendr]
fn rust_mash_fit(
    x: RMatrix<f64>,
    s: RMatrix<f64>,
    missing: Nullable<Logicals>,
    v: Nullable<Doubles>,
    ulist: List,
    grid: &[f64],
    pointmass: bool,
    prior: &[f64],
    start: Nullable<Doubles>,
    tol: f64,
    max_iter: i32,
    pi_thresh: f64,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<List> {
    let (j, r) = (x.nrows(), x.ncols());
    let problem = Problem::new(&x, &s, &missing, &v)?;
    let mixture_prior = read_prior(r, &ulist, grid, pointmass).map_err(Failure)?;
    let start = match &start {
        Nullable::Null => None,
        Nullable::NotNull(start) => start.as_robj().as_real_slice(),
    };
    let options = Options { tol, max_iter: max_iter.max(0) as usize, method: Method::Convex };
    let monitor = Monitor::default();
    let quiet = Nullable::Null;
    let means = run(n_threads, &quiet, &monitor, || problem.means())?;
    let fit = run(n_threads, &progress, &monitor, || {
        Fit::new(&means, &mixture_prior, prior, start, options, &monitor)
    })?;
    let active = fit.active(pi_thresh);
    let mut weights = RMatrix::<f64>::new(j, active.len());
    let out = weights.data_mut();
    let units = run(n_threads, &quiet, &monitor, || {
        fit.posterior_weights(&active, out);
        Ok(fit.unit_loglik())
    })?;
    let index: Vec<i32> = active.iter().map(|&p| p as i32 + 1).collect();
    let mixture = &fit.mixture;
    Ok(list!(
        pi = &mixture.pi,
        objective = mixture.objective,
        kkt = mixture.kkt,
        gap = mixture.gap,
        iterations = mixture.iterations as i32,
        converged = mixture.converged(),
        stop = mixture.stop.reason(),
        trace = &mixture.trace,
        vloglik = units.mixture,
        null_loglik = nullable(units.null),
        alt_loglik = nullable(units.alternative),
        active = index,
        weights = weights
    ))
}

/// A vector, or NULL.
pub fn nullable(x: Option<Vec<f64>>) -> Robj {
    x.map_or_else(|| ().into(), |x| x.into())
}

extendr_module! {
    mod mash;
    fn rust_mash_fit;
}
