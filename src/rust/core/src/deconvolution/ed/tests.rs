use super::super::testing::mixture as any_mixture;
use super::super::{Observations, Projected};
use super::*;
use crate::deconvolution::estep::{Map, Noise};
use crate::normal_means::{Correlation, Data, NormalMeans};
use crate::testing::random;
use crate::with_threads;

const PLAIN: Options = Options { tol: -1.0, max_iter: 12, regularisation: 0.0 };

/// A small problem with noise of some kind and missing cells; starts singular, zero or full.
struct Problem {
    j: usize,
    r: usize,
    x: Vec<f64>,
    s: Vec<f64>,
    v: Vec<f64>,
    weights: Option<Vec<f64>>,
    start: Mixture,
    fixed: Fixed,
}

fn problem(seed: u64) -> Problem {
    let r = 1 + (seed % 6) as usize;
    let j = 8 + (seed % 7) as usize * 5;
    let mut x: Vec<f64> = random(seed, j * r).iter().map(|v| 3.0 * v.powi(3)).collect();
    let mut s: Vec<f64> = random(seed + 1, j * r).iter().map(|v| v.exp()).collect();
    if seed % 3 == 0 {
        s.fill(0.8);
    }
    if seed % 4 == 1 {
        (0..j * r).filter(|e| e % 5 == 2).for_each(|e| x[e] = f64::NAN);
    }
    let rho = if seed % 2 == 0 { 0.4 } else { 0.0 };
    let v = (0..r * r).map(|e| if e % r == e / r { 1.0 } else { rho }).collect();
    let weights = (seed % 5 == 2).then(|| random(seed + 2, j).iter().map(|w| 1.1 + w).collect());
    let mut start = any_mixture(r, seed % 7 > 3);
    start.weights[2] = f64::from(u8::from(seed % 2 == 0));
    let sum: f64 = start.weights.iter().sum();
    start.weights.iter_mut().for_each(|w| *w /= sum);
    let flags = |bit: u64| (0..5).map(|k| (seed >> 2) % 11 == bit && k % 2 == 0).collect();
    let fixed = Fixed { weights: flags(1), means: flags(2), covariances: flags(3) };
    Problem { j, r, x, s, v, weights, start, fixed }
}

impl Problem {
    fn fit(&self, options: Options) -> Fit {
        let v = Correlation::Common(&self.v);
        let data = Data { units: self.j, conditions: self.r, x: &self.x, s: &self.s, v };
        let means = NormalMeans::new(data).unwrap();
        let step = EStep::new(Observations::Direct(&means), self.weights.as_deref()).unwrap();
        fit(&step, self.start.clone(), &self.fixed, options, &Monitor::default()).unwrap()
    }
}

#[test]
fn the_objective_never_falls() {
    for seed in 0..200 {
        let problem = problem(seed);
        let regularisation = if seed % 9 == 4 { 0.3 } else { 0.0 };
        let fit = problem.fit(Options { regularisation, ..PLAIN });
        assert!(fit.ended.stop != Stop::Fell, "problem {seed}: {:?}", fit.ended.trace);
        for (i, pair) in fit.ended.trace.windows(2).enumerate() {
            let fall = pair[0] - pair[1];
            assert!(fall <= 1e-10 * pair[0].abs(), "problem {seed}, step {i}: {fall:e}");
        }
        assert!(fit.ended.last().is_finite());
        let sum: f64 = fit.mixture.weights.iter().sum();
        assert!((sum - 1.0).abs() < 1e-12);
        for (k, held) in problem.fixed.weights.iter().enumerate() {
            assert!(!held || fit.mixture.weights[k] == problem.start.weights[k]);
            let same = fit.mixture.covariances[k] == problem.start.covariances[k];
            assert!(!problem.fixed.covariances[k] || same);
            let held = problem.fixed.means[k] && !problem.start.means.is_empty();
            assert!(!held || fit.mixture.means[k] == problem.start.means[k]);
        }
    }
}

