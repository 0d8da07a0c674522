//! The quadratic model of one Newton step: a small dense problem with lower bounds.
//!
//! Minimise `q'd + d'Hd / 2` over `d >= -x`, by a primal active set. Columns of a mixture can be
//! nearly collinear (neighbouring scales of one matrix), so `H` is scaled to a unit diagonal, the
//! free system gets a ridge of a few roundings, and its solutions are refined by being repeated:
//! each round starts from the true gradient, and the rounds end when they no longer help.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};

/// Curvature below which a column is empty: it is put at its bound.
const EMPTY: f64 = 1e-200;
/// Smallest decrease of the (scaled) model worth another round.
const NEGLIGIBLE: f64 = 1e-30;
/// A full step on the same elements refines if it decreases the model by this part of the last one.
const REFINING: f64 = 0.1;
/// Multipliers above minus this are non-negative.
const MULTIPLIER: f64 = 1e-14;

/// The minimiser `d`; elements at their bound are exactly `-x`.
pub(super) fn solve(h: &Mat<f64>, q: &[f64], x: &[f64]) -> Vec<f64> {
    let m = q.len();
    let scale: Vec<f64> =
        (0..m).map(|i| if h[(i, i)] > EMPTY { 1.0 / h[(i, i)].sqrt() } else { 0.0 }).collect();
    let mut model = Model {
        a: Mat::from_fn(m, m, |i, j| h[(i, j)] * scale[i] * scale[j]),
        q: q.iter().zip(&scale).map(|(q, s)| q * s).collect(),
        lower: x.iter().zip(&scale).map(|(x, s)| if *s > 0.0 { -x / s } else { 0.0 }).collect(),
        z: vec![0.0; m],
        state: x.iter().map(|&x| if x > 0.0 { State::Free } else { State::Bound }).collect(),
        last: f64::INFINITY,
    };
    for (state, s) in model.state.iter_mut().zip(&scale) {
        if *s == 0.0 {
            *state = State::Empty;
        }
    }
    for _ in 0..10 * m + 50 {
        if !model.round() {
            break;
        }
    }
    let at_bound = |i: usize| model.state[i] != State::Free || model.z[i] <= model.lower[i];
    (0..m).map(|i| if at_bound(i) { -x[i] } else { (model.z[i] * scale[i]).max(-x[i]) }).collect()
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Free,
    Bound,
    /// At the bound, and left there: freed once, it went straight back.
    Held,
    Empty,
}

struct Model {
    a: Mat<f64>,
    q: Vec<f64>,
    lower: Vec<f64>,
    z: Vec<f64>,
    state: Vec<State>,
    /// The decrease by the last step, if that was a full one on the elements that are free now.
    last: f64,
}

impl Model {
    /// One round: move the free elements, or free one. False when neither helps.
    fn round(&mut self) -> bool {
        let gradient = self.gradient();
        let free: Vec<usize> =
            (0..self.z.len()).filter(|&i| self.state[i] == State::Free).collect();
        let step = self.newton(&free, &gradient);
        let decrease: f64 =
            -0.5 * free.iter().zip(&step).map(|(&i, s)| gradient[i] * s).sum::<f64>();
        let worst = (0..self.z.len())
            .filter(|&i| self.state[i] == State::Bound && gradient[i] < -MULTIPLIER)
            .min_by(|&i, &j| gradient[i].total_cmp(&gradient[j]));
        let by_freeing = worst.map_or(0.0, |i| 0.5 * gradient[i] * gradient[i]);
        let helps = decrease > NEGLIGIBLE && decrease < REFINING * self.last;
        if !helps || decrease < 0.1 * by_freeing {
            self.last = f64::INFINITY;
            if let Some(i) = worst {
                self.state[i] = State::Free;
            }
            return worst.is_some();
        }
        self.last = if self.advance(&free, &step) { decrease } else { f64::INFINITY };
        true
    }

    fn gradient(&self) -> Vec<f64> {
        let mut g = self.q.clone();
        for (j, &z) in self.z.iter().enumerate() {
            if z != 0.0 {
                for (g, a) in g.iter_mut().zip(self.a.col_as_slice(j)) {
                    *g += a * z;
                }
            }
        }
        g
    }

