//! One mixture problem on all rows or on a sample of them: value, gradient, Hessian, line search.
//!
//! With `u = L x`, `c_p = a_p - 1` and `N = sum_j w_j + sum_p c_p`, solvers minimise over `x >= 0`
//! ```text
//! F(x) = sum_p x_p - [sum_j w_j log u_j + sum_p c_p log x_p] / N,
//! dF/dx_p = 1 - g_p,   g_p = [sum_j w_j L_jp / u_j + c_p / x_p] / N,
//! d2F/dx_p dx_q = [sum_j w_j L_jp L_jq / u_j^2 + (p = q) c_p / x_p^2] / N.
//! ```
//! The minimum has `sum x = 1` by itself, because `sum_p x_p g_p = 1` for every `x`; and dividing
//! `x` by its sum never raises `F`. A penalty on `x_p` is one more row, with weight `c_p` and `u = x_p`.

use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, Mat, Par};

use super::kernels::{combine, dots, log_gain, log_sum};
use super::rows::{Rows, Strip};
use super::{Likelihoods, Solution};
use crate::{Ended, Error, Monitor, Stop};

/// Most numbers that the partial sums of a Hessian may take together.
const HESSIAN_BUDGET: usize = 1 << 22;

pub(super) struct Problem<'a> {
    likelihoods: Likelihoods<'a>,
    row_weights: Option<&'a [f64]>,
    /// `a_p - 1`, scaled down with the sample of rows.
    penalty: Vec<f64>,
    rows: Rows,
    /// `N`.
    total: f64,
    monitor: &'a Monitor,
}

/// The objective at `x`, with the gradient of some columns.
pub(super) struct Evaluation {
    /// `[sum_j w_j log u_j + sum_p c_p log x_p] / N`.
    pub value: f64,
    /// `g_p` of the columns asked for.
    pub g: Vec<f64>,
}

/// The largest violation of the optimality conditions, given `g` of all columns.
pub(super) fn violation(g: &[f64]) -> f64 {
    g.iter().copied().fold(f64::NEG_INFINITY, f64::max) - 1.0
}

/// The support, and at most `most` of the other columns whose `g` exceeds `least`, largest first; in
/// their order.
pub(super) fn candidates(x: &[f64], g: &[f64], least: f64, most: usize) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..x.len()).filter(|&p| x[p] == 0.0 && g[p] > least).collect();
    columns.sort_by(|&a, &b| g[b].total_cmp(&g[a]));
    columns.truncate(most);
    columns.extend((0..x.len()).filter(|&p| x[p] > 0.0));
    columns.sort_unstable();
    columns
}

/// A solver at work: where it is, `u` there, and the objective at each iteration.
pub(super) struct Progress {
    pub x: Vec<f64>,
    pub u: Vec<f64>,
    trace: Vec<f64>,
}

impl Progress {
    /// At a point from which every row can be reached, see [`Problem::cover`].
    pub fn new(problem: &Problem<'_>, start: &[f64]) -> Result<Self, Error> {
        let (x, u) = (problem.cover(start)?, vec![0.0; problem.count()]);
        Ok(Self { x, u, trace: Vec::new() })
    }

    /// `g` of all columns at the point, and their largest violation.
    pub fn look(&mut self, problem: &Problem<'_>) -> Result<(Evaluation, f64), Error> {
        let all: Vec<usize> = (0..problem.columns()).collect();
        let here = problem.evaluate(&self.x, &all, &mut self.u)?;
        self.trace.push(here.value * problem.total());
        let kkt = violation(&here.g);
        Ok((here, kkt))
    }

    pub fn end(self, stop: Stop, kkt: f64) -> Solution {
        let ended = Ended::new(stop, self.trace.len() - 1, self.trace);
        Solution { x: self.x, kkt, ended }
    }
}

/// A direction on some columns: `d`, its image `v = L d`, and how far it may be followed.
pub(super) struct Direction {
    pub d: Vec<f64>,
    pub v: Vec<f64>,
    pub longest: f64,
}

