//! The E-step: the log-likelihood of a mixture, and the sums over units that updates need.
//!
//! Units are worked off in blocks, blocks in chunks with sums of their own, and the sums of chunks
//! are added in order: results do not depend on the number of threads. Operations per unit and
//! component, R conditions:
//! - noise that many units share: `2 R^2`, after O(R^3) once for all units;
//! - other noise: `R^3 / 3` for the density, and `R^3` more where the component matters for the
//!   unit, with one unit in each SIMD lane.

mod components;
mod dense;
mod direct;
mod mend;
mod responsibility;
mod shared;

#[cfg(test)]
mod tests;

use faer::Mat;
use rayon::prelude::*;

use super::Mixture;
use crate::linalg::lanes::dispatch;
use crate::normal_means::NormalMeans;
use crate::normal_means::problem::{Block, GroupNoise};
use crate::{Error, Monitor, memory};

pub use dense::{Map, Noise, Projected};

use components::Component;
use direct::Chunk;
use shared::Table;

/// What is observed.
#[derive(Debug, Clone, Copy)]
pub enum Observations<'a> {
    /// The effects themselves, or some of them for each unit, with noise.
    Direct(&'a NormalMeans<'a>),
    /// Linear functions of the effects that differ by unit, or noise that may be singular.
    Projected(&'a Projected<'a>),
}

impl Observations<'_> {
    /// The number of units, J.
    pub fn units(&self) -> usize {
        match self {
            Self::Direct(means) => means.units,
            Self::Projected(projected) => projected.units,
        }
    }

    /// The number of effects of a unit, R.
    pub fn dimension(&self) -> usize {
        match self {
            Self::Direct(means) => means.conditions,
            Self::Projected(projected) => projected.dimension(),
        }
    }
}

/// Sums over the units for one component, as defined in the parent module.
#[derive(Debug, Clone)]
pub struct Sums {
    /// Sum of the responsibilities, times the weights of the units.
    pub q: f64,
    /// Sum of `q_jk R_j' T_jk^{-1} R_j`, R by R.
    pub a: Mat<f64>,
    /// Sum of `q_jk (R_j'y_jk)(R_j'y_jk)'`, R by R.
    pub c: Mat<f64>,
    /// Sum of `q_jk R_j'y_jk`.
    pub y: Vec<f64>,
}

impl Sums {
    /// No unit yet, for effects of `r` rows.
    pub fn zero(r: usize) -> Self {
        Self { q: 0.0, a: Mat::zeros(r, r), c: Mat::zeros(r, r), y: vec![0.0; r] }
    }

    /// Add the sums of other units.
    fn add(&mut self, other: &Self) {
        self.q += other.q;
        self.a += &other.a;
        self.c += &other.c;
        self.y.iter_mut().zip(&other.y).for_each(|(y, other)| *y += other);
    }
}

/// What an E-step finds.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// For each component.
    pub sums: Vec<Sums>,
    /// The log-likelihood: the sum over units of their weights times `log sum_k pi_k N(x_j; ...)`.
    pub loglik: f64,
}

/// Units in a block at most: their vectors fit the first cache, four rows at a time.
const BLOCK: usize = 384;

/// Chunks at most: there can be as many sums of R x R x K numbers.
const CHUNKS: usize = 64;

/// A component is left out of the sums for units under whose mixture density its own density falls
/// by this factor: what they would add up to is less than this fraction of what a component of its
/// weight has.
const CUTOFF: f64 = 1e-14;

/// An E-step, ready to be run for one mixture after the other.
#[derive(Debug)]
pub struct EStep<'a> {
    observations: Observations<'a>,
    /// Weights of the units, in arranged order.
    weights: Option<Vec<f64>>,
    total: f64,
    chunks: Vec<Vec<Block>>,
    /// Groups of shared noise that more than one chunk meets.
    spanning: Vec<usize>,
}

impl<'a> EStep<'a> {
    /// Arrange the work. `weights` are those of the units, not negative, in the caller's order.
    pub fn new(observations: Observations<'a>, weights: Option<&[f64]>) -> Result<Self, Error> {
        let units = observations.units();
        if let Some(weights) = weights {
            check_weights(weights, units)?;
        }
        let row = |position: usize| match observations {
            Observations::Direct(means) => means.row(position),
            Observations::Projected(_) => position,
        };
        let weights: Option<Vec<f64>> =
            weights.map(|weights| (0..units).map(|position| weights[row(position)]).collect());
        let total = weights.as_ref().map_or(units as f64, |weights| weights.iter().sum());
        let blocks = blocks(&observations);
        // Sums of a chunk cost as much to set up and add as some hundred units of shared noise.
        let least = match observations {
            Observations::Direct(means) if all_shared(means) => {
                1000_usize.div_ceil((units / blocks.len().max(1)).max(1))
            }
            _ => 3,
        };
        let size = blocks.len().div_ceil(CHUNKS).max(least);
        let chunks: Vec<Vec<Block>> = blocks.chunks(size).map(<[Block]>::to_vec).collect();
        let spanning = match observations {
            Observations::Direct(means) => spanning(means, &chunks),
            Observations::Projected(_) => Vec::new(),
        };
        Ok(Self { observations, weights, total, chunks, spanning })
    }

