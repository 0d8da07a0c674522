//! The climb: never down, the same on any number of threads, at a stationary point in the end.

use super::*;
use crate::normal_means::{Correlation, Data};
use crate::testing::random;
use crate::with_threads;

struct Problem {
    j: usize,
    r: usize,
    x: Vec<f64>,
    s: Vec<f64>,
    v: Vec<f64>,
}

/// Effects of two covariances and noise of several kinds: 0 common, 1 scaled, 2 with missing cells.
fn problem(j: usize, r: usize, noise: usize, seed: u64) -> Problem {
    let sum = |a: &[f64], k: usize| (0..4).map(|c| a[4 * k + c]).sum::<f64>() * 0.87;
    let (e, f, b) = (random(seed, 4 * j * r), random(seed + 1, r * r), random(seed + 2, 4 * j * r));
    let mut s: Vec<f64> = random(seed + 3, j * r).iter().map(|v| (0.8 * v).exp()).collect();
    if noise == 0 {
        s.fill(1.0);
    }
    let v = (0..r * r).map(|k| 0.4_f64.powi((k % r).abs_diff(k / r) as i32)).collect();
    let holes = random(seed + 4, j * r);
    let x = (0..j * r).map(|k| {
        let (unit, i) = (k % j, k / j);
        if noise == 2 && holes[k] < -0.4 && i != unit % r {
            return f64::NAN;
        }
        let effect: f64 = match unit % 2 {
            0 => 1.5 * sum(&b, unit),
            _ => (0..r).map(|p| f[i * r + p] * sum(&b, unit * r + p)).sum(),
        };
        effect + s[k] * sum(&e, k)
    });
    Problem { x: x.collect(), j, r, s, v }
}

impl Problem {
    fn data(&self) -> Data<'_> {
        let Self { j, r, x, s, v } = self;
        Data { units: *j, conditions: *r, x, s, v: Correlation::Common(v) }
    }
}

fn options(step: Step, penalty: Penalty) -> Options {
    Options {
        step,
        penalty,
        warmup: 3,
        max_iter: 40,
        tol: 0.0,
        starts: 1,
        trial: 5,
        seed: 1,
        residual: false,
        weights: true,
        scale: None,
    }
}

fn starts(r: usize) -> Vec<Start> {
    let ones = Mat::from_fn(r, r, |_, _| 1.0);
    let start = |shape, u| Start { shape, u };
    vec![
        start(Shape::Free, None),
        start(Shape::Free, Some(ones.clone())),
        start(Shape::Free, Some(Mat::identity(r, r))),
        start(Shape::LowRank(1), None),
        start(Shape::LowRank(2), Some(Mat::identity(r, r))),
        start(Shape::Scaled, Some(ones)),
        start(Shape::Fixed, Some(Mat::zeros(r, r))),
    ]
}

fn run(problem: &Problem, options: &Options, n_threads: usize) -> Fit {
    let monitor = Monitor::default();
    let work = || fit(problem.data(), &starts(problem.r), None, options, &monitor);
    with_threads(n_threads, &monitor, |_| true, work).unwrap()
}

