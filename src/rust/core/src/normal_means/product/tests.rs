use faer::Mat;

use super::*;
use crate::linalg::scalar::log_sum_exp;
use crate::linalg::special::erfc;
use crate::normal_means::posterior::Posterior;
use crate::normal_means::samples::Draw;
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
    let monitor = Monitor::default();
    let loglik = product.loglik(data, &monitor).unwrap();
    let beside = Beside { product: product.clone(), weight: 1.0 };
    let mut tables = vec![vec![0.0; data.units * data.conditions]; 6];
    let reported = Reported { scale, a: None };
    mix(&beside, data, &vec![1.0; data.units], reported, &mut tables, None);
    Found { loglik, tables }
}

fn mix(
    beside: &Beside,
    data: Data,
    share: &[f64],
    reported: Reported,
    tables: &mut [Vec<f64>],
    covariance: Option<&mut [f64]>,
) {
    let [mean, sd, lfdr, negative, positive, lfsr] = tables else { panic!() };
    let out = Posterior { mean, sd, lfdr, negative, positive, lfsr, covariance };
    beside.mix(data, share, reported, out, &Monitor::default()).unwrap();
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

/// Tables of two results and their covariances by hand, from the cells of independent errors: the
/// first plus twice the second effect, and the first less the second, on a scale.
#[test]
fn sums_of_effects_are_those_over_all_combinations_of_their_parts() {
    let (j, r) = (40, 3);
    let x: Vec<f64> = random(1, j * r).iter().map(|x| 6.0 * x).collect();
    let s: Vec<f64> = uniforms(2, j * r).iter().map(|u| 0.5 + u).collect();
    let scale: Vec<f64> = uniforms(3, j * r).iter().map(|u| 0.5 + u).collect();
    let data = Data { units: j, conditions: r, x: &x, s: &s, v: Correlation::Identity };
    let product = product(r);
    let a = Mat::from_fn(2, r, |q, c| [[1.0, 2.0, 0.0], [1.0, -1.0, 0.0]][q][c]);
    let beside = Beside { product, weight: 1.0 };
    let share: Vec<f64> = uniforms(4, j);
    // What the other components say, made up.
    let others: Vec<Vec<f64>> = (0..6).map(|t| uniforms(10 + t, 2 * j)).collect();
    let (mut tables, mut covariance) = (others.clone(), vec![0.25; 4 * j]);
    let reported = Reported { scale: Some(&scale), a: Some(a.as_ref()) };
    mix(&beside, data, &share, reported, &mut tables, Some(&mut covariance));
    for row in 0..j {
        let cells: Vec<_> = (0..r)
            .map(|c| {
                let delta = 1.0 / (s[c * j + row] * s[c * j + row]);
                beside.product.parts(c, delta, delta * x[c * j + row])
            })
            .collect();
        let by = |q: usize, c: usize| a[(q, c)] * scale[c * j + row];
        // Parts with a point at zero.
        let of = |c: usize| -> Vec<(f64, f64, f64)> {
            let zero = [(cells[c].zero, 0.0, 0.0)];
            let slabs = cells[c].slabs.iter().map(|s| (s.weight, s.mean, s.variance));
            zero.into_iter().chain(slabs).collect()
        };
        let mut sums = [[0.0; 5]; 2];
        let mut both = 0.0;
        for (w0, m0, v0) in of(0) {
            for (w1, m1, v1) in of(1) {
                let w = w0 * w1;
                let mean = |q: usize| by(q, 0) * m0 + by(q, 1) * m1;
                let cross =
                    |q: usize, p: usize| by(q, 0) * by(p, 0) * v0 + by(q, 1) * by(p, 1) * v1;
                both += w * (mean(0) * mean(1) + cross(0, 1));
                for q in 0..2 {
                    let (m, v) = (mean(q), cross(q, q));
                    let below = if v > 0.0 { 0.5 * erfc(m / (2.0 * v).sqrt()) } else { 0.0 };
                    let zero = f64::from(u8::from(v <= 0.0));
                    let values = [m, m * m + v, zero, below, 1.0 - zero - below];
                    sums[q].iter_mut().zip(values).for_each(|(s, v)| *s += w * v);
                }
            }
        }
        let r = share[row];
        let mixed =
            |q: usize, table: usize, own: f64| (1.0 - r) * others[table][q * j + row] + r * own;
        for q in 0..2 {
            let at = |table: usize| tables[table][q * j + row];
            let mean = mixed(q, 0, sums[q][0]);
            assert!((at(0) - mean).abs() < 1e-10 * (1.0 + mean.abs()));
            let (m, sd) = (others[0][q * j + row], others[1][q * j + row]);
            let second = (1.0 - r) * (m * m + sd * sd) + r * sums[q][1];
            let want = (second - mean * mean).sqrt();
            assert!((at(1) - want).abs() < 1e-8 * (1.0 + want), "{} {want}", at(1));
            for (table, own) in [(2, sums[q][2]), (3, sums[q][3]), (4, sums[q][4])] {
                assert!((at(table) - mixed(q, table, own)).abs() < 1e-12);
            }
            let lfsr = at(2) + at(3).min(at(4));
            assert_eq!(at(5), lfsr.min(1.0));
        }
        let m = |q: usize| others[0][q * j + row];
        let want =
            (1.0 - r) * (0.25 + m(0) * m(1)) + r * both - tables[0][row] * tables[0][j + row];
        let found = [covariance[4 * row + 1], covariance[4 * row + 2]];
        assert!(found.iter().all(|f| (f - want).abs() < 1e-9 * (1.0 + want.abs())));
    }
}

#[test]
fn samples_have_the_moments_of_the_cells_and_replace_as_many_as_the_share() {
    let (j, r, m) = (6, 2, 40_000);
    let x = [0.2, 3.0, 4.5, -1.0, 8.0, f64::NAN, 1.0, -2.0, 0.1, 5.0, -6.0, 2.0];
    let s = [1.0; 12];
    let data = Data { units: j, conditions: r, x: &x, s: &s, v: Correlation::Identity };
    let beside = Beside { product: product(r), weight: 1.0 };
    let want = found(data, &beside.product, None).tables;
    let share = [1.0, 1.0, 1.0, 1.0, 0.3, 0.0];
    // Others leave a mark that no effect has.
    let mark = 1e9;
    let reported = Reported { scale: None, a: None };
    let run = |samples, first_row| {
        let mut out = vec![mark; j * r * samples];
        let draw = Draw { samples, seed: 7, first_row };
        let monitor = Monitor::default();
        beside.replace_samples(data, &share, reported, draw, &mut out, &monitor).unwrap();
        out
    };
    let out = run(m, 0);
    let mean_of = |row: usize, c: usize, of: &dyn Fn(f64) -> f64| {
        let values = (0..m).map(|k| out[(k * r + c) * j + row]);
        values.map(of).sum::<f64>() / m as f64
    };
    for row in 0..4 {
        for c in 0..r {
            let at = |table: usize| want[table][c * j + row];
            let bound = 5.0 * at(1) / (m as f64).sqrt() + 1e-12;
            assert!((mean_of(row, c, &|b| b) - at(0)).abs() < bound);
            for (probability, is) in [(at(2), 0.0), (at(3), -1.0)] {
                let found = mean_of(row, c, &|b| {
                    let sign = if b == 0.0 { 0.0 } else { b.signum() };
                    f64::from(u8::from(sign == is))
                });
                let bound = 5.0 * (probability * (1.0 - probability) / m as f64).sqrt() + 1e-12;
                assert!((found - probability).abs() < bound, "{row} {c} {found} {probability}");
            }
            let spread = mean_of(row, c, &|b| (b - at(0)).powi(2)) / (at(1) * at(1));
            assert!((spread - 1.0).abs() < 0.1, "{row} {c} {spread}");
        }
    }
    // Effects of independent errors are independent.
    let product: f64 = (0..m).map(|k| out[2 * k * j + 2] * out[(2 * k + 1) * j + 2]).sum::<f64>();
    let moments = (want[0][2], want[0][j + 2], want[1][2], want[1][j + 2]);
    let second = |mean: f64, sd: f64| mean * mean + sd * sd;
    let sd = (second(moments.0, moments.2) * second(moments.1, moments.3)).sqrt();
    assert!((product / m as f64 - moments.0 * moments.1).abs() < 5.0 * sd / (m as f64).sqrt());
    let replaced = 1.0 - mean_of(4, 0, &|b| f64::from(u8::from(b == mark)));
    assert!((replaced - 0.3).abs() < 5.0 * (0.21 / m as f64).sqrt(), "{replaced}");
    assert!((0..m).all(|k| out[2 * k * j + 5] == mark));
    // Fewer samples are the first; another first row has others.
    assert_eq!(run(10, 0), out[..j * r * 10]);
    assert!(run(10, 1) != out[..j * r * 10]);
    // As linear functions.
    let a = Mat::from_fn(1, 2, |_, c| [1.0, -1.0][c]);
    let mut mapped = vec![mark; j * 10];
    let draw = Draw { samples: 10, seed: 7, first_row: 0 };
    let reported = Reported { scale: Some(&[2.0; 12]), a: Some(a.as_ref()) };
    let monitor = Monitor::default();
    beside.replace_samples(data, &share, reported, draw, &mut mapped, &monitor).unwrap();
    for k in 0..10 {
        let want = 2.0 * (out[2 * k * j] - out[(2 * k + 1) * j]);
        assert!((mapped[k * j] - want).abs() < 1e-12);
    }
}

#[test]
fn likelihoods_are_joined_by_weight() {
    let beside = Beside { product: product(2), weight: 0.25 };
    let product = [-3.0_f64, -800.0, -1.0];
    let (others, alone) = ([-2.0_f64, -1.0, -900.0], [-4.0_f64, -2.0, -950.0]);
    let (mut vloglik, mut alternative) = (others, alone);
    let share = beside.join(&product, 0.6, &mut vloglik, Some(&mut alternative));
    let want = (0.75 * (-2.0_f64).exp() + 0.25 * (-3.0_f64).exp()).ln();
    assert!((vloglik[0] - want).abs() < 1e-14);
    assert!((share[0] - 0.25 * (-3.0_f64 - want).exp()).abs() < 1e-14);
    let want = ((0.3 * (-4.0_f64).exp() + 0.25 * (-3.0_f64).exp()) / 0.55).ln();
    assert!((alternative[0] - want).abs() < 1e-14);
    assert!((vloglik[1] - (-1.0 + 0.75_f64.ln())).abs() < 1e-12 && share[1] == 0.0);
    assert!((vloglik[2] - (-1.0 + 0.25_f64.ln())).abs() < 1e-12 && share[2] == 1.0);
    let whole = Beside { weight: 1.0, ..beside };
    let mut vloglik = others;
    assert_eq!(whole.join(&product, 1.0, &mut vloglik, None), [1.0; 3]);
    assert_eq!(vloglik, product);
    assert_eq!(Beside::given_others(&[0.2, 0.3]), [0.4, 0.6]);
    assert_eq!(Beside::given_others(&[0.0, 0.0]), [1.0, 0.0]);
}
