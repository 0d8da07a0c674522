use faer::linalg::solvers::DenseSolveCore;
use faer::prelude::*;

use super::*;
use crate::linalg::lanes::{at_each_level, kernel};
use crate::linalg::psd;
use crate::testing::random;

/// Covariances of every kind: zero, one condition, rank one and two, full; with one to 19 scales.
fn priors(r: usize) -> (Vec<Mat<f64>>, Vec<Vec<f64>>) {
    let f = random(3, r * (r + 3));
    let of_rank = |rank: usize| {
        let m = MatRef::from_column_major_slice(&f[..r * rank], r, rank);
        m * m.transpose()
    };
    let single = Mat::from_fn(r, r, |i, p| f64::from(u8::from(i == p && i == r / 2)));
    let u = vec![Mat::zeros(r, r), of_rank(1), single, of_rank(r + 3), of_rank(2.min(r))];
    let grid = |n: i32| (0..n).map(|l| 0.01 * 2.0_f64.powi(l)).collect::<Vec<_>>();
    (u, vec![vec![1.0], grid(19), grid(9), grid(17), grid(3)])
}

fn noise(r: usize) -> Mat<f64> {
    let f = random(5, r * 2 * r);
    let m = MatRef::from_column_major_slice(&f, r, 2 * r);
    m * m.transpose() * Scale(1.0 / r as f64)
}

kernel!(
    /// log Bayes factors, posterior weights, mean, log Bayes factor of the mixture, E[b]'N^{-1}c
    fn whole<'a, V: Lanes>(
        grid: &'a Grid,
        shrinkage: &'a mut Shrinkage,
        c: &'a [f64],
        log_weights: &'a [f64],
        second: &'a mut SecondMoments,
    ) -> (Vec<f64>, Vec<f64>, Vec<f64>, f64, f64) {
        let mut unit = Unit::new(grid);
        let mut mean = vec![0.0; grid.rows()];
        unit.log_bayes_factors::<V>(grid, shrinkage, c);
        let log_z = unit.weigh::<V>(log_weights);
        let weight = 0.7;
        let product = unit.moments::<V>(grid, shrinkage, &mut mean, weight, Some(second));
        mean.truncate(grid.conditions());
        (unit.log_bf().to_vec(), unit.weights().to_vec(), mean, log_z, product)
    }
);

fn close(name: &str, got: f64, want: f64, scale: f64) {
    assert!((got - want).abs() <= 1e-10 * scale, "{name}: {got} {want}");
}

