//! Logistic regression with a spike-and-slab prior: `logit P(y_i = 1) = f_i`, `f = W u + X b`,
//! `b_j ~ (1 - pi) delta_0 + pi N(0, a)`, and a flat prior on `u`.
//!
//! With `s(x) = 1 / (1 + exp(-x))`, any `e_i` and `d_i = (s(e_i) - 1/2) / e_i` (Jaakkola and Jordan
//! 2000),
//! ```text
//! log p(y_i | f_i) >= log s(e_i) - e_i / 2 + d_i e_i^2 / 2 + (y_i - 1/2) f_i - d_i f_i^2 / 2.
//! ```
//! That is a normal likelihood of `t_i = (y_i - 1/2) / sqrt(d_i)` with mean `sqrt(d_i) f_i` and
//! variance one. Integrating `u` out projects `t` and `D^{1/2} X` off the columns `Q` of an
//! orthonormal basis of `D^{1/2} W`: what is left is a regression of `mr_ash`, of which one sweep
//! is made for each `e`. The best `e` given the posterior is `e_i^2 = E[f_i^2]`, where
//! ```text
//! d_i E[f_i^2] = (x_i'b + (QQ't)_i)^2 + sum_j x_ij^2 Var[b_j] + (QQ')_ii
//! ```
//! with `X` and `b` of that regression. Every step raises the bound.

use rayon::prelude::*;

use super::mr_ash::{Fit, Grid, Options, Settings, Start, Step, fit};
use crate::linalg::scalar::{softplus, softplus_curvature};
use crate::predictors::{Dense, Predictors, Response, response};
use crate::weights::WeightUpdate;
use crate::{Ended, Error, Monitor, Stop};

/// Data of a logistic regression.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    /// Predictors, column-major.
    pub x: &'a [f64],
    /// Zeros and ones.
    pub y: &'a [f64],
    /// An orthonormal basis of the covariates (the intercept among them), column-major.
    pub basis: &'a [f64],
}

/// Prior, start and limits.
#[derive(Debug, Clone, Copy)]
pub struct Model<'a> {
    /// Prior probability of inclusion.
    pub inclusion: f64,
    /// Variance of the slab, to start from if it is estimated.
    pub slab: f64,
    /// Location and degrees of freedom of its scaled inverse chi-squared prior, if it is estimated.
    pub slab_prior: Option<(f64, f64)>,
    /// Coefficients to start from.
    pub b: Option<&'a [f64]>,
    /// The order of updates.
    pub order: &'a [usize],
    /// As in `mr_ash`.
    pub tol: f64,
    /// Most sweeps.
    pub max_iter: usize,
}

/// A fitted model.
#[derive(Debug, Clone)]
pub struct Logistic {
    /// Posterior means.
    pub b: Vec<f64>,
    /// `x_j'r + d_j b_j` of the weighted regression.
    pub c: Vec<f64>,
    /// Sums of squares `d_j` of its predictors.
    pub norms: Vec<f64>,
    /// The variance of the slab.
    pub slab: f64,
    /// Posterior mean of the linear predictor of the covariates.
    pub covariates: Vec<f64>,
    /// The sweeps; `sigma2` is one.
    pub steps: Vec<Step>,
    /// Iterations are sweeps, and the trace is the bound after each.
    pub ended: Ended,
}

/// The weighted regression at some `e`.
struct Weighted {
    design: Dense<'static>,
    response: Response,
    root: Vec<f64>,
    /// `QQ't`.
    along: Vec<f64>,
    /// `(QQ')_ii`.
    leverage: Vec<f64>,
    /// What the bound has besides the bound of the regression.
    constant: f64,
}

/// Fits of several models of the same data, in parallel; each thread holds a copy of the
/// predictors.
///
/// # Errors
/// Those of [`logistic`].
pub fn logistic_grid(
    data: Data,
    models: &[Model],
    monitor: &Monitor,
) -> Result<Vec<Logistic>, Error> {
    models.par_iter().map(|&model| logistic(data, model, monitor)).collect()
}

