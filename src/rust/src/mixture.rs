//! Likelihoods and posterior weights under a prior whose weights are known.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::Monitor;
use mnmash_core::normal_means::WeightedPrior;
use mnmash_core::normal_means::mixture::Summary;

use crate::boundary::{Failure, Outcome, run};
use crate::problem::{Problem, prior};

// list(vloglik, null_loglik, alt_loglik, active, weights) in scaled units.
#[extendr]
fn rust_mixture_summary(
    x: RMatrix<f64>,
    s: RMatrix<f64>,
    missing: Nullable<Logicals>,
    v: Nullable<List>,
    ulist: List,
    grid: &[f64],
    pointmass: bool,
    pi: &[f64],
    pi_thresh: f64,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<List> {
    let problem = Problem::new(&x, &s, &missing, &v)?;
    let prior = prior(x.ncols(), &ulist, grid, pointmass);
    let prior = prior.and_then(|prior| prior.with_weights(pi)).map_err(Failure)?;
    let known = WeightedPrior::new(&prior, pi_thresh);
    let j = x.nrows();
    let mut vloglik = Doubles::new(j);
    let mut null = pointmass.then(|| Doubles::new(j));
    let mut alternative = pointmass.then(|| Doubles::new(j));
    let mut weights = RMatrix::<f64>::new(j, known.active().len());
    let summary = Summary {
        vloglik: slice(&mut vloglik),
        null: null.as_mut().map(slice),
        alternative: alternative.as_mut().map(slice),
        weights: weights.data_mut(),
    };
    let monitor = Monitor::default();
    run(n_threads, &progress, &monitor, || {
        known.summarise(&problem.means()?, &prior, summary, &monitor)
    })?;
    let active: Vec<i32> = known.active().iter().map(|p| *p as i32 + 1).collect();
    let nullable = |x: Option<Doubles>| x.map_or_else(|| ().into(), Robj::from);
    Ok(list!(
        vloglik = vloglik,
        null_loglik = nullable(null),
        alt_loglik = nullable(alternative),
        active = active,
        weights = weights
    ))
}

/// R memory.
fn slice(x: &mut Doubles) -> &mut [f64] {
    x.as_robj_mut().as_real_slice_mut().unwrap_or(&mut [])
}

extendr_module! {
    mod mixture;
    fn rust_mixture_summary;
}
