//! What a call says about effects: which functions of them, how much of their posteriors, and
//! samples.

use extendr_api::prelude::*;
use mnmash_core::Prior;
use mnmash_core::normal_means::posterior::{Weights, posterior};
use mnmash_core::normal_means::samples::{Draw, samples};
use mnmash_core::normal_means::{Beside, Data, NormalMeans, Reported};

use crate::boundary::Run;
use crate::nouns::Measurements;
use crate::read::{Fields, Outcome, Table};
use crate::write::Moments;

/// `list(scale, A)`.
pub struct Effects<'a> {
    /// What effects are multiplied by, cell by cell.
    scale: Option<&'a [f64]>,
    /// The linear functions of the scaled effects that are asked for, if not these themselves.
    a: Option<Table<'a>>,
}

/// What is known when effects are asked for.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    pub means: &'a NormalMeans<'a>,
    pub prior: &'a Prior,
    /// Of the units: posterior weights of the components.
    pub weights: Weights<'a>,
    /// The component of independent effects, and its posterior weights.
    pub beside: Option<(&'a Beside, Data<'a>, &'a [f64])>,
}

impl<'a> Effects<'a> {
    pub fn read(list: &Fields<'a>, data: &Measurements) -> Outcome<Self> {
        let scale = list.maybe("scale", |s| s.matrix_of(data.units, data.conditions))?;
        let a = list.maybe("A", |a| a.matrix_by(data.conditions))?;
        Ok(Self { scale: scale.map(|s| s.values), a })
    }

    /// How many of a unit there are.
    fn count(&self, known: Known) -> usize {
        self.a.map_or(known.means.conditions, |a| a.rows)
    }

    fn reported(&self) -> Reported<'_> {
        Reported { scale: self.scale, a: self.a.map(|a| a.view()) }
    }

    /// list(mean, sd, lfdr, negative, positive, lfsr, covariance): J x R each; R x R x J or NULL.
    /// Of `A` times the effects, if it is given: then R is its number of rows.
    pub fn moments(&self, known: Known, covariance: bool, run: &Run) -> Outcome<List> {
        let mut moments = Moments::new(known.means.units, self.count(known), covariance);
        let a = self.a.map(|a| a.view());
        let Known { means, prior, weights, beside } = known;
        let out = moments.out();
        run.with(|monitor| posterior(means, prior, weights, self.scale, a, out, monitor))?;
        if let Some((beside, data, share)) = beside {
            let out = moments.out();
            run.with(|monitor| beside.mix(data, share, self.reported(), out, monitor))?;
        }
        Ok(moments.into())
    }

    /// A J x R x M array of samples of the same.
    pub fn samples(&self, known: Known, draw: Draw, run: &Run) -> Outcome<RArray<f64, 3>> {
        let dim = [known.means.units, self.count(known), draw.samples];
        let mut array = RArray::<f64, 3>::new_array(dim);
        let (out, map) = (array.data_mut(), (self.scale, self.a.map(|a| a.view())));
        let Known { means, prior, weights, beside } = known;
        run.with(|monitor| {
            samples(means, prior, weights, map, draw, out, monitor)?;
            let Some((beside, data, share)) = beside else { return Ok(()) };
            beside.replace_samples(data, share, self.reported(), draw, out, monitor)
        })?;
        Ok(array)
    }
}

/// `list(n, seed, first)`, with `first` the row that the first unit counts as.
pub fn draw(list: &Fields) -> Outcome<Draw> {
    let (samples, seed) = (list.count("n")?, list.get("seed")?.seed()?);
    Ok(Draw { samples, seed, first_row: list.get("first")?.place()? as u64 })
}
