//! Predictors one by one.

use extendr_api::prelude::*;
use faer::MatRef;
use mnmash_core::Error;
use mnmash_core::predictors;
use mnmash_core::regression::mr_mash::log_bayes_factors;

use super::model::Model;
use crate::boundary::{Run, arguments};
use crate::nouns::predictors::Work;
use crate::nouns::{Predictors, Responses};
use crate::read::{Outcome, Table};

/// The Bayes factors of each predictor alone.
struct LogBayesFactors<'a> {
    model: &'a Model<'a>,
    basis: Table<'a>,
    y: MatRef<'a, f64>,
}

impl Work for LogBayesFactors<'_> {
    type Output = Vec<f64>;

    fn run<X: predictors::Predictors>(self, x: X) -> Result<Vec<f64>, Error> {
        let mut design = predictors::Responses::new(x, self.basis.values, self.y, None);
        let start = self.model.start(&mut design, None)?;
        log_bayes_factors(&design, &self.model.prior, &start)
    }
}

// The log Bayes factors of the predictors of samples, each alone.
#[extendr]
fn rust_mr_mash_log_bf(
    predictors: Robj,
    responses: Robj,
    prior: Robj,
    noise: Robj,
    control: Robj,
    run: Robj,
) -> Outcome<Vec<f64>> {
    arguments!(predictors, responses, prior, noise, control);
    let predictors = predictors.read(Predictors::read)?;
    let (x, basis) = predictors.samples()?;
    let y = responses.read(|r| Responses::together(r, &predictors))?.y;
    let model = Model::read(&prior, &noise, y.cols)?;
    let standardize = control.read(|c| c.flag("standardize"))?;
    let order: Vec<usize> = (0..x.count()).collect();
    Run::new(&run)?.with(|monitor| {
        let work = LogBayesFactors { model: &model, basis, y: y.view() };
        x.with(&order, basis, standardize, monitor, work)
    })
}

extendr_module! {
    mod alone;
    fn rust_mr_mash_log_bf;
}
