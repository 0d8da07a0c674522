//! Units that share their noise: two small matrix products per prior matrix, on tiles of units.

use faer::prelude::*;

use super::super::problem::{Block, NormalMeans, SharedNoise};
use super::super::rescue::FAR;
use super::super::shared::SharedBasis;
use super::{Columns, write_column};
use crate::linalg::lanes::{Kernel, Lanes};

/// What a prior matrix needs under shared noise: `log p = base_l + sum_i gain_il y_i^2`, where `y` is
/// `project` times the effects, and `base` takes `-z'z/2` unless the matrix has full rank.
#[derive(Debug)]
pub struct Table {
    rank: usize,
    /// Rows of the projection in groups of four: `[group][condition][4]`.
    project: Vec<f64>,
    /// Gains in groups of four scales: `[group][i][4]`.
    gain: Vec<f64>,
    /// `-1/2 log det(I + wG)`, padded to whole groups.
    log_det: Vec<f64>,
    full: bool,
}

impl Table {
    /// For the wanted scales of one matrix.
    pub fn new(basis: &SharedBasis, scales: &[(f64, usize)]) -> Self {
        let rank = basis.sigma.len();
        let groups = scales.len().div_ceil(4);
        let (mut gain, mut log_det) = (vec![0.0; groups * rank * 4], vec![0.0; groups * 4]);
        for (l, &(w, _)) in scales.iter().enumerate() {
            for (i, sigma) in basis.sigma.iter().enumerate() {
                let lambda = w * sigma * sigma;
                let shrunk = if basis.full { -1.0 } else { lambda } / (1.0 + lambda);
                gain[(l / 4 * rank + i) * 4 + l % 4] = 0.5 * shrunk;
                log_det[l] -= 0.5 * lambda.ln_1p();
            }
        }
        Self { rank, project: pack(basis.project.as_ref()), gain, log_det, full: basis.full }
    }
}

/// Rows in groups of four: `[group][column][4]`, padded with zeros.
fn pack(m: MatRef<'_, f64>) -> Vec<f64> {
    let mut out = vec![0.0; m.nrows().div_ceil(4) * m.ncols() * 4];
    for i in 0..m.nrows() {
        for p in 0..m.ncols() {
            out[(i / 4 * m.ncols() + p) * 4 + i % 4] = m[(i, p)];
        }
    }
    out
}

/// The log-likelihoods of one block of units with shared noise.
pub struct Shared<'a, 'b> {
    pub means: &'a NormalMeans<'a>,
    pub block: &'a Block,
    pub noise: &'a SharedNoise,
    pub tables: &'a [Option<Table>],
    pub columns: &'a Columns,
    pub out: MatMut<'b, f64>,
}

impl Kernel for Shared<'_, '_> {
    /// Units of the block with effects of hundreds of standard errors: small differences of their
    /// squares have lost digits.
    type Output = Vec<usize>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Vec<usize> {
        // As many accumulators as there are registers: 4 x 6 of 32, or 4 x 2 of 16.
        if V::N == 8 { self.tiled::<V, 6>() } else { self.tiled::<V, 2>() }
    }
}

