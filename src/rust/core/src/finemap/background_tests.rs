use faer::linalg::solvers::Solve;
use faer::{Mat, Side};

use super::tests::{Case, case, options};
use super::*;
use crate::Monitor;
use crate::noise::Structure;
use crate::normal_means::problem::LOG_2_PI;
use crate::predictors::{Background, Products, Region};

fn products(case: &Case) -> Products {
    let (x, y) = (&case.x, &case.y);
    let (xtx, xty, yty) = (x.transpose() * x, x.transpose() * y, y.transpose() * y);
    Products { xtx, xty, yty, samples: x.nrows() as f64 }
}

fn beside(case: &Case, known: bool) -> Background {
    let factors = case.prior().size.factors;
    Background::new(&products(case), 1e-9, (case.v.clone(), known), &factors, 1e9).unwrap()
}

/// The covariance of all cells, sample by sample, without effects.
fn covariance(case: &Case, omega: &Mat<f64>) -> Mat<f64> {
    let (n, p, r) = (case.x.nrows(), case.x.ncols(), case.y.ncols());
    let k = &case.x * case.x.transpose();
    Mat::from_fn(n * r, n * r, |a, b| {
        let ((i, c), (q, d)) = ((a / r, a % r), (b / r, b % r));
        let noise = if i == q { case.v[(c, d)] } else { 0.0 };
        noise + k[(i, q)] * omega[(c, d)] / p as f64
    })
}

fn cells(case: &Case) -> Mat<f64> {
    let r = case.y.ncols();
    Mat::from_fn(case.y.nrows() * r, 1, |a, _| case.y[(a / r, a % r)])
}

fn log_density(cov: &Mat<f64>, y: &Mat<f64>) -> f64 {
    let llt = cov.llt(Side::Lower).unwrap();
    let log_det: f64 = (0..y.nrows()).map(|i| 2.0 * llt.L()[(i, i)].ln()).sum();
    let square = (y.transpose() * llt.solve(y))[(0, 0)];
    -0.5 * (y.nrows() as f64 * LOG_2_PI + log_det + square)
}

fn some_omega(r: usize) -> Mat<f64> {
    Mat::from_fn(r, r, |i, c| if i == c { 0.8 + i as f64 } else { 0.3 })
}

#[test]
fn one_effect_beside_a_background_is_exact() {
    // More samples than variables, and fewer.
    for (n, p) in [(14, 6), (6, 11)] {
        let case = case(n as u64, n, p, 2);
        let (omega, prior) = (some_omega(2), case.prior());
        let mut region = beside(&case, true);
        region.set_variances(case.v.clone(), omega.clone()).unwrap();
        let once = Options { max_iter: 1, ..options(1, ScaleRule::Fixed) };
        let found = fit(&mut region, &prior, &once, &[], &Monitor::default()).unwrap();
        let (none, y) = (covariance(&case, &omega), cells(&case));
        let mut joint = Vec::new();
        for j in 0..p {
            for (u, w) in case.us.iter().zip(&case.weights) {
                let with = Mat::from_fn(2 * n, 2 * n, |a, b| {
                    let x = case.x[(a / 2, j)] * case.x[(b / 2, j)];
                    none[(a, b)] + 0.6 * x * u[(a % 2, b % 2)]
                });
                joint.push(log_density(&with, &y) + (w * case.place[j]).ln());
            }
        }
        let top = joint.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total = top + joint.iter().map(|l| (l - top).exp()).sum::<f64>().ln();
        let bound = found.ended.last();
        assert!((bound - total).abs() < 1e-9 * total.abs(), "{bound} {total}");
        for j in 0..p {
            let k = case.us.len();
            let alpha: f64 = (0..k).map(|i| (joint[j * k + i] - total).exp()).sum();
            assert!((found.effects[0].alpha[j] - alpha).abs() < 1e-9);
        }
    }
}

#[test]
fn effects_of_the_background_are_its_posterior_means() {
    let case = case(5, 10, 7, 2);
    let omega = some_omega(2);
    let mut region = beside(&case, true);
    region.set_variances(case.v.clone(), omega.clone()).unwrap();
    let got = region.effects(Mat::zeros(7, 2).as_ref());
    let solved = covariance(&case, &omega).llt(Side::Lower).unwrap().solve(&cells(&case));
    for j in 0..7 {
        for r in 0..2 {
            let of = |a: usize| case.x[(a / 2, j)] * omega[(r, a % 2)] / 7.0 * solved[(a, 0)];
            let want: f64 = (0..20).map(of).sum();
            assert!((got[(j, r)] - want).abs() < 1e-10, "{} {want}", got[(j, r)]);
        }
    }
}

#[test]
fn no_background_is_the_fit_of_the_region() {
    let case = case(21, 40, 9, 3);
    let once = Options { max_iter: 1, ..options(3, ScaleRule::Optim) };
    let (plain, _) = case.fit(case.rows(), &once);
    let prior = case.prior();
    let mut region = beside(&case, true);
    let found = fit(&mut region, &prior, &once, &[], &Monitor::default()).unwrap();
    assert!((found.ended.last() - plain.ended.last()).abs() < 1e-8 * plain.ended.last().abs());
    for (a, b) in found.effects.iter().zip(&plain.effects) {
        assert!((a.scale - b.scale).abs() < 1e-5 * b.scale.max(1e-9));
        assert!(a.alpha.iter().zip(&b.alpha).all(|(x, y)| (x - y).abs() < 1e-5));
    }
}

#[test]
fn a_background_never_lowers_the_bound() {
    for r in [1, 3] {
        let mut case = case(9, 60, 20, r);
        // Small effects of all variables.
        let g = crate::testing::random(3, 20 * r);
        let g = Mat::from_fn(20, r, |j, c| 0.4 * g[j * r + c]);
        case.y += &case.x * g;
        let monitor = Monitor::default();
        let with = Options { tol: 1e-4, max_iter: 300, ..options(5, ScaleRule::Optim) };
        for known in [true, false] {
            let residual = match known {
                true => Structure::Known,
                false => Structure::Full,
            };
            let (plain, _) = case.fit(case.rows(), &Options { residual, ..with });
            let prior = case.prior();
            let mut region = beside(&case, known);
            let found = fit_background(&mut region, &prior, &with, &[], &monitor).unwrap();
            let gain = found.ended.last() - plain.ended.last();
            assert!(gain > 1.0, "{r} {known}: {gain}");
            let falls = found.ended.trace.windows(2).map(|e| e[0] - e[1]).fold(0.0, f64::max);
            assert!(falls < 1e-5, "{r} {known}: {falls} {:?}", found.ended.trace);
            let (v, omega) = region.variances().unwrap();
            assert!((0..r).all(|i| omega[(i, i)] > 0.0 && v[(i, i)] > 0.0));
            let near = &v - &case.v;
            assert_eq!(known, near.norm_max() == 0.0);
        }
    }
}
