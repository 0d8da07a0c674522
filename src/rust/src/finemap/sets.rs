//! Credible sets of effects.

use extendr_api::prelude::*;
use mnmash_core::finemap::{credible_set, purity};

use crate::boundary::arguments;
use crate::read::Outcome;
use crate::write::places;

// For each row of `alpha`, the variables of its credible set, most probable first.
#[extendr]
fn rust_credible_sets(alpha: Robj, control: Robj) -> Outcome<List> {
    arguments!(alpha, control);
    let alpha = alpha.matrix()?.view();
    let coverage = control.read(|c| c.number("coverage"))?;
    let row = |l: usize| alpha.row(l).iter().copied().collect::<Vec<f64>>();
    let set = |l| places(&credible_set(&row(l), coverage));
    Ok(List::from_values((0..alpha.nrows()).map(set)))
}

// c(min, mean, median) of the absolute correlations between variables.
#[extendr]
fn rust_purity(correlation: Robj) -> Outcome<Vec<f64>> {
    arguments!(correlation);
    let correlation = correlation.matrix()?.view();
    let found = purity(correlation.nrows(), |i, j| correlation[(i, j)]);
    Ok(vec![found.min, found.mean, found.median])
}

extendr_module! {
    mod sets;
    fn rust_credible_sets;
    fn rust_purity;
}
