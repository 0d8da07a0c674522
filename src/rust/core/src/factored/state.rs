//! The posterior of the whole model, and one round of coordinate ascent.
//!
//! The linear predictor of sample i and outcome t is
//! `eta = offset + C theta_t + sum_j x_ij beta_jt + sum_k f_ik v_tk`, each part optional. All updates read the
//! cells' local quadratics (see [`families`](super::families)) and the current mean of `eta`.

use rayon::prelude::*;

use super::covariates::{Covariates, Effects};
use super::factor::{Factor, SampleWeights, weight_of};
use super::families::{Family, Outcomes, Predictor, Quadratic};
use super::left::Design;
use super::slab::{Hyper, Slab};
use super::sweep::{squares, sweep};

/// What is given.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// The predictors.
    pub design: Design<'a>,
    /// The outcomes.
    pub outcomes: Outcomes<'a>,
    /// The covariates.
    pub covariates: Covariates<'a>,
    /// Known parts of the linear predictor, n by m; empty for none.
    pub offset: &'a [f64],
    /// Weights of the samples in each factor.
    pub weights: Option<SampleWeights<'a>>,
    /// Ranges of the factors' hyper-parameters on the sample side.
    pub left: Hyper,
    /// The same on the side of the outcomes.
    pub right: Hyper,
    /// The same for outcome-specific effects.
    pub direct: Hyper,
}

/// Sparse effects of the predictors on one outcome alone.
#[derive(Debug, Clone)]
pub struct Direct {
    /// The predictors that may have an effect.
    pub active: Vec<usize>,
    /// Their coefficients.
    pub slab: Slab,
    /// Posterior means of the sum, by sample.
    pub mean: Vec<f64>,
    /// Its posterior variances.
    pub variance: Vec<f64>,
}

/// The posterior.
#[derive(Debug, Clone)]
pub struct State {
    /// The family with its parameters.
    pub family: Family,
    /// The factors.
    pub factors: Vec<Factor>,
    /// Outcome-specific effects: one for each outcome, or none at all.
    pub direct: Vec<Direct>,
    /// The effects of the covariates, for each outcome.
    pub effects: Vec<Effects>,
    /// The local quadratics, n by m.
    pub quadratic: Vec<Quadratic>,
    /// Posterior means of the linear predictor, n by m.
    pub mean: Vec<f64>,
    /// Its posterior variances.
    pub variance: Vec<f64>,
}

/// Which parts a round updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// The covariates, the family and the last factor.
    Last,
}

impl State {
    /// Nothing but offsets.
    pub fn new(problem: &Problem<'_>, family: Family, direct: Vec<Direct>) -> Self {
        let Outcomes { n, m, .. } = problem.outcomes;
        let offset = problem.offset;
        let mean = if offset.is_empty() { vec![0.0; n * m] } else { offset.to_vec() };
        let effects = vec![Effects::new(problem.covariates.q); m];
        let quadratic = vec![Quadratic { w: 0.0, h: 0.0 }; n * m];
        let variance = vec![0.0; n * m];
        let mut state =
            Self { family, factors: Vec::new(), direct, effects, quadratic, mean, variance };
        state.relinearise(problem, 1.0);
        state
    }

    /// The quadratics at the present posterior, `damping` of the way from the old ones.
    pub fn relinearise(&mut self, problem: &Problem<'_>, damping: f64) {
        let Self { family, quadratic, mean, variance, .. } = self;
        let y = problem.outcomes.y;
        let family = &*family;
        let (mean, variance) = (&*mean, &*variance);
        quadratic.par_iter_mut().with_min_len(512).enumerate().for_each(|(at, q)| {
            if !y[at].is_nan() {
                let new = family.quadratic(at, y[at], mean[at], variance[at]);
                q.w += damping * (new.w - q.w);
                q.h += damping * (new.h - q.h);
            }
        });
    }

