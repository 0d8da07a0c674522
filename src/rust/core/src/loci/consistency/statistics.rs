//! What z-scores say of one another. Under no matter which small effects `z ~ N(0, C)` with
//! `C = (1 - s) R + s I`, where s is near zero if R is the correlation of the samples of z.
//!
//! The likelihood of every s comes from one reduction of R to a band. What each z-score is expected to
//! be given the others needs the diagonal of `C^{-1}`: a Cholesky factor for each s that is used. That
//! tells the slope of the likelihood too, by which an s from a band of few digits is corrected; whether
//! eigenvalues below what such a band tells from zero are negative is seen by a factor of R itself.

use faer::linalg::triangular_solve::{
    solve_lower_triangular_in_place, solve_upper_triangular_in_place,
};
use faer::{Mat, MatRef, Par, Side};
use rayon::prelude::*;

use crate::linalg::band::Band;
use crate::linalg::search::maximum;
use crate::linalg::tiled::{cholesky, inverse_diagonal};
use crate::{Error, Monitor, memory};

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

/// Steps from the least s to one; fewer of large matrices, where each costs.
const STEPS: (usize, usize) = (64, 24);

/// An s as near as this to the most likely, in logarithms, predicts as well.
const NEAR: f64 = 1e-3;

/// How well columns of z-scores agree with correlations.
///
/// # Errors
/// A matrix without eigenvalues; `Error::Interrupted`.
pub fn agreement(
    z: MatRef<'_, f64>,
    r: MatRef<'_, f64>,
    monitor: &Monitor,
) -> Result<Agreement, Error> {
    agree(z, r, Band::new, monitor)
}

/// How a matrix is turned into a band.
type Reduce = fn(MatRef<'_, f64>, MatRef<'_, f64>, &Monitor) -> Result<Band, Error>;

