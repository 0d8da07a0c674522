//! Rows whose outcomes are observed in part: the likelihood of a row is that of its observed cells.
//!
//! A row with observed cells `o` has precision `P_i = (V_oo)^{-1}`, zero elsewhere; rows with the same
//! cells share it. Each condition has coefficients of its own of a basis `w_i` of the covariates (ones,
//! for an intercept), and they are integrated out under a flat prior. With
//! ```text
//!   A = sum_i w_i w_i' (x) P_i,   m = A^{-1} sum_i w_i (x) P_i r_i,   B = sum_i x_i w_i (x) P_i,
//! ```
//! what residuals `r` say of an effect `b` at a predictor `x` is
//! ```text
//!   score = sum_i x_i P_i (r_i - (w_i' (x) I) m),   N^{-1} = sum_i x_i^2 P_i - B' A^{-1} B,
//! ```
//! and `m` are the coefficients of the basis themselves, by generalised least squares. Rows with the
//! same cells need few sums for each predictor.

use std::collections::BTreeMap;

use faer::{Mat, MatRef};

use crate::Error;
use crate::linalg::dense::{product, spd_inverse};
use crate::linalg::psd;
use crate::normal_means::problem::LOG_2_PI;

/// Rows by which of their cells are missing (NaN).
pub fn by_missing(y: MatRef<'_, f64>) -> BTreeMap<Vec<bool>, Vec<usize>> {
    let mut rows: BTreeMap<Vec<bool>, Vec<usize>> = BTreeMap::new();
    for i in 0..y.nrows() {
        let missing = y.row(i).iter().map(|y| y.is_nan()).collect();
        rows.entry(missing).or_default().push(i);
    }
    rows
}

/// Rows with the same observed cells.
#[derive(Debug)]
struct Pattern {
    rows: Vec<usize>,
    precision: Mat<f64>,
}

/// The observed cells of all rows, and what the basis leaves of them.
#[derive(Debug)]
pub struct Observed {
    patterns: Vec<Pattern>,
    /// n by q.
    basis: Mat<f64>,
    /// `A^{-1}`: conditions within columns of the basis.
    inverse: Mat<f64>,
    constant: f64,
}

impl Observed {
    /// From outcomes with NaN where they are not observed, and their covariance.
    ///
    /// # Errors
    /// `v` is not positive definite; a condition without observations, if there is a basis.
    pub fn new(y: MatRef<'_, f64>, v: MatRef<'_, f64>, basis: Mat<f64>) -> Result<Self, Error> {
        let (r, q) = (y.ncols(), basis.ncols());
        let mut constant = 0.0;
        let mut patterns = Vec::new();
        for (missing, rows) in by_missing(y) {
            let o: Vec<usize> = (0..r).filter(|&c| !missing[c]).collect();
            let part = Mat::from_fn(o.len(), o.len(), |i, c| v[(o[i], o[c])]);
            let mut precision = Mat::zeros(r, r);
            if !o.is_empty() {
                let Some((w, log_det)) = psd::whitener(part.as_ref()) else {
                    return Err(Error::NotPsd { name: "`V`".into(), eigenvalue: f64::NAN });
                };
                let inverse = w.transpose() * &w;
                for (i, &a) in o.iter().enumerate() {
                    for (c, &b) in o.iter().enumerate() {
                        precision[(a, b)] = inverse[(i, c)];
                    }
                }
                constant -= 0.5 * rows.len() as f64 * (o.len() as f64 * LOG_2_PI + log_det);
            }
            patterns.push(Pattern { rows, precision });
        }
        let mut along = Mat::<f64>::zeros(q * r, q * r);
        for Pattern { rows, precision } in &patterns {
            for a in 0..q {
                for b in 0..q {
                    let sum: f64 = rows.iter().map(|&i| basis[(i, a)] * basis[(i, b)]).sum();
                    let mut block = along.as_mut().submatrix_mut(a * r, b * r, r, r);
                    block += precision * sum;
                }
            }
        }
        let inverse = match q {
            0 => along,
            _ => spd_inverse(along.as_ref()).ok_or(Error::SingularNoise { unit: 0 })?,
        };
        Ok(Self { patterns, basis, inverse, constant })
    }

