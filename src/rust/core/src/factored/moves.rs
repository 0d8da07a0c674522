//! Steps to other optima, which coordinate ascent cannot take: each is tried, and kept where the bound
//! ends up higher.
//!
//! - `exchange`: another factor in the place of one, or none;
//! - `split`: one of a factor's variants gets a factor of its own;
//! - `relocate`: a variant's effect moves to the factor of other sample weights;
//! - `rotate`: two factors turn in the plane that they span.

use super::ascent::ascend;
use super::factor::of_loading;
use super::greedy::{Options, add_factor, new_factor};
use super::left::Kind;
use super::seeds::Seed;
use super::slab::Sign;
use super::state::{Problem, Scope, State};
use crate::predictors::Predictors;
use crate::{Error, Monitor};

/// What a step must raise the bound by.
const BETTER: f64 = 1e-3;
/// Variants with a smaller inclusion probability do not take part.
const PRESENT: f64 = 0.3;
/// Rounds over all factors after each one that is accepted.
pub(super) const REFINE_ROUNDS: usize = 10;
/// Rounds for factors that were turned or split.
const TURN_ROUNDS: usize = 30;
/// Effects are multiples of one another if this share of their square is left over at most.
const PARALLEL: f64 = 0.05;
/// Turned coefficients below this are taken for zero, to begin with.
const SMALL: f64 = 0.1;

/// A pass over all steps; `trace` has the bound after each that was kept.
pub(super) fn improve(
    state: &mut State,
    problem: &Problem<'_>,
    options: Options,
    trace: &mut Vec<f64>,
    monitor: &Monitor,
) -> Result<(), Error> {
    let bound = state.bound(problem);
    let mut search = Search { state, bound, problem, options, trace, monitor };
    search.exchange()?;
    search.split()?;
    search.relocate()?;
    search.rotate()
}

struct Search<'a, 'b> {
    state: &'a mut State,
    /// The bound of `state`.
    bound: f64,
    problem: &'a Problem<'b>,
    options: Options,
    trace: &'a mut Vec<f64>,
    monitor: &'a Monitor,
}

impl Search<'_, '_> {
    /// Settle another state, and keep it if its bound is higher.
    fn keeps(&mut self, mut trial: State, rounds: usize) -> Result<bool, Error> {
        let (problem, tol, monitor) = (self.problem, self.options.tol, self.monitor);
        let (bound, ..) = ascend(&mut trial, problem, Scope::All, rounds, tol, monitor)?;
        let better = bound > self.bound + BETTER;
        if better {
            self.keep(trial, bound);
        }
        Ok(better)
    }

    fn keep(&mut self, state: State, bound: f64) {
        *self.state = state;
        self.bound = bound;
        self.trace.push(bound);
    }

    /// Factor by factor, the fit without it and the fit with another in its place that starts from what
    /// the rest leaves over. Greedy factors are not the best ones once all are there, and coordinate
    /// ascent cannot leave the optimum that they began.
    fn exchange(&mut self) -> Result<(), Error> {
        let Self { problem, options, monitor, .. } = *self;
        for k in (0..self.state.factors.len()).rev() {
            let mut without = self.state.clone();
            let weight = without.factors[k].weight;
            without.remove(problem, k);
            let (rounds, tol) = (REFINE_ROUNDS, options.tol);
            let (bound, ..) = ascend(&mut without, problem, Scope::All, rounds, tol, monitor)?;
            if bound >= self.bound {
                self.keep(without, bound);
            } else if let Some(trial) =
                add_factor(&without, problem, options, weight, bound, monitor)?
            {
                self.keeps(trial, REFINE_ROUNDS)?;
            }
        }
        Ok(())
    }

    /// Variant by variant, the fit with its effect in a factor of its own. Where two variants act on
    /// outcomes of which they share some, one factor may hold both, and what it leaves over is too
    /// little for another to start from.
    fn split(&mut self) -> Result<(), Error> {
        for k in 0..self.state.factors.len() {
            for j in 0..self.problem.design.count() {
                if self.state.factors.len() >= self.options.factors {
                    return Ok(());
                }
                if let Some(trial) = parted(self.state, self.problem, self.options, j, k) {
                    self.keeps(trial, TURN_ROUNDS)?;
                }
            }
        }
        Ok(())
    }

