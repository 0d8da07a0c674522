//! One pass: sums over rows at one point, from log-likelihoods that are dropped again.
//!
//! With `u_j = sum_p x_p exp(l_jp)`: `sum_j log u_j`, `g_p = sum_j exp(l_jp) / u_j` for all
//! columns, and for some `H_pq = sum_j exp(l_jp + l_jq) / u_j^2`. Rows are scaled by their
//! largest column.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use rayon::prelude::*;

use super::super::kernels::{combine, dots, log_sum};
use super::super::scale::{self, scale_block};
use super::LogLikelihoods;
use crate::{Error, Monitor};

/// Most groups of blocks with partial sums of their own.
const GROUPS: usize = 256;
/// Most numbers that partial sums of `H` may take together.
const HESSIAN_BUDGET: usize = 1 << 23;

/// Where, and what is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Point<'a> {
    /// Weights of all columns.
    pub x: &'a [f64],
    /// The columns of `H`.
    pub columns: &'a [usize],
    /// Rows with `u_j` below this, relative to their largest column, put as much on that column in
    /// [`Sums::cover`].
    pub floor: f64,
}

/// Sums over rows.
#[derive(Debug, Clone)]
pub struct Sums {
    /// `sum_j log u_j`.
    pub value: f64,
    /// Of all columns.
    pub g: Vec<f64>,
    /// `H` of the columns asked for.
    pub hessian: Mat<f64>,
    /// Weight that rows without enough want on each column.
    pub cover: Vec<f64>,
}

impl Sums {
    fn zero(cols: usize, m: usize) -> Self {
        let zeros = vec![0.0; cols];
        Self { value: 0.0, g: zeros.clone(), hessian: Mat::zeros(m, m), cover: zeros }
    }
}

/// The sums over all blocks, in fixed groups.
pub(super) fn sum<S: LogLikelihoods>(
    source: &S,
    blocks: &[Range<usize>],
    all: &S::Subset,
    point: Point<'_>,
    monitor: &Monitor,
) -> Result<Sums, Error> {
    let (cols, m) = (point.x.len(), point.columns.len());
    let groups = (HESSIAN_BUDGET / (m * m).max(1)).clamp(2, GROUPS);
    let numbers: Vec<usize> = (0..blocks.len()).collect();
    let parts = numbers
        .par_chunks(blocks.len().div_ceil(groups).max(1))
        .map(|group| {
            let mut sums = Sums::zero(cols, m);
            let mut buffer = Vec::new();
            for &b in group {
                let n = blocks[b].len();
                monitor.advance(n)?;
                buffer.resize(n * cols, 0.0);
                source.block(all, b, &mut buffer)?;
                add(&mut sums, &mut buffer, blocks[b].clone(), point)?;
            }
            Ok(sums)
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let mut total = Sums::zero(cols, m);
    for part in &parts {
        total.value += part.value;
        total.g.iter_mut().zip(&part.g).for_each(|(t, p)| *t += p);
        total.cover.iter_mut().zip(&part.cover).for_each(|(t, p)| *t += p);
        total.hessian += &part.hessian;
    }
    Ok(total)
}

/// Add the rows of one block, whose log-likelihoods are used up.
fn add(sums: &mut Sums, loglik: &mut [f64], rows: Range<usize>, at: Point) -> Result<(), Error> {
    let n = rows.len();
    let mut top = vec![f64::NEG_INFINITY; n];
    let mut columns: Vec<&mut [f64]> = loglik.chunks_exact_mut(n).collect();
    if !scale_block(&mut columns, &mut top) {
        return Err(scale::complain(&columns, &top, rows.start));
    }
    let columns: Vec<&[f64]> = columns.into_iter().map(|column| &*column).collect();
    let support: Vec<usize> = (0..at.x.len()).filter(|&p| at.x[p] > 0.0).collect();
    let supported: Vec<&[f64]> = support.iter().map(|&p| columns[p]).collect();
    let weights: Vec<f64> = support.iter().map(|&p| at.x[p]).collect();
    let (mut u, mut inverse) = (vec![0.0; n], vec![0.0; n]);
    combine(&supported, &weights, &mut u);
    sums.value += log_sum(&u, None, &mut inverse);
    sums.value += top.iter().sum::<f64>();
    dots(&columns, &inverse, &mut sums.g);
    for (j, _) in u.iter().enumerate().filter(|(_, u)| **u < at.floor) {
        if let Some(best) = columns.iter().position(|column| column[j] == 1.0) {
            sums.cover[best] += at.floor;
        }
    }
    if !at.columns.is_empty() {
        let z = Mat::from_fn(n, at.columns.len(), |j, k| columns[at.columns[k]][j] * inverse[j]);
        matmul(sums.hessian.as_mut(), Accum::Add, z.transpose(), z.as_ref(), 1.0, Par::Seq);
    }
    Ok(())
}
