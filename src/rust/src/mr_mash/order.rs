//! The order of updates.

use extendr_api::prelude::*;
use faer::{Mat, MatRef};

use crate::write::table;

/// The predictors in the order of updates, and the way back to their own.
pub struct Order(pub Vec<usize>);

impl Order {
    /// Rows of `values`, r by p in the order of updates, as a p by r matrix of R.
    pub fn by_predictor(&self, values: &Mat<f64>) -> RMatrix<f64> {
        let mut place = vec![0; self.0.len()];
        self.0.iter().enumerate().for_each(|(at, &p)| place[p] = at);
        table(values.ncols(), values.nrows(), |p, i| values[(i, place[p])])
    }

    /// A p by r matrix of R the other way round.
    pub fn arrange(&self, values: MatRef<'_, f64>) -> Mat<f64> {
        Mat::from_fn(values.ncols(), self.0.len(), |i, at| values[(self.0[at], i)])
    }

    /// Numbers of the predictors, in their own order.
    pub fn place(&self, values: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.0.len()];
        self.0.iter().zip(values).for_each(|(&p, v)| out[p] = *v);
        out
    }
}
