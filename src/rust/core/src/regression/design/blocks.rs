//! Predictors in blocks, and several responses.

use std::ops::Range;

use faer::{Mat, MatMut, MatRef};

use super::Design;

/// Predictors with products and updates for some of them at a time and several residuals, which are
/// columns. Residuals come as `S + Q A`, as in [`Sparse`](super::Sparse); a design that keeps them
/// whole has no use for `A`.
pub trait Blocks: Design {
    /// Cross-products of the predictors of a block.
    fn gram(&self, block: Range<usize>) -> Mat<f64>;
    /// Inner products of the residuals (rows of `out`) with the predictors of a block (columns).
    fn gather(
        &self,
        block: Range<usize>,
        residual: MatRef<'_, f64>,
        along: MatRef<'_, f64>,
        out: MatMut<'_, f64>,
    );
    /// Subtract what changes of the coefficients of a block (columns) make of fitted values.
    fn change(
        &self,
        block: Range<usize>,
        change: MatRef<'_, f64>,
        residual: MatMut<'_, f64>,
        along: MatMut<'_, f64>,
    );
    /// Whether `A` stays zero.
    fn is_whole(&self) -> bool;
}

/// Consecutive columns, `size` at a time: the tasks of a product, whatever the number of threads.
pub fn column_pieces(mut m: MatMut<'_, f64>, size: usize) -> Vec<MatMut<'_, f64>> {
    let mut out = Vec::with_capacity(m.ncols().div_ceil(size));
    while m.ncols() > size {
        let (left, right) = m.split_at_col_mut(size);
        out.push(left);
        m = right;
    }
    out.push(m);
    out
}

/// The same of rows.
pub fn row_pieces(m: MatMut<'_, f64>, size: usize) -> Vec<MatMut<'_, f64>> {
    let turned = column_pieces(m.transpose_mut(), size);
    turned.into_iter().map(MatMut::transpose_mut).collect()
}