    /// One round of coordinate ascent.
    pub fn step(&mut self, problem: &Problem<'_>, scope: Scope, full: bool, damping: f64) {
        let n = problem.outcomes.n;
        self.relinearise(problem, damping);
        self.update_covariates(problem);
        if scope == Scope::All {
            self.update_direct(problem, full);
        }
        let first = if scope == Scope::All { 0 } else { self.factors.len().saturating_sub(1) };
        for k in first..self.factors.len() {
            let factor = &mut self.factors[k];
            let weight = weight_of(problem.weights, factor.weight, n);
            factor.add(weight, -1.0, &mut self.mean);
            factor.update_left(&problem.design, weight, &self.quadratic, &self.mean, full);
            factor.update_right(weight, &self.quadratic, &self.mean);
            factor.add(weight, 1.0, &mut self.mean);
            factor.left.update_hyper(&problem.left);
            factor.right.update_hyper(&problem.right);
        }
        self.update_variance(problem);
        let eta = Predictor { mean: &self.mean, variance: &self.variance };
        let shifts = self.family.update(&problem.outcomes, eta);
        for (t, shift) in shifts.into_iter().enumerate() {
            if shift != 0.0 {
                self.effects[t].shift(shift, problem.covariates.precision);
                self.mean[t * n..(t + 1) * n].iter_mut().for_each(|m| *m += shift);
            }
        }
    }

    fn update_covariates(&mut self, problem: &Problem<'_>) {
        let n = problem.outcomes.n;
        let columns = self.mean.par_chunks_mut(n).zip(self.quadratic.par_chunks(n));
        columns.zip(&mut self.effects).for_each(|((mean, quadratic), effects)| {
            effects.update(&problem.covariates, quadratic, mean);
        });
    }

    fn update_direct(&mut self, problem: &Problem<'_>, full: bool) {
        let n = problem.outcomes.n;
        let columns = self.mean.par_chunks_mut(n).zip(self.quadratic.par_chunks(n));
        columns.zip(&mut self.direct).for_each(|((mean, quadratic), direct)| {
            let omega: Vec<f64> = quadratic.iter().map(|q| q.w).collect();
            let before = direct.mean.clone();
            let b: Vec<f64> =
                (0..n).map(|i| quadratic[i].h - quadratic[i].w * (mean[i] - before[i])).collect();
            let Direct { active, slab, mean: g, variance } = direct;
            let above = if full { None } else { Some(1e-6) };
            sweep(&problem.design, &omega, &b, Some(active), above, slab, g);
            squares(&problem.design, Some(active), &slab.variances(), variance);
            slab.update_hyper(&problem.direct);
            for i in 0..n {
                mean[i] += g[i] - before[i];
            }
        });
    }

    /// The variance of the linear predictor, from scratch.
    pub fn update_variance(&mut self, problem: &Problem<'_>) {
        let n = problem.outcomes.n;
        self.variance.fill(0.0);
        for (t, column) in self.variance.chunks_exact_mut(n).enumerate() {
            self.effects[t].add_variance(&problem.covariates, column);
            if let Some(direct) = self.direct.get(t) {
                column.iter_mut().zip(&direct.variance).for_each(|(v, d)| *v += d);
            }
        }
        for factor in &self.factors {
            let weight = weight_of(problem.weights, factor.weight, n);
            factor.add_variance(weight, &mut self.variance);
        }
    }

    /// The evidence lower bound, constants included.
    pub fn bound(&self, problem: &Problem<'_>) -> f64 {
        let y = problem.outcomes.y;
        let n = problem.outcomes.n;
        let column = |t: usize| -> f64 {
            (t * n..(t + 1) * n)
                .filter(|&at| !y[at].is_nan())
                .map(|at| self.family.expected(at, y[at], self.mean[at], self.variance[at]))
                .sum()
        };
        let columns: Vec<f64> = (0..problem.outcomes.m).into_par_iter().map(column).collect();
        let effects: f64 = self.effects.iter().map(Effects::kl).sum();
        let direct: f64 = self.direct.iter().map(|d| d.slab.kl()).sum();
        let factors: f64 = self.factors.iter().map(|f| f.left.kl() + f.right.kl()).sum();
        columns.iter().sum::<f64>() - effects - direct - factors
    }

    /// Take factor `k` out.
    pub fn remove(&mut self, problem: &Problem<'_>, k: usize) {
        let factor = self.factors.remove(k);
        let weight = weight_of(problem.weights, factor.weight, problem.outcomes.n);
        factor.add(weight, -1.0, &mut self.mean);
        self.update_variance(problem);
    }
}
