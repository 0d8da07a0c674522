use super::super::posterior::reference::posterior as slow_component;
use super::super::testing::{Case, cases};
use super::*;
use crate::linalg::lanes::kernel;
use crate::random::Stream;
use crate::testing::{random, solve};
use crate::with_threads;

const SEED: u64 = 2024;
const FIRST: u64 = 5_000_000_000;

fn run(case: &Case, level: Level, active: &[usize], weights: &[f64], m: usize) -> Vec<f64> {
    let means = NormalMeans::new(case.data()).unwrap();
    let mut out = vec![f64::NAN; case.j * case.r * m];
    let weights = Weights { active, values: weights };
    let draw = Draw { samples: m, seed: SEED, first_row: FIRST };
    let (prior, scale, monitor) = (case.prior(), scale_of(case), Monitor::default());
    samples_at(level, &means, &prior, weights, (Some(&scale), None), draw, &mut out, &monitor)
        .unwrap();
    out
}

fn scale_of(case: &Case) -> Vec<f64> {
    case.scale(78)
}

/// Mean and covariance (by rows) of a component, of the caller's effects, straight from the formulae.
fn slow(case: &Case, unit: usize, component: Option<(usize, usize)>) -> (Vec<f64>, Vec<f64>) {
    let r = case.r;
    let observed = case.observed(unit);
    let scale: Vec<f64> = scale_of(case).into_iter().skip(unit).step_by(case.j).collect();
    let noise: Vec<f64> = (0..r * r).map(|k| case.noise(unit, k / r, k % r)).collect();
    let u: Vec<f64> = (0..r * r).map(|k| case.covariance(component, k / r, k % r)).collect();
    let x: Vec<f64> = (0..r).map(|i| case.x[i * case.j + unit]).collect();
    let (mut mean, mut cov) = slow_component(r, &u, &noise, &x, &observed);
    mean.iter_mut().zip(&scale).for_each(|(m, s)| *m *= s);
    cov.iter_mut().enumerate().for_each(|(k, c)| *c *= scale[k / r] * scale[k % r]);
    (mean, cov)
}

kernel!(
    /// The first normals of a sample, in order.
    fn normals<V: Lanes>(level: Level, stream: Stream, sample: u32, count: usize) -> Vec<f64> {
        let pairs = (0..count.div_ceil(2)).map(|p| stream.normals::<V>(&[sample], p as u32));
        let all = pairs.flat_map(|(a, b)| [a.to_array()[0], b.to_array()[0]]);
        all.take(count).collect()
    }
);

/// With all weight on one component, samples are `mean + C eps` with known `eps`: rank + 1 samples
/// give `mean` and `C` exactly, whose `CC'` must be the covariance of the dense formula.
fn check_component(case: &Case, level: Level, p: usize, units: &[usize]) {
    let (j, r, prior) = (case.j, case.r, case.prior());
    let component = prior.locate(p);
    let rank = component.map_or(0, |(k, _)| prior.factors[k].rank);
    let m = rank + 1;
    let got = run(case, level, &[p], &vec![1.0; j], m);
    for &unit in units {
        let stream = Stream::new(SEED, FIRST + unit as u64);
        // Rows: samples; [eps, 1] [C, mean]' = b.
        let mut a = Vec::new();
        let mut b = Vec::new();
        for sample in 0..m {
            a.extend(normals(level, stream, sample as u32, rank));
            a.push(1.0);
            b.extend((0..r).map(|i| got[(sample * r + i) * j + unit]));
        }
        solve(m, &mut a, r, &mut b);
        let (mean, cov) = slow(case, unit, component);
        for i in 0..r {
            let place = format!("{} {component:?} unit {unit} condition {i}", case.name);
            let size = 1.0 + mean[i].abs() + cov[i * r + i];
            assert!((b[rank * r + i] - mean[i]).abs() < 1e-8 * size, "mean, {place}");
            for q in 0..r {
                let c: f64 = (0..rank).map(|e| b[e * r + i] * b[e * r + q]).sum();
                let size = 1.0 + cov[i * r + i].max(cov[q * r + q]) + mean[i].abs();
                assert!((c - cov[i * r + q]).abs() < 1e-8 * size, "covariance, {place}, {q}");
            }
            if case.covariance(component, i, i) == 0.0 {
                let exact = (0..m).all(|sample| got[(sample * r + i) * j + unit] == 0.0);
                assert!(exact, "no variance, {place}");
            }
        }
    }
}

