//! Effects that are alike in two conditions.

use rayon::prelude::*;

use super::components::Near;
use crate::linalg::orthant::alike;
use crate::{Error, Monitor, Prior};

/// Components with a smaller weight everywhere do not count.
const WEIGHT: f64 = 1e-9;

/// The variables of a set.
#[derive(Debug)]
pub struct Places<'a> {
    /// What is known of the effect, component by component.
    pub near: Near<'a>,
    /// The probability that the effect is at each of these variables.
    pub probability: &'a [f64],
    /// What effects are multiplied by to be compared: variables by conditions, by columns.
    pub unit: &'a [f64],
}

/// The pairs of `r` conditions: (0, 1), (0, 2), ..., (1, 2), ...
fn pairs(r: usize) -> Vec<(usize, usize)> {
    (0..r).flat_map(|a| (a + 1..r).map(move |b| (a, b))).collect()
}

/// For each pair of conditions, the probability that the effect is at one of the variables and
/// alike in both: of one sign, and with a ratio between `factor` and its inverse,
/// ```text
///   sum_j p_j sum_k q_jk P(f < b_r / b_s < 1 / f, b_r b_s > 0 | j, k),
/// ```
/// where the effects given j and k are a normal pair (see `linalg::orthant`). O(R^2) orthants for
/// each variable and component with weight.
pub fn sharing(
    places: &Places,
    prior: &Prior,
    factor: f64,
    monitor: &Monitor,
) -> Result<Vec<f64>, Error> {
    let (n, r) = (places.near.variables.len(), prior.conditions);
    let rows: Vec<usize> = (0..n).collect();
    let part = places.near.part(&rows, prior);
    let components = part.components(WEIGHT, true, monitor)?;
    let pair = |&(a, b): &(usize, usize)| {
        let mut sum = 0.0;
        for (m, weights) in components.iter().zip(part.weights.chunks_exact(n.max(1))) {
            let Some(m) = m else { continue };
            for j in (0..n).filter(|&j| weights[j] >= WEIGHT) {
                let unit = [places.unit[a * n + j], places.unit[b * n + j]];
                let sd = [m.sd[a * n + j] * unit[0], m.sd[b * n + j] * unit[1]];
                if !(sd[0] > 0.0 && sd[1] > 0.0) {
                    continue;
                }
                let mean = [m.mean[a * n + j] * unit[0], m.mean[b * n + j] * unit[1]];
                let both = m.covariance[j * r * r + b * r + a] * unit[0] * unit[1];
                let at = alike(mean, sd.map(|s| s * s), both, factor);
                sum += places.probability[j] * weights[j] * at;
            }
        }
        sum
    };
    Ok(pairs(r).par_iter().map(pair).collect())
}

/// The same of an effect of which nothing is known but its prior, with the `unit` of each condition.
pub fn prior_sharing(prior: &Prior, unit: &[f64], factor: f64) -> Vec<f64> {
    let r = prior.conditions;
    let covariances: Vec<_> =
        prior.factors.iter().map(|f| f.to_mat() * f.to_mat().transpose()).collect();
    let pair = |&(a, b): &(usize, usize)| {
        let one = |(u, w): (&faer::Mat<f64>, &f64)| {
            let at = |i: usize, c: usize| u[(i, c)] * unit[i] * unit[c];
            let variance = [at(a, a), at(b, b)];
            if !(variance[0] > 0.0 && variance[1] > 0.0) {
                return 0.0;
            }
            w * alike([0.0; 2], variance, at(a, b), factor)
        };
        covariances.iter().zip(&prior.weights).map(one).sum()
    };
    debug_assert_eq!(unit.len(), r);
    pairs(r).par_iter().map(pair).collect()
}
