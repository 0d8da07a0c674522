//! Inverses of small positive definite matrices from their Cholesky factors, one matrix per lane, and
//! weighted sums of them.

use super::blocks::{add_product, subtract_product};
use super::cholesky::panel;
use super::lanes::Lanes;
use super::tridiagonal::{entry, panel_offset};

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
            subtract_product(&mut acc, &row[16 * cb..16 * ib], done);
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

/// `L^{-1}` by rows of `np` entries (`np` is `n` rounded up to four), zero above the diagonal. `panels`
/// is scratch of `tridiagonal::panel_len(n)` entries.
#[inline(always)]
pub fn invert_rows<V: Lanes>(n: usize, l: &[V], reciprocal: &[V], out: &mut [V], panels: &mut [V]) {
    invert_panels(n, l, reciprocal, panels);
    let np = n.div_ceil(4) * 4;
    for (i, row) in out[..np * np].chunks_exact_mut(np.max(1)).enumerate() {
        for (c, to) in row.iter_mut().enumerate() {
            *to = if c <= i { panels[entry(np, i, c)] } else { V::splat(0.0) };
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
            add_product(&mut acc, left, right);
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
    use super::super::blocks::{sum_len, sum_offset};
    use super::super::cholesky::{factor, offset, packed_len};
    use super::super::lanes::{at_each_level, kernel};
    use super::super::tridiagonal::panel_len;
    use super::*;

    kernel!(
        fn check<V: Lanes>(n: usize) {
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
            let (mut rows, mut scratch) = (vec![V::splat(1.0); np * np], x.clone());
            invert_rows(n, &l, &d, &mut rows, &mut scratch);
            for i in 0..np {
                for p in 0..np {
                    assert_eq!(rows[i * np + p].to_array()[0], inverse(i, p), "({i}, {p})");
                }
            }
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
    );

    #[test]
    fn inverse_and_sum_of_inverses_satisfy_their_identities() {
        at_each_level(|_| {
            for n in [1, 2, 4, 5, 11, 44] {
                check(n);
            }
        });
    }
}
