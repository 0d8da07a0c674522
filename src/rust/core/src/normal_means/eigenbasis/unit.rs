//! One unit: log Bayes factors and posterior weights of all components.
//!
//! Everything is `#[inline(always)]` over lanes, to be called inside `lanes::dispatch`: a loop over units
//! belongs in the same kernel. With R conditions: `2R rank` operations for each matrix and `2 rank` for
//! each scale.

use super::grid::{Grid, Matrix, TILE};
use super::shrinkage::Shrinkage;
use crate::linalg::aligned::Aligned;
use crate::linalg::lanes::{Lanes, MAX_LANES};
use crate::linalg::scalar::LogSum;

/// What is known of the unit at hand, in this order: [`log_bayes_factors`](Self::log_bayes_factors),
/// [`weigh`](Self::weigh), [`moments`](Self::moments).
#[derive(Debug, Clone)]
pub struct Unit {
    components: usize,
    pub(super) y: Aligned,
    /// `y_i^2`.
    square: Aligned,
    log_bf: Vec<f64>,
    pub(super) weights: Vec<f64>,
    /// Posterior means in the directions of the matrices that take part, and which those are.
    pub(super) mean: Aligned,
    pub(super) active: Vec<(usize, usize)>,
    /// The scales of one matrix that take part, with their posterior weights.
    pub(super) heavy: Vec<(usize, f64)>,
}

impl Unit {
    /// Room for units under this grid.
    pub fn new(grid: &Grid) -> Self {
        let directions = grid.directions.next_multiple_of(MAX_LANES) + MAX_LANES;
        let components = grid.components.next_multiple_of(MAX_LANES) + MAX_LANES;
        let scales = grid.matrices.iter().map(|m| m.scales).max().unwrap_or(0);
        Self {
            components: grid.components,
            y: Aligned::zeros(directions),
            square: Aligned::zeros(directions),
            log_bf: vec![0.0; components],
            weights: vec![0.0; components],
            mean: Aligned::zeros(directions),
            active: Vec::with_capacity(grid.matrices.len()),
            heavy: Vec::with_capacity(scales),
        }
    }

    /// The log Bayes factors of the components against no effect.
    #[inline(always)]
    pub fn log_bf(&self) -> &[f64] {
        &self.log_bf[..self.components]
    }

    /// The posterior weights of the components.
    #[inline(always)]
    pub fn weights(&self) -> &[f64] {
        &self.weights[..self.components]
    }

    /// From `c`, R numbers, and what belongs to the precision of the unit.
    #[inline(always)]
    pub fn log_bayes_factors<V: Lanes>(&mut self, grid: &Grid, shrinkage: &Shrinkage, c: &[f64]) {
        self.project::<V>(grid, c);
        for m in &grid.matrices {
            let mut l = 0;
            while l < m.scales {
                l += V::N
                    * match (m.scales - l).div_ceil(V::N) {
                        1 => self.tile::<V, 1, 4>(m, shrinkage, l),
                        2 => self.tile::<V, 2, 4>(m, shrinkage, l),
                        3 => self.tile::<V, 3, 2>(m, shrinkage, l),
                        _ => self.tile::<V, 4, 2>(m, shrinkage, l),
                    };
            }
        }
    }

    /// `y = Q'Wc` of all matrices.
    #[inline(always)]
    fn project<V: Lanes>(&mut self, grid: &Grid, c: &[f64]) {
        let c = &c[..grid.conditions];
        if c.is_empty() {
            return;
        }
        for (t, tile) in grid.project.chunks(TILE * c.len()).enumerate() {
            let width = tile.len() / c.len();
            let mut lane = 0;
            while lane < width {
                let at = t * TILE + lane;
                lane += V::N
                    * match (width - lane) / V::N {
                        1 => self.project_tile::<V, 1>(tile, lane, c, at),
                        2 => self.project_tile::<V, 2>(tile, lane, c, at),
                        3 => self.project_tile::<V, 3>(tile, lane, c, at),
                        4..8 => self.project_tile::<V, 4>(tile, lane, c, at),
                        _ => self.project_tile::<V, 8>(tile, lane, c, at),
                    };
            }
        }
    }

    /// `T` vectors of lanes of `y`, from `lane` on in this tile.
    #[inline(always)]
    fn project_tile<V: Lanes, const T: usize>(
        &mut self,
        tile: &[f64],
        lane: usize,
        c: &[f64],
        at: usize,
    ) -> usize {
        let mut y = [V::splat(0.0); T];
        for (row, &c) in tile.chunks_exact(tile.len() / c.len()).zip(c) {
            let row = &row[lane..lane + T * V::N];
            let c = V::splat(c);
            for t in 0..T {
                y[t] = V::load(&row[t * V::N..]).mul_add(c, y[t]);
            }
        }
        let to = &mut self.y[at..at + T * V::N];
        let squares = &mut self.square[at..at + T * V::N];
        for t in 0..T {
            y[t].store(&mut to[t * V::N..]);
            (y[t] * y[t]).store(&mut squares[t * V::N..]);
        }
        T
    }

    /// Log Bayes factors of `T` vectors of scales from `l` on, `U` directions at a time.
    #[inline(always)]
    fn tile<V: Lanes, const T: usize, const U: usize>(
        &mut self,
        m: &Matrix,
        shrinkage: &Shrinkage,
        l: usize,
    ) -> usize {
        let width = m.width();
        let gain = &shrinkage.gain[m.gains..m.gains + m.rank * width];
        let square = &self.square[m.first..m.first + m.rank];
        let mut sum = [[V::splat(0.0); T]; U];
        let groups = gain.chunks_exact(U * width).zip(square.chunks_exact(U));
        for (rows, square) in groups {
            for u in 0..U {
                let row = &rows[u * width + l..u * width + l + T * V::N];
                let square = V::splat(square[u]);
                for t in 0..T {
                    sum[u][t] = V::load(&row[t * V::N..]).mul_add(square, sum[u][t]);
                }
            }
        }
        for i in m.rank / U * U..m.rank {
            let row = &gain[i * width + l..i * width + l + T * V::N];
            let square = V::splat(square[i]);
            for t in 0..T {
                sum[0][t] = V::load(&row[t * V::N..]).mul_add(square, sum[0][t]);
            }
        }
        for t in 0..T {
            let at = m.component + l + t * V::N;
            let mut total = V::load(&shrinkage.log_det[at..]);
            for u in 0..U {
                total = total + sum[u][t];
            }
            total.store(&mut self.log_bf[at..]);
        }
        T
    }

    /// Posterior weights from the logarithms of prior weights, padded by
    /// [`log_weights`](Grid::log_weights); returns the log Bayes factor of the mixture.
    #[inline(always)]
    pub fn weigh<V: Lanes>(&mut self, log_weights: &[f64]) -> f64 {
        let padded = log_weights.len();
        self.log_bf[self.components..padded].fill(0.0);
        let mut total = LogSum::<V>::new();
        for at in (0..padded).step_by(V::N) {
            let x = V::load(&self.log_bf[at..]) + V::load(&log_weights[at..]);
            x.store(&mut self.weights[at..]);
            total.see(x);
        }
        total.join();
        for at in (0..padded).step_by(V::N) {
            let e = total.add(V::load(&self.weights[at..]));
            e.store(&mut self.weights[at..]);
        }
        let sum = total.sum.sum();
        let factor = V::splat(1.0 / sum);
        for at in (0..padded).step_by(V::N) {
            (V::load(&self.weights[at..]) * factor).store(&mut self.weights[at..]);
        }
        total.top.to_array()[0] + sum.ln()
    }
}
