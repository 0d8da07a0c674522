//! The state between visits to effects, and sweeps over them.

use faer::Mat;

use super::model::{Effect, Options, Update};
use super::residual::cross_product;
use super::single_effect::{EffectPrior, ScaleRule, SingleEffect};
use crate::ended::BEYOND;
use crate::noise::{Residual, Structure};
use crate::normal_means::eigenbasis::{Coordinates, Eigenbasis};
use crate::predictors::{Part, Region};
use crate::{Error, Monitor, memory};

/// Sweeps of [`Update::Compat`] before scales may go to zero.
const PATIENCE: usize = 10;

/// Sweeps for which the scale of an effect that was put in is held.
const HOLD: usize = 3;

/// Sweeps until the bound stands still.
#[derive(Debug, Default)]
pub struct Run {
    pub elbo: Vec<f64>,
    pub converged: bool,
    /// The data contradict each other.
    pub contradicted: bool,
    pub decrease: f64,
}

impl Run {
    pub fn bound(&self) -> f64 {
        self.elbo.last().copied().unwrap_or(f64::NEG_INFINITY)
    }

    /// Go on with sweeps that ended higher. Their first may be below, which does not count.
    pub fn append(&mut self, more: Self) {
        let bound = self.bound();
        self.elbo.extend(more.elbo.into_iter().filter(|b| *b > bound));
        self.converged = more.converged;
        self.decrease = self.decrease.max(more.decrease);
    }
}

/// What is needed to come back.
pub struct State {
    residual: Mat<f64>,
    effects: Vec<(usize, Effect)>,
    out: Vec<usize>,
    noise: Option<Residual>,
    variances: Option<(Mat<f64>, Mat<f64>)>,
}

/// The state between visits.
pub struct Sweeps<'a> {
    pub(super) design: &'a mut dyn Region,
    pub(super) prior: &'a EffectPrior,
    pub(super) options: &'a Options,
    pub(super) noise: Residual,
    pub(super) basis: Eigenbasis,
    pub(super) coordinates: Coordinates,
    pub(super) residual: Mat<f64>,
    pub(super) effects: Vec<Effect>,
    /// Those that are in, and those that are out, in the order of the results.
    pub(super) live: Vec<usize>,
    pub(super) out: Vec<usize>,
    range: (f64, f64),
    /// An effect whose scale is held.
    held: Option<usize>,
    /// Effects that were put somewhere and have not been visited since.
    pub(super) placed: Vec<usize>,
}

impl<'a> Sweeps<'a> {
    pub fn new(
        design: &'a mut dyn Region,
        prior: &'a EffectPrior,
        options: &'a Options,
    ) -> Result<Self, Error> {
        let l = options.effects;
        let basis = design.basis(&prior.size.factors);
        // The coordinates, their eigenvalues where each variable has its own, and those of an effect.
        memory::room(3 * design.variables() * basis.lambda.len())?;
        let coordinates = design.coordinates(&basis);
        let all: Vec<usize> = (0..l).collect();
        let eager = options.update == Update::Compat || options.scale_rule == ScaleRule::Fixed;
        let (live, out) = if eager { (all, Vec::new()) } else { (Vec::new(), all) };
        let residual = design.start().clone();
        let scale = if eager { options.scale } else { 0.0 };
        let effects = (0..l).map(|_| absent(design, prior, scale)).collect();
        let range = (0.0, 0.0);
        let structure = if options.hold_residual { Structure::Known } else { options.residual };
        let noise = Residual::given(structure, design.noise().covariance.clone());
        let mut new = Self {
            design,
            prior,
            options,
            noise,
            basis,
            coordinates,
            residual,
            effects,
            live,
            out,
            range,
            held: None,
            placed: Vec::new(),
        };
        new.load_scores();
        new.range = new.coordinates.scale_range();
        Ok(new)
    }

    /// Put the present scores into the coordinates.
    fn load_scores(&mut self) -> Mat<f64> {
        let scores = self.design.scores(&self.residual);
        self.design.fill(&mut self.coordinates, &scores, &self.basis);
        scores
    }

