//! Many units and all components of a prior, in eigenbases: log Bayes factors and posterior sums at
//! any scale, without a decomposition.
//!
//! A unit with whitened observation `z ~ N(sqrt(d) Wb, I)` and prior `b ~ N(0, s FF')` has, with
//! `sqrt(d) W F = Q diag(sqrt(lambda)) P'`, `y = Q'z` and `h = s lambda / (1 + s lambda)`,
//! ```text
//!   log BF = 1/2 sum_i (h_i y_i^2 - log(1 + s lambda_i))          against b = 0,
//!   sqrt(d) W E[b] = Q (h y),        E ||sqrt(d) W b||^2 = sum_i (h_i^2 y_i^2 + h_i),
//!   E ||F^+ b||^2 = sum_i (h_i^2 y_i^2 / lambda_i + s / (1 + s lambda_i)).
//! ```
//! `Q` and `lambda` do not depend on the scale `s`, and if units differ only by `d`, then `Q` does
//! not depend on the unit either: so a search over scales costs one multiplication per (unit,
//! direction).

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::problem::{BLOCK, SharedNoise};
use super::shared::SharedBasis;
use crate::linalg::lanes::{Kernel, Lanes, MAX_LANES, dispatch};
use crate::linalg::psd::Factor;
use crate::linalg::special::{exp, log, log_split};

/// The components of a prior in the eigenbasis of one noise, directions stacked.
#[derive(Debug, Clone)]
pub struct Spectrum {
    /// Where the directions of each component start; one more than there are components.
    pub starts: Vec<usize>,
    /// The eigenvalues at `d = 1`.
    pub lambda: Vec<f64>,
    /// `Q'`, a row for each direction, in whitened coordinates.
    pub directions: Mat<f64>,
}

impl Spectrum {
    /// Diagonalise all factors against the noise that `whitener` whitens.
    pub fn new(factors: &[Factor], whitener: MatRef<'_, f64>) -> Self {
        let r = whitener.nrows();
        let noise = SharedNoise {
            observed: (0..r).collect(),
            whitener: Mat::identity(r, r),
            constant: 0.0,
        };
        let whitened = |factor: &Factor| {
            let f = whitener * factor.to_mat();
            let rank = factor.rank;
            let values = (0..r * rank).map(|i| f[(i / rank, i % rank)]).collect();
            Factor { rows: r, rank, values, support: (0..r).collect() }
        };
        let basis = |factor: &Factor| SharedBasis::new(&noise, &whitened(factor));
        let bases: Vec<SharedBasis> = factors.par_iter().map(basis).collect();
        let mut starts = vec![0];
        let mut lambda = Vec::new();
        for basis in &bases {
            lambda.extend(basis.sigma.iter().map(|s| s * s));
            starts.push(lambda.len());
        }
        let mut directions = Mat::zeros(lambda.len(), r);
        for (basis, &start) in bases.iter().zip(&starts) {
            let rows = basis.project.nrows();
            directions.as_mut().subrows_mut(start, rows).copy_from(&basis.project);
        }
        Self { starts, lambda, directions }
    }
}

/// Eigenvalues of the units.
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
    /// Where the directions of each component start.
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

/// Log Bayes factors at one scale: of all components, and of their mixture.
#[derive(Debug, Clone, Default)]
pub struct LogBayes {
    /// By blocks, a block by columns (components), padded like the coordinates.
    pub components: Vec<Vec<f64>>,
    /// Of the mixture, by unit.
    pub mixture: Vec<f64>,
}

impl Coordinates {
    /// Room for `units` units.
    pub fn new(units: usize, starts: Vec<usize>, lambda: Lambda) -> Self {
        let m = starts[starts.len() - 1];
        let block = |b| vec![0.0; padded(block_range(units, b).len()) * m];
        let blocks = (0..units.div_ceil(BLOCK)).map(block).collect();
        Self { units, starts, lambda, blocks }
    }

    /// `y = z Q`, for `z` units by conditions.
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

