//! Cholesky factors of matrices with thousands of rows, on all threads. Every task makes a tile of its
//! own by sequential products, so the digits do not depend on the number of threads.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::traits::RealField;
use faer::traits::math_utils::from_f64;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::pieces::{column_pieces, row_pieces};
use crate::{Error, Monitor};

/// Rows and columns of a tile.
const TILE: usize = 192;

/// Columns of an inverse that one task makes.
const COLUMNS: usize = 64;

/// Put the Cholesky factor into the lower triangle; only that is read. Returns whether there is one.
///
/// # Errors
/// `Error::Interrupted`.
pub fn cholesky(mut rest: MatMut<'_, f64>, monitor: &Monitor) -> Result<bool, Error> {
    let size = TILE.min(rest.nrows());
    let scratch = cholesky_in_place_scratch::<f64>(size, Par::Seq, Default::default());
    let mut scratch = MemBuffer::new(scratch);
    while rest.nrows() > 0 {
        monitor.advance(0)?;
        let width = TILE.min(rest.nrows());
        let (mut head, _, mut below, mut next) = rest.split_at_mut(width, width);
        let stack = MemStack::new(&mut scratch);
        let (plain, spec) = (Default::default(), Default::default());
        if cholesky_in_place(head.as_mut(), plain, Par::Seq, stack, spec).is_err() {
            return Ok(false);
        }
        let head = head.as_ref();
        row_pieces(below.as_mut(), TILE).into_par_iter().for_each(|piece| {
            solve_lower_triangular_in_place(head, piece.transpose_mut(), Par::Seq);
        });
        let tiles = column_pieces(next.as_mut(), TILE);
        tiles.into_par_iter().enumerate().for_each(|(t, tile)| {
            let factor = below.as_ref().get(t * TILE.., ..);
            take_outer(tile.get_mut(t * TILE.., ..), factor, factor);
        });
        rest = next;
    }
    Ok(true)
}

/// `tile - left right'`, of a tile on the diagonal and what is below it: `right` has its first rows.
/// Above the diagonal nothing is read or written.
pub(super) fn take_outer<T: RealField + Copy>(
    tile: MatMut<'_, T>,
    left: MatRef<'_, T>,
    right: MatRef<'_, T>,
) {
    use BlockStructure::{Rectangular, TriangularLower};
    let width = tile.ncols();
    let (diagonal, below) = tile.split_at_row_mut(width);
    let (first, others) = left.split_at_row(width);
    let right = right.get(..width, ..).transpose();
    let (add, seq, minus) = (Accum::Add, Par::Seq, from_f64::<T>(-1.0));
    triangular::matmul(
        diagonal,
        TriangularLower,
        add,
        first,
        Rectangular,
        right,
        Rectangular,
        minus,
        seq,
    );
    matmul(below, add, others, right, minus, seq);
}

/// The diagonal of `(LL')^{-1}`: a third of `n^3` multiplications.
///
/// # Errors
/// `Error::Interrupted`.
pub fn inverse_diagonal(l: MatRef<'_, f64>, monitor: &Monitor) -> Result<Vec<f64>, Error> {
    let n = l.nrows();
    let columns = |start: usize| -> Result<Vec<f64>, Error> {
        monitor.advance(0)?;
        let width = COLUMNS.min(n - start);
        let mut x = Mat::from_fn(n - start, width, |i, j| f64::from(u8::from(i == j)));
        solve_lower_triangular_in_place(l.get(start.., start..), x.as_mut(), Par::Seq);
        Ok((0..width).map(|j| x.col(j).squared_norm_l2()).collect())
    };
    let starts: Vec<usize> = (0..n).step_by(COLUMNS).collect();
    let parts: Result<Vec<_>, Error> = starts.into_par_iter().map(columns).collect();
    Ok(parts?.concat())
}

#[cfg(test)]
mod tests {
    use faer::Side;
    use faer::linalg::solvers::DenseSolveCore;

    use super::*;
    use crate::testing::random;

    #[test]
    fn factors_and_inverses_are_those_of_one_piece() {
        let n = 2 * TILE + 37;
        let x = random(3, n * n);
        let x = MatRef::from_column_major_slice(&x, n, n);
        let a = Mat::from_fn(n, n, |i, j| {
            (if i == j { 0.3 } else { 0.0 }) + (x.row(i) * x.row(j).transpose()) / n as f64
        });
        // What is above the diagonal does not matter.
        let mut l = Mat::from_fn(n, n, |i, j| if i >= j { a[(i, j)] } else { f64::NAN });
        assert!(cholesky(l.as_mut(), &Monitor::default()).unwrap());
        let whole = a.llt(Side::Lower).unwrap();
        for j in 0..n {
            for i in j..n {
                assert!((l[(i, j)] - whole.L()[(i, j)]).abs() < 1e-12);
            }
        }
        let found = inverse_diagonal(l.as_ref(), &Monitor::default()).unwrap();
        let inverse = a.partial_piv_lu().inverse();
        for (i, found) in found.iter().enumerate() {
            assert!((found - inverse[(i, i)]).abs() < 1e-11 * inverse[(i, i)]);
        }
        let mut a = a;
        a[(n - 1, n - 1)] = -1.0;
        assert!(!cholesky(a.as_mut(), &Monitor::default()).unwrap());
    }
}
