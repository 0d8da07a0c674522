//! From Bayes factors of models at scales to what is reported of a unit: with prior weights `w_mt` of
//! model `m` at scale `t`,
//! ```text
//!   mean BF_m = sum_t BF_mt / T,    P(m) = sum_t w_mt BF_mt / sum_mt w_mt BF_mt,
//!   average BF = sum_{m > 0, t} w_mt BF_mt / sum_{m > 0, t} w_mt,
//! ```
//! where the first model is the null, and `P(role of a condition)` adds up models.

use faer::MatRef;
use rayon::prelude::*;

use super::Role;
use crate::linalg::lanes::kernel;
use crate::linalg::scalar::{LogSum, log_sum_exp};
use crate::{Error, memory};

/// What is reported of all units.
#[derive(Debug)]
pub struct Posteriors {
    /// Natural logarithms of Bayes factors with equal weights of scales, models by units.
    pub mean: Vec<f64>,
    /// Posterior probabilities, models by units.
    pub probability: Vec<f64>,
    /// Natural logarithm of the average Bayes factor of each unit.
    pub average: Vec<f64>,
    /// The most probable model of each unit, the first of several.
    pub best: Vec<usize>,
    /// Probabilities that a condition is unassociated, directly or indirectly associated: units by
    /// conditions by these three.
    pub marginal: Vec<f64>,
}

/// Weights of models at scales, prepared.
struct Weights<'a> {
    models: &'a [Vec<Role>],
    /// Logs of the weights, scales by models, or of their sums over scales if these have equal ones.
    log: Vec<f64>,
    equal: bool,
    /// Zero for each model and scale.
    nothing: Vec<f64>,
    log_scales: f64,
    /// The log of the weight of all models but the null.
    log_any: f64,
}

/// The places of one unit.
struct Places<'a> {
    mean: &'a mut [f64],
    probability: &'a mut [f64],
    average: &'a mut f64,
    best: &'a mut usize,
    marginal: &'a mut [f64],
}

impl<'a> Weights<'a> {
    fn new(models: &'a [Vec<Role>], weights: MatRef<'_, f64>) -> Self {
        let (count, scales) = (models.len(), weights.ncols());
        let equal = (0..count).all(|m| (1..scales).all(|t| weights[(m, t)] == weights[(m, 0)]));
        let log = if equal {
            (0..count).map(|m| (weights[(m, 0)] * scales as f64).ln()).collect()
        } else {
            (0..scales).flat_map(|t| (0..count).map(move |m| weights[(m, t)].ln())).collect()
        };
        let any: f64 = (1..count).map(|m| (0..scales).map(|t| weights[(m, t)]).sum::<f64>()).sum();
        Self {
            models,
            log,
            equal,
            nothing: vec![0.0; count * scales],
            log_scales: (scales as f64).ln(),
            log_any: any.ln(),
        }
    }

    /// Of one unit, from its Bayes factors, scales by models.
    fn unit(&self, factors: &[f64], out: Places<'_>) {
        let Places { mean, probability, average, best, marginal } = out;
        log_sums(factors, &self.nothing, mean);
        mean.iter_mut().for_each(|m| *m -= self.log_scales);
        if self.equal {
            let joint = mean.iter().zip(&self.log).map(|(m, w)| m + w);
            probability.iter_mut().zip(joint).for_each(|(p, joint)| *p = joint);
        } else {
            log_sums(factors, &self.log, probability);
        }
        let some = log_sum_exp(probability[1..].iter().copied());
        *average = some - self.log_any;
        let total = log_sum_exp(probability.iter().copied());
        *best = 0;
        for (m, p) in probability.iter_mut().enumerate() {
            *p = (*p - total).exp();
            for (r, role) in self.models[m].iter().enumerate() {
                marginal[3 * r + *role as usize] += *p;
            }
        }
        for m in 1..probability.len() {
            if probability[m] > probability[*best] {
                *best = m;
            }
        }
    }
}

/// Of `units`, whose Bayes factors (scales by models) `fill` writes.
pub fn posteriors(
    units: usize,
    models: &[Vec<Role>],
    weights: MatRef<'_, f64>,
    fill: impl Fn(usize, &mut [f64]) -> Result<(), Error> + Sync,
) -> Result<Posteriors, Error> {
    let (count, d) = (models.len(), models[0].len());
    let cells = count * weights.ncols();
    let weights = Weights::new(models, weights);
    let mut found = Posteriors {
        mean: memory::zeros(count * units)?,
        probability: memory::zeros(count * units)?,
        average: vec![0.0; units],
        best: vec![0; units],
        marginal: memory::zeros(3 * d * units)?,
    };
    let mut marginal = memory::zeros(3 * d * units)?;
    let places = found
        .mean
        .par_chunks_mut(count)
        .zip(found.probability.par_chunks_mut(count))
        .zip(found.average.par_iter_mut().zip(&mut found.best))
        .zip(marginal.par_chunks_mut(3 * d))
        .enumerate();
    places.try_for_each_init(
        || vec![0.0; cells],
        |factors, (i, (((mean, probability), (average, best)), marginal))| {
            fill(i, factors)?;
            weights.unit(factors, Places { mean, probability, average, best, marginal });
            Ok(())
        },
    )?;
    for (i, unit) in marginal.chunks_exact(3 * d).enumerate() {
        for (at, p) in unit.iter().enumerate() {
            found.marginal[(at % 3 * d + at / 3) * units + i] = *p;
        }
    }
    Ok(found)
}