/// A start of rank one keeps its direction, one of rank zero stays, and the rank never grows.
#[test]
fn the_range_of_a_covariance_never_grows() {
    for seed in [4, 5, 10, 17, 22] {
        let problem = Problem { fixed: Fixed::default(), ..problem(seed) };
        let fit = problem.fit(Options { max_iter: 200, ..PLAIN });
        let start = &problem.start.covariances;
        for (k, u) in fit.mixture.covariances.iter().enumerate() {
            let columns = |m: &Mat<f64>| -> Vec<f64> {
                (0..problem.r.pow(2)).map(|e| m[(e % problem.r, e / problem.r)]).collect()
            };
            let rank = |m: &Mat<f64>| psd::factor(problem.r, &columns(m), "U").unwrap().rank;
            assert!(rank(u) <= rank(&start[k]), "seed {seed}, component {k}");
        }
        let (old, new) = (&start[1], &fit.mixture.covariances[1]);
        let scale = new.norm_max() / old.norm_max();
        let off = (new - old * faer::Scale(scale)).norm_max();
        assert!(off <= 1e-13 * new.norm_max(), "seed {seed}: {off:e}");
    }
}

#[test]
fn one_unit_and_one_component_have_a_closed_form() {
    // x ~ N(m, U + s^2), one dimension, many units: m = mean(x), U = var(x) - s^2.
    let x = [-3.0, 1.0, 0.5, 4.0, 2.5, -2.0, 7.0];
    let s = [0.5; 7];
    let v = Correlation::Identity;
    let means = NormalMeans::new(Data { units: 7, conditions: 1, x: &x, s: &s, v }).unwrap();
    let step = EStep::new(Observations::Direct(&means), None).unwrap();
    let mean = x.iter().sum::<f64>() / 7.0;
    let squares = |m: f64| x.iter().map(|x| (x - m).powi(2)).sum::<f64>() / 7.0;
    let one = Mat::from_fn(1, 1, |_, _| 1.0);
    for free in [true, false] {
        let means = if free { vec![vec![0.3]] } else { vec![] };
        let start = Mixture { weights: vec![1.0], means, covariances: vec![one.clone()] };
        let options = Options { tol: 0.0, max_iter: 10_000, regularisation: 0.0 };
        let fit = fit(&step, start, &Fixed::default(), options, &Monitor::default()).unwrap();
        let m = if free { mean } else { 0.0 };
        let total = squares(m);
        assert!((fit.mixture.covariances[0][(0, 0)] - (total - 0.25)).abs() < 1e-6);
        assert!(!free || (fit.mixture.means[0][0] - mean).abs() < 1e-6);
        let best = -3.5 * ((2.0 * std::f64::consts::PI * total).ln() + 1.0);
        assert!((fit.loglik[fit.ended.iterations] - best).abs() < 1e-10);
        assert_eq!(fit.ended.stop, Stop::Converged);
    }
}

