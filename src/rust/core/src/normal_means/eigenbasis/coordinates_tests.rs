use super::*;
use crate::linalg::psd;
use crate::normal_means::problem::{BLOCK, LOG_2_PI};
use faer::Side;
use faer::linalg::solvers::Solve;

/// A number that looks random, in (-1, 1).
fn noise(seed: usize) -> f64 {
    let x = (seed as f64 * 12.9898 + 4.1).sin() * 43758.5453;
    2.0 * (x - x.floor()) - 1.0
}

fn psd_matrix(r: usize, rank: usize, seed: usize) -> Mat<f64> {
    let f = Mat::from_fn(r, rank, |i, c| noise(seed + 31 * i + 7 * c));
    &f * f.transpose()
}

fn factor(u: &Mat<f64>) -> Factor {
    let r = u.nrows();
    let values: Vec<f64> = (0..r * r).map(|i| u[(i % r, i / r)]).collect();
    psd::factor(r, &values, "U").unwrap()
}

fn log_density(x: &Mat<f64>, c: &Mat<f64>) -> f64 {
    let llt = c.llt(Side::Lower).unwrap();
    let log_det: f64 = (0..c.nrows()).map(|i| 2.0 * llt.L()[(i, i)].ln()).sum();
    let q = (x.transpose() * llt.solve(x))[(0, 0)];
    -0.5 * (c.nrows() as f64 * LOG_2_PI + log_det + q)
}

struct Case {
    v: Mat<f64>,
    us: Vec<Mat<f64>>,
    weights: Vec<f64>,
    d: Vec<f64>,
    bhat: Mat<f64>,
    basis: Eigenbasis,
    coordinates: Coordinates,
}

/// Units of noise `V / d_j`; more than one block of them.
fn case(equal: bool) -> Case {
    let (r, units) = (3, 245);
    let mut v = psd_matrix(r, r, 5);
    (0..r).for_each(|i| v[(i, i)] += 0.3);
    let us = vec![psd_matrix(r, 3, 1), psd_matrix(r, 1, 2), Mat::zeros(r, r), psd_matrix(r, 2, 9)];
    let weights = vec![0.4, 0.3, 0.1, 0.2];
    let d: Vec<f64> = (0..units).map(|j| if equal { 6.0 } else { 5.0 + 3.0 * noise(j) }).collect();
    let bhat = Mat::from_fn(units, r, |j, c| 2.0 * noise(1000 + 3 * j + c));
    let (w, _) = psd::whitener(v.as_ref()).unwrap();
    let factors: Vec<Factor> = us.iter().map(factor).collect();
    let basis = Eigenbasis::whitened(w.as_ref(), &factors);
    let z = &bhat * w.transpose();
    let z = Mat::from_fn(units, r, |j, c| z[(j, c)] * d[j].sqrt());
    let lambda = if equal {
        Lambda::Common(basis.lambda.iter().map(|l| l * 6.0).collect())
    } else {
        let block = |b: usize| {
            let range = block_range(units, b);
            let rows = padded(range.len());
            let cell = |i: usize| {
                let j = range.start + i % rows;
                if j < range.end { basis.lambda[i / rows] * d[j] } else { 0.0 }
            };
            (0..rows * basis.lambda.len()).map(cell).collect()
        };
        Lambda::ByUnit((0..2).map(block).collect())
    };
    let mut coordinates = Coordinates::new(units, basis.starts.clone(), lambda);
    coordinates.fill(z.as_ref(), basis.project.as_ref());
    Case { v, us, weights, d, bhat, basis, coordinates }
}

