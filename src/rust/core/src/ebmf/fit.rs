//! The state of a fit, and the steps that improve it: factors added one at a time, then all of them
//! updated in turn.

use faer::Mat;
use rayon::prelude::*;

use super::Options;
use super::factor::{Factor, Side, Without};
use super::noise::Noise;
use super::sweep::{self, Sweep};
use crate::linalg::{columns, dense};
use crate::normal_means::scalar::Family;
use crate::{Error, Monitor};

/// Factors, errors and objective that belong together.
#[derive(Debug, Clone)]
pub struct State {
    /// The factors.
    pub factors: Vec<Factor>,
    /// The errors.
    pub noise: Noise,
    /// Data less posterior means.
    residual: Vec<f64>,
    /// The objective: a lower bound of the marginal log-likelihood.
    pub objective: f64,
}

/// A problem: the data (0 where missing), and how to fit them.
pub struct Task<'a> {
    pub y: &'a [f64],
    pub rows: usize,
    pub options: &'a Options,
    /// Gains in the objective that end the two loops.
    pub tol: [f64; 2],
    pub monitor: &'a Monitor,
}

/// A factor that may be added, with the errors, the residuals and the objective it would leave.
struct Candidate {
    factor: Factor,
    noise: Noise,
    residual: Vec<f64>,
    objective: f64,
}

