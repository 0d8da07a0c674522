//! Products with `X'X` where it is at hand.

use std::borrow::Cow;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use rayon::prelude::*;

/// Rows of a product that one task makes.
const GRAIN: usize = 128;

/// `diag(scale) M diag(scale)`: rescaled without a copy of `M`.
#[derive(Debug)]
pub struct Gram<'a> {
    size: usize,
    values: Cow<'a, [f64]>,
    scale: Vec<f64>,
}

impl<'a> Gram<'a> {
    /// From a symmetric matrix by columns.
    pub fn new(size: usize, values: Cow<'a, [f64]>, scale: Vec<f64>) -> Self {
        Self { size, values, scale }
    }

    /// `X'X`.
    pub fn of(x: &Mat<f64>) -> Self {
        let p = x.ncols();
        let mut values = vec![0.0; p * p];
        values.par_chunks_mut(GRAIN * p).enumerate().for_each(|(b, out)| {
            let width = out.len() / p;
            let out = faer::MatMut::from_column_major_slice_mut(out, p, width);
            let part = x.as_ref().subcols(b * GRAIN, width);
            matmul(out, Accum::Replace, x.transpose(), part, 1.0, Par::Seq);
        });
        Self { size: p, values: values.into(), scale: vec![1.0; p] }
    }

    fn matrix(&self) -> MatRef<'_, f64> {
        MatRef::from_column_major_slice(&self.values, self.size, self.size)
    }

    /// An entry.
    pub fn entry(&self, i: usize, j: usize) -> f64 {
        self.values[j * self.size + i] * self.scale[i] * self.scale[j]
    }

    /// The product with a matrix of which only some rows are not zero.
    pub fn times(&self, active: &[usize], rows: MatRef<'_, f64>) -> Mat<f64> {
        let (p, r) = (self.size, rows.ncols());
        let few = 2 * active.len() < p;
        let mut right = Mat::zeros(if few { active.len() } else { p }, r);
        for (a, &j) in active.iter().enumerate() {
            let to = if few { a } else { j };
            for c in 0..r {
                right[(to, c)] = rows[(a, c)] * self.scale[j];
            }
        }
        let matrix = self.matrix();
        let part = |b: usize| {
            let (start, height) = (b * GRAIN, GRAIN.min(p - b * GRAIN));
            let mut out = Mat::zeros(height, r);
            let band = matrix.subrows(start, height);
            if few {
                let left = Mat::from_fn(height, active.len(), |i, a| band[(i, active[a])]);
                matmul(out.as_mut(), Accum::Replace, &left, &right, 1.0, Par::Seq);
            } else {
                matmul(out.as_mut(), Accum::Replace, band, &right, 1.0, Par::Seq);
            }
            out
        };
        let parts: Vec<Mat<f64>> = (0..p.div_ceil(GRAIN)).into_par_iter().map(part).collect();
        Mat::from_fn(p, r, |i, c| parts[i / GRAIN][(i % GRAIN, c)] * self.scale[i])
    }
}
