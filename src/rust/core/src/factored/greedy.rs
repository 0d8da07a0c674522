//! A new factor: from several seeds, for as long as one of them may raise the bound.

use super::ascent::ascend;
use super::factor::{Factor, weight_of};
use super::hyper::Presence;
use super::left::{Group, Kind, Left};
use super::seeds::{Seed, direction, predictors};
use super::single::{SingleEffects, sizes_between};
use super::slab::{Sign, Slab};
use super::state::{Problem, Scope, State};
use crate::predictors::Predictors;
use crate::{Error, Monitor};

/// The prior of the sample side of the factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftPrior {
    /// Spike and slab on the predictors.
    SpikeSlab,
    /// So many single effects.
    SingleEffects(usize),
    /// The samples' own values, with one inclusion for each factor.
    Values,
}

/// How to fit.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The largest number of factors.
    pub factors: usize,
    /// The prior of the sample side.
    pub left: LeftPrior,
    /// The support of the loadings.
    pub sign: Sign,
    /// How many seeds of either kind are tried before a factor is given up.
    pub seeds: usize,
    /// Largest number of rounds over all parts.
    pub max_iter: usize,
    /// The fit has converged when a round raises the bound by less than this.
    pub tol: f64,
}

/// Rounds for a factor on its own.
pub(super) const GREEDY_ROUNDS: usize = 100;
/// Rounds of a new factor between two looks at whether it has a chance.
const TRIAL_ROUNDS: usize = 5;
/// A new factor is given up if it would need so many more rounds at its present pace.
const HOPELESS: f64 = 50.0;
/// A new factor is given up if no predictor is in with more than this probability.
const EMPTY: f64 = 0.05;
/// Starting inclusion probabilities on the two sides of a factor, the first as a number of predictors.
pub(super) const STARTS: [(f64, f64); 2] = [(1.0, 0.25), (10.0, 0.5)];

/// The state with one more factor, if some seed gives one with a larger bound.
pub(super) fn add_factor(
    state: &State,
    problem: &Problem<'_>,
    options: Options,
    weight: Option<usize>,
    bound: f64,
    monitor: &Monitor,
) -> Result<Option<State>, Error> {
    let (n, p) = (problem.design.rows(), problem.design.count());
    let w = weight_of(problem.weights, weight, n);
    let (quadratics, mean) = (&state.quadratics, &state.mean);
    let seeds = match options.left {
        LeftPrior::Values => direction(n, w, quadratics, mean, options.sign),
        _ => predictors(problem.design, w, quadratics, mean, options.sign, options.seeds),
    };
    for (tried, start) in STARTS.into_iter().enumerate() {
        // A second start is for the first half of the seeds.
        let count = if tried == 0 { seeds.len() } else { seeds.len().div_ceil(2) };
        for seed in &seeds[..count] {
            let mut trial = state.clone();
            let pi = (start.0 / p.max(1) as f64).clamp(problem.left.pi.0, problem.left.pi.1);
            let factor = new_factor(problem, options, seed, weight, (pi, start.1));
            let at = w;
            factor.add(at, 1.0, &mut trial.mean);
            trial.factors.push(factor);
            let reached = raise(&mut trial, problem, bound, monitor)?;
            if reached > bound {
                return Ok(Some(trial));
            }
        }
    }
    Ok(None)
}

/// A factor that starts from a seed.
pub(super) fn new_factor(
    problem: &Problem<'_>,
    options: Options,
    seed: &Seed,
    weight: Option<usize>,
    (pi_left, pi_right): (f64, f64),
) -> Factor {
    let (n, p, m) = (problem.design.rows(), problem.design.count(), problem.outcomes.m);
    let tau = (1.0 / (seed.scale * seed.scale)).clamp(problem.left.tau.0, problem.left.tau.1);
    let left = match options.left {
        LeftPrior::SpikeSlab => Left::new(n, Kind::Sparse(Slab::new(p, pi_left, tau, Sign::Any))),
        LeftPrior::SingleEffects(count) => {
            Left::new(n, Kind::Single(single_effects(problem, count)))
        }
        LeftPrior::Values => {
            let values = &seed.values;
            let square = values.iter().map(|g| g * g).sum::<f64>() / n as f64;
            let tau = (1.0 / square).clamp(problem.left.tau.0, problem.left.tau.1);
            let pi = pi_right.clamp(problem.left.pi.0, problem.left.pi.1);
            let mut left = Left::new(n, Kind::Group(Group::new(values.clone(), pi, tau)));
            left.mean.copy_from_slice(values);
            left
        }
    };
    let pi = pi_right.clamp(problem.right.pi.0, problem.right.pi.1);
    let mut right = Slab::new(m, pi, 1.0, options.sign);
    right.start_at(&seed.loadings);
    Factor { left, right, weight }
}

/// So many single effects of a factor, none there.
pub(super) fn single_effects(problem: &Problem<'_>, count: usize) -> SingleEffects {
    let (n, p) = (problem.design.rows(), problem.design.count());
    let mut effects = SingleEffects::new(count, n, p, sizes_between(problem.left.tau), 0.0);
    effects.log_odds = problem.left.log_odds(&Presence::of(std::iter::once(&effects)));
    effects
}

/// Rounds for the last factor alone, for as long as it may come above `target`: the bound.
fn raise(
    state: &mut State,
    problem: &Problem<'_>,
    target: f64,
    monitor: &Monitor,
) -> Result<f64, Error> {
    // A new factor starts from means that are not yet a posterior: its first round may fall.
    state.step(problem, Scope::Last, true, 1.0);
    let mut bound = f64::NEG_INFINITY;
    let mut rounds = 0;
    while rounds < GREEDY_ROUNDS {
        let (reached, more, settled) =
            ascend(state, problem, Scope::Last, TRIAL_ROUNDS, 1e-3, monitor)?;
        rounds += more;
        let gain = (reached - bound) / more.max(1) as f64;
        bound = reached;
        let lost = target - bound > HOPELESS * gain;
        let empty = state.factors.last().is_some_and(|f| f.left.inclusion() < EMPTY);
        if settled || lost || (empty && bound < target) {
            break;
        }
    }
    Ok(bound)
}
