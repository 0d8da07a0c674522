//! Normal outcomes, `y ~ N(eta, V)`, with `V` between bounds: `Vmin + (Vmax - Vmin) logistic(e)`.

use std::ops::Range;

use super::dispersion::{Dispersion, Term};
use super::{Outcomes, Predictor, Quadratic};

/// The variances of normal outcomes.
#[derive(Debug, Clone)]
pub struct Gaussian {
    /// The variances.
    pub model: Dispersion,
}

impl Gaussian {
    pub(super) fn quadratic(&self, at: usize, y: f64) -> Quadratic {
        let w = 1.0 / self.model.value[at];
        Quadratic { w, h: w * y }
    }

    /// The quadratics of an outcome with one variance.
    pub(super) fn linearise(&self, t: usize, y: &[f64], w: &mut [f64], h: &mut [f64]) {
        let precision = 1.0 / self.model.value[t * y.len()];
        for ((w, h), &y) in w.iter_mut().zip(h).zip(y) {
            let seen = !y.is_nan();
            *w = if seen { precision } else { 0.0 };
            *h = if seen { precision * y } else { 0.0 };
        }
    }

    pub(super) fn expected(&self, at: usize, y: f64, m: f64, v: f64) -> f64 {
        normal(self.model.value[at], (y - m) * (y - m) + v).value
    }

    /// The same summed over the observed ones of some cells with one variance.
    pub(super) fn expected_sum(&self, cells: Range<usize>, y: &[f64], eta: Predictor<'_>) -> f64 {
        let v = self.model.value[cells.start];
        let (square, count) = squares(cells, y, eta);
        -0.5 * (count * (std::f64::consts::TAU * v).ln() + square / v)
    }

    /// In closed form where the variance is one number, else by a scoring step.
    pub(super) fn update(&mut self, outcomes: &Outcomes<'_>, eta: Predictor<'_>) {
        for t in 0..outcomes.m {
            if self.model.plain() {
                let cells = t * outcomes.n..(t + 1) * outcomes.n;
                let (square, count) = squares(cells, outcomes.y, eta);
                if let super::dispersion::Link::Between(low, high) = self.model.link[t] {
                    self.model.set(t, (square / count.max(1.0)).clamp(low, high));
                }
            } else {
                let seen = outcomes.observed(t);
                let y = outcomes.column(t);
                let square = |i: usize| {
                    let at = t * outcomes.n + i;
                    (y[i] - eta.mean[at]).powi(2) + eta.variance[at]
                };
                self.model.ascend(t, &seen, |i, variance| normal(variance, square(i)));
            }
        }
    }
}

/// Running sums, so that one addition need not wait for the last.
const SUMS: usize = 8;

/// The expected squared distances of the observed cells to their means, summed, and their number.
fn squares(cells: Range<usize>, y: &[f64], eta: Predictor<'_>) -> (f64, f64) {
    let (y, m, v) = (&y[cells.clone()], &eta.mean[cells.clone()], &eta.variance[cells]);
    let (mut sum, mut count) = ([0.0; SUMS], [0.0; SUMS]);
    let mut add = |lane: usize, y: f64, m: f64, v: f64| {
        let seen = !y.is_nan();
        sum[lane] += if seen { (y - m) * (y - m) + v } else { 0.0 };
        count[lane] += if seen { 1.0 } else { 0.0 };
    };
    let whole = y.len() - y.len() % SUMS;
    for start in (0..whole).step_by(SUMS) {
        for lane in 0..SUMS {
            add(lane, y[start + lane], m[start + lane], v[start + lane]);
        }
    }
    for i in whole..y.len() {
        add(i - whole, y[i], m[i], v[i]);
    }
    (sum.iter().sum(), count.iter().sum())
}

/// The log-density at variance `v` of a value whose expected squared distance to the mean is `square`.
pub(super) fn normal(v: f64, square: f64) -> Term {
    Term {
        value: -0.5 * ((std::f64::consts::TAU * v).ln() + square / v),
        slope: 0.5 * (square / v - 1.0) / v,
        information: 0.5 / (v * v),
    }
}
