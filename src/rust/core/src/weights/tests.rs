//! Facts about the proportions: closed forms, and certificates computed by plain loops.

use super::*;
use crate::Stop;
use crate::testing::uniforms;

/// Log-likelihoods of effects with heavy tails under normals of rising variance: neighbouring
/// columns are nearly collinear.
fn scale_mixture(rows: usize, cols: usize, seed: u64) -> Vec<f64> {
    let z = uniforms(seed, 4 * rows);
    let x: Vec<f64> = z.chunks(4).map(|z| (z[0] + z[1] - 1.0) * (1.0 + 0.5 / z[2])).collect();
    let variance = |p: usize| 0.2 * 1.3f64.powi(p as i32);
    let loglik = |p: usize, x: &f64| -0.5 * (variance(p).ln() + x * x / variance(p));
    (0..cols).flat_map(|p| x.iter().map(move |x| loglik(p, x)).collect::<Vec<_>>()).collect()
}

fn scaled(mut loglik: Vec<f64>, rows: usize) -> Vec<f64> {
    let cols = loglik.len() / rows;
    scale_rows(&mut loglik, rows, cols, rows, &Monitor::default()).unwrap();
    loglik
}

struct Case<'a> {
    values: &'a [f64],
    rows: usize,
    prior: Vec<f64>,
    weights: Option<Vec<f64>>,
    start: Option<Vec<f64>>,
    options: Options,
}

impl<'a> Case<'a> {
    fn new(values: &'a [f64], rows: usize) -> Self {
        let prior = vec![1.0; values.len() / rows];
        Self { values, rows, prior, weights: None, start: None, options: Options::default() }
    }

    fn fit(&self) -> Result<Mixture, Error> {
        let cols = self.values.len() / self.rows;
        let view = Likelihoods::new(self.values, self.rows, cols, self.rows)?;
        let (weights, start) = (self.weights.as_deref(), self.start.as_deref());
        mixture_weights(view, &self.prior, weights, start, self.options, &Monitor::default())
    }

    /// Objective, largest violation and largest complementarity product, by plain loops.
    fn certificate(&self, pi: &[f64]) -> (f64, f64, f64) {
        let weight = |j: usize| self.weights.as_ref().map_or(1.0, |w| w[j]);
        let mut g = vec![0.0; pi.len()];
        let (mut objective, mut total) = (0.0, 0.0);
        for j in 0..self.rows {
            let l = |p: usize| self.values[p * self.rows + j];
            let u: f64 = (0..pi.len()).map(|p| l(p) * pi[p]).sum();
            if weight(j) > 0.0 {
                objective += weight(j) * u.ln();
                total += weight(j);
                (0..pi.len()).for_each(|p| g[p] += weight(j) * l(p) / u);
            }
        }
        for (p, a) in self.prior.iter().enumerate().filter(|(_, a)| **a > 1.0) {
            objective += (a - 1.0) * pi[p].ln();
            total += a - 1.0;
            g[p] += (a - 1.0) / pi[p];
        }
        let largest = g.iter().map(|g| g / total - 1.0).fold(f64::MIN, f64::max);
        let products = g.iter().zip(pi).map(|(g, pi)| (pi * (g / total - 1.0)).abs());
        (objective, largest, products.fold(0.0, f64::max))
    }

    /// Fit, and check all that a converged fit promises.
    fn check(&self) -> Mixture {
        let fit = self.fit().unwrap();
        let (objective, kkt, product) = self.certificate(&fit.pi);
        assert!(fit.ended.converged(), "{}", fit.ended.message);
        assert!(kkt <= 1e-8 && product <= 1e-8, "{kkt:e} {product:e}");
        assert!((kkt - fit.kkt).abs() < 1e-12);
        assert!((objective - fit.objective).abs() < 1e-12 * objective.abs().max(1.0));
        assert!((fit.pi.iter().sum::<f64>() - 1.0).abs() < 1e-14);
        assert!(fit.pi.iter().all(|&x| x == 0.0 || x > 1e-13));
        let falls = |f: &[f64]| f[1] < f[0] - 1e-13 * f[0].abs();
        assert!(!fit.ended.trace.windows(2).any(falls), "{:?}", fit.ended.trace);
        fit
    }
}

#[test]
fn two_columns_have_their_closed_form_inside_and_on_the_boundary() {
    // n1 rows (1, a) and n2 rows (b, 1).
    for (n1, n2, a, b, want) in [(40, 60, 0.1, 0.2, 31.2 / 72.0), (70, 30, 0.3, 0.6, 1.0)] {
        let column = |x: f64, y: f64| [vec![x; n1], vec![y; n2]].concat();
        let values = [column(1.0, b), column(a, 1.0)].concat();
        let fit = Case::new(&values, n1 + n2).check();
        // Zero of n1 (1 - a) / (pi + a (1 - pi)) - n2 (1 - b) / (b pi + 1 - pi), or past one.
        let (m1, m2) = (n1 as f64 * (1.0 - a), n2 as f64 * (1.0 - b));
        let zero = (m1 - m2 * a) / ((1.0 - a) * (1.0 - b) * (n1 + n2) as f64);
        assert!((zero.min(1.0) - want).abs() < 1e-14);
        assert!((fit.pi[0] - want).abs() < 1e-12, "{} {want}", fit.pi[0]);
    }
}

