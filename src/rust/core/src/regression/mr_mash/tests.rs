use faer::prelude::*;

use super::design::{CrossProducts, Summaries};
use super::*;
use crate::linalg::psd;
use crate::normal_means::testing::random;
use crate::{Monitor, with_threads};

/// A small regression: X and Y, and a prior with a zero matrix, two of rank one, and a full one.
struct Case {
    x: Mat<f64>,
    y: Mat<f64>,
    prior: MatrixPrior,
}

fn case(seed: u64, n: usize, p: usize, r: usize) -> Case {
    let noise = random(seed, n * (p + r) + p * r);
    let x = Mat::from_fn(n, p, |i, j| {
        let own = noise[i * p + j];
        // Neighbours are correlated.
        if j > 0 { 0.6 * noise[i * p + j - 1] + own } else { own }
    });
    let effect = |j: usize, c: usize| if j % 3 == 0 { noise[n * (p + r) + j * r + c] } else { 0.0 };
    let b = Mat::from_fn(p, r, effect);
    let e = Mat::from_fn(n, r, |i, c| noise[n * p + i * r + c] + 0.5 * noise[n * p + i * r]);
    let y = &x * &b + e;
    let u = |kind: usize| -> Vec<f64> {
        let entry = |k: usize| match kind {
            0 => 0.0,
            1 => 1.0,
            2 => f64::from(u8::from(k == 0)),
            _ => f64::from(u8::from(k % r == k / r)) + 0.3,
        };
        (0..r * r).map(entry).collect()
    };
    let factors = (0..4).map(|k| psd::factor(r, &u(k), "U").unwrap()).collect();
    let grid = vec![0.01, 0.1, 1.0];
    let scales = vec![vec![1.0], grid.clone(), grid.clone(), grid];
    Case { x, y, prior: MatrixPrior { conditions: r, factors, scales } }
}

fn options(weights: WeightUpdate, max_iter: usize, penalty: &[f64]) -> Options<'_> {
    Options { weights, penalty, threshold: 0.0, tol: 0.0, tol_weights: 0.0, max_iter }
}

fn individual(case: &Case, intercept: bool, standardize: bool) -> Individual {
    let order: Vec<usize> = (0..case.x.ncols()).collect();
    let layout = Layout { order: &order, intercept, standardize };
    Individual::new(case.x.as_ref(), case.y.as_ref(), layout, None)
}

fn rises(trace: &[f64]) -> bool {
    trace.windows(2).all(|t| t[1] >= t[0] - 1e-9 * (1.0 + t[0].abs()))
}

#[test]
fn the_bound_never_falls_in_any_mode() {
    let structures = [
        Structure::Known,
        Structure::Diagonal,
        Structure::Full,
        Structure::LowRank { rank: 1, plugin: false },
        Structure::Factors { rank: 1 },
    ];
    let updates = [WeightUpdate::Fixed, WeightUpdate::Em, WeightUpdate::Convex];
    let monitor = Monitor::default();
    for seed in 0..200_u64 {
        let mut case = case(seed, 20 + seed as usize % 17, 4 + seed as usize % 9, 3);
        let missing = seed % 4 == 1;
        if missing {
            for (i, c) in [(0, 0), (1, 0), (1, 2), (5, 1), (9, 0), (9, 1), (9, 2)] {
                case.y[(i, c)] = f64::NAN;
            }
        }
        let t = case.prior.len();
        let weights = vec![1.0 / t as f64; t];
        let penalty = vec![if seed % 5 == 0 { 1.5 } else { 1.0 }; t];
        for (at, &structure) in structures.iter().enumerate() {
            let update = updates[(seed as usize + at) % 3];
            let mut design = individual(&case, seed % 7 != 0, seed % 2 == 0);
            let v = design.covariance().unwrap();
            let residual = Residual::start(structure, v.as_ref());
            let start = Start { weights: &weights, residual, coefficients: None };
            let found =
                fit(&mut design, &case.prior, start, &options(update, 12, &penalty), &monitor);
            let trace = found.unwrap().trace;
            assert!(rises(&trace), "seed {seed}, {structure:?}, {update:?}: {trace:?}");
        }
    }
}

