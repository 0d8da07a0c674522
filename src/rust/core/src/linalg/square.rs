//! Sums of squares `sum_j x_j x_j'` of vectors of a few dozen numbers.

use super::lanes::{Lanes, MAX_LANES, kernel};

/// `square += sum_j x_j x_j'` on and below the diagonal (some entries above it are written too), for
/// vectors of `rows` numbers, a multiple of [`MAX_LANES`], one after another in `x`.
pub fn add_squares(rows: usize, x: &[f64], square: &mut [f64]) {
    debug_assert!(rows % MAX_LANES == 0 && square.len() == rows * rows);
    squares(rows, x, square);
}

/// Columns of the sum that are worked on together.
const COLUMNS: usize = 4;

kernel!(
    fn squares<'a, V: Lanes>(rows: usize, x: &'a [f64], square: &'a mut [f64]) {
        for (c, columns) in square.chunks_exact_mut((COLUMNS * rows).max(1)).enumerate() {
            let first = COLUMNS * c;
            let mut row = first / V::N * V::N;
            while row < rows {
                // As many sums as there are registers for.
                let left = ((rows - row) / V::N).min(if V::N == MAX_LANES { 6 } else { 3 });
                row += V::N
                    * match left {
                        1 => tile::<V, 1>(rows, x, columns, first, row),
                        2 => tile::<V, 2>(rows, x, columns, first, row),
                        3..6 => tile::<V, 3>(rows, x, columns, first, row),
                        _ => tile::<V, 6>(rows, x, columns, first, row),
                    };
            }
        }
    }
);

/// `T` vectors of rows from `row` on of the columns from `first` on.
#[inline(always)]
fn tile<V: Lanes, const T: usize>(
    rows: usize,
    x: &[f64],
    columns: &mut [f64],
    first: usize,
    row: usize,
) -> usize {
    let mut sum = [[V::splat(0.0); T]; COLUMNS];
    for x in x.chunks_exact(rows) {
        let (left, right) = (&x[row..row + T * V::N], &x[first..first + COLUMNS]);
        for c in 0..COLUMNS {
            let right = V::splat(right[c]);
            for t in 0..T {
                sum[c][t] = V::load(&left[t * V::N..]).mul_add(right, sum[c][t]);
            }
        }
    }
    for c in 0..COLUMNS {
        let to = &mut columns[c * rows + row..c * rows + row + T * V::N];
        for t in 0..T {
            let to = &mut to[t * V::N..];
            (V::load(to) + sum[c][t]).store(to);
        }
    }
    T
}

#[cfg(test)]
mod tests {
    use super::super::lanes::at_each_level;
    use super::*;

    #[test]
    fn squares_add_up_at_every_size() {
        at_each_level(|level| {
            for rows in [8, 16, 24, 32, 40, 48, 56, 72] {
                let value = |j: usize, i: usize| ((5 * i + 7 * j) % 13) as f64 - 5.5;
                let x: Vec<f64> = (0..9 * rows).map(|k| value(k / rows, k % rows)).collect();
                let mut square = vec![0.5; rows * rows];
                squares(rows, &x, &mut square);
                for p in 0..rows {
                    for i in p..rows {
                        let want: f64 = (0..9).map(|j| value(j, i) * value(j, p)).sum();
                        assert_eq!(square[p * rows + i], want + 0.5, "{level:?} {rows} ({i}, {p})");
                    }
                }
            }
        });
    }
}
