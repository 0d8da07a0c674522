use super::super::reference::posterior;
use super::*;
use crate::linalg::lanes::{at_each_level, kernel};
use crate::linalg::psd::Factor;
use crate::testing::Draws;

/// A lower trapezoidal factor with some rows outside the support.
fn factor_of(rows: usize, rank: usize, support: Vec<usize>, random: &mut Draws) -> Factor {
    let mut values = vec![0.0; rows * rank];
    for (at, &i) in support.iter().enumerate() {
        for c in 0..rank.min(at + 1) {
            values[i * rank + c] = random.normal() + f64::from(u8::from(c == at)) * 2.0;
        }
    }
    Factor { rows, rank, values, support }
}

kernel!(
    fn check<'a, V: Lanes>(f: &'a Factor, w: f64, seed: u64) {
        let (r, n) = (f.rows, f.rank.div_ceil(4) * 4);
        let rows = r.div_ceil(4) * 4;
        let mut random = Draws::new(seed);
        // Per lane: 1 / s, zero where missing; every lane has its own.
        let observe = |k: usize, i: usize| r == 1 || (k + 3 * i) % 5 != 0;
        let mut precision = vec![[0.0; 8]; rows];
        let mut x = vec![[0.0; 8]; rows];
        for i in 0..r {
            for k in 0..V::N {
                precision[i][k] = if observe(k, i) { (random.normal() * 0.3).exp() } else { 0.0 };
                x[i][k] = 3.0 * random.normal();
            }
        }
        let lanes = |a: &[f64; 8]| V::load(a);
        let z: Vec<V> = (0..rows).map(|i| lanes(&precision[i]) * lanes(&x[i])).collect();
        let mut m = vec![V::splat(0.0); rows * n];
        for i in 0..r {
            for c in 0..f.rank {
                m[i * n + c] = lanes(&precision[i]) * V::splat(f.row(i)[c]);
            }
        }
        let packed = Packed::new(f);
        let mut work = Elimination::<V>::new(r, f.rank, true);
        work.prepare(n, &m, &z);
        work.factor(n, w);
        let padded = packed.groups() * 4;
        let (mut mean, mut variance) = (vec![V::splat(0.0); padded], vec![V::splat(0.0); padded]);
        work.moments(&packed, w, &mut mean, &mut variance);
        let mut covariance = vec![V::splat(0.0); r * (r + 1) / 2];
        work.covariance(&packed, w, &mut covariance);
        for k in 0..V::N {
            let dot = |i: usize, p: usize| -> f64 {
                f.row(i).iter().zip(f.row(p)).map(|(a, b)| a * b).sum()
            };
            let u: Vec<f64> = (0..r * r).map(|e| w * dot(e / r, e % r)).collect();
            let observed: Vec<usize> = (0..r).filter(|&i| observe(k, i)).collect();
            let mut noise = vec![0.0; r * r];
            for &i in &observed {
                noise[i * r + i] = precision[i][k].powi(-2);
            }
            let data: Vec<f64> = (0..r).map(|i| x[i][k]).collect();
            let (want, cov) = posterior(r, &u, &noise, &data, &observed);
            let largest = (0..r).map(|i| u[i * r + i]).fold(0.0, f64::max);
            for (at, &i) in f.support.iter().enumerate() {
                let (got, var) = (mean[at].to_array()[k], variance[at].to_array()[k]);
                assert!((got - want[i]).abs() < 1e-10 * largest.sqrt(), "mean {got} {}", want[i]);
                assert!((var - cov[i * r + i]).abs() < 1e-11 * largest, "variance");
                for &p in f.support.iter().filter(|p| **p <= i) {
                    let got = covariance[triangle(i, p)].to_array()[k];
                    assert!((got - cov[i * r + p]).abs() < 1e-11 * largest, "covariance");
                }
            }
        }
    }
);

#[test]
fn moments_are_those_of_the_dense_formulae() {
    let mut random = Draws::new(5);
    for (rows, rank, skip) in [
        (1, 1, 9),
        (2, 2, 9),
        (3, 1, 9),
        (5, 5, 9),
        (5, 3, 2),
        (7, 4, 9),
        (12, 12, 9),
        (12, 5, 4),
        (21, 21, 9),
        (21, 17, 6),
        (44, 44, 90),
        (44, 10, 5),
        (45, 45, 90),
    ] {
        let support = (0..rows).filter(|i| i % skip != skip - 1).collect();
        let f = factor_of(rows, rank, support, &mut random);
        for w in [0.09, 4.0] {
            at_each_level(|_| check(&f, w, 11));
        }
    }
}

kernel!(
    fn strong<V: Lanes>() -> (f64, f64) {
        let f = Factor {
            rows: 2,
            rank: 2,
            values: vec![1.0, 0.0, 0.5, 0.75_f64.sqrt()],
            support: vec![0, 1],
        };
        let packed = Packed::new(&f);
        let zero = V::splat(0.0);
        let mut m = vec![zero; 16];
        for i in 0..2 {
            for c in 0..2 {
                m[i * 4 + c] = V::splat(f.row(i)[c]);
            }
        }
        let mut work = Elimination::<V>::new(2, 2, false);
        work.prepare(4, &m, &[V::splat(1e8), V::splat(1e8), zero, zero]);
        work.factor(4, 1.0);
        let (mut mean, mut variance) = ([zero; 4], [zero; 4]);
        work.moments(&packed, 1.0, &mut mean, &mut variance);
        (mean[0].to_array()[0], variance[1].to_array()[0])
    }
);

#[test]
fn effects_of_1e8_standard_errors_shrink_as_small_ones_do() {
    // U has eigenvalue 1.5 along (1, 1): mean 0.6 x; variance (1.5/2.5 + 0.5/1.5) / 2 = 7/15.
    at_each_level(|_| {
        let (mean, variance) = strong();
        assert!((mean / 6e7 - 1.0).abs() < 1e-14 && (variance - 7.0 / 15.0).abs() < 1e-15);
    });
}
