//! One block of units: lined up into batches, accumulated, and left where they are written out.

use super::accumulate::Accumulator;
use super::component::triangle;
use super::lineup::{Lineup, Sets};
use super::map::{Map, Projection};
use super::output::{Local, Output};
use super::per_unit::PerUnit;
use super::plan::Plan;
use super::shared::{Shared, Tables};
use super::tails::Tails;
use super::work::Work;
use crate::linalg::lanes::{Kernel, Lanes};
use crate::normal_means::NormalMeans;
use crate::normal_means::problem::{Block, GroupNoise};

/// What is known of a block's noise.
pub enum Noise<'a> {
    Shared(&'a Tables<'a>),
    PerUnit(&'a GroupNoise),
}

/// The posterior of one block. Fails with the arranged position of a unit whose noise is singular.
pub struct BlockPosterior<'a, 'b> {
    pub means: &'a NormalMeans<'a>,
    pub plan: &'a Plan,
    pub map: &'a Map,
    pub block: &'a Block,
    pub noise: Noise<'a>,
    /// Weights of the block's units by columns, those that do not matter for moments set to zero.
    pub weights: &'a [f64],
    /// Those alone.
    pub small: &'a [f64],
    pub output: &'a Output<'b>,
}

enum Path<'a, V> {
    Shared(Shared<V>, &'a Tables<'a>),
    PerUnit(Box<PerUnit<V>>),
}

impl Kernel for BlockPosterior<'_, '_> {
    type Output = Result<(), usize>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Result<(), usize> {
        let Self { means, plan, map, block, weights, small, output, .. } = self;
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
        let mut local = Local::new(units, r);
        let mut tails = Tails::new(units, small, &plan.reach);
        let sets = Sets::new(units, weights);
        for members in sets.line_up(V::N).chunks(V::N) {
            let lineup = Lineup::new(weights, &sets, members);
            let mut null = V::splat(0.0);
            for &column in &plan.null {
                null = null + lineup.gather(column);
            }
            work.sums.begin(null);
            let positions = self.positions(members);
            path.run((means, plan), &positions, &lineup, (output, &mut work))?;
            tails.find(members, &plan.null, &mut work.sums);
            local.take(members, &work.sums);
            if covariance {
                write_covariance(output, means, &positions, &work.sums);
            }
        }
        if let Some((matter, far)) = tails.that_matter() {
            work.sums.covariance = None;
            let sets = Sets::new(units, matter);
            for members in sets.line_up_of(far.iter().copied(), V::N).chunks(V::N) {
                work.sums.begin(V::splat(0.0));
                let positions = self.positions(members);
                let lineup = Lineup::new(matter, &sets, members);
                path.run((means, plan), &positions, &lineup, (output, &mut work))?;
                local.add(members, &work.sums);
            }
        }
        output.write(means, block, local);
        Ok(())
    }
}

impl BlockPosterior<'_, '_> {
    fn positions(&self, members: &[usize]) -> Vec<usize> {
        members.iter().map(|i| self.block.range.start + i).collect()
    }
}

impl<V: Lanes> Path<'_, V> {
    /// All components of the units in the lanes. Fails with the arranged position of a unit whose noise
    /// is singular.
    #[inline(always)]
    fn run(
        &mut self,
        (means, plan): (&NormalMeans, &Plan),
        positions: &[usize],
        lineup: &Lineup,
        (output, work): (&Output, &mut Work<V>),
    ) -> Result<(), usize> {
        if let Some(projection) = &mut work.projection {
            output.load_scale(means, positions, &mut projection.scale);
        }
        match self {
            Path::Shared(shared, tables) => {
                shared.run(means, tables, positions, lineup, work);
                Ok(())
            }
            Path::PerUnit(own) => {
                own.run(means, plan, positions, lineup, work).map_err(|lane| positions[lane])
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
