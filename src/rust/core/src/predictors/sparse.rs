//! Predictors with few values that are not zero.

use std::borrow::Cow;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

use super::{Frame, Predictors, Response, check_basis, subtract_multiple};
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

    fn column(&self, j: usize) -> (&[usize], &[f64]) {
        let range = self.starts[j]..self.starts[j + 1];
        (&self.rows[range.clone()], &self.values[range])
    }

    /// `Q'x_j`.
    fn along(&self, j: usize) -> &[f64] {
        let q = self.basis.len() / self.n;
        &self.along[j * q..(j + 1) * q]
    }
}

impl Predictors for Sparse {
    fn frame(&self) -> &Frame {
        &self.frame
    }
    fn rows(&self) -> usize {
        self.n + self.basis.len() / self.n
    }
    /// `x_j's + (Q'x_j)'a`.
    #[inline(always)]
    fn product<V: Lanes>(&self, j: usize, residual: &[f64]) -> f64 {
        let (s, a) = residual.split_at(self.n);
        let (rows, values) = self.column(j);
        let here: f64 = rows.iter().zip(values).map(|(&i, x)| x * s[i]).sum();
        here + self.along(j).iter().zip(a).map(|(q, a)| q * a).sum::<f64>()
    }
    /// `s <- s - delta x_j`, `a <- a + delta Q'x_j`.
    #[inline(always)]
    fn subtract<V: Lanes>(&self, j: usize, delta: f64, residual: &mut [f64]) {
        let (s, a) = residual.split_at_mut(self.n);
        let (rows, values) = self.column(j);
        for (&i, x) in rows.iter().zip(values) {
            s[i] -= delta * x;
        }
        for (a, q) in a.iter_mut().zip(self.along(j)) {
            *a += delta * q;
        }
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

    /// `S + Q A`.
    fn by_sample<'a>(&self, residual: &'a Mat<f64>) -> Option<Cow<'a, Mat<f64>>> {
        if self.basis.is_empty() {
            return Some(Cow::Borrowed(residual));
        }
        let (s, a) = residual.split_at_row(self.n);
        let mut whole = s.to_owned();
        let basis = MatRef::from_column_major_slice(&self.basis, self.n, a.nrows());
        matmul(whole.as_mut(), Accum::Add, basis, a, 1.0, Par::Seq);
        Some(Cow::Owned(whole))
    }
}
