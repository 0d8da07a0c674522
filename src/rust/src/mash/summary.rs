//! What units say when the weights of the prior are known.

use extendr_api::prelude::*;
use mnmash_core::Prior;
use mnmash_core::normal_means::mixture::Summary;
use mnmash_core::normal_means::posterior::Weights;
use mnmash_core::normal_means::{Beside, NormalMeans, WeightedPrior};

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
    /// The posterior weights of a product; those of the active components are given that it is not
    /// that until they are handed over.
    in_product: Option<Vec<f64>>,
}

impl Likelihoods {
    /// Components whose weight is at most `threshold` are not active. `beside`: a product, and the
    /// log-likelihoods of the units under it.
    pub fn of(
        means: &NormalMeans,
        prior: &Prior,
        beside: Option<(&Beside, &[f64])>,
        threshold: f64,
        run: &Run,
    ) -> Outcome<Self> {
        let known = WeightedPrior::new(prior, threshold);
        let (units, active) = (means.units, known.active().to_vec());
        let of_units = || Doubles::new(units);
        let mut found = Self {
            vloglik: of_units(),
            null: prior.null.then(of_units),
            alternative: prior.null.then(of_units),
            weights: RMatrix::new(units, active.len()),
            active,
            in_product: None,
        };
        let summary = Summary {
            vloglik: slice(&mut found.vloglik),
            null: found.null.as_mut().map(slice),
            alternative: found.alternative.as_mut().map(slice),
            weights: found.weights.data_mut(),
        };
        run.with(|monitor| known.summarise(means, prior, summary, monitor))?;
        if let Some((beside, loglik)) = beside {
            let null = if prior.null { prior.weights[0] } else { 0.0 };
            let alternative = found.alternative.as_mut().map(slice);
            found.in_product =
                Some(beside.join(loglik, null, slice(&mut found.vloglik), alternative));
        }
        Ok(found)
    }

    pub fn in_product(&self) -> &[f64] {
        self.in_product.as_deref().unwrap_or(&[])
    }

    /// None without active components.
    pub fn weights(&self) -> Option<Weights<'_>> {
        let weights = Weights { active: &self.active, values: self.weights.data() };
        (!self.active.is_empty()).then_some(weights)
    }
}

impl From<Likelihoods> for List {
    fn from(mut found: Likelihoods) -> Self {
        if let Some(share) = &found.in_product {
            let units = share.len();
            for (at, weight) in found.weights.data_mut().iter_mut().enumerate() {
                *weight *= 1.0 - share[at % units];
            }
        }
        list!(
            vloglik = found.vloglik,
            null_loglik = nullable(found.null),
            alt_loglik = nullable(found.alternative),
            active = places(&found.active),
            weights = found.weights,
            in_product = nullable(found.in_product)
        )
    }
}