    /// Log Bayes factors of every component at scale `s`, and of their mixture with `log_weights`.
    pub fn log_bayes(&self, s: f64, log_weights: &[f64], out: &mut LogBayes) {
        let k = self.components();
        out.mixture.resize(self.units, 0.0);
        out.components.resize(self.blocks.len(), Vec::new());
        let (shrink, log_det) = match &self.lambda {
            Lambda::Common(lambda) => {
                let shrink: Vec<f64> = lambda.iter().map(|l| s * l / (1.0 + s * l)).collect();
                let part = |c: usize| &lambda[self.starts[c]..self.starts[c + 1]];
                let log_det: Vec<f64> =
                    (0..k).map(|c| part(c).iter().map(|l| (s * l).ln_1p()).sum()).collect();
                (shrink, log_det)
            }
            Lambda::ByUnit(_) => (Vec::new(), Vec::new()),
        };
        let mixtures = out.mixture.par_chunks_mut(BLOCK);
        let work = self.blocks.par_iter().zip(&mut out.components).zip(mixtures).enumerate();
        work.for_each(|(b, ((y, components), mixture))| {
            let rows = padded(mixture.len());
            components.resize(rows * k, 0.0);
            let lambda = match &self.lambda {
                Lambda::Common(_) => &[][..],
                Lambda::ByUnit(blocks) => &blocks[b],
            };
            let starts = &self.starts;
            let bayes = Bayes { y, rows, starts, s, shrink: &shrink, log_det: &log_det, lambda };
            dispatch(Evaluate { bayes, log_weights, components, mixture });
        });
    }
}

impl Coordinates {
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
            let shrink: Vec<[f64; WIDE]> = lambda.iter().map(|l| shrinkage(scales, *l)).collect();
            let log_det = |k: usize, s: f64| -> f64 {
                let part = &lambda[self.starts[k]..self.starts[k + 1]];
                part.iter().map(|l| (s * l).ln_1p()).sum()
            };
            let log_det: Vec<[f64; WIDE]> = (0..self.components())
                .map(|k| std::array::from_fn(|i| log_det(k, scales[i.min(scales.len() - 1)])))
                .collect();
            let block = |(b, y): (usize, &Vec<f64>)| {
                let n = block_range(self.units, b).len();
                let mut mixture = vec![0.0; padded(n) * WIDE];
                let (starts, shrink, log_det) = (&self.starts[..], &shrink[..], &log_det[..]);
                dispatch(Several {
                    y,
                    rows: padded(n),
                    starts,
                    shrink,
                    log_det,
                    log_weights,
                    mixture: &mut mixture,
                });
                mixture
            };
            let parts: Vec<Vec<f64>> = self.blocks.par_iter().enumerate().map(block).collect();
            for i in 0..scales.len() {
                let rows = |b: usize| padded(block_range(self.units, b).len());
                let column = |(b, part): (usize, &Vec<f64>)| {
                    let n = block_range(self.units, b).len();
                    part[i * rows(b)..i * rows(b) + n].to_vec()
                };
                out.push(parts.iter().enumerate().flat_map(column).collect());
            }
        }
        out
    }
}

/// Scales that are evaluated in one pass.
const WIDE: usize = 4;

/// `s lambda / (1 + s lambda)` for up to [`WIDE`] scales; the last is repeated.
fn shrinkage(scales: &[f64], lambda: f64) -> [f64; WIDE] {
    std::array::from_fn(|i| {
        let s = scales[i.min(scales.len() - 1)] * lambda;
        s / (1.0 + s)
    })
}

/// The mixture of one block at several scales.
struct Several<'a> {
    y: &'a [f64],
    rows: usize,
    starts: &'a [usize],
    shrink: &'a [[f64; WIDE]],
    log_det: &'a [[f64; WIDE]],
    log_weights: &'a [f64],
    mixture: &'a mut [f64],
}

impl Kernel for Several<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { y, rows, starts, shrink, log_det, log_weights, mixture } = self;
        let mut values = vec![V::splat(0.0); WIDE * log_weights.len()];
        let half = V::splat(0.5);
        for row in (0..rows).step_by(V::N) {
            let mut top = [V::splat(f64::MIN); WIDE];
            for (k, &w) in log_weights.iter().enumerate() {
                let mut sum = [V::splat(0.0); WIDE];
                for q in 0..WIDE {
                    sum[q] = V::splat(-log_det[k][q]);
                }
                let range = starts[k]..starts[k + 1];
                for (i, h) in range.clone().zip(&shrink[range]) {
                    let y = V::load(&y[i * rows + row..]);
                    let square = y * y;
                    for q in 0..WIDE {
                        sum[q] = square.mul_add(V::splat(h[q]), sum[q]);
                    }
                }
                for q in 0..WIDE {
                    let value = sum[q].mul_add(half, V::splat(w));
                    values[k * WIDE + q] = value;
                    top[q] = top[q].max(value);
                }
            }
            for q in 0..WIDE {
                let mut sum = V::splat(0.0);
                for k in 0..log_weights.len() {
                    sum = sum + exp(values[k * WIDE + q] - top[q]);
                }
                (top[q] + log(sum)).store(&mut mixture[q * rows + row..]);
            }
        }
    }
}

