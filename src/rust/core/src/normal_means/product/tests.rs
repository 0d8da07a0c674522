use super::*;
use crate::linalg::scalar::log_sum_exp;
use crate::normal_means::testing::{Case, cases};
use crate::testing::{random, uniforms};
use crate::with_threads;

/// Tables of results, and the log-likelihoods.
struct Found {
    loglik: Vec<f64>,
    tables: Vec<Vec<f64>>,
}

fn data(case: &Case) -> Data<'_> {
    let v = case.correlation();
    Data { units: case.j, conditions: case.r, x: &case.x, s: &case.s, v }
}

fn product(r: usize) -> Product {
    let variances = [0.0, 0.1, 2.0, 30.0];
    Product::new(r, &variances, &uniforms(3, 4 * r)).unwrap()
}

fn found(data: Data, product: &Product, scale: Option<&[f64]>) -> Found {
    let cells = data.units * data.conditions;
    let mut loglik = vec![0.0; data.units];
    let mut tables = vec![vec![0.0; cells]; 6];
    let [mean, sd, lfdr, negative, positive, lfsr] = &mut tables[..] else { panic!() };
    let out = Posterior { mean, sd, lfdr, negative, positive, lfsr, covariance: None };
    product.posterior(data, (scale, true), &mut loglik, out, &Monitor::default()).unwrap();
    Found { loglik, tables }
}

/// Every combination of components of the conditions: log-likelihood, and means, second moments and
/// probabilities of zero and of negative effects.
fn by_enumeration(case: &Case, unit: usize, product: &Product) -> (f64, Vec<[f64; 4]>) {
    let (r, l) = (case.r, product.variances.len());
    let observed = case.observed(unit);
    let n = observed.len();
    let mut terms = Vec::new();
    for code in 0..l.pow(r as u32) {
        let part = |c: usize| code / l.pow(c as u32) % l;
        let log_weight: f64 = (0..r).map(|c| product.log_weights[c * l + part(c)]).sum();
        let variance = |c: usize| product.variances[part(c)];
        // S = N + diag(v), and S^{-1} (x, e_1, ..., e_n).
        let mut s: Vec<f64> = (0..n * n)
            .map(|at| {
                let (i, k) = (observed[at / n], observed[at % n]);
                case.noise(unit, i, k) + if i == k { variance(i) } else { 0.0 }
            })
            .collect();
        let mut b = vec![0.0; n * (n + 1)];
        for (i, &c) in observed.iter().enumerate() {
            b[i * (n + 1)] = case.x[c * case.j + unit];
            b[i * (n + 1) + 1 + i] = 1.0;
        }
        let log_det = crate::testing::solve(n, &mut s, n + 1, &mut b);
        let solved = |i: usize, k: usize| b[i * (n + 1) + k];
        let quad: f64 = (0..n).map(|i| case.x[observed[i] * case.j + unit] * solved(i, 0)).sum();
        let log = log_weight - 0.5 * (n as f64 * super::super::problem::LOG_2_PI + log_det + quad);
        let cell = |c: usize| {
            let v = variance(c);
            match observed.iter().position(|&o| o == c) {
                None => (0.0, v),
                Some(i) => (v * solved(i, 0), v - v * v * solved(i, 1 + i)),
            }
        };
        terms.push((log, (0..r).map(cell).collect::<Vec<_>>()));
    }
    let loglik = log_sum_exp(terms.iter().map(|t| t.0));
    let mut out = vec![[0.0; 4]; r];
    for (log, cells) in &terms {
        let share = (log - loglik).exp();
        for (out, &(mean, variance)) in out.iter_mut().zip(cells) {
            let negative =
                if variance > 0.0 { 0.5 * erfc(mean / (2.0 * variance).sqrt()) } else { 0.0 };
            let zero = f64::from(u8::from(variance <= 0.0));
            let values = [mean, mean * mean + variance, zero, negative];
            out.iter_mut().zip(values).for_each(|(o, v)| *o += share * v);
        }
    }
    (loglik, out)
}

fn small(independent: bool) -> Vec<Case> {
    let all = cases().into_iter().filter(|case| case.r <= 3);
    all.filter(|case| case.v.is_none() == independent).collect()
}

