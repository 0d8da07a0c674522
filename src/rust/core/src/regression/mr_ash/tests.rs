use super::*;
use crate::predictors::{
    Compressed, Dense, Gram, Predictors, Response, Sparse, Symmetric, response, response_of,
};
use crate::testing::Draws;
use crate::weights::WeightUpdate;
use crate::{Monitor, Stop};

struct Problem {
    n: usize,
    p: usize,
    x: Vec<f64>,
    y: Vec<f64>,
    grid: Vec<f64>,
}

/// Neighbours correlated by `rho`, a tenth of the predictors with effects.
fn simulate(seed: u64, n: usize, p: usize, rho: f64) -> Problem {
    let mut r = Draws::new(seed);
    let mut x = vec![0.0; n * p];
    for j in 0..p {
        let scale = 0.5 + 2.0 * r.uniform();
        for i in 0..n {
            let before = if j > 0 { x[(j - 1) * n + i] } else { 0.0 };
            x[j * n + i] = rho * before + scale * r.normal();
        }
    }
    let mut y: Vec<f64> = (0..n).map(|_| 3.0 + r.normal()).collect();
    for j in 0..p {
        if r.uniform() < 0.1 {
            let b = 0.7 * r.normal();
            y.iter_mut().zip(&x[j * n..]).for_each(|(y, x)| *y += b * x);
        }
    }
    Problem { n, p, x, y, grid: vec![0.0, 0.003, 0.02, 0.1, 0.4, 2.0] }
}

/// An orthonormal basis of the constant vector.
fn constant(n: usize) -> Vec<f64> {
    vec![1.0 / (n as f64).sqrt(); n]
}

fn dense(problem: &Problem, standardize: bool) -> (Dense<'static>, Response) {
    let basis = constant(problem.n);
    let monitor = Monitor::default();
    let design = Dense::new(problem.x.clone(), problem.n, &basis, standardize, &monitor).unwrap();
    (design, response(&basis, &problem.y))
}

fn run<D: Predictors>(design: &D, y: &Response, grid: &Grid, options: Options, sigma2: f64) -> Fit {
    let (p, k) = (design.norms().len(), 6);
    let order: Vec<usize> = (0..p).collect();
    let settings = Settings { grid, dirichlet: None, order: &order, options };
    let start = Start { pi: &vec![1.0 / k as f64; k], sigma2, b: None };
    fit(design, y, settings, start, &Monitor::default()).unwrap()
}

fn close(x: &[f64], y: &[f64], tol: f64) {
    assert_eq!(x.len(), y.len());
    for (i, (x, y)) in x.iter().zip(y).enumerate() {
        assert!((x - y).abs() <= tol * y.abs().max(1.0), "element {i}: {x} and {y}");
    }
}

