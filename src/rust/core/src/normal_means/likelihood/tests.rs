use super::*;
use crate::linalg::lanes::at_each_level;
use crate::normal_means::hostile::{Worst, problems};
use crate::normal_means::testing::{Case, cases, slow_log_density};
use crate::normal_means::{Correlation, Data};

fn relative(got: f64, want: f64) -> f64 {
    (got - want).abs() / want.abs().max(1.0)
}

fn run(case: &Case, prior: &Prior) -> Mat<f64> {
    let means = NormalMeans::new(case.data()).unwrap();
    let mut out = Mat::zeros(case.j, prior.len());
    let likelihood = Likelihood::new(&means, prior).unwrap();
    likelihood.all(out.as_mut(), &Monitor::default()).unwrap();
    out
}

#[test]
fn every_path_agrees_with_dense_elimination() {
    for case in cases() {
        let prior = case.prior();
        let got = run(&case, &prior);
        for j in 0..case.j {
            for p in 0..prior.len() {
                let want = slow_log_density(&case, j, prior.locate(p));
                let error = relative(got[(j, p)], want);
                assert!(error < 1e-10, "{} row {j} component {p}: {error:e}", case.name);
            }
        }
    }
}

#[test]
fn some_components_are_the_same_columns_of_all() {
    for case in cases() {
        let prior = case.prior();
        let all = run(&case, &prior);
        let wanted: Vec<usize> = (0..prior.len()).rev().filter(|p| p % 3 != 1).collect();
        let means = NormalMeans::new(case.data()).unwrap();
        let some = Likelihood::of(&means, &prior, &wanted).unwrap();
        let mut out = Mat::zeros(case.j, wanted.len());
        some.all(out.as_mut(), &Monitor::default()).unwrap();
        for (c, &p) in wanted.iter().enumerate() {
            for j in 0..case.j {
                assert!(relative(out[(j, c)], all[(j, p)]) < 1e-13, "{} {j} {p}", case.name);
            }
        }
    }
}

#[test]
fn a_unit_with_singular_noise_is_named() {
    let v: Vec<f64> = [[1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]].concat();
    let (x, s) = ([1.0; 4], [1.0; 4]);
    let data = Data { units: 2, conditions: 2, x: &x, s: &s, v: Correlation::PerUnit(&v) };
    let means = NormalMeans::new(data).unwrap();
    let prior = Prior::new(2, &[("U", &[1.0, 0.0, 0.0, 1.0])], &[1.0], true).unwrap();
    let mut out = Mat::zeros(2, 2);
    let likelihood = Likelihood::new(&means, &prior).unwrap();
    let error = likelihood.all(out.as_mut(), &Monitor::default()).unwrap_err();
    assert_eq!(error, Error::SingularNoise { unit: 1 });
}

#[test]
fn hostile_problems_have_their_digits_at_every_level() {
    at_each_level(|level| {
        let mut worst = Worst::default();
        for problem in problems() {
            let prior = problem.prior();
            for form in problem.forms() {
                let means = NormalMeans::new(form.data()).unwrap();
                let likelihood = Likelihood::new(&means, &prior).unwrap();
                let mut out = Mat::zeros(form.units, 1);
                for block in means.blocks() {
                    let rows = out.as_mut().subrows_mut(block.range.start, block.range.len());
                    likelihood.block(&block, rows).unwrap();
                }
                let at = (0..form.units).find(|&p| means.row(p) == 0).unwrap();
                let error = relative(out[(at, 0)], problem.log_density);
                worst.add(
                    format!("{level:?} {} {}", problem.group(), form.name),
                    &problem.name,
                    &[error],
                );
            }
        }
        worst.check(&[1e-10]);
    });
}
