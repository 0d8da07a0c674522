//! Samples from the posteriors of all effects.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::Monitor;
use mnmash_core::normal_means::posterior::Weights;
use mnmash_core::normal_means::samples::{Draw, samples};

use crate::boundary::{Failure, Outcome, run};
use crate::posterior::zero_based;
use crate::problem::{Problem, prior, view};

// A J x R x M array, of `a` times the effects, if it is given: then R is its number of rows.
// `seed` and `first_row` are whole numbers.
#[extendr]
fn rust_posterior_samples(
    x: RMatrix<f64>,
    s: RMatrix<f64>,
    missing: Nullable<Logicals>,
    v: Nullable<List>,
    scale: Nullable<RMatrix<f64>>,
    a: Nullable<RMatrix<f64>>,
    ulist: List,
    grid: &[f64],
    pointmass: bool,
    active: Robj,
    weights: RMatrix<f64>,
    n_samples: f64,
    seed: f64,
    first_row: f64,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<RArray<f64, 3>> {
    let (j, r) = (x.nrows(), x.ncols());
    let problem = Problem::new(&x, &s, &missing, &v)?;
    let prior = prior(r, &ulist, grid, pointmass).map_err(Failure)?;
    let active = zero_based(&active).map_err(Failure)?;
    let weights = Weights { active: &active, values: weights.data() };
    let scale = match &scale {
        Nullable::NotNull(scale) => Some(scale.data()),
        Nullable::Null => None,
    };
    let a = match &a {
        Nullable::NotNull(a) => Some(view(a)),
        Nullable::Null => None,
    };
    let draw =
        Draw { samples: n_samples as usize, seed: seed as i64 as u64, first_row: first_row as u64 };
    let mut array = RArray::<f64, 3>::new_array([j, a.map_or(r, |a| a.nrows()), draw.samples]);
    let out = array.data_mut();
    let monitor = Monitor::default();
    run(n_threads, &progress, &monitor, || {
        samples(&problem.means()?, &prior, weights, (scale, a), draw, out, &monitor)
    })?;
    Ok(array)
}

extendr_module! {
    mod samples;
    fn rust_posterior_samples;
}
