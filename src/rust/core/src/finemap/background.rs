//! Fits beside an infinitesimal background.

use super::ibss::fit;
use super::model::{Effect, Fit, Options, Refine, Start};
use super::single_effect::EffectPrior;
use crate::noise::Structure;
use crate::normal_means::posterior::{Posterior, Weights};
use crate::normal_means::{Correlation, Data, NormalMeans, posterior};
use crate::predictors::{Background, Region};
use crate::{Error, Monitor};

/// Fit sparse effects and the covariances of background and residuals together: from the effects of a
/// fit without a background (`starts`), and from none, where the background comes first and takes
/// what it can. The higher bound is kept. `region` comes without a background, and ends with the one
/// of the fit.
///
/// # Errors
/// As of [`fit`].
pub fn fit_background(
    region: &mut Background,
    prior: &EffectPrior,
    options: &Options,
    starts: &[Start],
    monitor: &Monitor,
) -> Result<Fit, Error> {
    let options = Options {
        residual: Structure::Known,
        hold_residual: false,
        refine: Refine::Never,
        ..*options
    };
    let first = region.variances();
    let sparse = fit(region, prior, &options, starts, monitor)?;
    let kept = region.variances();
    if let Some((v, none)) = first {
        region.set_variances(v, none)?;
    }
    region.renew(&[], &[])?;
    let dense = fit(region, prior, &options, &[], monitor)?;
    if dense.ended.last() > sparse.ended.last() {
        return Ok(dense);
    }
    if let Some((v, omega)) = kept {
        region.set_variances(v, omega)?;
    }
    Ok(sparse)
}

/// `E[b b']` of an effect at its active variables, times the probabilities: R by R for each.
///
/// # Errors
/// As of the posterior.
pub fn second_moments(
    design: &dyn Region,
    prior: &EffectPrior,
    effect: &Effect,
    monitor: &Monitor,
) -> Result<Vec<f64>, Error> {
    let (n, r) = (effect.active.len(), design.conditions());
    let table = || vec![0.0; n * r];
    let [x, s, v] = design.observations(&effect.active, &effect.scores)?;
    let correlation = match v.len() == r * r {
        true => Correlation::Common(&v),
        false => Correlation::PerUnit(&v),
    };
    let means = NormalMeans::new(Data { units: n, conditions: r, x: &x, s: &s, v: correlation })?;
    let prior = prior.size.clone().times(effect.scale_used);
    let active: Vec<usize> = (0..prior.len()).collect();
    let (mut mean, mut sd, mut out) = (table(), table(), vec![0.0; n * r * r]);
    let [mut lfdr, mut negative, mut positive, mut lfsr] = [table(), table(), table(), table()];
    let to = Posterior {
        mean: &mut mean,
        sd: &mut sd,
        lfdr: &mut lfdr,
        negative: &mut negative,
        positive: &mut positive,
        lfsr: &mut lfsr,
        covariance: Some(&mut out),
    };
    let weights = Weights { active: &active, values: &effect.weights };
    posterior(&means, &prior, weights, None, None, to, monitor)?;
    for (a, square) in out.chunks_exact_mut(r * r).enumerate() {
        let alpha = effect.alpha[effect.active[a]];
        for (k, value) in square.iter_mut().enumerate() {
            *value = alpha * (*value + mean[(k % r) * n + a] * mean[(k / r) * n + a]);
        }
    }
    Ok(out)
}

/// Effects as a start.
pub fn starts_of(design: &dyn Region, effects: &[Effect]) -> Vec<Start> {
    let root = design.noise().root.transpose();
    let live = effects.iter().filter(|e| e.scale > 0.0);
    live.map(|e| Start { variables: e.active.clone(), mean: &e.mean * root }).collect()
}
