//! Missing responses: `q(y_i,missing)` is their conditional distribution given the observed ones.
//!
//! With residuals `e = y - fitted`, the expected residual of missing cells is
//! `Sigma_mo Sigma_oo^{-1} e_o` and their covariance `Sigma_mm - Sigma_mo Sigma_oo^{-1} Sigma_om`. Rows
//! that miss the same cells share one factorisation.

use faer::prelude::*;
use faer::{Mat, MatMut, MatRef, Side};

use super::observed::by_missing;
use crate::Error;
use crate::normal_means::problem::LOG_2_PI;

/// What the missing responses contribute.
#[derive(Debug, Clone)]
pub struct Imputed {
    /// Sum over rows of the covariance of the missing responses, padded with zeros.
    pub covariance: Mat<f64>,
    /// Entropy of all of them.
    pub entropy: f64,
}

/// Rows by what they miss.
#[derive(Debug, Clone)]
pub struct Patterns {
    patterns: Vec<Pattern>,
    conditions: usize,
    missing: Vec<bool>,
}

#[derive(Debug, Clone)]
struct Pattern {
    observed: Vec<usize>,
    missing: Vec<usize>,
    rows: Vec<usize>,
}

impl Patterns {
    /// From Y with NaN where missing; `None` if nothing is.
    pub fn new(y: MatRef<'_, f64>) -> Option<Self> {
        let (n, r) = (y.nrows(), y.ncols());
        let mut groups = by_missing(y);
        groups.remove(&vec![false; r]);
        if groups.is_empty() {
            return None;
        }
        let mut missing = vec![false; n * r];
        let mut patterns = Vec::new();
        for (mask, rows) in groups {
            for &i in &rows {
                missing[i * r..(i + 1) * r].copy_from_slice(&mask);
            }
            let which = |want: bool| (0..r).filter(|&c| mask[c] == want).collect::<Vec<_>>();
            patterns.push(Pattern { observed: which(false), missing: which(true), rows });
        }
        Some(Self { patterns, conditions: r, missing })
    }

    /// Whether a cell is missing.
    pub fn is_missing(&self, row: usize, condition: usize) -> bool {
        self.missing[row * self.conditions + condition]
    }

    /// Put expected residuals into the missing cells.
    pub fn impute(
        &self,
        mut residual: MatMut<'_, f64>,
        sigma: MatRef<'_, f64>,
    ) -> Result<Imputed, Error> {
        let mut covariance = Mat::zeros(self.conditions, self.conditions);
        let mut entropy = 0.0;
        for Pattern { observed, missing, rows } in &self.patterns {
            let pick = |a: &[usize], b: &[usize]| {
                Mat::from_fn(a.len(), b.len(), |i, p| sigma[(a[i], b[p])])
            };
            let singular = || Error::SingularNoise { unit: rows[0] };
            let across = pick(observed, missing);
            let own = pick(missing, missing);
            let (regression, conditional) = if observed.is_empty() {
                (Mat::zeros(0, missing.len()), own)
            } else {
                let llt = pick(observed, observed).llt(Side::Lower).map_err(|_| singular())?;
                let regression = llt.solve(&across);
                let conditional = own - across.transpose() * &regression;
                (regression, conditional)
            };
            let llt = conditional.llt(Side::Lower).map_err(|_| singular())?;
            let log_det: f64 = (0..missing.len()).map(|i| 2.0 * llt.L()[(i, i)].ln()).sum();
            let count = rows.len() as f64;
            entropy += 0.5 * count * (missing.len() as f64 * (LOG_2_PI + 1.0) + log_det);
            for (i, &a) in missing.iter().enumerate() {
                for (p, &b) in missing.iter().enumerate() {
                    covariance[(a, b)] += count * conditional[(i.max(p), i.min(p))];
                }
            }
            for &row in rows {
                for (i, &to) in missing.iter().enumerate() {
                    let terms = observed.iter().enumerate();
                    residual[(row, to)] =
                        terms.map(|(o, &from)| regression[(o, i)] * residual[(row, from)]).sum();
                }
            }
        }
        Ok(Imputed { covariance, entropy })
    }
}
