//! Regressions of many responses on many predictors.

mod alone;
mod fit;
mod found;
mod model;
mod order;
mod rows;

use extendr_api::prelude::*;

use crate::boundary::{Run, arguments};
use crate::nouns::{Predictors, Responses};
use crate::read::Outcome;
use fit::{Task, ToSamples};

// A fit of `responses$y` (NA where missing): of samples; or of products, with the predictors of
// these in the order of updates.
#[extendr]
fn rust_mr_mash(
    predictors: Robj,
    responses: Robj,
    prior: Robj,
    noise: Robj,
    start: Robj,
    control: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(predictors, responses, prior, noise, start, control);
    let predictors = predictors.read(Predictors::read)?;
    let responses = responses.read(|r| Responses::together(r, &predictors))?;
    let (p, y) = (predictors.columns().count(), responses.y);
    let task = Task::read((&prior, &noise, start, &control), p, y.cols)?;
    let run = Run::new(&run)?;
    let found = if let Predictors::Samples { x, basis } = &predictors {
        run.with(|monitor| {
            let work = ToSamples { task: &task, basis: *basis, y, monitor };
            x.with(&task.order.0, *basis, task.standardize, monitor, work)
        })
    } else {
        let x = predictors.gram(task.standardize)?;
        run.with(|monitor| task.products(x, y.view(), responses.products(), monitor))
    }?;
    Ok(found.list(&task.order))
}

extendr_module! {
    mod mr_mash;
    use alone;
    use rows;
    fn rust_mr_mash;
}
