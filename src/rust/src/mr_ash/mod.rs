//! Regressions of one response on many predictors.

mod task;

use extendr_api::prelude::*;

use crate::boundary::{Run, arguments};
use crate::nouns::{Predictors, Responses};
use crate::read::Outcome;
use task::{Task, ToSamples, list_of};

// A fit of each column of `responses$y`: of samples, or of products with the predictors.
#[extendr]
fn rust_mr_ash(
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
    let Responses { y, total } = responses.read(|r| Responses::apart(r, &predictors))?;
    let p = predictors.columns().count();
    let task = Task::read((&prior, &noise, start, &control), p, y)?;
    let run = Run::new(&run)?;
    let mut checks = Vec::new();
    let (norms, fits) = if let Predictors::Samples { x, basis } = &predictors {
        let straight: Vec<usize> = (0..p).collect();
        run.with(|monitor| {
            let work = ToSamples { task: &task, basis: *basis, monitor };
            x.with(&straight, *basis, task.standardize, monitor, work)
        })
    } else {
        let x = predictors.gram(task.standardize)?;
        let make = |j: usize, y: &[f64]| x.response(y, total[j]);
        run.with(|monitor| {
            let found = task.fit(&x, make, monitor)?;
            checks = task.checks(&x, make, &found.1)?;
            Ok(found)
        })
    }?;
    let mut checks = checks.into_iter();
    let lists: Vec<List> = fits.iter().map(|fit| list_of(fit, checks.next())).collect();
    Ok(list!(norms = norms, fits = List::from_values(lists)))
}

extendr_module! {
    mod mr_ash;
    fn rust_mr_ash;
}
