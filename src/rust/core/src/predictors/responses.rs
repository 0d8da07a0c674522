//! Several responses of some predictors, and the residuals at the current coefficients.
//!
//! From Y itself, with covariates regressed out and values that may be missing, or from `X'Y` and
//! `Y'Y`.

use std::borrow::Cow;
use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::missing::{Imputed, Patterns};
use super::{Gram, Predictors, blocks};
use crate::Error;
use crate::linalg::dense::symmetric;

/// X without the covariates, Y, and the residuals.
#[derive(Debug, Clone)]
pub struct Responses<X> {
    x: X,
    /// An orthonormal basis of the covariates, n by q.
    basis: Mat<f64>,
    state: State,
    grams: Vec<Mat<f64>>,
    missing: Option<Patterns>,
    /// `X'Y` and `Y'Y`, where the residuals are products.
    given: Option<(Mat<f64>, Mat<f64>)>,
}

/// What changes.
#[derive(Debug, Clone)]
pub struct State {
    /// The residuals in the form of the predictors, a column for each response.
    residual: Mat<f64>,
    /// What of the responses the covariates explain, q by r, as coefficients of the basis.
    level: Mat<f64>,
}

impl<'a> Responses<Gram<'a>> {
    /// From `X'Y` (p by r) and `Y'Y`, at the given coefficients (r by p) or zero.
    pub fn of_products(
        x: Gram<'a>,
        xty: Mat<f64>,
        yty: Mat<f64>,
        coefficients: Option<MatRef<'_, f64>>,
    ) -> Self {
        let state = State { residual: xty.clone(), level: Mat::zeros(0, xty.ncols()) };
        Self::at(x, Mat::zeros(0, 0), state, None, Some((xty, yty)), coefficients)
    }
}

