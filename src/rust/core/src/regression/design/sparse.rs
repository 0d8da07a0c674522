//! Predictors with few values that are not zero.

use std::ops::Range;

use faer::{Mat, MatMut, MatRef};
use rayon::prelude::*;

use super::{
    Blocks, Design, Frame, Response, check_basis, column_pieces, response, row_pieces,
    subtract_multiple,
};
use crate::Error;
use crate::linalg::columns::dot_product;
use crate::linalg::lanes::Lanes;

/// A matrix by compressed columns, as R's `dgCMatrix` has it.
#[derive(Debug, Clone, Copy)]
pub struct Compressed<'a> {
    /// Where each column starts, and where the last one ends.
    pub starts: &'a [usize],
    /// The row of each value (0-based).
    pub rows: &'a [usize],
    /// The values.
    pub values: &'a [f64],
}

impl Compressed<'_> {
    pub(crate) fn check(&self, name: &'static str, n: usize) -> Result<(), Error> {
        let ordered = self.starts.first() == Some(&0)
            && self.starts.windows(2).all(|w| w[0] <= w[1])
            && self.starts.last() == Some(&self.values.len())
            && self.rows.len() == self.values.len()
            && self.rows.iter().all(|&i| i < n);
        match ordered {
            true => Ok(()),
            false => Err(Error::Value { name, why: "is not a valid sparse matrix".into() }),
        }
    }
}

/// Predictors with few values that are not zero.
#[derive(Debug, Clone)]
pub struct Sparse {
    starts: Vec<usize>,
    rows: Vec<usize>,
    values: Vec<f64>,
    n: usize,
    basis: Vec<f64>,
    /// `Q'x_j`, by predictors.
    along: Vec<f64>,
    frame: Frame,
}

impl Sparse {
    /// The columns of `x` (`n` rows), with `basis` (orthonormal columns) regressed out, and scaled.
    ///
    /// # Errors
    /// An invalid matrix; a basis of the wrong length.
    pub fn new(x: Compressed, n: usize, basis: &[f64], standardize: bool) -> Result<Self, Error> {
        check_basis(basis, n)?;
        x.check("X", n)?;
        let q = basis.len() / n;
        let p = x.starts.len() - 1;
        let mut values = x.values.to_vec();
        let (mut along, mut norms) = (Vec::with_capacity(p * q), Vec::with_capacity(p));
        for column in x.starts.windows(2) {
            let (rows, values) = (&x.rows[column[0]..column[1]], &values[column[0]..column[1]]);
            let first = along.len();
            for basis in basis.chunks_exact(n) {
                along.push(rows.iter().zip(values).map(|(&i, x)| basis[i] * x).sum::<f64>());
            }
            let before: f64 = values.iter().map(|x| x * x).sum();
            let norm = before - along[first..].iter().map(|a| a * a).sum::<f64>();
            // The difference of two sums is good to rounding of the first only.
            norms.push(if norm <= 1e-12 * before { 0.0 } else { norm });
        }
        let frame = Frame::new(n as f64, norms, standardize);
        if standardize {
            for (j, column) in x.starts.windows(2).enumerate() {
                let scale = frame.scale(j);
                values[column[0]..column[1]].iter_mut().for_each(|x| *x /= scale);
                along[j * q..(j + 1) * q].iter_mut().for_each(|a| *a /= scale);
            }
        }
        let (starts, rows) = (x.starts.to_vec(), x.rows.to_vec());
        Ok(Self { starts, rows, values, n, basis: basis.to_vec(), along, frame })
    }

    /// A response, with room for the part of the residual along the covariates.
    pub fn response(&self, y: &[f64]) -> Response {
        let mut found = response(&self.basis, y);
        found.start.resize(self.n + self.basis.len() / self.n, 0.0);
        found
    }

    fn column(&self, j: usize) -> (&[usize], &[f64]) {
        let range = self.starts[j]..self.starts[j + 1];
        (&self.rows[range.clone()], &self.values[range])
    }

    /// `Q'x_j`.
    fn along(&self, j: usize) -> &[f64] {
        let q = self.basis.len() / self.n;
        &self.along[j * q..(j + 1) * q]
    }

