//! Log-likelihoods of all units under all components.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::Monitor;
use mnmash_core::normal_means::Likelihood;

use crate::boundary::{Failure, Outcome, run};
use crate::problem::{Problem, columns, prior};

// A J x P matrix: log N(x_j; 0, S_j V_j S_j + w_l^2 U_k) over the observed cells of row j.
#[extendr]
fn rust_loglik(
    x: RMatrix<f64>,
    s: RMatrix<f64>,
    missing: Nullable<Logicals>,
    v: Nullable<List>,
    ulist: List,
    grid: &[f64],
    pointmass: bool,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<RMatrix<f64>> {
    let (j, r) = (x.nrows(), x.ncols());
    let problem = Problem::new(&x, &s, &missing, &v)?;
    let prior = prior(r, &ulist, grid, pointmass).map_err(Failure)?;
    let mut out = RMatrix::<f64>::new(j, prior.len());
    let data = out.data_mut();
    let monitor = Monitor::default();
    run(n_threads, &progress, &monitor, || {
        let means = problem.means()?;
        Likelihood::new(&means, &prior)?.all(columns(data, j, prior.len()), &monitor)
    })?;
    Ok(out)
}

extendr_module! {
    mod likelihood;
    fn rust_loglik;
}
