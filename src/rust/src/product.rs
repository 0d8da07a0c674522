//! Effects that are independent between conditions: their weights, likelihoods and posteriors.

use extendr_api::prelude::*;
use mnmash_core::mash::{product_weights, weights_with};
use mnmash_core::normal_means::Product;
use mnmash_core::weights::{Method, Options};

use crate::boundary::{Run, arguments};
use crate::nouns::{Measurements, Mixture};
use crate::read::Outcome;
use crate::write::{Moments, ended, slice, table};

// The weights of `control$variances` in each condition, L x R; `control$row_weights`: how much each
// unit counts, `control$null_weight`: the Dirichlet parameter of the first variance.
#[extendr]
fn rust_product_weights(measurements: Robj, control: Robj, run: Robj) -> Outcome<RMatrix<f64>> {
    arguments!(measurements, control);
    let data = measurements.read(Measurements::read)?;
    let (variances, row_weights, null) = control.read(|c| {
        let row_weights = c.get("row_weights")?.numbers_of(data.units)?;
        Ok((c.get("variances")?.numbers()?, row_weights, c.number("null_weight")?))
    })?;
    let found = Run::new(&run)?
        .with(|monitor| product_weights(data.data(), variances, row_weights, null, monitor))?;
    let l = variances.len();
    Ok(table(l, data.conditions, |i, k| found[k * l + i]))
}

// list(loglik, moments): J log-likelihoods in scaled units, and the posterior as rust_posterior()
// has it, times `product$scale`; without `product$signs` its probabilities are meaningless.
#[extendr]
fn rust_product(measurements: Robj, product: Robj, run: Robj) -> Outcome<List> {
    arguments!(measurements, product);
    let data = measurements.read(Measurements::read)?;
    let (units, conditions) = (data.units, data.conditions);
    let (product, how) = product.read(|p| {
        let variances = p.get("variances")?.numbers()?;
        let weights = p.get("weights")?.matrix_of(variances.len(), conditions)?.values;
        let scale = p.maybe("scale", |s| Ok(s.matrix_of(units, conditions)?.values))?;
        Ok((Product::new(conditions, variances, weights)?, (scale, p.flag("signs")?)))
    })?;
    let mut loglik = Doubles::new(units);
    let mut moments = Moments::new(units, conditions, false);
    let (values, out) = (slice(&mut loglik), moments.out());
    Run::new(&run)?.with(|monitor| product.posterior(data.data(), how, values, out, monitor))?;
    Ok(list!(loglik = loglik, moments = List::from(moments)))
}

// Weights of the components and of one more, whose log-likelihoods are `control$extra`: the last.
#[extendr]
fn rust_weights_with(measurements: Robj, prior: Robj, control: Robj, run: Robj) -> Outcome<List> {
    arguments!(measurements, prior, control);
    let data = measurements.read(Measurements::read)?;
    let Mixture { prior, .. } = prior.read(|p| Mixture::read(p, data.conditions))?;
    let (penalty, extra, options, memory) = control.read(|c| {
        let (tol, max_iter) = (c.number("tol")?, c.count("max_iter")?);
        let options = Options { tol, max_iter, method: Method::Convex };
        let extra = c.get("extra")?.numbers_of(data.units)?;
        let penalty = c.get("penalty")?.numbers_of(prior.len() + 1)?;
        Ok((penalty, extra, options, c.number("memory")?))
    })?;
    let fit = Run::new(&run)?.with(|monitor| {
        let means = data.means()?;
        weights_with(&means, &prior, extra, penalty, options, memory as usize, monitor)
    })?;
    Ok(list!(pi = &fit.pi, objective = fit.objective, kkt = fit.kkt, ended = ended(&fit.ended)))
}

extendr_module! {
    mod product;
    fn rust_product_weights;
    fn rust_product;
    fn rust_weights_with;
}
