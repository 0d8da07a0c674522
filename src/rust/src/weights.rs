//! Mixture proportions from log-likelihoods.

use extendr_api::prelude::*;
use mnmash_core::weights::{
    Likelihoods, Options, Pass, Point, Sums, mixture_weights, mixture_weights_by_passes, scale_rows,
};
use mnmash_core::{Error, memory};

use crate::boundary::{Run, arguments, value};
use crate::read::{Field, Outcome};
use crate::words::WEIGHT_METHODS;
use crate::write::{places, proportions};

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
    Ok(proportions(&fit))
}

// The same of rows that R reads: `sums` is a function of `list(x, columns, floor)`, a point, whose
// value is `list(value, g, hessian, cover, rows)`, sums over all rows, or NULL to end with NULL.
#[extendr]
fn rust_mixture_weights_by_passes(start: Robj, sums: Robj, control: Robj) -> Outcome<Robj> {
    let read = &value(&sums);
    Field::new("sums", read).function()?;
    arguments!(start, control);
    let start = start.numbers()?;
    let (penalty, tol, max_iter) = control.read(|c| {
        let penalty = c.get("penalty")?.numbers_of(start.len())?;
        Ok((penalty, c.number("tol")?, c.count("max_iter")?))
    })?;
    let mut over = false;
    let fit = mixture_weights_by_passes(penalty, start, tol, max_iter, |point| -> Outcome<Pass> {
        let Point { x, columns, floor } = point;
        let point = list!(x = x, columns = places(columns), floor = floor);
        let answer = sums.call(pairlist!(point)).unwrap_or_default();
        let answer = value(&answer);
        let Some(answer) = Field::new("sums()", &answer).given() else {
            over = true;
            return Err(Error::Interrupted.into());
        };
        answer.read(|s| {
            let of = |name| s.get(name)?.numbers_of(x.len()).map(<[f64]>::to_vec);
            let hessian = s.get("hessian")?.matrix_of(columns.len(), columns.len())?;
            let hessian = hessian.view().to_owned();
            let sums =
                Sums { value: s.number("value")?, g: of("g")?, hessian, cover: of("cover")? };
            Ok(Pass { sums, rows: s.number("rows")? })
        })
    });
    if over { Ok(().into()) } else { Ok(proportions(&fit?).into()) }
}

extendr_module! {
    mod weights;
    fn rust_mixture_weights;
    fn rust_mixture_weights_by_passes;
}
