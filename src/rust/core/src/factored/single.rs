//! `g = X sum_l gamma_l`, each `gamma_l` with exactly one non-zero coefficient: a sum of single effects
//! (Wang et al. 2020) under sample weights. It says which of several predictors in strong linkage
//! disequilibrium may be the one, where spike and slab settles on one of them.

use crate::linalg::columns::{add, dot, weighted_squares};
use crate::linalg::lanes::kernel;
use crate::linalg::scalar::{log_sum_exp, softmax};
use crate::linalg::search::maximum;
use crate::normal_means::scalar::normal;
use crate::predictors::{Dense, Predictors};

/// The logarithm of a prior variance is found to this.
const CLOSE: f64 = 1e-4;

/// One effect: where it is, and how large.
#[derive(Debug, Clone)]
pub struct Effect {
    /// The posterior probability of each predictor.
    pub alpha: Vec<f64>,
    /// The posterior mean of the coefficient, were it this predictor.
    pub mu: Vec<f64>,
    /// Its posterior variance.
    pub s2: Vec<f64>,
    /// The prior variance; zero removes the effect.
    pub prior: f64,
    fit: Vec<f64>,
    log_evidence: f64,
    /// `KL(q || p)`.
    kl: f64,
}

/// A sum of single effects.
#[derive(Debug, Clone)]
pub struct SingleEffects {
    /// The effects.
    pub effects: Vec<Effect>,
}

impl SingleEffects {
    /// `count` effects on `p` predictors, all at zero, with prior variance `prior`.
    pub fn new(count: usize, n: usize, p: usize, prior: f64) -> Self {
        let effect = Effect {
            alpha: vec![1.0 / p as f64; p],
            mu: vec![0.0; p],
            s2: vec![prior; p],
            prior,
            fit: vec![0.0; n],
            log_evidence: 0.0,
            kl: 0.0,
        };
        Self { effects: vec![effect; count] }
    }

    /// The same, but for the first that start at given predictors with given coefficients, `(j, u_j)`.
    pub fn starting_at(
        places: &[(usize, f64)],
        count: usize,
        design: &Dense<'_>,
        prior: f64,
    ) -> Self {
        let mut started = Self::new(count, design.rows(), design.count(), prior);
        for (effect, &(j, u)) in started.effects.iter_mut().zip(places) {
            effect.alpha.fill(0.0);
            effect.alpha[j] = 1.0;
            effect.mu[j] = u;
            effect.fit = design.column(j).iter().map(|x| x * u).collect();
        }
        started
    }

    /// The sum of the effects for each sample.
    pub fn fitted(&self) -> Vec<f64> {
        let mut sum = self.effects.first().map_or_else(Vec::new, |e| vec![0.0; e.fit.len()]);
        for effect in &self.effects {
            sum.iter_mut().zip(&effect.fit).for_each(|(s, f)| *s += f);
        }
        sum
    }

    /// One round over the effects, with the prior variance of each set to its best value.
    pub fn update(
        &mut self,
        design: &Dense<'_>,
        omega: &[f64],
        b: &[f64],
        mean: &mut [f64],
        variance: &mut [f64],
    ) {
        let d = curvature(design, omega);
        for effect in &mut self.effects {
            for (m, f) in mean.iter_mut().zip(&effect.fit) {
                *m -= f;
            }
            let e: Vec<f64> = (0..design.rows()).map(|i| b[i] - omega[i] * mean[i]).collect();
            effect.set(design, &d, &e);
            for (m, f) in mean.iter_mut().zip(&effect.fit) {
                *m += f;
            }
        }
        variance.fill(0.0);
        for effect in &self.effects {
            add_variance(design, effect, variance);
        }
    }

    /// All effects times the root of `square`, and their prior scales with them.
    pub fn rescale(&mut self, square: f64) {
        let by = square.sqrt();
        for effect in &mut self.effects {
            effect.mu.iter_mut().chain(&mut effect.fit).for_each(|m| *m *= by);
            effect.s2.iter_mut().for_each(|s| *s *= square);
            effect.prior *= square;
        }
    }

    /// `KL(q || p)`.
    pub fn kl(&self) -> f64 {
        self.effects.iter().map(|e| e.kl).sum()
    }

    /// The posterior probability that each predictor has an effect.
    pub fn pip(&self) -> Vec<f64> {
        let p = self.effects.first().map_or(0, |e| e.alpha.len());
        let out = |j: usize| {
            self.effects.iter().filter(|e| e.prior > 0.0).map(|e| 1.0 - e.alpha[j]).product::<f64>()
        };
        (0..p).map(|j| 1.0 - out(j)).collect()
    }