    /// The normalising constants of all rows.
    pub fn constant(&self) -> f64 {
        self.constant
    }

    /// `P_i r_i`, row by row; cells that are not observed do not count.
    fn weigh(&self, residual: &Mat<f64>) -> Mat<f64> {
        let r = residual.ncols();
        let mut out = Mat::zeros(residual.nrows(), r);
        for Pattern { rows, precision } in &self.patterns {
            for &i in rows {
                for c in 0..r {
                    let dot = |total: f64, b: usize| total + precision[(c, b)] * residual[(i, b)];
                    out[(i, c)] = (0..r).fold(0.0, dot);
                }
            }
        }
        out
    }

    /// `m`, q by R, from `P_i r_i`.
    fn level_of(&self, weighted: &Mat<f64>) -> Mat<f64> {
        let (r, q) = (weighted.ncols(), self.basis.ncols());
        let sums = product(weighted.transpose(), self.basis.as_ref());
        let stacked = Mat::from_fn(q * r, 1, |k, _| sums[(k % r, k / r)]);
        let found = product(self.inverse.as_ref(), stacked.as_ref());
        Mat::from_fn(q, r, |a, c| found[(a * r + c, 0)])
    }

    /// The coefficients of the basis, q by R, that residuals have.
    pub fn level(&self, residual: &Mat<f64>) -> Mat<f64> {
        self.level_of(&self.weigh(residual))
    }

    /// `P_i (r_i - (w_i' (x) I) m)`, row by row.
    pub fn weighted(&self, residual: &Mat<f64>) -> Mat<f64> {
        let mut out = self.weigh(residual);
        if self.basis.ncols() > 0 {
            let level = self.level_of(&out);
            out -= self.weigh(&product(self.basis.as_ref(), level.as_ref()));
        }
        out
    }

    /// `N^{-1}` of a predictor.
    pub fn precision(&self, x: &[f64]) -> Mat<f64> {
        let (r, q) = (self.patterns[0].precision.nrows(), self.basis.ncols());
        let (mut square, mut along) = (Mat::<f64>::zeros(r, r), Mat::<f64>::zeros(q * r, r));
        for Pattern { rows, precision } in &self.patterns {
            let squares: f64 = rows.iter().map(|&i| x[i] * x[i]).sum();
            square += precision * squares;
            for a in 0..q {
                let sum: f64 = rows.iter().map(|&i| x[i] * self.basis[(i, a)]).sum();
                let mut block = along.as_mut().subrows_mut(a * r, r);
                block += precision * sum;
            }
        }
        let explained = product(self.inverse.as_ref(), along.as_ref());
        square - product(along.transpose(), explained.as_ref())
    }
}