#[test]
fn the_objective_never_falls() {
    let mut seed = 0;
    for noise in 0..3 {
        for step in [Step::Eigenvalues, Step::Ed, Step::Fa] {
            for penalty in [
                Penalty::None,
                Penalty::InverseWishart { lambda: 3.0 },
                Penalty::Nuclear { lambda: 3.0, alpha: 0.5 },
            ] {
                if step == Step::Fa && penalty != Penalty::None {
                    continue;
                }
                for _ in 0..10 {
                    seed += 1;
                    let problem = problem(30, 3, noise, seed);
                    let mut options = options(step, penalty);
                    options.residual = noise == 0 && seed % 3 == 0;
                    let fit = run(&problem, &options, 1);
                    for pair in fit.ended.trace.windows(2) {
                        let fall = pair[0] - pair[1];
                        assert!(fall <= 1e-10 * pair[0].abs(), "{noise} {step:?} {penalty:?}");
                    }
                    let rise = fit.ended.last() - fit.ended.trace[0];
                    assert!(rise > 1.0, "{noise} {step:?} {penalty:?}: {rise}");
                    assert!((fit.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                    assert_eq!(fit.components[6].u, Mat::<f64>::zeros(3, 3));
                }
            }
        }
    }
}

#[test]
fn threads_change_nothing() {
    for noise in 0..3 {
        let problem = problem(1000, 4, noise, 5);
        let mut options = options(Step::Eigenvalues, Penalty::InverseWishart { lambda: 4.0 });
        (options.starts, options.max_iter) = (2, 15);
        let (one, two) = (run(&problem, &options, 1), run(&problem, &options, 2));
        assert_eq!(one.ended.trace, two.ended.trace);
        assert_eq!(one.weights, two.weights);
        for (a, b) in one.components.iter().zip(&two.components) {
            assert_eq!(a.u, b.u);
        }
        assert_eq!(one.starts.len(), 2);
        assert_ne!(one.starts[0], one.starts[1]);
    }
}

#[test]
fn bold_steps_find_what_extreme_deconvolution_looks_for() {
    for noise in 0..3 {
        let problem = problem(200, 3, noise, 17);
        let penalty = Penalty::InverseWishart { lambda: 3.0 };
        let mut options = options(Step::Eigenvalues, penalty);
        (options.max_iter, options.tol, options.warmup) = (4000, 1e-12, 50);
        let starts = [Start { shape: Shape::Free, u: Some(Mat::identity(3, 3)) }];
        let monitor = Monitor::default();
        let bold = fit(problem.data(), &starts, None, &options, &monitor).unwrap();
        options.step = Step::Ed;
        let slow = fit(problem.data(), &starts, None, &options, &monitor).unwrap();
        let last = |fit: &Fit| fit.ended.last();
        assert!(bold.ended.iterations < slow.ended.iterations);
        assert!((last(&bold) - last(&slow)).abs() < 1e-6, "{} {}", last(&bold), last(&slow));
        assert!((&bold.components[0].u - &slow.components[0].u).norm_max() < 1e-3);
    }
}

#[test]
fn a_common_noise_that_was_wrong_is_found() {
    // Without effects the covariance of the data is the best noise.
    let mut problem = problem(400, 3, 0, 23);
    let noise = random(3, 400 * 3);
    problem.x = noise.iter().enumerate().map(|(k, e)| e * (1.0 + (k / 400) as f64)).collect();
    let mut options = options(Step::Eigenvalues, Penalty::None);
    (options.residual, options.max_iter) = (true, 200);
    let starts = [Start { shape: Shape::Fixed, u: Some(Mat::zeros(3, 3)) }];
    let fit = fit(problem.data(), &starts, None, &options, &Monitor::default()).unwrap();
    let second = Mat::from_fn(3, 3, |i, p| {
        (0..400).map(|j| problem.x[i * 400 + j] * problem.x[p * 400 + j]).sum::<f64>() / 400.0
    });
    assert!((fit.noise.unwrap() - second).norm_max() < 1e-10);
}

#[test]
fn a_scale_that_was_wrong_is_found_and_applied() {
    // b = a 1 with Var(a) = 4, from 11'.
    let (j, r) = (1000, 4);
    let e = random(1, 4 * j * r);
    let a = random(2, 4 * j);
    let sum = |a: &[f64], k: usize| (0..4).map(|c| a[4 * k + c]).sum::<f64>() * 0.866;
    let x: Vec<f64> = (0..j * r).map(|k| 2.0 * sum(&a, k % j) + sum(&e, k)).collect();
    let s = vec![1.0; j * r];
    let data = Data { units: j, conditions: r, x: &x, s: &s, v: Correlation::Identity };
    let ones = Mat::from_fn(r, r, |_, _| 1.0);
    let starts = [Start { shape: Shape::Scaled, u: Some(ones.clone()) }];
    let options = options(Step::Eigenvalues, Penalty::None);
    let fit = fit(data, &starts, None, &options, &Monitor::default()).unwrap();
    let found = &fit.components[0];
    assert!((found.scale - 4.0).abs() < 0.5, "{}", found.scale);
    assert_eq!(found.u, Mat::from_fn(r, r, |_, _| found.scale));
    // The log-likelihood is that of the scaled matrix: along 1/2 the variance is 1 + 4 s, else 1.
    let along: f64 = (0..j).map(|u| (0..r).map(|i| x[i * j + u]).sum::<f64>().powi(2) / 4.0).sum();
    let square: f64 = x.iter().map(|x| x * x).sum();
    let t = 1.0 + 4.0 * found.scale;
    let log_2_pi = (2.0 * std::f64::consts::PI).ln();
    let expected =
        -0.5 * ((j * r) as f64 * log_2_pi + j as f64 * t.ln() + along / t + (square - along));
    assert!((fit.loglik[fit.loglik.len() - 1] - expected).abs() < 1e-8 * expected.abs());
    // The maximum of that in s.
    assert!((t - along / j as f64).abs() < 1e-8 * t);
}

#[test]
fn a_factor_has_the_digits_of_every_condition() {
    let units = [1.0, 2f64.powi(30), 2f64.powi(-40), 1.0];
    let a = random(4, 16);
    for rank in [1, 2, 4] {
        let plain =
            |i: usize, p: usize| (0..rank).map(|c| a[4 * i + c] * a[4 * p + c]).sum::<f64>();
        let u = Mat::from_fn(4, 4, |i, p| plain(i, p) * units[i] * units[p]);
        let f = component::leading_factor(&u, rank).unwrap();
        for i in 0..4 {
            for p in 0..4 {
                let got: f64 = (0..rank).map(|c| f[(i, c)] * f[(p, c)]).sum();
                let size = (plain(i, i) * plain(p, p)).sqrt();
                let error = got / (units[i] * units[p]) - plain(i, p);
                assert!(error.abs() < 1e-13 * size, "rank {rank} ({i}, {p}): {error}");
            }
        }
    }
}