#[test]
fn rows_that_each_fit_one_column_give_counts_plus_the_penalty() {
    let (rows, cols) = (600, 7);
    let mut values = vec![0.0; rows * cols];
    let mut counts = vec![0.0; cols];
    for (j, x) in uniforms(5, rows).into_iter().enumerate() {
        let p = ((x * x * 6.0) as usize).min(cols - 2); // the last column fits no row
        values[p * rows + j] = 1.0;
        counts[p] += 1.0;
    }
    let mut case = Case::new(&values, rows);
    let fit = case.check();
    (0..cols).for_each(|p| assert!((fit.pi[p] - counts[p] / 600.0).abs() < 1e-13));
    case.prior = vec![10.0, 1.0, 1.5, 1.0, 1.0, 1.0, 3.0];
    let fit = case.check();
    for p in 0..cols {
        let want = (counts[p] + case.prior[p] - 1.0) / (600.0 + 9.0 + 0.5 + 2.0);
        assert!((fit.pi[p] - want).abs() < 1e-10, "{p}: {} {want}", fit.pi[p]);
    }
}

#[test]
fn one_row_or_one_column_or_equal_rows_need_no_search() {
    let one = Case::new(&[0.2, 1.0, 0.7], 1).check();
    assert_eq!(one.pi, [0.0, 1.0, 0.0]);
    assert_eq!(Case::new(&[1.0; 9], 9).check().pi, [1.0]);
    let equal = [vec![0.5; 800], vec![1.0; 800]].concat();
    assert_eq!(Case::new(&equal, 800).check().pi, [0.0, 1.0]);
}

#[test]
fn nearly_collinear_columns_are_certified_with_and_without_penalty_and_weights() {
    for (rows, cols) in [(40, 90), (700, 60), (3000, 33), (20_000, 20)] {
        let values = scaled(scale_mixture(rows, cols, rows as u64), rows);
        let mut case = Case::new(&values, rows);
        case.check();
        case.prior[0] = 10.0;
        case.check();
        case.weights = Some(uniforms(3, rows).iter().map(|x| (3.0 * x).floor()).collect());
        case.check();
        case.prior = vec![1.5; cols];
        assert!(case.check().pi.iter().all(|&x| x > 0.0));
    }
}

#[test]
fn copies_of_columns_do_not_change_the_objective() {
    let values = scaled(scale_mixture(500, 30, 1), 500);
    let twice = [&values[..], &values[..]].concat();
    let once = Case::new(&values, 500).check().objective;
    assert!((Case::new(&twice, 500).check().objective - once).abs() < 1e-10);
}

#[test]
fn likelihood_ratios_of_hundreds_of_log_units_are_solved() {
    let x = uniforms(8, 400 * 25);
    for spread in [100.0, 1000.0, 1e5] {
        let loglik: Vec<f64> = x.iter().map(|x| -spread * x).collect();
        Case::new(&scaled(loglik, 400), 400).check();
    }
}

#[test]
fn a_row_of_weight_two_is_two_rows() {
    let values = scaled(scale_mixture(300, 20, 4), 300);
    let mut weighted = Case::new(&values, 300);
    weighted.prior[0] = 4.0;
    weighted.weights = Some((0..300).map(|j| (j % 3) as f64).collect());
    let repeat = |c: &[f64]| (0..300).flat_map(|j| vec![c[j]; j % 3]).collect::<Vec<_>>();
    let repeated: Vec<f64> = values.chunks(300).flat_map(repeat).collect();
    let mut plain = Case::new(&repeated, 300);
    plain.prior = weighted.prior.clone();
    let (a, b) = (weighted.check(), plain.check());
    assert!((a.objective - b.objective).abs() < 1e-11);
    assert!(a.pi.iter().zip(&b.pi).all(|(a, b)| (a - b).abs() < 1e-8));
}

#[test]
fn weight_on_few_of_many_rows_is_found() {
    // The first sample of 20,000 rows has the rows 0 to 63, 1024 to 1087, ...
    let values = scaled(scale_mixture(20_000, 15, 12), 20_000);
    let mut case = Case::new(&values, 20_000);
    for on in [100..130, 19_000..20_000] {
        let weight = |j: usize| f64::from(u8::from(on.contains(&j)));
        case.weights = Some((0..20_000).map(weight).collect());
        let part = |c: &[f64]| c[on.clone()].to_vec();
        let few: Vec<f64> = values.chunks(20_000).flat_map(part).collect();
        let alone = Case::new(&few, on.len()).check();
        assert!((case.check().objective - alone.objective).abs() < 1e-10);
    }
}