/// Of an array of all Bayes factors, models by units by scales.
pub fn posteriors_of(
    log_bf: &[f64],
    units: usize,
    models: &[Vec<Role>],
    weights: MatRef<'_, f64>,
) -> Result<Posteriors, Error> {
    let count = models.len();
    posteriors(units, models, weights, |i, out| {
        for (t, out) in out.chunks_exact_mut(count).enumerate() {
            let from = (t * units + i) * count;
            out.copy_from_slice(&log_bf[from..from + count]);
        }
        Ok(())
    })
}

kernel!(
    /// For each model `log sum_t exp(factors_t + added_t)` over scales `t`.
    fn log_sums<'a, V: Lanes>(factors: &'a [f64], added: &'a [f64], out: &'a mut [f64]) {
        let models = out.len();
        for at in (0..models).step_by(V::N) {
            let mut total = LogSum::<V>::new();
            for (row, added) in factors.chunks_exact(models).zip(added.chunks_exact(models)) {
                total.see(V::load_part(row, at, 0.0) + V::load_part(added, at, 0.0));
            }
            for (row, added) in factors.chunks_exact(models).zip(added.chunks_exact(models)) {
                total.add(V::load_part(row, at, 0.0) + V::load_part(added, at, 0.0));
            }
            total.log().store_part(out, at);
            for (out, sum) in out[at..].iter_mut().zip(total.sum.to_array()).take(V::N) {
                if sum == 0.0 {
                    *out = f64::NEG_INFINITY;
                }
            }
        }
    }
);

#[cfg(test)]
mod tests {
    use super::*;
    use faer::Mat;

    #[test]
    fn scales_are_averaged_also_where_exponentials_overflow_or_a_weight_is_zero() {
        use Role::{Direct, Indirect, Unassociated};
        let models = [vec![Unassociated; 2], vec![Direct, Unassociated], vec![Direct, Indirect]];
        // models by units by scales
        let log_bf = [1.0, 2.0, -900.0, 3.0, 900.0, 0.0, 2.0, -1.0, -901.0, 3.0, -900.0, 0.0];
        let half = |a: f64, b: f64| a.max(b) + ((-(a - b).abs()).exp() / 2.0 + 0.5).ln();
        let mean =
            [half(1.0, 2.0), half(2.0, -1.0), half(-900.0, -901.0), 3.0, 900.0 - f64::ln(2.0), 0.0];
        for table in
            [[[0.3, 0.0], [0.0, 0.2], [0.0, 0.0]], [[0.2, 0.2], [0.25, 0.25], [0.05, 0.05]]]
        {
            let weights = Mat::from_fn(3, 2, |m, t| table[m][t]);
            let found = posteriors_of(&log_bf, 2, &models, weights.as_ref()).unwrap();
            for (got, want) in found.mean.iter().zip(mean) {
                assert!((got - want).abs() < 1e-13 * (1.0 + want.abs()), "{got} {want}");
            }
            for i in 0..2 {
                // Without overflow: factors less their largest.
                let at = |m: usize, t: usize| log_bf[(t * 2 + i) * 3 + m];
                let top = (0..6).map(|c| at(c % 3, c / 3)).fold(f64::MIN, f64::max);
                let joint: Vec<f64> = (0..3)
                    .map(|m| (0..2).map(|t| table[m][t] * (at(m, t) - top).exp()).sum())
                    .collect();
                let total: f64 = joint.iter().sum();
                if total > 0.0 {
                    for m in 0..3 {
                        let got = found.probability[3 * i + m];
                        assert!((got - joint[m] / total).abs() < 1e-12, "{m}: {got}");
                    }
                }
                let marginal = |r: usize, role: usize| found.marginal[(role * 2 + r) * 2 + i];
                let p = &found.probability[3 * i..3 * i + 3];
                assert!((marginal(0, 1) - p[1] - p[2]).abs() < 1e-15);
                assert!((marginal(1, 0) - p[0] - p[1]).abs() < 1e-15);
                assert!((marginal(1, 2) - p[2]).abs() < 1e-15);
                assert!(p.iter().all(|x| *x <= p[found.best[i]]));
            }
        }
    }

    /// A model that no scale gives a weight has no probability, not even beside impossible ones.
    #[test]
    fn models_without_weight_have_none_afterwards() {
        let models = [vec![Role::Unassociated], vec![Role::Direct]];
        let weights = Mat::from_fn(2, 1, |m, _| [1.0, 0.0][m]);
        let found = posteriors_of(&[0.0, 700.0], 1, &models, weights.as_ref()).unwrap();
        assert_eq!(found.probability, [1.0, 0.0]);
    }
}
