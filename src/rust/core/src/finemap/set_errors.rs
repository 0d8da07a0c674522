//! What a credible set says of the conditions, and the probability that it is wrong.
//!
//! A set S of effect l, with the most probable variable as its lead, claims one sign `s` in a
//! condition: at variable j of S that is `s sgn(r_j)`, with `r_j` the correlation with the lead, so
//! that recoding a variable changes nothing. With `c_l` the probability that the effect is there and
//! `pos_lj` that, being at j, it has this sign (an effect of exactly zero has none),
//! ```text
//!   right_l = c_l sum_(j in S) alpha_lj pos_lj
//!   set     = 1 - right_l                               no variable of S acts with this sign
//!   signal  = 1 - c_l sum_(all j) alpha_lj pos_lj       the effect does not act with this sign
//!   given   = 1 - sum_(j in S) alpha_lj pos_lj / alpha(S)
//! ```
//! All are kept as sums of what is wrong, so that none of them loses its digits near zero. `s` is that
//! with the smaller error of the set.
//!
//! **Other effects in S.** The set is wrong if none of the effects is right, `prod_m (1 - right_m)`
//! for effects at different variables. Two at the same variable act together, and what counts is the
//! sign of their sum: to the product is added, for each pair,
//! ```text
//!   sum_(j in S) c_l alpha_lj c_m alpha_mj (not_(l+m)j - not_lj not_mj)  prod_(others) (1 - right)
//!   not_(l+m)j = 1 - sum_k sum_k' q_ljk q_mjk' Phi(s sgn(r_j) (mean + mean') / sqrt(var + var'))
//! ```
//! which is exact but for three effects at one variable. The error of the signal has its own effect
//! everywhere, and the others in S.
//!
//! A set takes O(R n) operations for its own effect with n places, O(R |S|) for each other, and
//! O(R K^2) more for each variable where two effects meet, K the number of components with weight.

use super::components::{Component, Near};
use crate::linalg::orthant::positive;
use crate::{Error, Monitor, Prior};

/// What a fit believes of one effect.
#[derive(Debug)]
pub struct Belief<'a> {
    /// The probability that it is not there.
    pub absence: f64,
    /// The variables where it may be.
    pub variables: Vec<usize>,
    /// The probabilities of these.
    pub alpha: &'a [f64],
    /// Probabilities that it is not positive there, and that it is not negative: variables by
    /// conditions, by columns.
    pub not: [&'a [f64]; 2],
    /// The most probable of them, component by component.
    pub near: Near<'a>,
}

/// A set of variables.
#[derive(Debug)]
pub struct Members<'a> {
    /// The effect it is of.
    pub effect: usize,
    /// Its variables.
    pub variables: Vec<usize>,
    /// Correlations of all variables with its lead.
    pub with_lead: &'a [f64],
}

/// What it says of each condition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SetError {
    /// The probability that no variable of the set acts with the sign.
    pub set: Vec<f64>,
    /// The probability that the effect, wherever it is, does not.
    pub signal: Vec<f64>,
    /// The same, given that the effect is in a variable of the set.
    pub given: Vec<f64>,
    /// The sign at the lead: 1 or -1.
    pub sign: Vec<f64>,
}

/// Pairs of effects that are less likely than this to be at the same variable, and components with
/// smaller weights, do not count.
const TOGETHER: f64 = 1e-10;
const WEIGHT: f64 = 1e-9;

/// What each of `sets` says; `prior` is that of effects at scale one.
pub fn set_errors(
    effects: &[Belief],
    sets: &[Members],
    prior: &Prior,
    monitor: &Monitor,
) -> Result<Vec<SetError>, Error> {
    sets.iter().map(|set| one_set(effects, set, prior, monitor)).collect()
}

/// Of one effect, one condition and one sign: the probability that it is wrong, with its variables in
/// the set only, and everywhere.
#[derive(Debug, Clone, Copy)]
struct Wrong {
    set: f64,
    everywhere: f64,
    given: f64,
}

fn one_set(
    effects: &[Belief],
    set: &Members,
    prior: &Prior,
    monitor: &Monitor,
) -> Result<SetError, Error> {
    let r = prior.conditions;
    let mut inside = vec![false; set.with_lead.len()];
    set.variables.iter().for_each(|&j| inside[j] = true);
    let own = set.effect;
    // Those that may be in the set, its own first.
    let mut others: Vec<usize> = (0..effects.len())
        .filter(|&m| m != own && effects[m].variables.iter().any(|&j| inside[j]))
        .collect();
    others.insert(0, own);
    let meetings = meetings(effects, &others, set, &inside, prior, monitor)?;
    let mut out = SetError::default();
    for c in 0..r {
        let errors = [0, 1].map(|side| {
            let wrong: Vec<Wrong> =
                others.iter().map(|&m| effects[m].wrong(set, &inside, c, side)).collect();
            let of = |w: &Wrong, first: bool| if first { w.everywhere } else { w.set };
            let total = |everywhere: bool| {
                let each: Vec<f64> =
                    wrong.iter().enumerate().map(|(i, w)| of(w, everywhere && i == 0)).collect();
                let all: f64 = each.iter().product();
                let together = meetings.iter().map(|m| {
                    let rest = (0..each.len()).filter(|i| *i != m.pair.0 && *i != m.pair.1);
                    m.excess[2 * c + side] * rest.map(|i| each[i]).product::<f64>()
                });
                (all + together.sum::<f64>()).clamp(0.0, 1.0)
            };
            let set = total(false);
            (set, total(true).min(set), wrong[0].given)
        });
        let side = usize::from(errors[1].0 < errors[0].0);
        let (set, signal, given) = errors[side];
        out.set.push(set);
        out.signal.push(signal);
        out.given.push(given);
        out.sign.push([1.0, -1.0][side]);
    }
    Ok(out)
}