#[test]
fn cross_products_give_the_fit_of_individual_data() {
    let case = case(3, 60, 150, 3);
    let monitor = Monitor::default();
    let t = case.prior.len();
    let (weights, penalty) = (vec![1.0 / t as f64; t], vec![1.0; t]);
    let mut design = individual(&case, false, false);
    let v = Mat::<f64>::identity(3, 3);
    let start = |v: &Mat<f64>| Start {
        weights: &weights,
        residual: Residual::start(Structure::Diagonal, v.as_ref()),
        coefficients: None,
    };
    let options = options(WeightUpdate::Em, 10, &penalty);
    let want = fit(&mut design, &case.prior, start(&v), &options, &monitor).unwrap();
    let xtx = case.x.transpose() * &case.x;
    let p = xtx.ncols();
    let mut sparse = (vec![0], Vec::new(), Vec::new());
    for j in 0..p {
        for i in 0..p {
            sparse.1.push(i);
            sparse.2.push(xtx[(i, j)]);
        }
        sparse.0.push(sparse.1.len());
    }
    let sparse = CrossProducts::Sparse { starts: sparse.0, rows: sparse.1, values: sparse.2 };
    for cross in [CrossProducts::Dense(xtx), sparse] {
        let xty = case.y.transpose() * &case.x;
        let yty = case.y.transpose() * &case.y;
        let mut design = Summaries::new(60.0, cross, xty, yty, None);
        let got = fit(&mut design, &case.prior, start(&v), &options, &monitor).unwrap();
        assert!((&got.mean - &want.mean).norm_max() < 1e-10);
        assert!((got.elbo - want.elbo).abs() < 1e-8);
        assert!((&got.residual.covariance - &want.residual.covariance).norm_max() < 1e-10);
    }
}

#[test]
fn start_values_are_where_the_fit_begins() {
    let case = case(5, 40, 70, 3);
    let monitor = Monitor::default();
    let t = case.prior.len();
    let (weights, penalty) = (vec![1.0 / t as f64; t], vec![1.0; t]);
    let v = Mat::<f64>::identity(3, 3);
    let run = |steps: usize, from: Option<&Fit>| {
        let order: Vec<usize> = (0..70).collect();
        let layout = Layout { order: &order, intercept: true, standardize: true };
        let b = from.map(|f| f.mean.as_ref());
        let mut design = Individual::new(case.x.as_ref(), case.y.as_ref(), layout, b);
        let residual = Residual::start(Structure::Known, v.as_ref());
        let start = Start { weights: &weights, residual, coefficients: b };
        let options = options(WeightUpdate::Fixed, steps, &penalty);
        fit(&mut design, &case.prior, start, &options, &monitor).unwrap()
    };
    let first = run(4, None);
    let both = run(7, None);
    let second = run(3, Some(&first));
    assert!((&second.mean - &both.mean).norm_max() < 1e-12);
    assert!((second.elbo - both.elbo).abs() < 1e-9);
}

#[test]
fn threads_and_stopping() {
    let case = case(9, 700, 130, 12);
    let t = case.prior.len();
    let (weights, penalty) = (vec![1.0 / t as f64; t], vec![1.0; t]);
    let run = |threads: usize, poll: bool| {
        let monitor = Monitor::default();
        with_threads(
            threads,
            &monitor,
            |_| poll,
            || {
                let mut design = individual(&case, true, true);
                let v = design.covariance()?;
                let residual = Residual::start(Structure::Full, v.as_ref());
                let start = Start { weights: &weights, residual, coefficients: None };
                // It never converges where nobody lets it go on.
                let (steps, tol) = if poll { (4, 0.0) } else { (usize::MAX, -1.0) };
                let options = Options { tol, ..options(WeightUpdate::Em, steps, &penalty) };
                fit(&mut design, &case.prior, start, &options, &monitor)
            },
        )
    };
    let (one, two) = (run(1, true).unwrap(), run(2, true).unwrap());
    assert!(one.mean == two.mean && one.trace == two.trace);
    assert!(run(1, false).err() == Some(crate::Error::Interrupted));
}