    pub fn run(&mut self, most: usize, monitor: &Monitor) -> Result<Run, Error> {
        let mut run = Run::default();
        let (compat, tol) = (self.options.update == Update::Compat, self.options.tol);
        let mut count = usize::MAX;
        for iteration in 1..=most {
            let held = self.held.is_some();
            self.sweep(iteration, monitor)?;
            if iteration >= HOLD {
                self.held = None;
            }
            let bound = self.bound();
            let gain = bound - run.bound();
            run.elbo.push(bound);
            if iteration > 1 && !held {
                run.decrease = run.decrease.max(-gain);
            }
            if self.is_impossible(bound) {
                run.contradicted = true;
                break;
            }
            let settled = compat || (count == self.live.len() && !held);
            let enough = if compat { gain } else { gain.abs() };
            if iteration > 1 && settled && enough < tol {
                run.converged = true;
                break;
            }
            count = self.live.len();
            self.trim();
            if self.design.variances().is_some() {
                // The last sweep leaves what it was made with.
                if iteration < most {
                    self.renew(monitor)?;
                }
            } else if !self.noise.is_known() && !self.update_noise()? {
                run.contradicted = true;
                break;
            }
        }
        Ok(run)
    }

    /// The shares of the sums of squares that are left, see [`Region::shares_left`].
    pub fn shares_left(&self) -> Option<Vec<f64>> {
        self.design.shares_left(&self.residual, &self.parts())
    }

    /// Whether more is explained than there is, or the bound exceeds the log-likelihood of a perfect
    /// fit.
    fn is_impossible(&self, bound: f64) -> bool {
        let Some(left) = self.shares_left() else { return false };
        let perfect = self.design.constant();
        let counts = self.design.samples() > 0.0;
        left.iter().any(|share| *share < -BEYOND)
            || (counts && bound > perfect + 1e-6 * perfect.abs())
    }

    /// Put in one more effect, if there are some and there is one left.
    pub fn seed(&mut self) -> bool {
        let (n, Some(&l)) = (self.live.len(), self.out.first()) else { return false };
        if n == 0 {
            return false;
        }
        let logs = self.live.iter().map(|&l| self.effects[l].scale.ln());
        self.effects[l].scale = (logs.sum::<f64>() / n as f64).exp();
        self.out.remove(0);
        self.live.insert(0, l);
        self.held = Some(l);
        true
    }

    pub fn save(&self) -> State {
        State {
            residual: self.residual.clone(),
            effects: self.live.iter().map(|&l| (l, self.effects[l].clone())).collect(),
            out: self.out.clone(),
            noise: (self.options.residual != Structure::Known).then(|| self.noise.clone()),
            variances: self.design.variances(),
        }
    }

    pub fn restore(&mut self, state: State) -> Result<(), Error> {
        if let Some(noise) = state.noise {
            self.design.set_noise(noise.covariance.clone())?;
            self.noise = noise;
            self.basis = self.design.basis(&self.prior.size.factors);
            self.coordinates = self.design.coordinates(&self.basis);
        }
        if let Some((v, background)) = state.variances {
            self.design.set_variances(v, background)?;
            self.coordinates = self.design.coordinates(&self.basis);
        }
        self.residual = state.residual;
        for &l in &state.out {
            self.effects[l] = absent(&*self.design, self.prior, 0.0);
        }
        self.live = state.effects.iter().map(|(l, _)| *l).collect();
        for (l, effect) in state.effects {
            self.effects[l] = effect;
        }
        self.out = state.out;
        self.held = None;
        self.placed.clear();
        Ok(())
    }

    fn sweep(&mut self, iteration: usize, monitor: &Monitor) -> Result<(), Error> {
        for l in self.live.clone() {
            self.visit(l, iteration);
            monitor.advance(1)?;
        }
        if self.options.update == Update::Compat {
            return Ok(());
        }
        self.live.retain(|&l| self.effects[l].scale > 0.0);
        let in_order = |l: &usize| !self.live.contains(l);
        self.out = (0..self.effects.len()).filter(in_order).collect();
        while let (Some(&l), None) = (self.out.first(), self.held) {
            self.visit(l, iteration);
            monitor.advance(1)?;
            if self.effects[l].scale == 0.0 {
                break;
            }
            self.out.remove(0);
            self.live.push(l);
        }
        Ok(())
    }

