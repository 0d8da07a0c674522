//! mash: the weights of the prior, and what it then says of the units and their effects.

mod effects;
mod summary;

use extendr_api::prelude::*;
use mnmash_core::mash::{error_moment, fit_weights, random_effects, weight_sums};
use mnmash_core::mash::{weight_sums_with, weights_with};
use mnmash_core::normal_means::posterior::Weights;
use mnmash_core::weights::{Method, Options, Point};

use crate::boundary::{Run, arguments};
use crate::nouns::{Measurements, Mixture};
use crate::read::{Fields, Outcome};
use crate::words::HETEROGENEITIES;
use crate::write::{matrix, nullable, proportions};
use effects::{Effects, Known};
use summary::Likelihoods;

/// How the weights of the prior are found: `list(penalty, tol, max_iter, memory)`, with a penalty
/// for each component; `memory` in bytes.
struct ToFit<'a> {
    penalty: &'a [f64],
    options: Options,
    memory: usize,
}

impl<'a> ToFit<'a> {
    fn read(list: &Fields<'a>, components: usize) -> Outcome<Self> {
        let (tol, max_iter) = (list.number("tol")?, list.count("max_iter")?);
        let options = Options { tol, max_iter, method: Method::Convex };
        let penalty = list.get("penalty")?.numbers_of(components)?;
        Ok(Self { penalty, options, memory: list.number("memory")? as usize })
    }
}

// The model: list(fit, likelihoods, moments, samples). With `fit`, the weights of the prior are
// found from those that are given, or from a start of its own; with NULL they are these. `task`:
// `list(threshold, moments, covariance, scale, A)`: whether moments of the effects are wanted, and
// their covariances; and samples with `draw`, or none with NULL. A product in the prior is one
// component more, the last of the weights that are found.
#[extendr]
fn rust_mash(
    measurements: Robj,
    prior: Robj,
    fit: Robj,
    task: Robj,
    draw: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(measurements, prior, fit, task, draw);
    let data = measurements.read(Measurements::read)?;
    let mixture = prior.read(|p| Mixture::read_with_product(p, data.conditions))?;
    let to_fit = fit.given().map(|f| f.read(|f| ToFit::read(f, mixture.len()))).transpose()?;
    let (threshold, moments, covariance, effects) = task.read(|t| {
        let (moments, covariance) = (t.flag("moments")?, t.flag("covariance")?);
        Ok((t.number("threshold")?, moments, covariance, Effects::read(t, &data)?))
    })?;
    let draw = draw.given().map(|d| d.read(effects::draw)).transpose()?;
    let run = Run::new(&run)?;
    let (means, extra, fit) = run.with(|monitor| {
        let means = data.means()?;
        let beside = mixture.beside.as_ref();
        let extra = beside.map(|b| b.product.loglik(data.data(), monitor)).transpose()?;
        let one = |f: &ToFit| {
            let ToFit { penalty, options, memory } = *f;
            let prior = &mixture.prior;
            match &extra {
                None => {
                    fit_weights(&means, prior, penalty, mixture.weights, options, memory, monitor)
                }
                Some(e) => weights_with(&means, prior, e, penalty, options, memory, monitor),
            }
        };
        let fit = to_fit.as_ref().map(one).transpose()?;
        Ok((means, extra, fit))
    })?;
    let mixture = match &fit {
        Some(fit) => mixture.fitted(&fit.pi),
        None => mixture,
    };
    let beside = mixture.beside.clone().zip(extra);
    let prior = mixture.weighted()?;
    let beside = beside.as_ref().map(|(beside, loglik)| (beside, loglik.as_slice()));
    let found = Likelihoods::of(&means, &prior, beside, threshold, &run)?;
    let beside = beside.map(|(beside, _)| (beside, data.data(), found.in_product()));
    let known =
        found.weights().map(|weights| Known { means: &means, prior: &prior, weights, beside });
    let moments = known.filter(|_| moments).map(|k| effects.moments(k, covariance, &run));
    let samples = known.zip(draw).map(|(k, draw)| effects.samples(k, draw, &run));
    let (moments, samples) = (moments.transpose()?, samples.transpose()?);
    Ok(list!(
        fit = nullable(fit.as_ref().map(proportions)),
        moments = nullable(moments),
        samples = nullable(samples),
        likelihoods = List::from(found)
    ))
}

// list(value, g, hessian, cover): sums over the units at the weights of the prior, with the Hessian
// of some components. A product is the last of them.
#[extendr]
fn rust_weight_sums(measurements: Robj, prior: Robj, point: Robj, run: Robj) -> Outcome<List> {
    arguments!(measurements, prior, point);
    let data = measurements.read(Measurements::read)?;
    let mixture = prior.read(|p| Mixture::read_with_product(p, data.conditions))?;
    let components = mixture.len();
    let (x, columns, floor) = point.read(|p| {
        let columns = p.get("columns")?.places(components)?;
        Ok((p.get("x")?.numbers_of(components)?, columns, p.number("floor")?))
    })?;
    let at = Point { x, columns: &columns, floor };
    let sums = Run::new(&run)?.with(|monitor| {
        let (means, prior) = (data.means()?, &mixture.prior);
        match &mixture.beside {
            None => weight_sums(&means, prior, at, monitor),
            Some(beside) => {
                let extra = beside.product.loglik(data.data(), monitor)?;
                weight_sums_with(&means, prior, &extra, at, monitor)
            }
        }
    })?;
    let hessian = matrix(sums.hessian.as_ref());
    Ok(list!(value = sums.value, g = sums.g, hessian = hessian, cover = sums.cover))
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
    fn rust_mash;
    fn rust_weight_sums;
}
