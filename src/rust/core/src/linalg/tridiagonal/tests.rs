//! Against elimination, and what is left when digits are lost.

use super::super::lanes::{at_each_level, kernel};
use super::*;
use crate::testing::{random, solve};

/// `-1/2 [log det(I + wA) + x'(I + wA)^{-1}x]` by elimination.
fn slow(n: usize, a: &[f64], x: &[f64], w: f64) -> f64 {
    let mut m: Vec<f64> = (0..n * n).map(|i| w * a[i] + f64::from(i % (n + 1) == 0)).collect();
    let mut y = x.to_vec();
    let log_det = solve(n, &mut m, 1, &mut y);
    let quad: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
    -0.5 * (log_det + quad)
}

kernel!(
    fn reduced<'a, V: Lanes>(
        n: usize,
        a: &'a [f64],
        x: &'a [f64],
        scales: &'a [f64],
        complement: bool,
    ) -> Vec<f64> {
        let np = padded(n);
        let mut t = Tridiagonal::<V>::new(n);
        for c in 0..n {
            for i in c..n {
                t.matrix[entry(np, i, c)] = V::splat(a[i * n + c]);
            }
            t.x[c] = V::splat(x[c]);
        }
        t.reduce();
        let mut out = vec![0.0; scales.len() * V::N];
        let rest = complement.then(|| V::splat(x.iter().map(|v| v * v).sum()));
        t.log_density(scales, rest, &mut out, V::N);
        out.chunks(V::N).map(|c| c[V::N - 1]).collect()
    }
);

#[test]
fn agrees_with_gaussian_elimination_at_every_size_level_and_scale() {
    for n in [1, 2, 3, 4, 5, 7, 8, 12, 21, 44, 45, 60] {
        let f = random(1, n * n);
        let a: Vec<f64> =
            (0..n * n).map(|k| (0..n).map(|p| f[k / n * n + p] * f[k % n * n + p]).sum()).collect();
        let x = &random(1, 2 * n)[n..];
        let scales = [0.0, 1e-6, 0.1, 1.0, 30.0, 1e4, 1e8];
        at_each_level(|level| {
            let got = reduced(n, &a, x, &scales, false);
            for (got, w) in got.iter().zip(scales) {
                let want = slow(n, &a, x, w);
                let lost = w > 1e4 && got.is_nan();
                let error = (got - want).abs();
                assert!(lost || error < 1e-11 * want.abs().max(1.0), "{level:?} {n} {w}");
            }
        });
    }
}

#[test]
fn zero_rows_end_the_reduction_early_without_harm() {
    // What missing cells leave: once the rest is reduced, only rounding is left to reflect, and
    // rounding of that. The offsets are some at which reflectors have overflowed.
    for (n, from) in [(8, 5263), (20, 968), (32, 941), (44, 337), (44, 918), (44, 0)] {
        let f = &random(1, 2 * n + from)[from..];
        let present = |i: usize| f64::from(u8::from(f[n + i] > -0.3));
        let s: Vec<f64> = (0..n).map(|i| present(i) * 5.0 * f[i].exp()).collect();
        let x: Vec<f64> = (0..n).map(|i| present(i) * 9.0 * f[n - i]).collect();
        for rho in [0.0_f64, 0.4] {
            let near = |i: usize, c: usize| rho.powi(i.abs_diff(c) as i32);
            let a: Vec<f64> =
                (0..n * n).map(|k| s[k / n] * s[k % n] * near(k / n, k % n)).collect();
            let scales = [0.01, 1.0, 100.0];
            at_each_level(|level| {
                let got = reduced(n, &a, &x, &scales, false);
                for (got, w) in got.iter().zip(scales) {
                    let want = slow(n, &a, &x, w);
                    let error = (got - want).abs();
                    assert!(error < 1e-10 * want.abs(), "{level:?} {n} {from} {w}: {got}");
                }
            });
        }
    }
}

#[test]
fn a_zero_vector_and_a_zero_matrix_are_no_special_case() {
    at_each_level(|_| {
        let (a, x) = (vec![0.0; 25], vec![0.0; 5]);
        for complement in [false, true] {
            assert_eq!(reduced(5, &a, &x, &[0.0, 2.0], complement), [0.0, 0.0]);
        }
    });
}

#[test]
fn lost_digits_are_no_number_and_kept_ones_are_right() {
    for n in [2, 3, 5, 8, 21] {
        for at in [0, n / 2, n - 1] {
            for ratio in [1e2, 1e4, 1e6, 1e9, 1e30] {
                let s = |i: usize| if i == at { ratio } else { 1.0 + 0.1 * i as f64 };
                let near = |i: usize, c: usize| if i == c { 1.0 } else { 0.7 };
                let a: Vec<f64> =
                    (0..n * n).map(|k| s(k / n) * s(k % n) * near(k / n, k % n)).collect();
                let x = random(2, n);
                at_each_level(|level| {
                    let got = reduced(n, &a, &x, &[1e-70, 1.0], false);
                    let (small, want) = (slow(n, &a, &x, 1e-70), slow(n, &a, &x, 1.0));
                    let place = format!("{level:?} {n} {at} {ratio}: {got:?} {want}");
                    assert!((got[0] - small).abs() < 1e-12 * small.abs(), "{place}");
                    let right = (got[1] - want).abs() < 1e-10 * want.abs();
                    assert!(if ratio < 1e3 { right } else { right || got[1].is_nan() }, "{place}");
                    assert!(ratio < 1e8 || got[1].is_nan(), "{place}");
                });
            }
        }
    }
}
