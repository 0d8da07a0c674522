//! Factors that coordinate ascent alone does not find.

use super::factor::{Factor, SampleWeights};
use super::fit::fit;
use super::greedy::{LeftPrior, Options};
use super::left::Kind;
use super::slab::Sign;
use super::tests::{FREE, design, free_variance, problem};
use crate::Monitor;
use crate::predictors::Dense;
use crate::testing::normals;

#[test]
fn variants_move_to_the_weights_they_belong_to() {
    let (n, p) = (300, 40);
    let x = design(7, n, p, false);
    let noise = normals(8, n);
    // The proportions of two cell types that go together, and two variants of each.
    let z = normals(9, 2 * n);
    let share =
        |i: usize, k: usize| 1.0 + 0.5 * z[i].tanh() + 0.3 * z[(k * n + i) % (2 * n)].tanh();
    let weights: Vec<f64> = (0..2 * n).map(|at| share(at % n, at / n)).collect();
    let effect = |i: usize, j: usize| x[j * n + i];
    let y: Vec<f64> = (0..n)
        .map(|i| {
            let first = weights[i] * (effect(i, 3) - effect(i, 11));
            let second = weights[n + i] * (effect(i, 20) + effect(i, 31));
            first + second + 0.7 * noise[i]
        })
        .collect();
    let ones = vec![1.0; n];
    let given = Dense::as_given(&x[..], n);
    let mut problem = problem((n, 1), &given, &y, &ones, FREE);
    problem.weights = Some(SampleWeights { values: &weights, count: 2 });
    let (left, sign) = (LeftPrior::SpikeSlab, Sign::Positive);
    let options = Options { factors: 2, left, sign, seeds: 3, max_iter: 200, tol: 1e-6 };
    let monitor = Monitor::default();
    let done = fit(&problem, free_variance(n, 1), Vec::new(), options, &monitor).unwrap();
    for (k, truth) in [(0, [3, 11]), (1, [20, 31])] {
        let factor = done.state.factors.iter().find(|f| f.weight == Some(k)).unwrap();
        let Kind::Sparse(slab) = &factor.left.kind else { unreachable!() };
        let inside: Vec<usize> = (0..p).filter(|&j| slab.alpha[j] > 0.5).collect();
        assert_eq!(inside, truth, "{k}");
    }
}

/// Variants that are in, factor by factor, when variant 6 acts on outcomes 0 to 3, and variant 21 on
/// outcomes 2 to 5.
fn overlapping(seed: u64, size: f64, left: LeftPrior) -> Vec<Vec<usize>> {
    let (n, p, m) = (150, 30, 8);
    let effects =
        [[1.0, 0.8, 1.2, -1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.7, -0.9, 0.8, 0.7, 0.0, 0.0]];
    let x = design(seed, n, p, false);
    let noise = normals(seed + 100, n * m);
    let y: Vec<f64> = (0..n * m)
        .map(|at| {
            let (i, t) = (at % n, at / n);
            size * (effects[0][t] * x[6 * n + i] + effects[1][t] * x[21 * n + i]) + noise[at]
        })
        .collect();
    let ones = vec![1.0; n];
    let given = Dense::as_given(&x[..], n);
    let problem = problem((n, m), &given, &y, &ones, FREE);
    let sign = Sign::Any;
    let options = Options { factors: 4, left, sign, seeds: 3, max_iter: 200, tol: 1e-6 };
    let monitor = Monitor::default();
    let done = fit(&problem, free_variance(n, m), Vec::new(), options, &monitor).unwrap();
    for pair in done.ended.trace.windows(2) {
        assert!(pair[1] >= pair[0] - 1e-8 * pair[0].abs(), "{seed}");
    }
    let variants = |factor: &Factor| -> Vec<usize> {
        let pip = match &factor.left.kind {
            Kind::Sparse(slab) => slab.alpha.clone(),
            Kind::Single(effects) => effects.pip(),
            Kind::Group(_) => unreachable!(),
        };
        (0..p).filter(|&j| pip[j] > 0.5).collect()
    };
    let mut found: Vec<Vec<usize>> = done.state.factors.iter().map(variants).collect();
    found.sort();
    found
}

#[test]
fn factors_on_the_same_outcomes_turn_until_they_are_sparse() {
    for left in [LeftPrior::SpikeSlab, LeftPrior::SingleEffects(3)] {
        for seed in 0..10 {
            assert_eq!(overlapping(seed, 0.6, left), [[6], [21]], "{left:?} {seed}");
        }
    }
}

#[test]
fn a_factor_that_holds_two_variants_with_other_outcomes_splits() {
    for seed in [1, 5, 8] {
        assert_eq!(overlapping(seed, 0.35, LeftPrior::SpikeSlab), [[6], [21]], "{seed}");
    }
}