/// Which of the two tables of a belief says that the sign is wrong at a variable: a variable that is
/// correlated negatively with the lead has the other sign.
fn table(with_lead: f64, side: usize) -> usize {
    if with_lead < 0.0 { 1 - side } else { side }
}

impl Belief<'_> {
    fn wrong(&self, set: &Members, inside: &[bool], c: usize, side: usize) -> Wrong {
        let n = self.variables.len();
        let (mut members, mut outside, mut out_wrong, mut in_wrong) = (0.0, 0.0, 0.0, 0.0);
        for (a, &j) in self.variables.iter().enumerate() {
            let not = self.not[table(set.with_lead[j], side)][c * n + a];
            if inside[j] {
                members += self.alpha[a];
                in_wrong += self.alpha[a] * not;
            } else {
                outside += self.alpha[a];
                out_wrong += self.alpha[a] * not;
            }
        }
        // Places without a probability worth keeping count as wrong.
        let lost = (1.0 - members - outside).max(0.0);
        let there = 1.0 - self.absence;
        let at = |wrong: f64| self.absence + there * (wrong + lost);
        let given = if members > 0.0 { in_wrong / members } else { 1.0 };
        Wrong { set: at(in_wrong + outside), everywhere: at(in_wrong + out_wrong), given }
    }

    /// Where a variable is among those of `variables`.
    fn place(&self, j: usize) -> Option<usize> {
        self.variables.binary_search(&j).ok()
    }
}

/// Two effects that may be at the same variable of a set.
struct Meeting {
    /// Among those that may be in it.
    pair: (usize, usize),
    /// What their product of errors lacks: for each condition, for the positive and the negative sign.
    excess: Vec<f64>,
}

fn meetings(
    effects: &[Belief],
    present: &[usize],
    set: &Members,
    inside: &[bool],
    prior: &Prior,
    monitor: &Monitor,
) -> Result<Vec<Meeting>, Error> {
    let mut out = Vec::new();
    for i in 0..present.len() {
        for h in 0..i {
            let pair = [&effects[present[h]], &effects[present[i]]];
            let joint = |j: usize| -> f64 {
                let one = |e: &&Belief| Some((1.0 - e.absence) * e.alpha[e.place(j)?]);
                pair.iter().map(|e| one(e).unwrap_or(0.0)).product()
            };
            let near = |e: &Belief, j: usize| e.near.variables.iter().position(|v| *v == j);
            let shared: Vec<(usize, [usize; 2])> = pair[0]
                .near
                .variables
                .iter()
                .filter(|&&j| inside[j] && joint(j) > TOGETHER)
                .filter_map(|&j| Some((j, [near(pair[0], j)?, near(pair[1], j)?])))
                .collect();
            if !shared.is_empty() {
                let excess = excess(pair, &shared, joint, set, prior, monitor)?;
                out.push(Meeting { pair: (h, i), excess });
            }
        }
    }
    Ok(out)
}

fn excess(
    pair: [&Belief; 2],
    shared: &[(usize, [usize; 2])],
    joint: impl Fn(usize) -> f64,
    set: &Members,
    prior: &Prior,
    monitor: &Monitor,
) -> Result<Vec<f64>, Error> {
    let (n, r) = (shared.len(), prior.conditions);
    let part = |e: usize| {
        let rows: Vec<usize> = shared.iter().map(|(_, at)| at[e]).collect();
        let part = pair[e].near.part(&rows, prior);
        Ok::<_, Error>((part.components(WEIGHT, false, monitor)?, part.weights))
    };
    let sides = [part(0)?, part(1)?];
    // Mean, variance and weight of a component at one cell.
    let cell = |e: usize, a: usize, c: usize| -> Vec<[f64; 3]> {
        let (components, weights) = &sides[e];
        let weighted = weights.chunks_exact(n).map(|w| w[a]).zip(components);
        let known = |(w, m): (f64, &Option<Component>)| {
            let m = m.as_ref().filter(|_| w >= WEIGHT)?;
            Some([m.mean[c * n + a], m.sd[c * n + a].powi(2), w])
        };
        weighted.filter_map(known).collect()
    };
    let mut out = vec![0.0; 2 * r];
    for (a, &(j, _)) in shared.iter().enumerate() {
        let weight = joint(j);
        for c in 0..r {
            let (first, second) = (cell(0, a, c), cell(1, a, c));
            // Rounding and what was left out count as no effect.
            let mut right = [0.0; 2];
            for x in &first {
                for y in &second {
                    let (mean, variance, w) = (x[0] + y[0], x[1] + y[1], x[2] * y[2]);
                    if variance > 0.0 {
                        right[0] += w * positive(mean, variance);
                        right[1] += w * positive(-mean, variance);
                    }
                }
            }
            for side in [0, 1] {
                let at = table(set.with_lead[j], side);
                let apart: f64 = pair
                    .iter()
                    .map(|e| e.place(j).map_or(1.0, |p| e.not[at][c * e.variables.len() + p]))
                    .product();
                out[2 * c + side] += weight * (1.0 - right[at] - apart);
            }
        }
    }
    Ok(out)
}
