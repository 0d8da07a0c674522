//! Samples from the posterior distributions of all effects.
//!
//! A sample of a unit is the point mass or component `(k, l)` with the probability that is its
//! posterior weight, and then, with `I + wG = LL'` and `eps ~ N(0, I)` in the space of the factor,
//! ```text
//! b = w F (I + wG)^{-1} h + sqrt(w) F L^{-T} eps
//! ```
//! (`w = w_l^2`, `F = F_k`, `G = M'M`, `h = M'z`, `M = WF`: see the parent module). The covariance of
//! `b` is that of the posterior whatever the rank of `U`; what has no variance is exactly zero.
//!
//! Every number is a function of the seed, the caller's row, the number of the sample and its place
//! within the sample (`random`): threads, blocks, the other rows and the number of samples do not
//! matter. All units take the same path (unit by unit, in lanes), also those that share their noise:
//! so a row's numbers do not depend on how many others have its standard errors.

mod component;
mod linear;
mod table;
mod tile;

use std::ops::Range;

use faer::MatRef;
use rayon::prelude::*;

use super::NormalMeans;
use super::columns::Columns;
use super::posterior::{Weights, map::Map, plan::Plan};
use super::problem::{BLOCK, Block};
use crate::linalg::lanes::{Level, dispatch_at, level};
use crate::{Error, Monitor, Prior};
use linear::Linear;
use tile::Tile;

/// Which samples.
#[derive(Debug, Clone, Copy)]
pub struct Draw {
    /// How many for each unit, M.
    pub samples: usize,
    /// The seed.
    pub seed: u64,
    /// What the first row is counted as: rows of a part of the data get the numbers that they have in
    /// the whole.
    pub first_row: u64,
}

/// Numbers in a tile, about: they are put in order in the cache before they go to the caller.
const TILE: usize = 1 << 18;

/// Sample the effects of every unit into `out`, J by R by M, in the caller's order. `scale`, J by R
/// in the caller's order, multiplies effects at the end; `a`, Q by R, maps them (so multiplied) to
/// the results, J by Q by M.
pub fn samples(
    means: &NormalMeans,
    prior: &Prior,
    weights: Weights,
    scale_and_map: (Option<&[f64]>, Option<MatRef<'_, f64>>),
    draw: Draw,
    out: &mut [f64],
    monitor: &Monitor,
) -> Result<(), Error> {
    samples_at(level(), means, prior, weights, scale_and_map, draw, out, monitor)
}

fn samples_at(
    level: Level,
    means: &NormalMeans,
    prior: &Prior,
    weights: Weights,
    (scale, a): (Option<&[f64]>, Option<MatRef<'_, f64>>),
    draw: Draw,
    out: &mut [f64],
    monitor: &Monitor,
) -> Result<(), Error> {
    let (j, r) = (means.units, means.conditions);
    let shape = |name, expected: usize, found: usize| match expected == found {
        true => Ok(()),
        false => Err(Error::Shape { name, expected, found }),
    };
    shape("prior covariance", r, prior.conditions)?;
    shape("weights", j * weights.active.len(), weights.values.len())?;
    shape("scale", j * r, scale.map_or(j * r, <[f64]>::len))?;
    shape("A", r, a.map_or(r, |a| a.ncols()))?;
    let results = a.map_or(r, |a| a.nrows());
    shape("samples", j * results * draw.samples, out.len())?;
    if u32::try_from(draw.samples).is_err() {
        let why = format!("must be below 2^32, unlike {}", draw.samples);
        return Err(Error::Value { name: "n_samples", why });
    }
    if out.is_empty() {
        return Ok(());
    }
    // `A` is applied to the samples.
    let plan = Plan::new(prior, weights.active, &Map::Effects)?;
    let linear = a.map(|a| Linear { a, scale, prior });
    let mut columns = Columns::default();
    columns.push(j, out);
    let tiles = tiles(means, results.max(r) * draw.samples);
    tiles.par_iter().try_for_each(|block| {
        monitor.advance(block.range.len())?;
        let noise = means.unit_noise(block.group);
        let range = block.range.clone();
        let linear = linear.as_ref();
        let tile = Tile { means, plan: &plan, weights, draw, noise: &noise, range, linear };
        let mut values = dispatch_at(level, tile)?;
        if let (Some(scale), None) = (scale, a) {
            rescale(means, &block.range, scale, &mut values);
        }
        columns.write(means, block, &values);
        Ok(())
    })
}

/// Blocks of units with `size` numbers each.
fn tiles(means: &NormalMeans, size: usize) -> Vec<Block> {
    let units = (TILE / size / 8 * 8).clamp(8, BLOCK);
    let mut tiles = Vec::new();
    for (group, g) in means.groups.iter().enumerate() {
        for start in g.range.clone().step_by(units) {
            tiles.push(Block { group, range: start..(start + units).min(g.range.end) });
        }
    }
    tiles
}

/// From scaled effects to those of the caller.
fn rescale(means: &NormalMeans, range: &Range<usize>, scale: &[f64], values: &mut [f64]) {
    let units = range.len();
    for (column, values) in values.chunks_exact_mut(units).enumerate() {
        let scale = &scale[column % means.conditions * means.units..][..means.units];
        for (position, value) in range.clone().zip(values) {
            *value *= scale[means.row(position)];
        }
    }
}

#[cfg(test)]
mod tests;
