//! One update of every factor of a matrix whose cells all have the same precision, but for that of
//! their column: by products of whole matrices.
//!
//! With `L` and `F` the posterior means of all loadings and weights, factor `k` sees
//! ```text
//! b_i = (Y diag(tau) F)_ik - sum_{m != k} L_im (F' diag(tau) F)_mk
//! b_j = tau_j [(Y'L)_jk - sum_{m != k} F_jm (L'L)_mk]
//! ```
//! Weights change only at their own visit, so that `Y diag(tau) F` is one product for a sweep; `Y'L`
//! and `L'L` are taken a column at a time, when the loadings of `k` are new. Without them each factor
//! would be added to the residuals and taken away again: of `12 n R` bytes read and `8 n R` written for
//! each factor, `8 n (R + 2 K)` read are left.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::factor::{Factor, ROWS, Seen, Side, View};
use crate::linalg::columns;
use crate::linalg::pieces::{column_pieces, row_pieces};

/// Means of all factors, and what the data say of them.
pub struct Sweep<'a> {
    y: &'a [f64],
    tau: &'a [f64],
    /// `Y diag(tau) F` of the weights before the sweep.
    seen: Mat<f64>,
    /// Loadings and weights; those of factors that have vanished are zero.
    loadings: Mat<f64>,
    weights: Mat<f64>,
}

/// Columns of residuals that are a task of a thread.
const COLUMNS: usize = 8;

fn means<'a>(n: usize, sides: impl Iterator<Item = &'a Side>) -> Mat<f64> {
    let columns: Vec<&[f64]> = sides.map(|side| side.mean.as_slice()).collect();
    Mat::from_fn(n, columns.len(), |i, k| columns[k][i])
}

fn column(m: &Mat<f64>, k: usize) -> &[f64] {
    m.col_as_slice(k)
}

impl<'a> Sweep<'a> {
    /// Before the first factor.
    pub fn new(y: &'a [f64], tau: &'a [f64], factors: &[Factor]) -> Self {
        let (n, cols) = (y.len() / tau.len(), tau.len());
        let loadings = means(n, factors.iter().map(|f| &f.rows));
        let weights = means(cols, factors.iter().map(|f| &f.cols));
        let scaled = Mat::from_fn(cols, factors.len(), |j, k| tau[j] * weights[(j, k)]);
        let mut seen = Mat::zeros(n, factors.len());
        let all = MatRef::from_column_major_slice(y, n, cols);
        let pieces = row_pieces(seen.as_mut(), ROWS);
        pieces.into_par_iter().enumerate().for_each(|(part, out)| {
            let rows = all.subrows(part * ROWS, out.nrows());
            matmul(out, Accum::Replace, rows, scaled.as_ref(), 1.0, Par::Seq);
        });
        Self { y, tau, seen, loadings, weights }
    }

    /// What factor `k` sees.
    pub fn of(&self, k: usize) -> impl View {
        OfFactor { sweep: self, k }
    }

    /// The new factor `k`, or none.
    pub fn put(&mut self, k: usize, factor: Option<&Factor>) {
        match factor {
            Some(factor) => {
                self.loadings.col_as_slice_mut(k).copy_from_slice(&factor.rows.mean);
                self.weights.col_as_slice_mut(k).copy_from_slice(&factor.cols.mean);
            }
            None => {
                self.loadings.col_as_slice_mut(k).fill(0.0);
                self.weights.col_as_slice_mut(k).fill(0.0);
            }
        }
    }

    /// `Y - LF'` into `out`.
    pub fn residual(&self, out: &mut [f64]) {
        residual(self.y, self.loadings.as_ref(), self.weights.as_ref(), out);
    }
}

/// The data less the means of all `factors`, into `out`.
pub fn residual_of(y: &[f64], rows: usize, factors: &[Factor], out: &mut [f64]) {
    let loadings = means(rows, factors.iter().map(|f| &f.rows));
    let weights = means(y.len() / rows, factors.iter().map(|f| &f.cols));
    residual(y, loadings.as_ref(), weights.as_ref(), out);
}

fn residual(y: &[f64], l: MatRef<'_, f64>, f: MatRef<'_, f64>, out: &mut [f64]) {
    out.copy_from_slice(y);
    let out = MatMut::from_column_major_slice_mut(out, l.nrows(), f.nrows());
    let pieces = column_pieces(out, COLUMNS);
    pieces.into_par_iter().enumerate().for_each(|(part, out)| {
        let rows = f.subrows(part * COLUMNS, out.ncols());
        matmul(out, Accum::Add, l, rows.transpose(), -1.0, Par::Seq);
    });
}

struct OfFactor<'s, 'a> {
    sweep: &'s Sweep<'a>,
    k: usize,
}

impl OfFactor<'_, '_> {
    fn others(&self) -> impl Iterator<Item = usize> {
        let k = self.k;
        (0..self.sweep.loadings.ncols()).filter(move |m| *m != k)
    }
}

impl View for OfFactor<'_, '_> {
    fn rows(&self, cols: &Side) -> Seen {
        let Sweep { tau, seen, loadings, weights, .. } = self.sweep;
        let own: Vec<f64> = cols.mean.iter().zip(*tau).map(|(f, t)| t * f).collect();
        let along: Vec<(usize, f64)> =
            self.others().map(|m| (m, columns::dot_product(column(weights, m), &own))).collect();
        let mut b = column(seen, self.k).to_vec();
        b.par_chunks_mut(ROWS).enumerate().for_each(|(part, b)| {
            let first = part * ROWS;
            for &(m, along) in along.iter().filter(|(_, along)| *along != 0.0) {
                columns::add_multiple(-along, &column(loadings, m)[first..first + b.len()], b);
            }
        });
        let a = columns::dot_product(tau, &cols.second);
        Seen { a: vec![a; b.len()], b }
    }

    fn cols(&self, rows: &Side) -> Seen {
        let Sweep { y, tau, loadings, weights, .. } = self.sweep;
        let second: f64 = rows.second.iter().sum();
        let n = rows.mean.len();
        let dot = |x: &[f64]| columns::dot_product(x, &rows.mean);
        let least = (1 << 15) / n + 1;
        let mut b: Vec<f64> = y.par_chunks(n).with_min_len(least).map(dot).collect();
        let others: Vec<usize> = self.others().collect();
        let along: Vec<f64> =
            others.par_iter().with_min_len(least).map(|m| dot(column(loadings, *m))).collect();
        for (m, along) in others.into_iter().zip(along) {
            columns::add_multiple(-along, column(weights, m), &mut b);
        }
        b.iter_mut().zip(*tau).for_each(|(b, t)| *b *= t);
        Seen { a: tau.iter().map(|t| t * second).collect(), b }
    }
}