impl<X: Predictors> Responses<X> {
    /// From X, with `basis` (orthonormal columns) regressed out of it, and Y (n by r, NaN where
    /// missing), at the given coefficients (r by p, for X as it is used) or zero.
    pub fn new(
        x: X,
        basis: &[f64],
        y: MatRef<'_, f64>,
        coefficients: Option<MatRef<'_, f64>>,
    ) -> Self {
        let (n, r) = (y.nrows(), y.ncols());
        let q = basis.len() / n;
        let mut residual = y.to_owned();
        for c in 0..r {
            let observed = || y.col(c).iter().filter(|v| !v.is_nan());
            // Missing values start at the mean, if there may be one.
            let count = if q > 0 { observed().count().max(1) as f64 } else { f64::INFINITY };
            let mean = observed().sum::<f64>() / count;
            residual.col_mut(c).iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = mean);
        }
        let basis = MatRef::from_column_major_slice(basis, n, q).to_owned();
        let mut state = State { residual, level: Mat::zeros(q, r) };
        state.regress_out(basis.as_ref());
        state.residual.resize_with(x.rows(), r, |_, _| 0.0);
        Self::at(x, basis, state, Patterns::new(y), None, coefficients)
    }

    fn at(
        x: X,
        basis: Mat<f64>,
        state: State,
        missing: Option<Patterns>,
        given: Option<(Mat<f64>, Mat<f64>)>,
        coefficients: Option<MatRef<'_, f64>>,
    ) -> Self {
        let ranges: Vec<Range<usize>> = blocks(x.norms().len()).collect();
        let grams: Vec<Mat<f64>> = ranges.into_par_iter().map(|range| x.gram(range)).collect();
        let mut out = Self { x, basis, state, grams, missing, given };
        if let Some(b) = coefficients {
            for block in blocks(b.ncols()) {
                out.change(block.clone(), b.subcols(block.start, block.len()));
            }
        }
        out
    }

    /// The predictors.
    pub fn predictors(&self) -> &X {
        &self.x
    }

    /// What the covariates explain of the responses, as coefficients of their basis, q by r.
    pub fn level(&self) -> MatRef<'_, f64> {
        self.state.level.as_ref()
    }

    /// The residuals, n by r: expected ones where the response is missing. Their products with the
    /// predictors (p by r) where these are what is known.
    pub fn residuals(&self) -> Cow<'_, Mat<f64>> {
        let own = || Cow::Borrowed(&self.state.residual);
        self.x.by_sample(&self.state.residual).unwrap_or_else(own)
    }

    /// Take what the covariates explain of the responses (q by r) from an earlier fit, where missing
    /// responses make it part of the state.
    pub fn set_level(&mut self, level: MatRef<'_, f64>) {
        let (n, q) = (self.basis.nrows(), self.basis.ncols());
        if self.missing.is_none() || q == 0 {
            return;
        }
        let shift = &self.state.level - level;
        let residual = self.state.residual.as_mut().subrows_mut(0, n);
        matmul(residual, Accum::Add, self.basis.as_ref(), shift.as_ref(), 1.0, Par::Seq);
        self.state.level = level.to_owned();
    }

    fn observed_variance(&self, residuals: &Mat<f64>, c: usize) -> f64 {
        let missing = self.missing.as_ref();
        let column = residuals.col(c);
        let rows: Vec<usize> =
            (0..column.nrows()).filter(|&i| missing.is_none_or(|m| !m.is_missing(i, c))).collect();
        let n = rows.len() as f64;
        let mean = rows.iter().map(|&i| column[i]).sum::<f64>() / n;
        rows.iter().map(|&i| (column[i] - mean) * (column[i] - mean)).sum::<f64>() / n
    }

    /// `x_j'x_j` of all predictors.
    pub fn norms(&self) -> &[f64] {
        self.x.norms()
    }

    /// The number of samples.
    pub fn samples(&self) -> f64 {
        self.x.samples()
    }

    /// Cross-products of the predictors of a block.
    pub fn gram(&self, block: usize) -> MatRef<'_, f64> {
        self.grams[block].as_ref()
    }

    /// The products of the residuals (rows) with the predictors of a block (columns).
    pub fn gather(&self, block: Range<usize>, out: MatMut<'_, f64>) {
        self.x.gather(block, self.state.residual.as_ref(), out);
    }

    /// The coefficients of a block (columns) have changed.
    pub fn change(&mut self, block: Range<usize>, change: MatRef<'_, f64>) {
        self.x.change(block, change, self.state.residual.as_mut());
    }

    /// `(Y - XB)'(Y - XB)` at the coefficients (r by p) that the residuals belong to.
    pub fn cross(&self, coefficients: MatRef<'_, f64>) -> Mat<f64> {
        if let Some((xty, yty)) = &self.given {
            // Y'Y - Y'XB - B'X'(Y - XB), made symmetric.
            let a = yty - (coefficients * (xty + &self.state.residual));
            return symmetric(a.as_ref());
        }
        let e = self.residuals();
        let mut a = Mat::zeros(e.ncols(), e.ncols());
        matmul(a.as_mut(), Accum::Replace, e.transpose(), &*e, 1.0, Par::Seq);
        Mat::from_fn(a.nrows(), a.ncols(), |i, p| a[(i.max(p), i.min(p))])
    }

    /// `X'Y` and `Y'Y`, where these are all that is known.
    pub fn products(&self) -> Option<&(Mat<f64>, Mat<f64>)> {
        self.given.as_ref()
    }

    /// The share of each response's sum of squares that is left, from [`cross`](Self::cross), if only
    /// products are known: then it may be impossible, below zero.
    pub fn shares_left(&self, cross: &Mat<f64>) -> Option<Vec<f64>> {
        let (_, total) = self.given.as_ref()?;
        Some((0..total.nrows()).map(|r| cross[(r, r)] / total[(r, r)]).collect())
    }

    /// A copy of what changes in the course of a fit, to go back to.
    pub fn save(&self) -> State {
        self.state.clone()
    }

    /// Back to it.
    pub fn restore(&mut self, state: State) {
        self.state = state;
    }

    /// The covariance of the residuals at these coefficients, by expectation maximisation where
    /// responses are missing.
    ///
    /// # Errors
    /// Observed values that determine each other.
    pub fn covariance(&mut self, coefficients: MatRef<'_, f64>) -> Result<Mat<f64>, Error> {
        let n = self.samples();
        let r = self.state.residual.ncols();
        if self.missing.is_none() {
            let a = self.cross(coefficients);
            // Cross-products are of centred data.
            let lost = if self.given.is_some() { 1.0 } else { self.basis.ncols() as f64 };
            return Ok(Mat::from_fn(r, r, |i, p| a[(i, p)] / (n - lost)));
        }
        let residuals = self.residuals();
        let variances: Vec<f64> = (0..r).map(|c| self.observed_variance(&residuals, c)).collect();
        let mut v = Mat::from_fn(r, r, |i, p| if i == p { variances[i] } else { 0.0 });
        for _ in 0..EM_STEPS {
            let Some(imputed) = self.impute(v.as_ref())? else { break };
            let a = self.cross(coefficients);
            v = Mat::from_fn(r, r, |i, p| (a[(i, p)] + imputed.covariance[(i, p)]) / n);
        }
        Ok(v)
    }

    /// Estimate missing responses under this residual covariance.
    ///
    /// # Errors
    /// Those of [`covariance`](Self::covariance).
    pub fn impute(&mut self, covariance: MatRef<'_, f64>) -> Result<Option<Imputed>, Error> {
        let Some(missing) = &self.missing else { return Ok(None) };
        if let Some(Cow::Owned(whole)) = self.x.by_sample(&self.state.residual) {
            self.state.residual = whole;
        }
        let imputed = missing.impute(self.state.residual.as_mut(), covariance)?;
        // The covariates' coefficients that are best for the completed responses: X has none of them.
        self.state.regress_out(self.basis.as_ref());
        let r = self.state.residual.ncols();
        self.state.residual.resize_with(self.x.rows(), r, |_, _| 0.0);
        Ok(Some(imputed))
    }
}

impl State {
    /// Move what the covariates explain of the residuals (n by r) to the level, twice because rounding
    /// leaves a trace of a large mean the first time.
    fn regress_out(&mut self, basis: MatRef<'_, f64>) {
        for _ in 0..2 * usize::from(basis.ncols() > 0) {
            let explained = basis.transpose() * &self.residual;
            let (add, residual) = (Accum::Add, self.residual.as_mut());
            matmul(residual, add, basis, explained.as_ref(), -1.0, Par::Seq);
            self.level += explained;
        }
    }
}

/// Steps towards the covariance of responses with missing values: a start, not an answer.
const EM_STEPS: usize = 20;
