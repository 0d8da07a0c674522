//! `g = X sum_l gamma_l`, each `gamma_l` zero or with exactly one non-zero coefficient: a sum of
//! single effects (Wang et al. 2020) under sample weights. It says which of several predictors in
//! strong linkage disequilibrium may be the one, where spike and slab settles on one of them.
//!
//! An effect is there with probability `rho`, common to all effects; it is then equally likely at each
//! predictor, and `N(0, v)` for one of a few variances `v`, all equally likely. Nothing of this is
//! the best value for one effect alone: a variance that maximises the evidence of one effect finds one
//! in noise, and without a state of absence an effect must be somewhere.

use super::hyper::Sums;
use super::sweep::squares;
use crate::linalg::columns::{add, dot, weighted_squares};
use crate::linalg::lanes::kernel;
use crate::linalg::scalar::{logistic, softmax};
use crate::normal_means::scalar::{ABSENT, Inclusion, Table, padded, weigh};
use crate::predictors::{Dense, Predictors};

/// Ratio of the next prior variance to one.
const STEP: f64 = 4.0;
/// Effects less likely to be there are left out of the short rounds.
const LIVELY: f64 = 1e-2;
/// Probabilities below this are zero.
const NOWHERE: f64 = 1e-12;

/// One effect: whether it is there, where, and how large.
#[derive(Debug, Clone)]
pub struct Effect {
    /// The posterior probabilities that it is there and at each predictor: their sum is `presence`.
    pub alpha: Vec<f64>,
    /// The posterior mean of the coefficient, were it this predictor.
    pub mean: Vec<f64>,
    /// Its posterior second moment.
    pub second: Vec<f64>,
    /// The posterior probability that the effect is there.
    pub presence: f64,
    fit: Vec<f64>,
    /// The expected square of its coefficient in units of the prior variance.
    energy: f64,
    /// The divergence of place and size from their prior, times `presence`.
    kl: f64,
}

/// A sum of single effects.
#[derive(Debug, Clone)]
pub struct SingleEffects {
    /// The effects.
    pub effects: Vec<Effect>,
    /// The prior variances of a coefficient.
    sizes: Vec<f64>,
    /// The prior log-odds that an effect is there.
    pub log_odds: f64,
}

/// Prior variances of which the largest is that of the first precision, and the smallest that of the
/// second; each at most [`STEP`] times the next.
pub fn sizes_between((low, high): (f64, f64)) -> Vec<f64> {
    let steps = ((high / low).ln() / STEP.ln()).ceil().max(0.0);
    let by = if steps > 0.0 { (high / low).powf(1.0 / steps) } else { 1.0 };
    (0..=steps as usize).map(|k| 1.0 / (low * by.powi(k as i32))).collect()
}

impl SingleEffects {
    /// `count` effects on `p` predictors, none there, with these prior variances and log-odds.
    pub fn new(count: usize, n: usize, p: usize, sizes: Vec<f64>, log_odds: f64) -> Self {
        let effect = Effect {
            alpha: vec![0.0; p],
            mean: vec![0.0; p],
            second: vec![0.0; p],
            presence: 0.0,
            fit: vec![0.0; n],
            energy: 0.0,
            kl: 0.0,
        };
        Self { effects: vec![effect; count.min(p)], sizes, log_odds }
    }

    /// The first effects at given predictors with given coefficients, `(j, u_j)`.
    pub fn start_at(&mut self, places: &[(usize, f64)], design: &Dense<'_>) {
        for (effect, &(j, u)) in self.effects.iter_mut().zip(places) {
            effect.alpha[j] = 1.0;
            (effect.mean[j], effect.second[j]) = (u, u * u);
            effect.presence = 1.0;
            effect.fit = design.column(j).iter().map(|x| x * u).collect();
        }
    }

    /// The sum of the effects for each sample.
    pub fn fitted(&self, sum: &mut [f64]) {
        sum.fill(0.0);
        for effect in &self.effects {
            sum.iter_mut().zip(&effect.fit).for_each(|(s, f)| *s += f);
        }
    }

    /// One round over the effects, of all of them or of those that may be there; `active` are the
    /// predictors, or all if that is `None`.
    pub fn update(
        &mut self,
        design: &Dense<'_>,
        active: Option<&[usize]>,
        (omega, b): (&[f64], &[f64]),
        full: bool,
        (mean, variance): (&mut [f64], &mut [f64]),
    ) {
        let p = active.map_or(design.count(), <[usize]>::len);
        let lively = |e: &Effect| full || e.presence >= LIVELY;
        if p == 0 || !self.effects.iter().any(lively) {
            return;
        }
        let d = curvature(design, active, omega);
        let table = Table::new(&d, &self.sizes);
        let mut prior = vec![ABSENT; padded(self.sizes.len())];
        prior[..self.sizes.len()].fill(-(self.sizes.len() as f64).ln());
        let sizes = Sizes { variances: &self.sizes, table: &table, log_prior: &prior, d: &d };
        let log_odds = self.log_odds;
        for effect in self.effects.iter_mut().filter(|e| lively(e)) {
            for (m, f) in mean.iter_mut().zip(&effect.fit) {
                *m -= f;
            }
            let e: Vec<f64> = (0..design.rows()).map(|i| b[i] - omega[i] * mean[i]).collect();
            visit(effect, design, active, &sizes, &e, log_odds);
            for (m, f) in mean.iter_mut().zip(&effect.fit) {
                *m += f;
            }
        }
        self.spread(design, active, variance);
    }

