//! Moments of pairs of conditions, each over the units that have both.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

use crate::Error;

/// Moments of pairs, R by R.
#[derive(Debug, Clone)]
pub struct Moments {
    /// Units that count for both conditions.
    pub n: Mat<f64>,
    /// Covariances over these.
    pub covariance: Mat<f64>,
    /// Variances of the first condition over these: not symmetric.
    pub variance: Mat<f64>,
}

impl Moments {
    /// Correlations; zero where a condition does not vary.
    pub fn correlation(&self) -> Mat<f64> {
        let r = self.n.nrows();
        Mat::from_fn(r, r, |a, b| if a == b { 1.0 } else { self.pair(a, b) })
    }

    /// The correlation of one pair.
    pub fn pair(&self, a: usize, b: usize) -> f64 {
        let spread = (self.variance[(a, b)] * self.variance[(b, a)]).sqrt();
        if spread > 0.0 { self.covariance[(a, b)] / spread } else { 0.0 }
    }
}

/// The moments of the cells of `z` (J by R) that count: those where `inside` is one. The others are zero
/// there.
///
/// # Errors
/// Tables of other shapes.
pub fn pairwise_moments(z: MatRef<'_, f64>, inside: MatRef<'_, f64>) -> Result<Moments, Error> {
    if z.nrows() != inside.nrows() || z.ncols() != inside.ncols() {
        let (expected, found) = (z.nrows() * z.ncols(), inside.nrows() * inside.ncols());
        return Err(Error::Shape { name: "inside", expected, found });
    }
    let r = z.ncols();
    let value = |i: usize, c: usize| if inside[(i, c)] == 1.0 { z[(i, c)] } else { 0.0 };
    let values = Mat::from_fn(z.nrows(), r, value);
    let squares = Mat::from_fn(z.nrows(), r, |i, c| values[(i, c)] * values[(i, c)]);
    let cross = |a: MatRef<'_, f64>, b: MatRef<'_, f64>| {
        let mut out = Mat::zeros(r, r);
        matmul(out.as_mut(), Accum::Replace, a.transpose(), b, 1.0, Par::Seq);
        out
    };
    let n = cross(inside, inside);
    let sums = cross(values.as_ref(), inside);
    let (products, squares) =
        (cross(values.as_ref(), values.as_ref()), cross(squares.as_ref(), inside));
    let mean = |a: usize, b: usize| sums[(a, b)] / n[(a, b)].max(1.0);
    let moment = |total: f64, a: usize, b: usize, product: f64| {
        (total - n[(a, b)] * product) / (n[(a, b)] - 1.0).max(1.0)
    };
    let covariance =
        Mat::from_fn(r, r, |a, b| moment(products[(a, b)], a, b, mean(a, b) * mean(b, a)));
    let variance =
        Mat::from_fn(r, r, |a, b| moment(squares[(a, b)], a, b, mean(a, b) * mean(a, b)));
    Ok(Moments { n, covariance, variance })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;

    #[test]
    fn moments_are_those_of_the_rows_that_have_both() {
        let (j, r) = (40, 4);
        let values = random(3, 2 * j * r);
        let z = Mat::from_fn(j, r, |i, c| values[i * r + c]);
        let has = |i: usize, c: usize| c != 3 && values[j * r + i * r + c] > -0.7;
        let inside = Mat::from_fn(j, r, |i, c| f64::from(u8::from(has(i, c))));
        let found = pairwise_moments(z.as_ref(), inside.as_ref()).unwrap();
        for a in 0..3 {
            for b in 0..3 {
                let rows: Vec<usize> = (0..j).filter(|&i| has(i, a) && has(i, b)).collect();
                let n = rows.len() as f64;
                let mean = |c: usize| rows.iter().map(|&i| z[(i, c)]).sum::<f64>() / n;
                let (ma, mb) = (mean(a), mean(b));
                let sum = |c: usize, m: f64, d: usize, k: f64| {
                    rows.iter().map(|&i| (z[(i, c)] - m) * (z[(i, d)] - k)).sum::<f64>() / (n - 1.0)
                };
                let want = sum(a, ma, b, mb);
                assert_eq!(found.n[(a, b)], n);
                assert!((found.covariance[(a, b)] - want).abs() < 1e-12);
                assert!((found.variance[(a, b)] - sum(a, ma, a, ma)).abs() < 1e-12);
                let scale = (sum(a, ma, a, ma) * sum(b, mb, b, mb)).sqrt();
                assert!((found.correlation()[(a, b)] - want / scale).abs() < 1e-12);
            }
        }
        // A condition without any value.
        assert_eq!((found.n[(3, 0)], found.correlation()[(3, 0)]), (0.0, 0.0));
        assert!(pairwise_moments(z.as_ref(), inside.subrows(0, 3)).is_err());
    }
}
