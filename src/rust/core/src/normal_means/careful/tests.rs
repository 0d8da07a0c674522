use super::super::hostile::{SCALE, problems};
use super::super::posterior::reference::posterior as slow_posterior;
use super::super::testing::{cases, slow_log_density};
use super::*;
use crate::linalg::special::erfc;
use crate::normal_means::Data;

#[test]
fn hostile_problems_have_the_answers_of_130_digits() {
    for problem in problems() {
        let means = NormalMeans::new(problem.data()).unwrap();
        let unit = Unit::new(&means, 0).unwrap();
        let whitened = unit.under(&problem.factor);
        let component = whitened.at(SCALE * SCALE);
        let (got, want) = (component.log_density(), problem.log_density);
        assert!(
            (got - want).abs() < 1e-13 * want.abs().max(10.0),
            "{}: {got} {want}",
            problem.name
        );
        let moments = component.moments();
        for (at, &i) in problem.factor.support.iter().enumerate() {
            let Some(&[mean, sd, negative]) = problem.moments.get(i) else { continue };
            let got = (moments.mean[at], moments.covariance(at, at).sqrt());
            let place = || format!("{} condition {i}: {got:?} {mean} {sd}", problem.name);
            // The answers are stored with 12 digits.
            assert!((got.0 - mean).abs() < 6e-12 * mean.abs() + 1e-13 * sd, "mean, {}", place());
            assert!((got.1 / sd - 1.0).abs() < 6e-12, "sd, {}", place());
            let z = got.0 / got.1 * std::f64::consts::FRAC_1_SQRT_2;
            let tail = if negative < 0.5 { negative } else { 1.0 - negative };
            if negative < 0.5 && tail > 1e-290 {
                assert!((0.5 * erfc(z) / tail - 1.0).abs() < 1e-10, "{negative}, {}", place());
            }
        }
    }
}

#[test]
fn ordinary_problems_have_the_answers_of_dense_elimination() {
    for case in cases().iter().filter(|case| case.r < 20) {
        let v = case.correlation();
        let data = Data { units: case.j, conditions: case.r, x: &case.x, s: &case.s, v };
        let means = NormalMeans::new(data).unwrap();
        let prior = case.prior();
        for position in 0..case.j.min(5) {
            let row = means.row(position);
            let unit = Unit::new(&means, position).unwrap();
            let at_zero = slow_log_density(case, row, None);
            assert!((unit.log_density_at_zero() - at_zero).abs() < 1e-10 * at_zero.abs().max(1.0));
            for p in 1..prior.len() {
                let Some((k, l)) = prior.locate(p) else { continue };
                let (factor, w) = (&prior.factors[k], prior.scales[k][l]);
                let whitened = unit.under(factor);
                let component = whitened.at(w);
                let place = format!("{} row {row} component {p}", case.name);
                let want = slow_log_density(case, row, Some((k, l)));
                let got = component.log_density();
                assert!((got - want).abs() < 1e-10 * want.abs().max(1.0), "{place}: {got} {want}");
                let u: Vec<f64> = (0..case.r * case.r)
                    .map(|e| case.covariance(Some((k, l)), e / case.r, e % case.r))
                    .collect();
                let noise: Vec<f64> =
                    (0..case.r * case.r).map(|e| case.noise(row, e / case.r, e % case.r)).collect();
                let x: Vec<f64> = (0..case.r).map(|i| case.x[i * case.j + row]).collect();
                let (mean, cov) = slow_posterior(case.r, &u, &noise, &x, &case.observed(row));
                for moments in [component.moments(), component.moments_of(factor)] {
                    for (a, &i) in factor.support.iter().enumerate() {
                        let size = mean[i].abs() + cov[i * case.r + i].abs().sqrt() + 1.0;
                        assert!((moments.mean[a] - mean[i]).abs() < 1e-9 * size, "mean {place}");
                        for (b, &q) in factor.support.iter().enumerate() {
                            let got = moments.covariance(a, b);
                            let error = (got - cov[i * case.r + q]).abs();
                            assert!(error < 1e-8 * (1.0 + u[i * case.r + i]), "cov {place}");
                        }
                    }
                }
                if factor.rank == 1 {
                    let (g, h) = whitened.line();
                    let sd = (w / (1.0 + w * g)).sqrt();
                    for (a, &i) in factor.support.iter().enumerate() {
                        let f = factor.row(i)[0];
                        let got = (f * sd * sd * h, (f * sd).abs());
                        assert!(
                            (got.0 - component.moments().mean[a]).abs()
                                < 1e-10 * (1.0 + got.0.abs())
                        );
                        let root = component.moments().covariance(a, a).sqrt();
                        assert!((got.1 - root).abs() <= 1e-12 * got.1, "line {place}");
                    }
                }
            }
        }
    }
}

#[test]
fn what_a_prior_matrix_sees_of_an_inverse_is_its_projection() {
    for case in cases().iter().filter(|case| case.r == 5 || case.r == 7) {
        let v = case.correlation();
        let data = Data { units: case.j, conditions: case.r, x: &case.x, s: &case.s, v };
        let means = NormalMeans::new(data).unwrap();
        let (prior, r) = (case.prior(), case.r);
        let (row, unit) = (means.row(0), Unit::new(&means, 0).unwrap());
        let observed = case.observed(row);
        let n = observed.len();
        for (k, factor) in prior.factors.iter().enumerate().filter(|(_, f)| f.rank > 0) {
            let component = Some((k, 2));
            let total = |e: usize| {
                let (i, p) = (observed[e / n], observed[e % n]);
                case.noise(row, i, p) + case.covariance(component, i, p)
            };
            let mut t: Vec<f64> = (0..n * n).map(total).collect();
            // [T^{-1} over all conditions, T^{-1} x].
            let mut solved = vec![0.0; n * (r + 1)];
            for (a, &i) in observed.iter().enumerate() {
                solved[a * (r + 1) + i] = 1.0;
                solved[a * (r + 1) + r] = case.x[i * case.j + row];
            }
            crate::testing::solve(n, &mut t, r + 1, &mut solved);
            let whitened = unit.under(factor);
            let (precision, y) = whitened.at(prior.scales[k][2]).precision().unwrap();
            // F'AF and F'y see no more than the projection.
            let f = |i: usize, c: usize| factor.row(i)[c];
            for c in 0..factor.rank {
                let seen = |a: usize, q: usize| f(observed[a], c) * solved[a * (r + 1) + q];
                let want: f64 = (0..n).map(|a| seen(a, r)).sum();
                let got: f64 = (0..r).map(|i| f(i, c) * y[i]).sum();
                assert!((got - want).abs() < 1e-9 * want.abs().max(1.0), "{} {k}", case.name);
                for d in 0..factor.rank {
                    let want: f64 =
                        (0..n).map(|a| (0..r).map(|q| seen(a, q) * f(q, d)).sum::<f64>()).sum();
                    let by = |i: usize| -> f64 {
                        (0..r).map(|q| f(i, c) * precision[i * r + q] * f(q, d)).sum()
                    };
                    let got: f64 = (0..r).map(by).sum();
                    assert!((got - want).abs() < 1e-9 * want.abs().max(1.0), "{} {k}", case.name);
                }
            }
        }
    }
}
