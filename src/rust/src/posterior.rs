//! Posterior moments and signs of all effects, and samples of them.

use extendr_api::prelude::*;
use mnmash_core::normal_means::posterior::{Weights, posterior};
use mnmash_core::normal_means::samples::{Draw, samples};

use crate::boundary::{Run, arguments};
use crate::nouns::{Measurements, Mixture};
use crate::read::{Fields, Outcome, Table};
use crate::write::Moments;

/// Which effects, and what the units say of the components: `list(active, weights, scale, A)`.
struct Task<'a> {
    active: Vec<usize>,
    /// Of the active components, for each unit.
    weights: Table<'a>,
    /// What effects are multiplied by, cell by cell.
    scale: Option<&'a [f64]>,
    /// The linear functions of the scaled effects that are asked for, if not these themselves.
    a: Option<Table<'a>>,
}

impl<'a> Task<'a> {
    fn read(list: &Fields<'a>, data: &Measurements, components: usize) -> Outcome<Self> {
        let active = list.get("active")?.places(components)?;
        let (units, conditions) = (data.units, data.conditions);
        Ok(Self {
            weights: list.get("weights")?.matrix_of(units, active.len())?,
            active,
            scale: list.maybe("scale", |s| Ok(s.matrix_of(units, conditions)?.values))?,
            a: list.maybe("A", |a| a.matrix_by(conditions))?,
        })
    }

    fn weights(&self) -> Weights<'_> {
        Weights { active: &self.active, values: self.weights.values }
    }

    /// How many effects of a unit there are.
    fn effects(&self, conditions: usize) -> usize {
        self.a.map_or(conditions, |a| a.rows)
    }
}

// list(mean, sd, lfdr, negative, positive, lfsr, covariance): J x R each; R x R x J or NULL. Of `A`
// times the effects, if it is given: then R is its number of rows.
#[extendr]
fn rust_posterior(measurements: Robj, prior: Robj, task: Robj, run: Robj) -> Outcome<List> {
    arguments!(measurements, prior, task);
    let data = measurements.read(Measurements::read)?;
    let prior = prior.read(|p| Mixture::read(p, data.conditions))?.prior;
    let (task, covariance) =
        task.read(|t| Ok((Task::read(t, &data, prior.len())?, t.flag("covariance")?)))?;
    let mut moments = Moments::new(data.units, task.effects(data.conditions), covariance);
    let out = moments.out();
    let a = task.a.map(|a| a.view());
    Run::new(&run)?.with(|monitor| {
        let means = data.means()?;
        posterior(&means, &prior, task.weights(), task.scale, a, out, monitor)
    })?;
    Ok(moments.into())
}

// A J x R x M array of samples, of the same effects. `first` is the row that the first unit counts
// as.
#[extendr]
fn rust_posterior_samples(
    measurements: Robj,
    prior: Robj,
    task: Robj,
    draw: Robj,
    run: Robj,
) -> Outcome<RArray<f64, 3>> {
    arguments!(measurements, prior, task, draw);
    let data = measurements.read(Measurements::read)?;
    let prior = prior.read(|p| Mixture::read(p, data.conditions))?.prior;
    let task = task.read(|t| Task::read(t, &data, prior.len()))?;
    let draw = draw.read(|d| {
        let (samples, seed) = (d.count("n")?, d.get("seed")?.seed()?);
        Ok(Draw { samples, seed, first_row: d.get("first")?.place()? as u64 })
    })?;
    let effects = task.effects(data.conditions);
    let mut array = RArray::<f64, 3>::new_array([data.units, effects, draw.samples]);
    let out = array.data_mut();
    let map = (task.scale, task.a.map(|a| a.view()));
    Run::new(&run)?
        .with(|monitor| samples(&data.means()?, &prior, task.weights(), map, draw, out, monitor))?;
    Ok(array)
}

extendr_module! {
    mod posterior;
    fn rust_posterior;
    fn rust_posterior_samples;
}
