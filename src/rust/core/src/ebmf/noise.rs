//! What is known of the errors: which cells were observed, how exactly, and what is left to
//! estimate.
//!
//! The precision of cell `(i, j)` is `tau_j c_ij`: `c` is 1, or the inverse square of a given
//! standard error, or 0 where the cell is missing; `tau` is estimated by column, or fixed at 1.

use std::sync::Arc;

use rayon::prelude::*;

use crate::Error;
use crate::linalg::columns;

const LOG_2_PI: f64 = 1.837_877_066_409_345_3;

/// A variance is never estimated below this times the mean square of the data.
const VARIANCE_FLOOR: f64 = 1e-12;

/// The errors of the matrix.
#[derive(Debug, Clone)]
pub struct Noise {
    rows: usize,
    /// `c`, by columns; `None` for 1 everywhere.
    cells: Option<Arc<Vec<f64>>>,
    /// Number of observed cells of each column.
    counts: Vec<f64>,
    /// `sum log c` over all observed cells.
    log_cells: f64,
    /// `tau`.
    tau: Vec<f64>,
    estimated: bool,
    floor: f64,
}

impl Noise {
    /// Errors of `y` (by columns, NaN where missing), with standard errors `se` if given, and a
    /// variance (or its ratio to `se^2`) to be estimated for each column, or not.
    pub fn new(y: &[f64], rows: usize, se: Option<&[f64]>, estimated: bool) -> Result<Self, Error> {
        let cols = y.len() / rows;
        let missing = y.iter().any(|y| y.is_nan());
        let mut cells = (missing || se.is_some()).then(|| vec![1.0; y.len()]);
        if let Some(c) = &mut cells {
            for (at, c) in c.iter_mut().enumerate() {
                if y[at].is_nan() {
                    *c = 0.0;
                } else if let Some(s) = se.map(|se| se[at]) {
                    *c = 1.0 / (s * s);
                    if !(c.is_finite() && *c > 0.0) {
                        let (i, j) = (at % rows + 1, at / rows + 1);
                        let why = format!("is {s} in row {i}, column {j}");
                        return Err(Error::Value { name: "se", why });
                    }
                }
            }
        }
        let column = |j: usize| cells.as_ref().map(|c| &c[j * rows..(j + 1) * rows]);
        let observed = |c: &[f64]| c.iter().filter(|c| **c > 0.0).count() as f64;
        let counts = (0..cols).map(|j| column(j).map_or(rows as f64, observed)).collect();
        let log = |c: &f64| if *c > 0.0 { c.ln() } else { 0.0 };
        let log_cells = cells.as_ref().map_or(0.0, |c| c.iter().map(log).sum());
        let mut noise = Self {
            rows,
            cells: cells.map(Arc::new),
            counts,
            log_cells,
            tau: vec![1.0; cols],
            estimated,
            floor: 0.0,
        };
        let squares: f64 = (0..cols).map(|j| noise.square(j, &y[j * rows..(j + 1) * rows])).sum();
        noise.floor = VARIANCE_FLOOR * squares / noise.counts.iter().sum::<f64>();
        Ok(noise)
    }

    /// `tau`, one number for each column.
    pub fn tau(&self) -> &[f64] {
        &self.tau
    }

    /// Replace `tau`.
    pub fn set_tau(&mut self, tau: Vec<f64>) {
        self.tau = tau;
    }

    /// `c` of a column.
    pub fn column(&self, j: usize) -> Option<&[f64]> {
        self.cells.as_ref().map(|c| &c[j * self.rows..(j + 1) * self.rows])
    }

    /// `sum_i c_ij x_i^2`.
    fn square(&self, j: usize, x: &[f64]) -> f64 {
        match self.column(j) {
            None => x.iter().map(|x| x * x).sum(),
            // Not observed: not a number, perhaps.
            Some(c) => x.iter().zip(c).map(|(x, c)| if *c > 0.0 { c * x * x } else { 0.0 }).sum(),
        }
    }

    /// `sum_i c_ij e_ij^2` of each column.
    pub fn squares(&self, residual: &[f64]) -> Vec<f64> {
        let of = |(j, e): (usize, &[f64])| match self.column(j) {
            None => columns::dot_product(e, e),
            Some(c) => columns::product_of_three(e, c, e),
        };
        residual.par_chunks(self.rows).with_min_len(4).enumerate().map(of).collect()
    }

    /// Re-estimate `tau` from the expected squares of the residuals in each column, and return the
    /// expected log-likelihood of the data.
    pub fn update(&mut self, squares: &[f64]) -> f64 {
        let mut loglik = 0.5 * self.log_cells;
        for (j, square) in squares.iter().enumerate() {
            let n = self.counts[j];
            if self.estimated && n > 0.0 {
                self.tau[j] = n / square.max(n * self.floor);
            }
            loglik += 0.5 * (n * (self.tau[j].ln() - LOG_2_PI) - self.tau[j] * square);
        }
        loglik
    }
}