    /// The variances of the sum, by sample: `sum_l [sum_j alpha_lj E b_lj^2 x_ij^2 - fit_li^2]`.
    pub fn spread(&self, design: &Dense<'_>, active: Option<&[usize]>, variance: &mut [f64]) {
        let p = active.map_or(design.count(), <[usize]>::len);
        let of = |j: usize| -> f64 { self.effects.iter().map(|e| e.alpha[j] * e.second[j]).sum() };
        let weights: Vec<f64> = (0..p).map(of).collect();
        squares(design, active, &weights, variance);
        for effect in &self.effects {
            variance.iter_mut().zip(&effect.fit).for_each(|(v, f)| *v -= f * f);
        }
        variance.iter_mut().for_each(|v| *v = v.max(0.0));
    }

    /// All effects times the root of `square`. Their prior stays.
    pub fn rescale(&mut self, square: f64) {
        let by = square.sqrt();
        for effect in &mut self.effects {
            effect.mean.iter_mut().chain(&mut effect.fit).for_each(|m| *m *= by);
            effect.second.iter_mut().for_each(|s| *s *= square);
            effect.kl += 0.5 * ((square - 1.0) * effect.energy - effect.presence * square.ln());
            effect.energy *= square;
        }
    }

    /// What the effects say of their scale.
    pub fn sums(&self) -> Sums {
        Sums {
            count: self.effects.len() as f64,
            included: self.there(),
            energy: self.effects.iter().map(|e| e.energy).sum(),
        }
    }

    /// `KL(q || p)` given the log-odds.
    pub fn kl(&self) -> f64 {
        let prior = Inclusion::new(logistic(self.log_odds));
        self.effects.iter().map(|e| e.kl + prior.divergence(e.presence)).sum()
    }

    /// The number of predictors.
    pub fn predictors(&self) -> usize {
        self.effects.first().map_or(0, |e| e.alpha.len())
    }

    /// The expected number of effects that are there.
    pub fn there(&self) -> f64 {
        self.effects.iter().map(|e| e.presence).sum()
    }

    /// The posterior probability that each predictor has an effect.
    pub fn pip(&self) -> Vec<f64> {
        let out = |j: usize| self.effects.iter().map(|e| 1.0 - e.alpha[j]).product::<f64>();
        (0..self.predictors()).map(|j| 1.0 - out(j)).collect()
    }

    /// The posterior mean and variance of each coefficient.
    pub fn moments(&self, j: usize) -> (f64, f64) {
        self.effects.iter().fold((0.0, 0.0), |(mean, variance), e| {
            let m = e.alpha[j] * e.mean[j];
            (mean + m, variance + (e.alpha[j] * e.second[j] - m * m).max(0.0))
        })
    }
}

/// What the prior of the sizes says of predictors with curvatures `d`.
struct Sizes<'a> {
    variances: &'a [f64],
    table: &'a Table,
    log_prior: &'a [f64],
    d: &'a [f64],
}

kernel!(
    /// The posterior of one effect under `sum_i e_i g_i - omega_i g_i^2 / 2`. The bound at it is the
    /// evidence, which gives the divergence.
    fn visit<'a, 'b, V: Lanes>(
        effect: &'a mut Effect,
        design: &'a Dense<'b>,
        active: Option<&'a [usize]>,
        sizes: &'a Sizes<'a>,
        e: &'a [f64],
        log_odds: f64,
    ) {
        let p = effect.alpha.len();
        let column = |c: usize| design.column(active.map_or(c, |active| active[c]));
        let (mut work, mut phi) = (sizes.log_prior.to_vec(), sizes.log_prior.to_vec());
        let (mut linear, mut energy) = (vec![0.0; p], vec![0.0; p]);
        for c in 0..p {
            let b = dot::<V>(column(c), e);
            let row = sizes.table.row(c);
            phi.fill(0.0);
            let found = weigh::<V>(row, sizes.log_prior, 0.5 * b * b, &mut work, &mut phi);
            linear[c] = b;
            for (k, v) in sizes.variances.iter().enumerate() {
                let shrink = row.0[k];
                energy[c] += phi[k] * (shrink + shrink * shrink * b * b) / v;
            }
            effect.alpha[c] = found.log_evidence;
            effect.mean[c] = found.shrink * b;
            effect.second[c] = found.shrink_squared * b * b + found.shrink;
        }
        let log_evidence = softmax(&mut effect.alpha) - (p as f64).ln();
        effect.presence = logistic(log_odds + log_evidence);
        let mut expected = 0.0;
        effect.fit.fill(0.0);
        effect.energy = 0.0;
        for c in 0..p {
            let alpha = effect.alpha[c];
            let quadratic = linear[c] * effect.mean[c] - 0.5 * sizes.d[c] * effect.second[c];
            expected += alpha * quadratic;
            effect.energy += alpha * effect.presence * energy[c];
            effect.alpha[c] = if alpha < NOWHERE { 0.0 } else { alpha * effect.presence };
            if effect.alpha[c] > NOWHERE {
                add::<V>(effect.alpha[c] * effect.mean[c], column(c), &mut effect.fit);
            }
        }
        effect.kl = effect.presence * (expected - log_evidence).max(0.0);
    }
);

kernel!(
    fn curvature<'a, 'b, V: Lanes>(
        design: &'a Dense<'b>,
        active: Option<&'a [usize]>,
        omega: &'a [f64],
    ) -> Vec<f64> {
        let of = |j: usize| weighted_squares::<V>(design.column(j), omega);
        match active {
            Some(active) => active.iter().map(|&j| of(j)).collect(),
            None => (0..design.count()).map(of).collect(),
        }
    }
);
