//! Blocks of 4 by 4 in lanes, which the kernels of the lower triangle are made of: sixteen sums are kept
//! in registers while two strips of four are read along.
//!
//! A sum of symmetric matrices is kept in such blocks: block `(ib, jb)` with `jb <= ib` is number
//! `ib (ib + 1) / 2 + jb`, and holds its sixteen entries by rows.

use super::lanes::Lanes;

/// The number of entries of a sum for matrices of `n` rows.
pub fn sum_len(n: usize) -> usize {
    let nb = n.div_ceil(4);
    8 * nb * (nb + 1)
}

/// Where entry `(i, c)` with `c <= i` of a sum is.
pub fn sum_offset(i: usize, c: usize) -> usize {
    let (ib, jb) = (i / 4, c / 4);
    16 * (ib * (ib + 1) / 2 + jb) + 4 * (i % 4) + c % 4
}

/// `acc[i][c] += sum_p x[p][i] y[p][c]` over strips of four entries.
#[inline(always)]
pub fn add_product<V: Lanes>(acc: &mut [[V; 4]; 4], x: &[V], y: &[V]) {
    // Arrays of known length, taken off the front: no check of an index inside the loop.
    let (mut x, mut y) = (x, y);
    while let (Some((a, more_x)), Some((b, more_y))) =
        (x.split_first_chunk::<4>(), y.split_first_chunk::<4>())
    {
        for i in 0..4 {
            for c in 0..4 {
                acc[i][c] = a[i].mul_add(b[c], acc[i][c]);
            }
        }
        (x, y) = (more_x, more_y);
    }
}

/// `acc[i][c] -= sum_p x[p][i] y[p][c]`.
#[inline(always)]
pub fn subtract_product<V: Lanes>(acc: &mut [[V; 4]; 4], x: &[V], y: &[V]) {
    let (mut x, mut y) = (x, y);
    while let (Some((a, more_x)), Some((b, more_y))) =
        (x.split_first_chunk::<4>(), y.split_first_chunk::<4>())
    {
        for i in 0..4 {
            for c in 0..4 {
                acc[i][c] = a[i].neg_mul_add(b[c], acc[i][c]);
            }
        }
        (x, y) = (more_x, more_y);
    }
}
