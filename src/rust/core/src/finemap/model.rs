//! How to fit, the posterior of one effect, and a fit.

use faer::Mat;

use super::single_effect::ScaleRule;
use crate::Ended;
use crate::noise::Structure;
use crate::normal_means::eigenbasis::Sums;
use crate::predictors::Part;

/// The order of updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// Zero scales are found at once.
    Direct,
    /// Zero scales are found after ten sweeps.
    Compat,
}

/// Whether a fit that has converged is compared with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refine {
    /// No.
    Never,
    /// With one that starts from variables that explain more together than those it has found.
    Test,
    /// With one from such variables in any case, and with two effects in the place of each.
    Always,
}

/// Where an effect starts: variables, and its coefficients there times the probabilities of these
/// places, in the units of the prior (a row for each).
#[derive(Debug, Clone)]
pub struct Start {
    /// The variables, ascending.
    pub variables: Vec<usize>,
    /// Variables by conditions.
    pub mean: Mat<f64>,
}

/// How to fit.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The number of effects, L.
    pub effects: usize,
    /// How scales are found.
    pub scale_rule: ScaleRule,
    /// The scale, where it is given, and where steps start.
    pub scale: f64,
    /// The log Bayes factor that an effect must exceed to come in; to stay, it must be above zero.
    pub entry: f64,
    /// The order of updates.
    pub update: Update,
    /// What is assumed of the residual covariance, where it is estimated.
    pub residual: Structure,
    /// Whether it is held until the fit has converged, and estimated from there on if that raises the
    /// bound.
    pub hold_residual: bool,
    /// What is done against optima that are not the best.
    pub refine: Refine,
    /// Stop when the bound gains less.
    pub tol: f64,
    /// Most sweeps.
    pub max_iter: usize,
}

/// The posterior of one effect.
#[derive(Debug, Clone)]
pub struct Effect {
    /// Where it is: p probabilities.
    pub alpha: Vec<f64>,
    /// Log Bayes factors of the variables.
    pub log_bayes: Vec<f64>,
    /// Log Bayes factor of the effect.
    pub total: f64,
    /// The scale of its prior from now on: zero if there is no effect.
    pub scale: f64,
    /// The scale at which this posterior was computed.
    pub scale_used: f64,
    /// Posterior sums.
    pub sums: Sums,
    /// The variables that take part, ascending.
    pub active: Vec<usize>,
    /// Their posterior weights of components: active by components, by columns.
    pub weights: Vec<f64>,
    /// Their scores: the effects they would have alone, whitened, in units of their noise.
    pub scores: Mat<f64>,
    /// Their means times `alpha`, in the coordinates of the region.
    pub mean: Mat<f64>,
    /// What the region makes of the means.
    pub fitted: Mat<f64>,
    /// `sum_j alpha_j E[b_j b_j'] x_j'x_j`, whitened, if it is wanted.
    pub second: Option<Mat<f64>>,
}

impl Default for Effect {
    fn default() -> Self {
        Self {
            alpha: Vec::new(),
            log_bayes: Vec::new(),
            total: 0.0,
            scale: 0.0,
            scale_used: 0.0,
            sums: Sums::default(),
            active: Vec::new(),
            weights: Vec::new(),
            scores: Mat::new(),
            mean: Mat::new(),
            fitted: Mat::new(),
            second: None,
        }
    }
}

impl Effect {
    /// What it takes from the residual.
    pub fn part(&self) -> Part<'_> {
        Part { active: &self.active, mean: &self.mean, fitted: &self.fitted }
    }
}

/// A fit.
#[derive(Debug)]
pub struct Fit {
    /// The effects: those that are in first, then those that went out, in that order.
    pub effects: Vec<Effect>,
    /// What they leave, in the form of the region.
    pub residual: Mat<f64>,
    /// The shares of the sums of squares of the conditions that are left, where these could be
    /// impossible (see `Region::shares_left`).
    pub left: Option<Vec<f64>>,
    /// Iterations are sweeps, and the trace is the evidence bound after each; it has converged when
    /// the last one gained less than the tolerance.
    pub ended: Ended,
    /// The largest loss of the bound in one sweep.
    pub decrease: f64,
}
