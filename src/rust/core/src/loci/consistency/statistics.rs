//! What z-scores say of one another. Under no matter which small effects `z ~ N(0, C)` with
//! `C = (1 - s) R + s I`, where s is near zero if R is the correlation of the samples of z.
//!
//! The likelihood of every s comes from one reduction of R to a band. What each z-score is expected to
//! be given the others needs the diagonal of `C^{-1}`: a Cholesky factor for each s that is used.

use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{Mat, MatRef, Par, Side};
use rayon::prelude::*;

use crate::linalg::band::Band;
use crate::linalg::search::maximum;
use crate::linalg::tiled::{cholesky, inverse_diagonal};
use crate::{Error, Monitor};

/// What correlations say about z-scores.
#[derive(Debug, Clone)]
pub struct Agreement {
    /// The maximum-likelihood `s` of each column of z-scores, between 0 and 1.
    pub s: Vec<f64>,
    /// Expectation of each z-score given the others of its column.
    pub expected: Mat<f64>,
    /// Its variance given the others.
    pub variance: Mat<f64>,
    /// The correlations, if they had negative eigenvalues beyond rounding: these are zero then, and the
    /// diagonal is one.
    pub repaired: Option<Mat<f64>>,
    /// The smallest eigenvalue of the correlations that were given.
    pub least: f64,
}

/// The least `s` at which z-scores are predicted from one another: R may be singular.
const LEAST: f64 = 1e-4;

/// The least `s` that is told from zero.
const FIRST: f64 = 1e-8;

/// How well columns of z-scores agree with correlations.
///
/// # Errors
/// A matrix without eigenvalues; `Error::Interrupted`.
pub fn agreement(
    z: MatRef<'_, f64>,
    r: MatRef<'_, f64>,
    monitor: &Monitor,
) -> Result<Agreement, Error> {
    let (p, conditions) = (z.nrows(), z.ncols());
    let band = Band::new(r.to_owned(), z.to_owned(), monitor)?;
    let least = band.least_eigenvalue();
    // The correlations add up to p, which the largest eigenvalue cannot exceed.
    let rounding = f64::EPSILON * (p * p) as f64;
    let repaired = if least < -rounding { Some(repair(r)?.0) } else { None };
    let (band, r) = match &repaired {
        None => (band, r),
        Some(fixed) => (Band::new(fixed.clone(), z.to_owned(), monitor)?, fixed.as_ref()),
    };
    let s = most_likely(&band, conditions);
    let used = |c: usize| s[c].max(LEAST);
    let mut expected = Mat::zeros(p, conditions);
    let mut variance = Mat::zeros(p, conditions);
    let mut last: Option<(f64, Mat<f64>, Vec<f64>)> = None;
    let mut order: Vec<usize> = (0..conditions).collect();
    order.sort_by(|&a, &b| used(a).total_cmp(&used(b)));
    for c in order {
        let known = last.take().filter(|(at, ..)| *at == used(c));
        let (at, factor, diagonal) = match known {
            Some(known) => known,
            None => factored(r, used(c), monitor)?,
        };
        let mut solved = Mat::from_fn(p, 1, |i, _| z[(i, c)]);
        solve_lower_triangular_in_place(factor.as_ref(), solved.as_mut(), Par::Seq);
        solve_upper_triangular_in_place(factor.transpose(), solved.as_mut(), Par::Seq);
        for i in 0..p {
            variance[(i, c)] = 1.0 / diagonal[i];
            expected[(i, c)] = z[(i, c)] - solved[(i, 0)] / diagonal[i];
        }
        last = Some((at, factor, diagonal));
    }
    let least = if repaired.is_none() { least.max(0.0) } else { least };
    Ok(Agreement { s, expected, variance, repaired, least })
}

/// The most likely s of each column.
fn most_likely(band: &Band, columns: usize) -> Vec<f64> {
    let log_likelihood = |log_s: f64| -> Vec<f64> {
        let s = log_s.exp();
        match band.normal(1.0 - s, s) {
            Some((log_det, squares)) => squares.iter().map(|q| -log_det - q).collect(),
            None => vec![f64::NEG_INFINITY; columns],
        }
    };
    let grid: Vec<f64> = (0..=64).map(|i| FIRST.ln() * (1.0 - f64::from(i) / 64.0)).collect();
    let values: Vec<Vec<f64>> = grid.par_iter().map(|&at| log_likelihood(at)).collect();
    let one = |c: usize| {
        let known = |at: f64| grid.iter().position(|g| *g == at).map(|i| values[i][c]);
        let f = |at: f64| known(at).unwrap_or_else(|| log_likelihood(at)[c]);
        let s = maximum(f, &grid, 1e-7).at.exp();
        if s < 2.0 * FIRST { 0.0 } else { s }
    };
    (0..columns).into_par_iter().map(one).collect()
}