#[test]
fn log_bayes_factors_are_ratios_of_densities() {
    for equal in [true, false] {
        let c = case(equal);
        let log_weights: Vec<f64> = c.weights.iter().map(|w| w.ln()).collect();
        for s in [0.01, 0.7, 30.0] {
            let mut out = LogBayes::default();
            c.coordinates.log_bayes(s, &log_weights, &mut out);
            let several = c.coordinates.mixtures(&[9.0, s, 0.1, 1.0, 2.0, s], &log_weights);
            for (a, b) in
                several[1].iter().zip(&out.mixture).chain(several[5].iter().zip(&out.mixture))
            {
                assert!((a - b).abs() < 1e-12);
            }
            for j in 0..c.d.len() {
                let noise = &c.v * (1.0 / c.d[j]);
                let x = c.bhat.row(j).transpose().to_owned();
                let x = Mat::from_fn(3, 1, |i, _| x[i]);
                let null = log_density(&x, &noise);
                let mut total = 0.0;
                for (k, u) in c.us.iter().enumerate() {
                    let want = log_density(&x, &(&noise + u * s)) - null;
                    let rows = padded(block_range(245, j / BLOCK).len());
                    let got = out.components[j / BLOCK][k * rows + j % BLOCK];
                    assert!((got - want).abs() < 1e-10, "unit {j}, component {k}: {got} {want}");
                    total += c.weights[k] * want.exp();
                }
                assert!((out.mixture[j] - total.ln()).abs() < 1e-10);
            }
        }
    }
}

#[test]
fn posterior_sums_are_those_of_dense_formulas() {
    let s = 0.8;
    for equal in [true, false] {
        let c = case(equal);
        let (w, _) = psd::whitener(c.v.as_ref()).unwrap();
        for rows in [vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9], vec![3, 17, 200]] {
            let n = rows.len();
            let alpha: Vec<f64> = rows.iter().map(|&j| 0.1 + (j % 7) as f64).collect();
            let weights: Vec<f64> = (0..4 * n).map(|i| 0.05 + (i % 5) as f64).collect();
            let chosen = Selection { rows: &rows, alpha: &alpha, weights: &weights };
            let (sums, coefficients) = c.coordinates.moments(0, s, &chosen);
            let second = c.coordinates.second(0, s, &chosen, &c.basis);
            let m = c.basis.lambda.len();
            let coefficients = MatRef::from_column_major_slice(&coefficients, n, m);
            let means = coefficients * &c.basis.project;
            let mut want = Sums::default();
            let mut want_second = Mat::<f64>::zeros(3, 3);
            for (a, &j) in rows.iter().enumerate() {
                let noise = &c.v * (1.0 / c.d[j]);
                let x = Mat::from_fn(3, 1, |i, _| c.bhat[(j, i)]);
                let mut mean = Mat::<f64>::zeros(3, 1);
                for (k, u) in c.us.iter().enumerate() {
                    let prior = u * s;
                    let gain = (&noise + &prior).llt(Side::Lower).unwrap();
                    let m = &prior * gain.solve(&x);
                    let cov = &prior - &prior * gain.solve(&prior);
                    let moment = (&cov + &m * m.transpose()) * c.d[j];
                    let q = weights[k * n + a];
                    mean += &m * q;
                    let moment = &w * moment * w.transpose();
                    want_second += &moment * (alpha[a] * q);
                    want.size += alpha[a] * q * (0..3).map(|i| moment[(i, i)]).sum::<f64>();
                    let score = (&w * &x) * c.d[j];
                    want.fit += alpha[a] * q * ((&w * &m).transpose() * score)[(0, 0)];
                    let rank = factor(u).rank;
                    want.rank += alpha[a] * q * rank as f64;
                    if rank > 0 {
                        // E ||F^+ b||^2 by the pseudo-inverse.
                        let eigen = u.self_adjoint_eigen(Side::Lower).unwrap();
                        let (values, q_k) = (eigen.S().column_vector(), eigen.U());
                        let raw = &cov + &m * m.transpose();
                        for i in (3 - rank)..3 {
                            let e = q_k.col(i);
                            want.spread += alpha[a] * q * (e.transpose() * &raw * e) / values[i];
                        }
                    }
                }
                let mean = (&w * mean) * c.d[j].sqrt();
                for i in 0..3 {
                    assert!((means[(a, i)] - mean[(i, 0)]).abs() < 1e-10);
                }
            }
            for (got, want) in [
                (sums.fit, want.fit),
                (sums.size, want.size),
                (sums.spread, want.spread),
                (sums.rank, want.rank),
            ] {
                assert!((got - want).abs() < 1e-8 * want.abs(), "{got} {want}");
            }
            assert!((&second - &want_second).norm_l2() < 1e-9 * want_second.norm_l2());
        }
    }
}
