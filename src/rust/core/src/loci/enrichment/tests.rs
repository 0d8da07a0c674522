use faer::Mat;

use super::*;
use crate::linalg::search::maximum;

fn example() -> (Vec<usize>, Mat<f64>, Vec<f64>) {
    let wave = |i: usize, f: f64| ((i as f64 + 1.0) * f).sin();
    let x = Mat::from_fn(60, 2, |j, c| if c == 0 { 1.0 } else { wave(j, 1.7).max(0.0) });
    let log_bf = (0..60).map(|j| 3.0 * wave(j, 0.9) * wave(j, 2.3) + wave(j, 1.7)).collect();
    (vec![0, 15, 30, 45, 60], x, log_bf)
}

/// Loci of eight variables, of which some have an effect, more often those that are annotated.
fn strong() -> (Vec<usize>, Mat<f64>, Vec<f64>) {
    let x = Mat::from_fn(640, 2, |j, c| if c == 0 || j % 3 == 0 { 1.0 } else { 0.0 });
    let causal = |j: usize| j % 24 == 0 || j % 96 == 13;
    let log_bf = (0..640).map(|j| if causal(j) { 6.0 + (j as f64).sin() } else { -0.5 }).collect();
    ((0..=80).map(|l| 8 * l).collect(), x, log_bf)
}

/// The likelihood, by enumeration of the causal variable of each locus.
fn enumerated(starts: &[usize], x: &Mat<f64>, log_bf: &[f64], a: &[f64]) -> f64 {
    let pi = |j: usize| logistic(x[(j, 0)] * a[0] + x[(j, 1)] * a[1]);
    let locus = |w: &[usize]| {
        let none: f64 = (w[0]..w[1]).map(|j| 1.0 - pi(j)).product();
        let one = |j: usize| none / (1.0 - pi(j)) * pi(j) * log_bf[j].exp();
        (none + (w[0]..w[1]).map(one).sum::<f64>()).ln()
    };
    starts.windows(2).map(locus).sum()
}

#[test]
fn the_single_signal_fit_is_a_maximum_of_the_likelihood() {
    let (starts, x, log_bf) = example();
    let loci = Loci { starts: &starts, annotations: x.as_ref(), penalty: 0.0 };
    let options = EmOptions { tol: 1e-13, max_iter: 20_000 };
    let fit = single_signal(&loci, &log_bf, &[-2.0, 0.0], options, &Monitor::default()).unwrap();
    let at = |a: &[f64]| enumerated(&starts, &x, &log_bf, a);
    let best = at(&fit.a);
    assert!((fit.ended.last() - best).abs() < 1e-10);
    assert!(fit.ended.trace.windows(2).all(|w| w[1] >= w[0] - 1e-10));
    for (da, db) in [(1e-2, 0.0), (-1e-2, 0.0), (0.0, 1e-2), (0.0, -1e-2)] {
        assert!(at(&[fit.a[0] + da, fit.a[1] + db]) < best);
    }
    // Probabilities of the first locus.
    let sum: f64 = fit.pip[..15].iter().sum();
    assert!((sum + fit.null[0] - 1.0).abs() < 1e-12);
}

#[test]
fn at_the_ends_of_an_interval_the_best_likelihood_is_lower_by_the_quantile() {
    let (starts, x, log_bf) = strong();
    let monitor = Monitor::default();
    let options = EmOptions { tol: 1e-12, max_iter: 20_000 };
    for penalty in [0.0, 2.0] {
        let loci = Loci { starts: &starts, annotations: x.as_ref(), penalty };
        let fit = single_signal(&loci, &log_bf, &[-3.0, 0.0], options, &monitor).unwrap();
        let found = intervals(&loci, &log_bf, &fit, 0.95, 1000, &monitor).unwrap();
        let at = |a: [f64; 2]| enumerated(&starts, &x, &log_bf, &a) - 0.5 * penalty * a[1] * a[1];
        let grid: Vec<f64> = (-12..=12).map(f64::from).collect();
        let loss = |c: usize, held: f64| {
            let with = |other: f64| at(if c == 0 { [held, other] } else { [other, held] });
            fit.ended.last() - maximum(with, &grid, 1e-6).value
        };
        for (c, interval) in found.iter().enumerate() {
            assert!(interval.lower < fit.a[c] && fit.a[c] < interval.upper);
            for end in [interval.lower, interval.upper] {
                let found = 2.0 * loss(c, end);
                assert!((found - 3.841_458_820_694_124).abs() < 5e-3, "{penalty} {c}: {found}");
            }
        }
        let p = erfc_of_half(loss(1, 0.0));
        assert!((found[1].p_value / p - 1.0).abs() < 1e-3, "{} {p}", found[1].p_value);
    }
}