/// Posterior moments unit by unit with plain inverses, as the algorithm is printed.
#[test]
fn a_step_is_that_of_posterior_moments() {
    let (j, r) = (9, 3);
    let x = random(4, j * r);
    let noise: Vec<f64> = random(5, j * r).iter().map(|v| 0.3 + v * v).collect();
    let projected = Projected {
        units: j,
        observations: r,
        effects: r,
        x: &x,
        noise: Noise::Diagonal(&noise),
        map: Map::Identity,
    };
    let step = EStep::new(Observations::Projected(&projected), None).unwrap();
    let start = any_mixture(r, true);
    let inverse = |m: &Mat<f64>| {
        let mut columns: Vec<f64> = (0..9).map(|e| m[(e / 3, e % 3)]).collect();
        let mut unit: Vec<f64> = (0..9).map(|e| f64::from(u8::from(e / 3 == e % 3))).collect();
        let log_det = crate::testing::solve(3, &mut columns, 3, &mut unit);
        (Mat::from_fn(3, 3, |i, c| unit[3 * i + c]), log_det)
    };
    let mut q = vec![vec![0.0; 5]; j];
    let mut posterior = vec![Vec::new(); j];
    for unit in 0..j {
        for k in 0..5 {
            let u = &start.covariances[k];
            let mut t = u.clone();
            (0..r).for_each(|i| t[(i, i)] += noise[i * j + unit]);
            let (ti, log_det) = inverse(&t);
            let residual = Mat::from_fn(r, 1, |i, _| x[i * j + unit] - start.means[k][i]);
            let quad = (residual.transpose() * &ti * &residual)[(0, 0)];
            q[unit][k] = start.weights[k] * (-0.5 * (log_det + quad)).exp();
            let mean = Mat::from_fn(r, 1, |i, _| start.means[k][i]) + u * &ti * &residual;
            posterior[unit].push((mean, u - u * &ti * u));
        }
        let sum: f64 = q[unit].iter().sum();
        q[unit].iter_mut().for_each(|q| *q /= sum);
    }
    for w in [0.0, 0.7] {
        let options = Options { tol: -1.0, max_iter: 1, regularisation: w };
        let monitor = Monitor::default();
        let got = fit(&step, start.clone(), &Fixed::default(), options, &monitor).unwrap().mixture;
        for k in [0, 1, 3, 4] {
            let total: f64 = q.iter().map(|q| q[k]).sum();
            assert!((got.weights[k] - total / j as f64).abs() < 1e-13);
            let mut mean = Mat::<f64>::zeros(r, 1);
            for unit in 0..j {
                mean += &posterior[unit][k].0 * faer::Scale(q[unit][k] / total);
            }
            let mut s = Mat::<f64>::zeros(r, r);
            for unit in 0..j {
                let (b, cov) = &posterior[unit][k];
                let off = b - &mean;
                s += (&off * off.transpose() + cov) * faer::Scale(q[unit][k]);
            }
            for i in 0..r {
                assert!((got.means[k][i] - mean[(i, 0)]).abs() < 1e-12);
                for c in 0..r {
                    let unit = f64::from(u8::from(i == c));
                    let want = match w > 0.0 {
                        true => (s[(i, c)] + w * unit) / (total + 1.0),
                        false => s[(i, c)] / total,
                    };
                    assert!((got.covariances[k][(i, c)] - want).abs() < 1e-11, "{w} {k}");
                }
            }
        }
    }
}

#[test]
fn one_thread_and_two_give_the_same_bits() {
    let mut problem = problem(12);
    problem.j = 700;
    problem.x = random(1, 700 * problem.r);
    problem.s = vec![0.4; 700 * problem.r];
    problem.weights = None;
    let [one, two] = [1, 2].map(|threads| {
        let monitor = Monitor::default();
        with_threads(threads, &monitor, |_| true, || Ok(problem.fit(PLAIN))).unwrap()
    });
    assert_eq!(one.ended.trace, two.ended.trace);
    assert!(one.mixture.covariances == two.mixture.covariances);
}

#[test]
fn starts_that_cannot_be_are_refused() {
    let p = problem(1);
    let v = Correlation::Common(&p.v);
    let data = Data { units: p.j, conditions: p.r, x: &p.x, s: &p.s, v };
    let means = NormalMeans::new(data).unwrap();
    let step = EStep::new(Observations::Direct(&means), None).unwrap();
    let run = |start: Mixture, fixed: Fixed, w: f64| {
        let options = Options { regularisation: w, ..PLAIN };
        fit(&step, start, &fixed, options, &Monitor::default())
    };
    let mut indefinite = p.start.clone();
    indefinite.covariances[0][(0, 0)] = -1.0;
    assert_eq!(run(indefinite, Fixed::default(), 0.0).unwrap_err().kind(), "not_psd");
    let short = Fixed { means: vec![true], ..Fixed::default() };
    assert_eq!(run(p.start.clone(), short, 0.0).unwrap_err().kind(), "dimension");
    assert_eq!(run(p.start.clone(), Fixed::default(), f64::NAN).unwrap_err().kind(), "value");
}