    /// What is observed.
    pub fn observations(&self) -> Observations<'a> {
        self.observations
    }

    /// The sum of the weights of the units: their number, if they have none.
    pub fn total_weight(&self) -> f64 {
        self.total
    }

    /// Run for one mixture. Fails if the covariance of an observation is not positive definite.
    pub fn run(&self, mixture: &Mixture, monitor: &Monitor) -> Result<Expectation, Error> {
        let r = self.observations.dimension();
        mixture.check(r)?;
        memory::room(2 * (self.chunks.len() + 1) * mixture.len() * r * r)?;
        let parts: Vec<Part> = match self.observations {
            Observations::Direct(means) => {
                let components = Component::all(mixture, r);
                let tables = self.tables(means, mixture, &components);
                let parts = self.chunks.par_iter().map(|blocks| {
                    let (step, mixture, components) = (self, mixture, &components[..]);
                    let tables = &tables[..];
                    dispatch(Chunk { step, means, blocks, mixture, components, tables, monitor })
                });
                let mut parts: Vec<Part> = parts.collect::<Result<_, _>>()?;
                self.finish_spanning(&mut parts, &tables, &components);
                parts
            }
            Observations::Projected(projected) => {
                let part = |blocks: &Vec<Block>| {
                    dense::chunk(projected, blocks, self.weights.as_deref(), mixture, monitor)
                };
                self.chunks.par_iter().map(part).collect::<Result<_, _>>()?
            }
        };
        let mut sums = vec![Sums::zero(r); mixture.len()];
        let mut loglik = 0.0;
        for part in &parts {
            loglik += part.loglik;
            sums.iter_mut().zip(&part.sums).for_each(|(sum, part)| sum.add(part));
        }
        Ok(Expectation { sums, loglik })
    }

    /// Tables of the groups that span chunks, for each component in use; not of those that would lose
    /// digits.
    fn tables(
        &self,
        means: &NormalMeans,
        mixture: &Mixture,
        components: &[Component],
    ) -> Vec<(usize, Vec<Table>)> {
        let tables = self.spanning.iter().filter_map(|&group| {
            let each = components.par_iter().map(|c| Table::new(means, group, mixture, c));
            Some((group, each.collect::<Option<_>>()?))
        });
        tables.collect()
    }

    /// Sums over raw effects of groups that span chunks become sums of the definition once only.
    fn finish_spanning(
        &self,
        parts: &mut [Part],
        tables: &[(usize, Vec<Table>)],
        components: &[Component],
    ) {
        for (group, tables) in tables {
            let mut raw: Option<Vec<Sums>> = None;
            for (_, found) in parts.iter().flat_map(|p| &p.raw).filter(|(g, _)| g == group) {
                match &mut raw {
                    None => raw = Some(found.clone()),
                    Some(raw) => raw.iter_mut().zip(found).for_each(|(a, b)| a.add(b)),
                }
            }
            let Some(raw) = raw else { continue };
            let done: Vec<Sums> = raw.par_iter().zip(tables).map(|(r, t)| t.finish(r)).collect();
            for (component, done) in components.iter().zip(&done) {
                parts[0].sums[component.k].add(done);
            }
        }
    }
}

/// The sums of one chunk.
#[derive(Debug)]
struct Part {
    sums: Vec<Sums>,
    /// For groups that span chunks, sums of `r r'` and `r`, `r = x - m`, for the components in use.
    raw: Vec<(usize, Vec<Sums>)>,
    loglik: f64,
}

fn check_weights(weights: &[f64], units: usize) -> Result<(), Error> {
    let name = "weights of units";
    if weights.len() != units {
        return Err(Error::Shape { name, expected: units, found: weights.len() });
    }
    if let Some(j) = weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
        let why = format!("must be finite and not negative, unlike that of row {}", j + 1);
        return Err(Error::Value { name, why });
    }
    if weights.iter().sum::<f64>() > 0.0 {
        return Ok(());
    }
    Err(Error::Value { name, why: "must not all be zero".into() })
}

/// Contiguous units of one group, the same for any number of threads.
fn blocks(observations: &Observations) -> Vec<Block> {
    let units = observations.units();
    // Whole vectors of any width, in enough blocks for several threads.
    let size = (units / 32).next_multiple_of(48).clamp(96, BLOCK);
    let ranges: Vec<std::ops::Range<usize>> = match observations {
        Observations::Direct(means) => means.groups.iter().map(|g| g.range.clone()).collect(),
        Observations::Projected(_) => std::iter::once(0..units).collect(),
    };
    let mut blocks = Vec::new();
    for (group, range) in ranges.into_iter().enumerate() {
        for start in range.clone().step_by(size) {
            blocks.push(Block { group, range: start..(start + size).min(range.end) });
        }
    }
    blocks
}

fn all_shared(means: &NormalMeans) -> bool {
    means.groups.iter().all(|group| matches!(group.noise, GroupNoise::Shared(_)))
}

/// Groups of shared noise that more than one chunk meets.
fn spanning(means: &NormalMeans, chunks: &[Vec<Block>]) -> Vec<usize> {
    let ends = chunks.windows(2).map(|pair| (pair[0].last(), pair[1].first()));
    let mut groups: Vec<usize> = ends
        .filter_map(|(a, b)| Some((a?.group, b?.group)))
        .filter(|(a, b)| a == b && matches!(means.groups[*a].noise, GroupNoise::Shared(_)))
        .map(|(a, _)| a)
        .collect();
    groups.dedup();
    groups
}