/// The probability that a chi-squared variable with one degree of freedom is above twice `x`, by the
/// trapezoid rule on the normal density.
fn erfc_of_half(x: f64) -> f64 {
    let z = (2.0 * x).sqrt();
    let density = |t: f64| (-0.5 * t * t).exp() / std::f64::consts::TAU.sqrt();
    let h = 1e-4;
    (0..80_000).map(|i| 2.0 * h * density(z + (f64::from(i) + 0.5) * h)).sum()
}

#[test]
fn where_nothing_is_causal_intervals_have_no_lower_end() {
    let (starts, x, log_bf) = strong();
    let loci = Loci { starts: &starts, annotations: x.as_ref(), penalty: 0.0 };
    let (monitor, options) = (Monitor::default(), EmOptions { tol: 1e-6, max_iter: 1000 });
    let null = vec![-0.5; log_bf.len()];
    let fit = single_signal(&loci, &null, &[-3.0, 0.0], options, &monitor).unwrap();
    assert!(fit.ended.converged() && fit.ended.last().abs() < 1e-4);
    let found = intervals(&loci, &null, &fit, 0.95, 1000, &monitor).unwrap();
    assert!(found[0].lower == f64::NEG_INFINITY && found[0].upper < -1.0);
    assert!(found[1].lower == f64::NEG_INFINITY && found[1].upper == f64::INFINITY);
    assert!(found[1].p_value > 0.95);
    // Of the intercept alone, in closed form: 80 loci of eight variables.
    let alone = Loci { annotations: x.as_ref().subcols(0, 1), ..loci };
    let fit = single_signal(&alone, &null, &[-3.0], options, &monitor).unwrap();
    let found = intervals(&alone, &null, &fit, 0.95, 1000, &monitor).unwrap()[0];
    let odds = found.upper.exp();
    let value = 80.0 * ((8.0 * odds * (-0.5_f64).exp()).ln_1p() - 8.0 * odds.ln_1p());
    assert!((-2.0 * value - 3.841_458_820_694_124).abs() < 2e-3, "{value}");
}

#[test]
fn a_logistic_regression_comes_back_from_certainty() {
    let (starts, x, log_bf) = example();
    let loci = Loci { starts: &starts, annotations: x.as_ref(), penalty: 0.0 };
    let monitor = Monitor::default();
    let response: Vec<f64> = log_bf.iter().map(|b| 0.02 * b.exp().min(4.0)).collect();
    let from = |a: &[f64]| regress(&loci, &response, a.to_vec(), Free::all(2), &monitor).unwrap();
    let best = from(&[-2.0, 0.0]);
    for start in [[900.0, 0.0], [-900.0, 0.0], [0.0, 800.0], [-300.0, 900.0]] {
        let found = from(&start);
        let same = found.iter().zip(&best).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(same, "{start:?}: {found:?}, not {best:?}");
    }
}

#[test]
fn places_solve_the_multinomial_regression() {
    let (starts, x, log_bf) = example();
    let x = Mat::from_fn(60, 1, |j, _| x[(j, 1)]);
    let weight: Vec<f64> = log_bf.iter().map(|b| b.exp() / 10.0).collect();
    for penalty in [0.0, 2.0] {
        let loci = Loci { starts: &starts, annotations: x.as_ref(), penalty };
        let a = places(&loci, &weight, &[0.0], &Monitor::default()).unwrap();
        let value = |a: f64| -> f64 {
            let locus = |w: &[usize]| {
                let total: f64 = (w[0]..w[1]).map(|j| (a * x[(j, 0)]).exp()).sum();
                (w[0]..w[1]).map(|j| weight[j] * (a * x[(j, 0)] - total.ln())).sum::<f64>()
            };
            starts.windows(2).map(locus).sum::<f64>() - 0.5 * penalty * a * a
        };
        let slope = (value(a[0] + 1e-5) - value(a[0] - 1e-5)) / 2e-5;
        assert!(slope.abs() < 1e-5, "{slope}");
        let place = place_probabilities(&loci, &a).unwrap();
        assert!((place[..15].iter().sum::<f64>() - 1.0).abs() < 1e-12);
        let ratio = (a[0] * (x[(1, 0)] - x[(0, 0)])).exp();
        assert!((place[1] / place[0] - ratio).abs() < 1e-12 * ratio);
    }
}

#[test]
fn with_a_penalty_annotations_that_are_the_same_share_their_effect() {
    let (starts, _, log_bf) = example();
    let x = Mat::from_fn(60, 2, |j, _| f64::from(u8::from(j % 3 == 0)));
    let weight: Vec<f64> = log_bf.iter().map(|b| b.exp()).collect();
    let fit = |columns: usize, penalty: f64| {
        let annotations = x.as_ref().subcols(0, columns);
        let loci = Loci { starts: &starts, annotations, penalty };
        places(&loci, &weight, &vec![0.0; columns], &Monitor::default()).unwrap()
    };
    let (one, two) = (fit(1, 0.5), fit(2, 1.0));
    assert!((two[0] - two[1]).abs() < 1e-6 && (two[0] + two[1] - one[0]).abs() < 1e-6);
}
