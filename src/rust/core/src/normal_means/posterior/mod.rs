//! Posterior means, standard deviations and signs of effects under a mixture of normals.
//!
//! Given the posterior weights `g_t` of the components of a unit, its effect `b` is a mixture of
//! ```text
//! component (k, l):  N(m, C),  m = w F (I + wG)^{-1} h,  C = w F (I + wG)^{-1} F'
//! point mass:        b = 0
//! ```
//! (`w = w_l^2`, `F = F_k`, `G = M'M`, `h = M'z`, `M = WF`: see the parent module). Per condition `r`:
//! ```text
//! mean     = sum_t g_t m_tr
//! sd^2     = sum_t g_t (C_trr + (m_tr - mean)^2)
//! lfdr     = sum of g_t over components that have no variance in r
//! negative = sum of g_t Phi(-m_tr / sqrt C_trr) over the others;  positive likewise
//! lfsr     = lfdr + min(negative, positive)
//! ```
//!
//! **Which components are left out.** Of moments, those with `g_t <= 1e-20 / T`, T the number of
//! components. Their total weight is `e <= 1e-20`. Let `D` bound `|m_t - m_u|` and `sd_t` over the
//! components of the unit. Then the mean changes by at most `e D`, and the variance by
//! `e (D^2 + D^2 + D^2)`, so that the standard deviation changes by at most `sqrt(3 e) D < 2e-10 D`. Of
//! probabilities, those that cannot change any by a relative 1e-7 (`tails`).
//!
//! - `plan`: the components with weight, by path; `component`: a factor packed for elimination;
//! - `batch`: one block; `lineup`: which units share lanes; `work`, `accumulate`: the running sums;
//! - `tails`: small weights that matter;
//! - `per_unit`, `eliminate`: units with differing noise; `shared`, `panels`: with common noise;
//! - `mend`: units that have lost digits, anew;
//! - `map`: linear functions of the effects; `output`: the tables of the caller.
//!
//! Operations per (unit, component), R conditions, rank r: common noise `2Rr`; otherwise R at rank one
//! and `2/3 R^3` at full rank, after a reduction per (unit, matrix) of the same order; and everywhere a
//! tail probability per condition (one in all at rank one).

mod accumulate;
mod batch;
mod component;
pub(super) mod eliminate;
mod lineup;
pub(super) mod map;
pub(super) mod mend;
mod output;
pub(super) mod panels;
mod per_unit;
pub(super) mod plan;
mod shared;
mod tails;
mod work;

use faer::MatRef;
use rayon::prelude::*;

use super::NormalMeans;
use super::problem::{Block, GroupNoise};
use crate::linalg::lanes::{Level, dispatch_at, level};
use crate::{Error, Monitor, Prior};
use batch::{BlockPosterior, Noise};
use map::Map;
use output::Output;
use plan::Plan;
use shared::Tables;

/// Where the results go: J by R by columns each, in the caller's order. (R is the number of rows of
/// `A` where the results are linear functions of the effects.)
#[derive(Debug)]
pub struct Posterior<'a> {
    /// Posterior means.
    pub mean: &'a mut [f64],
    /// Posterior standard deviations.
    pub sd: &'a mut [f64],
    /// Probability that the effect is zero.
    pub lfdr: &'a mut [f64],
    /// Probability that it is negative.
    pub negative: &'a mut [f64],
    /// Probability that it is positive.
    pub positive: &'a mut [f64],
    /// Probability that its sign would be guessed wrong.
    pub lfsr: &'a mut [f64],
    /// R by R by J posterior covariances, if wanted.
    pub covariance: Option<&'a mut [f64]>,
}

/// The posterior weights of the units.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// The components (numbered from 0 as in the prior) that the columns are for; all others have
    /// weight zero.
    pub active: &'a [usize],
    /// J by `active.len()`, by columns, in the caller's order; rows sum to one.
    pub values: &'a [f64],
}

/// Total weight that may be left out of moments.
const NEGLIGIBLE: f64 = 1e-20;

/// The posterior of every unit. `scale`, J by R in the caller's order, multiplies effects at the end;
/// `a`, Q by R, maps them (so multiplied) to the results.
pub fn posterior(
    means: &NormalMeans,
    prior: &Prior,
    weights: Weights,
    scale: Option<&[f64]>,
    a: Option<MatRef<'_, f64>>,
    out: Posterior,
    monitor: &Monitor,
) -> Result<(), Error> {
    posterior_at(level(), means, prior, weights, (scale, a), out, monitor)
}

