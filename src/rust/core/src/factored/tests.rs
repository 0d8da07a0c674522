//! Against closed forms, enumeration and finite differences.

use super::covariates::Covariates;
use super::factor::SampleWeights;
use super::families::binomial::Binomial;
use super::families::dispersion::{Dispersion, Link};
use super::families::gaussian::Gaussian;
use super::families::voom::Voom;
use super::families::{Family, Outcomes};
use super::fit::fit;
use super::greedy::{LeftPrior, Options};
use super::hyper::Hyper;
use super::left::{Group, Kind, Left};
use super::single::SingleEffects;
use super::slab::{Sign, Slab};
use super::state::{Direct, Problem, Scope, State};
use crate::Monitor;
use crate::linalg::scalar::logistic;
use crate::predictors::Dense;
use crate::testing::normals;

fn fixed_variance(n: usize, m: usize, v: f64) -> Family {
    let link = vec![Link::Between(v * (1.0 - 1e-13), v); m];
    Family::Gaussian(Gaussian { model: Dispersion::new(n, &vec![1.0; n], link, &vec![v; m]) })
}

pub(super) fn free_variance(n: usize, m: usize) -> Family {
    let link = vec![Link::Between(1e-4, 50.0); m];
    Family::Gaussian(Gaussian { model: Dispersion::new(n, &vec![1.0; n], link, &vec![1.0; m]) })
}

pub(super) const FREE: Hyper = Hyper { pi: (1e-3, 0.9), tau: (1e-3, 1e3) };

fn fixed(pi: f64, tau: f64) -> Hyper {
    Hyper { pi: (pi, pi), tau: (tau, tau) }
}

pub(super) fn problem<'a>(
    (n, m): (usize, usize),
    x: &'a Dense<'a>,
    y: &'a [f64],
    ones: &'a [f64],
    direct: Hyper,
) -> Problem<'a> {
    Problem {
        design: x,
        outcomes: Outcomes { n, m, y },
        covariates: Covariates { q: 1, values: ones, precision: 1e-6 },
        offset: &[],
        weights: None,
        left: FREE,
        right: Hyper { pi: (0.05, 0.95), tau: (1.0, 1.0) },
        direct,
    }
}

pub(super) fn direct(n: usize, p: usize, m: usize, pi: f64, tau: f64) -> Vec<Direct> {
    direct_of(n, p, m, Kind::Sparse(Slab::new(p, pi, tau, Sign::Any)))
}

pub(super) fn direct_of(n: usize, p: usize, m: usize, kind: Kind) -> Vec<Direct> {
    let one = Direct { active: (0..p).collect(), kind, mean: vec![0.0; n], variance: vec![0.0; n] };
    vec![one; m]
}

/// log N(y; 0, C C' / precision + X_S X_S' / tau + v I), by a dense Cholesky factor.
fn log_marginal(n: usize, x: &[f64], included: &[usize], y: &[f64], tau: f64, v: f64) -> f64 {
    use faer::prelude::*;
    let covariance = faer::Mat::from_fn(n, n, |i, k| {
        let noise = if i == k { v } else { 0.0 };
        let shared: f64 = included.iter().map(|&j| x[j * n + i] * x[j * n + k]).sum();
        noise + 1e6 + shared / tau
    });
    let factor = covariance.llt(faer::Side::Lower).unwrap();
    let column = faer::Mat::from_fn(n, 1, |i, _| y[i]);
    let solved = factor.solve(&column);
    let quadratic: f64 = (0..n).map(|i| y[i] * solved[(i, 0)]).sum();
    let log_det: f64 = (0..n).map(|i| 2.0 * factor.L()[(i, i)].ln()).sum();
    -0.5 * (n as f64 * std::f64::consts::TAU.ln() + log_det + quadratic)
}