#[test]
fn every_component_is_sampled_with_the_mean_and_covariance_of_the_dense_formula() {
    for case in cases() {
        let units: Vec<usize> = [0, 1, 2, case.j - 1].into_iter().filter(|u| *u < case.j).collect();
        let wide = case.r > 12;
        for p in (0..case.prior().len()).filter(|p| !wide || p % 5 == 3 || p % 7 == 2) {
            check_component(&case, level(), p, &units[..if wide { 1 } else { units.len() }]);
        }
    }
}

#[test]
fn every_level_samples_the_same_distribution() {
    let wanted = ["missing R = 5", "scaled R = 7", "diagonal R = 5", "own R = 3", "shared R = 12"];
    for case in cases().iter().filter(|case| wanted.contains(&case.name.as_str())) {
        for level in Level::available() {
            for p in 0..case.prior().len() {
                check_component(case, level, p, &[0, case.j / 2]);
            }
        }
    }
}

/// Weights that differ by unit, all of some size.
fn weights_of(case: &Case, active: &[usize]) -> Vec<f64> {
    let mut w: Vec<f64> = random(9, case.j * active.len()).iter().map(|v| v.abs() + 0.1).collect();
    for unit in 0..case.j {
        let sum: f64 = w.iter().skip(unit).step_by(case.j).sum();
        w.iter_mut().skip(unit).step_by(case.j).for_each(|w| *w /= sum);
    }
    w
}

/// Average of a function over samples, and the error that the average has.
fn average(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let square = values.map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    (mean, (square / n).sqrt())
}

#[test]
fn mixtures_are_sampled_in_the_proportions_of_their_weights() {
    let m = 20_000;
    for case in cases().iter().filter(|case| [1, 2, 5].contains(&case.r) && case.j < 30) {
        let (j, r) = (case.j, case.r);
        let active: Vec<usize> = (0..case.prior().len()).filter(|p| p % 3 != 1).collect();
        let weights = weights_of(case, &active);
        let got = run(case, level(), &active, &weights, m);
        for unit in [0, j - 1] {
            let (mut mean, mut second, mut zero) = (vec![0.0; r], vec![0.0; r * r], vec![0.0; r]);
            for (a, &p) in active.iter().enumerate() {
                let g = weights[a * j + unit];
                let component = case.prior().locate(p);
                let (mu, cov) = slow(case, unit, component);
                for i in 0..r {
                    mean[i] += g * mu[i];
                    zero[i] += g * f64::from(u8::from(case.covariance(component, i, i) == 0.0));
                    (0..r).for_each(|q| second[i * r + q] += g * (cov[i * r + q] + mu[i] * mu[q]));
                }
            }
            let of = |i: usize| (0..m).map(move |sample| (sample * r + i) * j + unit);
            let close = |what: &str, (found, error): (f64, f64), want: f64| {
                let place = format!("{what}, {} unit {unit}: {found} {error} {want}", case.name);
                assert!((found - want).abs() <= 4.5 * error + 1e-9 * want.abs(), "{place}");
            };
            for i in 0..r {
                close("mean", average(of(i).map(|at| got[at])), mean[i]);
                let none = of(i).map(|at| f64::from(u8::from(got[at] == 0.0)));
                close("zero", average(none), zero[i]);
                for q in 0..=i {
                    let product = of(i).zip(of(q)).map(|(a, b)| got[a] * got[b]);
                    close("product", average(product), second[i * r + q]);
                }
            }
        }
    }
}

#[test]
fn threads_and_tiles_and_the_number_of_samples_do_not_matter() {
    let all = cases();
    let case = all.iter().find(|case| case.name == "patterns R = 12").unwrap();
    let active: Vec<usize> = (0..case.prior().len()).collect();
    let weights = weights_of(case, &active);
    let on = |threads: usize, m: usize| {
        let work = || Ok(run(case, level(), &active, &weights, m));
        with_threads(threads, &Monitor::default(), |_| true, work).unwrap()
    };
    let one = on(1, 100);
    assert_eq!(one, on(2, 100));
    assert_eq!(one, on(3, 100));
    // More samples make smaller tiles, and leave the first ones as they are.
    assert_eq!(one, on(2, 700)[..one.len()]);
}