/// One sweep after another, straight from the formulae, with the whole bound from its definition:
/// expected log-likelihood minus Kullback-Leibler divergences, component by component.
fn slow(problem: &Problem, absolute: bool, sweeps: usize) -> (Vec<f64>, Vec<f64>, f64, Vec<f64>) {
    let (n, p) = (problem.n, problem.p);
    let centre = |x: &[f64]| -> Vec<f64> {
        let mean = x.iter().sum::<f64>() / n as f64;
        x.iter().map(|x| x - mean).collect()
    };
    let x: Vec<Vec<f64>> = problem.x.chunks(n).map(centre).collect();
    let y = centre(&problem.y);
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let mut sigma2 = dot(&y, &y) / n as f64;
    let k = problem.grid.len();
    let mut pi = vec![1.0 / k as f64; k];
    let mut b = vec![0.0; p];
    let mut bounds = Vec::new();
    for _ in 0..sweeps {
        let prior: Vec<f64> =
            problem.grid.iter().map(|g| if absolute { *g } else { g * sigma2 }).collect();
        let (mut phi, mut mean, mut var) = (vec![], vec![], vec![]);
        for j in 0..p {
            let mut r = y.clone();
            for l in (0..p).filter(|&l| l != j) {
                r.iter_mut().zip(&x[l]).for_each(|(r, x)| *r -= b[l] * x);
            }
            let (c, d) = (dot(&x[j], &r), dot(&x[j], &x[j]));
            let s: Vec<f64> = prior
                .iter()
                .map(|v| if *v > 0.0 { 1.0 / (d / sigma2 + 1.0 / v) } else { 0.0 })
                .collect();
            let m: Vec<f64> = s.iter().map(|s| s * c / sigma2).collect();
            let weight: Vec<f64> = (0..k)
                .map(|k| {
                    let bayes = if prior[k] > 0.0 { (s[k] / prior[k]).sqrt() } else { 1.0 };
                    pi[k] * bayes * (0.5 * m[k] * c / sigma2).exp()
                })
                .collect();
            let total: f64 = weight.iter().sum();
            let q: Vec<f64> = weight.iter().map(|w| w / total).collect();
            b[j] = dot(&q, &m);
            phi.push(q);
            mean.push(m);
            var.push(s);
        }
        let mut r = y.clone();
        for l in 0..p {
            r.iter_mut().zip(&x[l]).for_each(|(r, x)| *r -= b[l] * x);
        }
        let (mut spread, mut divergence) = (0.0, 0.0);
        let mut prior_squares = 0.0;
        for j in 0..p {
            let mut second = 0.0;
            for k in 0..k {
                let (q, m, s) = (phi[j][k], mean[j][k], var[j][k]);
                second += q * (m * m + s);
                if q > 0.0 {
                    divergence += q * (q / pi[k]).ln();
                }
                if prior[k] > 0.0 {
                    divergence += 0.5 * q * ((m * m + s) / prior[k] - 1.0 - (s / prior[k]).ln());
                    prior_squares += q * m * m / prior[k] * sigma2;
                }
            }
            spread += dot(&x[j], &x[j]) * (second - b[j] * b[j]);
        }
        let expected = dot(&r, &r) + spread;
        bounds.push(
            -0.5 * n as f64 * (std::f64::consts::TAU * sigma2).ln()
                - 0.5 * expected / sigma2
                - divergence,
        );
        for k in 0..k {
            pi[k] = phi.iter().map(|q| q[k]).sum::<f64>() / p as f64;
        }
        if absolute {
            sigma2 = expected / n as f64;
        } else {
            // The components' variances are sigma2 times numbers that stay: their part of the
            // expected squares is a constant, and only means count.
            let inner: f64 = (0..p)
                .map(|j| {
                    let d = dot(&x[j], &x[j]);
                    (0..k).map(|k| phi[j][k] * d * mean[j][k].powi(2)).sum::<f64>()
                        - d * b[j] * b[j]
                })
                .sum();
            sigma2 = (dot(&r, &r) + inner + prior_squares) / n as f64;
        }
    }
    (b, pi, sigma2, bounds)
}

#[test]
fn sweeps_weights_variance_and_bound_are_those_of_the_definition() {
    let problem = simulate(1, 40, 15, 0.6);
    for absolute in [false, true] {
        let (b, pi, sigma2, bounds) = slow(&problem, absolute, 4);
        let (design, y) = dense(&problem, false);
        let values = problem.grid.clone();
        let grid = if absolute { Grid::Absolute(values) } else { Grid::Relative(values) };
        let options =
            Options { weights: WeightUpdate::Em, tol: 0.0, max_iter: 4, ..Options::default() };
        let found = run(&design, &y, &grid, options, y.total / 40.0);
        close(&found.b, &b, 1e-11);
        close(&found.pi, &pi, 1e-11);
        close(&[found.sigma2], &[sigma2], 1e-11);
        close(&found.ended.trace, &bounds, 1e-11);
    }
}

#[test]
fn the_bound_never_falls() {
    for seed in 0..200 {
        let rho = [0.0, 0.5, 0.9, 0.99][seed as usize % 4];
        let problem = simulate(seed, 20 + 3 * (seed as usize % 11), 5 + seed as usize % 60, rho);
        let (design, y) = dense(&problem, seed % 3 == 0);
        let values = problem.grid.clone();
        let grid = if seed % 2 == 0 { Grid::Relative(values) } else { Grid::Absolute(values) };
        let weights =
            [WeightUpdate::Convex, WeightUpdate::Em, WeightUpdate::Fixed][seed as usize % 3];
        let update_sigma2 = seed % 5 != 0;
        let options = Options { weights, update_sigma2, max_iter: 60, ..Options::default() };
        let found = run(&design, &y, &grid, options, y.total / problem.n as f64);
        assert_ne!(found.ended.stop, Stop::Fell, "problem {seed}");
        for pair in found.ended.trace.windows(2) {
            let slack = 1e-9 * (pair[0].abs() + 1.0);
            assert!(pair[1] >= pair[0] - slack, "problem {seed}: {pair:?}");
        }
    }
}

#[test]
fn slab_variance_and_residual_variance_raise_the_bound() {
    for seed in 0..30 {
        let problem = simulate(seed, 50, 40, 0.5);
        let (design, y) = dense(&problem, false);
        let order: Vec<usize> = (0..problem.p).rev().collect();
        let options = Options {
            weights: WeightUpdate::Fixed,
            slab: Some((1.0, 10.0)),
            max_iter: 100,
            ..Options::default()
        };
        let grid = Grid::Relative(vec![0.0, 3.0]);
        let settings = Settings { grid: &grid, dirichlet: None, order: &order, options };
        let start = Start { pi: &[0.9, 0.1], sigma2: y.total / 50.0, b: None };
        let found = fit(&design, &y, settings, start, &Monitor::default()).unwrap();
        assert_ne!(found.grid[1], 3.0);
        for pair in found.ended.trace.windows(2) {
            assert!(pair[1] >= pair[0] - 1e-9, "problem {seed}: {pair:?}");
        }
    }
}