impl Shared<'_, '_> {
    #[inline(always)]
    fn tiled<V: Lanes, const T: usize>(mut self) -> Vec<usize> {
        let (j, r) = (self.means.units, self.means.conditions);
        let range = self.block.range.clone();
        let tiles = range.len().div_ceil(T * V::N);
        let rows = tiles * T * V::N;
        let zero = V::splat(0.0);
        // The effects by tiles: [tile][condition][T].
        let mut x = vec![zero; tiles * r * T];
        let mut padded = vec![0.0; rows];
        for i in 0..r {
            padded[..range.len()].copy_from_slice(&self.means.x[i * j..][range.clone()]);
            for (v, lanes) in padded.chunks_exact(V::N).enumerate() {
                x[((v / T) * r + i) * T + v % T] = V::load(lanes);
            }
        }
        let most = self.tables.iter().flatten().map(|t| t.rank.max(4)).max().unwrap_or(4).max(r);
        let mut squares = vec![zero; most.next_multiple_of(4) * T];
        let whitener = pack(self.noise.whitener.as_ref());
        let constant = V::splat(self.noise.constant);
        let mut at_zero = vec![zero; tiles * T];
        for t in 0..tiles {
            project::<V, T>(&whitener, &x[t * r * T..(t + 1) * r * T], &mut squares);
            let mut sum = [zero; T];
            for square in squares[..whitener.len() / r * T].chunks_exact(T) {
                for q in 0..T {
                    sum[q] = sum[q] + square[q];
                }
            }
            for q in 0..T {
                at_zero[t * T + q] = V::splat(-0.5).mul_add(sum[q], constant);
            }
        }
        let mut buffer = vec![0.0; rows * 4];
        if let Some(column) = self.columns.null {
            for (v, out) in at_zero.iter().zip(buffer.chunks_exact_mut(V::N)) {
                v.store(out);
            }
            write_column(&mut self.out, column, 0, &buffer[..range.len()]);
        }
        let most = self.columns.scales.iter().map(Vec::len).max().unwrap_or(0);
        let mut buffer = vec![0.0; rows * most.next_multiple_of(4)];
        for (table, scales) in self.tables.iter().zip(&self.columns.scales) {
            let Some(table) = table else { continue };
            for t in 0..tiles {
                project::<V, T>(&table.project, &x[t * r * T..(t + 1) * r * T], &mut squares);
                for (g, log_det) in table.log_det.chunks_exact(4).enumerate() {
                    let mut acc = [[zero; T]; 4];
                    for l in 0..4 {
                        let log_det = V::splat(log_det[l]);
                        for q in 0..T {
                            let base = if table.full { constant } else { at_zero[t * T + q] };
                            acc[l][q] = base + log_det;
                        }
                    }
                    let gain = &table.gain[g * table.rank * 4..(g + 1) * table.rank * 4];
                    for (gain, square) in gain.chunks_exact(4).zip(squares.chunks_exact(T)) {
                        for l in 0..4 {
                            let gain = V::splat(gain[l]);
                            for q in 0..T {
                                acc[l][q] = square[q].mul_add(gain, acc[l][q]);
                            }
                        }
                    }
                    for l in 0..4 {
                        for q in 0..T {
                            acc[l][q].store(&mut buffer[(g * 4 + l) * rows + (t * T + q) * V::N..]);
                        }
                    }
                }
            }
            for (&(_, column), values) in scales.iter().zip(buffer.chunks_exact(rows)) {
                write_column(&mut self.out, column, 0, &values[..range.len()]);
            }
        }
        let mut far = Vec::new();
        for (v, at_zero) in at_zero.iter().enumerate() {
            let above = (*at_zero - constant + V::splat(0.5 * FAR)).to_array();
            let rows = v * V::N..((v + 1) * V::N).min(range.len());
            far.extend(rows.filter(|row| above[row % V::N] < 0.0));
        }
        far
    }
}

/// Squares of `project` times a tile of effects: `[row][T]`.
#[inline(always)]
fn project<V: Lanes, const T: usize>(project: &[f64], x: &[V], squares: &mut [V]) {
    let r = x.len() / T;
    for (rows, out) in project.chunks_exact(4 * r).zip(squares.chunks_exact_mut(4 * T)) {
        let mut acc = [[V::splat(0.0); T]; 4];
        for (p, x) in rows.chunks_exact(4).zip(x.chunks_exact(T)) {
            for c in 0..4 {
                let p = V::splat(p[c]);
                for q in 0..T {
                    acc[c][q] = x[q].mul_add(p, acc[c][q]);
                }
            }
        }
        for c in 0..4 {
            for q in 0..T {
                out[c * T + q] = acc[c][q] * acc[c][q];
            }
        }
    }
}
