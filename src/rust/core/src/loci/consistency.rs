//! Whether z-scores and correlations can belong together: under no matter which small effects,
//! `z ~ N(0, (1 - s) R + s I)` with `s` near zero if R is the correlation of the samples of z.

use faer::{Mat, MatRef, Side};

use crate::Error;
use crate::linalg::search::maximum;

/// What the eigenvectors of R say about z-scores.
#[derive(Debug, Clone)]
pub struct Consistency {
    /// The maximum-likelihood `s`, between 0 and 1.
    pub s: f64,
    /// Expectation of each z-score given the others.
    pub expected: Vec<f64>,
    /// Its variance given the others.
    pub variance: Vec<f64>,
}

/// The least `s` at which z-scores are predicted from one another: R may be singular.
const LEAST: f64 = 1e-4;

/// The least `s` that is told from zero.
const FIRST: f64 = 1e-8;

/// Correlations that are a correlation matrix: negative eigenvalues become zero, the diagonal one.
/// Also the smallest eigenvalue before.
pub fn repair(r: MatRef<'_, f64>) -> Result<(Mat<f64>, f64), Error> {
    let (values, vectors) = eigen(r)?;
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

fn eigen(r: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>), Error> {
    let why = || Error::Value { name: "R", why: "has no eigenvalues".into() };
    let eigen = r.self_adjoint_eigen(Side::Lower).map_err(|_| why())?;
    Ok((eigen.S().column_vector().iter().copied().collect(), eigen.U().to_owned()))
}

/// Estimate `s`, and predict every z-score from the others.
pub fn consistency(z: &[f64], r: MatRef<'_, f64>) -> Result<Consistency, Error> {
    let (values, vectors) = eigen(r)?;
    let p = z.len();
    let rotated: Vec<f64> = (0..p).map(|k| (0..p).map(|i| vectors[(i, k)] * z[i]).sum()).collect();
    let lambda: Vec<f64> = values.iter().map(|l| l.max(0.0)).collect();
    let loss = |s: f64| -> f64 {
        let term = |(l, y): (&f64, &f64)| {
            let v = (1.0 - s) * l + s;
            v.ln() + y * y / v
        };
        lambda.iter().zip(&rotated).map(term).sum()
    };
    let grid: Vec<f64> = (0..=64).map(|i| FIRST.ln() * (1.0 - f64::from(i) / 64.0)).collect();
    let s = maximum(|log_s| -loss(log_s.exp()), &grid, 1e-7).at.exp();
    let s = if s < 2.0 * FIRST { 0.0 } else { s };
    let used = s.max(LEAST);
    let inverse: Vec<f64> = lambda.iter().map(|l| 1.0 / ((1.0 - used) * l + used)).collect();
    let (mut expected, mut variance) = (vec![0.0; p], vec![0.0; p]);
    for i in 0..p {
        let (mut diagonal, mut product) = (0.0, 0.0);
        for k in 0..p {
            let u = vectors[(i, k)] * inverse[k];
            diagonal += u * vectors[(i, k)];
            product += u * rotated[k];
        }
        expected[i] = z[i] - product / diagonal;
        variance[i] = 1.0 / diagonal;
    }
    Ok(Consistency { s, expected, variance })
}

#[cfg(test)]
mod tests {
    use super::*;
    use faer::linalg::solvers::Solve;

    #[test]
    fn predictions_are_conditional_normals() {
        let p = 6;
        let r = Mat::from_fn(p, p, |i, j| 0.7_f64.powi((i as i32 - j as i32).abs()));
        let z = [3.0, 2.5, -1.0, 1.2, 0.3, 0.1];
        let got = consistency(&z, r.as_ref()).unwrap();
        let s = got.s.max(LEAST);
        let c = Mat::from_fn(p, p, |i, j| (1.0 - s) * r[(i, j)] + if i == j { s } else { 0.0 });
        for i in 0..p {
            let rest: Vec<usize> = (0..p).filter(|&j| j != i).collect();
            let part = Mat::from_fn(p - 1, p - 1, |a, b| c[(rest[a], rest[b])]);
            let cross = Mat::from_fn(p - 1, 1, |a, _| c[(rest[a], i)]);
            let w = part.llt(Side::Lower).unwrap().solve(&cross);
            let mean: f64 = (0..p - 1).map(|a| w[(a, 0)] * z[rest[a]]).sum();
            let variance = c[(i, i)] - (cross.transpose() * &w)[(0, 0)];
            assert!((got.expected[i] - mean).abs() < 1e-10);
            assert!((got.variance[i] - variance).abs() < 1e-10);
        }
        // No other s is better.
        let loss = |s: f64| {
            let c = Mat::from_fn(p, p, |i, j| (1.0 - s) * r[(i, j)] + if i == j { s } else { 0.0 });
            let z = Mat::from_fn(p, 1, |i, _| z[i]);
            c.determinant().ln() + (z.transpose() * c.llt(Side::Lower).unwrap().solve(&z))[(0, 0)]
        };
        for step in [-1e-3, 1e-3] {
            assert!(loss((got.s + step).clamp(0.0, 1.0)) >= loss(got.s) - 1e-9);
        }
    }

    #[test]
    fn a_repaired_matrix_is_a_correlation_matrix() {
        let r = Mat::from_fn(3, 3, |i, j| match (i, j) {
            (0, 2) | (2, 0) => -0.9,
            _ if i == j => 1.0,
            _ => 0.9,
        });
        let (fixed, least) = repair(r.as_ref()).unwrap();
        assert!(least < -0.1);
        let values = fixed.self_adjoint_eigenvalues(Side::Lower).unwrap();
        assert!(values[0] > -1e-12);
        assert!((0..3).all(|i| fixed[(i, i)] == 1.0));
        let good = Mat::<f64>::identity(3, 3);
        assert_eq!(repair(good.as_ref()).unwrap().0, good);
    }
}
