//! Factors `U = FF'` of one positive semi-definite matrix, with its rank.
//!
//! Prior covariances may be singular or zero, so they are never inverted; every formula of the
//! package takes them as factors.

use faer::{Mat, MatRef, Side};

use super::cholesky::TRUSTED;
use crate::Error;

/// A factor `F` of `U = FF'`, rows by rank, lower trapezoidal: `F[i][c] = 0` for `c > i` when all rows
/// are in the support. Rows outside the support (zero variance) are exactly zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// The number of rows of `U`.
    pub rows: usize,
    /// The rank of `U`.
    pub rank: usize,
    /// `F` by rows.
    pub values: Vec<f64>,
    /// The rows with non-zero variance, ascending.
    pub support: Vec<usize>,
}

impl Factor {
    /// Row `i` of `F`.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.rank..(i + 1) * self.rank]
    }

    /// `F` as a matrix.
    pub fn to_mat(&self) -> Mat<f64> {
        Mat::from_fn(self.rows, self.rank, |i, c| self.values[i * self.rank + c])
    }
}

/// Eigenvalues of the correlation form below this multiple of `rows * f64::EPSILON` times the largest
/// are rounding of a singular matrix.
const RANK_TOLERANCE: f64 = 10.0;

/// A matrix is refused if its smallest eigenvalue is below minus this times its largest.
const NEGATIVE_TOLERANCE: f64 = 1e-8;

/// Factor a symmetric positive semi-definite matrix given by columns; only its lower triangle is read.
///
/// Ranks are judged after scaling to unit variances, so that they do not depend on the units of the
/// conditions. Fails with [`Error::NotPsd`], naming `name` and the smallest eigenvalue.
pub fn factor(rows: usize, matrix: &[f64], name: &str) -> Result<Factor, Error> {
    if matrix.len() != rows * rows {
        let (expected, found) = (rows * rows, matrix.len());
        return Err(Error::Shape { name: "prior covariance", expected, found });
    }
    let u = MatRef::from_column_major_slice(matrix, rows, rows);
    if let Some(i) = (0..rows * rows).find(|&i| !matrix[i].is_finite()) {
        let why = format!("of {name} is not finite at ({}, {})", i % rows + 1, i / rows + 1);
        return Err(Error::Value { name: "prior covariance", why });
    }
    let support: Vec<usize> = (0..rows).filter(|&i| u[(i, i)] > 0.0).collect();
    // A row of zero variance must be zero, and no variance may be negative.
    let zero_row = |i: usize| (0..rows).all(|p| u[(i.max(p), i.min(p))] == 0.0);
    if (0..rows).any(|i| u[(i, i)] <= 0.0 && !zero_row(i)) {
        check_psd(u, name)?;
    }
    let sd: Vec<f64> = support.iter().map(|&i| u[(i, i)].sqrt()).collect();
    let n = support.len();
    let correlation = Mat::from_fn(n, n, |i, p| {
        let (hi, lo) = (i.max(p), i.min(p));
        if i == p { 1.0 } else { u[(support[hi], support[lo])] / (sd[hi] * sd[lo]) }
    });
    let f = match well_conditioned(&correlation).or_else(|| rank_one(&correlation)) {
        Some(f) => f,
        None => {
            check_psd(u, name)?;
            by_eigenvalues(&correlation)
        }
    };
    let rank = f.ncols();
    let mut values = vec![0.0; rows * rank];
    for (i, &row) in support.iter().enumerate() {
        for c in 0..rank {
            values[row * rank + c] = sd[i] * f[(i, c)];
        }
    }
    Ok(Factor { rows, rank, values, support })
}

/// Refuse a matrix with an eigenvalue that is negative beyond rounding.
pub fn check_psd(u: MatRef<'_, f64>, name: &str) -> Result<(), Error> {
    let values = match u.self_adjoint_eigenvalues(Side::Lower) {
        Ok(values) => values,
        Err(_) => vec![f64::NAN],
    };
    let (least, largest) = (values[0], values[values.len() - 1]);
    if least >= -NEGATIVE_TOLERANCE * largest.max(0.0) {
        Ok(())
    } else {
        Err(Error::NotPsd { name: name.to_string(), eigenvalue: least })
    }
}

