//! How to fit, and a fit.

use super::effect::Effect;
use super::single_effect::ScaleRule;
use crate::Ended;
use crate::noise::Structure;

/// The order of updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// Zero scales are found at once.
    Direct,
    /// Zero scales are found after ten sweeps.
    Compat,
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
    /// Stop when the bound gains less.
    pub tol: f64,
    /// Most sweeps.
    pub max_iter: usize,
}

/// A fit.
#[derive(Debug)]
pub struct Fit {
    /// The effects: those that are in first, then those that went out, in that order.
    pub effects: Vec<Effect>,
    /// Iterations are sweeps, and the trace is the evidence bound after each; it has converged when
    /// the last one gained less than the tolerance.
    pub ended: Ended,
    /// The largest loss of the bound in one sweep.
    pub decrease: f64,
}
