//! Fine-mapping: effects of few variables among many that are correlated.

mod answer;
mod errors;
mod sets;
mod task;

use extendr_api::prelude::*;
use faer::MatRef;
use mnmash_core::Error;
use mnmash_core::linalg::psd::Factor;
use mnmash_core::predictors::{Centred, Complete, Incomplete, Region, centred, region};

use crate::boundary::{Run, arguments};
use crate::nouns::{Predictors, Responses};
use crate::read::{Outcome, Table, refuse};
use answer::Answer;
use task::Task;

/// A region of samples, and what its columns were centred and scaled by: variables, and means of
/// the responses.
type Rows<'a> = (Box<dyn Region + 'a>, (Centred, Vec<f64>));

/// Rows of X and Y, some of which may be missing (NaN).
fn rows(x: Table, y: Table, task: &Task, factors: &[Factor]) -> Result<Rows<'static>, Error> {
    let (how, v) = (task.samples, task.v.clone());
    let mut x = centred(x.view(), how.intercept, how.standardize)?;
    let values = std::mem::take(&mut x.values);
    if y.values.iter().any(|y| y.is_nan()) {
        let design = Incomplete::new(values, y.view(), v, how.intercept, factors, how.memory)?;
        return Ok((Box::new(design), (x, Vec::new())));
    }
    let Centred { values: y_values, mean, .. } = centred(y.view(), how.intercept, false)?;
    let y = MatRef::from_column_major_slice(&y_values, y.rows, y.cols);
    Ok((region(values, y, v)?, (x, mean)))
}

// A fit from full matrices: of samples from which nothing is to be regressed out, with responses of
// which some may be missing (NA); or of products.
#[extendr]
fn rust_finemap(
    predictors: Robj,
    responses: Robj,
    noise: Robj,
    prior: Robj,
    control: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(predictors, responses, noise, prior, control);
    let predictors = predictors.read(Predictors::read)?;
    let responses = responses.read(|r| Responses::together(r, &predictors))?;
    let y = responses.y;
    let task = Task::read(&noise, &prior, &control, predictors.columns().count(), y.cols)?;
    let run = Run::new(&run)?;
    if let Predictors::Samples { .. } = predictors {
        let x = predictors.as_given()?;
        let (answer, (x, y_mean)) = run.with(|monitor| {
            let (mut region, columns) = rows(x, y, &task, &task.prior.size.factors)?;
            Ok((Answer::of(&task, &mut *region, monitor)?, columns))
        })?;
        let columns = list!(x_mean = x.mean, x_scale = x.scale, y_mean = y_mean);
        return Ok(answer.list(Some(columns)));
    }
    if task.samples.intercept {
        return refuse("control$intercept must be FALSE where predictors$form is products");
    }
    let gram = predictors.gram(task.samples.standardize)?;
    let answer = run.with(|monitor| {
        let (xty, yty, v) = (y.view(), responses.products(), task.v.clone());
        let mut region = Complete::products(gram, xty, yty, &task.sums, v)?;
        Answer::of(&task, &mut region, monitor)
    })?;
    Ok(answer.list(None))
}

extendr_module! {
    mod finemap;
    use errors;
    use sets;
    fn rust_finemap;
}