impl<'a> Problem<'a> {
    pub fn new(
        likelihoods: Likelihoods<'a>,
        row_weights: Option<&'a [f64]>,
        penalty: &[f64],
        rows: Rows,
        monitor: &'a Monitor,
    ) -> Self {
        let weight: f64 = match row_weights {
            Some(w) => rows.strips().iter().map(|s| s.matrix(w).iter().sum::<f64>()).sum(),
            None => rows.count() as f64,
        };
        let everything = row_weights.map_or(likelihoods.rows as f64, |w| w.iter().sum());
        let share = if rows.count() == likelihoods.rows { 1.0 } else { weight / everything };
        let penalty: Vec<f64> = penalty.iter().map(|a| (a - 1.0) * share).collect();
        let total = weight + penalty.iter().sum::<f64>();
        Self { likelihoods, row_weights, penalty, rows, total, monitor }
    }

    pub fn columns(&self) -> usize {
        self.likelihoods.cols
    }

    pub fn count(&self) -> usize {
        self.rows.count()
    }

    pub fn total(&self) -> f64 {
        self.total
    }

    /// Count one unit of work, for those who watch.
    pub fn count_iteration(&self) -> Result<(), Error> {
        self.monitor.advance(1)
    }

    pub fn is_penalised(&self, p: usize) -> bool {
        self.penalty[p] > 0.0
    }

