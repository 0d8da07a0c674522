//! Logistic regressions with spikes and slabs.

use extendr_api::prelude::*;
use mnmash_core::regression::logistic::{Data, Logistic, Model, logistic_grid};

use crate::boundary::{Run, arguments};
use crate::nouns::{Predictors, Responses, Scalars};
use crate::read::{Outcome, refuse};
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

// A fit of `responses$y` (one column, of 0 and 1) for each column of the prior, a spike and a slab;
// columns of `start`, if it is not NULL, are where they start from.
#[extendr]
fn rust_logistic(
    predictors: Robj,
    responses: Robj,
    prior: Robj,
    start: Robj,
    control: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(predictors, responses, prior, start, control);
    let predictors = predictors.read(Predictors::read)?;
    let (x, basis) = predictors.dense()?;
    let y = responses.read(|r| Responses::apart(r, &predictors))?.y;
    if y.cols != 1 {
        return refuse("responses$y must have one column");
    }
    let prior = prior.read(|p| Scalars::read(p, p.get("weights")?.matrix()?.cols))?;
    let fits = prior.variances.cols;
    let b = start.given().map(|b| b.matrix_of(x.cols, fits)).transpose()?;
    let (order, tol, max_iter) = control.read(|c| {
        Ok((c.get("order")?.permutation(x.cols)?, c.number("tol")?, c.count("max_iter")?))
    })?;
    let model = |k: usize| {
        // The residual variance is one, so that variances relative to it are the same.
        let (inclusion, slab) = prior.spike_and_slab(k)?;
        let b = b.map(|b| b.column(k));
        let slab_prior = prior.slab;
        Ok(Model { inclusion, slab, slab_prior, b, order: &order, tol, max_iter })
    };
    let models = (0..fits).map(model).collect::<Outcome<Vec<Model>>>()?;
    let data = Data { x: x.values, y: y.values, basis: basis.values };
    let fits = Run::new(&run)?.with(|monitor| logistic_grid(data, &models, monitor))?;
    Ok(List::from_values(fits.iter().map(fit_list)))
}

extendr_module! {
    mod logistic;
    fn rust_logistic;
}