    /// Variant by variant, the fit with its effect moved to the factor with another column of weights.
    /// Samples' weights (proportions of cell types) are much alike: the factor that is added first
    /// takes variants of the others, and no small step takes them back.
    fn relocate(&mut self) -> Result<(), Error> {
        let Some(weights) = self.problem.weights else { return Ok(()) };
        for from in 0..weights.count {
            for j in 0..self.problem.design.count() {
                for to in (0..weights.count).filter(|to| *to != from) {
                    let trial = moved(self.state, self.problem, self.options, j, [from, to]);
                    let Some(trial) = trial else { continue };
                    if self.keeps(trial, REFINE_ROUNDS)? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Pair by pair, two factors turned so that each has one of its variants alone. Where factors act on
    /// the same outcomes, other directions in the plane that they span fit as well; sparse ones have
    /// the larger bound, but coordinate ascent does not turn.
    fn rotate(&mut self) -> Result<(), Error> {
        // Differences of loadings may be negative.
        let count = if self.options.sign == Sign::Any { self.state.factors.len() } else { 0 };
        for k in 0..count {
            for l in k + 1..count {
                if let Some(trial) = turned(self.state, self.problem, [k, l]) {
                    self.keeps(trial, TURN_ROUNDS)?;
                }
            }
        }
        Ok(())
    }
}

/// Variant `j` of factor `k` in a factor of its own, with the effects that it has by itself; none if it
/// is not in the first, or alone there.
fn parted(
    state: &State,
    problem: &Problem<'_>,
    options: Options,
    j: usize,
    k: usize,
) -> Option<State> {
    let factor = &state.factors[k];
    let slab = factor.left.sparse()?;
    let others = || (0..slab.len()).any(|i| i != j && slab.alpha[i] > PRESENT);
    if slab.alpha[j] < PRESENT || factor.weight.is_some() || !others() {
        return None;
    }
    // What it would have by least squares, without its effect in the factor.
    let mut trial = state.clone();
    set(&mut trial, k, j, 0.0, 0.0);
    trial.rebuild(problem);
    let x = problem.design.column(j);
    let squares: Vec<f64> = x.iter().map(|x| x * x).collect();
    let effect = |t: usize| {
        let (d, b) = of_loading(t, (x, &squares), &trial.quadratics, &trial.mean);
        if d > 0.0 { b / d } else { 0.0 }
    };
    let effects: Vec<f64> = (0..problem.outcomes.m).map(effect).collect();
    let seed = Seed::from_loadings(&effects, options.sign, Vec::new())?;
    trial.factors.push(new_factor(problem, options, &seed, None, (slab.pi, 0.5)));
    let own = trial.factors.len() - 1;
    set(&mut trial, own, j, 1.0, seed.scale);
    trial.rebuild(problem);
    Some(trial)
}

/// Variant `j` of factor `k` with this inclusion probability and location.
fn set(state: &mut State, k: usize, j: usize, inclusion: f64, mu: f64) {
    if let Kind::Sparse(slab) = &mut state.factors[k].left.kind {
        (slab.alpha[j], slab.mu[j]) = (inclusion, mu);
    }
}

/// The effect of variant `j` moved from the factor with one column of weights to that with another,
/// which is added if need be; none if it is not in the first.
fn moved(
    state: &State,
    problem: &Problem<'_>,
    options: Options,
    j: usize,
    [from, to]: [usize; 2],
) -> Option<State> {
    let place = |weight: usize| state.factors.iter().position(|f| f.weight == Some(weight));
    let source = place(from)?;
    let slab = state.factors[source].left.sparse()?;
    if slab.alpha[j] < PRESENT {
        return None;
    }
    let mut trial = state.clone();
    let target = place(to).unwrap_or(state.factors.len());
    if target == state.factors.len() {
        let loadings = state.factors[source].right.means();
        let seed = Seed { loadings, scale: slab.tau.sqrt().recip(), values: Vec::new() };
        trial.factors.push(new_factor(problem, options, &seed, Some(to), (slab.pi, 0.5)));
    }
    set(&mut trial, source, j, 0.0, 0.0);
    set(&mut trial, target, j, 1.0, slab.mu[j]);
    trial.rebuild(problem);
    Some(trial)
}

/// Two factors with the loadings of two of their variants: that with the largest effects, and that
/// whose effects are farthest from being multiples of them. The others have the coordinates of their
/// effects in these two.
fn turned(state: &State, problem: &Problem<'_>, pair: [usize; 2]) -> Option<State> {
    let [first, second] = pair.map(|k| &state.factors[k]);
    if first.weight != second.weight {
        return None;
    }
    let (u, v) = (first.left.sparse()?, second.left.sparse()?);
    let present = |&j: &usize| u.alpha[j].max(v.alpha[j]) > PRESENT;
    let variants: Vec<usize> = (0..u.len()).filter(present).collect();
    let (a, b) = (first.right.means(), second.right.means());
    let effects = |&j: &usize| -> Vec<f64> {
        a.iter().zip(&b).map(|(a, b)| u.mean(j) * a + v.mean(j) * b).collect()
    };
    let effects: Vec<Vec<f64>> = variants.iter().map(effects).collect();
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let largest = |size: &dyn Fn(&[f64]) -> f64| {
        effects.iter().max_by(|x, y| size(x).total_cmp(&size(y))).map(Vec::as_slice)
    };
    let one = largest(&|e| dot(e, e))?;
    let one_one = dot(one, one);
    let apart = |e: &[f64]| dot(e, e) - dot(e, one).powi(2) / one_one;
    let other = largest(&apart)?;
    let (one_other, other_other) = (dot(one, other), dot(other, other));
    let differ = apart(other) > PARALLEL * other_other;
    if !differ {
        return None;
    }
    let determinant = one_one * other_other - one_other * one_other;
    let coordinates = |e: &Vec<f64>| {
        let (x, y) = (dot(e, one), dot(e, other));
        [
            (x * other_other - y * one_other) / determinant,
            (y * one_one - x * one_other) / determinant,
        ]
    };
    let shares: Vec<[f64; 2]> = effects.iter().map(coordinates).collect();
    let mut trial = state.clone();
    for (which, (k, loadings)) in pair.into_iter().zip([one, other]).enumerate() {
        let size = (dot(loadings, loadings) / loadings.len() as f64).sqrt();
        let factor = &mut trial.factors[k];
        let Kind::Sparse(slab) = &mut factor.left.kind else { return None };
        for (&j, share) in variants.iter().zip(&shares) {
            let inside = share[which].abs() > SMALL;
            slab.alpha[j] = f64::from(u8::from(inside));
            slab.mu[j] = if inside { share[which] * size } else { 0.0 };
        }
        let loadings: Vec<f64> = loadings.iter().map(|e| e / size).collect();
        factor.right.start_at(&loadings);
    }
    trial.rebuild(problem);
    Some(trial)
}
