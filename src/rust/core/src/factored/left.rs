//! The sample side of a factor: `g_i = sum_j x_ij u_j`, with a sparse prior on the `u_j`, or free
//! `g_i` that are zero or not all together.
//!
//! Every update is given the local quadratic `sum_i b_i g_i - omega_i g_i^2 / 2` of the bound.

use super::hyper::Hyper;
use super::single::SingleEffects;
use super::slab::Slab;
use super::sweep::{products, squares, sweep};
use crate::linalg::scalar::{logistic, logit};
use crate::normal_means::scalar::{Inclusion, Sign, divergence, normal};
use crate::predictors::Dense;

/// The prior of `g`.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Spike and slab on each predictor.
    Sparse(Slab),
    /// A sum of single effects.
    Single(SingleEffects),
    /// No predictors: `g_i ~ N(0, 1/tau)` for all samples, or zero for all of them.
    Group(Group),
}

/// The sample side of a factor, with the moments of `g`.
#[derive(Debug, Clone)]
pub struct Left {
    /// The coefficients.
    pub kind: Kind,
    /// The posterior means of `g`.
    pub mean: Vec<f64>,
    /// The posterior variances of `g`.
    pub variance: Vec<f64>,
}

/// Predictors, and which of them coefficients belong to: all, if that is `None`.
pub type Chosen<'a, 'b> = (&'a Dense<'b>, Option<&'a [usize]>);

impl Kind {
    /// One round of coordinate updates, with the means and variances of `g`.
    pub fn update(
        &mut self,
        (design, active): Chosen<'_, '_>,
        (omega, b): (&[f64], &[f64]),
        full: bool,
        (mean, variance): (&mut [f64], &mut [f64]),
    ) {
        match self {
            Self::Sparse(slab) => {
                sweep(design, (omega, b), active, full, slab, (mean, variance));
            }
            Self::Single(effects) => {
                effects.update(design, active, (omega, b), full, (mean, variance));
            }
            Self::Group(group) => group.update(omega, b, mean, variance),
        }
    }

    /// The means from the coefficients.
    pub fn rebuild(&self, (design, active): Chosen<'_, '_>, mean: &mut [f64]) {
        match self {
            Self::Sparse(slab) => products(design, active, &slab.means(), mean),
            Self::Single(effects) => effects.fitted(mean),
            Self::Group(_) => {}
        }
    }

    /// The variances from the coefficients.
    pub fn settle(&self, (design, active): Chosen<'_, '_>, variance: &mut [f64]) {
        match self {
            Self::Sparse(slab) => squares(design, active, &slab.variances(), variance),
            Self::Single(effects) => effects.spread(design, active, variance),
            Self::Group(_) => {}
        }
    }

    /// The divergence of the posterior from the prior.
    pub fn kl(&self) -> f64 {
        match self {
            Self::Sparse(slab) => slab.kl(),
            Self::Single(effects) => effects.kl(),
            Self::Group(group) => group.kl(),
        }
    }

    /// Spikes and slabs.
    pub fn sparse(&self) -> Option<&Slab> {
        if let Self::Sparse(slab) = self { Some(slab) } else { None }
    }

    /// Single effects.
    pub fn single(&self) -> Option<&SingleEffects> {
        if let Self::Single(effects) = self { Some(effects) } else { None }
    }
}

impl Left {
    /// All of `g` zero.
    pub fn new(n: usize, kind: Kind) -> Self {
        Self { kind, mean: vec![0.0; n], variance: vec![0.0; n] }
    }

    /// One round of coordinate updates, of all coefficients or of those that may be in. O(n p), or
    /// O(n) for each that may be in.
    pub fn update(&mut self, design: &Dense<'_>, omega: &[f64], b: &[f64], full: bool) {
        let moments = (&mut self.mean[..], &mut self.variance[..]);
        self.kind.update((design, None), (omega, b), full, moments);
    }

    /// The means from the coefficients.
    pub fn rebuild(&mut self, design: &Dense<'_>) {
        self.kind.rebuild((design, None), &mut self.mean);
    }

    /// The variances from scratch: those that are updated bear the rounding errors of all updates.
    pub fn settle(&mut self, design: &Dense<'_>) {
        self.kind.settle((design, None), &mut self.variance);
    }

    /// The divergence of the posterior from the prior.
    pub fn kl(&self) -> f64 {
        self.kind.kl()
    }

    /// The coefficients of the predictors, where they have spikes and slabs.
    pub fn sparse(&self) -> Option<&Slab> {
        self.kind.sparse()
    }

    /// The nearest to `square` by which the prior of the coefficients can follow them.
    pub fn allowed(&self, square: f64, hyper: &Hyper) -> f64 {
        match &self.kind {
            Kind::Group(group) if hyper.free() => {
                square.clamp(group.tau / hyper.tau.1, group.tau / hyper.tau.0)
            }
            Kind::Group(_) => 1.0,
            Kind::Sparse(_) | Kind::Single(_) => square,
        }
    }

    /// All coefficients times the root of `square`. The prior of a group's values scales with them.
    pub fn rescale(&mut self, square: f64) {
        match &mut self.kind {
            Kind::Sparse(slab) => slab.rescale(square),
            Kind::Single(effects) => effects.rescale(square),
            Kind::Group(group) => group.rescale(square),
        }
        self.mean.iter_mut().for_each(|m| *m *= square.sqrt());
        self.variance.iter_mut().for_each(|v| *v *= square);
    }

    /// The probability that some coefficient is not zero, at most.
    pub fn inclusion(&self) -> f64 {
        match &self.kind {
            Kind::Sparse(slab) => slab.alpha.iter().fold(0.0, |a, b| b.max(a)),
            Kind::Single(effects) => effects.pip().into_iter().fold(0.0, f64::max),
            Kind::Group(group) => group.alpha,
        }
    }
}

/// Samples' own values with one inclusion for all: the sides of a matrix factorisation.
#[derive(Debug, Clone)]
pub struct Group {
    /// The posterior probability that the values are not zero.
    pub alpha: f64,
    mu: Vec<f64>,
    s2: Vec<f64>,
    /// The prior probability.
    pub pi: f64,
    /// The prior precision.
    pub tau: f64,
}

impl Group {
    /// Values that are excluded, or start at `mu` if that is given.
    pub fn new(mu: Vec<f64>, pi: f64, tau: f64) -> Self {
        let s2 = vec![1.0 / tau; mu.len()];
        Self { alpha: 1.0, mu, s2, pi, tau }
    }

    /// Posterior mean and standard deviation of the values, given that they are not zero.
    pub fn slab(&self) -> (&[f64], Vec<f64>) {
        (&self.mu, self.s2.iter().map(|s| s.sqrt()).collect())
    }

    fn update(&mut self, omega: &[f64], b: &[f64], mean: &mut [f64], variance: &mut [f64]) {
        let mut log_odds = logit(self.pi);
        for i in 0..self.mu.len() {
            let found = normal(omega[i], b[i], 1.0 / self.tau);
            (self.mu[i], self.s2[i]) = (found.mu, found.s2);
            log_odds += found.log_bayes;
        }
        self.alpha = logistic(log_odds);
        for i in 0..self.mu.len() {
            mean[i] = self.alpha * self.mu[i];
            let spread = self.s2[i] + (1.0 - self.alpha) * self.mu[i] * self.mu[i];
            variance[i] = self.alpha * spread;
        }
    }

    fn kl(&self) -> f64 {
        let slab = |(mu, s2): (&f64, &f64)| divergence(Sign::Any, *mu, *s2, 1.0 / self.tau);
        let total: f64 = self.mu.iter().zip(&self.s2).map(slab).sum();
        Inclusion::new(self.pi).divergence(self.alpha) + self.alpha * total
    }

    fn rescale(&mut self, square: f64) {
        self.mu.iter_mut().for_each(|m| *m *= square.sqrt());
        self.s2.iter_mut().for_each(|s| *s *= square);
        self.tau /= square;
    }

    /// The precision has a closed form; the one inclusion says nothing about its own prior.
    pub fn update_hyper(&mut self, hyper: &Hyper) {
        let energy: f64 = self.mu.iter().zip(&self.s2).map(|(m, s)| m * m + s).sum();
        if self.alpha > 0.0 && hyper.free() {
            self.tau = (self.mu.len() as f64 / energy).clamp(hyper.tau.0, hyper.tau.1);
        }
    }
}
