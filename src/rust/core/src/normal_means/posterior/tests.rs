use super::super::testing::{Case, cases};
use super::reference::posterior as slow_component;
use super::*;
use crate::testing::random;

/// All results of one call.
#[derive(Debug, Clone, PartialEq)]
struct Results {
    tables: Vec<Vec<f64>>,
    covariance: Option<Vec<f64>>,
}

fn run(case: &Case, level: Level, weights: &[f64], active: &[usize], covariance: bool) -> Results {
    let means = NormalMeans::new(case.data()).unwrap();
    let cells = case.j * case.r;
    let mut t = vec![vec![f64::NAN; cells]; 6];
    let mut cov = covariance.then(|| vec![f64::NAN; cells * case.r]);
    let [mean, sd, lfdr, negative, positive, lfsr] = &mut t[..] else { unreachable!() };
    let out =
        Posterior { mean, sd, lfdr, negative, positive, lfsr, covariance: cov.as_deref_mut() };
    let weights = Weights { active, values: weights };
    let scale = scale_of(case);
    let prior = case.prior();
    posterior_at(level, &means, &prior, weights, (Some(&scale), None), out, &Monitor::default())
        .unwrap();
    Results { tables: t, covariance: cov }
}

fn scale_of(case: &Case) -> Vec<f64> {
    case.scale(77)
}

/// Random weights on some components, by columns; rows sum to one, and are all different.
fn weights_of(case: &Case) -> (Vec<usize>, Vec<f64>) {
    let total = case.prior().len();
    let active: Vec<usize> = (0..total).filter(|p| p % 4 != 2 || *p == 2).collect();
    let mut w: Vec<f64> = random(3, case.j * active.len());
    for (i, w) in w.iter_mut().enumerate() {
        *w = if *w < 0.0 && i >= case.j { 0.0 } else { w.abs().powi(3) + 1e-9 };
    }
    for j in 0..case.j {
        let sum: f64 = w.iter().skip(j).step_by(case.j).sum();
        w.iter_mut().skip(j).step_by(case.j).for_each(|w| *w /= sum);
    }
    (active, w)
}

/// `P(N(0, 1) < x)`, by Simpson's rule.
fn phi(x: f64) -> f64 {
    let n = 2000;
    let h = x.abs().min(9.0) / f64::from(n);
    let f = |i: u32| (-0.5 * (f64::from(i) * h).powi(2)).exp();
    let odd: f64 = (1..n).step_by(2).map(f).sum();
    let even: f64 = (2..n).step_by(2).map(f).sum();
    let half = h / 3.0 * (f(0) + f(n) + 4.0 * odd + 2.0 * even) / std::f64::consts::TAU.sqrt();
    if x < 0.0 { 0.5 - half } else { 0.5 + half }
}

/// Mean, second moment, zero, negative and covariance of one unit, straight from the definitions.
fn slow(case: &Case, unit: usize, active: &[usize], weights: &[f64]) -> (Vec<[f64; 4]>, Vec<f64>) {
    let (r, prior) = (case.r, case.prior());
    let observed = case.observed(unit);
    let mut noise = vec![0.0; r * r];
    for &i in &observed {
        for &p in &observed {
            noise[i * r + p] = case.noise(unit, i, p);
        }
    }
    let x: Vec<f64> = (0..r).map(|i| case.x[i * case.j + unit]).collect();
    let mut cells = vec![[0.0; 4]; r];
    let mut second = vec![0.0; r * r];
    for (a, &p) in active.iter().enumerate() {
        let g = weights[a * case.j + unit];
        let component = prior.locate(p);
        let u: Vec<f64> = (0..r * r).map(|k| case.covariance(component, k / r, k % r)).collect();
        let (mean, cov) = slow_component(r, &u, &noise, &x, &observed);
        for i in 0..r {
            cells[i][0] += g * mean[i];
            if u[i * r + i] == 0.0 {
                cells[i][2] += g;
            } else {
                cells[i][3] += g * phi(-mean[i] / cov[i * r + i].sqrt());
            }
            for q in 0..r {
                second[i * r + q] += g * (cov[i * r + q] + mean[i] * mean[q]);
            }
        }
    }
    for i in 0..r {
        for q in 0..r {
            second[i * r + q] -= cells[i][0] * cells[q][0];
        }
        cells[i][1] = second[i * r + i].max(0.0).sqrt();
    }
    (cells, second)
}

