//! Predictors by their cross-products, from summary statistics.

use std::borrow::Cow;
use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::{Compressed, Frame, Predictors, Response, change_columns};
use crate::Error;
use crate::linalg::lanes::Lanes;
use crate::linalg::pieces::row_pieces;

/// Columns of a symmetric matrix.
#[derive(Debug, Clone)]
pub enum Symmetric<'a> {
    /// All of it, column-major.
    Dense(Cow<'a, [f64]>),
    /// What is not zero, both triangles.
    Sparse(Compressed<'a>),
}

impl Symmetric<'_> {
    fn check(&self, name: &'static str, p: usize) -> Result<(), Error> {
        match self {
            Self::Dense(r) if r.len() != p * p => {
                Err(Error::Shape { name, expected: p * p, found: r.len() })
            }
            Self::Sparse(r) if r.starts.len() != p + 1 => {
                Err(Error::Shape { name, expected: p, found: r.starts.len() - 1 })
            }
            Self::Sparse(r) => r.check(name, p),
            Self::Dense(_) => Ok(()),
        }
    }

    /// An entry of `p` by `p`.
    fn entry(&self, p: usize, i: usize, j: usize) -> f64 {
        match self {
            Self::Dense(r) => r[j * p + i],
            Self::Sparse(r) => {
                let at = r.starts[j]..r.starts[j + 1];
                let of_row = r.rows[at.clone()].iter().zip(&r.values[at]).filter(|(k, _)| **k == i);
                of_row.map(|(_, x)| x).sum()
            }
        }
    }
}

/// Cross-products of predictors, `X'X = diag(roots) M diag(roots)`: rescaled without a copy of `M`.
#[derive(Debug, Clone)]
pub struct Gram<'a> {
    matrix: Symmetric<'a>,
    roots: Vec<f64>,
    /// Whether all roots are one.
    plain: bool,
    frame: Frame,
}

/// Rows of a product that one task makes.
const GRAIN: usize = 128;

impl<'a> Gram<'a> {
    /// From correlations of predictors (unit diagonal) and their sums of squares. With
    /// `standardize` the sums of squares, where not zero, become `samples - 1`.
    ///
    /// # Errors
    /// A matrix of the wrong size, or an invalid one.
    pub fn new(
        correlation: Symmetric<'a>,
        norms: &[f64],
        samples: f64,
        standardize: bool,
    ) -> Result<Self, Error> {
        correlation.check("R", norms.len())?;
        let frame = Frame::new(samples, norms.to_vec(), standardize);
        let roots = frame.norms.iter().map(|d| d.sqrt()).collect();
        Ok(Self { matrix: correlation, roots, plain: false, frame })
    }

    /// From `M` and the roots.
    ///
    /// # Errors
    /// A matrix of the wrong size, or an invalid one.
    pub fn scaled(matrix: Symmetric<'a>, roots: Vec<f64>, samples: f64) -> Result<Self, Error> {
        let p = roots.len();
        matrix.check("X'X", p)?;
        let norms = (0..p).map(|j| matrix.entry(p, j, j) * roots[j] * roots[j]).collect();
        let plain = roots.iter().all(|s| *s == 1.0);
        Ok(Self { matrix, roots, plain, frame: Frame::new(samples, norms, false) })
    }

    /// `X'X` of predictors of `n` rows.
    pub(super) fn of(x: &[f64], n: usize) -> Self {
        let p = x.len() / n;
        let x = MatRef::from_column_major_slice(x, n, p);
        let mut values = vec![0.0; p * p];
        values.par_chunks_mut(GRAIN * p).enumerate().for_each(|(b, out)| {
            let width = out.len() / p;
            let out = MatMut::from_column_major_slice_mut(out, p, width);
            let part = x.subcols(b * GRAIN, width);
            matmul(out, Accum::Replace, x.transpose(), part, 1.0, Par::Seq);
        });
        let frame = Frame::new(n as f64, (0..p).map(|j| values[j * p + j]).collect(), false);
        let matrix = Symmetric::Dense(values.into());
        Self { matrix, roots: vec![1.0; p], plain: true, frame }
    }

    /// `X'y` (in the units before scaling) and `y'y`.
    pub fn response(&self, products: &[f64], total: f64) -> Response {
        let mut start = products.to_vec();
        if let Some(scales) = self.scales() {
            start.iter_mut().zip(scales).for_each(|(x, s)| *x /= s);
        }
        Response { start, total }
    }

    /// `X'X B`, for `B` with rows that are not zero at `active` only; these are already times the roots.
    fn times(&self, active: &[usize], b: &Mat<f64>) -> Mat<f64> {
        let (p, r) = (self.roots.len(), b.ncols());
        let mut out = Mat::zeros(p, r);
        match &self.matrix {
            Symmetric::Dense(values) => {
                let matrix = MatRef::from_column_major_slice(values, p, p);
                let all = active.len() == p;
                let pieces = row_pieces(out.as_mut(), GRAIN);
                pieces.into_par_iter().enumerate().for_each(|(i, piece)| {
                    let (height, replace) = (piece.nrows(), Accum::Replace);
                    let band = matrix.subrows(i * GRAIN, height);
                    if all {
                        matmul(piece, replace, band, b, 1.0, Par::Seq);
                    } else {
                        let left = Mat::from_fn(height, active.len(), |i, a| band[(i, active[a])]);
                        matmul(piece, replace, &left, b, 1.0, Par::Seq);
                    }
                });
            }
            Symmetric::Sparse(m) => {
                for (a, &j) in active.iter().enumerate() {
                    for at in m.starts[j]..m.starts[j + 1] {
                        (0..r).for_each(|c| out[(m.rows[at], c)] += m.values[at] * b[(a, c)]);
                    }
                }
            }
        }
        if !self.plain {
            for c in 0..r {
                out.col_mut(c).iter_mut().zip(&self.roots).for_each(|(x, s)| *x *= s);
            }
        }
        out
    }
}

