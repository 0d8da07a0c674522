//! Gradients against finite differences and quadrature, fits against the coordinate engine.

use super::adam::{Gradient, slopes};
use super::cells::Cells;
use super::fit as stochastic;
use crate::Monitor;
use crate::factored::factor::Factor;
use crate::factored::families::binomial::Binomial;
use crate::factored::families::dispersion::{Dispersion, Link};
use crate::factored::families::negative_binomial::{Mean, NegativeBinomial};
use crate::factored::families::{Family, Outcomes};
use crate::factored::fit::fit;
use crate::factored::greedy::{LeftPrior, Options};
use crate::factored::left::{Kind, Left};
use crate::factored::slab::{Sign, Slab};
use crate::factored::state::{Problem, State};
use crate::factored::tests::{FREE, design, direct, free_variance, problem};
use crate::linalg::scalar::{logistic, logit};
use crate::predictors::{Dense, Predictors};
use crate::testing::normals;

#[test]
fn slopes_of_a_coefficient_are_those_of_its_bound() {
    let by = Gradient { mean: 1.7, second: -2.3 };
    for sign in [Sign::Any, Sign::Positive] {
        let at = |odds: f64, mu: f64, log_s2: f64| {
            let mut slab = Slab::new(1, 0.2, 0.7, sign);
            (slab.alpha[0], slab.mu[0], slab.s2[0]) = (logistic(odds), mu, log_s2.exp());
            slab
        };
        let bound = |slab: &Slab| by.mean * slab.mean(0) + by.second * slab.second(0) - slab.kl();
        for (odds, mu, log_s2) in [(-1.0, 0.4, -1.2), (0.5, -0.3, 0.1), (2.0, 1.1, -2.0)] {
            let slab = at(odds, mu, log_s2);
            let found = slopes(&slab, 0, by);
            let (alpha, s, e) = (slab.alpha[0], slab.s2[0].sqrt(), 1e-5);
            let difference = |up: Slab, down: Slab| (bound(&up) - bound(&down)) / (2.0 * e);
            let wanted = [
                difference(at(odds + e, mu, log_s2), at(odds - e, mu, log_s2)) / (1.0 - alpha),
                difference(at(odds, mu + e * s, log_s2), at(odds, mu - e * s, log_s2)),
                difference(at(odds, mu, log_s2 + e), at(odds, mu, log_s2 - e)),
            ];
            for c in 0..3 {
                let (got, want) = (found[c] * alpha, wanted[c]);
                assert!(
                    (got - want).abs() < 1e-7 * (1.0 + want.abs()),
                    "{sign:?} {c} {got} {want}"
                );
            }
        }
    }
}

fn slab_of(kind: &mut Kind) -> &mut Slab {
    let Kind::Sparse(slab) = kind else { unreachable!() };
    slab
}

/// A problem with one factor, weights and direct effects, somewhere on the way.
fn some_state(problem: &Problem<'_>, family: Family) -> State {
    let (n, p, m) = (problem.design.rows(), problem.design.count(), problem.outcomes.m);
    let mut state = State::new(problem, family, direct(n, p, m, 0.2, 1.0));
    let (mut left, mut right) =
        (Slab::new(p, 0.2, 1.5, Sign::Any), Slab::new(m, 0.3, 1.0, Sign::Positive));
    let fill = |slab: &mut Slab, seed: u64| {
        let z = normals(seed, 2 * slab.len());
        for j in 0..slab.len() {
            (slab.alpha[j], slab.mu[j], slab.s2[j]) = (logistic(z[2 * j]), 0.5 * z[2 * j + 1], 0.1);
        }
    };
    fill(&mut left, 1);
    fill(&mut right, 2);
    for (t, direct) in state.direct.iter_mut().enumerate() {
        fill(slab_of(&mut direct.kind), 3 + t as u64);
    }
    let weight = problem.weights.map(|_| 0);
    state.factors.push(Factor { left: Left::new(n, Kind::Sparse(left)), right, weight });
    state.rebuild(problem);
    state
}

