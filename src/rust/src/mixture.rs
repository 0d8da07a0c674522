//! Likelihoods and posterior weights under a prior whose weights are known.

use extendr_api::prelude::*;
use mnmash_core::normal_means::WeightedPrior;
use mnmash_core::normal_means::mixture::Summary;

use crate::boundary::{Run, arguments};
use crate::nouns::{Measurements, Mixture};
use crate::read::Outcome;
use crate::write::{nullable, places, slice};

// list(vloglik, null_loglik, alt_loglik, active, weights) in scaled units; components whose weight
// is at most `control$threshold` have no posterior weights.
#[extendr]
fn rust_mixture_summary(
    measurements: Robj,
    prior: Robj,
    control: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(measurements, prior, control);
    let data = measurements.read(Measurements::read)?;
    let prior = prior.read(|p| Mixture::read(p, data.conditions))?.weighted()?;
    let threshold = control.read(|c| c.number("threshold"))?;
    let known = WeightedPrior::new(&prior, threshold);
    let mut vloglik = Doubles::new(data.units);
    let mut null = prior.null.then(|| Doubles::new(data.units));
    let mut alternative = prior.null.then(|| Doubles::new(data.units));
    let mut weights = RMatrix::<f64>::new(data.units, known.active().len());
    let summary = Summary {
        vloglik: slice(&mut vloglik),
        null: null.as_mut().map(slice),
        alternative: alternative.as_mut().map(slice),
        weights: weights.data_mut(),
    };
    Run::new(&run)?.with(|monitor| known.summarise(&data.means()?, &prior, summary, monitor))?;
    Ok(list!(
        vloglik = vloglik,
        null_loglik = nullable(null),
        alt_loglik = nullable(alternative),
        active = places(known.active()),
        weights = weights
    ))
}

extendr_module! {
    mod mixture;
    fn rust_mixture_summary;
}
