//! A large symmetric matrix A turned into a band: `Q'AQ`, zero further than [`WIDTH`] from the
//! diagonal, and `Q'Z` for some columns Z. After that the normal density of Z under any `a A + s I`
//! costs n times the square of the width, and no eigenvectors are needed.
//!
//! Householder reflections of `WIDTH` columns at a time, applied to what is left by products of
//! matrices: `4/3 n^3` operations, where a reduction to three diagonals spends half of them on one
//! product with a vector after the other, at the speed of memory. Nearly all the time of large ones goes
//! there, so they are reduced in single precision, which is twice as fast: [`Band::error`] says what that
//! costs.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::matmul::matmul;
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch};
use faer::linalg::triangular_solve::solve_upper_triangular_in_place;
use faer::traits::RealField;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::columns::add;
use super::lanes::kernel;
use super::pieces::column_pieces;
use super::tiled::take_outer;
use crate::{Error, Monitor};

/// The furthest from the diagonal that is not zero.
const WIDTH: usize = 64;

/// Rows of a product that one task makes.
const TILE: usize = 192;

/// Tasks of a product that adds up.
const TASKS: usize = 16;

/// Rows from which on a matrix is reduced in single precision.
const LARGE: usize = 2000;

/// What a matrix is reduced in.
trait Digits: RealField + Copy {
    /// Of a double.
    fn of(x: f64) -> Self;
    /// As a double.
    fn wide(self) -> f64;
}

impl Digits for f64 {
    fn of(x: f64) -> Self {
        x
    }
    fn wide(self) -> f64 {
        self
    }
}

impl Digits for f32 {
    fn of(x: f64) -> Self {
        // Numbers near the smallest are slow.
        if x.abs() < 1e-20 { 0.0 } else { x as Self }
    }
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

/// The band, and what became of some vectors.
#[derive(Debug, Clone)]
pub struct Band {
    n: usize,
    width: usize,
    /// From the diagonal down, by columns, with zeros below the last row.
    values: Vec<f64>,
    /// `Q'Z`.
    rotated: Mat<f64>,
    error: f64,
}

impl Band {
    /// Turn `a`, of which the lower triangle is read, and `z`.
    ///
    /// # Errors
    /// `Error::Interrupted`.
    pub fn new(a: MatRef<'_, f64>, z: MatRef<'_, f64>, monitor: &Monitor) -> Result<Self, Error> {
        if a.nrows() < LARGE {
            return Self::reduce::<f64>(a, z, monitor);
        }
        Self::single(a, z, monitor)
    }

    /// The same in single precision, however small.
    ///
    /// # Errors
    /// `Error::Interrupted`.
    pub fn single(
        a: MatRef<'_, f64>,
        z: MatRef<'_, f64>,
        monitor: &Monitor,
    ) -> Result<Self, Error> {
        let mut band = Self::reduce::<f32>(a, z, monitor)?;
        // What is rounded is as large as the elements, and spread over all eigenvalues.
        let squares = |j: usize| (j..a.nrows()).map(|i| a[(i, j)] * a[(i, j)]).sum::<f64>();
        let size = 2.0 * (0..a.ncols()).map(squares).sum::<f64>();
        band.error = 64.0 * f64::from(f32::EPSILON) * (size / a.nrows() as f64).sqrt();
        Ok(band)
    }

    fn reduce<T: Digits>(
        a: MatRef<'_, f64>,
        z: MatRef<'_, f64>,
        monitor: &Monitor,
    ) -> Result<Self, Error> {
        let n = a.nrows();
        let width = WIDTH.min(n - 1);
        let narrow =
            |m: MatRef<'_, f64>| Mat::from_fn(m.nrows(), m.ncols(), |i, j| T::of(m[(i, j)]));
        let (mut a, mut z) = (narrow(a), narrow(z));
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
            (j..last).zip(column).for_each(|(i, x)| *x = a[(i, j)].wide());
        }
        let rotated = Mat::from_fn(n, z.ncols(), |i, j| z[(i, j)].wide());
        Ok(Self { n, width, values, rotated, error: 0.0 })
    }

