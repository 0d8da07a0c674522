//! Effects that are independent between conditions: their weights. (What such a component says of
//! units is part of `rust_mash()`.)

use extendr_api::prelude::*;
use mnmash_core::mash::product_weights;
use mnmash_core::normal_means::Product;

use crate::boundary::{Run, arguments};
use crate::nouns::Measurements;
use crate::read::Outcome;
use crate::write::{ended, table};

// list(weights, kkt, ended): of `control$variances` in each condition, L x R; `control$row_weights`: how much each
// unit counts, `control$null_weight`: the Dirichlet parameter of the first variance.
#[extendr]
fn rust_product_weights(measurements: Robj, control: Robj, run: Robj) -> Outcome<List> {
    arguments!(measurements, control);
    let data = measurements.read(Measurements::read)?;
    let (variances, row_weights, null) = control.read(|c| {
        let row_weights = c.get("row_weights")?.numbers_of(data.units)?;
        Ok((c.get("variances")?.numbers()?, row_weights, c.number("null_weight")?))
    })?;
    let found = Run::new(&run)?
        .with(|monitor| product_weights(data.data(), variances, row_weights, null, monitor))?;
    let l = variances.len();
    let weights = table(l, data.conditions, |i, k| found.weights[k * l + i]);
    Ok(list!(weights = weights, kkt = found.kkt, ended = ended(&found.ended)))
}

// J log-likelihoods in scaled units.
#[extendr]
fn rust_product_loglik(measurements: Robj, product: Robj, run: Robj) -> Outcome<Vec<f64>> {
    arguments!(measurements, product);
    let data = measurements.read(Measurements::read)?;
    let product = product.read(|p| {
        let variances = p.get("variances")?.numbers()?;
        let weights = p.get("weights")?.matrix_of(variances.len(), data.conditions)?.values;
        Ok(Product::new(data.conditions, variances, weights)?)
    })?;
    Run::new(&run)?.with(|monitor| product.loglik(data.data(), monitor))
}

extendr_module! {
    mod product;
    fn rust_product_weights;
    fn rust_product_loglik;
}
