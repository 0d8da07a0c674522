//! The tasks of a product: parts of a matrix that are made one by one, whatever the number of threads,
//! so that the digits do not depend on it.

use faer::MatMut;

/// Consecutive columns, `size` at a time.
pub fn column_pieces<T>(mut m: MatMut<'_, T>, size: usize) -> Vec<MatMut<'_, T>> {
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
pub fn row_pieces<T>(m: MatMut<'_, T>, size: usize) -> Vec<MatMut<'_, T>> {
    let turned = column_pieces(m.transpose_mut(), size);
    turned.into_iter().map(MatMut::transpose_mut).collect()
}
