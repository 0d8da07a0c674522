//! Individual data: X and Y themselves.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::design::{BLOCK, Design, Imputed, blocks, column_pieces, row_pieces};
use super::missing::Patterns;
use crate::Error;

/// How the columns of X are used.
#[derive(Debug, Clone, Copy)]
pub struct Layout<'a> {
    /// The predictors (numbered from 0) in the order of updates.
    pub order: &'a [usize],
    /// Subtract means from X and Y.
    pub intercept: bool,
    /// Divide the columns of X by their standard deviations.
    pub standardize: bool,
}

/// X, centred and scaled, in the order of updates, and the residuals.
#[derive(Debug, Clone)]
pub struct Individual {
    x: Mat<f64>,
    /// Means and scales of the columns of X, in the order of updates.
    pub centre: Vec<f64>,
    /// What the columns were divided by.
    pub scale: Vec<f64>,
    /// Means of the responses.
    pub intercept: Vec<f64>,
    residual: Mat<f64>,
    precision: Vec<f64>,
    grams: Vec<Mat<f64>>,
    missing: Option<Patterns>,
    centred: bool,
}

impl Individual {
    /// From X (n by p) and Y (n by r, NaN where missing), at the given coefficients (r by p, in the
    /// order of updates, for X as it is used) or zero.
    pub fn new(
        x: MatRef<'_, f64>,
        y: MatRef<'_, f64>,
        layout: Layout<'_>,
        coefficients: Option<MatRef<'_, f64>>,
    ) -> Self {
        let n = x.nrows();
        let column = |&p: &usize| {
            let column = x.col(p);
            let mean = column.iter().sum::<f64>() / n as f64;
            let square = column.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>();
            // A column whose differences are rounding is constant.
            let rounding = 1e-28 * mean * mean * n as f64;
            let sd = (square / (n as f64 - 1.0).max(1.0)).sqrt();
            let varies = square > rounding;
            let centre = if layout.intercept { mean } else { 0.0 };
            (centre, if layout.standardize && varies { sd } else { 1.0 }, varies)
        };
        let columns: Vec<(f64, f64, bool)> = layout.order.par_iter().map(column).collect();
        let mut used = Mat::<f64>::zeros(n, layout.order.len());
        column_pieces(used.as_mut(), 1).into_par_iter().enumerate().for_each(|(at, mut to)| {
            let (centre, scale, varies) = columns[at];
            // Exactly zero if it is constant and an intercept takes care of it.
            let factor = if varies || !layout.intercept { 1.0 / scale } else { 0.0 };
            for i in 0..n {
                to[(i, 0)] = (x[(i, layout.order[at])] - centre) * factor;
            }
        });
        let gram = |range: Range<usize>| {
            let x = used.subcols(range.start, range.len());
            let mut gram = Mat::zeros(range.len(), range.len());
            matmul(gram.as_mut(), Accum::Replace, x.transpose(), x, 1.0, Par::Seq);
            gram
        };
        let ranges: Vec<Range<usize>> = blocks(layout.order.len()).collect();
        let grams: Vec<Mat<f64>> = ranges.into_par_iter().map(gram).collect();
        // All the same if standardized, to the last bit: they then share their computations.
        let scaled = layout.standardize && layout.intercept;
        let precision = columns
            .iter()
            .enumerate()
            .map(|(p, column)| match scaled && column.2 {
                true => n as f64 - 1.0,
                false => grams[p / BLOCK][(p % BLOCK, p % BLOCK)],
            })
            .collect();
        let r = y.ncols();
        let means: Vec<f64> = (0..r)
            .map(|c| {
                let observed = y.col(c).iter().filter(|v| !v.is_nan());
                let (sum, count) = observed.fold((0.0, 0.0), |(s, k), v| (s + v, k + 1.0));
                if layout.intercept && count > 0.0 { sum / count } else { 0.0 }
            })
            .collect();
        let residual = |i: usize, c: usize| {
            let value = y[(i, c)];
            if value.is_nan() { 0.0 } else { value - means[c] }
        };
        let residual = Mat::from_fn(n, r, residual);
        let mut out = Self {
            x: used,
            centre: columns.iter().map(|c| c.0).collect(),
            scale: columns.iter().map(|c| c.1).collect(),
            intercept: means,
            residual,
            precision,
            grams,
            missing: Patterns::new(y),
            centred: layout.intercept,
        };
        if let Some(b) = coefficients {
            for block in blocks(b.ncols()) {
                out.change(block.clone(), b.subcols(block.start, block.len()));
            }
        }
        out
    }

