//! One block of units: lined up into batches, accumulated, and left where they are written out.

use super::accumulate::Accumulator;
use super::component::triangle;
use super::lineup::{Lineup, Sets};
use super::map::{Map, Projection};
use super::output::{Local, Output, TABLES};
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

/// The posterior of one block. Returns the arranged position of a unit whose noise is singular.
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
    type Output = Option<usize>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Option<usize> {
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
        let mut local = Local { units, values: vec![0.0; TABLES * r * units] };
        let mut tails = Tails::new(units, small, &plan.partial);
        let sets = Sets::new(units, weights);
        let order = sets.line_up(V::N);
        for members in order.chunks(V::N) {
            let mut lineup = Lineup::new(weights, &sets, members);
            let mut null = V::splat(0.0);
            for &column in &plan.null {
                null = null + lineup.gather(column);
            }
            work.sums.begin(null);
            let mut again = false;
            let positions: Vec<usize> = members.iter().map(|i| block.range.start + i).collect();
            if let Some(projection) = &mut work.projection {
                output.load_scale(means, &positions, &mut projection.scale);
            }
            loop {
                match &mut path {
                    Path::Shared(shared, tables) => {
                        shared.run(means, tables, &positions, &lineup, &mut work);
                    }
                    Path::PerUnit(own) => {
                        let done = own.run(means, plan, &positions, &lineup, &mut work);
                        if let Err(lane) = done {
                            return Some(positions[lane]);
                        }
                    }
                }
                if again || !tails.find(members, &plan.null, &mut work.sums) {
                    break;
                }
                again = true;
                lineup = Lineup::of(&tails.matter, units, members);
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
