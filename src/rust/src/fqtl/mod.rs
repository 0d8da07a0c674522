//! Factored regression of many outcomes on many predictors.

mod family;
mod outcomes;
mod posterior;
mod prior;

use extendr_api::prelude::*;
use mnmash_core::factored::sgvb::{self, Stochastic};
use mnmash_core::factored::{Options, Problem, fit};
use mnmash_core::memory::room;
use mnmash_core::predictors::Dense;

use crate::boundary::{Run, arguments};
use crate::nouns::Predictors;
use crate::read::Outcome;
use outcomes::Given;
use prior::Prior;

// A fit: with `control$seed` by stochastic gradients, with NULL by coordinate ascent.
#[extendr]
fn rust_fqtl(
    predictors: Robj,
    responses: Robj,
    family: Robj,
    prior: Robj,
    control: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(predictors, responses, family, prior, control);
    let x = predictors.read(Predictors::read)?.as_given()?;
    let (n, p) = (x.rows, x.cols);
    let given = responses.read(|r| Given::read(r, n, p))?;
    let family = family.read(|f| family::read(f, n, given.y.cols))?;
    let Prior { left_prior, direct_prior, sign, left, right, direct } = prior.read(Prior::read)?;
    let (options, seed) = control.read(|c| {
        let (factors, seeds) = (c.count("K")?, c.count("n_seeds")?);
        let (max_iter, tol) = (c.count("max_iter")?, c.number("tol")?);
        let options = Options { factors, left: left_prior, sign, seeds, max_iter, tol };
        Ok((options, c.maybe("seed", |s| s.seed())?))
    })?;
    let problem = Problem {
        design: &Dense::as_given(x.values, n),
        outcomes: given.outcomes(),
        covariates: given.covariates(),
        offset: given.offset,
        weights: given.sample_weights(),
        left,
        right,
        direct,
    };
    let start = given.direct(p, direct_prior, direct);
    let done = Run::new(&run)?.with(|monitor| match seed {
        None => {
            let fit = fit(&problem, family, start, options, monitor)?;
            Ok(Stochastic { fit, error: f64::NAN })
        }
        Some(seed) => sgvb::fit(&problem, family, start, options, seed, monitor),
    })?;
    room(4 * n * given.y.cols)?;
    Ok(posterior::list_of(&problem, &done))
}

extendr_module! {
    mod fqtl;
    fn rust_fqtl;
}