    /// The posterior mean and variance of each coefficient.
    pub fn moments(&self, j: usize) -> (f64, f64) {
        self.effects.iter().fold((0.0, 0.0), |(mean, variance), e| {
            let m = e.alpha[j] * e.mu[j];
            let second = e.alpha[j] * (e.mu[j] * e.mu[j] + e.s2[j]);
            (mean + m, variance + if e.prior > 0.0 { second - m * m } else { 0.0 })
        })
    }
}

impl Effect {
    fn set(&mut self, design: &Dense<'_>, d: &[f64], e: &[f64]) {
        let linear = linear_terms(design, e);
        self.prior = best_prior(d, &linear, self.prior);
        let p = design.count();
        if self.prior == 0.0 {
            self.mu.fill(0.0);
            self.s2.fill(0.0);
            self.alpha.fill(1.0 / p as f64);
            self.fit.fill(0.0);
            (self.kl, self.log_evidence) = (0.0, 0.0);
            return;
        }
        // The bound of this effect alone at its optimum is the evidence: KL = E[quadratic] - evidence.
        for j in 0..p {
            let found = normal(d[j], linear[j], self.prior);
            (self.mu[j], self.s2[j]) = (found.mu, found.s2);
            self.alpha[j] = found.log_bayes;
        }
        self.log_evidence = softmax(&mut self.alpha) - (p as f64).ln();
        let mut expected = 0.0;
        for j in 0..p {
            let second = self.mu[j] * self.mu[j] + self.s2[j];
            expected += self.alpha[j] * (linear[j] * self.mu[j] - 0.5 * d[j] * second);
        }
        self.kl = (expected - self.log_evidence).max(0.0);
        let weights: Vec<f64> = self.alpha.iter().zip(&self.mu).map(|(a, m)| a * m).collect();
        self.fit.fill(0.0);
        add_fit(design, &weights, &mut self.fit);
    }
}

/// The log of the mean over predictors of their Bayes factors.
fn evidence(d: &[f64], b: &[f64], v: f64) -> f64 {
    let logs: Vec<f64> = d.iter().zip(b).map(|(&d, &b)| normal(d, b, v).log_bayes).collect();
    log_sum_exp(logs.iter().copied()) - (logs.len() as f64).ln()
}

/// The prior variance of largest evidence, near the best of a coarse grid that holds the present one;
/// zero if nothing beats no effect.
fn best_prior(d: &[f64], b: &[f64], now: f64) -> f64 {
    let scale = d.iter().copied().fold(0.0, f64::max);
    if scale <= 0.0 {
        return 0.0;
    }
    let mut grid: Vec<f64> = (-2..8).map(|i| (10f64.powi(i) / scale).ln()).collect();
    if now > 0.0 {
        grid.push(now.ln());
        grid.sort_by(f64::total_cmp);
    }
    let best = maximum(|log| evidence(d, b, log.exp()), &grid, CLOSE);
    if best.value > 0.0 { best.at.exp() } else { 0.0 }
}

kernel!(
    fn curvature<'a, 'b, V: Lanes>(design: &'a Dense<'b>, omega: &'a [f64]) -> Vec<f64> {
        let mut d = vec![0.0; design.count()];
        for (j, d) in d.iter_mut().enumerate() {
            *d = weighted_squares::<V>(design.column(j), omega);
        }
        d
    }
);

kernel!(
    fn linear_terms<'a, 'b, V: Lanes>(design: &'a Dense<'b>, e: &'a [f64]) -> Vec<f64> {
        let mut b = vec![0.0; design.count()];
        for (j, b) in b.iter_mut().enumerate() {
            *b = dot::<V>(design.column(j), e);
        }
        b
    }
);

kernel!(
    fn add_fit<'a, 'b, V: Lanes>(design: &'a Dense<'b>, weights: &'a [f64], out: &'a mut [f64]) {
        for j in 0..design.count() {
            if weights[j] != 0.0 {
                add::<V>(weights[j], design.column(j), out);
            }
        }
    }
);

kernel!(
    /// `Var g_i = sum_j alpha_j (mu_j^2 + s2_j) x_ij^2 - fit_i^2`, for one effect.
    fn add_variance<'a, 'b, V: Lanes>(
        design: &'a Dense<'b>,
        effect: &'a Effect,
        variance: &'a mut [f64],
    ) {
        if effect.prior == 0.0 {
            return;
        }
        let mut second = vec![0.0; design.rows()];
        for j in 0..design.count() {
            let weight = effect.alpha[j] * (effect.mu[j] * effect.mu[j] + effect.s2[j]);
            if weight > 0.0 {
                let x = design.column(j);
                crate::linalg::columns::add_product::<V>(weight, x, x, &mut second);
            }
        }
        for i in 0..design.rows() {
            variance[i] += (second[i] - effect.fit[i] * effect.fit[i]).max(0.0);
        }
    }
);