/// Log Bayes factors of one block.
struct Bayes<'a> {
    y: &'a [f64],
    rows: usize,
    starts: &'a [usize],
    s: f64,
    shrink: &'a [f64],
    log_det: &'a [f64],
    lambda: &'a [f64],
}

impl Bayes<'_> {
    #[inline(always)]
    fn common<V: Lanes>(&self, c: usize, row: usize) -> V {
        let range = self.starts[c]..self.starts[c + 1];
        let mut sum = V::splat(-self.log_det[c]);
        for (i, &h) in range.clone().zip(&self.shrink[range]) {
            let y = V::load(&self.y[i * self.rows + row..]);
            sum = (y * y).mul_add(V::splat(h), sum);
        }
        sum * V::splat(0.5)
    }

    #[inline(always)]
    fn by_unit<V: Lanes>(&self, c: usize, row: usize) -> V {
        let (one, s) = (V::splat(1.0), V::splat(self.s));
        let (mut sum, mut mantissa, mut exponent) = (V::splat(0.0), one, V::splat(0.0));
        for i in self.starts[c]..self.starts[c + 1] {
            let at = i * self.rows + row;
            let (y, sl) = (V::load(&self.y[at..]), s * V::load(&self.lambda[at..]));
            let t = sl + one;
            sum = (y * y).mul_add(sl.div(t), sum);
            let (m, e) = (mantissa * t).split_exponent();
            mantissa = m;
            exponent = exponent + e;
        }
        (sum - log_split(mantissa, exponent)) * V::splat(0.5)
    }
}

/// One block at one scale.
struct Evaluate<'a> {
    bayes: Bayes<'a>,
    log_weights: &'a [f64],
    components: &'a mut [f64],
    mixture: &'a mut [f64],
}

impl Kernel for Evaluate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { bayes, log_weights, components, mixture } = self;
        let rows = bayes.rows;
        for row in (0..rows).step_by(V::N) {
            let mut top = V::splat(f64::MIN);
            for (c, &w) in log_weights.iter().enumerate() {
                let value = match bayes.lambda.is_empty() {
                    true => bayes.common::<V>(c, row),
                    false => bayes.by_unit::<V>(c, row),
                };
                value.store(&mut components[c * rows + row..]);
                top = top.max(value + V::splat(w));
            }
            let mut sum = V::splat(0.0);
            for (c, &w) in log_weights.iter().enumerate() {
                let value = V::load(&components[c * rows + row..]);
                sum = sum + exp(value + V::splat(w) - top);
            }
            let total = (top + log(sum)).to_array();
            let n = V::N.min(mixture.len().saturating_sub(row));
            mixture[row..row + n].copy_from_slice(&total[..n]);
        }
    }
}

/// Posterior sums over units and components, weighted by the probability of each.
#[derive(Debug, Clone, Default)]
pub struct Sums {
    /// Of `sum_i h_i y_i^2`: the inner product of the effect with its whitened score.
    pub fit: f64,
    /// Of `E ||sqrt(d) W b||^2`.
    pub size: f64,
    /// Of `E ||F^+ b||^2`.
    pub spread: f64,
    /// Of the ranks.
    pub rank: f64,
}

impl Sums {
    /// Add those of another block.
    pub fn add(&mut self, other: &Self) {
        self.fit += other.fit;
        self.size += other.size;
        self.spread += other.spread;
        self.rank += other.rank;
    }

    /// The scale that maximises the expected complete log-likelihood.
    pub fn em_scale(&self) -> f64 {
        if self.rank > 0.0 { self.spread / self.rank } else { 0.0 }
    }

    /// One direction with weight `u` in all and `t` the weighted sum of `y^2`.
    #[inline]
    fn direction(&mut self, s: f64, lambda: f64, u: f64, t: f64) {
        let shrunk = s / (1.0 + s * lambda);
        let h = shrunk * lambda;
        self.fit += h * t;
        self.size += h * (h * t + u);
        self.spread += shrunk * (h * t + u);
        self.rank += u;
    }
}

/// Some units of one block, and the posterior weights of their components.
#[derive(Debug)]
pub struct Selection<'a> {
    /// Rows within the block.
    pub rows: &'a [usize],
    /// The probability of each unit.
    pub alpha: &'a [f64],
    /// Weights of the components given the unit: units by components, by columns.
    pub weights: &'a [f64],
}