    /// How far eigenvalues may be off: nothing beside their rounding if they are of doubles.
    pub fn error(&self) -> f64 {
        self.error
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

    /// The smallest eigenvalue, or zero if it is no further from it than the error.
    pub fn least_eigenvalue(&self) -> f64 {
        let mut sums = vec![0.0; self.n];
        let mut high = f64::INFINITY;
        for (j, column) in self.values.chunks_exact(self.width + 1).enumerate() {
            high = high.min(column[0]);
            for (d, x) in column.iter().enumerate().take(self.n - j) {
                sums[j] += x.abs();
                sums[j + d] += if d > 0 { x.abs() } else { 0.0 };
            }
        }
        // No eigenvalue is beyond the largest sum of a row, and the smallest is below the diagonal.
        let most = sums.iter().copied().fold(0.0, f64::max);
        let mut low = -most;
        let is_above = |x: f64| self.normal(1.0, -x).is_some();
        if self.error > 0.0 {
            match (is_above(-self.error), is_above(self.error)) {
                (true, true) => low = self.error,
                (true, false) => return 0.0,
                (false, _) => high = -self.error,
            }
        }
        while high - low > (f64::EPSILON * most).max(0.1 * self.error) {
            let middle = 0.5 * (low + high);
            if is_above(middle) { low = middle } else { high = middle }
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
struct Reflection<T> {
    v: Mat<T>,
    s: Mat<T>,
}

impl<T: Digits> Reflection<T> {
    /// Of a matrix with at least as many rows as columns, which becomes triangular.
    fn of(mut panel: MatMut<'_, T>) -> Self {
        let (m, width) = (panel.nrows(), panel.ncols().min(panel.nrows()));
        let mut t = Mat::zeros(width, width);
        let spec = Default::default();
        let scratch = qr_in_place_scratch::<T>(m, panel.ncols(), width, Par::Seq, spec);
        let stack = &mut MemBuffer::new(scratch);
        let spec = Default::default();
        let mut work = panel.as_ref().to_owned();
        qr_in_place(work.as_mut(), t.as_mut(), Par::Seq, MemStack::new(stack), spec);
        let entry = |i: usize, j: usize| match i.cmp(&j) {
            std::cmp::Ordering::Less => T::of(0.0),
            std::cmp::Ordering::Equal => T::of(1.0),
            std::cmp::Ordering::Greater => work[(i, j)],
        };
        let v = Mat::from_fn(m, width, entry);
        for j in 0..panel.ncols() {
            (0..m).for_each(|i| panel[(i, j)] = if i <= j { work[(i, j)] } else { T::of(0.0) });
        }
        let mut s = Mat::identity(width, width);
        solve_upper_triangular_in_place(t.as_ref(), s.as_mut(), Par::Seq);
        Self { v, s }
    }

    /// `Q'z`.
    fn apply(&self, mut z: MatMut<'_, T>) {
        let along = self.s.transpose() * (self.v.transpose() * &z);
        matmul(z.as_mut(), Accum::Add, &self.v, along, T::of(-1.0), Par::Seq);
    }

    /// `Q'AQ`, of the lower triangle: `A - VZ' - ZV'` with `Z = AVS - V S'V'AVS / 2`.
    fn rotate(&self, a: MatMut<'_, T>) {
        let (m, width) = (self.v.nrows(), self.v.ncols());
        let mut y = symmetric_product(a.as_ref(), self.v.as_ref());
        let middle = self.s.transpose() * (self.v.transpose() * &y) * &self.s;
        y = y * &self.s;
        matmul(y.as_mut(), Accum::Add, &self.v, middle, T::of(-0.5), Par::Seq);
        let pair = |first: &Mat<T>, second: &Mat<T>| {
            let mut both = Mat::zeros(m, 2 * width);
            both.as_mut().subcols_mut(0, width).copy_from(first);
            both.as_mut().subcols_mut(width, width).copy_from(second);
            both
        };
        let (left, right) = (pair(&self.v, &y), pair(&y, &self.v));
        column_pieces(a, TILE).into_par_iter().enumerate().for_each(|(t, tile)| {
            let below = |x: &Mat<T>| x.as_ref().get(t * TILE.., ..).to_owned();
            take_outer(tile.get_mut(t * TILE.., ..), below(&left).as_ref(), below(&right).as_ref());
        });
    }
}

/// `A V`, of the lower triangle of A. Its columns are read once, a tile of them at a time, and the tiles
/// are dealt out to tasks that add up products of their own.
fn symmetric_product<T: Digits>(a: MatRef<'_, T>, v: MatRef<'_, T>) -> Mat<T> {
    let m = v.nrows();
    let (one, add) = (T::of(1.0), Accum::Add);
    let part = |task: usize| {
        let mut out = Mat::zeros(m, v.ncols());
        for first in (task * TILE..m).step_by(TASKS * TILE) {
            let last = (first + TILE).min(m);
            let (here, below) = (v.get(first..last, ..), v.get(last.., ..));
            let tile = a.get(first..last, first..last);
            let tile = Mat::from_fn(last - first, last - first, |i, j| tile[(i.max(j), i.min(j))]);
            let columns = a.get(last.., first..last);
            let (_, mut from) = out.as_mut().split_at_row_mut(first);
            matmul(from.as_mut().get_mut(last - first.., ..), add, columns, here, one, Par::Seq);
            let mut own = from.get_mut(..last - first, ..);
            matmul(own.as_mut(), add, tile, here, one, Par::Seq);
            matmul(own, add, columns.transpose(), below, one, Par::Seq);
        }
        out
    };
    let parts: Vec<Mat<T>> = (0..TASKS.min(m.div_ceil(TILE))).into_par_iter().map(part).collect();
    let mut parts = parts.into_iter();
    let first = parts.next().unwrap_or_else(|| Mat::zeros(m, v.ncols()));
    parts.fold(first, |sum, part| sum + part)
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
            let (lower, rows, monitor) = (lower.as_ref(), z.as_ref(), Monitor::default());
            let band = Band::new(lower, rows, &monitor).unwrap();
            let single = Band::single(lower, rows, &monitor).unwrap();
            let values = a.self_adjoint_eigenvalues(Side::Lower).unwrap();
            let size = values.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
            assert!((band.least_eigenvalue() - values[0]).abs() < 1e-11 * size, "{n}");
            assert!((single.least_eigenvalue() - values[0]).abs() < single.error(), "{n}");
            let shift = 0.7 * size;
            let c = Mat::from_fn(n, n, |i, j| 0.5 * a[(i, j)] + if i == j { shift } else { 0.0 });
            let (log_det, squares) = band.normal(0.5, shift).unwrap();
            let want: f64 = values.iter().map(|l| (0.5 * l + shift).ln()).sum();
            assert!((log_det - want).abs() < 1e-10 * n as f64);
            let (rounded, _) = single.normal(0.5, shift).unwrap();
            assert!((rounded - want).abs() < single.error() * n as f64 / size);
            let solved = c.llt(Side::Lower).unwrap().solve(&z);
            for (k, found) in squares.iter().enumerate() {
                let want = z.col(k).transpose() * solved.col(k);
                assert!((found - want).abs() < 1e-10 * want);
            }
            assert!(band.normal(1.0, -values[0] - 0.01 * size).is_none());
        }
    }
}