    fn weights(&self, strip: &Strip) -> Option<&'a [f64]> {
        self.row_weights.map(|w| strip.matrix(w))
    }

    fn pieces(&self, strip: &Strip, columns: &[usize]) -> Vec<&'a [f64]> {
        columns.iter().map(|&p| self.likelihoods.piece(p, strip.row, strip.len)).collect()
    }

    /// The objective and `g` of `columns` at `x`, in one pass; `u` is filled with `L x`.
    pub fn evaluate(
        &self,
        x: &[f64],
        columns: &[usize],
        u: &mut [f64],
    ) -> Result<Evaluation, Error> {
        let support: Vec<usize> = (0..x.len()).filter(|&p| x[p] > 0.0).collect();
        let weights: Vec<f64> = support.iter().map(|&p| x[p]).collect();
        let sums = self.rows.map_with(u, |strips, u| {
            let mut value = 0.0;
            let mut g = vec![0.0; columns.len()];
            let mut inverse = Vec::new();
            for strip in strips {
                self.monitor.advance(0)?;
                let u = strip.within(&strips[0], u);
                let pieces = self.pieces(strip, &support);
                combine(&pieces, &weights, u);
                inverse.resize(strip.len, 0.0);
                let weights = self.weights(strip);
                value += log_sum(u, weights, &mut inverse);
                let pieces = self.pieces(strip, columns);
                dots(&pieces, &inverse, &mut g);
            }
            Ok((value, g))
        })?;
        let mut value: f64 = sums.iter().map(|s| s.0).sum();
        let mut g: Vec<f64> = vec![0.0; columns.len()];
        for (_, part) in &sums {
            g.iter_mut().zip(part).for_each(|(g, p)| *g += p);
        }
        for (g, &p) in g.iter_mut().zip(columns) {
            if self.is_penalised(p) {
                *g += self.penalty[p] / x[p];
            }
            *g /= self.total;
        }
        value += (0..x.len())
            .filter(|&p| self.is_penalised(p))
            .map(|p| self.penalty[p] * x[p].ln())
            .sum::<f64>();
        Ok(Evaluation { value: value / self.total, g })
    }

    /// The Hessian of `F` on `columns`, given `u = L x`.
    pub fn hessian(&self, x: &[f64], columns: &[usize], u: &[f64]) -> Result<Mat<f64>, Error> {
        let m = columns.len();
        let groups = HESSIAN_BUDGET / (m * m).max(1);
        let parts = self.rows.map(groups.max(2), |strips| {
            let mut h = Mat::<f64>::zeros(m, m);
            let mut z = Mat::<f64>::zeros(strips[0].len, m);
            for strip in strips {
                self.monitor.advance(0)?;
                let scale: Vec<f64> = match self.weights(strip) {
                    Some(w) => w.iter().zip(strip.of(u)).map(|(w, u)| scaled(*w, *u)).collect(),
                    None => strip.of(u).iter().map(|u| 1.0 / u).collect(),
                };
                for (k, piece) in self.pieces(strip, columns).into_iter().enumerate() {
                    let out = z.col_as_slice_mut(k);
                    for ((o, l), s) in out.iter_mut().zip(piece).zip(&scale) {
                        *o = l * s;
                    }
                }
                add_cross_product(&mut h, z.subrows(0, strip.len));
            }
            Ok(h)
        })?;
        let mut h = Mat::<f64>::zeros(m, m);
        for j in 0..m {
            for i in j..m {
                let sum = parts.iter().map(|part| part[(i, j)]).sum::<f64>() / self.total;
                h[(i, j)] = sum;
                h[(j, i)] = sum;
            }
        }
        for (k, &p) in columns.iter().enumerate() {
            if self.is_penalised(p) {
                h[(k, k)] += self.penalty[p] / (x[p] * x[p] * self.total);
            }
        }
        Ok(h)
    }

    /// Prepare to follow `d` on `columns` from `x`, where `u = L x`. No row may fall below the
    /// smaller of a quarter of its `u` and `w_j / N`, which it has at least at the optimum.
    pub fn direction(
        &self,
        x: &[f64],
        columns: &[usize],
        d: Vec<f64>,
        u: &[f64],
    ) -> Result<Direction, Error> {
        let mut v = vec![0.0; self.count()];
        let longest = self.rows.map_with(&mut v, |strips, v| {
            let mut longest = f64::INFINITY;
            for strip in strips {
                self.monitor.advance(0)?;
                let v = strip.within(&strips[0], v);
                let pieces = self.pieces(strip, columns);
                combine(&pieces, &d, v);
                let weights = self.weights(strip);
                for (j, (v, u)) in v.iter().zip(strip.of(u)).enumerate() {
                    longest = longest.min(self.room(weights.map_or(1.0, |w| w[j]), *u, *v));
                }
            }
            Ok(longest)
        })?;
        let rows = longest.into_iter().fold(1.0, f64::min);
        let penalised = columns.iter().zip(&d).map(|(&p, &d)| self.room(self.penalty[p], x[p], d));
        let longest = penalised.fold(rows, f64::min);
        Ok(Direction { d, v, longest })
    }

    fn room(&self, weight: f64, u: f64, v: f64) -> f64 {
        if v >= 0.0 || weight <= 0.0 {
            return f64::INFINITY;
        }
        let floor = (0.25 * u).min(weight / self.total);
        (u - floor) / -v
    }

    /// `F(x) - F(x + step d)`, exact to rounding of the difference.
    pub fn gain(
        &self,
        x: &[f64],
        columns: &[usize],
        u: &[f64],
        along: &Direction,
        step: f64,
    ) -> Result<f64, Error> {
        let parts = self.rows.map(usize::MAX, |strips| {
            let mut sum = 0.0;
            for s in strips {
                let weights = self.weights(s);
                sum += log_gain(s.of(u), s.of(&along.v), weights, step);
            }
            Ok(sum)
        })?;
        let rows: f64 = parts.iter().sum();
        let moves = || columns.iter().zip(&along.d);
        let penalties: f64 = moves()
            .filter(|&(&p, _)| self.is_penalised(p))
            .map(|(&p, d)| self.penalty[p] * (step * d / x[p]).ln_1p())
            .sum();
        let mass: f64 = along.d.iter().sum();
        Ok((rows + penalties) / self.total - step * mass)
    }

    /// Make `x` a point from which every row can be reached: a row with `u_j < w_j / N` puts that
    /// much on the column where it is most likely, and a penalised column has at least `c_p / N`.
    /// From `x = 0` this is the histogram of the rows' best columns. Returns `x` with sum one.
    pub fn cover(&self, x: &[f64]) -> Result<Vec<f64>, Error> {
        let support: Vec<usize> = (0..x.len()).filter(|&p| x[p] > 0.0).collect();
        let weights: Vec<f64> = support.iter().map(|&p| x[p]).collect();
        let added = self.rows.map(usize::MAX, |strips| {
            let mut added = vec![0.0; x.len()];
            let mut u = Vec::new();
            for strip in strips {
                self.monitor.advance(0)?;
                u.resize(strip.len, 0.0);
                let pieces = self.pieces(strip, &support);
                combine(&pieces, &weights, &mut u);
                let row_weights = self.weights(strip);
                for (j, u) in u.iter().enumerate() {
                    let w = row_weights.map_or(1.0, |w| w[j]) / self.total;
                    if *u < w {
                        added[self.likelihoods.best_column(strip.row + j)] += w;
                    }
                }
            }
            Ok(added)
        })?;
        let mut out = x.to_vec();
        for part in added {
            out.iter_mut().zip(part).for_each(|(x, a)| *x += a);
        }
        for (x, c) in out.iter_mut().zip(&self.penalty) {
            *x = x.max(c / self.total);
        }
        normalise(&mut out);
        Ok(out)
    }
}

