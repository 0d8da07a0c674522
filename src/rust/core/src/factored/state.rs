//! The posterior of the whole model, and one round of coordinate ascent.
//!
//! The linear predictor of sample i and outcome t is
//! `eta = offset + C theta_t + sum_j x_ij beta_jt + sum_k f_ik v_tk`, each part optional. All updates read the
//! cells' local quadratics (see [`families`](super::families)) and the current mean of `eta`.

use crate::predictors::Dense;
use rayon::prelude::*;

use super::covariates::{Covariates, Effects};
use super::factor::{Factor, SampleWeights, weight_of};
use super::families::{Family, Outcomes, Predictor, Quadratics};
use super::hyper::{Hyper, Presence, Sums, presence_prior};
use super::left::Kind;
use super::priors;

/// What is given.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// The predictors.
    pub design: &'a Dense<'a>,
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
    /// Their coefficients: spikes and slabs, or single effects.
    pub kind: Kind,
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
    /// The local quadratics.
    pub quadratics: Quadratics,
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
        let quadratics = Quadratics { w: vec![0.0; n * m], h: vec![0.0; n * m] };
        let variance = vec![0.0; n * m];
        let mut state =
            Self { family, factors: Vec::new(), direct, effects, quadratics, mean, variance };
        state.relinearise(problem, 1.0);
        if !state.family.conjugate() {
            // Without slopes: all at zero is then the best posterior for these quadratics, from which
            // damped steps may start.
            let Quadratics { w, h } = &mut state.quadratics;
            h.iter_mut().zip(w).zip(&state.mean).for_each(|((h, w), m)| *h = *w * m);
        }
        // A posterior with a variance: the bound is one from the start.
        state.update_covariates(problem);
        state.update_variance(problem);
        state
    }

    /// The quadratics at the present posterior, `damping` of the way from the old ones.
    pub fn relinearise(&mut self, problem: &Problem<'_>, damping: f64) {
        let eta = Predictor { mean: &self.mean, variance: &self.variance };
        self.family.linearise(&problem.outcomes, eta, damping, &mut self.quadratics);
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
            factor.update_left(problem.design, weight, &self.quadratics, &self.mean, full);
            factor.update_right(weight, &self.quadratics, &self.mean);
            factor.add(weight, 1.0, &mut self.mean);
        }
        priors::update(&mut self.factors, &problem.left, &problem.right, true);
        self.update_variance(problem);
        self.update_family(problem);
    }

    /// The family's own parameters, with shifts of the intercepts that belong to them.
    pub fn update_family(&mut self, problem: &Problem<'_>) {
        let n = problem.outcomes.n;
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
        let quadratics = self.quadratics.w.par_chunks(n).zip(self.quadratics.h.par_chunks(n));
        let columns = self.mean.par_chunks_mut(n).zip(quadratics);
        columns.zip(&mut self.effects).for_each(|((mean, (w, h)), effects)| {
            effects.update(&problem.covariates, w, h, mean);
        });
    }

    fn update_direct(&mut self, problem: &Problem<'_>, full: bool) {
        let n = problem.outcomes.n;
        let quadratics = self.quadratics.w.par_chunks(n).zip(self.quadratics.h.par_chunks(n));
        let columns = self.mean.par_chunks_mut(n).zip(quadratics);
        columns.zip(&mut self.direct).for_each(|((mean, (w, h)), direct)| {
            let before = direct.mean.clone();
            let b: Vec<f64> = (0..n).map(|i| h[i] - w[i] * (mean[i] - before[i])).collect();
            let Direct { active, kind, mean: g, variance } = direct;
            kind.update((problem.design, Some(active)), (w, &b), full, (g, variance));
            if let Kind::Sparse(slab) = kind {
                let (pi, tau) = problem.direct.best(&Sums::of(slab), slab.tau);
                slab.set_prior(pi, tau);
            }
            for i in 0..n {
                mean[i] += g[i] - before[i];
            }
        });
        let singles = self.direct.iter().filter_map(|d| d.kind.single());
        let log_odds = problem.direct.log_odds(&Presence::of(singles));
        for direct in &mut self.direct {
            if let Kind::Single(effects) = &mut direct.kind {
                effects.log_odds = log_odds;
            }
        }
    }

    /// The moments of the linear predictor and of its parts from the coefficients alone.
    pub fn rebuild(&mut self, problem: &Problem<'_>) {
        let n = problem.outcomes.n;
        for direct in &mut self.direct {
            let Direct { active, kind, mean, .. } = direct;
            kind.rebuild((problem.design, Some(active)), mean);
        }
        for factor in &mut self.factors {
            factor.left.rebuild(problem.design);
        }
        match problem.offset {
            [] => self.mean.fill(0.0),
            offset => self.mean.copy_from_slice(offset),
        }
        for (t, column) in self.mean.chunks_exact_mut(n).enumerate() {
            self.effects[t].add_mean(&problem.covariates, column);
            if let Some(direct) = self.direct.get(t) {
                column.iter_mut().zip(&direct.mean).for_each(|(m, d)| *m += d);
            }
        }
        for factor in &self.factors {
            let weight = weight_of(problem.weights, factor.weight, n);
            factor.add(weight, 1.0, &mut self.mean);
        }
        self.settle(problem);
    }

    /// Variances without the rounding errors of many updates.
    pub fn settle(&mut self, problem: &Problem<'_>) {
        for direct in &mut self.direct {
            let Direct { active, kind, variance, .. } = direct;
            kind.settle((problem.design, Some(active)), variance);
        }
        for factor in &mut self.factors {
            factor.left.settle(problem.design);
        }
        self.update_variance(problem);
    }

    /// The variance of the linear predictor, from its parts.
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
        let eta = Predictor { mean: &self.mean, variance: &self.variance };
        let column = |t: usize| self.family.expected_sum(t, &problem.outcomes, eta);
        let columns: Vec<f64> = (0..problem.outcomes.m).into_par_iter().map(column).collect();
        columns.iter().sum::<f64>() - self.divergence()
    }

    /// The divergence of the posterior from the prior.
    pub fn divergence(&self) -> f64 {
        let effects: f64 = self.effects.iter().map(Effects::kl).sum();
        let direct: f64 = self.direct.iter().map(|d| d.kind.kl()).sum();
        let factors: f64 = self.factors.iter().map(|f| f.left.kl() + f.right.kl()).sum();
        // The two probabilities that single effects are there have priors of their own.
        let own = self.direct.first().and_then(|d| d.kind.single());
        let common = self.factors.first().and_then(|f| f.left.kind.single());
        let priors = own.into_iter().chain(common).map(|s| presence_prior(s.log_odds));
        effects + direct + factors - priors.sum::<f64>()
    }

    /// Take factor `k` out.
    pub fn remove(&mut self, problem: &Problem<'_>, k: usize) {
        let factor = self.factors.remove(k);
        let weight = weight_of(problem.weights, factor.weight, problem.outcomes.n);
        factor.add(weight, -1.0, &mut self.mean);
        self.update_variance(problem);
    }
}
