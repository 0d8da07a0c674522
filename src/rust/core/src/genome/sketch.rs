//! What of a region's rows the weights of the genome are found from.
//!
//! The log-likelihood of weights is `sum_j log sum_t pi_t BF_jt`. Most rows have Bayes factors near
//! one: for them the logarithm is linear, so that their number and the mean of their Bayes factors say
//! as much as all of them. Rows that say something are kept as they are.

use crate::Prior;
use crate::linalg::scalar::log_sum_exp;

/// Rows of a region. The component without effects has a Bayes factor of one.
#[derive(Debug)]
pub struct Sketch {
    /// Those that are kept.
    pub rows: Vec<usize>,
    /// Their log Bayes factors: a column for each component.
    pub log_bf: Vec<f64>,
    /// How many the others are.
    pub others: usize,
    /// The means of their Bayes factors, by component.
    pub mean: Vec<f64>,
    /// Some of the others, evenly: those that stand for them where the prior is another one.
    pub sample: Vec<usize>,
}

/// Of so many other rows one is in the sample.
const EVERY: usize = 64;

impl Sketch {
    /// From the log Bayes factors of `p` rows, a column for each component.
    pub fn new(log_bf: &[f64], p: usize, threshold: f64) -> Self {
        let largest = |j: usize| log_bf[j..].iter().step_by(p).fold(f64::MIN, |a, b| a.max(*b));
        let (rows, rest): (Vec<_>, Vec<_>) = (0..p).partition(|&j| largest(j) > threshold);
        let columns = || log_bf.chunks_exact(p.max(1));
        let count = rest.len();
        let mean = |column: &[f64]| {
            let total: f64 = rest.iter().map(|&j| column[j].exp()).sum();
            if count > 0 { total / count as f64 } else { 1.0 }
        };
        let m = count.div_ceil(EVERY);
        Self {
            log_bf: columns().flat_map(|c| rows.iter().map(|&j| c[j])).collect(),
            mean: columns().map(mean).collect(),
            others: count,
            sample: (0..m).map(|i| rest[(2 * i + 1) * count / (2 * m)]).collect(),
            rows,
        }
    }
}

/// The posterior probability of each of `p` rows that it has no effect.
pub fn no_effect(prior: &Prior, weights: &[f64], log_bf: &[f64], p: usize) -> Vec<f64> {
    let zero: Vec<bool> = (0..prior.len())
        .map(|t| {
            prior
                .locate(t)
                .is_none_or(|(k, l)| prior.factors[k].rank == 0 || prior.scales[k][l] == 0.0)
        })
        .collect();
    let logs: Vec<f64> = weights.iter().map(|w| w.ln()).collect();
    let total = |j: usize, kept: &dyn Fn(usize) -> bool| {
        let terms = (0..logs.len()).filter(|&t| kept(t));
        log_sum_exp(terms.map(|t| logs[t] + log_bf[t * p + j]))
    };
    (0..p).map(|j| (total(j, &|t| zero[t]) - total(j, &|_| true)).exp()).collect()
}
