//! Many units at once: posterior sums, weighted by the probability of each unit.
//!
//! With `h_i = s lambda_i / (1 + s lambda_i)`,
//! ```text
//!   sqrt(d) W E[b] = Q (h y),        E ||sqrt(d) W b||^2 = sum_i (h_i^2 y_i^2 + h_i),
//!   E ||F^+ b||^2 = sum_i (h_i^2 y_i^2 / lambda_i + s / (1 + s lambda_i)).
//! ```

use faer::Mat;

use super::coordinates::{Coordinates, Lambda, block_range, padded};
use super::{Eigenbasis, SecondMoments};
use crate::linalg::lanes::kernel;

/// Posterior sums over units and components, weighted by the probability of each.
#[derive(Debug, Clone, Default)]
pub struct Sums {
    /// Of `sum_i h_i y_i^2`: the inner product of the effect with its whitened score.
    pub fit: f64,
    /// Of `E ||sqrt(d) W b||^2`.
    pub size: f64,
    /// Of `E ||F^+ b||^2`.
    pub spread: f64,
    /// Of the ranks.
    pub rank: f64,
}

impl Sums {
    /// Add those of another block.
    pub fn add(&mut self, other: &Self) {
        self.fit += other.fit;
        self.size += other.size;
        self.spread += other.spread;
        self.rank += other.rank;
    }

    /// The scale that maximises the expected complete log-likelihood.
    pub fn em_scale(&self) -> f64 {
        if self.rank > 0.0 { self.spread / self.rank } else { 0.0 }
    }

    /// One direction with weight `u` in all and `t` the weighted sum of `y^2`.
    #[inline]
    fn direction(&mut self, s: f64, lambda: f64, u: f64, t: f64) {
        let shrunk = s / (1.0 + s * lambda);
        let h = shrunk * lambda;
        self.fit += h * t;
        self.size += h * (h * t + u);
        self.spread += shrunk * (h * t + u);
        self.rank += u;
    }
}

/// Some units of one block, and the posterior weights of their components.
#[derive(Debug)]
pub struct Selection<'a> {
    /// Rows within the block.
    pub rows: &'a [usize],
    /// The probability of each unit.
    pub alpha: &'a [f64],
    /// Weights of the components given the unit: units by components, by columns.
    pub weights: &'a [f64],
}

impl Coordinates {
    /// Posterior sums of selected units of block `b` at scale `s`, and `C` (units by directions, by
    /// columns): coefficients of the directions in the whitened mean, `sum_k q_k h y`.
    pub fn moments(&self, b: usize, s: f64, chosen: &Selection) -> (Sums, Vec<f64>) {
        let y = &self.blocks[b];
        let n = chosen.rows.len();
        let m = self.starts[self.starts.len() - 1];
        let ld = padded(block_range(self.units, b).len());
        let mut sums = Sums::default();
        let mut c = vec![0.0; n * m];
        let mut u = vec![0.0; n];
        for k in 0..self.components() {
            let q = &chosen.weights[k * n..(k + 1) * n];
            for ((u, a), q) in u.iter_mut().zip(chosen.alpha).zip(q) {
                *u = a * q;
            }
            let total: f64 = u.iter().sum();
            if total == 0.0 {
                continue;
            }
            for i in self.starts[k]..self.starts[k + 1] {
                let (y, c) = (&y[i * ld..(i + 1) * ld], &mut c[i * n..(i + 1) * n]);
                match &self.lambda {
                    Lambda::Common(lambda) => {
                        let h = s * lambda[i] / (1.0 + s * lambda[i]);
                        let t = weigh(chosen.rows, y, q, &u, h, c);
                        sums.direction(s, lambda[i], total, t);
                    }
                    Lambda::ByUnit(blocks) => {
                        let lambda = &blocks[b][i * ld..(i + 1) * ld];
                        for (a, &row) in chosen.rows.iter().enumerate() {
                            let h = s * lambda[row] / (1.0 + s * lambda[row]);
                            c[a] = q[a] * h * y[row];
                            sums.direction(s, lambda[row], u[a], u[a] * y[row] * y[row]);
                        }
                    }
                }
            }
        }
        (sums, c)
    }
}

impl Coordinates {
    /// `sum_j alpha_j d_j W E[b_j b_j'] W'` over selected units of block `b`, in the basis that the
    /// coordinates belong to.
    pub fn second(&self, b: usize, s: f64, chosen: &Selection, basis: &Eigenbasis) -> Mat<f64> {
        let (y, n) = (&self.blocks[b], chosen.rows.len());
        let ld = padded(block_range(self.units, b).len());
        let mut out = SecondMoments::of_basis(basis);
        for k in 0..self.components() {
            let q = &chosen.weights[k * n..(k + 1) * n];
            for ((&row, alpha), q) in chosen.rows.iter().zip(chosen.alpha).zip(q) {
                let direction = |i: usize| {
                    let i = self.starts[k] + i;
                    let lambda = match &self.lambda {
                        Lambda::Common(lambda) => lambda[i],
                        Lambda::ByUnit(blocks) => blocks[b][i * ld + row],
                    };
                    let h = s * lambda / (1.0 + s * lambda);
                    (h * y[i * ld + row], h)
                };
                out.add(k, alpha * q, direction);
            }
        }
        out.total(basis.lift.as_ref())
    }
}

kernel!(
    /// `c = q h y` and `sum u y^2` of one direction.
    fn weigh<'a, V: Lanes>(
        rows: &'a [usize],
        y: &'a [f64],
        q: &'a [f64],
        u: &'a [f64],
        h: f64,
        c: &'a mut [f64],
    ) -> f64 {
        let n = rows.len();
        // All rows of a block, in order, are the common case of a diffuse effect.
        let dense = n > 0 && rows[n - 1] + 1 == n;
        let (mut sum, mut start) = (V::splat(0.0), 0);
        if dense {
            let h = V::splat(h);
            while start + V::N <= n {
                let value = V::load(&y[start..]);
                (V::load(&q[start..]) * value * h).store(&mut c[start..]);
                sum = (V::load(&u[start..]) * value).mul_add(value, sum);
                start += V::N;
            }
        }
        let mut total = sum.sum();
        for a in start..n {
            let value = y[rows[a]];
            c[a] = q[a] * value * h;
            total += u[a] * value * value;
        }
        total
    }
);