#[test]
fn rows_of_a_part_of_the_data_get_the_numbers_they_have_in_the_whole() {
    let all = cases();
    for name in ["diagonal R = 5", "scaled R = 5", "missing R = 5", "shared R = 5"] {
        let case = all.iter().find(|case| case.name == name).unwrap();
        let active: Vec<usize> = (0..case.prior().len()).collect();
        let weights = weights_of(case, &active);
        let whole = run(case, level(), &active, &weights, 50);
        let part = |table: &[f64]| -> Vec<f64> {
            table.chunks_exact(case.j).flat_map(|column| column[3..6].to_vec()).collect()
        };
        let (x, s, scale) = (part(&case.x), part(&case.s), part(&scale_of(case)));
        let data =
            super::super::Data { units: 3, conditions: 5, x: &x, s: &s, v: case.correlation() };
        let means = NormalMeans::new(data).unwrap();
        let weights = part(&weights);
        let weights = Weights { active: &active, values: &weights };
        let draw = Draw { samples: 50, seed: SEED, first_row: FIRST + 3 };
        let mut out = vec![0.0; 3 * 5 * 50];
        let monitor = Monitor::default();
        samples(&means, &case.prior(), weights, (Some(&scale), None), draw, &mut out, &monitor)
            .unwrap();
        assert_eq!(out, part(&whole), "{name}");
    }
}

#[test]
fn linear_functions_are_those_of_the_sampled_effects_or_exactly_zero() {
    for case in cases().iter().filter(|case| case.r == 5) {
        let (j, m, q) = (case.j, 30, 3);
        let active: Vec<usize> = (0..case.prior().len()).collect();
        let weights = weights_of(case, &active);
        // All ones but for the scale: its multiples are what the equal-effects matrix allows, and
        // the first function is zero on them if effects are not scaled.
        let rows =
            [[1.0, -1.0, 0.0, 0.0, 0.0], [0.3, 0.1, -0.7, 0.2, 0.0], [0.0, 0.0, 0.0, 0.0, 2.0]];
        let a = faer::Mat::from_fn(q, 5, |i, r| rows[i][r]);
        let data = super::super::Data {
            units: j,
            conditions: 5,
            x: &case.x,
            s: &case.s,
            v: case.correlation(),
        };
        let means = NormalMeans::new(data).unwrap();
        let draw = Draw { samples: m, seed: SEED, first_row: FIRST };
        let scale = scale_of(case);
        let (prior, monitor) = (case.prior(), Monitor::default());
        for scale in [None, Some(&scale[..])] {
            let draw_with = |a: Option<MatRef<'_, f64>>, active: &[usize], weights: &[f64]| {
                let weights = Weights { active, values: weights };
                let mut out = vec![f64::NAN; j * m * a.map_or(5, |a| a.nrows())];
                samples(&means, &prior, weights, (scale, a), draw, &mut out, &monitor).unwrap();
                out
            };
            let effects = draw_with(None, &active, &weights);
            let found = draw_with(Some(a.as_ref()), &active, &weights);
            for unit in 0..j {
                for sample in 0..m {
                    for i in 0..q {
                        let term = |r: usize| rows[i][r] * effects[(sample * 5 + r) * j + unit];
                        let want: f64 = (0..5).map(term).sum();
                        let got = found[(sample * q + i) * j + unit];
                        let size: f64 = (0..5).map(|r| term(r).abs()).sum();
                        assert!((got - want).abs() <= 1e-13 * size, "{}", case.name);
                    }
                }
            }
            // Equal effects: matrix 2 of the prior, at its largest scale.
            let equal = draw_with(Some(a.as_ref()), &[prior.column(2, 4)], &vec![1.0; j]);
            let difference = (0..m).map(|sample| equal[sample * q * j]);
            assert_eq!(difference.into_iter().all(|d| d == 0.0), scale.is_none());
        }
    }
}

#[test]
fn weights_that_are_not_are_refused() {
    let case = &cases()[0];
    let means = NormalMeans::new(case.data()).unwrap();
    let draw = Draw { samples: 2, seed: 1, first_row: 0 };
    let mut out = vec![0.0; case.j * case.r * 2];
    for bad in [f64::NAN, -1.0, 0.0, f64::INFINITY] {
        let mut values = vec![1.0; case.j];
        values[case.j - 1] = bad;
        let weights = Weights { active: &[1], values: &values };
        let monitor = Monitor::default();
        let result =
            samples(&means, &case.prior(), weights, (None, None), draw, &mut out, &monitor);
        assert!(matches!(result, Err(Error::Value { name: "weights", .. })));
    }
}