fn check(case: &Case, results: &Results, active: &[usize], weights: &[f64], units: &[usize]) {
    let scale = scale_of(case);
    let (j, r) = (case.j, case.r);
    for &unit in units {
        let (want, cov) = slow(case, unit, active, weights);
        for i in 0..r {
            let at = i * j + unit;
            let got: Vec<f64> = results.tables.iter().map(|t| t[at]).collect();
            let s = scale[at];
            let [mean, sd, zero, negative] = want[i];
            let size = mean.abs() + sd + 1.0;
            let place = || format!("{} unit {unit} condition {i}: {got:?} {want:?}", case.name);
            assert!((got[0] - s * mean).abs() < 1e-9 * s * size, "mean, {}", place());
            assert!((got[1] - s * sd).abs() < 1e-7 * s * size, "sd, {}", place());
            assert!((got[2] - zero).abs() < 1e-13, "lfdr, {}", place());
            assert!((got[3] - negative).abs() < 1e-9, "negative, {}", place());
            assert!((got[2] + got[3] + got[4] - 1.0).abs() < 1e-13, "total, {}", place());
            assert!((got[5] - got[2] - got[3].min(got[4])).abs() < 1e-15, "lfsr, {}", place());
            if let Some(covariance) = &results.covariance {
                for q in 0..r {
                    let got = covariance[unit * r * r + i * r + q];
                    let want = s * scale[q * j + unit] * cov[i * r + q];
                    let size = size * (cov[q * r + q].abs().sqrt() + 1.0) * s * 4.0;
                    assert!((got - want).abs() < 1e-8 * size, "covariance {}", place());
                }
            }
        }
    }
}

#[test]
fn every_kind_of_noise_and_component_agrees_with_the_definitions() {
    for case in cases() {
        let (active, weights) = weights_of(&case);
        // The last unit too, which is in a batch that is not full.
        let few = if case.r > 20 { 4 } else { 12 };
        let mut units: Vec<usize> = (0..case.j.min(few)).collect();
        units.push(case.j - 1);
        for level in Level::available() {
            let results = run(&case, level, &weights, &active, case.r < 20);
            check(&case, &results, &active, &weights, &units);
            units.truncate(2); // the other levels share all but the lanes
        }
    }
}

/// `units` units of one condition block, three conditions, with some cells missing.
fn blocks(units: usize, v: Option<Vec<f64>>) -> Case {
    let r = 3;
    let mut x: Vec<f64> = random(21, units * r).iter().map(|v| 4.0 * v).collect();
    let s = random(22, units * r).iter().map(|v| (0.5 * v).exp()).collect();
    x.iter_mut().step_by(5).for_each(|x| *x = f64::NAN);
    let identity = (0..9).map(|k| f64::from(u8::from(k % 4 == 0))).collect();
    let matrices = vec![identity, vec![1.0; 9]];
    let name = format!("{units} units");
    Case { name, j: units, r, x, s, v, matrices, grid: vec![0.5, 2.0] }
}

const V3: [f64; 9] = [1.0, 0.5, 0.2, 0.5, 1.0, 0.3, 0.2, 0.3, 1.0];

#[test]
fn blocks_and_batches_of_any_size_are_complete() {
    for units in [1, 7, 8, 9, 239, 240, 241, 257] {
        for v in [None, Some(V3.to_vec())] {
            let case = blocks(units, v);
            let (active, weights) = weights_of(&case);
            let all: Vec<usize> = (0..units).collect();
            let results = run(&case, level(), &weights, &active, true);
            check(&case, &results, &active, &weights, &all);
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    for v in [None, Some(V3.to_vec())] {
        let case = blocks(1000, v);
        let (active, weights) = weights_of(&case);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run(&case, level(), &weights, &active, true))
        };
        assert_eq!(on(1), on(2));
    }
}

#[test]
fn reversing_the_units_reverses_the_results_bit_by_bit() {
    for v in [None, Some(V3.to_vec())] {
        let mut case = blocks(260, v);
        let (active, mut weights) = weights_of(&case);
        let scale_free = |case: &Case, weights: &[f64]| {
            let results = run(case, level(), weights, &active, false);
            results.tables[2..].to_vec() // all but those that are scaled unit by unit
        };
        let mut forward = scale_free(&case, &weights);
        let reverse = |table: &mut Vec<f64>| table.chunks_exact_mut(260).for_each(<[f64]>::reverse);
        [&mut case.x, &mut case.s, &mut weights].into_iter().for_each(reverse);
        forward.iter_mut().for_each(reverse);
        assert_eq!(scale_free(&case, &weights), forward);
    }
}

#[test]
fn weights_that_are_not_weights_are_refused() {
    let case = blocks(9, None);
    let data = super::super::Data {
        units: 9,
        conditions: 3,
        x: &case.x,
        s: &case.s,
        v: case.correlation(),
    };
    let means = NormalMeans::new(data).unwrap();
    let prior = case.prior();
    let refused = |active: &[usize], values: &[f64]| {
        let mut t = vec![vec![0.0; 27]; 6];
        let [mean, sd, lfdr, negative, positive, lfsr] = &mut t[..] else { unreachable!() };
        let out = Posterior { mean, sd, lfdr, negative, positive, lfsr, covariance: None };
        let weights = Weights { active, values };
        posterior(&means, &prior, weights, None, None, out, &Monitor::default()).is_err()
    };
    assert!(!refused(&[1], &[1.0; 9]));
    assert!(refused(&[1], &[1.0; 8]));
    assert!(refused(&[prior.len()], &[1.0; 9]));
    assert!(refused(&[1], &[f64::NAN; 9]));
    assert!(refused(&[1], &[-1.0; 9]));
}
