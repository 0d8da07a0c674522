//! Logistic regressions with spikes and slabs.

use extendr_api::prelude::*;
use mnmash_core::regression::logistic::{Data, Logistic, Model, logistic_grid};

use crate::boundary::{Run, arguments};
use crate::read::{Field, Outcome, Table};
use crate::write::ended;

fn fit_list(fit: &Logistic) -> List {
    list!(
        b = fit.b.as_slice(),
        c = fit.c.as_slice(),
        norms = fit.norms.as_slice(),
        slab = fit.slab,
        covariates = fit.covariates.as_slice(),
        change = fit.steps.iter().map(|s| s.change).collect::<Vec<f64>>(),
        ended = ended(&fit.ended)
    )
}

// Fits for each element of `prior$inclusion` (and of `prior$slab`); columns of `start`, if it is
// not NULL, are where they start from.
#[extendr]
fn rust_logistic(
    predictors: Robj,
    y: Robj,
    prior: Robj,
    start: Robj,
    control: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(predictors, y, prior, start, control);
    let (x, basis): (Table, Table) = predictors.read(|p| {
        let x = p.get("x")?.matrix()?;
        Ok((x, p.get("basis")?.matrix_with(x.rows)?))
    })?;
    let y = y.numbers_of(x.rows)?;
    let (inclusion, slabs) = prior.read(|p| {
        let inclusion = p.get("inclusion")?.numbers()?;
        Ok((inclusion, p.get("slab")?.numbers_of(inclusion.len())?))
    })?;
    let b = start.given().map(|b| b.matrix_of(x.cols, slabs.len())).transpose()?;
    let (order, slab_prior, tol, max_iter) = control.read(|c| {
        let slab_prior = c.maybe("slab_prior", Field::pair)?;
        let order = c.get("order")?.permutation(x.cols)?;
        Ok((order, slab_prior, c.number("tol")?, c.count("max_iter")?))
    })?;
    let model = |(k, (&inclusion, &slab))| Model {
        inclusion,
        slab,
        slab_prior,
        b: b.map(|b| b.column(k)),
        order: &order,
        tol,
        max_iter,
    };
    let models: Vec<Model> = inclusion.iter().zip(slabs).enumerate().map(model).collect();
    let data = Data { x: x.values, y, basis: basis.values };
    let fits = Run::new(&run)?.with(|monitor| logistic_grid(data, &models, monitor))?;
    Ok(List::from_values(fits.iter().map(fit_list)))
}

extendr_module! {
    mod logistic;
    fn rust_logistic;
}
