//! Products of a matrix with its own transpose, one matrix per lane, by column panels of four as
//! `tridiagonal` stores its matrix.

use super::lanes::Lanes;
use super::tridiagonal::panel_offset;

/// `MM'` (`np` rows) by column panels of four, for `M` lower trapezoidal by rows of `columns`.
#[inline(always)]
pub fn outer_gram<V: Lanes>(np: usize, columns: usize, m: &[V], out: &mut [V]) {
    for c0 in (0..np).step_by(4) {
        let base = panel_offset(np, c0 / 4);
        let width = (c0 + 4).min(columns);
        for i0 in (c0..np).step_by(4) {
            let mut acc = [[V::splat(0.0); 4]; 4];
            let x = [0, 1, 2, 3].map(|q| &m[(c0 + q) * columns..(c0 + q) * columns + width]);
            let y = [0, 1, 2, 3].map(|q| &m[(i0 + q) * columns..(i0 + q) * columns + width]);
            for p in 0..width {
                for i in 0..4 {
                    for c in 0..4 {
                        acc[i][c] = y[i][p].mul_add(x[c][p], acc[i][c]);
                    }
                }
            }
            let at = base + 4 * (i0 - c0);
            for i in 0..4 {
                out[at + 4 * i..at + 4 * i + 4].copy_from_slice(&acc[i]);
            }
        }
    }
}

/// `G = M'M` by column panels of four (`columns` rows), and `h = M'z`.
#[inline(always)]
pub fn inner_gram<V: Lanes>(
    np: usize,
    columns: usize,
    m: &[V],
    z: &[V],
    gram: &mut [V],
    h: &mut [V],
) {
    for c0 in (0..columns).step_by(4) {
        let base = panel_offset(columns, c0 / 4);
        for i0 in (c0..columns).step_by(4) {
            let mut acc = [[V::splat(0.0); 4]; 4];
            for row in m[i0 * columns..np * columns].chunks_exact(columns) {
                let (x, y) = (&row[c0..c0 + 4], &row[i0..i0 + 4]);
                for i in 0..4 {
                    for c in 0..4 {
                        acc[i][c] = y[i].mul_add(x[c], acc[i][c]);
                    }
                }
            }
            let at = base + 4 * (i0 - c0);
            for i in 0..4 {
                gram[at + 4 * i..at + 4 * i + 4].copy_from_slice(&acc[i]);
            }
        }
        let mut acc = [V::splat(0.0); 4];
        for (row, &z) in m[c0 * columns..np * columns].chunks_exact(columns).zip(&z[c0..np]) {
            for c in 0..4 {
                acc[c] = z.mul_add(row[c0 + c], acc[c]);
            }
        }
        h[c0..c0 + 4].copy_from_slice(&acc);
    }
}
