//! What units say when the weights of the prior are known.

use extendr_api::prelude::*;
use mnmash_core::Prior;
use mnmash_core::normal_means::mixture::Summary;
use mnmash_core::normal_means::posterior::Weights;
use mnmash_core::normal_means::{NormalMeans, WeightedPrior};

use crate::boundary::Run;
use crate::read::Outcome;
use crate::write::{nullable, places, slice};

/// Log-likelihoods in scaled units, and posterior weights of the active components.
pub struct Likelihoods {
    vloglik: Doubles,
    /// Without and with effects, if the prior has a point mass.
    null: Option<Doubles>,
    alternative: Option<Doubles>,
    active: Vec<usize>,
    weights: RMatrix<f64>,
}

impl Likelihoods {
    /// Components whose weight is at most `threshold` are not active.
    pub fn of(means: &NormalMeans, prior: &Prior, threshold: f64, run: &Run) -> Outcome<Self> {
        let known = WeightedPrior::new(prior, threshold);
        let (units, active) = (means.units, known.active().to_vec());
        let of_units = || Doubles::new(units);
        let mut found = Self {
            vloglik: of_units(),
            null: prior.null.then(of_units),
            alternative: prior.null.then(of_units),
            weights: RMatrix::new(units, active.len()),
            active,
        };
        let summary = Summary {
            vloglik: slice(&mut found.vloglik),
            null: found.null.as_mut().map(slice),
            alternative: found.alternative.as_mut().map(slice),
            weights: found.weights.data_mut(),
        };
        run.with(|monitor| known.summarise(means, prior, summary, monitor))?;
        Ok(found)
    }

    /// None without active components.
    pub fn weights(&self) -> Option<Weights<'_>> {
        let weights = Weights { active: &self.active, values: self.weights.data() };
        (!self.active.is_empty()).then_some(weights)
    }
}

impl From<Likelihoods> for List {
    fn from(found: Likelihoods) -> Self {
        list!(
            vloglik = found.vloglik,
            null_loglik = nullable(found.null),
            alt_loglik = nullable(found.alternative),
            active = places(&found.active),
            weights = found.weights
        )
    }
}