/// s, the Cholesky factor of C, and the diagonal of its inverse.
fn factored(
    r: MatRef<'_, f64>,
    s: f64,
    monitor: &Monitor,
) -> Result<(f64, Mat<f64>, Vec<f64>), Error> {
    let p = r.nrows();
    let mut c = Mat::zeros(p, p);
    for j in 0..p {
        (j..p).for_each(|i| c[(i, j)] = (1.0 - s) * r[(i, j)]);
        c[(j, j)] += s;
    }
    if !cholesky(c.as_mut(), monitor)? {
        return Err(Error::Value { name: "R", why: "is no correlation matrix".into() });
    }
    let diagonal = inverse_diagonal(c.as_ref(), monitor)?;
    Ok((s, c, diagonal))
}

/// Correlations that are a correlation matrix: negative eigenvalues become zero, the diagonal one.
/// Also the smallest eigenvalue before.
///
/// # Errors
/// A matrix without eigenvalues.
pub fn repair(r: MatRef<'_, f64>) -> Result<(Mat<f64>, f64), Error> {
    let why = || Error::Value { name: "R", why: "has no eigenvalues".into() };
    let eigen = r.self_adjoint_eigen(Side::Lower).map_err(|_| why())?;
    let (values, vectors) = (eigen.S().column_vector(), eigen.U());
    let p = r.nrows();
    if values[0] >= 0.0 {
        return Ok((r.to_owned(), values[0]));
    }
    let half = Mat::from_fn(p, p, |i, k| vectors[(i, k)] * values[k].max(0.0).sqrt());
    let fixed = &half * half.transpose();
    let sd: Vec<f64> = (0..p).map(|i| fixed[(i, i)].max(f64::MIN_POSITIVE).sqrt()).collect();
    let out = Mat::from_fn(p, p, |i, j| if i == j { 1.0 } else { fixed[(i, j)] / (sd[i] * sd[j]) });
    Ok((out, values[0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::linalg::solvers::Solve;

    #[test]
    fn predictions_are_conditional_normals() {
        let p = 6;
        let r = Mat::from_fn(p, p, |i, j| 0.7_f64.powi((i as i32 - j as i32).abs()));
        // Of the second column the first four contradict one another, so that s is another.
        let z = [[3.0, 2.5, -1.0, 1.2, 0.3, 0.1], [3.0, -2.5, 3.1, -1.2, 0.3, 0.1]];
        let columns = Mat::from_fn(p, 2, |i, c| z[c][i]);
        let got = agreement(columns.as_ref(), r.as_ref(), &Monitor::default()).unwrap();
        assert!(got.repaired.is_none() && got.s[1] > got.s[0] + 0.1);
        let least = r.self_adjoint_eigenvalues(Side::Lower).unwrap()[0];
        assert!((got.least - least).abs() < 1e-12);
        for (c, z) in z.iter().enumerate() {
            let s = got.s[c].max(LEAST);
            let noise =
                Mat::from_fn(p, p, |i, j| (1.0 - s) * r[(i, j)] + if i == j { s } else { 0.0 });
            for i in 0..p {
                let rest: Vec<usize> = (0..p).filter(|&j| j != i).collect();
                let part = Mat::from_fn(p - 1, p - 1, |a, b| noise[(rest[a], rest[b])]);
                let cross = Mat::from_fn(p - 1, 1, |a, _| noise[(rest[a], i)]);
                let w = part.llt(Side::Lower).unwrap().solve(&cross);
                let mean: f64 = (0..p - 1).map(|a| w[(a, 0)] * z[rest[a]]).sum();
                let variance = noise[(i, i)] - (cross.transpose() * &w)[(0, 0)];
                assert!((got.expected[(i, c)] - mean).abs() < 1e-10);
                assert!((got.variance[(i, c)] - variance).abs() < 1e-10);
            }
            // No other s is better.
            let loss = |s: f64| {
                let c =
                    Mat::from_fn(p, p, |i, j| (1.0 - s) * r[(i, j)] + if i == j { s } else { 0.0 });
                let z = Mat::from_fn(p, 1, |i, _| z[i]);
                let solved = c.llt(Side::Lower).unwrap().solve(&z);
                c.determinant().ln() + (z.transpose() * solved)[(0, 0)]
            };
            for step in [-1e-3, 1e-3] {
                assert!(loss((got.s[c] + step).clamp(0.0, 1.0)) >= loss(got.s[c]) - 1e-9);
            }
        }
    }

    #[test]
    fn a_repaired_matrix_is_a_correlation_matrix() {
        let r = Mat::from_fn(3, 3, |i, j| match (i, j) {
            (0, 2) | (2, 0) => -0.9,
            _ if i == j => 1.0,
            _ => 0.9,
        });
        let z = Mat::full(3, 1, 1.0);
        let found = agreement(z.as_ref(), r.as_ref(), &Monitor::default()).unwrap();
        assert!(found.least < -0.1);
        let fixed = found.repaired.unwrap();
        let values = fixed.self_adjoint_eigenvalues(Side::Lower).unwrap();
        assert!(values[0] > -1e-12);
        assert!((0..3).all(|i| fixed[(i, i)] == 1.0));
        // A singular one is left as it is: rounding is not repaired.
        let one = Mat::full(3, 3, 1.0);
        let found = agreement(z.as_ref(), one.as_ref(), &Monitor::default()).unwrap();
        assert!(found.repaired.is_none() && found.least < 1e-12);
    }
}
