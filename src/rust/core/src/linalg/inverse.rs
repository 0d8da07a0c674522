//! Inverses of small positive definite matrices from their Cholesky factors, one matrix per lane, and
//! weighted sums of them.
//!
//! A sum over matrices is kept by lanes, in blocks of 4 by 4 of the lower triangle: block `(ib, jb)`
//! with `jb <= ib` is number `ib (ib + 1) / 2 + jb`, and holds its sixteen entries by rows.

use super::cholesky::panel;
use super::lanes::Lanes;
use super::tridiagonal::panel_offset;

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

/// `L^{-1}` by column panels of four (see `tridiagonal`), where `l` is packed as in `cholesky`.
#[inline(always)]
pub fn invert_panels<V: Lanes>(n: usize, l: &[V], reciprocal: &[V], out: &mut [V]) {
    let nb = n.div_ceil(4);
    let zero = V::splat(0.0);
    for cb in 0..nb {
        let x = &mut out[panel_offset(4 * nb, cb)..panel_offset(4 * nb, cb + 1)];
        for ib in cb..nb {
            let row = &l[panel(ib)..panel(ib + 1)];
            let (done, now) = x.split_at_mut(16 * (ib - cb));
            let mut acc = [[zero; 4]; 4]; // acc[r][c]
            if ib == cb {
                for r in 0..4 {
                    acc[r][r] = V::splat(1.0);
                }
            }
            let (mut a, mut b) = (&row[16 * cb..16 * ib], &*done);
            while let (Some((left, more_a)), Some((right, more_b))) =
                (a.split_first_chunk::<4>(), b.split_first_chunk::<4>())
            {
                for r in 0..4 {
                    for c in 0..4 {
                        acc[r][c] = left[r].neg_mul_add(right[c], acc[r][c]);
                    }
                }
                (a, b) = (more_a, more_b);
            }
            let diagonal = &row[16 * ib..16 * ib + 16];
            for r in 0..4 {
                for q in 0..r {
                    let y = diagonal[4 * q + r];
                    for c in 0..4 {
                        acc[r][c] = y.neg_mul_add(acc[q][c], acc[r][c]);
                    }
                }
                let d = reciprocal[4 * ib + r];
                for c in 0..4 {
                    acc[r][c] = acc[r][c] * d;
                    now[4 * r + c] = acc[r][c];
                }
            }
        }
    }
}

/// `sum += w X'X` for `X` by column panels, lower triangular: `w (LL')^{-1}` for `X = L^{-1}`.
#[inline(always)]
pub fn add_gram<V: Lanes>(n: usize, x: &[V], w: V, sum: &mut [V]) {
    let nb = n.div_ceil(4);
    let mut blocks = sum.chunks_exact_mut(16);
    for ib in 0..nb {
        let left = &x[panel_offset(4 * nb, ib)..panel_offset(4 * nb, ib + 1)];
        for jb in 0..=ib {
            let start = panel_offset(4 * nb, jb) + 16 * (ib - jb);
            let right = &x[start..panel_offset(4 * nb, jb + 1)];
            let mut acc = [[V::splat(0.0); 4]; 4];
            let (mut a, mut b) = (left, right);
            while let (Some((p, more_a)), Some((q, more_b))) =
                (a.split_first_chunk::<4>(), b.split_first_chunk::<4>())
            {
                for i in 0..4 {
                    for c in 0..4 {
                        acc[i][c] = p[i].mul_add(q[c], acc[i][c]);
                    }
                }
                (a, b) = (more_a, more_b);
            }
            let Some(out) = blocks.next() else { return };
            for i in 0..4 {
                for c in 0..4 {
                    out[4 * i + c] = w.mul_add(acc[i][c], out[4 * i + c]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cholesky::{factor, offset, packed_len};
    use super::super::lanes::{Kernel, Level, dispatch_at};
    use super::super::tridiagonal::{entry, panel_len};
    use super::*;

    struct Check(usize);
    impl Kernel for Check {
        type Output = ();
        #[inline(always)]
        fn run<V: Lanes>(self) {
            let n = self.0;
            let np = n.div_ceil(4) * 4;
            let value = |i: usize, p: usize| match i.max(p) < n {
                true if i == p => 2.0 + 0.1 * i as f64,
                true => 1.0 / (1.0 + (i as f64 - p as f64).abs()),
                false => f64::from(u8::from(i == p)),
            };
            let mut l = vec![V::splat(0.0); packed_len(n)];
            for i in 0..np {
                for p in 0..=i {
                    l[offset(i, p)] = V::splat(value(i, p));
                }
            }
            let mut d = vec![V::splat(0.0); np];
            factor(n, &mut l, &mut d);
            let mut x = vec![V::splat(0.0); panel_len(n)];
            invert_panels(n, &l, &d, &mut x);
            let inverse = |i: usize, p: usize| match p <= i {
                true => x[entry(np, i, p)].to_array()[0],
                false => 0.0,
            };
            let factor = |i: usize, p: usize| l[offset(i, p)].to_array()[0];
            let mut sum = vec![V::splat(0.0); sum_len(n)];
            add_gram(n, &x, V::splat(0.5), &mut sum);
            add_gram(n, &x, V::splat(0.25), &mut sum);
            let total = |i: usize, p: usize| sum[sum_offset(i.max(p), i.min(p))].to_array()[0];
            for i in 0..n {
                for p in 0..n {
                    let unit = f64::from(u8::from(i == p));
                    let one: f64 = (0..=i).map(|q| factor(i, q) * inverse(q, p)).sum();
                    assert!((one - unit).abs() < 1e-13, "L^-1 ({i}, {p}) at n = {n}");
                    let one: f64 = (0..n).map(|q| value(i, q) * total(q, p)).sum();
                    assert!((one - 0.75 * unit).abs() < 1e-13, "A^-1 ({i}, {p}) at n = {n}");
                }
            }
        }
    }

    #[test]
    fn inverse_and_sum_of_inverses_satisfy_their_identities() {
        for level in Level::available() {
            for n in [1, 2, 4, 5, 11, 44] {
                dispatch_at(level, Check(n));
            }
        }
    }
}