/// Fit.
///
/// # Errors
/// Wrong lengths or values; covariates that separate the response; `Error::Interrupted`.
pub fn logistic(data: Data, model: Model, monitor: &Monitor) -> Result<Logistic, Error> {
    let n = data.y.len();
    if n == 0 || data.y.iter().any(|y| *y != 0.0 && *y != 1.0) {
        return Err(Error::Value { name: "y", why: "must hold zeros and ones".into() });
    }
    if !(model.inclusion > 0.0 && model.inclusion < 1.0) {
        return Err(Error::Value { name: "logodds", why: "must be finite".into() });
    }
    let mut e = vec![1.0; n];
    let mut slab = model.slab;
    let mut b = model.b.map(<[f64]>::to_vec);
    let (mut trace, mut steps) = (Vec::new(), Vec::new());
    loop {
        let weighted = Weighted::new(data, &e, monitor)?;
        let found = weighted.sweep(model, slab, b.as_deref(), monitor)?;
        let (step, prior) = (found.steps[0], found.grid[1]);
        let elbo = found.ended.last() + weighted.constant;
        let gain = elbo - trace.last().copied().unwrap_or(f64::NEG_INFINITY);
        trace.push(elbo);
        steps.push(step);
        let settled = gain <= model.tol * n as f64 && step.change <= model.tol.sqrt();
        if settled || trace.len() >= model.max_iter.max(1) {
            return Ok(Logistic {
                covariates: weighted.covariate_part(data, &found),
                norms: weighted.design.norms().to_vec(),
                b: found.b,
                c: found.products,
                slab,
                steps,
                ended: Ended::new(Stop::at(settled), trace.len(), trace),
            });
        }
        weighted.improve(&found, &mut e);
        slab = prior;
        b = Some(found.b);
    }
}

impl Weighted {
    fn new(data: Data, e: &[f64], monitor: &Monitor) -> Result<Self, Error> {
        let n = e.len();
        let d: Vec<f64> = e.iter().map(|&e| softplus_curvature(e)).collect();
        let root: Vec<f64> = d.iter().map(|d| d.sqrt()).collect();
        let mut q = data.basis.to_vec();
        for column in q.chunks_exact_mut(n) {
            column.iter_mut().zip(&root).for_each(|(q, r)| *q *= r);
        }
        let log_det = orthonormalise(&mut q, n)?;
        let mut x = data.x.to_vec();
        for column in x.chunks_exact_mut(n) {
            monitor.advance(0)?;
            column.iter_mut().zip(&root).for_each(|(x, r)| *x *= r);
        }
        let t: Vec<f64> = data.y.iter().zip(&root).map(|(y, r)| (y - 0.5) / r).collect();
        let response = response(&q, &t);
        let along: Vec<f64> = t.iter().zip(&response.start).map(|(t, left)| t - left).collect();
        let mut leverage = vec![0.0; n];
        for column in q.chunks_exact(n) {
            leverage.iter_mut().zip(column).for_each(|(l, q)| *l += q * q);
        }
        let columns = (q.len() / n) as f64;
        let mut constant = 0.5 * std::f64::consts::TAU.ln() * (n as f64 + columns) - log_det
            + 0.5 * t.iter().map(|t| t * t).sum::<f64>();
        for (&e, d) in e.iter().zip(&d) {
            constant += 0.5 * d * e * e - 0.5 * e - softplus(-e);
        }
        let design = Dense::new(x, n, &q, false, monitor)?;
        Ok(Self { design, response, root, along, leverage, constant })
    }

    fn sweep(
        &self,
        model: Model,
        slab: f64,
        b: Option<&[f64]>,
        monitor: &Monitor,
    ) -> Result<Fit, Error> {
        let grid = Grid::Relative(vec![0.0, slab]);
        let options = Options {
            weights: WeightUpdate::Fixed,
            update_sigma2: false,
            slab: model.slab_prior,
            tol: 0.0,
            max_iter: 1,
        };
        let settings = Settings { grid: &grid, dirichlet: None, order: model.order, options };
        let pi = [1.0 - model.inclusion, model.inclusion];
        fit(&self.design, &self.response, settings, Start { pi: &pi, sigma2: 1.0, b }, monitor)
    }

    /// `D^{1/2} E[f]`.
    fn mean(&self, found: &Fit) -> impl Iterator<Item = f64> {
        let left = self.response.start.iter().zip(&found.residual);
        left.zip(&self.along).map(|((t, r), a)| t - r + a)
    }

    fn improve(&self, found: &Fit, e: &mut [f64]) {
        let mut spread = self.leverage.clone();
        for (j, &v) in found.variances.iter().enumerate().filter(|(_, v)| **v > 0.0) {
            spread.iter_mut().zip(self.design.column(j)).for_each(|(s, x)| *s += v * x * x);
        }
        for (((e, mean), spread), root) in
            e.iter_mut().zip(self.mean(found)).zip(&spread).zip(&self.root)
        {
            *e = (mean * mean + spread).sqrt() / root;
        }
    }

    /// `W E[u]`: the linear predictor less that of the predictors.
    fn covariate_part(&self, data: Data, found: &Fit) -> Vec<f64> {
        let mut f: Vec<f64> = self.mean(found).zip(&self.root).map(|(m, r)| m / r).collect();
        for (x, &b) in data.x.chunks_exact(f.len()).zip(&found.b).filter(|(_, b)| **b != 0.0) {
            f.iter_mut().zip(x).for_each(|(f, x)| *f -= b * x);
        }
        f
    }
}