/// Divide by the sum.
pub(super) fn normalise(x: &mut [f64]) {
    let sum: f64 = x.iter().sum();
    x.iter_mut().for_each(|x| *x /= sum);
}

/// `sqrt(w) / u`, and zero for a row without weight.
fn scaled(w: f64, u: f64) -> f64 {
    if w > 0.0 { w.sqrt() / u } else { 0.0 }
}

/// `h += z' z`, lower triangle.
fn add_cross_product(h: &mut Mat<f64>, z: faer::MatRef<'_, f64>) {
    use BlockStructure::{Rectangular, TriangularLower};
    let h = h.as_mut();
    let (t, one) = (z.transpose(), 1.0);
    matmul(h, TriangularLower, Accum::Add, t, Rectangular, z, Rectangular, one, Par::Seq);
}

#[cfg(test)]
mod tests {
    use super::*;

    const L: [f64; 15] =
        [1.0, 0.3, 0.2, 1.0, 0.05, 0.8, 1.0, 1.0, 0.6, 0.0, 0.1, 0.4, 0.9, 0.2, 1.0];
    const W: [f64; 5] = [1.0, 2.0, 0.5, 1.5, 0.7];

    fn with_problem(test: impl Fn(&Problem<'_>)) {
        let monitor = Monitor::default();
        let view = Likelihoods::new(&L, 5, 3, 5).unwrap();
        let rows = Rows::all(5);
        test(&Problem::new(view, Some(&W), &[1.0, 4.0, 1.0], rows, &monitor));
    }

    /// `F`, straight from its definition.
    fn f(x: &[f64]) -> f64 {
        let u = |j: usize| (0..3).map(|p| L[p * 5 + j] * x[p]).sum::<f64>();
        let rows: f64 = (0..5).map(|j| W[j] * u(j).ln()).sum();
        let total = W.iter().sum::<f64>() + 3.0;
        x.iter().sum::<f64>() - (rows + 3.0 * x[1].ln()) / total
    }

    #[test]
    fn derivatives_are_those_of_the_definition() {
        with_problem(|problem| {
            let x = [0.3, 0.5, 0.2];
            let mut u = vec![0.0; 5];
            let here = problem.evaluate(&x, &[0, 1, 2], &mut u).unwrap();
            let h = problem.hessian(&x, &[0, 1, 2], &u).unwrap();
            assert!((1.0 - here.value - f(&x)).abs() < 1e-15);
            let e = 1e-4;
            let at = |p: usize, a: f64, q: usize, b: f64| {
                let mut y = x;
                y[p] += a;
                y[q] += b;
                f(&y)
            };
            for p in 0..3 {
                let slope = (at(p, e, p, 0.0) - at(p, -e, p, 0.0)) / (2.0 * e);
                assert!((1.0 - here.g[p] - slope).abs() < 1e-6, "{p}");
                for q in 0..3 {
                    let corners =
                        at(p, e, q, e) - at(p, e, q, -e) - at(p, -e, q, e) + at(p, -e, q, -e);
                    assert!((h[(p, q)] - corners / (4.0 * e * e)).abs() < 1e-5, "{p} {q}");
                }
            }
        });
    }

    #[test]
    fn the_gain_of_a_step_is_the_fall_of_f_and_no_row_is_emptied() {
        with_problem(|problem| {
            let x = [0.3, 0.5, 0.2];
            let mut u = vec![0.0; 5];
            problem.evaluate(&x, &[], &mut u).unwrap();
            let d = vec![0.4, -0.5, 0.3];
            let along = problem.direction(&x, &[0, 1, 2], d.clone(), &u).unwrap();
            for step in [0.1, along.longest] {
                let y: Vec<f64> = (0..3).map(|p| x[p] + step * d[p]).collect();
                let gain = problem.gain(&x, &[0, 1, 2], &u, &along, step).unwrap();
                assert!((gain - (f(&x) - f(&y))).abs() < 1e-15);
                let least = (0..5).map(|j| (0..3).map(|p| L[p * 5 + j] * y[p]).sum::<f64>() / u[j]);
                assert!(least.fold(y[1] / x[1], f64::min) > 0.05);
            }
        });
    }
}