/// All models of a few predictors: log evidence and inclusion probabilities.
fn enumerate(
    n: usize,
    p: usize,
    x: &[f64],
    y: &[f64],
    pi: f64,
    tau: f64,
    v: f64,
) -> (f64, Vec<f64>) {
    let models: Vec<(f64, usize)> = (0..1usize << p)
        .map(|set| {
            let included: Vec<usize> = (0..p).filter(|j| set >> j & 1 == 1).collect();
            let k = included.len() as f64;
            let prior = k * pi.ln() + (p as f64 - k) * (1.0 - pi).ln();
            (prior + log_marginal(n, x, &included, y, tau, v), set)
        })
        .collect();
    let top = models.iter().map(|m| m.0).fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = models.iter().map(|m| (m.0 - top).exp()).sum();
    let pip = |j: usize| {
        let with = models.iter().filter(|m| m.1 >> j & 1 == 1);
        with.map(|m| (m.0 - top).exp()).sum::<f64>() / total
    };
    (top + total.ln(), (0..p).map(pip).collect())
}

/// Columns with mean zero; orthogonal ones if asked for.
pub(super) fn design(seed: u64, n: usize, p: usize, orthogonal: bool) -> Vec<f64> {
    let mut x = normals(seed, n * p);
    for j in 0..p {
        let (before, rest) = x.split_at_mut(j * n);
        let column = &mut rest[..n];
        let mean = column.iter().sum::<f64>() / n as f64;
        column.iter_mut().for_each(|v| *v -= mean);
        for other in before.chunks_exact(n).take(if orthogonal { j } else { 0 }) {
            let along: f64 = other.iter().zip(&*column).map(|(a, b)| a * b).sum();
            let square: f64 = other.iter().map(|a| a * a).sum();
            column.iter_mut().zip(other).for_each(|(v, o)| *v -= along / square * o);
        }
    }
    x
}

#[test]
fn orthogonal_predictors_have_the_exact_posterior_and_evidence() {
    let (n, p, tau, pi, v) = (12, 5, 0.7, 0.3, 0.8);
    let x = design(1, n, p, true);
    let noise = normals(2, n);
    let y: Vec<f64> = (0..n).map(|i| 0.6 * x[i] - 0.4 * x[2 * n + i] + 3.0 + noise[i]).collect();
    let (evidence, pip) = enumerate(n, p, &x, &y, pi, tau, v);
    let ones = vec![1.0; n];
    let given = Dense::as_given(&x[..], n);
    let problem = problem((n, 1), &given, &y, &ones, fixed(pi, tau));
    let mut state = State::new(&problem, fixed_variance(n, 1, v), direct(n, p, 1, pi, tau));
    for _ in 0..30 {
        state.step(&problem, Scope::All, true, 1.0);
    }
    assert!((state.bound(&problem) - evidence).abs() < 1e-8 * evidence.abs());
    for j in 0..p {
        let found = state.direct[0].kind.sparse().unwrap().alpha[j];
        assert!((found - pip[j]).abs() < 1e-9, "{j}");
    }
}

#[test]
fn with_correlated_predictors_the_bound_is_below_the_evidence() {
    let (n, p, tau, pi, v) = (15, 6, 0.5, 0.25, 1.0);
    for seed in 0..5 {
        let mut x = design(10 + seed, n, p, false);
        for i in 0..n {
            x[n + i] = 0.8 * x[i] + 0.6 * x[n + i];
        }
        let noise = normals(20 + seed, n);
        let y: Vec<f64> = (0..n).map(|i| x[i] + noise[i]).collect();
        let (evidence, pip) = enumerate(n, p, &x, &y, pi, tau, v);
        let ones = vec![1.0; n];
        let given = Dense::as_given(&x[..], n);
        let problem = problem((n, 1), &given, &y, &ones, fixed(pi, tau));
        let mut state = State::new(&problem, fixed_variance(n, 1, v), direct(n, p, 1, pi, tau));
        for _ in 0..200 {
            state.step(&problem, Scope::All, true, 1.0);
        }
        let bound = state.bound(&problem);
        assert!(bound <= evidence && bound > evidence - 2.0, "{bound} {evidence}");
        let mean = |a: &[f64]| a.iter().sum::<f64>() / p as f64;
        let found = &state.direct[0].kind.sparse().unwrap().alpha;
        assert!((mean(found) - mean(&pip)).abs() < 0.15);
    }
}

