//! A visit of one effect: where it is, how large, and the scale of its prior.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use super::model::Effect;
use crate::linalg::scalar::{exp_or_zero, log_sum_exp, softmax};
use crate::linalg::search::maximum_of;
use crate::normal_means::eigenbasis::{
    Coordinates, Eigenbasis, LogBayes, Selection, Sums, block_range, padded,
};
use crate::normal_means::problem::BLOCK;
use crate::predictors::Region;
use crate::{Error, Prior};

/// The prior of an effect.
#[derive(Debug, Clone)]
pub struct EffectPrior {
    /// Of what it is in the variable that has it.
    pub size: Prior,
    /// Logarithms of the weights of the components of that.
    pub log_weights: Vec<f64>,
    /// Logarithms of the prior probabilities of the variables.
    pub log_place: Vec<f64>,
}

impl EffectPrior {
    /// From the prior of its size and the probabilities of the variables.
    ///
    /// # Errors
    /// A prior with a point mass, or whose matrices have other scales than one: the scale is that of
    /// the effect.
    pub fn new(size: Prior, place: &[f64]) -> Result<Self, Error> {
        if size.null || size.scales.iter().any(|s| s[..] != [1.0]) {
            let why = "must have matrices only, each at one scale, which is one".into();
            return Err(Error::Value { name: "prior", why });
        }
        let logs = |w: &[f64]| w.iter().map(|w| w.ln()).collect();
        Ok(Self { log_weights: logs(&size.weights), log_place: logs(place), size })
    }
}

/// How the scale of an effect is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaleRule {
    /// It is given.
    Fixed,
    /// One step of expectation maximisation at each visit.
    Em,
    /// It maximises the Bayes factor of the effect.
    Optim,
}

/// Variables with a posterior probability up to this take no part in moments.
pub const NEGLIGIBLE: f64 = 1e-14;

/// The logarithm of a scale is found to this.
const CLOSE: f64 = 1e-3;

/// Work space and answers of one visit.
#[derive(Debug)]
pub struct SingleEffect<'a> {
    prior: &'a EffectPrior,
    coordinates: &'a Coordinates,
    bayes: LogBayes,
    evaluated: f64,
}

impl<'a> SingleEffect<'a> {
    /// With the coordinates of the present scores.
    pub fn new(prior: &'a EffectPrior, coordinates: &'a Coordinates) -> Self {
        Self { prior, coordinates, bayes: LogBayes::default(), evaluated: f64::NAN }
    }

    /// The log Bayes factor of the effect at scale `s`.
    pub fn evidence(&mut self, s: f64) -> f64 {
        self.coordinates.log_bayes(s, &self.prior.log_weights, &mut self.bayes);
        self.evaluated = s;
        self.over_places(&self.bayes.mixture)
    }

    /// The evidence at several scales, in one pass over the coordinates.
    fn at(&self, log_scales: &[f64]) -> Vec<f64> {
        let scales: Vec<f64> = log_scales.iter().map(|t| t.exp()).collect();
        let mixtures = self.coordinates.mixtures(&scales, &self.prior.log_weights);
        mixtures.iter().map(|m| self.over_places(m)).collect()
    }

    /// `log sum_j exp(log BF_j + log place_j)`.
    fn over_places(&self, log_bayes: &[f64]) -> f64 {
        log_sum_exp(log_bayes.iter().zip(&self.prior.log_place).map(|(b, p)| b + p))
    }

    /// The scale with the largest evidence; `start` is where it was, if anywhere.
    pub fn best_scale(&self, start: Option<f64>, range: (f64, f64)) -> f64 {
        let step = if start.is_some() { 0.35 } else { 1.4 };
        let grid: Vec<f64> = match start {
            None => {
                let n = ((range.1 - range.0) / step).ceil() as usize + 1;
                (0..n).map(|i| range.0 + step * i as f64).collect()
            }
            Some(s) => {
                let t = s.ln().clamp(range.0, range.1);
                vec![t - step, t, t + step]
            }
        };
        maximum_of(|t| self.at(t), &grid, step, range, CLOSE).at.exp()
    }