/// Correlations and sums of squares of centred columns.
fn correlations(problem: &Problem) -> (Vec<f64>, Vec<f64>, Vec<f64>, f64) {
    let (design, y) = dense(problem, false);
    let p = problem.p;
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let d: Vec<f64> = (0..p).map(|j| dot(design.column(j), design.column(j))).collect();
    let mut r = vec![0.0; p * p];
    for j in 0..p {
        for i in 0..p {
            r[j * p + i] = dot(design.column(i), design.column(j)) / (d[i] * d[j]).sqrt();
        }
    }
    let products = (0..p).map(|j| dot(design.column(j), &y.start)).collect();
    (r, d, products, y.total)
}

#[test]
fn cross_products_and_sparse_columns_give_the_same_fit() {
    for standardize in [false, true] {
        let mut problem = simulate(5, 60, 30, 0.5);
        // Counts with many zeros.
        problem.x.iter_mut().for_each(|x| *x = x.round().clamp(0.0, 2.0));
        problem.x[..60].fill(1.0); // nothing left of this one without its mean
        let (design, y) = dense(&problem, standardize);
        let grid = Grid::Relative(problem.grid.clone());
        let options = Options { max_iter: 30, tol: 0.0, ..Options::default() };
        let sigma2 = y.total / 60.0;
        let whole = run(&design, &y, &grid, options, sigma2);
        assert_eq!((whole.b[0], whole.products[0], design.norms()[0]), (0.0, 0.0, 0.0));

        let (mut starts, mut rows, mut values) = (vec![0], vec![], vec![]);
        for column in problem.x.chunks(60) {
            for (i, &x) in column.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                rows.push(i);
                values.push(x);
            }
            starts.push(values.len());
        }
        let compressed = Compressed { starts: &starts, rows: &rows, values: &values };
        let sparse = Sparse::new(compressed, 60, &constant(60), standardize).unwrap();
        let part =
            run(&sparse, &response_of(&sparse, &constant(60), &problem.y), &grid, options, sigma2);
        close(&part.b, &whole.b, 1e-9);
        close(&part.products, &whole.products, 1e-9);
        close(&[part.sigma2], &[whole.sigma2], 1e-9);

        let (mut r, d, products, total) = correlations(&problem);
        (0..30).for_each(|j| (r[j], r[30 * j]) = (0.0, 0.0));
        let gram = Gram::new(Symmetric::Dense(r.as_slice().into()), &d, 60.0, standardize).unwrap();
        let sums = run(&gram, &gram.response(&products, total), &grid, options, sigma2);
        close(&sums.b[1..], &whole.b[1..], 1e-9);
        close(&[sums.sigma2], &[whole.sigma2], 1e-9);
        let elbo = |fit: &Fit| fit.ended.trace.clone();
        close(&elbo(&sums), &elbo(&whole), 1e-9);
        close(&elbo(&part), &elbo(&whole), 1e-9);
    }
}

#[test]
fn fits_do_not_depend_on_units() {
    let problem = simulate(9, 50, 40, 0.7);
    let (design, y) = dense(&problem, false);
    let grid = Grid::Relative(problem.grid.clone());
    let first = run(&design, &y, &grid, Options::default(), y.total / 50.0);
    let mut other = simulate(9, 50, 40, 0.7);
    other.y.iter_mut().for_each(|y| *y = 1e4 * *y - 7.0);
    other.x.iter_mut().for_each(|x| *x *= 1e-3);
    let grid = Grid::Relative(problem.grid.iter().map(|a| a * 1e6).collect());
    let (design, y) = dense(&other, false);
    let second = run(&design, &y, &grid, Options::default(), y.total / 50.0);
    let b: Vec<f64> = second.b.iter().map(|b| b * 1e-7).collect();
    close(&b, &first.b, 1e-9);
    close(&second.pi, &first.pi, 1e-9);
    assert_eq!(second.ended.trace.len(), first.ended.trace.len());
}

