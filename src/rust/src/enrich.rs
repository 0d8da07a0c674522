//! Face of `mnmash_core::loci`.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::loci::association::{Role, log_bayes_factors, over_scales};
use mnmash_core::loci::enrichment::{EmOptions, Loci, places, single_signal};
use mnmash_core::{Error, Monitor};

use crate::boundary::{Outcome, run};
use crate::problem::view;

fn positions(starts: &[f64]) -> Vec<usize> {
    starts.iter().map(|s| *s as usize).collect()
}

// One causal variable per locus. `starts` are counts of variables before each locus, and of all;
// `offset` may be empty.
#[extendr]
fn rust_enrich_single(
    starts: &[f64],
    annotations: RMatrix<f64>,
    penalty: f64,
    log_bf: &[f64],
    start: &[f64],
    offset: &[f64],
    tol: f64,
    max_iter: f64,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<List> {
    let (starts, x, monitor) = (positions(starts), view(&annotations), Monitor::default());
    let options = EmOptions { tol, max_iter: max_iter as usize };
    let fit = run(n_threads, &progress, &monitor, || {
        let loci = Loci { starts: &starts, annotations: x, penalty };
        single_signal(&loci, log_bf, start, offset, options, &monitor)
    })?;
    Ok(list!(
        coef = fit.a,
        loglik = &fit.ended.trace,
        converged = fit.ended.converged(),
        pip = fit.pip,
        prior = fit.prior,
        null = fit.null
    ))
}

// Coefficients of the places of effects.
#[extendr]
fn rust_enrich_places(
    starts: &[f64],
    annotations: RMatrix<f64>,
    penalty: f64,
    weight: &[f64],
    start: &[f64],
    n_threads: i32,
) -> Outcome<List> {
    let (starts, x, monitor) = (positions(starts), view(&annotations), Monitor::default());
    let (coef, place) = run(n_threads, &Nullable::Null, &monitor, || {
        let loci = Loci { starts: &starts, annotations: x, penalty };
        places(&loci, weight, start, &monitor)
    })?;
    Ok(list!(coef = coef, prior = place))
}

// Natural logarithms of Bayes factors: models by units by scales. `gamma` is models by conditions:
// 0 unassociated, 1 direct, 2 indirect.
#[extendr]
fn rust_association(
    z: RMatrix<f64>,
    v: RMatrix<f64>,
    n: &[f64],
    variance: &[f64],
    sigma: &[f64],
    gamma: RMatrix<f64>,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<Vec<f64>> {
    let (models, d) = (gamma.nrows(), gamma.ncols());
    let role = |g: f64| match g {
        1.0 => Role::Direct,
        2.0 => Role::Indirect,
        _ => Role::Unassociated,
    };
    let roles: Vec<Vec<Role>> =
        (0..models).map(|m| (0..d).map(|r| role(gamma.data()[r * models + m])).collect()).collect();
    let (z, v, monitor) = (view(&z), view(&v), Monitor::default());
    run(n_threads, &progress, &monitor, || -> std::result::Result<_, Error> {
        log_bayes_factors(z, v, n, variance, sigma, &roles, &monitor)
    })
}

// Averages of Bayes factors over scales with equal weights, and sums with `weights` (models by
// scales), natural logarithms, models by units.
#[extendr]
fn rust_association_over_scales(
    log_bf: &[f64],
    units: i32,
    weights: RMatrix<f64>,
    n_threads: i32,
) -> Outcome<List> {
    let weights = view(&weights);
    let [mean, joint] = run(n_threads, &Nullable::Null, &Monitor::default(), || {
        Ok::<_, Error>(over_scales(log_bf, units as usize, weights))
    })?;
    Ok(list!(mean = mean, joint = joint))
}

extendr_module! {
    mod enrich;
    fn rust_enrich_single;
    fn rust_enrich_places;
    fn rust_association;
    fn rust_association_over_scales;
}
