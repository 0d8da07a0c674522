//! Products with the rows of X.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use rayon::prelude::*;

use crate::normal_means::eigenbasis::block_range;
use crate::normal_means::problem::BLOCK;

/// `x_i'x_j`.
pub fn inner(x: &Mat<f64>, i: usize, j: usize) -> f64 {
    x.col(i).iter().zip(x.col(j).iter()).map(|(a, b)| a * b).sum()
}

/// `X_active B`.
pub fn times(x: &Mat<f64>, active: &[usize], rows: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(x.nrows(), rows.ncols());
    if 2 * active.len() > x.ncols() {
        let mut all = Mat::zeros(x.ncols(), rows.ncols());
        for (a, &j) in active.iter().enumerate() {
            all.row_mut(j).copy_from(rows.row(a));
        }
        matmul(out.as_mut(), Accum::Replace, x.as_ref(), all.as_ref(), 1.0, Par::Seq);
        return out;
    }
    for (a, &j) in active.iter().enumerate() {
        for r in 0..rows.ncols() {
            let b = rows[(a, r)];
            out.col_mut(r).iter_mut().zip(x.col(j).iter()).for_each(|(o, x)| *o += x * b);
        }
    }
    out
}

/// `X'R` by blocks of variables.
pub fn transpose_times(x: &Mat<f64>, right: MatRef<'_, f64>) -> Mat<f64> {
    let (p, r) = (x.ncols(), right.ncols());
    let part = |b: usize| {
        let range = block_range(p, b);
        let mut out = Mat::zeros(range.len(), r);
        let columns = x.as_ref().subcols(range.start, range.len());
        matmul(out.as_mut(), Accum::Replace, columns.transpose(), right, 1.0, Par::Seq);
        out
    };
    let parts: Vec<Mat<f64>> = (0..p.div_ceil(BLOCK)).into_par_iter().map(part).collect();
    Mat::from_fn(p, r, |j, c| parts[j / BLOCK][(j % BLOCK, c)])
}