/// Whether a large matrix has no eigenvalue below `-slack`, without its eigenvalues.
pub fn nearly_psd(u: MatRef<'_, f64>, slack: f64) -> bool {
    let n = u.nrows();
    let mut shifted = u.to_owned();
    (0..n).for_each(|i| shifted[(i, i)] += slack);
    let scratch = &mut faer::dyn_stack::MemBuffer::new(
        faer::linalg::cholesky::llt::factor::cholesky_in_place_scratch::<f64>(
            n,
            faer::Par::Seq,
            Default::default(),
        ),
    );
    faer::linalg::cholesky::llt::factor::cholesky_in_place(
        shifted.as_mut(),
        Default::default(),
        faer::Par::Seq,
        faer::dyn_stack::MemStack::new(scratch),
        Default::default(),
    )
    .is_ok()
}

/// The first entry (row above column) that differs from its mirror image beyond rounding.
pub fn asymmetry(x: MatRef<'_, f64>) -> Option<(usize, usize)> {
    let n = x.nrows();
    let size = |i: usize, j: usize| (x[(i, i)] * x[(j, j)]).abs().sqrt();
    (0..n)
        .flat_map(|j| (j + 1..n).map(move |i| (i, j)))
        .find(|&(i, j)| (x[(i, j)] - x[(j, i)]).abs() > 1e-8 * size(i, j))
}

/// The Cholesky factor, when no pivot of the correlation form is small.
fn well_conditioned(c: &Mat<f64>) -> Option<Mat<f64>> {
    let llt = c.llt(Side::Lower).ok()?;
    let l = llt.L();
    let least = (0..c.nrows()).map(|i| l[(i, i)]).fold(f64::INFINITY, f64::min);
    // A pivot of 1e-3 is a variance of 1e-6 given the others: far from any doubt about the rank.
    (least > 1e-3)
        .then(|| Mat::from_fn(c.nrows(), c.nrows(), |i, p| if p <= i { l[(i, p)] } else { 0.0 }))
}

/// A vector of signs, when all correlations are one in absolute value.
fn rank_one(c: &Mat<f64>) -> Option<Mat<f64>> {
    let n = c.nrows();
    let tolerance = RANK_TOLERANCE * n as f64 * f64::EPSILON;
    let sign = |i: usize| if c[(i, 0)] < 0.0 { -1.0 } else { 1.0 };
    let close = |i: usize, p: usize| (c[(i, p)] - sign(i) * sign(p)).abs() <= tolerance;
    let all = n > 0 && (0..n).all(|i| (0..n).all(|p| close(i, p)));
    all.then(|| Mat::from_fn(n, 1, |i, _| sign(i)))
}

/// `Q sqrt(lambda)` over the eigenvalues that count, made lower trapezoidal by an orthogonal map.
fn by_eigenvalues(c: &Mat<f64>) -> Mat<f64> {
    let n = c.nrows();
    let Ok(eigen) = c.self_adjoint_eigen(Side::Lower) else { return Mat::zeros(n, 0) };
    let (values, vectors) = (eigen.S().column_vector(), eigen.U());
    let cut = RANK_TOLERANCE * n as f64 * f64::EPSILON * values[n - 1];
    let kept: Vec<usize> = (0..n).rev().filter(|&i| values[i] > cut).collect();
    let f = Mat::from_fn(n, kept.len(), |i, c| vectors[(i, kept[c])] * values[kept[c]].sqrt());
    let r = f.transpose().to_owned().qr().thin_R().to_owned();
    Mat::from_fn(n, kept.len(), |i, c| if c <= i { r[(c, i)] } else { 0.0 })
}

/// The lower-triangular whitener `W = L^{-1}` of a positive definite matrix `LL'`, and its
/// log-determinant.
pub fn whitener(matrix: MatRef<'_, f64>) -> Option<(Mat<f64>, f64)> {
    let n = matrix.nrows();
    let llt = matrix.llt(Side::Lower).ok()?;
    let l = llt.L();
    let mut w = Mat::<f64>::identity(n, n);
    faer::linalg::triangular_solve::solve_lower_triangular_in_place(l, w.as_mut(), faer::Par::Seq);
    let log_det = (0..n).map(|i| 2.0 * l[(i, i)].ln()).sum::<f64>();
    let ok = log_det.is_finite();
    ok.then(|| (Mat::from_fn(n, n, |i, p| if p <= i { w[(i, p)] } else { 0.0 }), log_det))
}

