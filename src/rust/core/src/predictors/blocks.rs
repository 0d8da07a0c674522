//! Predictors some at a time, and the pieces of a product that are tasks of threads.

use std::ops::Range;

use faer::MatMut;

/// Predictors that are updated between two matrix products with all the data. Within a block, the
/// change of one is passed on to the others through their cross-products: the same arithmetic as
/// updating the residuals each time.
pub const BLOCK: usize = 64;

/// The blocks of `p` predictors.
pub fn blocks(p: usize) -> impl Iterator<Item = Range<usize>> {
    (0..p.div_ceil(BLOCK)).map(move |b| b * BLOCK..((b + 1) * BLOCK).min(p))
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