fn agree(
    z: MatRef<'_, f64>,
    r: MatRef<'_, f64>,
    reduce: Reduce,
    monitor: &Monitor,
) -> Result<Agreement, Error> {
    let (p, conditions) = (z.nrows(), z.ncols());
    // A factor, what becomes the band, and what inverts the factor.
    memory::room(3 * p * p)?;
    let mut noise = Noise::new(p);
    let mut band = reduce(r, z, monitor)?;
    let mut least = band.least_eigenvalue();
    // The correlations add up to p, which the largest eigenvalue cannot exceed.
    let rounding = f64::EPSILON * (p * p) as f64;
    let negative = if band.error() > 0.0 && least <= 0.0 {
        !noise.factor(r, (1.0, rounding), monitor)?
    } else {
        least < -rounding
    };
    let mut repaired = None;
    if negative {
        let (fixed, exact) = repair(r)?;
        least = exact;
        band = reduce(fixed.as_ref(), z, monitor)?;
        repaired = Some(fixed);
    }
    let r = repaired.as_ref().map_or(r, |fixed| fixed.as_ref());
    let mut s = most_likely(&band, conditions);
    let mut expected = Mat::zeros(p, conditions);
    let mut variance = Mat::zeros(p, conditions);
    let mut order: Vec<usize> = (0..conditions).collect();
    order.sort_by(|&a, &b| s[a].total_cmp(&s[b]));
    for c in order {
        let column = z.get(.., c..c + 1);
        for _ in 0..3 {
            noise.set(r, s[c].max(LEAST), monitor)?;
            let solved = noise.solve(column);
            let step = match band.error() > 0.0 && s[c] > LEAST && s[c] < 1.0 {
                true => newton_step(&band, c, s[c], &noise, column, solved.as_ref()),
                false => 0.0,
            };
            s[c] = (s[c].ln() + step).exp().min(1.0);
            for i in 0..p {
                variance[(i, c)] = 1.0 / noise.diagonal[i];
                expected[(i, c)] = z[(i, c)] - solved[(i, 0)] / noise.diagonal[i];
            }
            if step.abs() < NEAR {
                break;
            }
        }
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
    let exact = band.error() == 0.0;
    let first = FIRST.max(band.error());
    let steps = if exact { STEPS.0 } else { STEPS.1 };
    let grid: Vec<f64> =
        (0..=steps).map(|i| first.ln() * (1.0 - i as f64 / steps as f64)).collect();
    let values: Vec<Vec<f64>> = grid.par_iter().map(|&at| log_likelihood(at)).collect();
    let one = |c: usize| {
        let known = |at: f64| grid.iter().position(|g| *g == at).map(|i| values[i][c]);
        let f = |at: f64| known(at).unwrap_or_else(|| log_likelihood(at)[c]);
        let s = maximum(f, &grid, if exact { 1e-7 } else { 1e-6 }).at.exp();
        if s < 2.0 * first { 0.0 } else { s }
    };
    (0..columns).into_par_iter().map(one).collect()
}

/// The step of `log s` to the most likely s of a column: the slope is that of doubles, the curvature
/// that of the band.
fn newton_step(
    band: &Band,
    column: usize,
    s: f64,
    noise: &Noise,
    z: MatRef<'_, f64>,
    solved: MatRef<'_, f64>,
) -> f64 {
    // dC/ds = I - R = (I - C) / (1 - s).
    let sum = |f: &dyn Fn(usize) -> f64| (0..z.nrows()).map(f).sum::<f64>();
    let of_log_det = sum(&|i| noise.diagonal[i] - 1.0);
    let of_squares = sum(&|i| solved[(i, 0)] * (z[(i, 0)] - solved[(i, 0)]));
    let slope = -s * (of_log_det + of_squares) / (1.0 - s);
    let width = 0.1;
    let value = |by: f64| {
        let s = s * (by * width).exp();
        band.normal(1.0 - s, s).map_or(f64::NAN, |(log_det, squares)| -log_det - squares[column])
    };
    let curvature = (value(-1.0) - 2.0 * value(0.0) + value(1.0)) / (width * width);
    if curvature < 0.0 { (-slope / curvature).clamp(-0.5, 0.5) } else { 0.0 }
}

/// `C = (1 - s) R + s I`: its Cholesky factor, and the diagonal of its inverse.
struct Noise {
    factor: Mat<f64>,
    diagonal: Vec<f64>,
    s: f64,
}

impl Noise {
    fn new(p: usize) -> Self {
        Self { factor: Mat::zeros(p, p), diagonal: Vec::new(), s: f64::NAN }
    }

    /// For an s, unless it is that already.
    fn set(&mut self, r: MatRef<'_, f64>, s: f64, monitor: &Monitor) -> Result<(), Error> {
        if self.s == s {
            return Ok(());
        }
        if !self.factor(r, (1.0 - s, s), monitor)? {
            return Err(Error::Value { name: "R", why: "is no correlation matrix".into() });
        }
        self.diagonal = inverse_diagonal(self.factor.as_ref(), monitor)?;
        self.s = s;
        Ok(())
    }

    /// The Cholesky factor of `by.0 R + by.1 I`; false if there is none.
    fn factor(
        &mut self,
        r: MatRef<'_, f64>,
        by: (f64, f64),
        monitor: &Monitor,
    ) -> Result<bool, Error> {
        for j in 0..r.nrows() {
            (j..r.nrows()).for_each(|i| self.factor[(i, j)] = by.0 * r[(i, j)]);
            self.factor[(j, j)] += by.1;
        }
        cholesky(self.factor.as_mut(), monitor)
    }

    /// `C^{-1}z`.
    fn solve(&self, z: MatRef<'_, f64>) -> Mat<f64> {
        let mut solved = z.to_owned();
        solve_lower_triangular_in_place(self.factor.as_ref(), solved.as_mut(), Par::Seq);
        solve_upper_triangular_in_place(self.factor.transpose(), solved.as_mut(), Par::Seq);
        solved
    }
}

/// Correlations that are a correlation matrix: negative eigenvalues become zero, the diagonal one.
/// Also the smallest eigenvalue before.
///
/// # Errors
/// A matrix without eigenvalues.
pub fn repair(r: MatRef<'_, f64>) -> Result<(Mat<f64>, f64), Error> {
    let why = || Error::Value { name: "R", why: "has no eigenvalues".into() };
    memory::room(4 * r.nrows() * r.nrows())?;
    let eigen = r.self_adjoint_eigen(Side::Lower).map_err(|_| why())?;
    let (values, vectors) = (eigen.S().column_vector(), eigen.U());
    let p = r.nrows();
    memory::room(3 * p * p)?;
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
    use crate::testing::Draws;
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
    fn a_band_of_few_digits_gives_the_same_answer() {
        // Of full rank, and of fewer samples than variables.
        for (n, p) in [(600, 150), (80, 150)] {
            let mut draws = Draws::new(n as u64);
            let mut x = Mat::from_fn(n, p, |_, _| draws.normal());
            for j in 1..p {
                (0..n).for_each(|i| x[(i, j)] = 0.8 * x[(i, j - 1)] + 0.6 * x[(i, j)]);
            }
            let gram = x.transpose() * &x;
            let r = Mat::from_fn(p, p, |i, j| gram[(i, j)] / (gram[(i, i)] * gram[(j, j)]).sqrt());
            let noise = Mat::from_fn(n, 1, |_, _| draws.normal());
            let sums = x.transpose() * noise;
            // Of the same samples, and with errors of their own.
            let z = Mat::from_fn(p, 2, |i, c| {
                sums[(i, 0)] / gram[(i, i)].sqrt() + 0.4 * c as f64 * draws.normal()
            });
            let monitor = Monitor::default();
            let wide = agree(z.as_ref(), r.as_ref(), Band::new, &monitor).unwrap();
            let narrow = agree(z.as_ref(), r.as_ref(), Band::single, &monitor).unwrap();
            assert!(narrow.repaired.is_none() && (wide.least - narrow.least).abs() < 1e-5);
            assert!(wide.s[1] > 0.05 && (narrow.s[1] / wide.s[1] - 1.0).abs() < 1e-4);
            assert!((narrow.s[0] - wide.s[0]).abs() < 1e-4 + 1e-4 * wide.s[0]);
            for c in 0..2 {
                for i in 0..p {
                    let tolerance = 1e-3 * wide.variance[(i, c)].sqrt();
                    assert!((narrow.expected[(i, c)] - wide.expected[(i, c)]).abs() < tolerance);
                    assert!((narrow.variance[(i, c)] / wide.variance[(i, c)] - 1.0).abs() < 1e-3);
                }
            }
        }
        // A negative eigenvalue too small for few digits is found all the same.
        let r = Mat::from_fn(3, 3, |i, j| match (i, j) {
            (0, 2) | (2, 0) => 0.62 - 1e-7,
            _ if i == j => 1.0,
            _ => 0.9,
        });
        let z = Mat::full(3, 1, 1.0);
        let found = agree(z.as_ref(), r.as_ref(), Band::single, &Monitor::default()).unwrap();
        assert!(found.repaired.is_some() && found.least < 0.0 && found.least > -1e-6);
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
