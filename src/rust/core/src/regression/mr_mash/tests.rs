use faer::prelude::*;

use super::*;
use crate::linalg::psd;
use crate::noise::{Residual, Structure};
use crate::predictors::{Compressed, Dense, Gram, Predictors, Responses, Sparse, Symmetric};
use crate::testing::{STRUCTURES, random};
use crate::weights::WeightUpdate;
use crate::{Monitor, Prior, with_threads};

/// A small regression: X and Y, and a prior with a zero matrix, two of rank one, and a full one.
struct Case {
    x: Mat<f64>,
    y: Mat<f64>,
    prior: Prior,
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
    Case { x, y, prior: Prior::scaled(r, factors, scales, false).unwrap() }
}

fn options(weights: WeightUpdate, max_iter: usize, penalty: &[f64]) -> Options<'_> {
    Options { weights, penalty, threshold: 0.0, tol: 0.0, tol_weights: 0.0, max_iter }
}

/// The constant column, if there is an intercept.
fn basis(n: usize, intercept: bool) -> Vec<f64> {
    if intercept { vec![1.0 / (n as f64).sqrt(); n] } else { Vec::new() }
}

fn individual(case: &Case, intercept: bool, standardize: bool) -> Responses<Dense<'static>> {
    from(case, intercept, standardize, None)
}

fn from(
    case: &Case,
    intercept: bool,
    standardize: bool,
    coefficients: Option<MatRef<'_, f64>>,
) -> Responses<Dense<'static>> {
    let (n, p) = (case.x.nrows(), case.x.ncols());
    let x = (0..n * p).map(|k| case.x[(k % n, k / n)]).collect();
    let basis = basis(n, intercept);
    let x = Dense::new(x, n, &basis, standardize, &Monitor::default()).unwrap();
    Responses::new(x, &basis, case.y.as_ref(), coefficients)
}

fn initial(design: &mut Responses<impl Predictors>, r: usize) -> Mat<f64> {
    design.covariance(Mat::<f64>::zeros(r, 0).as_ref()).unwrap()
}

fn rises(trace: &[f64]) -> bool {
    trace.windows(2).all(|t| t[1] >= t[0] - 1e-9 * (1.0 + t[0].abs()))
}

#[test]
fn the_bound_never_falls_in_any_mode() {
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
        let penalty = vec![if seed % 5 == 0 { 1.5 } else { 1.0 }; t];
        for (at, &structure) in STRUCTURES.iter().enumerate() {
            let update = updates[(seed as usize + at) % 3];
            let mut design = individual(&case, seed % 7 != 0, seed % 2 == 0);
            let v = initial(&mut design, 3);
            let residual = Residual::start(structure, v.as_ref());
            let start = Start { residual, coefficients: None };
            let found =
                fit(&mut design, &case.prior, start, &options(update, 12, &penalty), &monitor);
            let trace = found.unwrap().ended.trace;
            assert!(rises(&trace), "seed {seed}, {structure:?}, {update:?}: {trace:?}");
        }
    }
}