#[test]
fn independent_errors_give_the_sum_over_all_combinations() {
    for case in small(true) {
        let product = product(case.r);
        let Found { loglik, tables } = found(data(&case), &product, None);
        for unit in 0..case.j {
            let (want, cells) = by_enumeration(&case, unit, &product);
            assert!((loglik[unit] - want).abs() < 1e-10 * (1.0 + want.abs()), "{}", case.name);
            for (c, [mean, second, zero, negative]) in cells.into_iter().enumerate() {
                let at = |table: usize| tables[table][c * case.j + unit];
                let sd = (second - mean * mean).sqrt();
                assert!((at(0) - mean).abs() < 1e-9 * (1.0 + mean.abs()), "{}", case.name);
                assert!((at(1) - sd).abs() < 1e-6 * (1.0 + mean.abs()), "{}", case.name);
                assert!((at(2) - zero).abs() < 1e-10 && (at(3) - negative).abs() < 1e-10);
                assert!((at(2) + at(3) + at(4) - 1.0).abs() < 1e-12);
                assert_eq!(at(5), at(2) + at(3).min(at(4)));
            }
        }
    }
}

#[test]
fn with_correlated_errors_the_bound_is_below_the_likelihood_and_close_to_it() {
    let mut gaps = Vec::new();
    for case in small(false) {
        let product = product(case.r);
        let Found { loglik, .. } = found(data(&case), &product, None);
        for (unit, bound) in loglik.into_iter().enumerate() {
            let (want, _) = by_enumeration(&case, unit, &product);
            assert!(bound <= want + 1e-9 * (1.0 + want.abs()), "{} {bound} {want}", case.name);
            gaps.push(want - bound);
        }
    }
    gaps.sort_by(f64::total_cmp);
    assert!(gaps[gaps.len() / 2] < 0.2, "{}", gaps[gaps.len() / 2]);
}

#[test]
fn a_correlation_of_zero_is_none() {
    for case in small(true).iter().filter(|case| case.r == 3) {
        let product = product(3);
        let identity: Vec<f64> = (0..9).map(|k| f64::from(u8::from(k % 4 == 0))).collect();
        let plain = found(data(case), &product, None);
        let v = Correlation::Common(&identity);
        let same = found(Data { v, ..data(case) }, &product, None);
        for (a, b) in
            plain.tables.iter().chain([&plain.loglik]).zip(same.tables.iter().chain([&same.loglik]))
        {
            let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9 * (1.0 + a.abs());
            assert!(a.iter().zip(b).all(near), "{}", case.name);
        }
    }
}

#[test]
fn results_are_the_same_on_any_number_of_threads_and_in_any_company() {
    let (j, r) = (600, 3);
    let x: Vec<f64> = random(1, j * r).iter().map(|x| 5.0 * x).collect();
    let s: Vec<f64> = uniforms(2, j * r).iter().map(|u| 0.5 + u).collect();
    let v = [1.0, 0.5, 0.2, 0.5, 1.0, 0.1, 0.2, 0.1, 1.0];
    let data = Data { units: j, conditions: r, x: &x, s: &s, v: Correlation::Common(&v) };
    let (product, monitor) = (product(r), Monitor::default());
    let run = |threads| {
        let work = || Ok(found(data, &product, Some(&s)));
        with_threads(threads, &monitor, |_| true, work).unwrap()
    };
    let (one, two) = (run(1), run(2));
    assert_eq!((&one.loglik, &one.tables), (&two.loglik, &two.tables));
    let last = |all: &[f64]| -> Vec<f64> { (0..r).map(|c| all[c * j + j - 1]).collect() };
    let (x, s) = (last(&x), last(&s));
    let alone = found(Data { units: 1, x: &x, s: &s, ..data }, &product, Some(&s));
    assert_eq!(alone.loglik[0], one.loglik[j - 1]);
    assert_eq!(alone.tables[0], last(&one.tables[0]));
}

#[test]
fn large_effects_are_finite_and_wrong_shapes_are_named() {
    let x = [1e4, -1e4];
    let data = Data { units: 1, conditions: 2, x: &x, s: &[1.0, 1.0], v: Correlation::Identity };
    let Found { loglik, tables } = found(data, &product(2), None);
    assert!(loglik[0].is_finite() && tables.iter().flatten().all(|v| v.is_finite()));
    let wrong = |variances: &[f64], weights: &[f64]| Product::new(2, variances, weights).is_err();
    assert!(wrong(&[], &[]) && wrong(&[1.0], &[1.0]) && wrong(&[-1.0], &[1.0, 1.0]));
    assert!(wrong(&[1.0], &[1.0, 0.0]) && !wrong(&[1.0], &[1.0, 3.0]));
}