impl Predictors for Gram<'_> {
    fn frame(&self) -> &Frame {
        &self.frame
    }
    fn rows(&self) -> usize {
        self.roots.len()
    }
    #[inline(always)]
    fn product<V: Lanes>(&self, j: usize, residual: &[f64]) -> f64 {
        residual[j]
    }
    #[inline(always)]
    fn subtract<V: Lanes>(&self, j: usize, delta: f64, residual: &mut [f64]) {
        let by = delta * self.roots[j];
        match &self.matrix {
            Symmetric::Dense(r) => {
                let p = self.roots.len();
                let r = &r[j * p..(j + 1) * p];
                let times = V::splat(by);
                let rest = p - p % V::N;
                let lanes = residual.chunks_exact_mut(V::N).zip(r.chunks_exact(V::N));
                for ((y, r), d) in lanes.zip(self.roots.chunks_exact(V::N)) {
                    (V::load(r) * V::load(d)).neg_mul_add(times, V::load(y)).store(y);
                }
                for i in rest..p {
                    residual[i] -= by * r[i] * self.roots[i];
                }
            }
            Symmetric::Sparse(r) => {
                let range = r.starts[j]..r.starts[j + 1];
                for (&i, x) in r.rows[range.clone()].iter().zip(&r.values[range]) {
                    residual[i] -= by * x * self.roots[i];
                }
            }
        }
    }
    fn sum_of_squares(&self, response: &Response, b: &[f64], residual: &[f64]) -> f64 {
        let explained: f64 =
            b.iter().zip(&response.start).zip(residual).map(|((b, y), r)| b * (y + r)).sum();
        response.total - explained
    }
    fn cost(&self) -> usize {
        match &self.matrix {
            Symmetric::Dense(_) => 3 * self.roots.len(),
            Symmetric::Sparse(r) => 4 * (r.values.len() / self.roots.len().max(1) + 1),
        }
    }

    fn gather(&self, block: Range<usize>, residual: MatRef<'_, f64>, mut out: MatMut<'_, f64>) {
        out.copy_from(residual.subrows(block.start, block.len()).transpose());
    }

    fn change(&self, block: Range<usize>, change: MatRef<'_, f64>, residual: MatMut<'_, f64>) {
        let Symmetric::Dense(values) = &self.matrix else {
            return change_columns(self, block, change, residual);
        };
        let p = self.roots.len();
        let x = MatRef::from_column_major_slice(values, p, p).subcols(block.start, block.len());
        let b = Mat::from_fn(block.len(), change.nrows(), |i, c| {
            change[(c, i)] * self.roots[block.start + i]
        });
        let pieces = row_pieces(residual, GRAIN);
        pieces.into_par_iter().enumerate().for_each(|(i, mut piece)| {
            let x = x.subrows(i * GRAIN, piece.nrows());
            if self.plain {
                matmul(piece, Accum::Add, x, &b, -1.0, Par::Seq);
                return;
            }
            let taken = x * &b;
            for c in 0..piece.ncols() {
                for row in 0..piece.nrows() {
                    piece[(row, c)] -= taken[(row, c)] * self.roots[i * GRAIN + row];
                }
            }
        });
    }

    fn by_sample<'b>(&self, _: &'b Mat<f64>) -> Option<Cow<'b, Mat<f64>>> {
        None
    }

    fn gram(&self, block: Range<usize>) -> Mat<f64> {
        let at = block.start;
        Mat::from_fn(block.len(), block.len(), |i, q| self.inner(at + i, at + q))
    }

    fn products<'b>(&self, residual: &'b Mat<f64>) -> Cow<'b, Mat<f64>> {
        Cow::Borrowed(residual)
    }

    fn fitted(&self, active: &[usize], b: MatRef<'_, f64>) -> Mat<f64> {
        let (p, r) = (self.roots.len(), b.ncols());
        if 2 * active.len() >= p {
            let mut all = Mat::zeros(p, r);
            for (a, &j) in active.iter().enumerate() {
                (0..r).for_each(|c| all[(j, c)] = b[(a, c)] * self.roots[j]);
            }
            let every: Vec<usize> = (0..p).collect();
            return self.times(&every, &all);
        }
        let b = Mat::from_fn(active.len(), r, |a, c| b[(a, c)] * self.roots[active[a]]);
        self.times(active, &b)
    }

    fn inner(&self, i: usize, j: usize) -> f64 {
        self.matrix.entry(self.roots.len(), i, j) * self.roots[i] * self.roots[j]
    }
}