/// What a predictor says alone, from its precision and its score: estimates (NaN where it says
/// nothing), standard errors and their correlation, by columns. None if its noise is singular.
pub fn alone(precision: &Mat<f64>, score: &[f64]) -> Option<[Vec<f64>; 3]> {
    let r = score.len();
    let largest = (0..r).map(|c| precision[(c, c)]).fold(0.0, f64::max);
    let o: Vec<usize> = (0..r).filter(|&c| precision[(c, c)] > 1e-12 * largest).collect();
    let part = Mat::from_fn(o.len(), o.len(), |i, c| precision[(o[i], o[c])]);
    let s = spd_inverse(part.as_ref())?;
    let (mut x, mut sd, mut v) = (vec![f64::NAN; r], vec![1.0; r], vec![0.0; r * r]);
    (0..r).for_each(|c| v[c * r + c] = 1.0);
    for (i, &a) in o.iter().enumerate() {
        x[a] = o.iter().enumerate().map(|(c, &b)| s[(i, c)] * score[b]).sum();
        sd[a] = s[(i, i)].sqrt();
        for (c, &b) in o.iter().enumerate() {
            if i != c {
                v[a * r + b] = s[(i, c)] / (s[(i, i)] * s[(c, c)]).sqrt();
            }
        }
    }
    Some([x, sd, v])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{random, solve};

    /// All observed cells in one regression: the predictor and the basis of each condition.
    #[test]
    fn what_a_predictor_says_is_generalised_least_squares_on_all_observed_cells() {
        let (n, r) = (14, 3);
        let u = random(3, n * r);
        let missing = |i: usize, c: usize| (i + 2 * c) % 5 == 0 || (i == 7 && c < 2) || i == 11;
        let y = Mat::from_fn(n, r, |i, c| if missing(i, c) { f64::NAN } else { u[i * r + c] });
        let v = Mat::from_fn(r, r, |i, c| if i == c { 1.0 + 0.3 * i as f64 } else { 0.4 });
        let x: Vec<f64> = random(4, n);
        let z = random(5, n);
        for q in 0..3 {
            let basis = Mat::from_fn(n, q, |i, a| if a == 0 { 1.0 } else { z[i] });
            let size = (1 + q) * r;
            let (mut gram, mut right) = (vec![0.0; size * size], vec![0.0; size]);
            for i in 0..n {
                let o: Vec<usize> = (0..r).filter(|&c| !missing(i, c)).collect();
                let k = o.len();
                let mut part: Vec<f64> =
                    (0..k * k).map(|t| v[(o[t / k.max(1)], o[t % k.max(1)])]).collect();
                let mut p: Vec<f64> =
                    (0..k * k).map(|t| f64::from(u8::from(t / k == t % k))).collect();
                solve(k, &mut part, k, &mut p);
                let row = |a: usize| if a == 0 { x[i] } else { basis[(i, a - 1)] };
                for (s, &c) in o.iter().enumerate() {
                    for (t, &d) in o.iter().enumerate() {
                        for a in 0..=q {
                            right[a * r + c] += row(a) * p[s * k + t] * y[(i, d)];
                            for b in 0..=q {
                                gram[(a * r + c) * size + b * r + d] +=
                                    row(a) * row(b) * p[s * k + t];
                            }
                        }
                    }
                }
            }
            let mut inverse: Vec<f64> =
                (0..size * size).map(|t| f64::from(u8::from(t / size == t % size))).collect();
            solve(size, &mut gram, size, &mut inverse);
            let fitted =
                |t: usize| (0..size).map(|s| inverse[t * size + s] * right[s]).sum::<f64>();

            let cells = Observed::new(y.as_ref(), v.as_ref(), basis).unwrap();
            let known = Mat::from_fn(n, r, |i, c| if missing(i, c) { 0.0 } else { y[(i, c)] });
            let weighted = cells.weighted(&known);
            let score: Vec<f64> =
                (0..r).map(|c| (0..n).map(|i| x[i] * weighted[(i, c)]).sum()).collect();
            let [b, sd, correlation] = alone(&cells.precision(&x), &score).unwrap();
            let left = Mat::from_fn(n, r, |i, c| known[(i, c)] - x[i] * b[c]);
            let level = cells.level(&left);
            for c in 0..r {
                assert!((b[c] - fitted(c)).abs() < 1e-11, "{q} {c}");
                assert!((sd[c] * sd[c] - inverse[c * size + c]).abs() < 1e-11, "{q} {c}");
                let cross = correlation[c] * sd[0] * sd[c];
                assert!((cross - inverse[c]).abs() < 1e-11, "{q} {c}");
                (0..q).for_each(|a| {
                    assert!((level[(a, c)] - fitted((1 + a) * r + c)).abs() < 1e-11, "{q} {c}");
                });
            }
        }
    }
}