/// Coefficients, their gradients, and where they are in a state.
type Part<'a> = (&'a Slab, &'a [Gradient], fn(&mut State) -> &mut Slab);

#[test]
fn the_chain_rule_reaches_every_coefficient() {
    let (n, p, m) = (15, 4, 3);
    let x = design(5, n, p, false);
    let mut y = normals(6, n * m);
    y[4] = f64::NAN;
    let ones = vec![1.0; n];
    let weights: Vec<f64> = normals(7, n).iter().map(|z| z.abs()).collect();
    let given = Dense::as_given(&x[..], n);
    let mut problem = problem((n, m), &given, &y, &ones, FREE);
    problem.weights = Some(crate::factored::factor::SampleWeights { values: &weights, count: 1 });
    let state = some_state(&problem, free_variance(n, m));
    // For normal outcomes one draw is exact.
    let mut cells = Cells::new(n * m);
    let bound = cells.draw(&problem, &state, 1, 1) - state.divergence();
    assert!((bound - state.bound(&problem)).abs() < 1e-9);
    let (left, right) = cells.factor(&problem, &state.factors[0], Some(&weights));
    let own = cells.direct(&problem, &state.direct[1], 1);
    let Kind::Sparse(slab) = &state.factors[0].left.kind else { unreachable!() };
    let cases: [Part<'_>; 3] = [
        (slab, &left, |s| slab_of(&mut s.factors[0].left.kind)),
        (&state.factors[0].right, &right, |s| &mut s.factors[0].right),
        (state.direct[1].kind.sparse().unwrap(), &own, |s| slab_of(&mut s.direct[1].kind)),
    ];
    for (slab, gradients, of) in cases {
        for (j, gradient) in gradients.iter().enumerate() {
            let e = 1e-5;
            let moved = |which: usize, e: f64| {
                let mut trial = state.clone();
                let slab = of(&mut trial);
                match which {
                    0 => slab.alpha[j] = logistic(logit(slab.alpha[j]) + e),
                    1 => slab.mu[j] += e * slab.s2[j].sqrt(),
                    _ => slab.s2[j] *= e.exp(),
                }
                trial.rebuild(&problem);
                trial.bound(&problem)
            };
            let found = slopes(slab, j, *gradient);
            for c in 0..3 {
                let share = if c == 0 { 1.0 - slab.alpha[j] } else { 1.0 };
                let want = (moved(c, e) - moved(c, -e)) / (2.0 * e);
                let got = found[c] * slab.alpha[j] * share;
                assert!((got - want).abs() < 1e-5 * (1.0 + want.abs()), "{j} {c} {got} {want}");
            }
        }
    }
}

fn counts_family(n: usize, m: usize, size: f64) -> Family {
    let model = Dispersion::new(n, &vec![1.0; n], vec![Link::Above(0.0); m], &vec![size; m]);
    Family::NegativeBinomial(NegativeBinomial::new(Mean::Log, model))
}

#[test]
fn draws_are_unbiased() {
    let n = 4;
    let y = [0.0, 3.0, 12.0, 1.0];
    let (x, ones) = (vec![1.0; n], vec![1.0; n]);
    let given = Dense::as_given(&x[..], n);
    let problem = problem((n, 1), &given, &y, &ones, FREE);
    let mut state = State::new(&problem, counts_family(n, 1, 2.0), Vec::new());
    state.mean = vec![0.3, 1.0, 1.5, -0.4];
    state.variance = vec![0.4, 0.2, 0.5, 0.3];
    let (mut cells, draws) = (Cells::new(n), 4000);
    let mut sums = vec![[0.0; 4]; n];
    let (mut total, mut square) = (0.0, 0.0);
    for row in 0..draws {
        let value = cells.draw(&problem, &state, 9, row);
        (total, square) = (total + value, square + value * value);
        let (gm, gv) = cells.outcome(0, n);
        for i in 0..n {
            for (c, g) in [gm[i], gv[i]].into_iter().enumerate() {
                sums[i][2 * c] += g;
                sums[i][2 * c + 1] += g * g;
            }
        }
    }
    let draws = draws as f64;
    let close = |sum: f64, square: f64, want: f64| {
        let mean = sum / draws;
        let error = ((square / draws - mean * mean).max(0.0) / draws).sqrt();
        assert!((mean - want).abs() < 4.5 * error + 1e-7, "{mean} {error} {want}");
    };
    let f = |i: usize, m: f64, v: f64| state.family.expected(i, y[i], m, v);
    let e = 1e-4;
    for i in 0..n {
        let (m, v) = (state.mean[i], state.variance[i]);
        close(sums[i][0], sums[i][1], (f(i, m + e, v) - f(i, m - e, v)) / (2.0 * e));
        close(sums[i][2], sums[i][3], (f(i, m, v + e) - f(i, m, v - e)) / (2.0 * e));
    }
    close(total, square, (0..n).map(|i| f(i, state.mean[i], state.variance[i])).sum());
}

