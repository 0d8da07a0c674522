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
const NEGLIGIBLE: f64 = 1e-20;
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
        if decrease < 0.1 * by_freeing || decrease < NEGLIGIBLE {
            if let Some(i) = worst {
                self.state[i] = State::Free;
            }
            return worst.is_some();
        }
        self.advance(&free, &step);
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

    /// Follow the step until an element meets its bound, which then holds it.
    fn advance(&mut self, free: &[usize], step: &[f64]) {
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
    }
}