    /// The posterior of one effect given the others.
    fn visit(&mut self, l: usize, iteration: usize) {
        self.residual += &self.effects[l].fitted;
        let scores = self.load_scores();
        // Of an effect that was only put somewhere, the scale means nothing.
        let placed = self.placed.iter().position(|&q| q == l).map(|at| self.placed.remove(at));
        let before = if placed.is_some() { 0.0 } else { self.effects[l].scale };
        let second = !(self.noise.is_known() || self.noise.is_plugin());
        let mut visit = SingleEffect::new(self.prior, &self.coordinates);
        let compat = self.options.update == Update::Compat;
        let hold = self.held == Some(l);
        let rule = if hold { ScaleRule::Fixed } else { self.options.scale_rule };
        let scale = match rule {
            ScaleRule::Fixed if hold => before,
            ScaleRule::Fixed => self.options.scale,
            ScaleRule::Em if compat || before > 0.0 => before,
            ScaleRule::Em => visit.best_scale(None, self.range),
            ScaleRule::Optim => visit.best_scale((before > 0.0).then_some(before), self.range),
        };
        let least = if before > 0.0 { 0.0 } else { self.options.entry };
        let null = |evidence: f64| evidence <= least;
        if rule == ScaleRule::Optim && null(visit.evidence(scale)) {
            self.effects[l] = absent(&*self.design, self.prior, 0.0);
            return;
        }
        let mut effect =
            visit.posterior(scale, scores.as_ref(), (&*self.design, &self.basis), second);
        if rule == ScaleRule::Em {
            effect.scale = effect.sums.em_scale();
            let check = !compat || iteration > PATIENCE;
            if check && null(visit.evidence(effect.scale)) {
                if compat {
                    effect.scale = 0.0;
                    effect.sums.fit = 0.0;
                    effect.sums.size = 0.0;
                    effect.mean.fill(0.0);
                    if let Some(second) = effect.second.as_mut() {
                        second.fill(0.0);
                    }
                } else {
                    effect = absent(&*self.design, self.prior, 0.0);
                }
            }
        }
        effect.fitted = self.design.fitted(&effect.active, effect.mean.as_ref());
        self.residual -= &effect.fitted;
        self.effects[l] = effect;
    }

    fn present(&self) -> Vec<&Effect> {
        self.live.iter().map(|&l| &self.effects[l]).collect()
    }

    /// What the effects that are in take from the residual.
    fn parts(&self) -> Vec<Part<'_>> {
        self.live.iter().map(|&l| self.effects[l].part()).collect()
    }

    /// The evidence lower bound.
    fn bound(&self) -> f64 {
        let effects = self.present();
        let mut loss = self.design.residual_norm(&self.residual, &self.parts());
        let mut divergence = 0.0;
        for e in &effects {
            loss += e.sums.size - self.design.fitted_norm(e.part());
            divergence += e.sums.fit - 0.5 * e.sums.size - e.total;
        }
        self.design.constant() - 0.5 * loss - divergence
    }

    /// Take out what has no scale; in the older order, one effect stays.
    fn trim(&mut self) {
        if self.options.update != Update::Compat {
            return;
        }
        let zero = |l: &usize| self.effects[*l].scale == 0.0;
        let all = self.live.iter().all(zero);
        let keep = if all { self.live.first().copied() } else { None };
        let (out, live): (Vec<usize>, Vec<usize>) =
            self.live.iter().partition(|l| zero(l) && Some(**l) != keep);
        self.live = live;
        self.out.extend(out);
    }

    /// A new residual covariance, and everything whitened by it.
    /// Returns whether there is one: cross-products that are not of any data may leave none.
    fn update_noise(&mut self) -> Result<bool, Error> {
        let effects = self.present();
        let g = cross_product(&*self.design, &self.residual, &effects)?;
        let before = self.noise.clone();
        self.noise.update(&g);
        let t = match self.design.set_noise(self.noise.covariance.clone()) {
            Err(Error::NotPsd { .. }) if self.shares_left().is_some() => {
                self.noise = before;
                return Ok(false);
            }
            other => other?,
        };
        let right = |m: &Mat<f64>| m * t.transpose();
        self.residual = right(&self.residual);
        for effect in &mut self.effects {
            effect.mean = right(&effect.mean);
            effect.fitted = right(&effect.fitted);
            effect.scores = right(&effect.scores);
            if let Some(second) = effect.second.as_mut() {
                *second = &t * &*second * t.transpose();
            }
        }
        self.basis = self.design.basis(&self.prior.size.factors);
        self.coordinates = self.design.coordinates(&self.basis);
        Ok(true)
    }

    /// The effects and the residual that they leave.
    pub fn finish(mut self) -> (Vec<Effect>, Mat<f64>) {
        let order: Vec<usize> = self.live.iter().chain(&self.out).copied().collect();
        let effects = order.into_iter().map(|l| std::mem::take(&mut self.effects[l])).collect();
        (effects, self.residual)
    }
}

/// No effect: its place is as in the prior.
pub(super) fn absent(design: &dyn Region, prior: &EffectPrior, scale: f64) -> Effect {
    let zero = design.start();
    Effect {
        alpha: prior.log_place.iter().map(|p| p.exp()).collect(),
        log_bayes: vec![0.0; prior.log_place.len()],
        scale,
        mean: Mat::zeros(0, design.conditions()),
        scores: Mat::zeros(0, design.conditions()),
        fitted: Mat::zeros(zero.nrows(), zero.ncols()),
        ..Effect::default()
    }
}
