//! Predictors as columns of numbers.

use std::borrow::Cow;
use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::{
    Frame, NOTHING_LEFT, Predictors, Response, check_basis, regress_out, subtract_multiple,
};
use crate::linalg::columns::{add, dot, dot_product};
use crate::linalg::lanes::Lanes;
use crate::linalg::pieces::{column_pieces, row_pieces};
use crate::{Error, Monitor, memory};

/// Predictors as columns of numbers.
#[derive(Debug, Clone)]
pub struct Dense<'a> {
    x: Cow<'a, [f64]>,
    n: usize,
    frame: Frame,
}

impl<'a> Dense<'a> {
    /// Take `x` (`n` rows, column-major), regress out `basis` (orthonormal columns), and scale.
    ///
    /// # Errors
    /// Lengths that are no multiples of `n`; `Error::Interrupted`.
    pub fn new(
        mut x: Vec<f64>,
        n: usize,
        basis: &[f64],
        standardize: bool,
        monitor: &Monitor,
    ) -> Result<Self, Error> {
        check_basis(basis, n)?;
        if x.len() % n != 0 {
            let expected = x.len().next_multiple_of(n);
            return Err(Error::Shape { name: "X", expected, found: x.len() });
        }
        let norms = x
            .par_chunks_mut(n)
            .map(|x| {
                monitor.advance(0)?;
                let before = dot_product(x, x);
                regress_out(basis, x);
                let norm = dot_product(x, x);
                if norm <= NOTHING_LEFT * before {
                    x.fill(0.0);
                    return Ok(0.0);
                }
                Ok(norm)
            })
            .collect::<Result<Vec<f64>, Error>>()?;
        let frame = Frame::new(n as f64, norms, standardize);
        if standardize {
            let columns = x.par_chunks_mut(n).enumerate();
            columns.for_each(|(j, x)| x.iter_mut().for_each(|x| *x /= frame.scale(j)));
        }
        Ok(Self { x: x.into(), n, frame })
    }

    /// Columns of `n` rows as they are.
    pub fn as_given(x: impl Into<Cow<'a, [f64]>>, n: usize) -> Self {
        let x = x.into();
        let norms = x.chunks_exact(n.max(1)).map(|x| dot_product(x, x)).collect();
        Self { x, n, frame: Frame::new(n as f64, norms, false) }
    }

    /// All of them, by columns.
    pub fn values(&self) -> &[f64] {
        &self.x
    }

    /// A column.
    pub fn column(&self, j: usize) -> &[f64] {
        &self.x[j * self.n..(j + 1) * self.n]
    }

    fn columns(&self, block: Range<usize>) -> MatRef<'_, f64> {
        let x = &self.x[block.start * self.n..block.end * self.n];
        MatRef::from_column_major_slice(x, self.n, block.len())
    }
}

/// Predictors of one product with the residuals, and samples of one update of them: fixed, so that
/// results do not depend on the number of threads.
const COLUMNS: usize = 16;
const ROWS: usize = 512;
/// Multiplications that are worth a second thread.
const WORTH: usize = 1 << 19;
/// Predictors of one product with all of them.
const MANY: usize = 128;

