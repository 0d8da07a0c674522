//! The columns of X and Y as they are analysed.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use crate::Error;

/// Columns centred and scaled.
#[derive(Debug)]
pub struct Columns {
    /// The matrix.
    pub values: Mat<f64>,
    /// What was subtracted: the means, or zeros.
    pub mean: Vec<f64>,
    /// What was divided by: standard deviations, or ones.
    pub scale: Vec<f64>,
}

/// Centre the columns of an n by p matrix if there is an intercept, and bring them to unit variance
/// if asked. A column without variance is an error that names it.
pub fn columns(x: MatRef<'_, f64>, intercept: bool, standardize: bool) -> Result<Columns, Error> {
    let (n, p) = (x.nrows(), x.ncols());
    let one = |j: usize| {
        let column = || x.col(j).iter();
        let mean = if intercept { column().sum::<f64>() / n as f64 } else { 0.0 };
        let square: f64 = column().map(|x| (x - mean).powi(2)).sum();
        (mean, (square / (n as f64 - 1.0)).sqrt())
    };
    let moments: Vec<(f64, f64)> = (0..p).into_par_iter().map(one).collect();
    if let Some(j) = moments.iter().position(|(_, sd)| sd.is_nan() || *sd <= 0.0) {
        return Err(Error::Value { name: "X", why: format!("is constant in column {}", j + 1) });
    }
    let mean: Vec<f64> = moments.iter().map(|m| m.0).collect();
    let scale: Vec<f64> = moments.iter().map(|m| if standardize { m.1 } else { 1.0 }).collect();
    let values = Mat::from_fn(n, p, |i, j| (x[(i, j)] - mean[j]) / scale[j]);
    Ok(Columns { values, mean, scale })
}
