//! One factor: loadings of the rows, weights of the columns, and their update given all else.

use rayon::prelude::*;

use super::noise::Noise;
use super::shrink::{PointSlab, shrink};
use crate::linalg::columns;
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

    fn shrunk(family: Family, seen: &Seen, start: Option<PointSlab>) -> Option<Self> {
        let found = shrink(family, &seen.a, &seen.b, start);
        found.prior?;
        let minus_divergence = found.minus_divergence(&seen.a, &seen.b);
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

/// What the data say of one side of a factor: `i` is seen with precision `a_i` at `b_i / a_i`.
pub struct Seen {
    pub a: Vec<f64>,
    pub b: Vec<f64>,
}

/// The data as one factor sees them: `R`, what the other factors leave.
pub trait View {
    /// Of the loadings, given the weights: `a_i = sum_j tau_j c_ij E f_j^2`,
    /// `b_i = sum_j tau_j c_ij R_ij E f_j`.
    fn rows(&self, cols: &Side) -> Seen;
    /// Of the weights, given the loadings: `a_j = tau_j sum_i c_ij E l_i^2`,
    /// `b_j = tau_j sum_i c_ij R_ij E l_i`.
    fn cols(&self, rows: &Side) -> Seen;
}

impl Factor {
    /// The part of the objective that is the factor's own.
    pub fn minus_divergence(&self) -> f64 {
        self.rows.minus_divergence + self.cols.minus_divergence
    }

    /// `sum_i c_ij Var(l_i f_j)` of each column.
    pub fn variance_in_columns(&self, noise: &Noise) -> Vec<f64> {
        let mean = |f: &f64| f * f;
        let cells = |c: &[f64], x: &[f64]| columns::dot_product(c, x);
        let squares: Vec<f64> = self.rows.mean.iter().map(mean).collect();
        let plain = [self.rows.second.iter().sum::<f64>(), squares.iter().sum::<f64>()];
        let of = |j: usize| {
            let (f, f2) = (self.cols.mean[j], self.cols.second[j]);
            let [l2, ll] = match noise.column(j) {
                None => plain,
                Some(c) => [cells(c, &self.rows.second), cells(c, &squares)],
            };
            f2 * l2 - f * f * ll
        };
        (0..self.cols.mean.len()).into_par_iter().with_min_len(8).map(of).collect()
    }

    /// Update loadings, then weights. `None`: the factor vanishes.
    pub fn update(
        &self,
        families: [Family; 2],
        view: &impl View,
        starts: [Option<PointSlab>; 2],
    ) -> Option<Self> {
        let rows = Side::shrunk(families[0], &view.rows(&self.cols), starts[0])?;
        let cols = Side::shrunk(families[1], &view.cols(&rows), starts[1])?;
        Some(Self { rows, cols })
    }

    /// Add `scale` times the factor's posterior mean to `residual`.
    pub fn add_to(&self, residual: &mut [f64], scale: f64) {
        let (n, f) = (self.rows.mean.len(), &self.cols.mean);
        let each = residual.par_chunks_mut(n).with_min_len(8).zip(f);
        each.filter(|(_, f)| **f != 0.0)
            .for_each(|(e, f)| columns::add_multiple(scale * f, &self.rows.mean, e));
    }
}

/// What the other factors leave, cell by cell.
pub struct Without<'a> {
    pub residual: &'a [f64],
    pub noise: &'a Noise,
}

impl Without<'_> {
    /// The part of `rows` from row `first` on.
    fn some_rows(&self, cols: &Side, first: usize, a: &mut [f64], b: &mut [f64]) {
        let (n, to) = (self.residual.len() / cols.mean.len(), first + b.len());
        for (j, (&f, &f2)) in cols.mean.iter().zip(&cols.second).enumerate() {
            let tau = self.noise.tau()[j];
            let e = &self.residual[j * n + first..j * n + to];
            match self.noise.column(j) {
                None => {
                    a.iter_mut().for_each(|a| *a += tau * f2);
                    columns::add_multiple(tau * f, e, b);
                }
                Some(c) => {
                    columns::add_multiple(tau * f2, &c[first..to], a);
                    columns::add_multiple_of_product(tau * f, &c[first..to], e, b);
                }
            }
        }
    }
}

/// Rows that are a task of a thread.
pub const ROWS: usize = 2048;

impl View for Without<'_> {
    fn rows(&self, cols: &Side) -> Seen {
        let n = self.residual.len() / cols.mean.len();
        let (mut a, mut b) = (vec![0.0; n], vec![0.0; n]);
        let parts = a.par_chunks_mut(ROWS).zip(b.par_chunks_mut(ROWS)).enumerate();
        parts.for_each(|(part, (a, b))| self.some_rows(cols, part * ROWS, a, b));
        Seen { a, b }
    }

    fn cols(&self, rows: &Side) -> Seen {
        let n = rows.mean.len();
        let plain: f64 = rows.second.iter().sum();
        let of = |j: usize| {
            let tau = self.noise.tau()[j];
            let e = &self.residual[j * n..(j + 1) * n];
            match self.noise.column(j) {
                None => (tau * plain, tau * columns::dot_product(&rows.mean, e)),
                Some(c) => (
                    tau * columns::dot_product(&rows.second, c),
                    tau * columns::product_of_three(&rows.mean, c, e),
                ),
            }
        };
        let each = (0..self.residual.len() / n).into_par_iter().with_min_len(4);
        let (a, b) = each.map(of).unzip();
        Seen { a, b }
    }
}
