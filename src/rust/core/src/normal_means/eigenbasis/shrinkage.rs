//! What depends on the precision of a unit only.

use super::grid::{Grid, Matrix};
use super::{LogDet, shrink};
use crate::linalg::aligned::Aligned;
use crate::linalg::lanes::{Lanes, MAX_LANES, kernel};

/// The shrinkage of all directions at all scales: the same for all units of the same precision.
#[derive(Debug, Clone)]
pub struct Shrinkage {
    /// The precision `d`.
    pub precision: f64,
    /// `f / 2`: `[matrix][direction][scale]`, scales padded.
    pub(super) gain: Aligned,
    /// `-1/2 sum_i log(1 + d lambda_i)` by component.
    pub(super) log_det: Vec<f64>,
    /// `f`: `[matrix][scale][direction]`, directions padded with zeros; of components asked for.
    shrunk: Aligned,
    filled: Vec<bool>,
}

/// Factors that are multiplied before the exponent of the product is taken out, if none is above
/// [`SAFE`].
const TOGETHER: usize = 4;
const SAFE: f64 = 1e70;

impl Shrinkage {
    /// For units of precision `d`.
    pub fn new(grid: &Grid, d: f64) -> Self {
        let end = |f: fn(&Matrix) -> usize| grid.matrices.last().map_or(0, f);
        let mut out = Self {
            precision: f64::NAN,
            gain: Aligned::zeros(end(|m| m.gains + m.rank * m.width())),
            log_det: vec![0.0; grid.components + MAX_LANES],
            shrunk: Aligned::zeros(end(|m| m.shrunk + m.height() * m.scales)),
            filled: vec![false; grid.components],
        };
        set(grid, d, &mut out);
        out
    }

    /// Change to precision `d`, if it is another.
    #[inline(always)]
    pub fn set<V: Lanes>(&mut self, grid: &Grid, d: f64) {
        if self.precision == d {
            return;
        }
        self.precision = d;
        self.filled.fill(false);
        for m in &grid.matrices {
            let largest = |x: &[f64]| x.iter().copied().fold(0.0, f64::max);
            let lambda = largest(&grid.lambda[m.lambda..m.lambda + m.height()]);
            let scale = largest(&grid.scales[m.padded..m.padded + m.width()]);
            if d * lambda * scale < SAFE {
                self.set_matrix::<V, TOGETHER>(grid, m);
            } else {
                self.set_matrix::<V, 1>(grid, m);
            }
        }
    }

    #[inline(always)]
    fn set_matrix<V: Lanes, const G: usize>(&mut self, grid: &Grid, m: &Matrix) {
        let d = V::splat(self.precision);
        let width = m.width();
        let half = V::splat(0.5);
        let lambda = &grid.lambda[m.lambda..m.lambda + m.rank];
        let gain = &mut self.gain[m.gains..m.gains + m.rank * width];
        for l in (0..m.scales).step_by(V::N) {
            let scale = V::load(&grid.scales[m.padded + l..]);
            let mut log_det = LogDet::<V>::new();
            let groups = lambda.chunks(G).zip(gain.chunks_mut(G * width));
            for (lambda, rows) in groups {
                for (lambda, row) in lambda.iter().zip(rows.chunks_exact_mut(width)) {
                    let (inflation, f) = shrink(scale * V::splat(*lambda), d);
                    (f * half).store(&mut row[l..]);
                    log_det.times(inflation);
                }
                log_det.split();
            }
            // What is past the last scale is overwritten by the next matrix.
            (log_det.log() * V::splat(-0.5)).store(&mut self.log_det[m.component + l..]);
        }
    }

    /// `f` of scale `l` of a matrix, from the table or into it.
    #[inline(always)]
    pub(super) fn fill<V: Lanes>(&mut self, grid: &Grid, m: &Matrix, l: usize) {
        let filled = &mut self.filled[m.component + l];
        if *filled {
            return;
        }
        *filled = true;
        let height = m.height();
        let (d, scale) = (V::splat(self.precision), V::splat(grid.scales[m.padded + l]));
        let lambda = &grid.lambda[m.lambda..m.lambda + height];
        let row = &mut self.shrunk[m.shrunk + l * height..m.shrunk + (l + 1) * height];
        for (lambda, to) in lambda.chunks_exact(V::N).zip(row.chunks_exact_mut(V::N)) {
            let (_, f) = shrink(scale * V::load(lambda), d);
            f.store(to);
        }
    }

    /// The rows of a matrix that [`fill`](Self::fill) fills.
    #[inline(always)]
    pub(super) fn rows(&self, m: &Matrix) -> &[f64] {
        &self.shrunk[m.shrunk..m.shrunk + m.height() * m.scales]
    }
}

kernel!(
    fn set<'a, V: Lanes>(grid: &'a Grid, d: f64, out: &'a mut Shrinkage) {
        out.set::<V>(grid, d);
    }
);
