use faer::Mat;

use super::*;
use crate::linalg::psd;
use crate::noise::{Residual, Structure};
use crate::predictors::{Dense, Responses};
use crate::regression::mr_mash::{self, Options, fit};
use crate::testing::random;
use crate::weights::WeightUpdate;
use crate::{Monitor, Prior, with_threads};

const N: usize = 60;
const P: usize = 70;
const R: usize = 2;

/// X with neighbours in linkage, and Y with two effects; every fourth value of the first response
/// is missing if `gaps`.
fn data(seed: u64, gaps: bool) -> (Vec<f64>, Mat<f64>) {
    let noise = random(seed, N * (P + R));
    let x: Vec<f64> = (0..N * P)
        .map(|k| {
            let own = noise[k];
            if k >= N { 0.7 * noise[k - N] + own } else { own }
        })
        .collect();
    let at = |i: usize, j: usize| x[j * N + i];
    let y = Mat::from_fn(N, R, |i, c| {
        let e = noise[N * P + c * N + i];
        let y = at(i, 10) + if c == 0 { -1.0 } else { 1.0 } * at(i, 40) + e;
        if gaps && c == 0 && i % 4 == 1 { f64::NAN } else { y }
    });
    (x, y)
}

fn basis() -> Vec<f64> {
    vec![1.0 / (N as f64).sqrt(); N]
}

fn design(seed: u64, gaps: bool) -> Responses<Dense<'static>> {
    let (x, y) = data(seed, gaps);
    let x = Dense::new(x, N, &basis(), true, &Monitor::default()).unwrap();
    Responses::new(x, &basis(), y.as_ref(), None)
}

fn prior(null: f64) -> Prior {
    let u = [vec![1.0, 1.0, 1.0, 1.0], vec![1.0, 0.0, 0.0, 1.0], vec![1.0, 0.0, 0.0, 0.0]];
    let factors: Vec<_> = u.iter().map(|u| psd::factor(R, u, "U").unwrap()).collect();
    let prior = Prior::scaled(R, factors, vec![vec![0.05, 0.4]; 3], true).unwrap();
    let mut weights = vec![(1.0 - null) / 6.0; 7];
    weights[0] = null;
    prior.with_weights(&weights).unwrap()
}

fn task(prior: &Prior, restart: bool) -> Task<'_> {
    let restart = restart.then(|| Restart { prior: self::prior(0.5), sweeps: 40 });
    let structure = Structure::Full;
    Task { prior, structure, tol: 1e-9, max_iter: 300, restart, threshold: 2.0, posterior: true }
}

fn run(seed: u64, gaps: bool, start: Start<'_>, restart: bool) -> Found {
    let prior = prior(0.95);
    regress(design(seed, gaps), start, &task(&prior, restart), &Monitor::default()).unwrap()
}

/// Where a fit has come to.
fn on(found: &Found) -> Start<'_> {
    Start {
        coefficients: Some(found.fit.mean.as_ref()),
        covariance: Some(found.fit.residual.covariance.as_ref()),
        level: Some(found.level.as_ref()),
    }
}

#[test]
fn a_region_is_a_regression_with_these_weights() {
    for gaps in [false, true] {
        let found = run(3, gaps, Start::default(), false);
        let prior = prior(0.95);
        let mut design = design(3, gaps);
        let v = design.covariance(Mat::zeros(R, P).as_ref()).unwrap();
        let residual = Residual::start(Structure::Full, v.as_ref());
        let penalty = [1.0; 7];
        let options = Options {
            weights: WeightUpdate::Fixed,
            penalty: &penalty,
            threshold: 0.0,
            tol: 1e-9,
            tol_weights: 0.0,
            max_iter: 300,
        };
        let start = mr_mash::Start { residual, coefficients: None };
        let own = fit(&mut design, &prior, start, &options, &Monitor::default()).unwrap();
        assert!(own.elbo == found.fit.elbo && own.mean == found.fit.mean);
    }
}

#[test]
fn going_on_never_lowers_the_bound() {
    for gaps in [false, true] {
        let first = run(4, gaps, Start::default(), false);
        let start = on(&first);
        let mut last = first.fit.elbo;
        for restart in [false, true] {
            let next = run(4, gaps, start, restart);
            assert!(next.fit.elbo >= last - 1e-9 * last.abs(), "{} < {last}", next.fit.elbo);
            last = next.fit.elbo;
        }
    }
}