/// Gram-Schmidt, each column twice; returns the logarithm of the product of the lengths.
fn orthonormalise(q: &mut [f64], n: usize) -> Result<f64, Error> {
    let mut log_det = 0.0;
    for k in 0..q.len() / n {
        let (before, rest) = q.split_at_mut(k * n);
        let column = &mut rest[..n];
        for _ in 0..2 {
            for other in before.chunks_exact(n) {
                let along: f64 = other.iter().zip(&*column).map(|(o, c)| o * c).sum();
                column.iter_mut().zip(other).for_each(|(c, o)| *c -= along * o);
            }
        }
        let length = column.iter().map(|c| c * c).sum::<f64>().sqrt();
        if length.is_nan() || length <= 1e-150 {
            let why = "separates the zeros and ones of `y`: leave the column out".into();
            return Err(Error::Value { name: "Z", why });
        }
        column.iter_mut().for_each(|c| *c /= length);
        log_det += length.ln();
    }
    Ok(log_det)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    /// Of one predictor.
    const ONE: Model<'static> = Model {
        inclusion: 0.3,
        slab: 0.8,
        slab_prior: None,
        b: None,
        order: &[0],
        tol: 1e-8,
        max_iter: 10,
    };

    fn simulate(seed: u64, n: usize, p: usize) -> (Vec<f64>, Vec<f64>) {
        let stream = Stream::new(seed, 1);
        let mut at = 0;
        let mut uniform = || {
            at += 1;
            stream.uniform(at)
        };
        let mut x = vec![0.0; n * p];
        for j in 0..p {
            for i in 0..n {
                let before = if j > 0 { x[(j - 1) * n + i] } else { 0.0 };
                x[j * n + i] = 0.6 * before + 3.0 * (uniform() - 0.5);
            }
        }
        let y = (0..n)
            .map(|i| {
                let f = 1.5 * x[i] - 2.0 * x[(p / 2) * n + i] - 0.5;
                f64::from(u8::from(uniform() < 1.0 / (1.0 + (-f).exp())))
            })
            .collect();
        (x, y)
    }

    fn constant(n: usize) -> Vec<f64> {
        vec![1.0 / (n as f64).sqrt(); n]
    }

    #[test]
    fn the_bound_never_falls() {
        for seed in 0..20 {
            let (n, p) = (60 + seed as usize, 20);
            let (x, y) = simulate(seed, n, p);
            let order: Vec<usize> = (0..p).collect();
            let model = Model {
                inclusion: 0.1,
                slab: 1.0,
                slab_prior: (seed % 2 == 0).then_some((1.0, 10.0)),
                b: None,
                order: &order,
                tol: 1e-10,
                max_iter: 500,
            };
            let data = Data { x: &x, y: &y, basis: &constant(n) };
            let found = logistic(data, model, &Monitor::default()).unwrap();
            assert_eq!(found.ended.stop, Stop::Converged);
            for pair in found.ended.trace.windows(2) {
                assert!(pair[1] >= pair[0] - 1e-9, "problem {seed}: {pair:?}");
            }
        }
    }

    #[test]
    fn the_bound_is_below_the_evidence_and_near_it() {
        // One predictor and an intercept: the evidence by summing over a fine grid.
        let (x, y) = simulate(3, 40, 1);
        let model = Model { tol: 1e-14, max_iter: 1000, ..ONE };
        let basis = constant(40);
        let data = Data { x: &x, y: &y, basis: &basis };
        let found = logistic(data, model, &Monitor::default()).unwrap();
        let loglik = |u: f64, b: f64| -> f64 {
            let f = (0..40).map(|i| u * basis[i] + b * x[i]);
            f.zip(&y).map(|(f, y)| -softplus(if *y == 1.0 { -f } else { f })).sum()
        };
        let (mut spike, mut slab) = (0.0, 0.0);
        let step = 0.05;
        for i in -600..600 {
            let u = f64::from(i) * step;
            spike += step * loglik(u, 0.0).exp();
            for k in -120..120 {
                let b = f64::from(k) * step;
                let prior = (-0.5 * b * b / 0.8).exp() / (std::f64::consts::TAU * 0.8).sqrt();
                slab += step * step * prior * loglik(u, b).exp();
            }
        }
        let evidence = (0.7 * spike + 0.3 * slab).ln();
        let elbo = found.ended.last();
        assert!(elbo < evidence && elbo > evidence - 0.5, "{elbo} and {evidence}");
    }

    #[test]
    fn responses_that_are_not_zeros_and_ones_are_refused() {
        let model = ONE;
        let data = Data { x: &[1.0, 2.0], y: &[0.0, 2.0], basis: &constant(2) };
        let refused = logistic(data, model, &Monitor::default()).unwrap_err();
        assert!(refused.to_string().contains("`y`"));
    }
}
