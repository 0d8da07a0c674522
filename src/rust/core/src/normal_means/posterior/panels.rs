//! A matrix of scalars times a vector of lanes.

use crate::linalg::lanes::Lanes;

const HEIGHT: usize = 8;

/// A matrix in panels of eight rows, each panel by columns; padded with zero rows.
///
/// Eight rows make eight independent sums, enough to keep two multiply-add units busy.
#[derive(Debug, Clone)]
pub struct Panels {
    columns: usize,
    values: Vec<f64>,
}

impl Panels {
    pub fn new(rows: usize, columns: usize, entry: impl Fn(usize, usize) -> f64) -> Self {
        let mut values = vec![0.0; rows.div_ceil(HEIGHT) * HEIGHT * columns];
        for i in 0..rows {
            for c in 0..columns {
                values[(i / HEIGHT * columns + c) * HEIGHT + i % HEIGHT] = entry(i, c);
            }
        }
        Self { columns, values }
    }

    /// `out = A x`, for all padded rows.
    #[inline(always)]
    pub fn multiply<V: Lanes>(&self, x: &[V], out: &mut [V]) {
        if self.columns == 0 {
            return;
        }
        let panels = self.values.chunks_exact(HEIGHT * self.columns);
        for (panel, out) in panels.zip(out.chunks_exact_mut(HEIGHT)) {
            let mut acc = [V::splat(0.0); HEIGHT];
            for (a, &x) in panel.chunks_exact(HEIGHT).zip(x) {
                for i in 0..HEIGHT {
                    acc[i] = V::splat(a[i]).mul_add(x, acc[i]);
                }
            }
            out.copy_from_slice(&acc);
        }
    }
}