/// Whether no pivot of the matrix with this whitener is so small that digits were lost.
pub fn trusted(matrix: MatRef<'_, f64>, whitener: MatRef<'_, f64>) -> bool {
    (0..matrix.nrows()).all(|i| whitener[(i, i)].powi(2) * matrix[(i, i)] < TRUSTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(f: &Factor) -> Vec<f64> {
        let n = f.rows;
        let dot = |k: usize| f.row(k % n).iter().zip(f.row(k / n)).map(|(a, b)| a * b).sum();
        (0..n * n).map(dot).collect()
    }

    fn outer(vs: &[&[f64]]) -> Vec<f64> {
        let n = vs[0].len();
        (0..n * n).map(|k| vs.iter().map(|v| v[k % n] * v[k / n]).sum()).collect()
    }

    #[test]
    fn a_factor_reproduces_its_matrix_with_the_right_rank_and_support() {
        let a: &[f64] = &[1.0, -2.0, 0.5, 3.0, 1e-3];
        let b: &[f64] = &[0.3, 0.1, -1.0, 2.0, 5.0];
        let c: &[f64] = &[0.0, 0.0, 7.0, 0.0, 0.0];
        let d: &[f64] = &[0.0, 1.0, 1e4, 0.0, 2.0];
        let mut full = outer(&[a, b, c, d]);
        for i in 0..5 {
            full[i * 6] += 1.0;
        }
        let cases = [
            (outer(&[a]), 1, 5),
            (outer(&[c]), 1, 1),
            (outer(&[d]), 1, 3),
            (outer(&[a, b]), 2, 5),
            (outer(&[a, b, d]), 3, 5),
            (outer(&[c, d]), 2, 3),
            (full, 5, 5),
            (vec![0.0; 25], 0, 0),
        ];
        for (u, rank, support) in cases {
            let f = factor(5, &u, "U").unwrap();
            assert_eq!((f.rank, f.support.len()), (rank, support));
            for (k, (got, want)) in product(&f).iter().zip(&u).enumerate() {
                let size = (u[k % 5 * 6] * u[k / 5 * 6]).sqrt();
                assert!((got - want).abs() <= 1e-14 * size, "entry {k}: {got} {want}");
            }
            for i in (0..5).filter(|i| !f.support.contains(i)) {
                assert!(f.row(i).iter().all(|&v| v == 0.0));
            }
        }
    }

    #[test]
    fn the_rank_does_not_depend_on_the_units_of_the_conditions() {
        let a: &[f64] = &[1e-9, 1.0, 1e9];
        let b: &[f64] = &[1e-9, -1.0, 2e9];
        assert_eq!(factor(3, &outer(&[a, b]), "U").unwrap().rank, 2);
    }

    #[test]
    fn a_matrix_with_a_negative_eigenvalue_is_refused_by_name() {
        let cases: [&[f64]; 3] =
            [&[1.0, 2.0, 2.0, 1.0], &[0.0, 1.0, 1.0, 0.0], &[-1.0, 0.0, 0.0, 1.0]];
        for u in cases {
            let error = factor(2, u, "matrix `bad`").unwrap_err();
            assert!(
                matches!(&error, Error::NotPsd { name, eigenvalue } if name == "matrix `bad`"
                && (eigenvalue + 1.0).abs() < 1e-12),
                "{error}"
            );
        }
    }

    #[test]
    fn a_whitener_makes_its_matrix_the_identity() {
        let m = Mat::from_fn(4, 4, |i, p| if i == p { 2.0 } else { 0.3 });
        let (w, log_det) = whitener(m.as_ref()).unwrap();
        let got = &w * &m * w.transpose();
        for i in 0..4 {
            for p in 0..4 {
                assert!((got[(i, p)] - f64::from(u8::from(i == p))).abs() < 1e-14);
            }
        }
        assert!((log_det - m.determinant().ln()).abs() < 1e-13);
        assert!(whitener(Mat::<f64>::zeros(2, 2).as_ref()).is_none());
    }
}