fn posterior_at(
    level: Level,
    means: &NormalMeans,
    prior: &Prior,
    weights: Weights,
    (scale, a): (Option<&[f64]>, Option<MatRef<'_, f64>>),
    out: Posterior,
    monitor: &Monitor,
) -> Result<(), Error> {
    let (units, active) = (means.units, weights.active.len());
    if prior.conditions != means.conditions {
        let (expected, found) = (means.conditions, prior.conditions);
        return Err(Error::Shape { name: "prior covariance", expected, found });
    }
    if weights.values.len() != units * active {
        let (expected, found) = (units * active, weights.values.len());
        return Err(Error::Shape { name: "weights", expected, found });
    }
    let cells = units * means.conditions;
    if let Some(found) = scale.map(<[f64]>::len).filter(|len| *len != cells) {
        return Err(Error::Shape { name: "scale", expected: cells, found });
    }
    if let Some(found) = a.map(|a| a.ncols()).filter(|n| *n != means.conditions) {
        return Err(Error::Shape { name: "A", expected: means.conditions, found });
    }
    let map = Map::new(a, scale, units);
    let outputs = map.outputs(means.conditions);
    if units == 0 || outputs == 0 {
        return Ok(());
    }
    let plan = Plan::new(prior, weights.active, &map)?;
    let output = Output::new(units, outputs, out, scale, a.is_none())?;
    let covariance = output.wants_covariance() || matches!(map, Map::Scaled(_));
    let tables = |noise| Tables::new(prior, &plan, noise, &map, covariance);
    let job = Job { level, means, weights, plan: &plan, map: &map, output: &output, monitor };
    // A group of one block makes its tables when its turn comes; so memory stays small however many
    // groups there are, and small groups run side by side.
    let mut single = Vec::new();
    for (g, blocks) in blocks_by_group(means) {
        match &means.groups[g].noise {
            GroupNoise::Shared(_) if blocks.len() == 1 => single.extend(blocks),
            GroupNoise::Shared(noise) => {
                let tables = tables(noise);
                blocks.par_iter().try_for_each(|b| job.run(b, tables.as_ref()))?;
            }
            _ => blocks.par_iter().try_for_each(|b| job.run(b, None))?,
        }
    }
    single.par_iter().try_for_each(|block| match &means.groups[block.group].noise {
        GroupNoise::Shared(noise) => job.run(block, tables(noise).as_ref()),
        _ => job.run(block, None),
    })
}

fn blocks_by_group(means: &NormalMeans) -> Vec<(usize, Vec<Block>)> {
    let mut out: Vec<(usize, Vec<Block>)> = Vec::new();
    for block in means.blocks() {
        match out.last_mut() {
            Some((g, blocks)) if *g == block.group => blocks.push(block),
            _ => out.push((block.group, vec![block])),
        }
    }
    out
}

struct Job<'a, 'b> {
    level: Level,
    means: &'a NormalMeans<'a>,
    weights: Weights<'a>,
    plan: &'a Plan,
    map: &'a Map,
    output: &'a Output<'b>,
    monitor: &'a Monitor,
}

impl Job<'_, '_> {
    /// A block, with the tables of its group if units share their noise (and tables have digits).
    fn run(&self, block: &Block, tables: Option<&Tables>) -> Result<(), Error> {
        self.monitor.advance(block.range.len())?;
        let [weights, small] = self.gather(block)?;
        let Self { means, plan, map, output, .. } = self;
        let own = means.unit_noise(block.group);
        let noise = tables.map_or(Noise::PerUnit(&own), Noise::Shared);
        let (weights, small) = (&weights, &small);
        let job = BlockPosterior { means, plan, map, block, noise, weights, small, output };
        dispatch_at(self.level, job)
            .map_err(|position| Error::SingularNoise { unit: means.row(position) })
    }

    /// The weights of a block by columns, in arranged order: those that matter for moments, or may for
    /// probabilities, with zeros for the others, and these.
    fn gather(&self, block: &Block) -> Result<[Vec<f64>; 2], Error> {
        let (j, active) = (self.means.units, self.weights.active.len());
        let least = NEGLIGIBLE / active.max(1) as f64;
        let least = |position: usize| {
            let row = self.means.row(position);
            let null = self.plan.null.iter().map(|column| self.weights.values[column * j + row]);
            tails::change(active, f64::max(null.sum(), tails::guess(self.means, position)))
                .min(least)
        };
        let least: Vec<f64> = block.range.clone().map(least).collect();
        let room = || Vec::with_capacity(active * block.range.len());
        let mut out = [room(), room()];
        for column in self.weights.values.chunks_exact(j) {
            for (position, &least) in block.range.clone().zip(&least) {
                let row = self.means.row(position);
                let w = column[row];
                if !(w.is_finite() && w >= 0.0) {
                    let why = format!("must be finite and not negative, unlike row {}", row + 1);
                    return Err(Error::Value { name: "weights", why });
                }
                let (large, small) = if w > least { (w, 0.0) } else { (0.0, w) };
                out[0].push(large);
                out[1].push(small);
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
pub(super) mod reference;
#[cfg(test)]
mod tests;