#[test]
fn a_half_normal_slab_has_the_moments_of_its_density() {
    // Trapezoidal integration of the tilted prior; its error is far below the tolerance.
    for (d, b, tau) in [(2.0, 1.5, 0.5), (4.0, -3.0, 1.0), (1.0, -30.0, 2.0), (50.0, 40.0, 0.1)] {
        let mut slab = Slab::new(1, 0.4, tau, Sign::Positive);
        slab.set(0, d, b);
        let scale = 1.0f64 / (d + tau).sqrt().max(-b / 8.0);
        let mode = (b / (d + tau)).max(0.0);
        let (low, high) = ((mode - 14.0 * scale).max(0.0), mode + 40.0 * scale);
        let steps = 400_000;
        let h = (high - low) / f64::from(steps);
        let mut sums = [0.0; 3];
        for k in 0..=steps {
            let x = low + h * f64::from(k);
            let prior = 2.0 * (tau / std::f64::consts::TAU).sqrt() * (-0.5 * tau * x * x).exp();
            let edge = if k == 0 || k == steps { 0.5 } else { 1.0 };
            let f = edge * h * prior * (b * x - 0.5 * d * x * x).exp();
            sums[0] += f;
            sums[1] += f * x;
            sums[2] += f * x * x;
        }
        let alpha = 0.4 * sums[0] / (0.4 * sums[0] + 0.6);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-7 * b.abs().max(1e-12);
        assert!(close(slab.alpha[0], alpha), "{} {alpha}", slab.alpha[0]);
        assert!(close(slab.mean(0), alpha * sums[1] / sums[0]));
        assert!(close(slab.second(0), alpha * sums[2] / sums[0]));
        // The bound of this coefficient alone is its evidence.
        let bound = b * slab.mean(0) - 0.5 * d * slab.second(0) - slab.kl();
        assert!((bound - (0.4 * sums[0] + 0.6).ln()).abs() < 1e-7, "{bound}");
    }
}

#[test]
fn one_single_effect_and_one_group_have_their_evidence_as_bound() {
    let (n, p) = (20, 7);
    let x = design(3, n, p, false);
    let d = Dense::as_given(&x[..], n);
    let omega: Vec<f64> = normals(4, n).iter().map(|v| v * v).collect();
    let b = normals(5, n);
    let (sizes, log_odds) = ([0.6, 0.1], -0.4f64);
    let mut effects = SingleEffects::new(1, n, p, sizes.to_vec(), log_odds);
    let (mut mean, mut variance) = (vec![0.0; n], vec![0.0; n]);
    effects.update(&d, None, (&omega, &b), true, (&mut mean, &mut variance));
    let expected = |mean: &[f64], variance: &[f64]| -> f64 {
        (0..n).map(|i| b[i] * mean[i] - 0.5 * omega[i] * (mean[i].powi(2) + variance[i])).sum()
    };
    let factor = |j: usize| -> f64 {
        let dj: f64 = (0..n).map(|i| omega[i] * x[j * n + i].powi(2)).sum();
        let bj: f64 = (0..n).map(|i| b[i] * x[j * n + i]).sum();
        let of = |v: f64| (0.5 * bj * bj / (dj + 1.0 / v)).exp() / (1.0 + v * dj).sqrt();
        0.5 * (of(sizes[0]) + of(sizes[1]))
    };
    let there = (0..p).map(factor).sum::<f64>() / p as f64;
    let rho = logistic(log_odds);
    let evidence = (1.0 - rho + rho * there).ln();
    assert!((expected(&mean, &variance) - effects.kl() - evidence).abs() < 1e-9);
    for (j, pip) in effects.pip().into_iter().enumerate() {
        let at = rho * factor(j) / p as f64 / (1.0 - rho + rho * there);
        assert!((pip - at).abs() < 1e-9, "{j}");
    }
    let (pi, tau) = (0.3, 1.4);
    let mut left = Left::new(n, Kind::Group(Group::new(vec![0.0; n], pi, tau)));
    left.update(&d, &omega, &b, true);
    let log: f64 = (0..n)
        .map(|i| 0.5 * (b[i] * b[i] / (omega[i] + tau) + (tau / (omega[i] + tau)).ln()))
        .sum();
    let evidence = (1.0 - pi + pi * log.exp()).ln();
    assert!((expected(&left.mean, &left.variance) - left.kl() - evidence).abs() < 1e-9);
}

