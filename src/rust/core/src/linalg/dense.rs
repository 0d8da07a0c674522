//! Products and eigenvalues of matrices of a few dozen rows, on the calling thread.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par, Side};

/// `AB`.
pub fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(out.as_mut(), Accum::Replace, a, b, 1.0, Par::Seq);
    out
}

/// `AUA'` of a symmetric `U`, exactly symmetric.
pub fn congruence(a: MatRef<'_, f64>, u: MatRef<'_, f64>) -> Mat<f64> {
    symmetric(product(product(a, u).as_ref(), a.transpose()).as_ref())
}

/// The mean of a matrix and its transpose.
pub fn symmetric(a: MatRef<'_, f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, p| 0.5 * (a[(i, p)] + a[(p, i)]))
}

/// The trace of `AB` for symmetric `A` and `B`.
pub fn trace_product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> f64 {
    (0..a.ncols()).map(|p| (0..a.nrows()).map(|i| a[(i, p)] * b[(i, p)]).sum::<f64>()).sum()
}

/// Eigenvalues, ascending, and eigenvectors of a symmetric matrix; `None` if it is not finite.
pub fn eigen(a: MatRef<'_, f64>) -> Option<(Vec<f64>, Mat<f64>)> {
    let found = a.self_adjoint_eigen(Side::Lower).ok()?;
    let values: Vec<f64> = found.S().column_vector().iter().copied().collect();
    values.iter().all(|v| v.is_finite()).then(|| (values, found.U().to_owned()))
}

/// `Q diag(values) Q'`.
pub fn from_eigen(values: &[f64], q: MatRef<'_, f64>) -> Mat<f64> {
    let scaled = Mat::from_fn(q.nrows(), q.ncols(), |i, p| q[(i, p)] * values[p]);
    symmetric(product(scaled.as_ref(), q.transpose()).as_ref())
}

/// The inverse of a symmetric positive definite matrix, never of a prior covariance; `None` if it is
/// not positive definite.
pub fn spd_inverse(a: MatRef<'_, f64>) -> Option<Mat<f64>> {
    let (w, _) = super::psd::whitener(a)?;
    Some(symmetric(product(w.transpose(), w.as_ref()).as_ref()))
}
