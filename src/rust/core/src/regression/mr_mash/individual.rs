//! Individual data: X and Y themselves, dense or sparse, with covariates regressed out.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::design::{Design, Imputed, blocks};
use super::missing::Patterns;
use crate::Error;
use crate::regression::design::Blocks;

/// X without the covariates and Y, and the residuals.
#[derive(Debug, Clone)]
pub struct Individual<X> {
    x: X,
    /// An orthonormal basis of the covariates, n by q.
    basis: Mat<f64>,
    state: State,
    grams: Vec<Mat<f64>>,
    missing: Option<Patterns>,
}

/// What changes.
#[derive(Debug, Clone)]
pub struct State {
    /// The residuals, n by r, up to `Q along`.
    residual: Mat<f64>,
    /// q by r, see [`Blocks`].
    along: Mat<f64>,
    /// What of the responses the covariates explain, q by r, as coefficients of the basis.
    level: Mat<f64>,
}

impl<X: Blocks + Send> Individual<X> {
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
        let ranges: Vec<Range<usize>> = blocks(x.norms().len()).collect();
        let grams: Vec<Mat<f64>> = ranges.into_par_iter().map(|range| x.gram(range)).collect();
        let mut residual = y.to_owned();
        for c in 0..r {
            let observed = || y.col(c).iter().filter(|v| !v.is_nan());
            // Missing values start at the mean, if there may be one.
            let count = if q > 0 { observed().count().max(1) as f64 } else { f64::INFINITY };
            let mean = observed().sum::<f64>() / count;
            residual.col_mut(c).iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = mean);
        }
        let state = State { residual, along: Mat::zeros(q, r), level: Mat::zeros(q, r) };
        let basis = MatRef::from_column_major_slice(basis, n, q).to_owned();
        let mut out = Self { x, basis, state, grams, missing: Patterns::new(y) };
        out.regress_out();
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

    /// The residuals, n by r: expected ones where the response is missing.
    pub fn residuals(&self) -> Mat<f64> {
        let mut out = self.state.residual.clone();
        if !self.x.is_whole() {
            let (add, along) = (Accum::Add, self.state.along.as_ref());
            matmul(out.as_mut(), add, self.basis.as_ref(), along, 1.0, Par::Seq);
        }
        out
    }

    /// Move what the covariates explain of the residuals to the level, twice because rounding leaves
    /// a trace of a large mean the first time.
    fn regress_out(&mut self) {
        for _ in 0..2 * usize::from(self.basis.ncols() > 0) {
            let explained = self.basis.transpose() * &self.state.residual;
            let (add, residual) = (Accum::Add, self.state.residual.as_mut());
            matmul(residual, add, self.basis.as_ref(), explained.as_ref(), -1.0, Par::Seq);
            self.state.level += explained;
        }
    }

    fn observed_variance(&self, residuals: MatRef<'_, f64>, c: usize) -> f64 {
        let missing = self.missing.as_ref();
        let column = residuals.col(c);
        let rows: Vec<usize> =
            (0..column.nrows()).filter(|&i| missing.is_none_or(|m| !m.is_missing(i, c))).collect();
        let n = rows.len() as f64;
        let mean = rows.iter().map(|&i| column[i]).sum::<f64>() / n;
        rows.iter().map(|&i| (column[i] - mean) * (column[i] - mean)).sum::<f64>() / n
    }
}

/// Steps towards the covariance of responses with missing values: a start, not an answer.
const EM_STEPS: usize = 20;

impl<X: Blocks + Send> Design for Individual<X> {
    fn precision(&self) -> &[f64] {
        self.x.norms()
    }

    fn samples(&self) -> f64 {
        self.x.samples()
    }

    fn gram(&self, block: usize) -> MatRef<'_, f64> {
        self.grams[block].as_ref()
    }

    fn gather(&self, block: Range<usize>, out: MatMut<'_, f64>) {
        self.x.gather(block, self.state.residual.as_ref(), self.state.along.as_ref(), out);
    }

    fn change(&mut self, block: Range<usize>, change: MatRef<'_, f64>) {
        self.x.change(block, change, self.state.residual.as_mut(), self.state.along.as_mut());
    }

    fn cross(&self, _coefficients: MatRef<'_, f64>) -> Mat<f64> {
        let product = |e: &Mat<f64>| {
            let mut a = Mat::zeros(e.ncols(), e.ncols());
            matmul(a.as_mut(), Accum::Replace, e.transpose(), e.as_ref(), 1.0, Par::Seq);
            Mat::from_fn(a.nrows(), a.ncols(), |i, p| a[(i.max(p), i.min(p))])
        };
        if self.x.is_whole() { product(&self.state.residual) } else { product(&self.residuals()) }
    }

    type State = State;

    fn save(&self) -> State {
        self.state.clone()
    }

    fn restore(&mut self, state: State) {
        self.state = state;
    }

    /// By expectation maximisation where responses are missing.
    fn covariance(&mut self, coefficients: MatRef<'_, f64>) -> Result<Mat<f64>, Error> {
        let n = self.samples();
        let r = self.state.residual.ncols();
        if self.missing.is_none() {
            let a = self.cross(coefficients);
            let denominator = n - self.basis.ncols() as f64;
            return Ok(Mat::from_fn(r, r, |i, p| a[(i, p)] / denominator));
        }
        let residuals = self.residuals();
        let variances: Vec<f64> =
            (0..r).map(|c| self.observed_variance(residuals.as_ref(), c)).collect();
        let mut v = Mat::from_fn(r, r, |i, p| if i == p { variances[i] } else { 0.0 });
        for _ in 0..EM_STEPS {
            let Some(imputed) = self.impute(v.as_ref())? else { break };
            let a = self.cross(coefficients);
            v = Mat::from_fn(r, r, |i, p| (a[(i, p)] + imputed.covariance[(i, p)]) / n);
        }
        Ok(v)
    }

    fn impute(&mut self, covariance: MatRef<'_, f64>) -> Result<Option<Imputed>, Error> {
        let Some(missing) = &self.missing else { return Ok(None) };
        if !self.x.is_whole() {
            self.state.residual = self.residuals();
            self.state.along.fill(0.0);
        }
        let imputed = missing.impute(self.state.residual.as_mut(), covariance)?;
        // The covariates' coefficients that are best for the completed responses: X has none of them.
        self.regress_out();
        Ok(Some(imputed))
    }
}
