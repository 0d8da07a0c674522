//! Many units at once: their coordinates in all directions, by blocks of units.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::linalg::lanes::MAX_LANES;
use crate::normal_means::problem::BLOCK;

/// Eigenvalues of the units, for their own noise: `d sigma^2`.
#[derive(Debug, Clone)]
pub enum Lambda {
    /// The same for all.
    Common(Vec<f64>),
    /// By unit, in the layout of the coordinates.
    ByUnit(Vec<Vec<f64>>),
}

/// Coordinates `y` of units in all directions: by blocks of units; a block is by columns
/// (directions), with its units padded to whole lanes by zeros.
#[derive(Debug, Clone)]
pub struct Coordinates {
    /// The number of units.
    pub units: usize,
    /// Where the directions of each component start; one more than there are components.
    pub starts: Vec<usize>,
    /// The eigenvalues.
    pub lambda: Lambda,
    /// The blocks.
    pub blocks: Vec<Vec<f64>>,
}

/// The units of block `b`.
pub fn block_range(units: usize, b: usize) -> std::ops::Range<usize> {
    b * BLOCK..((b + 1) * BLOCK).min(units)
}

/// Rows of a block of `n` units with padding.
pub fn padded(n: usize) -> usize {
    n.next_multiple_of(MAX_LANES)
}

impl Coordinates {
    /// Room for `units` units.
    pub fn new(units: usize, starts: Vec<usize>, lambda: Lambda) -> Self {
        let m = starts[starts.len() - 1];
        let block = |b| vec![0.0; padded(block_range(units, b).len()) * m];
        let blocks = (0..units.div_ceil(BLOCK)).map(block).collect();
        Self { units, starts, lambda, blocks }
    }

    /// `y = z Q`, for whitened observations `z`, units by conditions; `directions` are `Q'`.
    pub fn fill(&mut self, z: MatRef<'_, f64>, directions: MatRef<'_, f64>) {
        let (units, m) = (self.units, directions.nrows());
        self.blocks.par_iter_mut().enumerate().for_each(|(b, y)| {
            let range = block_range(units, b);
            let (n, rows) = (range.len(), padded(range.len()));
            let to = MatMut::from_column_major_slice_mut(y, rows, m);
            let z = z.subrows(range.start, n);
            let q = directions.transpose();
            matmul(to.subrows_mut(0, n), Accum::Replace, z, q, 1.0, Par::Seq);
        });
    }

    /// The number of components.
    pub fn components(&self) -> usize {
        self.starts.len() - 1
    }

    /// Logarithms of the scales worth a look: from effects that are lost in noise to effects of all of
    /// the largest coordinate under the smallest component. Both zero if no component has an effect.
    pub fn scale_range(&self) -> (f64, f64) {
        let largest = self.blocks.iter().flatten().fold(0.0_f64, |m, y| m.max(y * y));
        let top = |lambda: &[f64]| lambda.iter().fold(0.0_f64, |m, l| m.max(*l));
        let m = self.starts[self.components()];
        let of = |part: &[usize]| match &self.lambda {
            Lambda::Common(lambda) => top(&lambda[part[0]..part[1]]),
            Lambda::ByUnit(blocks) => {
                let cells = |block: &Vec<f64>| {
                    let rows = block.len() / m;
                    top(&block[part[0] * rows..part[1] * rows])
                };
                blocks.iter().map(cells).fold(0.0, f64::max)
            }
        };
        let parts = self.starts.windows(2).map(of).filter(|m| *m > 0.0);
        let (least, most) = parts.fold((f64::MAX, 0.0_f64), |(a, b), l| (a.min(l), b.max(l)));
        if most == 0.0 {
            return (0.0, 0.0);
        }
        ((1e-2 / most).ln(), (10.0 * (largest + 1.0) / least).ln())
    }
}
