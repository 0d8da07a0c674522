//! One block of units: lined up into batches, accumulated, and left where they are written out.

use super::accumulate::Accumulator;
use super::component::triangle;
use super::lineup::{Sets, has};
use super::map::{Map, Projection};
use super::output::Output;
use super::per_unit::PerUnit;
use super::plan::{Plan, Scaled};
use super::shared::{Shared, Tables};
use super::work::Work;
use crate::linalg::lanes::{Kernel, Lanes, MAX_LANES};
use crate::normal_means::NormalMeans;
use crate::normal_means::problem::{Block, GroupNoise};

/// The weights of the units of one batch.
pub struct Lineup<'a> {
    /// Weights of the block by columns, and its number of units.
    weights: &'a [f64],
    units: usize,
    /// The units in the lanes, numbered within the block.
    members: &'a [usize],
    union: Vec<u64>,
}

impl Lineup<'_> {
    /// Whether any scale of a component has weight in any lane.
    pub fn any(&self, scaled: &Scaled) -> bool {
        scaled.scales.iter().any(|&(_, column)| has(&self.union, column))
    }

    /// The lanes' weights in a column; `None` if they are all zero.
    #[inline(always)]
    pub fn weight<V: Lanes>(&self, column: usize) -> Option<V> {
        has(&self.union, column).then(|| self.gather(column))
    }

    #[inline(always)]
    fn gather<V: Lanes>(&self, column: usize) -> V {
        let column = &self.weights[column * self.units..(column + 1) * self.units];
        let mut lanes = [0.0; MAX_LANES];
        for (lane, &unit) in lanes.iter_mut().zip(self.members) {
            *lane = column[unit];
        }
        V::load(&lanes)
    }
}

/// What is known of a block's noise.
pub enum Noise<'a> {
    Shared(&'a Tables<'a>),
    PerUnit(&'a GroupNoise),
}

/// The posterior of one block. Returns the arranged position of a unit whose noise is singular.
pub struct BlockPosterior<'a, 'b> {
    pub means: &'a NormalMeans<'a>,
    pub plan: &'a Plan,
    pub map: &'a Map,
    pub block: &'a Block,
    pub noise: Noise<'a>,
    /// Weights of the block's units by columns, those that do not matter set to zero.
    pub weights: &'a [f64],
    pub output: &'a Output<'b>,
}

/// Results of a block: six tables, by columns.
pub struct Local {
    pub units: usize,
    pub values: Vec<f64>,
}

/// How many tables there are: mean, sd, lfdr, negative, positive, lfsr.
pub const TABLES: usize = 6;

enum Path<'a, V> {
    Shared(Shared<V>, &'a Tables<'a>),
    PerUnit(Box<PerUnit<V>>),
}

impl Kernel for BlockPosterior<'_, '_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Option<usize> {
        let Self { means, plan, map, block, weights, output, .. } = self;
        let (units, r) = (block.range.len(), map.outputs(means.conditions));
        let covariance = output.wants_covariance();
        let by_unit = matches!(map, Map::Scaled(_));
        let mut path = match self.noise {
            Noise::Shared(tables) => Path::Shared(Shared::new(r.max(means.conditions)), tables),
            Noise::PerUnit(noise) => {
                let wanted = covariance || by_unit;
                Path::PerUnit(Box::new(PerUnit::<V>::new(means, noise, plan, r, wanted)))
            }
        };
        let projection = match map {
            Map::Scaled(a) => Some(Projection::new(a, covariance)),
            _ => None,
        };
        let mut work = Work::new(r, covariance, projection);
        let mut local = Local { units, values: vec![0.0; TABLES * r * units] };
        let sets = Sets::new(units, weights);
        let order = sets.line_up(V::N);
        for members in order.chunks(V::N) {
            let lineup = Lineup { weights, units, members, union: sets.union(members) };
            let mut null = V::splat(0.0);
            for &column in &plan.null {
                null = null + lineup.gather(column);
            }
            work.sums.begin(null);
            let positions: Vec<usize> = members.iter().map(|i| block.range.start + i).collect();
            if let Some(projection) = &mut work.projection {
                output.load_scale(means, &positions, &mut projection.scale);
            }
            match &mut path {
                Path::Shared(shared, tables) => {
                    shared.run(means, tables, &positions, &lineup, &mut work);
                }
                Path::PerUnit(own) => {
                    if let Some(lane) = own.run(means, plan, &positions, &lineup, &mut work) {
                        return Some(positions[lane]);
                    }
                }
            }
            local.take(members, &work.sums);
            if covariance {
                write_covariance(output, means, &positions, &work.sums);
            }
        }
        output.write(means, block, local);
        None
    }
}

impl Local {
    /// The finished numbers of one batch.
    #[inline(always)]
    fn take<V: Lanes>(&mut self, members: &[usize], sums: &Accumulator<V>) {
        let t = sums.reciprocal_total();
        let r = sums.cells.len();
        for (i, cell) in sums.cells.iter().enumerate() {
            let [zero, negative, positive] = [cell.zero * t, cell.negative * t, cell.positive * t];
            let lfsr = (zero + negative.min(positive)).min(V::splat(1.0));
            let finished = [cell.mean, (cell.spread * t).sqrt(), zero, negative, positive, lfsr];
            for (table, value) in finished.into_iter().enumerate() {
                let value = value.to_array();
                let column = (table * r + i) * self.units;
                for (&unit, &value) in members.iter().zip(&value) {
                    self.values[column + unit] = value;
                }
            }
        }
    }
}

/// The covariances of one batch, from lanes to one R by R matrix per unit.
#[inline(always)]
fn write_covariance<V: Lanes>(
    output: &Output,
    means: &NormalMeans,
    positions: &[usize],
    sums: &Accumulator<V>,
) {
    let Some(covariance) = &sums.covariance else { return };
    let (r, t) = (sums.cells.len(), sums.reciprocal_total());
    let mut matrices = vec![0.0; positions.len() * r * r];
    for i in 0..r {
        for p in 0..=i {
            let value = (covariance[triangle(i, p)] * t).to_array();
            for (matrix, &value) in matrices.chunks_exact_mut(r * r).zip(&value) {
                matrix[i * r + p] = value;
                matrix[p * r + i] = value;
            }
        }
    }
    output.write_covariance(means, positions, &mut matrices);
}
