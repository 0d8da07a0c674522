//! Mixture proportions from log-likelihoods.

use extendr_api::prelude::*;
use mnmash_core::memory;
use mnmash_core::weights::{Likelihoods, Options, mixture_weights, scale_rows};

use crate::boundary::{Run, arguments};
use crate::read::Outcome;
use crate::words::WEIGHT_METHODS;
use crate::write::ended;

// Proportions from a J x P matrix of log-likelihoods, of which one copy is made.
#[extendr]
fn rust_mixture_weights(loglik: Robj, control: Robj, run: Robj) -> Outcome<List> {
    arguments!(loglik, control);
    let loglik = loglik.matrix()?;
    let (rows, cols) = (loglik.rows, loglik.cols);
    let (penalty, start, row_weights, options) = control.read(|c| {
        let (tol, max_iter) = (c.number("tol")?, c.count("max_iter")?);
        let method = c.one_of("method", WEIGHT_METHODS)?;
        let start = c.maybe("start", |s| s.numbers_of(cols))?;
        let row_weights = c.maybe("row_weights", |w| w.numbers_of(rows))?;
        let penalty = c.get("penalty")?.numbers_of(cols)?;
        Ok((penalty, start, row_weights, Options { tol, max_iter, method }))
    })?;
    let mut values = memory::copy(loglik.values)?;
    let fit = Run::new(&run)?.with(|monitor| {
        let maxima = scale_rows(&mut values, rows, cols, rows, monitor)?;
        let scaled = Likelihoods::new(&values, rows, cols, rows)?;
        let fit = mixture_weights(scaled, penalty, row_weights, start, options, monitor)?;
        Ok(fit.unscale(&maxima, row_weights))
    })?;
    Ok(list!(
        pi = fit.pi.as_slice(),
        objective = fit.objective,
        kkt = fit.kkt,
        gap = fit.gap,
        ended = ended(&fit.ended)
    ))
}

extendr_module! {
    mod weights;
    fn rust_mixture_weights;
}
