use faer::Mat;

use super::pursuit::Pursuit;
use super::tests::{Case, case, options};
use super::*;
use crate::noise::Structure;
use crate::testing::random;

/// Three variables that are alike, whose effects hide one another, among others like them.
fn hidden(seed: u64) -> Case {
    let (n, p) = (400, 24);
    let u = random(seed, n * (p + 2));
    let mut x = Mat::from_fn(n, p, |i, j| u[j * n + i] * 0.45 + u[p * n + i]);
    for j in 0..p {
        let mean = x.col(j).iter().sum::<f64>() / n as f64;
        x.col_mut(j).iter_mut().for_each(|x| *x -= mean);
    }
    let signal = |i: usize| x[(i, 3)] - x[(i, 9)] + x[(i, 17)];
    let y = Mat::from_fn(n, 1, |i, _| 0.9 * signal(i) + u[(p + 1) * n + i]);
    let us = vec![Mat::from_fn(1, 1, |_, _| 1.0)];
    let place = vec![1.0 / p as f64; p];
    Case { x, y, v: Mat::from_fn(1, 1, |_, _| 1.0), us, weights: vec![1.0], place }
}

fn truth() -> Vec<Start> {
    let one = |(j, b): (usize, f64)| Start { variables: vec![j], mean: Mat::full(1, 1, b) };
    [(3, 0.9), (9, -0.9), (17, 0.9)].into_iter().map(one).collect()
}

fn last(f: &(Fit, Mat<f64>)) -> f64 {
    f.0.ended.last()
}

#[test]
fn a_pursuit_takes_what_explains_most_given_the_others() {
    let case = hidden(2);
    let region = case.rows();
    let place: Vec<f64> = case.place.iter().map(|w| w.ln()).collect();
    let mut pursuit = Pursuit::new(&*region, &place).unwrap();
    // Half the sum of squares that variables explain, by their projection.
    let explained = |chosen: &[usize]| {
        let x = Mat::from_fn(case.x.nrows(), chosen.len(), |i, c| case.x[(i, chosen[c])]);
        let q = x.qr();
        let along = q.compute_thin_Q().transpose() * &case.y;
        0.5 * along.squared_norm_l2()
    };
    for others in [vec![], vec![5], vec![3, 9], vec![1, 4, 20]] {
        let gain = |j: usize| explained(&[others.clone(), vec![j]].concat());
        let outside = (0..24).filter(|j| !others.contains(j));
        let best = outside.max_by(|a, b| gain(*a).total_cmp(&gain(*b))).unwrap();
        assert_eq!(pursuit.next(&others), Some(best));
    }
    let found = pursuit.pursue(6);
    assert!([3, 9, 17].iter().all(|j| found.contains(j)), "{found:?}");
    let mut worth = pursuit.worth(&found).0.unwrap().variables;
    worth.sort_unstable();
    assert_eq!(worth, [3, 9, 17]);
}

#[test]
fn a_refined_fit_is_as_high_as_one_that_starts_at_the_truth() {
    let mut gained = 0;
    for seed in 1..9 {
        let case = hidden(seed);
        let with = |refine| Options { refine, ..options(6, ScaleRule::Optim) };
        let plain = last(&case.fit(case.rows(), &with(Refine::Never)));
        let told = case.fit_from(case.rows(), &with(Refine::Never), &truth());
        for refine in [Refine::Test, Refine::Always] {
            let fit = case.fit(case.rows(), &with(refine));
            assert!(last(&fit) >= plain - 1e-6, "{seed} {refine:?}");
            assert!(last(&fit) >= last(&told) - 0.01, "{seed} {refine:?}");
        }
        gained += usize::from(last(&told) > plain + 1.0);
    }
    assert!(gained > 0, "the case is hard for a fit without another start");
}

#[test]
fn a_fit_goes_on_from_another() {
    let case = case(12, 60, 9, 2);
    let options = Options { tol: 1e-7, ..options(4, ScaleRule::Optim) };
    let (fit, b) = case.fit(case.rows(), &options);
    let region = case.rows();
    let root = region.noise().root.transpose();
    let start = |e: &Effect| Start { variables: e.active.clone(), mean: &e.mean * root };
    let starts: Vec<Start> = fit.effects.iter().filter(|e| e.scale > 0.0).map(start).collect();
    assert!(starts.len() > 1);
    for design in [case.rows(), case.incomplete(&case.y, false, 1e9)] {
        // The second is of the same data, but not whitened.
        let again = case.fit_from(design, &options, &starts);
        assert!(again.0.ended.iterations <= 3, "{}", again.0.ended.iterations);
        assert!((again.0.ended.last() - fit.ended.last()).abs() < 1e-5);
        assert!((&again.1 - &b).norm_max() < 1e-3);
    }
}

#[test]
fn a_residual_covariance_that_is_let_go_raises_the_bound() {
    let case = case(14, 60, 12, 3);
    let with = |residual, hold_residual| {
        let options = options(4, ScaleRule::Optim);
        case.fit(case.rows(), &Options { residual, hold_residual, tol: 1e-5, ..options })
    };
    let held = with(Structure::Known, false);
    let (free, first) = (with(Structure::Full, false), with(Structure::Full, true));
    assert!(last(&first) > last(&held) + 1.0);
    assert!((last(&first) - last(&free)).abs() < 0.01, "{} {}", last(&first), last(&free));
    let trace = &first.0.ended.trace;
    assert!(trace.windows(2).all(|b| b[1] > b[0] - 1e-6), "{trace:?}");
}