#[test]
fn a_start_at_the_optimum_is_left_alone_and_a_bad_one_does_no_harm() {
    let values = scaled(scale_mixture(900, 40, 6), 900);
    let mut case = Case::new(&values, 900);
    let fit = case.check();
    case.start = Some(fit.pi.clone());
    assert!(case.check().ended.iterations <= 1);
    for p in [0, 39] {
        case.start = Some((0..40).map(|q| f64::from(u8::from(p == q))).collect());
        assert!((case.check().objective - fit.objective).abs() < 1e-10);
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let values = scaled(scale_mixture(20_000, 24, 7), 20_000);
    let mut case = Case::new(&values, 20_000);
    case.prior[0] = 10.0;
    let on = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    let mut fits = Vec::new();
    for n in 1..=3 {
        case.options.method = Method::Convex;
        let convex = on(n).install(|| case.fit()).unwrap();
        case.options = Options { method: Method::Em, max_iter: 5, ..case.options };
        let em = on(n).install(|| case.fit()).unwrap();
        case.options = Options::default();
        fits.push((convex.pi, convex.ended.trace, convex.kkt, em.pi, em.ended.trace));
    }
    assert_eq!(fits[0], fits[1]);
    assert_eq!(fits[0], fits[2]);
}

#[test]
fn columns_may_be_farther_apart_than_rows() {
    let values = scaled(scale_mixture(50, 12, 2), 50);
    let pad = |c: &[f64]| [c, &[f64::NAN; 5]].concat();
    let apart: Vec<f64> = values.chunks(50).flat_map(pad).collect();
    let view = Likelihoods::new(&apart, 50, 12, 55).unwrap();
    let (a, m) = (vec![1.0; 12], Monitor::default());
    let fit = mixture_weights(view, &a, None, None, Options::default(), &m).unwrap();
    assert_eq!(fit.pi, Case::new(&values, 50).check().pi);
}

#[test]
fn expectation_maximisation_climbs_and_admits_that_it_stopped_short() {
    let values = scaled(scale_mixture(800, 15, 9), 800);
    let mut case = Case::new(&values, 800);
    let best = case.check().objective;
    case.options = Options { tol: 1e-6, max_iter: 20, method: Method::Em };
    let short = case.fit().unwrap();
    assert_eq!(
        (short.ended.stop, short.ended.iterations, short.ended.trace.len()),
        (Stop::Iterations, 20, 21)
    );
    assert!(short.ended.trace.windows(2).all(|f| f[1] > f[0]));
    let (objective, kkt, _) = case.certificate(&short.pi);
    assert!((objective - short.objective).abs() < 1e-10 && (kkt - short.kkt).abs() < 1e-12);
    assert!(best > objective && best <= objective + short.gap);
    case.options = Options { tol: 1e-3, max_iter: 100_000, method: Method::Em };
    let fit = case.fit().unwrap();
    assert!(fit.ended.converged() && best - fit.objective < fit.gap && fit.kkt <= 1e-3);
}

#[test]
fn the_limit_of_iterations_is_reported_with_a_true_certificate() {
    let values = scaled(scale_mixture(900, 40, 6), 900);
    let mut case = Case::new(&values, 900);
    let best = case.check().objective;
    case.options.max_iter = 1;
    let fit = case.fit().unwrap();
    assert_eq!((fit.ended.stop, fit.ended.iterations), (Stop::Iterations, 1));
    assert!((case.certificate(&fit.pi).1 - fit.kkt).abs() < 1e-12);
    assert!(best - fit.objective <= fit.gap);
}

#[test]
fn a_request_to_stop_is_obeyed() {
    let monitor = Monitor::default();
    monitor.request_stop();
    let view = Likelihoods::new(&[1.0, 0.5, 0.5, 1.0], 2, 2, 2).unwrap();
    let stopped = mixture_weights(view, &[1.0; 2], None, None, Options::default(), &monitor);
    assert_eq!(stopped.unwrap_err(), Error::Interrupted);
    let mut loglik = vec![0.0; 4];
    assert_eq!(scale_rows(&mut loglik, 2, 2, 2, &monitor).unwrap_err(), Error::Interrupted);
}

#[test]
fn unusable_arguments_are_named() {
    let values = [1.0, 0.5, 0.5, 1.0];
    let message = |change: fn(&mut Case)| {
        let mut case = Case::new(&values, 2);
        change(&mut case);
        case.fit().unwrap_err().to_string()
    };
    assert!(message(|c| c.prior[1] = 0.5).contains("`prior` is 0.5 in element 2"));
    assert!(message(|c| c.prior[0] = f64::NAN).contains("element 1"));
    assert!(message(|c| c.prior.push(1.0)).contains("`prior` has 3 elements, not 2"));
    assert!(message(|c| c.weights = Some(vec![1.0, -1.0])).contains("`row_weights` is -1"));
    assert!(message(|c| c.weights = Some(vec![0.0; 2])).contains("zero everywhere"));
    assert!(message(|c| c.start = Some(vec![1.0])).contains("`start` has 1 elements"));
    assert!(message(|c| c.start = Some(vec![1.0, f64::INFINITY])).contains("element 2"));
    assert!(Likelihoods::new(&values, 0, 2, 2).is_err());
    assert!(Likelihoods::new(&values, 2, 3, 2).is_err());
    assert!(Likelihoods::new(&values, 2, 2, 1).is_err());
}
