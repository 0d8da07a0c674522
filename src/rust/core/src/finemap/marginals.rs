//! Means, standard deviations and signs of an effect at the variables where it may be.

use faer::Mat;

use super::model::Effect;
use super::single_effect::EffectPrior;
use crate::normal_means::posterior::{Posterior, Weights};
use crate::normal_means::{Correlation, Data, NormalMeans, posterior};
use crate::predictors::Region;
use crate::{Error, Monitor};

/// Given that the effect is at a variable: active variables by conditions, by columns.
#[derive(Debug, Clone, Default)]
pub struct Marginals {
    /// Posterior means.
    pub mean: Vec<f64>,
    /// Posterior standard deviations.
    pub sd: Vec<f64>,
    /// Probabilities that the sign would be guessed wrong.
    pub lfsr: Vec<f64>,
    /// Probabilities that the effect is not positive: zero or negative.
    pub not_positive: Vec<f64>,
    /// Probabilities that it is not negative.
    pub not_negative: Vec<f64>,
}

/// The marginals of one effect at its active variables.
pub fn marginals(
    design: &dyn Region,
    prior: &EffectPrior,
    effect: &Effect,
    monitor: &Monitor,
) -> Result<Marginals, Error> {
    let (n, r) = (effect.active.len(), design.conditions());
    let table = || vec![0.0; n * r];
    if n == 0 {
        return Ok(Marginals::default());
    }
    let mut out = Marginals { mean: table(), sd: table(), lfsr: table(), ..Marginals::default() };
    let [x, s, v] = design.observations(&effect.active, &effect.scores)?;
    // One correlation for all, or one for each.
    let correlation = match v.len() == r * r {
        true => Correlation::Common(&v),
        false => Correlation::PerUnit(&v),
    };
    let data = Data { units: n, conditions: r, x: &x, s: &s, v: correlation };
    let means = NormalMeans::new(data)?;
    let prior = prior.size.clone().times(effect.scale_used);
    let active: Vec<usize> = (0..prior.len()).collect();
    let weights = Weights { active: &active, values: &effect.weights };
    let (mut lfdr, mut negative, mut positive) = (table(), table(), table());
    let to = Posterior {
        mean: &mut out.mean,
        sd: &mut out.sd,
        lfdr: &mut lfdr,
        negative: &mut negative,
        positive: &mut positive,
        lfsr: &mut out.lfsr,
        covariance: None,
    };
    posterior(&means, &prior, weights, None, None, to, monitor)?;
    let or_zero = |signs: Vec<f64>| {
        signs.iter().zip(&lfdr).map(|(sign, zero)| f64::min(sign + zero, 1.0)).collect()
    };
    (out.not_positive, out.not_negative) = (or_zero(negative), or_zero(positive));
    Ok(out)
}

/// `E[b_j]` summed over effects with the probabilities of their places: p by R.
pub fn coefficients(design: &dyn Region, effects: &[Effect], marginals: &[Marginals]) -> Mat<f64> {
    let mut out = Mat::zeros(design.variables(), design.conditions());
    for (effect, m) in effects.iter().zip(marginals).filter(|(e, _)| e.scale > 0.0) {
        let n = effect.active.len();
        for (a, &j) in effect.active.iter().enumerate() {
            for r in 0..design.conditions() {
                out[(j, r)] += effect.alpha[j] * m.mean[r * n + a];
            }
        }
    }
    out
}
