//! What is fitted and how, where from, and what comes out.

use crate::predictors::Predictors;
use crate::weights::WeightUpdate;
use crate::{Ended, Error};

/// Prior variances of the components; the first may be zero.
#[derive(Debug, Clone, PartialEq)]
pub enum Grid {
    /// In units of the residual variance: `a_k`.
    Relative(Vec<f64>),
    /// In the units of the effects, squared: `v_k`.
    Absolute(Vec<f64>),
}

impl Grid {
    pub(super) fn values(&self) -> &[f64] {
        match self {
            Self::Relative(a) | Self::Absolute(a) => a,
        }
    }

    pub(super) fn relative(&self, sigma2: f64) -> Vec<f64> {
        match self {
            Self::Relative(a) => a.clone(),
            Self::Absolute(v) => v.iter().map(|v| v / sigma2).collect(),
        }
    }
}

/// How to fit.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether and how to estimate the weights.
    pub weights: WeightUpdate,
    /// Whether to estimate the residual variance.
    pub update_sigma2: bool,
    /// Estimate the variance of the last of two components, with a scaled inverse chi-squared
    /// prior: its location and degrees of freedom.
    pub slab: Option<(f64, f64)>,
    /// Converged when a sweep raises the bound by at most `tol` per sample and moves no coefficient
    /// by more than `sqrt(tol)` standard errors, and the weights are the best ones for the current
    /// effects (`Em`: no weight moves by more than `sqrt(tol)`).
    pub tol: f64,
    /// Most sweeps.
    pub max_iter: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            weights: WeightUpdate::Convex,
            update_sigma2: true,
            slab: None,
            tol: 1e-8,
            max_iter: 1000,
        }
    }
}

/// The model and the path.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// Prior variances.
    pub grid: &'a Grid,
    /// Dirichlet parameters of the weights, at least one; none means all one.
    pub dirichlet: Option<&'a [f64]>,
    /// The order of the predictors in a sweep.
    pub order: &'a [usize],
    /// How to fit.
    pub options: Options,
}

/// Where to start, in the units of the design.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Weights.
    pub pi: &'a [f64],
    /// Residual variance.
    pub sigma2: f64,
    /// Coefficients; none means zero.
    pub b: Option<&'a [f64]>,
}

/// One accepted sweep.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The residual variance after the sweep.
    pub sigma2: f64,
    /// The largest change of a coefficient, in standard errors.
    pub change: f64,
    /// The largest change of a weight after the sweep.
    pub weights: f64,
}

/// The fit, in the units of the design.
#[derive(Debug, Clone)]
pub struct Fit {
    /// Posterior means.
    pub b: Vec<f64>,
    /// `x_j'r + d_j b_j` with the final residual: divided by `d_j`, the deconvolved effects.
    pub products: Vec<f64>,
    /// Weights.
    pub pi: Vec<f64>,
    /// Residual variance.
    pub sigma2: f64,
    /// The prior variances; only the slab's may differ from those given.
    pub grid: Vec<f64>,
    /// Posterior variances when each predictor was last updated; zero where it never was.
    pub variances: Vec<f64>,
    /// The residual, in the form of the design.
    pub residual: Vec<f64>,
    /// The share of the response's sum of squares that it has.
    pub left: f64,
    /// `sum_j d_j Var[b_j]` of the last sweep.
    pub variance: f64,
    /// Accepted sweeps.
    pub steps: Vec<Step>,
    /// Sweeps, accepted or not; and the bound after each that was accepted, with the weights and the
    /// variance it was made with.
    pub ended: Ended,
}

/// Lengths and ranges.
pub(super) fn check<D: Predictors>(
    design: &D,
    settings: &Settings,
    start: &Start,
) -> Result<(), Error> {
    let (p, k) = (design.norms().len(), settings.grid.values().len());
    let shape = |name, expected, found| match expected == found {
        true => Ok(()),
        false => Err(Error::Shape { name, expected, found }),
    };
    let value = |name, why: &str, right: bool| match right {
        true => Ok(()),
        false => Err(Error::Value { name, why: why.into() }),
    };
    shape("pi", k, start.pi.len())?;
    shape("order", p, settings.order.len())?;
    if let Some(b) = start.b {
        shape("beta_init", p, b.len())?;
        value("beta_init", "must be finite", b.iter().all(|b| b.is_finite()))?;
    }
    let variances = settings.grid.values().iter().all(|a| a.is_finite() && *a >= 0.0);
    value("grid", "must hold finite variances of at least 0", k > 0 && variances)?;
    let proportions = start.pi.iter().all(|w| w.is_finite() && *w >= 0.0);
    value("pi", "must not be negative", proportions && start.pi.iter().sum::<f64>() > 0.0)?;
    value("sigma2", "must be positive", start.sigma2 > 0.0 && start.sigma2.is_finite())?;
    let mut seen = vec![false; p];
    for &j in settings.order {
        value("order", "must have each predictor once", j < p && !seen[j])?;
        seen[j] = true;
    }
    if let Some(a) = settings.dirichlet {
        shape("prior", k, a.len())?;
        value("prior", "must be at least one", a.iter().all(|a| *a >= 1.0 && a.is_finite()))?;
    }
    value("grid", "must have two components", settings.options.slab.is_none() || k == 2)
}
