//! Fine-mapping: effects of few variables among many that are correlated.

mod answer;
mod errors;
mod sets;
mod task;

use extendr_api::prelude::*;
use faer::MatRef;
use mnmash_core::Error;
use mnmash_core::linalg::psd::Factor;
use mnmash_core::predictors::{
    Centred, Complete, Incomplete, Predictors as _, Products, Region, centred, region,
};

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

/// Products of rows, centred and scaled as they are analysed.
fn products(x: Table, y: Table, task: &Task) -> Result<Products, Error> {
    let how = task.samples;
    let x = centred(x.view(), how.intercept, how.standardize)?;
    let y = centred(y.view(), how.intercept, false)?;
    let n = y.values.len() / y.mean.len();
    let x = MatRef::from_column_major_slice(&x.values, n, x.mean.len());
    let y = MatRef::from_column_major_slice(&y.values, n, y.mean.len());
    let (xtx, xty, yty) = (x.transpose() * x, x.transpose() * y, y.transpose() * y);
    Ok(Products { xtx, xty, yty, samples: n as f64 })
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
            let mut answer = Answer::of(&task, &mut *region, monitor)?;
            if task.background.is_some() {
                drop(region);
                answer = answer.beside(&task, &products(x, y, &task)?, monitor)?;
            }
            Ok((answer, columns))
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
        let data = task.background.map(|_| Products {
            xtx: gram.gram(0..xty.nrows()),
            xty: xty.to_owned(),
            yty: yty.to_owned(),
            samples: gram.samples(),
        });
        let mut region = Complete::products(gram, xty, yty, &task.sums, v)?;
        let answer = Answer::of(&task, &mut region, monitor)?;
        match data {
            Some(data) => answer.beside(&task, &data, monitor),
            None => Ok(answer),
        }
    })?;
    Ok(answer.list(None))
}

extendr_module! {
    mod finemap;
    use errors;
    use sets;
    fn rust_finemap;
}