impl Predictors for Dense<'_> {
    fn frame(&self) -> &Frame {
        &self.frame
    }
    fn rows(&self) -> usize {
        self.n
    }
    #[inline(always)]
    fn product<V: Lanes>(&self, j: usize, residual: &[f64]) -> f64 {
        dot::<V>(self.column(j), residual)
    }
    #[inline(always)]
    fn subtract<V: Lanes>(&self, j: usize, delta: f64, residual: &mut [f64]) {
        add::<V>(-delta, self.column(j), residual);
    }
    fn sum_of_squares(&self, _: &Response, _: &[f64], residual: &[f64]) -> f64 {
        dot_product(residual, residual)
    }
    fn cost(&self) -> usize {
        4 * self.n
    }

    fn gather(&self, block: Range<usize>, residual: MatRef<'_, f64>, out: MatMut<'_, f64>) {
        let small = residual.nrows() * residual.ncols() * block.len() < WORTH;
        let (x, residual, replace) = (self.columns(block), residual.transpose(), Accum::Replace);
        if small {
            matmul(out, replace, residual, x, 1.0, Par::Seq);
            return;
        }
        let pieces = column_pieces(out, COLUMNS);
        pieces.into_par_iter().enumerate().for_each(|(i, piece)| {
            let x = x.subcols(i * COLUMNS, piece.ncols());
            matmul(piece, replace, residual, x, 1.0, Par::Seq);
        });
    }

    fn change(&self, block: Range<usize>, change: MatRef<'_, f64>, residual: MatMut<'_, f64>) {
        let small = residual.nrows() * residual.ncols() * block.len() < WORTH;
        let x = self.columns(block);
        if small {
            matmul(residual, Accum::Add, x, change.transpose(), -1.0, Par::Seq);
            return;
        }
        let pieces = row_pieces(residual, ROWS);
        pieces.into_par_iter().enumerate().for_each(|(i, piece)| {
            let x = x.subrows(i * ROWS, piece.nrows());
            matmul(piece, Accum::Add, x, change.transpose(), -1.0, Par::Seq);
        });
    }

    fn by_sample<'b>(&self, residual: &'b Mat<f64>) -> Option<Cow<'b, Mat<f64>>> {
        Some(Cow::Borrowed(residual))
    }

    fn gram(&self, block: Range<usize>) -> Mat<f64> {
        let x = self.columns(block);
        let mut gram = Mat::zeros(x.ncols(), x.ncols());
        matmul(gram.as_mut(), Accum::Replace, x.transpose(), x, 1.0, Par::Seq);
        gram
    }

    fn products<'b>(&self, residual: &'b Mat<f64>) -> Cow<'b, Mat<f64>> {
        let p = self.frame.norms.len();
        let mut out = Mat::zeros(p, residual.ncols());
        let pieces = row_pieces(out.as_mut(), MANY);
        pieces.into_par_iter().enumerate().for_each(|(i, piece)| {
            let x = self.columns(i * MANY..i * MANY + piece.nrows());
            matmul(piece, Accum::Replace, x.transpose(), residual, 1.0, Par::Seq);
        });
        Cow::Owned(out)
    }

    fn fitted(&self, active: &[usize], b: MatRef<'_, f64>) -> Mat<f64> {
        let (p, r) = (self.frame.norms.len(), b.ncols());
        let mut out = Mat::zeros(self.n, r);
        if 2 * active.len() > p {
            let mut all = Mat::zeros(p, r);
            for (a, &j) in active.iter().enumerate() {
                all.row_mut(j).copy_from(b.row(a));
            }
            matmul(out.as_mut(), Accum::Replace, self.columns(0..p), all, 1.0, Par::Seq);
            return out;
        }
        for c in 0..r {
            let to = out.col_as_slice_mut(c);
            for (a, &j) in active.iter().enumerate() {
                subtract_multiple(-b[(a, c)], self.column(j), to);
            }
        }
        out
    }

    fn inner(&self, i: usize, j: usize) -> f64 {
        dot_product(self.column(i), self.column(j))
    }
}

/// Columns centred and scaled.
#[derive(Debug)]
pub struct Centred {
    /// The values, by columns.
    pub values: Vec<f64>,
    /// What was subtracted: the means, or zeros.
    pub mean: Vec<f64>,
    /// What was divided by: standard deviations, or ones.
    pub scale: Vec<f64>,
}

/// Centre the columns of an n by p matrix if there is an intercept, and bring them to unit variance
/// if asked. A column without variance is an error that names it.
pub fn centred(x: MatRef<'_, f64>, intercept: bool, standardize: bool) -> Result<Centred, Error> {
    let (n, p) = (x.nrows(), x.ncols());
    let one = |j: usize| {
        let column = || x.col(j).iter();
        let mean = if intercept { column().sum::<f64>() / n as f64 } else { 0.0 };
        let square: f64 = column().map(|x| (x - mean).powi(2)).sum();
        (mean, (square / (n as f64 - 1.0)).sqrt())
    };
    let moments: Vec<(f64, f64)> = (0..p).into_par_iter().map(one).collect();
    if let Some(j) = moments.iter().position(|(_, sd)| sd.is_nan() || *sd <= 0.0) {
        return Err(Error::Value { name: "X", why: format!("is constant in column {}", j + 1) });
    }
    let mean: Vec<f64> = moments.iter().map(|m| m.0).collect();
    let scale: Vec<f64> = moments.iter().map(|m| if standardize { m.1 } else { 1.0 }).collect();
    memory::room(n * p)?;
    let mut values = Vec::with_capacity(n * p);
    for (x, (mean, scale)) in x.col_iter().zip(mean.iter().zip(&scale)) {
        values.extend(x.iter().map(|x| (x - mean) / scale));
    }
    Ok(Centred { values, mean, scale })
}
