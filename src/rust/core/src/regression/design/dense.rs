//! Predictors as columns of numbers.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::{
    Blocks, Design, Frame, NOTHING_LEFT, Response, check_basis, column_pieces, regress_out,
    row_pieces,
};
use crate::linalg::columns::{add, dot, dot_product};
use crate::linalg::lanes::Lanes;
use crate::{Error, Monitor};

/// Predictors as columns of numbers.
#[derive(Debug, Clone)]
pub struct Dense {
    x: Vec<f64>,
    n: usize,
    frame: Frame,
}

impl Dense {
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
        Ok(Self { x, n, frame })
    }

    /// A column.
    pub fn column(&self, j: usize) -> &[f64] {
        &self.x[j * self.n..(j + 1) * self.n]
    }

    fn columns(&self, block: &Range<usize>) -> MatRef<'_, f64> {
        let x = &self.x[block.start * self.n..block.end * self.n];
        MatRef::from_column_major_slice(x, self.n, block.len())
    }
}

impl Design for Dense {
    fn frame(&self) -> &Frame {
        &self.frame
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
}

/// Predictors of one product with the residuals, and samples of one update of them: fixed, so that
/// results do not depend on the number of threads.
const COLUMNS: usize = 16;
const ROWS: usize = 512;
/// Multiplications that are worth a second thread.
const WORTH: usize = 1 << 19;

impl Blocks for Dense {
    fn gram(&self, block: Range<usize>) -> Mat<f64> {
        let x = self.columns(&block);
        let mut gram = Mat::zeros(block.len(), block.len());
        matmul(gram.as_mut(), Accum::Replace, x.transpose(), x, 1.0, Par::Seq);
        gram
    }

    fn gather(
        &self,
        block: Range<usize>,
        residual: MatRef<'_, f64>,
        _: MatRef<'_, f64>,
        out: MatMut<'_, f64>,
    ) {
        let x = self.columns(&block);
        let small = residual.nrows() * residual.ncols() * block.len() < WORTH;
        let (residual, replace) = (residual.transpose(), Accum::Replace);
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

    fn change(
        &self,
        block: Range<usize>,
        change: MatRef<'_, f64>,
        residual: MatMut<'_, f64>,
        _: MatMut<'_, f64>,
    ) {
        let x = self.columns(&block);
        if residual.nrows() * residual.ncols() * block.len() < WORTH {
            matmul(residual, Accum::Add, x, change.transpose(), -1.0, Par::Seq);
            return;
        }
        let pieces = row_pieces(residual, ROWS);
        pieces.into_par_iter().enumerate().for_each(|(i, piece)| {
            let x = x.subrows(i * ROWS, piece.nrows());
            matmul(piece, Accum::Add, x, change.transpose(), -1.0, Par::Seq);
        });
    }

    fn is_whole(&self) -> bool {
        true
    }
}