impl Coordinates {
    /// Posterior sums of selected units of block `b` at scale `s`, and `C` (units by directions, by
    /// columns): coefficients of the directions in the whitened mean, `sum_k q_k h y`.
    pub fn moments(&self, b: usize, s: f64, chosen: &Selection) -> (Sums, Vec<f64>) {
        let y = &self.blocks[b];
        let n = chosen.rows.len();
        let m = self.starts[self.starts.len() - 1];
        let ld = padded(block_range(self.units, b).len());
        let mut sums = Sums::default();
        let mut c = vec![0.0; n * m];
        let mut u = vec![0.0; n];
        for k in 0..self.components() {
            let q = &chosen.weights[k * n..(k + 1) * n];
            for ((u, a), q) in u.iter_mut().zip(chosen.alpha).zip(q) {
                *u = a * q;
            }
            let total: f64 = u.iter().sum();
            if total == 0.0 {
                continue;
            }
            for i in self.starts[k]..self.starts[k + 1] {
                let (y, c) = (&y[i * ld..(i + 1) * ld], &mut c[i * n..(i + 1) * n]);
                match &self.lambda {
                    Lambda::Common(lambda) => {
                        let h = s * lambda[i] / (1.0 + s * lambda[i]);
                        let t = dispatch(Weigh { rows: chosen.rows, y, q, u: &u, h, c });
                        sums.direction(s, lambda[i], total, t);
                    }
                    Lambda::ByUnit(blocks) => {
                        let lambda = &blocks[b][i * ld..(i + 1) * ld];
                        for (a, &row) in chosen.rows.iter().enumerate() {
                            let h = s * lambda[row] / (1.0 + s * lambda[row]);
                            c[a] = q[a] * h * y[row];
                            sums.direction(s, lambda[row], u[a], u[a] * y[row] * y[row]);
                        }
                    }
                }
            }
        }
        (sums, c)
    }
}

impl Coordinates {
    /// `sum_j alpha_j d_j W E[b_j b_j'] W'` over selected units of block `b`.
    pub fn second(
        &self,
        b: usize,
        s: f64,
        chosen: &Selection,
        directions: MatRef<'_, f64>,
    ) -> Mat<f64> {
        let (y, n) = (&self.blocks[b], chosen.rows.len());
        let ld = padded(block_range(self.units, b).len());
        let r = directions.ncols();
        let mut out = Mat::zeros(r, r);
        for k in 0..self.components() {
            let (start, end) = (self.starts[k], self.starts[k + 1]);
            let q = &chosen.weights[k * n..(k + 1) * n];
            let u: Vec<f64> = chosen.alpha.iter().zip(q).map(|(a, q)| a * q).collect();
            if u.iter().all(|u| *u == 0.0) {
                continue;
            }
            let shrink = |i: usize, row: usize| {
                let lambda = match &self.lambda {
                    Lambda::Common(lambda) => lambda[i],
                    Lambda::ByUnit(blocks) => blocks[b][i * ld + row],
                };
                s * lambda / (1.0 + s * lambda)
            };
            let rank = end - start;
            let spread = Mat::from_fn(n, rank, |a, i| {
                let row = chosen.rows[a];
                u[a].sqrt() * shrink(start + i, row) * y[(start + i) * ld + row]
            });
            let mut inner = spread.transpose() * &spread;
            for i in 0..rank {
                let rows = chosen.rows.iter().zip(&u);
                inner[(i, i)] += rows.map(|(&row, u)| u * shrink(start + i, row)).sum::<f64>();
            }
            let q = directions.subrows(start, rank);
            out += q.transpose() * inner * q;
        }
        out
    }
}

/// `c = q h y` and `sum u y^2` of one direction.
struct Weigh<'a> {
    rows: &'a [usize],
    y: &'a [f64],
    q: &'a [f64],
    u: &'a [f64],
    h: f64,
    c: &'a mut [f64],
}

impl Kernel for Weigh<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<V: Lanes>(self) -> f64 {
        let Self { rows, y, q, u, h, c } = self;
        let n = rows.len();
        // All rows of a block, in order, are the common case of a diffuse effect.
        let dense = n > 0 && rows[n - 1] + 1 == n;
        let (mut sum, mut start) = (V::splat(0.0), 0);
        if dense {
            let h = V::splat(h);
            while start + V::N <= n {
                let value = V::load(&y[start..]);
                (V::load(&q[start..]) * value * h).store(&mut c[start..]);
                sum = (V::load(&u[start..]) * value).mul_add(value, sum);
                start += V::N;
            }
        }
        let mut total = sum.sum();
        for a in start..n {
            let value = y[rows[a]];
            c[a] = q[a] * value * h;
            total += u[a] * value * value;
        }
        total
    }
}

#[cfg(test)]
mod tests;