fn random_fit(seed: u64, which: usize) -> (Vec<f64>, usize) {
    let (n, p, m) = (40, 12, 5);
    let x = design(seed, n, p, false);
    let mut y = normals(seed + 1000, n * m);
    let missing = normals(seed + 2000, n * m);
    for t in 0..3 {
        for i in 0..n {
            y[t * n + i] += 1.2 * x[i] + if t == 1 { x[3 * n + i] } else { 0.0 };
        }
    }
    let binary = which == 1 || which == 6;
    if binary {
        y.iter_mut().for_each(|v| *v = f64::from(u8::from(*v > 0.0)));
    }
    for (y, z) in y.iter_mut().zip(&missing) {
        if *z > 0.8 {
            *y = f64::NAN;
        }
    }
    let ones = vec![1.0; n];
    let weights: Vec<f64> = normals(seed + 3000, n * 2).iter().map(|z| z.abs()).collect();
    let given = Dense::as_given(&x[..], n);
    let mut problem = problem((n, m), &given, &y, &ones, FREE);
    if which == 4 {
        problem.weights = Some(SampleWeights { values: &weights, count: 2 });
    }
    let family =
        if binary { Family::Binomial(Binomial { size: Vec::new() }) } else { free_variance(n, m) };
    let left = match which {
        2 | 6 => LeftPrior::SingleEffects(2),
        5 => LeftPrior::Values,
        _ => LeftPrior::SpikeSlab,
    };
    let sign = if which == 3 { Sign::Positive } else { Sign::Any };
    let options = Options { factors: 2, left, sign, seeds: 3, max_iter: 60, tol: 1e-7 };
    let single = || Kind::Single(SingleEffects::new(3, n, p, vec![1.0, 0.1], -1.0));
    let direct = match which {
        0 => direct(n, p, m, 0.1, 1.0),
        6 => direct_of(n, p, m, single()),
        _ => Vec::new(),
    };
    let done = fit(&problem, family, direct, options, &Monitor::default()).unwrap();
    assert!(done.state.mean.iter().chain(&done.state.variance).all(|v| v.is_finite()));
    (done.ended.trace, done.state.factors.len())
}

#[test]
fn the_bound_never_falls() {
    let mut factors = 0;
    for seed in 0..12 {
        for which in 0..7 {
            let (trace, count) = random_fit(100 + seed, which);
            factors += count;
            for pair in trace.windows(2) {
                let fall = pair[0] - pair[1];
                assert!(fall <= 1e-8 * pair[0].abs(), "{seed} {which}: {fall:e}");
            }
        }
    }
    assert!(factors > 40, "{factors} factors: the signal is there to be found");
}

#[test]
fn the_bound_is_one_from_the_start() {
    let (n, v) = (12, 0.8);
    let y: Vec<f64> = normals(3, n).iter().map(|z| 2.0 + z).collect();
    let (x, ones) = (design(4, n, 1, false), vec![1.0; n]);
    let given = Dense::as_given(&x[..], n);
    let problem = problem((n, 1), &given, &y, &ones, FREE);
    let state = State::new(&problem, fixed_variance(n, 1, v), Vec::new());
    let evidence = log_marginal(n, &x, &[], &y, 1.0, v);
    assert!((state.bound(&problem) - evidence).abs() < 1e-8 * evidence.abs());
    // A family whose steps are damped starts at rest: no slope, and a variance.
    let model = Dispersion::new(n, &ones, vec![Link::Between(0.1, 2.0)], &[v]);
    let state = State::new(&problem, Family::Voom(Voom { model, base: Vec::new() }), Vec::new());
    assert!(state.mean.iter().all(|m| m.abs() < 1e-12));
    assert!(state.variance.iter().all(|v| *v > 0.0 && *v < 1.0));
}
