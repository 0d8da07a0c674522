//! Face of `mnmash_core::regression::logistic`.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::regression::logistic::{Data, Logistic, Model, logistic_grid};
use mnmash_core::{Error, Monitor};

use crate::boundary::{Failure, Outcome, run};

fn fit_list(fit: &Logistic) -> List {
    let change: Vec<f64> = fit.steps.iter().map(|s| s.change).collect();
    list!(
        b = fit.b.as_slice(),
        c = fit.c.as_slice(),
        norms = fit.norms.as_slice(),
        slab = fit.slab,
        covariates = fit.covariates.as_slice(),
        elbo = &fit.ended.trace,
        change = change,
        converged = fit.ended.converged(),
        message = fit.ended.message
    )
}

// Fits for each element of `inclusion` (and of `slab`); columns of `b` are starts.
#[extendr]
fn rust_logistic(
    x: RMatrix<f64>,
    y: &[f64],
    basis: RMatrix<f64>,
    inclusion: &[f64],
    slab: &[f64],
    slab_prior: &[f64],
    b: Nullable<RMatrix<f64>>,
    order: &[i32],
    tol: f64,
    max_iter: f64,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<List> {
    let (n, p) = (x.nrows(), x.ncols());
    if y.len() != n || slab.len() != inclusion.len() {
        return Err(Failure(Error::Shape { name: "y", expected: n, found: y.len() }));
    }
    let order: Vec<usize> =
        order.iter().map(|&j| usize::try_from(j - 1).unwrap_or(usize::MAX)).collect();
    let b = match &b {
        Nullable::NotNull(b) if b.data().len() == p * slab.len() => Some(b.data()),
        _ => None,
    };
    let models: Vec<Model> = (0..slab.len())
        .map(|k| Model {
            inclusion: inclusion[k],
            slab: slab[k],
            slab_prior: (slab_prior.len() == 2).then(|| (slab_prior[0], slab_prior[1])),
            b: b.map(|b| &b[k * p..(k + 1) * p]),
            order: &order,
            tol,
            max_iter: max_iter as usize,
        })
        .collect();
    let data = Data { x: x.data(), y, basis: basis.data() };
    let monitor = Monitor::default();
    let fits = run(n_threads, &progress, &monitor, || logistic_grid(data, &models, &monitor))?;
    Ok(List::from_values(fits.iter().map(fit_list)))
}

extendr_module! {
    mod logistic;
    fn rust_logistic;
}