#[test]
fn cross_products_give_the_fit_of_individual_data() {
    let case = case(3, 60, 150, 3);
    let monitor = Monitor::default();
    let t = case.prior.len();
    let penalty = vec![1.0; t];
    let mut design = individual(&case, false, false);
    let v = Mat::<f64>::identity(3, 3);
    let start = |v: &Mat<f64>| Start {
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
    let sparse = Compressed { starts: &sparse.0, rows: &sparse.1, values: &sparse.2 };
    let dense: Vec<f64> = (0..p * p).map(|k| xtx[(k % p, k / p)]).collect();
    // The same cross-products as correlations and standard deviations, or anything between.
    let roots: Vec<f64> = (0..p).map(|j| 1.0 + (j % 4) as f64).collect();
    let parts = (0..p * p).map(|k| dense[k] / (roots[k % p] * roots[k / p])).collect::<Vec<_>>();
    let ones = vec![1.0; p];
    let forms = [
        (Symmetric::Dense(dense.into()), ones.clone()),
        (Symmetric::Dense(parts.into()), roots),
        (Symmetric::Sparse(sparse), ones),
    ];
    for (matrix, roots) in forms {
        let xty = case.x.transpose() * &case.y;
        let yty = case.y.transpose() * &case.y;
        let x = Gram::scaled(matrix, roots, 60.0).unwrap();
        let mut design = Responses::of_products(x, xty, yty, None);
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
    let penalty = vec![1.0; t];
    let v = Mat::<f64>::identity(3, 3);
    let run = |steps: usize, before: Option<&Fit>| {
        let b = before.map(|f| f.mean.as_ref());
        let mut design = from(&case, true, true, b);
        let residual = Residual::start(Structure::Known, v.as_ref());
        let start = Start { residual, coefficients: b };
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
    let penalty = vec![1.0; t];
    let run = |threads: usize, poll: bool| {
        let monitor = Monitor::default();
        with_threads(
            threads,
            &monitor,
            |_| poll,
            || {
                let mut design = individual(&case, true, true);
                let v = initial(&mut design, 12);
                let residual = Residual::start(Structure::Full, v.as_ref());
                let start = Start { residual, coefficients: None };
                // It never converges where nobody lets it go on.
                let (steps, tol) = if poll { (4, 0.0) } else { (usize::MAX, -1.0) };
                let options = Options { tol, ..options(WeightUpdate::Em, steps, &penalty) };
                fit(&mut design, &case.prior, start, &options, &monitor)
            },
        )
    };
    let (one, two) = (run(1, true).unwrap(), run(2, true).unwrap());
    assert!(one.mean == two.mean && one.ended == two.ended);
    assert!(run(1, false).err() == Some(crate::Error::Interrupted));
}

#[test]
fn sparse_predictors_give_the_fit_of_dense_ones() {
    let mut case = case(4, 60, 130, 3);
    // Few values that are not zero, a constant column, and one that the covariates explain.
    for j in 0..130 {
        for i in 0..60 {
            if (7 * i + 3 * j) % 10 > 2 {
                case.x[(i, j)] = 0.0;
            }
        }
    }
    let twin = |i: usize| f64::from(u8::from(i < 20));
    for i in 0..60 {
        case.x[(i, 5)] = 1.0;
        case.x[(i, 80)] = twin(i);
    }
    let mut sparse = (vec![0], Vec::new(), Vec::new());
    for j in 0..130 {
        for i in (0..60).filter(|&i| case.x[(i, j)] != 0.0) {
            sparse.1.push(i);
            sparse.2.push(case.x[(i, j)]);
        }
        sparse.0.push(sparse.1.len());
    }
    let compressed = Compressed { starts: &sparse.0, rows: &sparse.1, values: &sparse.2 };
    let x: Vec<f64> = (0..60 * 130).map(|k| case.x[(k % 60, k / 60)]).collect();
    // The two columns span the constant and `twin`.
    let part = |k: usize, i: usize| match (k, i < 20) {
        (0, true) => 1.0 / 20_f64.sqrt(),
        (1, false) => 1.0 / 40_f64.sqrt(),
        _ => 0.0,
    };
    let two: Vec<f64> = (0..120).map(|k| part(k / 60, k % 60)).collect();
    let t = case.prior.len();
    let penalty = vec![1.0; t];
    let monitor = Monitor::default();
    for (basis, missing) in [(vec![], false), (basis(60, true), false), (two, true)] {
        if missing {
            for (i, c) in [(0, 0), (1, 0), (1, 2), (5, 1), (9, 0), (9, 1), (9, 2), (50, 2)] {
                case.y[(i, c)] = f64::NAN;
            }
        }
        for standardize in [false, true] {
            let start = Mat::from_fn(3, 130, |c, j| if j % 9 == c { 0.1 } else { 0.0 });
            let dense = Dense::new(x.clone(), 60, &basis, standardize, &monitor).unwrap();
            let thin = Sparse::new(compressed, 60, &basis, standardize).unwrap();
            let options = options(WeightUpdate::Convex, 25, &penalty);
            let y = case.y.as_ref();
            let mut dense = Responses::new(dense, &basis, y, Some(start.as_ref()));
            let mut thin = Responses::new(thin, &basis, y, Some(start.as_ref()));
            let want = complete(&mut dense, &case.prior, &start, &options);
            let got = complete(&mut thin, &case.prior, &start, &options);
            assert!((&got.mean - &want.mean).norm_max() < 1e-10);
            assert!((got.elbo - want.elbo).abs() < 1e-8, "{} {}", got.elbo, want.elbo);
            assert!((&*dense.residuals() - &*thin.residuals()).norm_max() < 1e-9);
            assert!((dense.level() - thin.level()).norm_max() < 1e-8);
            // The residuals are those of the coefficients.
            if !missing && basis.is_empty() && !standardize {
                let e = &case.y - &case.x * got.mean.transpose();
                assert!((&*thin.residuals() - e).norm_max() < 1e-10);
            }
        }
    }
}

#[test]
fn a_point_mass_is_a_zero_matrix() {
    let case = case(5, 50, 40, 3);
    let Prior { factors, scales, .. } = case.prior.clone();
    assert_eq!((factors[0].rank, &scales[0][..]), (0, &[1.0][..]));
    let prior = Prior::scaled(3, factors[1..].to_vec(), scales[1..].to_vec(), true).unwrap();
    let penalty = vec![1.0; prior.len()];
    let run = |prior: &Prior, update| {
        let mut design = individual(&case, true, false);
        let v = Mat::<f64>::identity(3, 3);
        let residual = Residual::start(Structure::Full, v.as_ref());
        let start = Start { residual, coefficients: None };
        let options = options(update, 12, &penalty);
        fit(&mut design, prior, start, &options, &Monitor::default()).unwrap()
    };
    for update in [WeightUpdate::Fixed, WeightUpdate::Em, WeightUpdate::Convex] {
        let (want, got) = (run(&case.prior, update), run(&prior, update));
        assert!((&got.mean - &want.mean).norm_max() < 1e-7);
        for (got, want) in got.weights.iter().zip(&want.weights) {
            assert!((got - want).abs() < 1e-6, "{update:?}: {got} {want}");
        }
        assert!((got.elbo - want.elbo).abs() < 1e-6 * want.elbo.abs());
    }
}

fn complete(
    design: &mut Responses<impl Predictors>,
    prior: &Prior,
    coefficients: &Mat<f64>,
    options: &Options<'_>,
) -> Fit {
    let v = initial(design, 3);
    let residual = Residual::start(Structure::Full, v.as_ref());
    let start = Start { residual, coefficients: Some(coefficients.as_ref()) };
    fit(design, prior, start, options, &Monitor::default()).unwrap()
}
