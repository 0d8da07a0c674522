//! The fit of the mixture weights of mash.

use extendr_api::prelude::*;
use mnmash_core::mash::{error_moment, fit_weights, random_effects, weight_sums};
use mnmash_core::normal_means::posterior::Weights;
use mnmash_core::weights::{Method, Options, Point, newton_step};

use crate::boundary::{Run, arguments};
use crate::nouns::{Measurements, Mixture};
use crate::read::Outcome;
use crate::words::HETEROGENEITIES;
use crate::write::{ended, matrix};

// Weights of the components, and how well they solve their problem. `prior$weights` is the start.
#[extendr]
fn rust_mash_fit(measurements: Robj, prior: Robj, control: Robj, run: Robj) -> Outcome<List> {
    arguments!(measurements, prior, control);
    let data = measurements.read(Measurements::read)?;
    let Mixture { prior, weights: start } = prior.read(|p| Mixture::read(p, data.conditions))?;
    let (penalty, options, memory) = control.read(|c| {
        let (tol, max_iter) = (c.number("tol")?, c.count("max_iter")?);
        let options = Options { tol, max_iter, method: Method::Convex };
        Ok((c.get("penalty")?.numbers_of(prior.len())?, options, c.number("memory")?))
    })?;
    let fit = Run::new(&run)?.with(|monitor| {
        let means = data.means()?;
        fit_weights(&means, &prior, penalty, start, options, memory as usize, monitor)
    })?;
    Ok(list!(
        pi = &fit.pi,
        objective = fit.objective,
        kkt = fit.kkt,
        gap = fit.gap,
        ended = ended(&fit.ended)
    ))
}

// list(value, g, hessian, cover): sums over the units at the weights of the prior, with the Hessian
// of some components.
#[extendr]
fn rust_weight_sums(measurements: Robj, prior: Robj, point: Robj, run: Robj) -> Outcome<List> {
    arguments!(measurements, prior, point);
    let data = measurements.read(Measurements::read)?;
    let prior = prior.read(|p| Mixture::read(p, data.conditions))?.weighted()?;
    let (columns, floor) =
        point.read(|p| Ok((p.get("columns")?.places(prior.len())?, p.number("floor")?)))?;
    let at = Point { x: &prior.weights, columns: &columns, floor };
    let sums = Run::new(&run)?.with(|monitor| weight_sums(&data.means()?, &prior, at, monitor))?;
    let hessian = matrix(sums.hessian.as_ref());
    Ok(list!(value = sums.value, g = sums.g, hessian = hessian, cover = sums.cover))
}

// The Newton step from the weights `x`, given the gradient and the Hessian.
#[extendr]
fn rust_newton_step(point: Robj) -> Outcome<Vec<f64>> {
    arguments!(point);
    point.read(|p| {
        let x = p.get("x")?.numbers()?;
        let hessian = p.get("hessian")?.matrix_of(x.len(), x.len())?.values;
        Ok(newton_step(hessian, p.get("g")?.numbers_of(x.len())?, x)?)
    })
}

// The mean of E[ee'] over the units, e the errors in units of their standard errors; `task`: the
// components that units have `weights` of.
#[extendr]
fn rust_error_moment(
    measurements: Robj,
    prior: Robj,
    task: Robj,
    run: Robj,
) -> Outcome<RMatrix<f64>> {
    arguments!(measurements, prior, task);
    let data = measurements.read(Measurements::read)?;
    let prior = prior.read(|p| Mixture::read(p, data.conditions))?.prior;
    let (active, weights) = task.read(|t| {
        let active = t.get("active")?.places(prior.len())?;
        let weights = t.get("weights")?.matrix_of(data.units, active.len())?.values;
        Ok((active, weights))
    })?;
    let weights = Weights { active: &active, values: weights };
    let found =
        Run::new(&run)?.with(|monitor| error_moment(data.data(), &prior, weights, monitor))?;
    Ok(matrix(found.as_ref()))
}

// c(mean, se, tau2, Q) of estimates `y` with variances `v`.
#[extendr]
fn rust_random_effects(estimates: Robj, control: Robj) -> Outcome<Vec<f64>> {
    arguments!(estimates, control);
    let how = control.read(|c| c.one_of("method", HETEROGENEITIES))?;
    let found = estimates.read(|e| {
        let y = e.get("y")?.numbers()?;
        Ok(random_effects(y, e.get("v")?.numbers_of(y.len())?, how)?)
    })?;
    Ok(vec![found.mean, found.se, found.tau2, found.q])
}

extendr_module! {
    mod mash;
    fn rust_error_moment;
    fn rust_random_effects;
    fn rust_mash_fit;
    fn rust_newton_step;
    fn rust_weight_sums;
}