fn plus(sum: &mut [f64], more: &[f64]) {
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

/// Extrapolation, after Ang and Gillis (2019): as far as it pays.
const FIRST_REACH: f64 = 0.5 / LONGER;
const LONGER: f64 = 1.2;
const SHORTER: f64 = 0.5;
const FARTHEST: f64 = 2.0;

impl Task<'_> {
    fn families(&self) -> [Family; 2] {
        [self.options.loadings, self.options.weights]
    }

    /// No factor at all.
    pub fn nothing(&self, noise: Noise) -> State {
        let mut state =
            State { factors: Vec::new(), noise, residual: self.y.to_vec(), objective: 0.0 };
        self.score(&mut state);
        state
    }

    /// Errors and objective, the residual being right.
    fn score(&self, state: &mut State) {
        let mut squares = state.noise.squares(&state.residual);
        for factor in &state.factors {
            plus(&mut squares, &factor.variance_in_columns(&state.noise));
        }
        let own: f64 = state.factors.iter().map(Factor::minus_divergence).sum();
        state.objective = state.noise.update(&squares) + own;
    }

    /// Add one factor, if it raises the objective.
    pub fn add(&self, state: &State, trace: &mut Vec<f64>) -> Result<Option<State>, Error> {
        let Some(first) = self.leading(state) else { return Ok(None) };
        let mut others = vec![0.0; state.noise.tau().len()];
        for factor in &state.factors {
            plus(&mut others, &factor.variance_in_columns(&state.noise));
        }
        let own: f64 = state.factors.iter().map(Factor::minus_divergence).sum();
        let mut now = Candidate {
            factor: first,
            noise: state.noise.clone(),
            residual: Vec::new(),
            objective: f64::NEG_INFINITY,
        };
        for _ in 0..self.options.max_iter[0] {
            self.monitor.advance(1)?;
            let view = Without { residual: &state.residual, noise: &now.noise };
            let mut found = None;
            // The likelihood of a prior can have several maxima: from the last and from scratch.
            for starts in [[now.factor.rows.prior, now.factor.cols.prior], [None, None]] {
                let update = now.factor.update(self.families(), &view, starts);
                let Some(factor) = update else { continue };
                let (mut noise, mut residual) = (now.noise.clone(), state.residual.clone());
                factor.add_to(&mut residual, -1.0);
                let mut squares = noise.squares(&residual);
                plus(&mut squares, &others);
                plus(&mut squares, &factor.variance_in_columns(&noise));
                let objective = noise.update(&squares) + own + factor.minus_divergence();
                if found.as_ref().is_none_or(|best: &Candidate| objective > best.objective) {
                    found = Some(Candidate { factor, noise, residual, objective });
                }
                if starts == [None, None] {
                    break;
                }
            }
            let Some(next) = found else { return Ok(None) };
            let gain = next.objective - now.objective;
            if gain.is_nan() || gain < 0.0 {
                break;
            }
            now = next;
            if gain <= self.tol[0] {
                break;
            }
        }
        if now.objective <= state.objective + self.tol[0] {
            return Ok(None);
        }
        trace.push(now.objective);
        let Candidate { factor, noise, residual, objective } = now;
        let mut factors = state.factors.clone();
        factors.push(factor);
        Ok(Some(State { factors, noise, residual, objective }))
    }

    /// The leading singular vectors of the residual, the value shared between them; the sign makes
    /// most of the weights positive.
    fn leading(&self, state: &State) -> Option<Factor> {
        let (n, cols) = (self.rows, self.y.len() / self.rows);
        let mut e = state.residual.clone();
        for j in 0..cols {
            if let Some(c) = state.noise.column(j) {
                let e = &mut e[j * n..(j + 1) * n];
                e.iter_mut().zip(c).filter(|(_, c)| **c == 0.0).for_each(|(e, _)| *e = 0.0);
            }
        }
        let column = |j: usize| &e[j * n..(j + 1) * n];
        let below = |j: usize| -> Vec<f64> {
            (0..=j).map(|k| columns::dot_product(column(j), column(k))).collect()
        };
        let gram: Vec<Vec<f64>> = (0..cols).into_par_iter().map(below).collect();
        let gram = Mat::from_fn(cols, cols, |j, k| gram[j.max(k)][j.min(k)]);
        let (squares, vectors) = dense::eigen(gram.as_ref())?;
        let square = squares[cols - 1];
        if square.is_nan() || square <= 0.0 {
            return None;
        }
        let v = vectors.col(cols - 1);
        let positive: f64 = v.iter().map(|v| v.max(0.0)).sum();
        let total: f64 = v.iter().map(|v| v.abs()).sum();
        let sign = if positive < 0.5 * total { -1.0 } else { 1.0 };
        let root = square.sqrt().sqrt();
        let f: Vec<f64> = v.iter().map(|v| sign * root * v).collect();
        let mut l = vec![0.0; n];
        for (j, f) in f.iter().enumerate() {
            columns::add_multiple(f / (root * root), column(j), &mut l);
        }
        Some(Factor { rows: Side::fixed(l), cols: Side::fixed(f) })
    }

    /// Update every factor once, then the errors. Factors that vanish are dropped.
    fn sweep(&self, state: &State) -> Result<State, Error> {
        let mut next = state.clone();
        if state.noise.column(0).is_none() {
            self.by_products(&mut next)?;
        } else {
            self.by_residuals(&mut next)?;
        }
        self.score(&mut next);
        Ok(next)
    }

    /// Factors updated in turn, and the residuals of the new ones, where all cells of a column have
    /// the same precision.
    fn by_products(&self, next: &mut State) -> Result<(), Error> {
        let mut sweep = Sweep::new(self.y, next.noise.tau(), &next.factors);
        let old = std::mem::take(&mut next.factors);
        for (k, old) in old.iter().enumerate() {
            self.monitor.advance(1)?;
            let starts = [old.rows.prior, old.cols.prior];
            let factor = old.update(self.families(), &sweep.of(k), starts);
            sweep.put(k, factor.as_ref());
            next.factors.extend(factor);
        }
        sweep.residual(&mut next.residual);
        Ok(())
    }

    /// The same of any cells.
    fn by_residuals(&self, next: &mut State) -> Result<(), Error> {
        sweep::residual_of(self.y, self.rows, &next.factors, &mut next.residual);
        let old = std::mem::take(&mut next.factors);
        for old in &old {
            self.monitor.advance(1)?;
            old.add_to(&mut next.residual, 1.0);
            let starts = [old.rows.prior, old.cols.prior];
            let view = Without { residual: &next.residual, noise: &next.noise };
            if let Some(factor) = old.update(self.families(), &view, starts) {
                factor.add_to(&mut next.residual, -1.0);
                next.factors.push(factor);
            }
        }
        Ok(())
    }

    /// Sweep until the objective stops rising, with extrapolation; then drop factors that the
    /// objective is better without, and go on if there were any. Returns the number of sweeps, and
    /// whether the objective stopped rising.
    pub fn backfit(&self, state: &mut State, trace: &mut Vec<f64>) -> Result<(usize, bool), Error> {
        let mut iterations = 0;
        loop {
            let converged = self.sweeps(state, trace, &mut iterations)?;
            if !converged || !self.prune(state) {
                return Ok((iterations, converged));
            }
            trace.push(state.objective);
        }
    }

    fn sweeps(
        &self,
        state: &mut State,
        trace: &mut Vec<f64>,
        iterations: &mut usize,
    ) -> Result<bool, Error> {
        let mut before = state.clone();
        let mut reach = FIRST_REACH;
        let mut recent = [f64::INFINITY; 3];
        while *iterations < self.options.max_iter[1] && !state.factors.is_empty() {
            *iterations += 1;
            let far = self.sweep(&extrapolate(&before, state, reach))?;
            let (next, length) = if far.objective - state.objective >= self.tol[1] {
                (far, (reach * LONGER).min(FARTHEST))
            } else {
                (self.sweep(state)?, reach * SHORTER)
            };
            let gain = next.objective - state.objective;
            // Rounding can make the last of many steps fall short: keep what there was.
            if gain < 0.0 {
                break;
            }
            reach = length;
            before = std::mem::replace(state, next);
            trace.push(state.objective);
            // One small gain can be a pause: which sweep has it, rounding decides.
            recent = [recent[1], recent[2], gain];
            if recent.iter().sum::<f64>() <= self.tol[1] {
                break;
            }
        }
        Ok(state.factors.is_empty() || *iterations < self.options.max_iter[1])
    }

    /// Drop the factors without which the objective is higher; say whether there were any.
    fn prune(&self, state: &mut State) -> bool {
        let before = state.factors.len();
        let mut k = 0;
        while k < state.factors.len() {
            let mut without = state.clone();
            without.factors.remove(k).add_to(&mut without.residual, 1.0);
            self.score(&mut without);
            if without.objective > state.objective {
                *state = without;
            } else {
                k += 1;
            }
        }
        state.factors.len() < before
    }
}

/// Go on in the direction from `old` to `new`. Variances and precisions stay positive.
fn extrapolate(old: &State, new: &State, reach: f64) -> State {
    let mut far = new.clone();
    if old.factors.len() != new.factors.len() {
        return far;
    }
    for (far, old) in far.factors.iter_mut().zip(&old.factors) {
        for (far, old) in [(&mut far.rows, &old.rows), (&mut far.cols, &old.cols)] {
            for i in 0..far.mean.len() {
                let (mean, second) = (far.mean[i], far.second[i]);
                let variance = second - mean * mean;
                far.mean[i] = mean + reach * (mean - old.mean[i]);
                let ahead = second + reach * (second - old.second[i]);
                let least = far.mean[i] * far.mean[i] + 0.01 * variance.max(0.0);
                far.second[i] = ahead.max(least);
            }
        }
    }
    let tau = new.noise.tau().iter().zip(old.noise.tau());
    far.noise.set_tau(tau.map(|(t, old)| (t + reach * (t - old)).max(0.01 * t)).collect());
    far
}
