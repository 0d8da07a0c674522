//! Many units at once: log Bayes factors of components and mixtures at any scale `s`.
//!
//! With `h_i = s lambda_i / (1 + s lambda_i)`, `log BF = 1/2 sum_i (h_i y_i^2 - log(1 + s lambda_i))`: a
//! search over scales costs one multiplication per (unit, direction).

use rayon::prelude::*;

use super::coordinates::{Coordinates, Lambda, block_range, padded};
use super::{LogDet, shrink};
use crate::linalg::lanes::{Lanes, kernel};
use crate::linalg::scalar::LogSum;
use crate::normal_means::problem::BLOCK;

/// Log Bayes factors at one scale: of all components, and of their mixture.
#[derive(Debug, Clone, Default)]
pub struct LogBayes {
    /// By blocks, a block by columns (components), padded like the coordinates.
    pub components: Vec<Vec<f64>>,
    /// Of the mixture, by unit.
    pub mixture: Vec<f64>,
}

/// Shrinkage and log-determinants of directions that are the same for all units, at up to [`WIDE`]
/// scales; the last is repeated.
struct Tables {
    shrink: Vec<[f64; WIDE]>,
    /// By component.
    log_det: Vec<[f64; WIDE]>,
}

/// Scales that are evaluated in one pass.
const WIDE: usize = 4;

impl Tables {
    fn new(starts: &[usize], lambda: &[f64], scales: &[f64]) -> Self {
        let scale: [f64; WIDE] = std::array::from_fn(|q| scales[q.min(scales.len() - 1)]);
        let shrink = lambda.iter().map(|l| scale.map(|s| s * l / (1.0 + s * l))).collect();
        let log_det = |part: &[usize]| {
            let lambda = &lambda[part[0]..part[1]];
            scale.map(|s| lambda.iter().map(|l| (s * l).ln_1p()).sum())
        };
        Self { shrink, log_det: starts.windows(2).map(log_det).collect() }
    }
}

impl Coordinates {
    /// Log Bayes factors of every component at scale `s`, and of their mixture with `log_weights`.
    pub fn log_bayes(&self, s: f64, log_weights: &[f64], out: &mut LogBayes) {
        let k = self.components();
        out.mixture.resize(self.units, 0.0);
        out.components.resize(self.blocks.len(), Vec::new());
        let starts = &self.starts[..];
        let whole = match &self.lambda {
            Lambda::Common(lambda) => Whole::Common(Tables::new(starts, lambda, &[s])),
            Lambda::ByUnit(blocks) => Whole::ByUnit(blocks),
        };
        let mixtures = out.mixture.par_chunks_mut(BLOCK);
        let work = self.blocks.par_iter().zip(&mut out.components).zip(mixtures).enumerate();
        work.for_each(|(b, ((y, components), mixture))| {
            let rows = padded(mixture.len());
            components.resize(rows * k, 0.0);
            let spectrum = match &whole {
                Whole::Common(tables) => Spectrum::Common(tables),
                Whole::ByUnit(blocks) => Spectrum::ByUnit(&blocks[b], s),
            };
            let block = Block { y, rows, starts };
            evaluate(block, spectrum, log_weights, components, mixture);
        });
    }

    /// Log Bayes factors of the mixture at several scales: a vector over units for each.
    pub fn mixtures(&self, scales: &[f64], log_weights: &[f64]) -> Vec<Vec<f64>> {
        let Lambda::Common(lambda) = &self.lambda else {
            let one = |&s: &f64| {
                let mut out = LogBayes::default();
                self.log_bayes(s, log_weights, &mut out);
                out.mixture
            };
            return scales.iter().map(one).collect();
        };
        let mut out = Vec::new();
        for scales in scales.chunks(WIDE) {
            let tables = Tables::new(&self.starts, lambda, scales);
            let rows = |b: usize| padded(block_range(self.units, b).len());
            let block = |(b, y): (usize, &Vec<f64>)| {
                let mut mixture = vec![0.0; rows(b) * WIDE];
                let block = Block { y, rows: rows(b), starts: &self.starts };
                let (tables, mixture_of) = (&tables, &mut mixture);
                several(block, tables, log_weights, mixture_of);
                mixture
            };
            let parts: Vec<Vec<f64>> = self.blocks.par_iter().enumerate().map(block).collect();
            for q in 0..scales.len() {
                let column = |(b, part): (usize, &Vec<f64>)| {
                    let n = block_range(self.units, b).len();
                    part[q * rows(b)..q * rows(b) + n].to_vec()
                };
                out.push(parts.iter().enumerate().flat_map(column).collect());
            }
        }
        out
    }
}

