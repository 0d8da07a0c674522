//! Cholesky factorisation of small positive definite matrices, one per lane.
//!
//! Storage: the lower triangle in panels of four rows; panel `ib` holds columns `0..4(ib + 1)`, four
//! entries each. Rows past `n` are padded with those of the identity.

use super::blocks::subtract_product;
use super::lanes::Lanes;
use super::special::log_split;

/// A variance over its pivot, the variance that is left given what came before, of which the
/// factorisation is trusted: it loses about as many digits as this has, and ten must remain.
pub const TRUSTED: f64 = 1e5;

/// Where panel `ib` starts.
#[inline(always)]
pub fn panel(ib: usize) -> usize {
    8 * ib * (ib + 1)
}

/// Where entry `(i, p)` with `p < 4 * (i / 4) + 4` is.
#[inline(always)]
pub fn offset(i: usize, p: usize) -> usize {
    panel(i / 4) + 4 * p + i % 4
}

/// The number of entries stored for a matrix of `n` rows.
pub fn packed_len(n: usize) -> usize {
    panel(n.div_ceil(4))
}

/// Factor `A = LL'` in place and return `log det A`.
///
/// `a` holds the lower triangle (entries above the diagonal inside diagonal blocks are ignored, and
/// overwritten by anything); `reciprocal[i]` becomes `1 / L_ii`. The log-determinant is NaN in lanes
/// with a pivot that is not positive: the caller can tell, and nothing else happens.
#[inline(always)]
pub fn factor<V: Lanes>(n: usize, a: &mut [V], reciprocal: &mut [V]) -> V {
    let zero = V::splat(0.0);
    let (mut mantissa, mut exponent) = (V::splat(1.0), zero);
    let mut least = V::splat(f64::MAX);
    for ib in 0..n.div_ceil(4) {
        let (head, rest) = a.split_at_mut(panel(ib));
        let row = &mut rest[..16 * (ib + 1)];
        for jb in 0..ib {
            let above = &head[panel(jb)..panel(jb + 1)];
            let (done, now) = row.split_at_mut(16 * jb);
            let block = &mut now[..16];
            let mut acc = [[zero; 4]; 4]; // acc[c][r]
            for c in 0..4 {
                for r in 0..4 {
                    acc[c][r] = block[4 * c + r];
                }
            }
            subtract_product(&mut acc, above, done);
            // Solve X L_jj' = acc.
            let diagonal = &above[16 * jb..];
            for c in 0..4 {
                for q in 0..c {
                    let y = diagonal[4 * q + c];
                    for r in 0..4 {
                        acc[c][r] = acc[q][r].neg_mul_add(y, acc[c][r]);
                    }
                }
                let d = reciprocal[4 * jb + c];
                for r in 0..4 {
                    acc[c][r] = acc[c][r] * d;
                    block[4 * c + r] = acc[c][r];
                }
            }
        }
        let (done, block) = row.split_at_mut(16 * ib);
        let mut acc = [[zero; 4]; 4];
        for c in 0..4 {
            for r in c..4 {
                acc[c][r] = block[4 * c + r];
            }
        }
        let mut done = &*done;
        while let Some((x, more)) = done.split_first_chunk::<4>() {
            for c in 0..4 {
                for r in c..4 {
                    acc[c][r] = x[r].neg_mul_add(x[c], acc[c][r]);
                }
            }
            done = more;
        }
        let mut product = mantissa;
        for c in 0..4 {
            product = product * acc[c][c];
            least = acc[c][c].min(least);
            let d = acc[c][c].recip_sqrt();
            reciprocal[4 * ib + c] = d;
            for r in c..4 {
                acc[c][r] = acc[c][r] * d;
                block[4 * c + r] = acc[c][r];
            }
            for q in c + 1..4 {
                for r in q..4 {
                    acc[q][r] = acc[c][r].neg_mul_add(acc[c][q], acc[q][r]);
                }
            }
        }
        let (m, e) = product.split_exponent();
        mantissa = m;
        exponent = exponent + e;
    }
    let positive = least - V::splat(f64::MIN_POSITIVE);
    positive.select_negative(V::splat(f64::NAN), log_split(mantissa, exponent))
}