#[test]
fn orthogonal_predictors_are_exact_and_one_sweep_is_enough() {
    // Columns of a Hadamard matrix, without the constant one.
    let (n, p) = (16, 15);
    let sign = |i: usize, j: usize| if (i & j).count_ones() % 2 == 0 { 1.0 } else { -1.0 };
    let x: Vec<f64> = (1..=p).flat_map(|j| (0..n).map(move |i| sign(i, j))).collect();
    let y: Vec<f64> = (0..n).map(|i| f64::from((i * 7 % 5) as u32) - 0.4 * sign(i, 3)).collect();
    let problem = Problem { n, p, x, y, grid: simulate(1, 3, 1, 0.0).grid };
    let (design, y) = dense(&problem, false);
    let options =
        Options { weights: WeightUpdate::Fixed, update_sigma2: false, ..Options::default() };
    let found = run(&design, &y, &Grid::Absolute(problem.grid.clone()), options, 1.3);
    assert_eq!((found.ended.iterations, found.ended.stop), (2, Stop::Converged));
    // The evidence is a product over predictors of mixtures of normal densities of x_j'y / sqrt(n),
    // and over the one direction that is left (besides the mean), which is empty here.
    let mut evidence = -0.5 * (std::f64::consts::TAU * 1.3_f64).ln(); // the mean's direction
    for j in 0..p {
        let z: f64 = design.column(j).iter().zip(&y.start).map(|(x, y)| x * y).sum::<f64>() / 4.0;
        let density = |v: f64| (-0.5 * z * z / v).exp() / (std::f64::consts::TAU * v).sqrt();
        let total: f64 = problem.grid.iter().map(|v| density(1.3 + 16.0 * v) / 6.0).sum();
        let mean: f64 = problem
            .grid
            .iter()
            .map(|v| density(1.3 + 16.0 * v) / 6.0 * 4.0 * v / (1.3 + 16.0 * v) * z)
            .sum();
        assert!((found.b[j] - mean / total).abs() < 1e-12);
        evidence += total.ln();
    }
    assert!((found.ended.trace[1] - evidence).abs() < 1e-10);
}

#[test]
fn the_weights_maximise_the_likelihood_of_the_deconvolved_effects() {
    use crate::weights::{Likelihoods, mixture_weights, scale_rows};
    for (seed, rho) in [(1, 0.0), (2, 0.8), (3, 0.95)] {
        let problem = simulate(seed, 150, 100, rho);
        let (design, y) = dense(&problem, false);
        let grid = Grid::Relative(problem.grid.clone());
        let options = Options { max_iter: 5000, tol: 1e-11, ..Options::default() };
        let found = run(&design, &y, &grid, options, y.total / 150.0);
        assert_eq!(found.ended.stop, Stop::Converged);
        let mut loglik = vec![];
        for a in &problem.grid {
            for (c, d) in found.products.iter().zip(design.norms()) {
                let v = found.sigma2 * (a + 1.0 / d);
                loglik.push(-0.5 * (c / d).powi(2) / v - 0.5 * v.ln());
            }
        }
        let monitor = Monitor::default();
        scale_rows(&mut loglik, 100, 6, 100, &monitor).unwrap();
        let likelihoods = Likelihoods::new(&loglik, 100, 6, 100).unwrap();
        let at = |pi: &[f64]| {
            let row = |j: usize| (0..6).map(|k| pi[k] * loglik[k * 100 + j]).sum::<f64>().ln();
            (0..100).map(row).sum::<f64>()
        };
        let best =
            mixture_weights(likelihoods, &[1.0; 6], None, None, Default::default(), &monitor);
        let gap = at(&best.unwrap().pi) - at(&found.pi);
        assert!(gap < 1e-8, "rho {rho}: {gap}");
    }
}

#[test]
fn bad_input_is_named() {
    let problem = simulate(1, 20, 5, 0.0);
    let (design, y) = dense(&problem, false);
    let grid = Grid::Relative(vec![0.0, 1.0]);
    let order = [0, 1, 2, 3, 4];
    let settings =
        Settings { grid: &grid, dirichlet: None, order: &order, options: Options::default() };
    let start = Start { pi: &[0.5, 0.5], sigma2: 1.0, b: None };
    let message = |settings, start| {
        fit(&design, &y, settings, start, &Monitor::default()).unwrap_err().to_string()
    };
    assert!(message(settings, Start { pi: &[1.0], ..start }).contains("`pi`"));
    assert!(message(settings, Start { sigma2: 0.0, ..start }).contains("`sigma2`"));
    assert!(message(settings, Start { b: Some(&[f64::NAN; 5]), ..start }).contains("`beta_init`"));
    let twice = [0, 1, 2, 3, 3];
    assert!(message(Settings { order: &twice, ..settings }, start).contains("`order`"));
    let monitor = Monitor::default();
    monitor.request_stop();
    let stopped = fit(&design, &y, settings, start, &monitor);
    assert_eq!(stopped.unwrap_err(), crate::Error::Interrupted);
}