/// Eigenvalues of all blocks.
enum Whole<'a> {
    Common(Tables),
    ByUnit(&'a [Vec<f64>]),
}

/// Coordinates of the units of one block.
#[derive(Clone, Copy)]
struct Block<'a> {
    y: &'a [f64],
    rows: usize,
    starts: &'a [usize],
}

kernel!(
    /// The mixture of one block at several scales.
    fn several<'a, V: Lanes>(
        block: Block<'a>,
        tables: &'a Tables,
        log_weights: &'a [f64],
        mixture: &'a mut [f64],
    ) {
        let Block { y, rows, starts } = block;
        let mut values = vec![V::splat(0.0); WIDE * log_weights.len()];
        let half = V::splat(0.5);
        for row in (0..rows).step_by(V::N) {
            let mut total = [LogSum::<V>::new(); WIDE];
            for (k, &w) in log_weights.iter().enumerate() {
                let mut sum = [V::splat(0.0); WIDE];
                for q in 0..WIDE {
                    sum[q] = V::splat(-tables.log_det[k][q]);
                }
                let range = starts[k]..starts[k + 1];
                for (i, h) in range.clone().zip(&tables.shrink[range]) {
                    let y = V::load(&y[i * rows + row..]);
                    let square = y * y;
                    for q in 0..WIDE {
                        sum[q] = square.mul_add(V::splat(h[q]), sum[q]);
                    }
                }
                for q in 0..WIDE {
                    let value = sum[q].mul_add(half, V::splat(w));
                    values[k * WIDE + q] = value;
                    total[q].see(value);
                }
            }
            for q in 0..WIDE {
                for k in 0..log_weights.len() {
                    total[q].add(values[k * WIDE + q]);
                }
                total[q].log().store(&mut mixture[q * rows + row..]);
            }
        }
    }
);

/// Eigenvalues of one block, and the scale.
#[derive(Clone, Copy)]
enum Spectrum<'a> {
    Common(&'a Tables),
    ByUnit(&'a [f64], f64),
}

impl Block<'_> {
    /// Log Bayes factors of component `k` from `row` on.
    #[inline(always)]
    fn log_bayes<V: Lanes>(&self, spectrum: Spectrum<'_>, k: usize, row: usize) -> V {
        let range = self.starts[k]..self.starts[k + 1];
        match spectrum {
            Spectrum::Common(tables) => {
                let mut sum = V::splat(-tables.log_det[k][0]);
                for (i, h) in range.clone().zip(&tables.shrink[range]) {
                    let y = V::load(&self.y[i * self.rows + row..]);
                    sum = (y * y).mul_add(V::splat(h[0]), sum);
                }
                sum * V::splat(0.5)
            }
            Spectrum::ByUnit(lambda, s) => {
                let (one, s) = (V::splat(1.0), V::splat(s));
                let (mut sum, mut log_det) = (V::splat(0.0), LogDet::new());
                for i in range {
                    let at = i * self.rows + row;
                    let y = V::load(&self.y[at..]);
                    let (inflation, h) = shrink(s * V::load(&lambda[at..]), one);
                    sum = (y * y).mul_add(h, sum);
                    log_det.times(inflation);
                    log_det.split();
                }
                (sum - log_det.log()) * V::splat(0.5)
            }
        }
    }
}

kernel!(
    /// One block at one scale.
    fn evaluate<'a, V: Lanes>(
        block: Block<'a>,
        spectrum: Spectrum<'a>,
        log_weights: &'a [f64],
        components: &'a mut [f64],
        mixture: &'a mut [f64],
    ) {
        let rows = block.rows;
        for row in (0..rows).step_by(V::N) {
            let mut total = LogSum::<V>::new();
            for (k, &w) in log_weights.iter().enumerate() {
                let value = block.log_bayes::<V>(spectrum, k, row);
                value.store(&mut components[k * rows + row..]);
                total.see(value + V::splat(w));
            }
            for (k, &w) in log_weights.iter().enumerate() {
                total.add(V::load(&components[k * rows + row..]) + V::splat(w));
            }
            let total = total.log().to_array();
            // With fewer lanes than the padding there may be nothing left but padding.
            let start = row.min(mixture.len());
            let n = V::N.min(mixture.len() - start);
            mixture[start..start + n].copy_from_slice(&total[..n]);
        }
    }
);