#[test]
fn bayes_factors_and_moments_equal_those_of_dense_algebra() {
    for (r, d) in [(1, 3.0), (2, 0.0), (2, 150.0), (5, 40.0), (9, 1e-3), (13, 30.0)] {
        let (u, scales) = priors(r);
        let n = noise(r);
        let shared = psd::whitener(n.as_ref()).unwrap().0;
        let values = |m: &Mat<f64>| (0..r * r).map(|k| m[(k % r, k / r)]).collect::<Vec<_>>();
        let factors: Vec<_> = u.iter().map(|u| psd::factor(r, &values(u), "U").unwrap()).collect();
        let basis = Eigenbasis::new(shared.as_ref(), &factors);
        let grid = Grid::new(&basis, &(0..5).collect::<Vec<_>>(), &scales);
        let x = Mat::from_fn(r, 1, |i, _| random(8, r)[i] * (0.3 + 2.0 / f64::sqrt(1.0 + d)));
        let c = &x * Scale(d);
        let t = grid.len();
        let weights: Vec<f64> = (0..t).map(|t| if t == 4 { 0.0 } else { 1.0 + t as f64 }).collect();
        // Slow, with N = LL' and K = L^{-1} V L^{-T}: S = L K (I + dK)^{-1} L', mean = S N^{-1} c.
        let l = n.llt(faer::Side::Lower).unwrap().L().to_owned();
        let whitener = l.partial_piv_lu().inverse();
        let inverse = whitener.transpose() * &whitener;
        let (mut want_bf, mut means, mut variances) = (vec![], vec![], vec![]);
        for (u, scales) in u.iter().zip(&scales) {
            for &w in scales {
                let k = &whitener * u * whitener.transpose() * Scale(w);
                let inflate = Mat::<f64>::identity(r, r) + &k * Scale(d);
                let s = &l * inflate.partial_piv_lu().solve(&k) * l.transpose();
                let mean = &s * &inverse * &c;
                let quadratic = (c.transpose() * &inverse * &mean)[(0, 0)];
                want_bf.push(0.5 * (quadratic - inflate.determinant().ln()));
                means.push(mean);
                variances.push(s);
            }
        }
        let joint: Vec<f64> = (0..t).map(|t| want_bf[t] + f64::ln(weights[t])).collect();
        let largest = joint.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = joint.iter().map(|l| (l - largest).exp()).sum();
        let posterior: Vec<f64> = joint.iter().map(|l| (l - largest).exp() / sum).collect();
        let (mut mean, mut second) = (Mat::<f64>::zeros(r, 1), Mat::<f64>::zeros(r, r));
        for t in 0..t {
            mean += &means[t] * Scale(posterior[t]);
            let m = &variances[t] + &means[t] * means[t].transpose();
            second += m * Scale(0.7 * posterior[t]);
        }
        let product = (c.transpose() * &inverse * &mean)[(0, 0)];
        let log_weights = grid.log_weights(&weights);
        let mut shrinkage = Shrinkage::new(&grid, d);
        at_each_level(|_| {
            let mut sums = SecondMoments::of_grid(&grid);
            let c: Vec<f64> = (0..r).map(|i| c[(i, 0)]).collect();
            let (log_bf, got_posterior, got_mean, log_z, got_product) =
                whole(&grid, &mut shrinkage, &c, &log_weights, &mut sums);
            for t in 0..t {
                close("log BF", log_bf[t], want_bf[t], 1.0 + want_bf[t].abs());
                close("weight", got_posterior[t], posterior[t], 1.0 + largest.abs());
            }
            close("log Z", log_z, largest + sum.ln(), 1.0 + largest.abs());
            close("product", got_product, product, 1.0 + product.abs());
            let got_second = sums.total(grid.lift());
            for i in 0..r {
                close("mean", got_mean[i], mean[(i, 0)], mean.norm_max().max(1e-3));
                for p in 0..r {
                    close("second", got_second[(i, p)], second[(i, p)], second.norm_max());
                }
            }
        });
    }
}

#[test]
fn second_moments_add_up_over_more_units_than_wait() {
    let r = 3;
    let u = Mat::<f64>::identity(r, r);
    let noise = psd::whitener(u.as_ref()).unwrap().0;
    let values: Vec<f64> = (0..9).map(|k| u[(k % 3, k / 3)]).collect();
    let factor = psd::factor(r, &values, "U").unwrap();
    let basis = Eigenbasis::new(noise.as_ref(), &[factor]);
    let grid = Grid::new(&basis, &[0], &[vec![1.0]]);
    let mut shrinkage = Shrinkage::new(&grid, 1.0);
    let mut second = SecondMoments::of_grid(&grid);
    let units = 300;
    for _ in 0..units {
        let log_weights = grid.log_weights(&[1.0]);
        let c = [1.0, 0.0, -2.0];
        whole(&grid, &mut shrinkage, &c, &log_weights, &mut second);
    }
    // mean = c / 2, variance = I / 2
    let total = second.total(grid.lift());
    let want = |i: usize, p: usize| {
        let m = [0.5, 0.0, -1.0];
        0.7 * units as f64 * (m[i] * m[p] + if i == p { 0.5 } else { 0.0 })
    };
    for i in 0..r {
        for p in 0..r {
            close("total", total[(i, p)], want(i, p), 100.0);
        }
    }
}
