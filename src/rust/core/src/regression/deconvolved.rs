//! Deconvolved effects: what the observed responses say about each row of coefficients, given the
//! posterior means of the others.
//!
//! With all responses observed these are `b_j + x_j'(Y - fitted) / x_j'x_j`, with standard errors
//! that are multiples of one another. With some missing, each predictor has a noise of its own, by
//! generalised least squares (see [`Observed`]).

use faer::{Mat, MatRef};
use rayon::prelude::*;

use crate::predictors::{Observed, Predictors, alone};
use crate::{Error, Monitor};

/// Effects of the predictors (rows) on the responses; NaN where nothing is said.
#[derive(Debug, Clone)]
pub struct Deconvolved {
    /// Estimates.
    pub estimates: Mat<f64>,
    /// Their standard errors.
    pub errors: Mat<f64>,
    /// The mean over predictors of the correlation of the errors among responses.
    pub correlation: Mat<f64>,
}

/// From residuals (n by r, NaN where not observed) that coefficients `b` (p by r, for X as it is
/// used) leave, their covariance `v`, and the `basis` that was regressed out of X (n by q,
/// orthonormal).
///
/// # Errors
/// `v` is not positive definite; a predictor of which the observed responses say too little;
/// `Error::Interrupted`.
pub fn deconvolved<X: Predictors>(
    x: &X,
    basis: MatRef<'_, f64>,
    residual: MatRef<'_, f64>,
    v: MatRef<'_, f64>,
    b: MatRef<'_, f64>,
    monitor: &Monitor,
) -> Result<Deconvolved, Error> {
    let (p, r) = (x.count(), v.nrows());
    let cells = Observed::new(residual, v, basis.to_owned())?;
    let mut known = residual.to_owned();
    known
        .col_iter_mut()
        .for_each(|c| c.iter_mut().for_each(|y| *y = if y.is_nan() { 0.0 } else { *y }));
    // Orthogonal to the basis, so that it is a residual in the form of any predictors.
    let mut weighted = cells.weighted(&known);
    weighted.resize_with(x.rows(), r, |_, _| 0.0);
    let scores = x.products(&weighted);
    let one = |j: usize| {
        monitor.advance(1)?;
        if x.norms()[j] <= 0.0 {
            return Ok(None);
        }
        let column = x.fitted(&[j], Mat::full(1, 1, 1.0).as_ref());
        let Some(column) = x.by_sample(&column) else {
            return Err(Error::Value { name: "X", why: "must be samples".into() });
        };
        let column: Vec<f64> = column.col(0).iter().copied().collect();
        let score: Vec<f64> = scores.row(j).iter().copied().collect();
        let said = alone(&cells.precision(&column), &score);
        let too_few = || {
            Error::TooFew(format!("the observed responses say too little of predictor {}", j + 1))
        };
        said.map(Some).ok_or_else(too_few)
    };
    let said = (0..p).into_par_iter().map(one).collect::<Result<Vec<_>, Error>>()?;
    let mut estimates = Mat::full(p, r, f64::NAN);
    let (mut errors, mut correlation) = (estimates.clone(), Mat::<f64>::zeros(r, r));
    let count = said.iter().flatten().count() as f64;
    for (j, said) in said.iter().enumerate() {
        let Some([effect, sd, of_errors]) = said else { continue };
        for c in 0..r {
            estimates[(j, c)] = b[(j, c)] + effect[c];
            errors[(j, c)] = if effect[c].is_nan() { f64::NAN } else { sd[c] };
            (0..r).for_each(|d| correlation[(d, c)] += of_errors[c * r + d] / count);
        }
    }
    Ok(Deconvolved { estimates, errors, correlation })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictors::{Compressed, Dense, Sparse};
    use crate::testing::random;

    fn example(missing: impl Fn(usize, usize) -> bool) -> (Vec<f64>, Mat<f64>, Mat<f64>, Mat<f64>) {
        let x: Vec<f64> =
            random(1, 60).into_iter().map(|u| if u > 0.3 { u } else { 0.0 }).collect();
        let noise = random(2, 40);
        let cell = |i: usize, c: usize| if missing(i, c) { f64::NAN } else { noise[2 * i + c] };
        let v = Mat::from_fn(2, 2, |i, c| if i == c { 1.0 + i as f64 } else { 0.5 });
        let b = Mat::from_fn(3, 2, |j, c| 0.3 * (j + 2 * c) as f64);
        (x, Mat::from_fn(20, 2, cell), v, b)
    }

    #[test]
    fn with_all_responses_they_are_least_squares_of_the_residuals() {
        let (x, e, v, b) = example(|_, _| false);
        let basis = Mat::full(20, 1, 1.0 / 20f64.sqrt());
        let monitor = Monitor::default();
        let design = Dense::new(x, 20, basis.col_as_slice(0), false, &monitor).unwrap();
        let found =
            deconvolved(&design, basis.as_ref(), e.as_ref(), v.as_ref(), b.as_ref(), &monitor)
                .unwrap();
        for j in 0..3 {
            let (x, d) = (design.column(j), design.norms()[j]);
            for c in 0..2 {
                let along: f64 = (0..20).map(|i| x[i] * e[(i, c)]).sum();
                assert!((found.estimates[(j, c)] - b[(j, c)] - along / d).abs() < 1e-12);
                assert!((found.errors[(j, c)] - (v[(c, c)] / d).sqrt()).abs() < 1e-12);
            }
        }
        assert!((found.correlation[(0, 1)] - 0.5 / 2f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn sparse_predictors_and_any_number_of_threads_say_the_same() {
        let (x, e, v, b) = example(|i, c| (i + c) % 4 == 0);
        let basis = Mat::full(20, 1, 1.0 / 20f64.sqrt());
        let monitor = Monitor::default();
        let rows: Vec<usize> = (0..60).filter(|&k| x[k] != 0.0).map(|k| k % 20).collect();
        let values: Vec<f64> = x.iter().copied().filter(|&x| x != 0.0).collect();
        let starts: Vec<usize> =
            (0..=3).map(|j| x[..20 * j].iter().filter(|&&x| x != 0.0).count()).collect();
        let sparse = Compressed { starts: &starts, rows: &rows, values: &values };
        let sparse = Sparse::new(sparse, 20, basis.col_as_slice(0), false).unwrap();
        let dense = Dense::new(x, 20, basis.col_as_slice(0), false, &monitor).unwrap();
        let (w, e, v, b) = (basis.as_ref(), e.as_ref(), v.as_ref(), b.as_ref());
        let from = |threads: usize| {
            let work = || deconvolved(&dense, w, e, v, b, &monitor);
            crate::with_threads(threads, &monitor, |_| true, work).unwrap()
        };
        let (one, two) = (from(1), from(2));
        let other = deconvolved(&sparse, w, e, v, b, &monitor).unwrap();
        assert!(one.estimates == two.estimates && one.correlation == two.correlation);
        for j in 0..3 {
            for c in 0..2 {
                assert!((one.estimates[(j, c)] - other.estimates[(j, c)]).abs() < 1e-12);
                assert!((one.errors[(j, c)] - other.errors[(j, c)]).abs() < 1e-12);
            }
        }
    }
}