    /// The covariance of the residuals: by expectation maximisation where responses are missing.
    pub fn covariance(&mut self) -> Result<Mat<f64>, Error> {
        let n = self.residual.nrows() as f64;
        let r = self.residual.ncols();
        if self.missing.is_none() {
            let denominator = if self.centred { n - 1.0 } else { n };
            let a = self.cross(Mat::<f64>::zeros(r, 0).as_ref());
            return Ok(Mat::from_fn(r, r, |i, p| a[(i, p)] / denominator));
        }
        let variances: Vec<f64> = (0..r).map(|c| self.observed_variance(c)).collect();
        let mut v = Mat::from_fn(r, r, |i, p| if i == p { variances[i] } else { 0.0 });
        for _ in 0..EM_STEPS {
            let Some(imputed) = self.impute(v.as_ref())? else { break };
            let a = self.cross(Mat::<f64>::zeros(r, 0).as_ref());
            v = Mat::from_fn(r, r, |i, p| (a[(i, p)] + imputed.covariance[(i, p)]) / n);
        }
        Ok(v)
    }

    fn observed_variance(&self, c: usize) -> f64 {
        let column = self.residual.col(c);
        let missing = self.missing.as_ref();
        let rows: Vec<usize> =
            (0..column.nrows()).filter(|&i| missing.is_none_or(|m| !m.is_missing(i, c))).collect();
        let n = rows.len() as f64;
        let mean = rows.iter().map(|&i| column[i]).sum::<f64>() / n;
        rows.iter().map(|&i| (column[i] - mean) * (column[i] - mean)).sum::<f64>() / n
    }

    /// Fitted values plus residuals where they are responses: the residuals, n by r.
    pub fn residuals(&self) -> MatRef<'_, f64> {
        self.residual.as_ref()
    }
}

/// Steps towards the covariance of responses with missing values: a start, not an answer.
const EM_STEPS: usize = 20;

/// Predictors of one product with the residuals, and samples of one update of them: fixed, so that
/// results do not depend on the number of threads.
const COLUMNS: usize = 16;
const ROWS: usize = 512;
/// Multiplications that are worth a second thread.
const WORTH: usize = 1 << 19;

impl Design for Individual {
    fn precision(&self) -> &[f64] {
        &self.precision
    }

    fn samples(&self) -> f64 {
        self.x.nrows() as f64
    }

    fn gram(&self, block: usize) -> MatRef<'_, f64> {
        self.grams[block].as_ref()
    }

    fn gather(&self, block: Range<usize>, out: MatMut<'_, f64>) {
        let x = self.x.subcols(block.start, block.len());
        let (residual, replace) = (self.residual.transpose(), Accum::Replace);
        if self.residual.nrows() * self.residual.ncols() * block.len() < WORTH {
            matmul(out, replace, residual, x, 1.0, Par::Seq);
            return;
        }
        let pieces = column_pieces(out, COLUMNS);
        pieces.into_par_iter().enumerate().for_each(|(i, piece)| {
            let x = x.subcols(i * COLUMNS, piece.ncols());
            matmul(piece, replace, residual, x, 1.0, Par::Seq);
        });
    }

    fn change(&mut self, block: Range<usize>, change: MatRef<'_, f64>) {
        let x = self.x.subcols(block.start, block.len());
        let small = self.residual.nrows() * self.residual.ncols() * block.len() < WORTH;
        let residual = self.residual.as_mut();
        if small {
            matmul(residual, Accum::Add, x, change.transpose(), -1.0, Par::Seq);
            return;
        }
        let pieces = row_pieces(residual, ROWS);
        pieces.into_par_iter().enumerate().for_each(|(i, piece)| {
            let x = x.subrows(i * ROWS, piece.nrows());
            matmul(piece, Accum::Add, x, change.transpose(), -1.0, Par::Seq);
        });
    }

    fn cross(&self, _coefficients: MatRef<'_, f64>) -> Mat<f64> {
        let e = &self.residual;
        let mut a = Mat::zeros(e.ncols(), e.ncols());
        matmul(a.as_mut(), Accum::Replace, e.transpose(), e, 1.0, Par::Seq);
        Mat::from_fn(a.nrows(), a.ncols(), |i, p| a[(i.max(p), i.min(p))])
    }

    fn save(&self) -> Mat<f64> {
        self.residual.clone()
    }

    fn restore(&mut self, residuals: Mat<f64>) {
        self.residual = residuals;
    }

    fn impute(&mut self, covariance: MatRef<'_, f64>) -> Result<Option<Imputed>, Error> {
        let Some(missing) = &self.missing else { return Ok(None) };
        let imputed = missing.impute(self.residual.as_mut(), covariance)?;
        if self.centred {
            // The intercept that is best for the completed responses: X is centred.
            let n = self.residual.nrows() as f64;
            for c in 0..self.residual.ncols() {
                let shift = self.residual.col(c).iter().sum::<f64>() / n;
                self.residual.col_mut(c).iter_mut().for_each(|e| *e -= shift);
                self.intercept[c] += shift;
            }
        }
        Ok(Some(imputed))
    }
}
