//! From log-likelihoods to likelihoods scaled by row, in place.

use rayon::prelude::*;

use crate::linalg::lanes::{Lanes, kernel};
use crate::linalg::special;
use crate::{Error, Monitor};

/// Numbers of a block of rows: it is read twice, so it should stay in the second-level cache.
const BLOCK: usize = 1 << 16;
/// Log-likelihoods this far below their row's best become zero: they cannot matter at an optimum,
/// where every row has at least `w_j / N`, and products with them would be slow denormal numbers.
const NEGLIGIBLE: f64 = -650.0;

/// Replace `loglik` (`rows` x `cols`, column-major, columns `stride` apart) by
/// `exp(loglik_jp - max_p loglik_jp)`, and return the row maxima.
///
/// Entries of minus infinity become zero. Ratios below `exp(-650)` become zero too.
///
/// # Errors
/// `Error::Value` for a row without any finite entry, and for the first NaN or plus infinity, with
/// its row and column; `loglik` is then partly replaced. `Error::Interrupted`.
pub fn scale_rows(
    loglik: &mut [f64],
    rows: usize,
    cols: usize,
    stride: usize,
    monitor: &Monitor,
) -> Result<Vec<f64>, Error> {
    super::check_extent(loglik.len(), rows, cols, stride)?;
    let height = (BLOCK / cols).clamp(64, 1024) / 8 * 8;
    let mut blocks: Vec<Vec<&mut [f64]>> =
        (0..rows.div_ceil(height)).map(|_| Vec::with_capacity(cols)).collect();
    for column in loglik.chunks_mut(stride).take(cols) {
        for (block, piece) in blocks.iter_mut().zip(column[..rows].chunks_mut(height)) {
            block.push(piece);
        }
    }
    let mut largest = vec![f64::NEG_INFINITY; rows];
    blocks
        .into_par_iter()
        .zip(largest.par_chunks_mut(height))
        .enumerate()
        .map(|(i, (mut columns, largest))| {
            monitor.advance(0)?;
            match scale_block(&mut columns, &mut *largest) {
                true => Ok(()),
                false => Err(complain(&columns, largest, i * height)),
            }
        })
        .collect::<Result<Vec<()>, Error>>()?;
    Ok(largest)
}

kernel!(
    /// One block of rows, as its pieces of columns. False, and nothing changed, if a value is unusable.
    pub(super) fn scale_block<'a, 'b, V: Lanes>(
        columns: &'a mut [&'b mut [f64]],
        largest: &'a mut [f64],
    ) -> bool {
        let mut good = true;
        for column in columns.iter() {
            for (m, &l) in largest.iter_mut().zip(column.iter()) {
                *m = if l > *m { l } else { *m };
                good &= l < f64::INFINITY;
            }
        }
        if !good || largest.contains(&f64::NEG_INFINITY) {
            return false;
        }
        for column in columns.iter_mut() {
            scale_column::<V>(column, largest);
        }
        true
    }
);

kernel!(
    /// One column relative to given maxima of the rows.
    pub(super) fn scale_by<'a, V: Lanes>(column: &'a mut [f64], largest: &'a [f64]) {
        scale_column::<V>(column, largest);
    }
);

#[inline(always)]
fn scale_column<V: Lanes>(column: &mut [f64], largest: &[f64]) {
    let mut pieces = column.chunks_exact_mut(V::N);
    let mut tops = largest.chunks_exact(V::N);
    for (l, m) in pieces.by_ref().zip(tops.by_ref()) {
        relative::<V>(V::load(l), V::load(m)).store(l);
    }
    for (l, &m) in pieces.into_remainder().iter_mut().zip(tops.remainder()) {
        *l = relative::<V>(V::splat(*l), V::splat(m)).to_array()[0];
    }
}

#[inline(always)]
fn relative<V: Lanes>(l: V, m: V) -> V {
    let below = l - m;
    (below - V::splat(NEGLIGIBLE)).select_negative(V::splat(0.0), special::exp(below))
}

/// The first unusable value of a block whose first row is `first`.
pub(super) fn complain(columns: &[&mut [f64]], largest: &[f64], first: usize) -> Error {
    for j in 0..largest.len() {
        for (p, column) in columns.iter().enumerate() {
            if column[j].is_nan() || column[j] == f64::INFINITY {
                let (row, col) = (first + j + 1, p + 1);
                let why = format!("is {} at row {row}, column {col}", name(column[j]));
                return Error::Value { name: "loglik", why };
            }
        }
        if columns.iter().all(|c| c[j] == f64::NEG_INFINITY) {
            let why =
                format!("is -Inf in every column of row {}: no component fits it", first + j + 1);
            return Error::Value { name: "loglik", why };
        }
    }
    Error::Value { name: "loglik", why: "has unusable values".into() }
}

fn name(x: f64) -> &'static str {
    if x.is_nan() { "NaN" } else { "Inf" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_scaled_by_their_maximum_whatever_the_stride() {
        for (rows, cols, stride) in [(1, 1, 1), (5, 3, 5), (70, 9, 75), (1500, 2, 1500)] {
            let entry = |j: usize, p: usize| ((j * 31 + p * 17) % 23) as f64 * -7.5 + j as f64;
            let mut x = vec![f64::NAN; stride * cols];
            for p in 0..cols {
                for j in 0..rows {
                    x[p * stride + j] =
                        if (j + p) % 7 == 3 && cols > 1 { f64::NEG_INFINITY } else { entry(j, p) };
                }
            }
            let before = x.clone();
            let top = scale_rows(&mut x, rows, cols, stride, &Monitor::default()).unwrap();
            for j in 0..rows {
                let want =
                    (0..cols).map(|p| before[p * stride + j]).fold(f64::NEG_INFINITY, f64::max);
                assert_eq!(top[j], want);
                for p in 0..cols {
                    let want = (before[p * stride + j] - want).exp();
                    assert!((x[p * stride + j] - want).abs() <= 4e-16 * want, "{j} {p}");
                }
            }
            assert!(x.iter().enumerate().all(|(i, x)| i % stride < rows || x.is_nan()));
        }
    }

    #[test]
    fn unusable_values_are_named_by_row_and_column() {
        let scale = |x: &mut [f64]| scale_rows(x, 2, 2, 2, &Monitor::default()).unwrap_err();
        let nan = scale(&mut [0.0, f64::NAN, 0.0, 0.0]).to_string();
        assert!(nan.contains("NaN at row 2, column 1"), "{nan}");
        let inf = scale(&mut [0.0, 0.0, f64::INFINITY, 0.0]).to_string();
        assert!(inf.contains("Inf at row 1, column 2"), "{inf}");
        let none = f64::NEG_INFINITY;
        let empty = scale(&mut [0.0, none, 0.0, none]).to_string();
        assert!(empty.contains("row 2"), "{empty}");
    }
}
