//! Gradients of the expected log-likelihood by the moments of the linear predictor, by Monte Carlo,
//! and the chain rule from there to the coefficients.

use rayon::prelude::*;

use super::adam::Gradient;
use crate::factored::factor::Factor;
use crate::factored::state::{Direct, Problem, State};
use crate::linalg::columns::{dot, weighted_squares};
use crate::linalg::lanes::{MAX_LANES, kernel};
use crate::predictors::Dense;
use crate::random::Stream;

/// The derivatives by the mean and by the variance of the linear predictor of each cell.
#[derive(Debug, Clone)]
pub struct Cells {
    mean: Vec<f64>,
    variance: Vec<f64>,
}

impl Cells {
    pub fn new(count: usize) -> Self {
        Self { mean: vec![0.0; count], variance: vec![0.0; count] }
    }

    /// The gradients from two draws and their twins in each cell: those of stream (`seed`, `row`) at
    /// the cell's number. Returns the estimate of the expected log-likelihood.
    pub fn draw(&mut self, problem: &Problem<'_>, state: &State, seed: u64, row: u64) -> f64 {
        let n = problem.outcomes.n;
        let stream = Stream::new(seed, row);
        let columns = self.mean.par_chunks_mut(n).zip(self.variance.par_chunks_mut(n));
        let totals: Vec<f64> = columns
            .enumerate()
            .map(|(t, (gm, gv))| {
                let normals = normals_of(stream, t * n, n);
                (0..n)
                    .map(|i| {
                        let at = t * n + i;
                        let y = problem.outcomes.y[at];
                        if y.is_nan() {
                            return 0.0;
                        }
                        let cell = one_cell(state, at, y, normals[i]);
                        (gm[i], gv[i]) = (cell[1], cell[2]);
                        cell[0]
                    })
                    .sum()
            })
            .collect();
        totals.iter().sum()
    }

    /// The gradients of the cells of an outcome.
    pub fn outcome(&self, t: usize, n: usize) -> (&[f64], &[f64]) {
        (&self.mean[t * n..(t + 1) * n], &self.variance[t * n..(t + 1) * n])
    }

    /// The gradients of the two sides of a factor: of the predictors and of the outcomes.
    pub fn factor(
        &self,
        problem: &Problem<'_>,
        factor: &Factor,
        weight: Option<&[f64]>,
    ) -> (Vec<Gradient>, Vec<Gradient>) {
        let (f, f2) = factor.moments(weight);
        let n = f.len();
        // By E f and by E f^2.
        let (mut first, mut second) = (vec![0.0; n], vec![0.0; n]);
        let mut right = vec![Gradient::default(); factor.right.len()];
        for (t, right) in right.iter_mut().enumerate() {
            let (v, v2) = (factor.right.mean(t), factor.right.second(t));
            let (gm, gv) = self.outcome(t, n);
            for i in 0..n {
                // mean = f v; variance = E f^2 E v^2 - f^2 v^2
                right.mean += gm[i] * f[i] - 2.0 * gv[i] * f[i] * f[i] * v;
                right.second += gv[i] * f2[i];
                first[i] += gm[i] * v - 2.0 * gv[i] * f[i] * v * v;
                second[i] += gv[i] * v2;
            }
        }
        for i in 0..n {
            let w = weight.map_or(1.0, |w| w[i]);
            // E f^2 = f^2 + w^2 Var g
            first[i] = w * (first[i] + 2.0 * f[i] * second[i]);
            second[i] *= w * w;
        }
        let crate::factored::left::Kind::Sparse(slab) = &factor.left.kind else {
            return (Vec::new(), right);
        };
        let left = (0..slab.len())
            .map(|j| chain(problem.design, j, slab.mean(j), &first, &second))
            .collect();
        (left, right)
    }

    /// The gradients of the effects on one outcome alone.
    pub fn direct(&self, problem: &Problem<'_>, direct: &Direct, t: usize) -> Vec<Gradient> {
        let (gm, gv) = self.outcome(t, problem.outcomes.n);
        let Some(slab) = direct.kind.sparse() else { return Vec::new() };
        let one = |(c, &j): (usize, &usize)| chain(problem.design, j, slab.mean(c), gm, gv);
        direct.active.iter().enumerate().map(one).collect()
    }
}

/// From `sum_j x_ij u_j` and its variance to the mean and second moment of `u_j`.
fn chain(design: &Dense<'_>, j: usize, mean: f64, first: &[f64], second: &[f64]) -> Gradient {
    let (slope, curve) = project(design.column(j), first, second);
    Gradient { mean: slope - 2.0 * mean * curve, second: curve }
}

/// The estimate of `E log p(y | eta)` and of its derivatives by mean and variance.
fn one_cell(state: &State, at: usize, y: f64, normals: [f64; 2]) -> [f64; 3] {
    let (m, v) = (state.mean[at], state.variance[at].max(0.0));
    let family = &state.family;
    let slope = |eta: f64| {
        let q = family.quadratic(at, y, eta, 0.0);
        (q.h - q.w * eta, q.w)
    };
    let level = family.expected(at, y, m, 0.0);
    let (tilt, w) = slope(m);
    // The expectations of the control variates.
    let mut out = [level - 0.5 * w * v, tilt, -0.5 * w];
    if v == 0.0 {
        return out;
    }
    for z in normals {
        for by in [z * v.sqrt(), -z * v.sqrt()] {
            let rest = slope(m + by).0 - tilt + w * by;
            let value = family.expected(at, y, m + by, 0.0) - level - tilt * by + 0.5 * w * by * by;
            out[0] += 0.25 * value;
            out[1] += 0.25 * rest;
            out[2] += 0.25 * rest * by / (2.0 * v);
        }
    }
    out
}

kernel!(
    fn normals_of<V: Lanes>(stream: Stream, first: usize, count: usize) -> Vec<[f64; 2]> {
        let mut out = Vec::with_capacity(count);
        let mut samples = [0u32; MAX_LANES];
        for start in (0..count).step_by(V::N) {
            let width = V::N.min(count - start);
            for lane in 0..width {
                samples[lane] = (first + start + lane) as u32;
            }
            let (a, b) = stream.normals::<V>(&samples[..width], 0);
            let (a, b) = (a.to_array(), b.to_array());
            out.extend((0..width).map(|lane| [a[lane], b[lane]]));
        }
        out
    }
);

kernel!(
    fn project<'a, V: Lanes>(x: &'a [f64], first: &'a [f64], second: &'a [f64]) -> (f64, f64) {
        (dot::<V>(x, first), weighted_squares::<V>(x, second))
    }
);