    /// The Newton step on the free elements.
    fn newton(&self, free: &[usize], gradient: &[f64]) -> Vec<f64> {
        let k = free.len();
        let mut ridge = 4.0 * f64::EPSILON * k as f64;
        while ridge < 1.0 {
            let a = Mat::from_fn(k, k, |i, j| {
                self.a[(free[i], free[j])] + if i == j { ridge } else { 0.0 }
            });
            if let Ok(factor) = a.llt(Side::Lower) {
                let step = factor.solve(Mat::from_fn(k, 1, |i, _| -gradient[free[i]]));
                return (0..k).map(|i| step[(i, 0)]).collect();
            }
            ridge *= 10.0;
        }
        free.iter().map(|&i| -gradient[i]).collect()
    }

    /// Follow the step until an element meets its bound, which then holds it. True if none does.
    fn advance(&mut self, free: &[usize], step: &[f64]) -> bool {
        let mut length = 1.0;
        let mut meets = None;
        for (&i, &s) in free.iter().zip(step) {
            let room = (self.lower[i] - self.z[i]) / s;
            if s < 0.0 && room < length {
                (length, meets) = (room, Some(i));
            }
        }
        for (&i, &s) in free.iter().zip(step) {
            self.z[i] = (self.z[i] + length * s).max(self.lower[i]);
        }
        if let Some(i) = meets {
            self.z[i] = self.lower[i];
            self.state[i] = if length > 0.0 { State::Bound } else { State::Held };
        }
        if length > 0.0 {
            self.state.iter_mut().filter(|s| **s == State::Held).for_each(|s| *s = State::Bound);
        }
        meets.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The best of the minimisers of all 2^m choices of elements at their bound.
    fn by_enumeration(h: &Mat<f64>, q: &[f64], x: &[f64]) -> f64 {
        let m = q.len();
        let value = |d: &[f64]| {
            let curve = |i: usize| d[i] * (0..m).map(|j| h[(i, j)] * d[j]).sum::<f64>();
            (0..m).map(|i| q[i] * d[i] + 0.5 * curve(i)).sum::<f64>()
        };
        let mut best = f64::INFINITY;
        for choice in 0..1u32 << m {
            let free: Vec<usize> = (0..m).filter(|i| choice >> i & 1 == 1).collect();
            let mut d: Vec<f64> = x.iter().map(|x| -x).collect();
            let fixed = |i: usize| {
                (0..m).filter(|j| !free.contains(j)).map(|j| -h[(i, j)] * x[j]).sum::<f64>()
            };
            let k = free.len();
            let a = Mat::from_fn(k, k, |i, j| h[(free[i], free[j])]);
            let b = Mat::from_fn(k, 1, |i, _| -q[free[i]] - fixed(free[i]));
            let solved = a.full_piv_lu().solve(b);
            free.iter().enumerate().for_each(|(i, &f)| d[f] = solved[(i, 0)]);
            if d.iter().zip(x).all(|(d, x)| *d >= -x - 1e-12) {
                best = best.min(value(&d));
            }
        }
        best
    }

    #[test]
    fn the_minimum_is_the_best_over_all_active_sets() {
        let m = 6;
        for seed in 0..40 {
            let noise = |i: usize| ((i * 7919 + seed * 104_729 + 13) % 1009) as f64 / 1009.0 - 0.5;
            let root =
                Mat::from_fn(m + 2, m, |i, j| noise(i * m + j) + f64::from(u8::from(i == j)));
            let h = root.transpose() * &root;
            let q: Vec<f64> = (0..m).map(|i| 2.0 * noise(100 + i)).collect();
            let x: Vec<f64> = (0..m).map(|i| noise(200 + i).max(0.0)).collect();
            let d = solve(&h, &q, &x);
            assert!(d.iter().zip(&x).all(|(d, x)| *d >= -x), "{seed}");
            let gradient = |i: usize| q[i] + (0..m).map(|j| h[(i, j)] * d[j]).sum::<f64>();
            let value: f64 = (0..m).map(|i| 0.5 * d[i] * (q[i] + gradient(i))).sum();
            assert!((value - by_enumeration(&h, &q, &x)).abs() < 1e-12, "{seed}");
        }
    }

    #[test]
    fn an_empty_column_goes_to_its_bound() {
        let h = Mat::from_fn(2, 2, |i, j| f64::from(u8::from(i == 0 && j == 0)));
        let d = solve(&h, &[-0.5, 1.0], &[0.1, 0.2]);
        assert!((d[0] - 0.5).abs() < 1e-14 && d[1] == -0.2);
    }
}
