//! One factor: loadings of the rows, weights of the columns, and their update given all else.

use super::noise::Noise;
use super::shrink::{PointSlab, shrink};
use crate::normal_means::scalar::Family;

/// Posterior of one side of a factor.
#[derive(Debug, Clone)]
pub struct Side {
    /// Posterior means.
    pub mean: Vec<f64>,
    /// Posterior second moments.
    pub second: Vec<f64>,
    /// The fitted prior.
    pub prior: Option<PointSlab>,
    /// Minus the divergence of the posterior from the prior.
    pub minus_divergence: f64,
}

impl Side {
    /// A point to start from.
    pub fn fixed(mean: Vec<f64>) -> Self {
        let second = mean.iter().map(|m| m * m).collect();
        Self { mean, second, prior: None, minus_divergence: 0.0 }
    }

    fn shrunk(family: Family, a: &[f64], b: &[f64], start: Option<PointSlab>) -> Option<Self> {
        let found = shrink(family, a, b, start);
        found.prior?;
        let minus_divergence = found.minus_divergence(a, b);
        // Shrunk to nothing, numerically.
        if !minus_divergence.is_finite() || found.second.iter().all(|m2| *m2 == 0.0) {
            return None;
        }
        Some(Self { mean: found.mean, second: found.second, prior: found.prior, minus_divergence })
    }
}

/// One factor of the fit.
#[derive(Debug, Clone)]
pub struct Factor {
    /// Loadings, one for each row.
    pub rows: Side,
    /// Weights, one for each column.
    pub cols: Side,
}

impl Factor {
    /// The part of the objective that is the factor's own.
    pub fn minus_divergence(&self) -> f64 {
        self.rows.minus_divergence + self.cols.minus_divergence
    }

    /// `sum_i c_ij Var(l_i f_j)`.
    pub fn variance_in_column(&self, j: usize, c: Option<&[f64]>) -> f64 {
        let (f, f2) = (self.cols.mean[j], self.cols.second[j]);
        let terms = self.rows.mean.iter().zip(&self.rows.second);
        match c {
            None => terms.map(|(l, l2)| f2 * l2 - f * f * l * l).sum(),
            Some(c) => terms.zip(c).map(|((l, l2), c)| c * (f2 * l2 - f * f * l * l)).sum(),
        }
    }

    /// Update loadings, then weights. `residual` is of all factors, and is kept so (except that it
    /// means nothing when the factor vanishes, which is what `None` says).
    ///
    /// With `R` the residual without this factor, `l_i` is seen with precision
    /// `a_i = sum_j tau_j c_ij E f_j^2` at `b_i / a_i`, `b_i = sum_j tau_j c_ij R_ij E f_j`; and
    /// the same for `f_j`.
    pub fn update(
        &self,
        families: [Family; 2],
        residual: &mut [f64],
        noise: &Noise,
        starts: [Option<PointSlab>; 2],
    ) -> Option<Self> {
        let n = self.rows.mean.len();
        let columns = || 0..self.cols.mean.len();
        let (mut a, mut b, mut own) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        let (mut plain, mut plain_own) = (0.0, 0.0);
        for j in columns() {
            let tau = noise.tau()[j];
            let (f, f2) = (self.cols.mean[j], self.cols.second[j]);
            let e = &residual[j * n..(j + 1) * n];
            match noise.column(j) {
                None => {
                    plain += tau * f2;
                    plain_own += tau * f * f;
                    if f != 0.0 {
                        b.iter_mut().zip(e).for_each(|(b, e)| *b += tau * f * e);
                    }
                }
                Some(c) => {
                    for i in 0..n {
                        let w = tau * c[i];
                        a[i] += w * f2;
                        own[i] += w * f * f;
                        b[i] += w * f * e[i];
                    }
                }
            }
        }
        for i in 0..n {
            a[i] += plain;
            b[i] += (own[i] + plain_own) * self.rows.mean[i];
        }
        let rows = Side::shrunk(families[0], &a, &b, starts[0])?;
        let (mut a, mut b) = (vec![0.0; columns().len()], vec![0.0; columns().len()]);
        for j in columns() {
            let f = self.cols.mean[j];
            let e = &mut residual[j * n..(j + 1) * n];
            let moves = rows.mean.iter().zip(&self.rows.mean);
            e.iter_mut().zip(moves).for_each(|(e, (new, old))| *e -= (new - old) * f);
            let (mut square, mut own, mut product) = (0.0, 0.0, 0.0);
            let c = noise.column(j);
            for i in 0..n {
                let c = c.map_or(1.0, |c| c[i]);
                square += c * rows.second[i];
                own += c * rows.mean[i] * rows.mean[i];
                product += c * rows.mean[i] * e[i];
            }
            let tau = noise.tau()[j];
            a[j] = tau * square;
            b[j] = tau * (product + own * f);
        }
        let cols = Side::shrunk(families[1], &a, &b, starts[1])?;
        for j in columns() {
            let moved = cols.mean[j] - self.cols.mean[j];
            let e = &mut residual[j * n..(j + 1) * n];
            e.iter_mut().zip(&rows.mean).for_each(|(e, l)| *e -= l * moved);
        }
        Some(Self { rows, cols })
    }

    /// Take the factor's posterior mean out of `residual`.
    pub fn subtract(&self, residual: &mut [f64]) {
        let n = self.rows.mean.len();
        for (j, &f) in self.cols.mean.iter().enumerate().filter(|(_, f)| **f != 0.0) {
            let e = &mut residual[j * n..(j + 1) * n];
            e.iter_mut().zip(&self.rows.mean).for_each(|(e, l)| *e -= l * f);
        }
    }
}