#[test]
fn a_fit_that_was_left_goes_on_where_it_was() {
    // Missing responses and intercepts are part of the state: after a few sweeps, the next one
    // raises the bound as it would have.
    let (prior, monitor) = (prior(0.95), Monitor::default());
    for gaps in [false, true] {
        let mut few = task(&prior, false);
        few.max_iter = 3;
        let left = regress(design(8, gaps), Start::default(), &few, &monitor).unwrap();
        few.max_iter = 4;
        let straight = regress(design(8, gaps), Start::default(), &few, &monitor).unwrap();
        few.max_iter = 1;
        let next = regress(design(8, gaps), on(&left), &few, &monitor).unwrap();
        assert!(next.fit.elbo >= left.fit.elbo, "{gaps}: {}", next.fit.elbo - left.fit.elbo);
        // But for one update of the residual covariance, which a fit does between sweeps.
        assert!((next.fit.elbo - straight.fit.elbo).abs() < 2.0);
    }
}

#[test]
fn a_region_that_starts_at_no_effects_finds_them_when_it_starts_anew() {
    // All of one effect put on a predictor that tags both: a place that sweeps do not leave.
    let prior = prior(0.9999);
    let monitor = Monitor::default();
    let mut cold = task(&prior, false);
    cold.max_iter = 1;
    let poor = regress(design(5, false), Start::default(), &cold, &monitor).unwrap();
    let start = on(&poor);
    let mut short = task(&prior, true);
    short.max_iter = 1;
    let found = regress(design(5, false), start, &short, &monitor).unwrap();
    assert!(found.restarted && found.fit.elbo > poor.fit.elbo + 1.0);
    // The residuals are those of the fit that stays: a further sweep goes on from there.
    let start = on(&found);
    let next = regress(design(5, false), start, &task(&prior, false), &monitor).unwrap();
    assert!(next.fit.elbo >= found.fit.elbo - 1e-9 * found.fit.elbo.abs());
}

#[test]
fn the_sketch_has_the_gradient_of_all_rows() {
    let found = run(6, false, Start::default(), false);
    let prior = prior(0.95);
    let table = mr_mash::row_log_bayes_factors(&found.fit, &prior, &found.norms).unwrap();
    let Sketch { rows, log_bf, others, mean, sample } = &found.sketch;
    assert!(!rows.is_empty() && rows.len() + others == P);
    assert!(!sample.is_empty() && sample.iter().all(|j| !rows.contains(j)));
    let whole = |pi: &[f64]| -> f64 {
        let row = |j: usize| (0..7).map(|t| pi[t] * table[t * P + j].exp()).sum::<f64>().ln();
        (0..P).map(row).sum()
    };
    let kept = |pi: &[f64]| -> f64 {
        let m = rows.len();
        let row = |i: usize| (0..7).map(|t| pi[t] * log_bf[t * m + i].exp()).sum::<f64>().ln();
        let rest: f64 = (0..7).map(|t| pi[t] * mean[t]).sum::<f64>().ln();
        (0..m).map(row).sum::<f64>() + *others as f64 * rest
    };
    let sparse = prior.weights.clone();
    let mut other = vec![0.01; 7];
    other[0] = 0.94;
    let (a, b) = (whole(&other) - whole(&sparse), kept(&other) - kept(&sparse));
    assert!((a - b).abs() < 0.02 * a.abs().max(0.5), "{a} {b}");
}

#[test]
fn each_signal_has_one_lead() {
    let found = run(7, false, Start::default(), true);
    let leads: Vec<usize> = found.signals.iter().map(|s| s.lead).collect();
    assert_eq!(leads.len(), 2, "{:?}", found.signals);
    for wanted in [10, 40] {
        assert!(leads.iter().any(|l| l.abs_diff(wanted) <= 1), "{leads:?}");
    }
    assert!(found.signals.iter().all(|s| s.mass > 0.5));
}

#[test]
fn threads_do_not_matter_and_a_bad_region_stands_alone() {
    let (prior, monitor) = (prior(0.95), Monitor::default());
    let task = task(&prior, true);
    let from = |threads: usize| {
        let one = |i: usize| {
            let v = Mat::<f64>::zeros(R, R);
            let covariance = (i == 2).then(|| v.as_ref());
            let start = Start { coefficients: None, covariance, level: None };
            regress(design(i as u64, i % 2 == 1), start, &task, &monitor)
        };
        with_threads(threads, &monitor, |_| true, || each(6, &monitor, one)).unwrap()
    };
    let (one, two) = (from(1), from(2));
    for (i, (a, b)) in one.iter().zip(&two).enumerate() {
        match (a, b) {
            (Ok(a), Ok(b)) => {
                assert!(i != 2 && a.fit.elbo == b.fit.elbo && a.fit.mean == b.fit.mean);
                assert!(a.sketch.log_bf == b.sketch.log_bf && a.signals == b.signals);
                assert!(a.posterior == b.posterior);
            }
            (Err(_), Err(_)) => assert_eq!(i, 2),
            _ => panic!("region {i} fails on one thread count only"),
        }
    }
}
