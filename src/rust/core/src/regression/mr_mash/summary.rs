//! The posterior of each row of coefficients, from the statistics of the last sweep.
//!
//! Given the others, row p is the normal-means problem `c_p / d_p` with noise `Sigma / d_p`, so its
//! means, standard deviations and signs are those of `normal_means::posterior`.

use faer::MatRef;

use super::model::MatrixPrior;
use crate::linalg::psd::Factor;
use crate::normal_means::mixture::Summary;
use crate::normal_means::posterior::{Posterior, Weights};
use crate::normal_means::{Correlation, Data, NormalMeans, Prior, WeightedPrior, posterior};
use crate::{Error, Monitor};

/// Rows of a fit.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// `c_p`, p by r, by columns.
    pub statistics: &'a [f64],
    /// `d_p`, all positive.
    pub precision: &'a [f64],
    /// Sigma.
    pub covariance: MatRef<'a, f64>,
    /// Prior weights of the components.
    pub weights: &'a [f64],
}

/// The posterior of all rows into the tables of the caller (p by r, by columns).
pub fn summarise(
    prior: &MatrixPrior,
    rows: Rows<'_>,
    out: Posterior<'_>,
    monitor: &Monitor,
) -> Result<(), Error> {
    let (p, r) = (rows.precision.len(), prior.conditions);
    if p == 0 {
        return Ok(());
    }
    let (mixture, pi) = components(prior, rows.weights);
    let sd: Vec<f64> = (0..r).map(|i| rows.covariance[(i, i)].sqrt()).collect();
    let v: Vec<f64> = (0..r * r)
        .map(|k| {
            let (i, q) = (k % r, k / r);
            if i == q { 1.0 } else { rows.covariance[(i, q)] / (sd[i] * sd[q]) }
        })
        .collect();
    let cell = |k: usize| rows.statistics[k] / rows.precision[k % p];
    let x: Vec<f64> = (0..p * r).map(cell).collect();
    let s: Vec<f64> = (0..p * r).map(|k| sd[k / p] / rows.precision[k % p].sqrt()).collect();
    let data = Data { units: p, conditions: r, x: &x, s: &s, v: Correlation::Common(&v) };
    let means = NormalMeans::new(data)?;
    let weighted = WeightedPrior::new(&mixture, &pi, 0.0)?;
    let active = weighted.active();
    let mut table = vec![0.0; p * active.len()];
    let (mut vloglik, mut null, mut alternative) = (vec![0.0; p], vec![0.0; p], vec![0.0; p]);
    let summary = Summary {
        vloglik: &mut vloglik,
        null: mixture.null.then_some(&mut null),
        alternative: mixture.null.then_some(&mut alternative),
        weights: &mut table,
    };
    weighted.summarise(&means, &mixture, summary, monitor)?;
    let weights = Weights { active, values: &table };
    posterior(&means, &mixture, weights, None, None, out, monitor)
}

/// The components with weight as a prior of matrices by scales: as it is if all matrices have the same
/// scales, else a matrix for each component. Zero matrices become the point mass.
fn components(prior: &MatrixPrior, weights: &[f64]) -> (Prior, Vec<f64>) {
    let mut starts = Vec::with_capacity(prior.factors.len());
    let mut t = 0;
    for scales in &prior.scales {
        starts.push(t);
        t += scales.len();
    }
    let of = |k: usize| &weights[starts[k]..starts[k] + prior.scales[k].len()];
    let all: Vec<usize> = (0..prior.factors.len()).collect();
    let (dense, zero): (Vec<usize>, Vec<usize>) =
        all.into_iter().partition(|&k| prior.factors[k].rank > 0);
    let null: f64 = zero.iter().map(|&k| of(k).iter().sum::<f64>()).sum();
    let used: Vec<usize> = dense.into_iter().filter(|&k| of(k).iter().any(|w| *w > 0.0)).collect();
    let mut pi = vec![null];
    let same = used.windows(2).all(|k| prior.scales[k[0]] == prior.scales[k[1]]);
    let (factors, scales) = match used.first() {
        Some(&first) if same => {
            let scales = prior.scales[first].clone();
            for l in 0..scales.len() {
                pi.extend(used.iter().map(|&k| of(k)[l]));
            }
            (used.iter().map(|&k| prior.factors[k].clone()).collect(), scales)
        }
        _ => {
            let mut factors = Vec::new();
            for &k in &used {
                for (l, &scale) in prior.scales[k].iter().enumerate() {
                    if of(k)[l] > 0.0 {
                        factors.push(scaled(&prior.factors[k], scale));
                        pi.push(of(k)[l]);
                    }
                }
            }
            (factors, vec![1.0])
        }
    };
    (Prior { conditions: prior.conditions, components: factors, scales, null: true }, pi)
}

fn scaled(factor: &Factor, scale: f64) -> Factor {
    let values = factor.values.iter().map(|v| v * scale.sqrt()).collect();
    Factor { values, ..factor.clone() }
}