    /// The posterior at scale `s`. `second`: with second moments.
    pub fn posterior(
        &mut self,
        s: f64,
        scores: MatRef<'_, f64>,
        (design, basis): (&dyn Region, &Eigenbasis),
        second: bool,
    ) -> Effect {
        if self.evaluated != s {
            self.evidence(s);
        }
        let place = self.bayes.mixture.iter().zip(&self.prior.log_place);
        let mut alpha: Vec<f64> = place.map(|(b, p)| b + p).collect();
        let total = softmax(&mut alpha);
        let active: Vec<usize> = (0..alpha.len()).filter(|&j| alpha[j] > NEGLIGIBLE).collect();
        let mut effect = Effect {
            log_bayes: self.bayes.mixture.clone(),
            total,
            scale: s,
            scale_used: s,
            scores: Mat::from_fn(active.len(), scores.ncols(), |a, r| scores[(active[a], r)]),
            weights: self.component_weights(&active),
            alpha,
            active,
            ..Effect::default()
        };
        self.moments(&mut effect, design, basis, second);
        effect
    }

    /// Posterior weights of the components at some variables.
    fn component_weights(&self, active: &[usize]) -> Vec<f64> {
        let rows = |j: usize| padded(block_range(self.coordinates.units, j / BLOCK).len());
        let weight = |(c, w): (usize, &f64)| -> Vec<f64> {
            let one = |&j: &usize| {
                let l = self.bayes.components[j / BLOCK][c * rows(j) + j % BLOCK];
                exp_or_zero(l + w - self.bayes.mixture[j])
            };
            active.iter().map(one).collect()
        };
        self.prior.log_weights.par_iter().enumerate().flat_map_iter(weight).collect()
    }

    fn moments(&self, effect: &mut Effect, design: &dyn Region, basis: &Eigenbasis, second: bool) {
        let (active, r) = (&effect.active, design.conditions());
        let n = active.len();
        let s = effect.scale_used;
        // The active variables of each block.
        let cut = |b: usize| active.partition_point(|&j| j < b * BLOCK);
        let blocks = self.coordinates.blocks.len();
        let part = |b: usize| {
            let range = cut(b)..cut(b + 1);
            let width = range.len();
            let mut out = (Sums::default(), Mat::zeros(width, r), None);
            if width == 0 {
                return out;
            }
            let rows: Vec<usize> = active[range.clone()].iter().map(|j| j % BLOCK).collect();
            let alpha: Vec<f64> = active[range.clone()].iter().map(|&j| effect.alpha[j]).collect();
            let columns = effect.weights.chunks_exact(n);
            let weights: Vec<f64> =
                columns.flat_map(|column| &column[range.clone()]).copied().collect();
            let chosen = Selection { rows: &rows, alpha: &alpha, weights: &weights };
            let (sums, c) = self.coordinates.moments(b, s, &chosen);
            let c = MatRef::from_column_major_slice(&c, width, basis.lambda.len());
            out.1 = design.lift(&active[range], c, basis);
            out.0 = sums;
            out.2 = second.then(|| self.coordinates.second(b, s, &chosen, basis));
            out
        };
        let parts: Vec<_> = (0..blocks).into_par_iter().map(part).collect();
        let mut sums = Sums::default();
        let mut mean = Mat::zeros(n, r);
        let mut total = second.then(|| Mat::<f64>::zeros(r, r));
        let mut row = 0;
        for (block_sums, block_mean, block_second) in parts {
            sums.add(&block_sums);
            let width = block_mean.nrows();
            mean.as_mut().subrows_mut(row, width).copy_from(&block_mean);
            row += width;
            if let (Some(total), Some(block)) = (total.as_mut(), block_second) {
                *total += block;
            }
        }
        for (a, &j) in active.iter().enumerate() {
            for c in 0..r {
                mean[(a, c)] *= effect.alpha[j];
            }
        }
        (effect.sums, effect.mean, effect.second) = (sums, mean, total);
    }
}
