//! A large symmetric matrix A turned into a band: `Q'AQ`, zero further than [`WIDTH`] from the
//! diagonal, and `Q'Z` for some columns Z. After that the normal density of Z under any `a A + s I`
//! costs n times the square of the width, and no eigenvectors are needed.
//!
//! Householder reflections of `WIDTH` columns at a time, applied to what is left by products of
//! matrices: `4/3 n^3` operations, where a reduction to three diagonals spends half of them on one
//! product with a vector after the other, at the speed of memory.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::matmul::matmul;
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch};
use faer::linalg::triangular_solve::solve_upper_triangular_in_place;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::columns::add;
use super::lanes::kernel;
use super::pieces::{column_pieces, row_pieces};
use super::tiled::take_outer;
use crate::{Error, Monitor};

/// The furthest from the diagonal that is not zero.
const WIDTH: usize = 64;

/// Rows of a product that one task makes.
const TILE: usize = 192;

/// The band, and what became of some vectors.
#[derive(Debug, Clone)]
pub struct Band {
    n: usize,
    width: usize,
    /// From the diagonal down, by columns, with zeros below the last row.
    values: Vec<f64>,
    /// `Q'Z`.
    rotated: Mat<f64>,
}

impl Band {
    /// Turn `a`, of which the lower triangle is read, and `z`.
    ///
    /// # Errors
    /// `Error::Interrupted`.
    pub fn new(mut a: Mat<f64>, mut z: Mat<f64>, monitor: &Monitor) -> Result<Self, Error> {
        let n = a.nrows();
        let width = WIDTH.min(n - 1);
        let mut start = 0;
        while start + width + 1 < n {
            monitor.advance(0)?;
            let next = start + width;
            let (left, right) = a.as_mut().split_at_col_mut(next);
            let reflection = Reflection::of(left.get_mut(next.., start..));
            reflection.rotate(right.get_mut(next.., ..));
            reflection.apply(z.as_mut().get_mut(next.., ..));
            start = next;
        }
        let mut values = vec![0.0; n * (width + 1)];
        for (j, column) in values.chunks_exact_mut(width + 1).enumerate() {
            let last = (j + width + 1).min(n);
            (j..last).zip(column).for_each(|(i, x)| *x = a[(i, j)]);
        }
        Ok(Self { n, width, values, rotated: z })
    }

    /// `log det C` and `z'C^{-1}z` of each column, for `C = times A + shift I`; none if that is not
    /// positive definite.
    pub fn normal(&self, times: f64, shift: f64) -> Option<(f64, Vec<f64>)> {
        let mut factor = self.values.clone();
        factor.iter_mut().for_each(|x| *x *= times);
        factor.iter_mut().step_by(self.width + 1).for_each(|x| *x += shift);
        let mut z = self.rotated.clone();
        let log_det = factorise(self.width + 1, &mut factor)?;
        let squares = (0..z.ncols()).map(|c| {
            let z = z.col_as_slice_mut(c);
            solve(self.width + 1, &factor, z);
            z.iter().map(|x| x * x).sum()
        });
        Some((log_det, squares.collect()))
    }

    /// The smallest eigenvalue.
    pub fn least_eigenvalue(&self) -> f64 {
        let mut sums = vec![0.0; self.n];
        for (j, column) in self.values.chunks_exact(self.width + 1).enumerate() {
            for (d, x) in column.iter().enumerate().take(self.n - j) {
                sums[j] += x.abs();
                sums[j + d] += if d > 0 { x.abs() } else { 0.0 };
            }
        }
        // No eigenvalue is beyond the largest sum of a row.
        let most = sums.iter().copied().fold(0.0, f64::max);
        let (mut low, mut high) = (-most, most);
        while high - low > f64::EPSILON * most {
            let middle = 0.5 * (low + high);
            if self.normal(1.0, -middle).is_some() { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }
}

kernel!(
    /// The Cholesky factor of a band in its place, by columns of `height`, and its log-determinant; none
    /// if there is none.
    fn factorise<'a, V: Lanes>(height: usize, values: &'a mut [f64]) -> Option<f64> {
        let mut log_det = 0.0;
        for at in (0..values.len()).step_by(height) {
            let (column, rest) = values[at..].split_at_mut(height);
            if column[0] <= 0.0 || column[0].is_nan() {
                return None;
            }
            log_det += column[0].ln();
            let pivot = column[0].sqrt();
            column.iter_mut().for_each(|x| *x /= pivot);
            for (d, next) in rest.chunks_exact_mut(height).enumerate().take(height - 1) {
                let by = -column[d + 1];
                add::<V>(by, &column[d + 1..], &mut next[..height - d - 1]);
            }
        }
        Some(log_det)
    }
);

kernel!(
    /// `L^{-1}z` in the place of z.
    fn solve<'a, V: Lanes>(height: usize, factor: &'a [f64], z: &'a mut [f64]) {
        for (j, column) in factor.chunks_exact(height).enumerate() {
            z[j] /= column[0];
            let (by, last) = (-z[j], (j + height).min(z.len()));
            add::<V>(by, &column[1..last - j], &mut z[j + 1..last]);
        }
    }
);

/// `I - V S V'`, which makes a matrix upper triangular.
struct Reflection {
    v: Mat<f64>,
    s: Mat<f64>,
}