/// Both engines on one causal predictor of two outcomes; their bounds, effects, and the error.
fn both(which: usize, seed: u64) -> (f64, f64, f64, Vec<[f64; 2]>) {
    let (n, p, m) = (80, 8, 3);
    let x = design(seed, n, p, false);
    let noise = normals(seed + 50, n * m);
    let y: Vec<f64> = (0..n * m)
        .map(|at| {
            let (i, t) = (at % n, at / n);
            let eta = if t < 2 { 1.2 * x[2 * n + i] } else { 0.0 };
            match which {
                0 => eta + noise[at],
                1 => f64::from(u8::from(1.5 * eta + noise[at] > 0.0)),
                _ => (1.0 + 0.7 * eta + 0.4 * noise[at]).exp().round(),
            }
        })
        .collect();
    let ones = vec![1.0; n];
    let given = Dense::as_given(&x[..], n);
    let problem = problem((n, m), &given, &y, &ones, FREE);
    let family = || match which {
        0 => free_variance(n, m),
        1 => Family::Binomial(Binomial { size: Vec::new() }),
        _ => counts_family(n, m, 3.0),
    };
    let (left, sign) = (LeftPrior::SpikeSlab, Sign::Any);
    let options = Options { factors: 2, left, sign, seeds: 2, max_iter: 200, tol: 1e-6 };
    let exact = fit(&problem, family(), Vec::new(), options, &Monitor::default()).unwrap();
    let options = Options { tol: 1e-4, ..options };
    let drawn =
        stochastic(&problem, family(), Vec::new(), options, 7, &Monitor::default()).unwrap();
    assert_eq!(exact.state.factors.len(), drawn.fit.state.factors.len(), "{which}");
    let effects = |state: &State| -> Vec<f64> {
        let Outcomes { n, m, .. } = problem.outcomes;
        let centre = |t: usize| state.mean[t * n..(t + 1) * n].iter().sum::<f64>() / n as f64;
        (0..n * m).map(|at| state.mean[at] - centre(at / n)).collect()
    };
    let pairs = effects(&exact.state).into_iter().zip(effects(&drawn.fit.state));
    let (last, other) = (exact.ended.last(), drawn.fit.ended.last());
    (last, other, drawn.error, pairs.map(|(a, b)| [a, b]).collect())
}

#[test]
fn stochastic_gradients_end_where_coordinate_ascent_does() {
    for which in [0, 2] {
        let (exact, drawn, error, eta) = both(which, 31);
        assert!(error < if which == 0 { 1e-6 } else { 0.05 }, "{error}");
        let gap = exact - drawn;
        assert!(gap.abs() < 3.0 * error + 0.05, "{which}: {exact} {drawn} {error}");
        let worst = eta.iter().map(|[a, b]| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 0.05, "{which}: {worst}");
    }
    // The coordinate engine has a bound of the binomial likelihood, the draws the likelihood itself.
    let (exact, drawn, error, eta) = both(1, 32);
    assert!(drawn > exact - 3.0 * error && drawn < exact + 3.0, "{exact} {drawn} {error}");
    let slope =
        eta.iter().map(|[a, b]| a * b).sum::<f64>() / eta.iter().map(|[a, _]| a * a).sum::<f64>();
    assert!((slope - 1.0).abs() < 0.1, "{slope}");
}
