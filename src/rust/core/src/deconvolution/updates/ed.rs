//! The EM update of a covariance and a mean (extreme deconvolution).
//!
//! With `G = (C - A) / q` and `g = y / q`,
//! ```text
//!   m <- m + Ug,     U <- U + U (G - gg') U,
//! ```
//! the term `gg'` only if the mean is free. The range of `U` never grows: of a matrix of rank one
//! only the scale changes.

use faer::{Mat, MatRef, Side};

use super::super::Sums;

/// `(C - A) / q`: the gradient of the log-likelihood in `U`, times `2 / q`.
pub fn gradient(sums: &Sums) -> Mat<f64> {
    Mat::from_fn(sums.a.nrows(), sums.a.ncols(), |i, c| (sums.c[(i, c)] - sums.a[(i, c)]) / sums.q)
}

/// `U + U (G - gg') U`, symmetric.
pub fn covariance(u: MatRef<'_, f64>, sums: &Sums, free_mean: bool) -> Mat<f64> {
    let inner = u * centred(sums, free_mean) * u;
    Mat::from_fn(u.nrows(), u.ncols(), |i, c| u[(i, c)] + 0.5 * (inner[(i, c)] + inner[(c, i)]))
}

/// The same for a factor of `U = FF'`: a factor of the new `U`, of the same shape, which therefore
/// is positive semi-definite and has no more than the rank of `U`, whatever the rounding.
pub fn factor(f: MatRef<'_, f64>, sums: &Sums, free_mean: bool) -> Mat<f64> {
    let rank = f.ncols();
    let mut inner = f.transpose() * centred(sums, free_mean) * f;
    for i in 0..rank {
        inner[(i, i)] += 1.0;
        for c in 0..i {
            let value = 0.5 * (inner[(i, c)] + inner[(c, i)]);
            (inner[(i, c)], inner[(c, i)]) = (value, value);
        }
    }
    if let Ok(llt) = inner.llt(Side::Lower) {
        return f * llt.L();
    }
    // A direction has lost all its variance.
    match inner.self_adjoint_eigen(Side::Lower) {
        Ok(eigen) => {
            let (values, vectors) = (eigen.S().column_vector(), eigen.U());
            let root = |i: usize, c: usize| vectors[(i, c)] * values[c].max(0.0).sqrt();
            f * Mat::from_fn(rank, rank, root)
        }
        Err(_) => Mat::from_fn(f.nrows(), rank, |_, _| f64::NAN),
    }
}

/// `m + Ug`.
pub fn mean(m: &[f64], u: MatRef<'_, f64>, sums: &Sums) -> Vec<f64> {
    let step = |i: usize| (0..m.len()).map(|c| u[(i, c)] * sums.y[c]).sum::<f64>() / sums.q;
    m.iter().enumerate().map(|(i, m)| m + step(i)).collect()
}

fn centred(sums: &Sums, free_mean: bool) -> Mat<f64> {
    let mut g = gradient(sums);
    if free_mean {
        let y = |i: usize| sums.y[i] / sums.q;
        for c in 0..g.ncols() {
            for i in 0..g.nrows() {
                g[(i, c)] -= y(i) * y(c);
            }
        }
    }
    g
}