impl Reflection {
    /// Of a matrix with at least as many rows as columns, which becomes triangular.
    fn of(mut panel: MatMut<'_, f64>) -> Self {
        let (m, width) = (panel.nrows(), panel.ncols().min(panel.nrows()));
        let mut t = Mat::zeros(width, width);
        let spec = Default::default();
        let scratch = qr_in_place_scratch::<f64>(m, panel.ncols(), width, Par::Seq, spec);
        let stack = &mut MemBuffer::new(scratch);
        let spec = Default::default();
        let mut work = panel.as_ref().to_owned();
        qr_in_place(work.as_mut(), t.as_mut(), Par::Seq, MemStack::new(stack), spec);
        let entry = |i: usize, j: usize| match i.cmp(&j) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => 1.0,
            std::cmp::Ordering::Greater => work[(i, j)],
        };
        let v = Mat::from_fn(m, width, entry);
        for j in 0..panel.ncols() {
            (0..m).for_each(|i| panel[(i, j)] = if i <= j { work[(i, j)] } else { 0.0 });
        }
        let mut s = Mat::identity(width, width);
        solve_upper_triangular_in_place(t.as_ref(), s.as_mut(), Par::Seq);
        Self { v, s }
    }

    /// `Q'z`.
    fn apply(&self, mut z: MatMut<'_, f64>) {
        let along = self.s.transpose() * (self.v.transpose() * &z);
        matmul(z.as_mut(), Accum::Add, &self.v, along, -1.0, Par::Seq);
    }

    /// `Q'AQ`, of the lower triangle: `A - VZ' - ZV'` with `Z = AVS - V S'V'AVS / 2`.
    fn rotate(&self, a: MatMut<'_, f64>) {
        let (m, width) = (self.v.nrows(), self.v.ncols());
        let mut y = symmetric_product(a.as_ref(), self.v.as_ref());
        let middle = self.s.transpose() * (self.v.transpose() * &y) * &self.s;
        y = y * &self.s;
        matmul(y.as_mut(), Accum::Add, &self.v, middle, -0.5, Par::Seq);
        let pair = |first: &Mat<f64>, second: &Mat<f64>| {
            let mut both = Mat::zeros(m, 2 * width);
            both.as_mut().subcols_mut(0, width).copy_from(first);
            both.as_mut().subcols_mut(width, width).copy_from(second);
            both
        };
        let (left, right) = (pair(&self.v, &y), pair(&y, &self.v));
        column_pieces(a, TILE).into_par_iter().enumerate().for_each(|(t, tile)| {
            let below = |x: &Mat<f64>| x.as_ref().get(t * TILE.., ..).to_owned();
            take_outer(tile.get_mut(t * TILE.., ..), below(&left).as_ref(), below(&right).as_ref());
        });
    }
}

/// `A V`, of the lower triangle of A.
fn symmetric_product(a: MatRef<'_, f64>, v: MatRef<'_, f64>) -> Mat<f64> {
    let m = v.nrows();
    let mut out = Mat::zeros(m, v.ncols());
    row_pieces(out.as_mut(), TILE).into_par_iter().enumerate().for_each(|(t, mut piece)| {
        let (first, last) = (t * TILE, (t * TILE + TILE).min(m));
        let tile = a.get(first..last, first..last);
        let tile = Mat::from_fn(last - first, last - first, |i, j| tile[(i.max(j), i.min(j))]);
        matmul(piece.as_mut(), Accum::Replace, tile, v.get(first..last, ..), 1.0, Par::Seq);
        let before = a.get(first..last, ..first);
        matmul(piece.as_mut(), Accum::Add, before, v.get(..first, ..), 1.0, Par::Seq);
        let after = a.get(last.., first..last).transpose();
        matmul(piece.as_mut(), Accum::Add, after, v.get(last.., ..), 1.0, Par::Seq);
    });
    out
}

#[cfg(test)]
mod tests {
    use faer::Side;
    use faer::linalg::solvers::Solve;

    use super::*;
    use crate::testing::random;

    #[test]
    fn densities_and_the_smallest_eigenvalue_are_those_of_the_matrix() {
        for n in [1, 2, WIDTH, WIDTH + 1, WIDTH + 2, 3 * WIDTH + 11, 5 * WIDTH] {
            let x = random(n as u64, n * n);
            let a = Mat::from_fn(n, n, |i, j| x[i.max(j) * n + i.min(j)]);
            let z = Mat::from_fn(n, 2, |i, j| (i as f64 + 0.7 * j as f64).cos());
            let lower = Mat::from_fn(n, n, |i, j| if i >= j { a[(i, j)] } else { f64::NAN });
            let band = Band::new(lower, z.clone(), &Monitor::default()).unwrap();
            let values = a.self_adjoint_eigenvalues(Side::Lower).unwrap();
            let size = values.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
            assert!((band.least_eigenvalue() - values[0]).abs() < 1e-11 * size, "{n}");
            let shift = 0.7 * size;
            let c = Mat::from_fn(n, n, |i, j| 0.5 * a[(i, j)] + if i == j { shift } else { 0.0 });
            let (log_det, squares) = band.normal(0.5, shift).unwrap();
            let want: f64 = values.iter().map(|l| (0.5 * l + shift).ln()).sum();
            assert!((log_det - want).abs() < 1e-10 * n as f64);
            let solved = c.llt(Side::Lower).unwrap().solve(&z);
            for (k, found) in squares.iter().enumerate() {
                let want = z.col(k).transpose() * solved.col(k);
                assert!((found - want).abs() < 1e-10 * want);
            }
            assert!(band.normal(1.0, -values[0] - 0.01 * size).is_none());
        }
    }
}
