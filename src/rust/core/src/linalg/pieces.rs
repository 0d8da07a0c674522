//! The tasks of a product: parts of a matrix that are made one by one, whatever the number of threads,
//! so that the digits do not depend on it.

use faer::MatMut;

/// Consecutive columns, `size` at a time.
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
