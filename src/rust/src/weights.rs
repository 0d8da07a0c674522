//! Face of `mnmash_core::weights`.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::Monitor;
use mnmash_core::weights::{Likelihoods, Method, Options, mixture_weights, scale_rows};

use crate::boundary::{Outcome, run};

/// A numeric vector, or nothing.
fn optional(x: &Nullable<Doubles>) -> Option<&[f64]> {
    match x {
        Nullable::NotNull(x) => x.as_robj().as_real_slice(),
        Nullable::Null => None,
    }
}

// Proportions from a J x P matrix of log-likelihoods, of which one copy is made. `method` is
// "convex" or "em".
#[extendr]
fn rust_mixture_weights(
    loglik: RMatrix<f64>,
    prior: &[f64],
    start: Nullable<Doubles>,
    row_weights: Nullable<Doubles>,
    tol: f64,
    max_iter: f64,
    method: &str,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<List> {
    let (rows, cols) = (loglik.nrows(), loglik.ncols());
    let mut values = loglik.data().to_vec();
    let (start, row_weights) = (optional(&start), optional(&row_weights));
    let method = if method == "em" { Method::Em } else { Method::Convex };
    let options = Options { tol, max_iter: max_iter as usize, method };
    let monitor = Monitor::default();
    let fit = run(n_threads, &progress, &monitor, || {
        let maxima = scale_rows(&mut values, rows, cols, rows, &monitor)?;
        let scaled = Likelihoods::new(&values, rows, cols, rows)?;
        let fit = mixture_weights(scaled, prior, row_weights, start, options, &monitor)?;
        Ok(fit.unscale(&maxima, row_weights))
    })?;
    Ok(list!(
        pi = fit.pi.as_slice(),
        objective = fit.objective,
        kkt = fit.kkt,
        gap = fit.gap,
        iterations = fit.ended.iterations as f64,
        converged = fit.ended.converged(),
        message = fit.ended.message,
        trace = fit.ended.trace.as_slice()
    ))
}

extendr_module! {
    mod weights;
    fn rust_mixture_weights;
}