    /// `x_j's + (Q'x_j)'a`.
    #[inline(always)]
    fn inner(&self, j: usize, s: &[f64], a: &[f64]) -> f64 {
        let (rows, values) = self.column(j);
        let here: f64 = rows.iter().zip(values).map(|(&i, x)| x * s[i]).sum();
        here + self.along(j).iter().zip(a).map(|(q, a)| q * a).sum::<f64>()
    }

    /// `s <- s - delta x_j`, `a <- a + delta Q'x_j`.
    #[inline(always)]
    fn update(&self, j: usize, delta: f64, s: &mut [f64], a: &mut [f64]) {
        let (rows, values) = self.column(j);
        for (&i, x) in rows.iter().zip(values) {
            s[i] -= delta * x;
        }
        for (a, q) in a.iter_mut().zip(self.along(j)) {
            *a += delta * q;
        }
    }
}

impl Design for Sparse {
    fn frame(&self) -> &Frame {
        &self.frame
    }
    #[inline(always)]
    fn product<V: Lanes>(&self, j: usize, residual: &[f64]) -> f64 {
        let (s, a) = residual.split_at(self.n);
        self.inner(j, s, a)
    }
    #[inline(always)]
    fn subtract<V: Lanes>(&self, j: usize, delta: f64, residual: &mut [f64]) {
        let (s, a) = residual.split_at_mut(self.n);
        self.update(j, delta, s, a);
    }
    fn sum_of_squares(&self, _: &Response, _: &[f64], residual: &[f64]) -> f64 {
        let (s, a) = residual.split_at(self.n);
        let mut whole = s.to_vec();
        for (q, &a) in self.basis.chunks_exact(self.n).zip(a) {
            subtract_multiple(-a, q, &mut whole);
        }
        dot_product(&whole, &whole)
    }
    fn cost(&self) -> usize {
        4 * (self.values.len() / self.frame.norms.len().max(1) + 1)
    }
}

impl Blocks for Sparse {
    fn gram(&self, block: Range<usize>) -> Mat<f64> {
        let mut dense = vec![0.0; self.n];
        let mut gram = Mat::zeros(block.len(), block.len());
        for p in 0..block.len() {
            let (rows, values) = self.column(block.start + p);
            for (&i, x) in rows.iter().zip(values) {
                dense[i] = *x;
            }
            let along: Vec<f64> = self.along(block.start + p).iter().map(|a| -a).collect();
            for i in 0..block.len() {
                gram[(i, p)] = self.inner(block.start + i, &dense, &along);
            }
            rows.iter().for_each(|&i| dense[i] = 0.0);
        }
        gram
    }

    fn gather(
        &self,
        block: Range<usize>,
        residual: MatRef<'_, f64>,
        along: MatRef<'_, f64>,
        out: MatMut<'_, f64>,
    ) {
        let responses = row_pieces(out, 1);
        responses.into_par_iter().enumerate().for_each(|(c, mut out)| {
            let (Some(s), Some(a)) = (slice(residual, c), slice(along, c)) else { return };
            for (i, j) in block.clone().enumerate() {
                out[(0, i)] = self.inner(j, s, a);
            }
        });
    }

    fn change(
        &self,
        block: Range<usize>,
        change: MatRef<'_, f64>,
        residual: MatMut<'_, f64>,
        along: MatMut<'_, f64>,
    ) {
        let (residual, along) = (column_pieces(residual, 1), column_pieces(along, 1));
        let responses: Vec<_> = residual.into_iter().zip(along).collect();
        responses.into_par_iter().enumerate().for_each(|(c, (s, a))| {
            let s = s.col_mut(0).try_as_col_major_mut().map(|s| s.as_slice_mut());
            let a = a.col_mut(0).try_as_col_major_mut().map(|a| a.as_slice_mut());
            let (Some(s), Some(a)) = (s, a) else { return };
            for (i, j) in block.clone().enumerate() {
                self.update(j, change[(c, i)], s, a);
            }
        });
    }

    fn is_whole(&self) -> bool {
        self.basis.is_empty()
    }
}

fn slice(m: MatRef<'_, f64>, c: usize) -> Option<&[f64]> {
    m.col(c).try_as_col_major().map(|column| column.as_slice())
}
