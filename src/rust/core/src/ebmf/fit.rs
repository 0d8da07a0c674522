//! The state of a fit, and the steps that improve it: factors added one at a time, then all of them
//! updated in turn.

use faer::{Mat, MatRef, Side as Triangle};

use super::Options;
use super::factor::{Factor, Side};
use super::noise::Noise;
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
        self.refresh(&mut state);
        state
    }

    /// Residual and errors of the factors.
    fn refresh(&self, state: &mut State) {
        state.residual.copy_from_slice(self.y);
        for factor in &state.factors {
            factor.subtract(&mut state.residual);
        }
        self.score(state);
    }

    /// Errors and objective, the residual being right.
    fn score(&self, state: &mut State) {
        let factors = &state.factors;
        let loglik = state.noise.update(&state.residual, |j, column| {
            factors.iter().map(|factor| factor.variance_in_column(j, column)).sum()
        });
        let own: f64 = state.factors.iter().map(Factor::minus_divergence).sum();
        state.objective = loglik + own;
    }

    /// Add one factor, if it raises the objective.
    pub fn add(&self, state: &State, trace: &mut Vec<f64>) -> Result<Option<State>, Error> {
        let Some(first) = self.leading(state) else { return Ok(None) };
        let mut now = state.clone();
        first.subtract(&mut now.residual);
        now.factors.push(first);
        let k = now.factors.len() - 1;
        now.objective = f64::NEG_INFINITY;
        for _ in 0..self.options.max_iter[0] {
            self.monitor.advance(1)?;
            let mut next = now.clone();
            let old = &now.factors[k];
            let mut found = None;
            // The likelihood of a prior can have several maxima: from the last and from scratch.
            for starts in [[old.rows.prior, old.cols.prior], [None, None]] {
                let mut residual = now.residual.clone();
                let update = old.update(self.families(), &mut residual, &now.noise, starts);
                let Some(factor) = update else { continue };
                next.factors[k] = factor;
                next.residual = residual;
                next.noise.clone_from(&now.noise);
                self.score(&mut next);
                if found.as_ref().is_none_or(|best: &State| next.objective > best.objective) {
                    found = Some(next.clone());
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
        Ok(Some(now))
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
        let e = MatRef::from_column_major_slice(&e, n, cols);
        let mut gram = Mat::<f64>::zeros(cols, cols);
        for j in 0..cols {
            for k in 0..=j {
                let product = e.col(j).iter().zip(e.col(k).iter()).map(|(x, y)| x * y).sum();
                gram[(j, k)] = product;
                gram[(k, j)] = product;
            }
        }
        let eigen = gram.self_adjoint_eigen(Triangle::Lower).ok()?;
        let square = eigen.S().column_vector()[cols - 1];
        if square.is_nan() || square <= 0.0 {
            return None;
        }
        let v = eigen.U().col(cols - 1);
        let positive: f64 = v.iter().map(|v| v.max(0.0)).sum();
        let total: f64 = v.iter().map(|v| v.abs()).sum();
        let sign = if positive < 0.5 * total { -1.0 } else { 1.0 };
        let root = square.sqrt().sqrt();
        let f: Vec<f64> = v.iter().map(|v| sign * root * v).collect();
        let mut l = vec![0.0; n];
        for (j, f) in f.iter().enumerate() {
            l.iter_mut().zip(e.col(j).iter()).for_each(|(l, e)| *l += e * f / (root * root));
        }
        Some(Factor { rows: Side::fixed(l), cols: Side::fixed(f) })
    }

    /// Update every factor once, then the errors. Factors that vanish are dropped.
    fn sweep(&self, state: &State) -> Result<State, Error> {
        let mut next = state.clone();
        next.residual.copy_from_slice(self.y);
        for factor in &next.factors {
            factor.subtract(&mut next.residual);
        }
        let mut k = 0;
        while k < next.factors.len() {
            self.monitor.advance(1)?;
            let old = &next.factors[k];
            let starts = [old.rows.prior, old.cols.prior];
            match old.update(self.families(), &mut next.residual, &next.noise, starts) {
                Some(factor) => {
                    next.factors[k] = factor;
                    k += 1;
                }
                None => {
                    next.factors.remove(k);
                    next.residual.copy_from_slice(self.y);
                    for factor in &next.factors {
                        factor.subtract(&mut next.residual);
                    }
                }
            }
        }
        self.score(&mut next);
        Ok(next)
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
            if gain <= self.tol[1] {
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
            without.factors.remove(k);
            self.refresh(&mut without);
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