/// Solve `L y = b` in place.
#[inline(always)]
pub fn forward<V: Lanes>(n: usize, l: &[V], reciprocal: &[V], b: &mut [V]) {
    for ib in 0..n.div_ceil(4) {
        let row = &l[panel(ib)..panel(ib + 1)];
        let (done, now) = b.split_at_mut(4 * ib);
        let mut t = [now[0], now[1], now[2], now[3]];
        for (x, &y) in row.chunks_exact(4).zip(done.iter()) {
            for r in 0..4 {
                t[r] = x[r].neg_mul_add(y, t[r]);
            }
        }
        let diagonal = &row[16 * ib..];
        for c in 0..4 {
            t[c] = t[c] * reciprocal[4 * ib + c];
            for r in c + 1..4 {
                t[r] = diagonal[4 * c + r].neg_mul_add(t[c], t[r]);
            }
            now[c] = t[c];
        }
    }
}

/// Solve `L' y = b` in place.
#[inline(always)]
pub fn backward<V: Lanes>(n: usize, l: &[V], reciprocal: &[V], b: &mut [V]) {
    for ib in (0..n.div_ceil(4)).rev() {
        let row = &l[panel(ib)..panel(ib + 1)];
        let (before, now) = b.split_at_mut(4 * ib);
        let diagonal = &row[16 * ib..];
        let mut y = [now[0], now[1], now[2], now[3]];
        for c in (0..4).rev() {
            for r in c + 1..4 {
                y[c] = diagonal[4 * c + r].neg_mul_add(y[r], y[c]);
            }
            y[c] = y[c] * reciprocal[4 * ib + c];
            now[c] = y[c];
        }
        for (x, t) in row.chunks_exact(4).zip(before.iter_mut()) {
            for r in 0..4 {
                *t = x[r].neg_mul_add(y[r], *t);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::{at_each_level, kernel};
    use super::*;

    kernel!(
        fn check<V: Lanes>(n: usize) {
            let np = n.div_ceil(4) * 4;
            let entry = |i: usize, p: usize| {
                let near = 1.0 / (1.0 + (i as f64 - p as f64).abs());
                if i == p { 2.0 + i as f64 * 0.1 } else { near }
            };
            let mut a = vec![V::splat(0.0); packed_len(n)];
            for i in 0..np {
                for p in 0..=i {
                    let pad = f64::from(u8::from(i == p));
                    a[offset(i, p)] = V::splat(if i < n { entry(i, p) } else { pad });
                }
            }
            let mut d = vec![V::splat(0.0); np];
            let log_det = factor(n, &mut a, &mut d).to_array()[0];
            let l = |i: usize, p: usize| if p <= i { a[offset(i, p)].to_array()[0] } else { 0.0 };
            let mut want = 0.0;
            for i in 0..n {
                want += 2.0 * l(i, i).ln();
                for p in 0..=i {
                    let got: f64 = (0..=p).map(|q| l(i, q) * l(p, q)).sum();
                    assert!((got - entry(i, p)).abs() < 1e-13, "LL' ({i}, {p}) at n = {n}");
                }
            }
            assert!((log_det - want).abs() < 1e-12);
            // L'y = L^{-1}b means A y = b.
            let mut y: Vec<V> =
                (0..np).map(|i| V::splat(if i < n { 1.0 + i as f64 } else { 0.0 })).collect();
            forward(n, &a, &d, &mut y);
            backward(n, &a, &d, &mut y);
            for i in 0..n {
                let got: f64 = (0..n).map(|p| entry(i.max(p), i.min(p)) * y[p].to_array()[0]).sum();
                assert!((got - 1.0 - i as f64).abs() < 1e-11, "solve at n = {n}");
            }
        }
    );

    kernel!(
        fn not_positive<V: Lanes>() -> Vec<f64> {
            let mut out = Vec::new();
            for last in [1.0, 0.0, -3.0] {
                let mut a = vec![V::splat(0.0); packed_len(2)];
                let mut d = vec![V::splat(0.0); 4];
                for i in 0..4 {
                    a[offset(i, i)] = V::splat(1.0);
                }
                a[offset(1, 0)] = V::splat(1.0);
                a[offset(1, 1)] = V::splat(1.0 + last);
                out.push(factor(2, &mut a, &mut d).sum());
            }
            out
        }
    );

    #[test]
    fn a_matrix_that_is_not_positive_definite_has_no_log_determinant() {
        at_each_level(|level| {
            let got = not_positive();
            assert!(got[0] == 0.0 && got[1].is_nan() && got[2].is_nan(), "{level:?} {got:?}");
        });
    }

    #[test]
    fn factor_and_solve_satisfy_their_identities() {
        at_each_level(|_| {
            for n in [1, 2, 3, 4, 5, 8, 11, 21, 44] {
                check(n);
            }
        });
    }
}
