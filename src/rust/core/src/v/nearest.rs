//! The nearest correlation matrix (Higham 2002, IMA Journal of Numerical Analysis 22, 329-343).
//!
//! Alternating projections between the symmetric matrices with eigenvalues of at least `smallest` and
//! those with a unit diagonal, with Dykstra's correction for the first, converge to the matrix in both
//! sets that is nearest in the Frobenius norm.

use faer::{Mat, MatRef};

use crate::linalg::dense::{eigen, from_eigen, symmetric};
use crate::{Error, Monitor};

/// The iteration ends when no element moves by more than this, or after so many projections.
const TOL: f64 = 1e-9;
const MOST: usize = 1000;

/// The correlation matrix nearest to `a` with eigenvalues of at least `smallest` (below one).
///
/// # Errors
/// A matrix that is not finite; `Error::Interrupted`.
pub fn nearest(a: MatRef<'_, f64>, smallest: f64, monitor: &Monitor) -> Result<Mat<f64>, Error> {
    let r = a.nrows();
    let mut y = a.to_owned();
    let mut correction = Mat::<f64>::zeros(r, r);
    for _ in 0..MOST {
        monitor.advance(1)?;
        let target = &y - &correction;
        let x = raised(target.as_ref(), smallest)?;
        correction = &x - target;
        let next = Mat::from_fn(r, r, |i, k| if i == k { 1.0 } else { x[(i, k)] });
        let moved = (&next - &y).norm_max();
        y = next;
        if moved <= TOL {
            break;
        }
    }
    // What is left of the eigenvalues' bound after the last projection, made good by mixing with the
    // identity, which keeps the diagonal.
    let lowest = lowest(y.as_ref())?;
    if lowest < smallest {
        let share = (smallest - lowest) / (1.0 - lowest);
        y = Mat::from_fn(r, r, |i, k| if i == k { 1.0 } else { (1.0 - share) * y[(i, k)] });
    }
    Ok(y)
}

/// A covariance whose correlations fit together, with the smallest eigenvalue of the correlations as they
/// were: the variances stay, and so does all if that eigenvalue is at least `smallest`.
///
/// # Errors
/// A matrix that is not finite, or with a variance that is not positive; `Error::Interrupted`.
pub fn repair(
    v: MatRef<'_, f64>,
    smallest: f64,
    monitor: &Monitor,
) -> Result<(Mat<f64>, f64), Error> {
    let r = v.nrows();
    let (correlation, sd) = correlations(v);
    let lowest = lowest(correlation.as_ref())?;
    if lowest >= smallest {
        return Ok((v.to_owned(), lowest));
    }
    let fixed = nearest(correlation.as_ref(), smallest, monitor)?;
    Ok((Mat::from_fn(r, r, |i, k| fixed[(i, k)] * (sd[i] * sd[k])), lowest))
}

/// The correlations and the standard deviations of a covariance.
pub(super) fn correlations(v: MatRef<'_, f64>) -> (Mat<f64>, Vec<f64>) {
    let sd: Vec<f64> = (0..v.nrows()).map(|i| v[(i, i)].sqrt()).collect();
    let one = |i: usize, k: usize| v[(i, k)] / (sd[i] * sd[k]);
    (Mat::from_fn(sd.len(), sd.len(), one), sd)
}

fn decompose(a: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>), Error> {
    let why = "must be finite, with positive variances";
    eigen(symmetric(a).as_ref()).ok_or_else(|| Error::Value { name: "V", why: why.into() })
}

/// The smallest eigenvalue.
pub(super) fn lowest(a: MatRef<'_, f64>) -> Result<f64, Error> {
    Ok(decompose(a)?.0.first().copied().unwrap_or(1.0))
}

/// The nearest symmetric matrix with eigenvalues of at least `smallest`.
fn raised(a: MatRef<'_, f64>, smallest: f64) -> Result<Mat<f64>, Error> {
    let (values, vectors) = decompose(a)?;
    let above: Vec<f64> = values.iter().map(|v| v.max(smallest) - smallest).collect();
    let mut out = from_eigen(&above, vectors.as_ref());
    (0..out.nrows()).for_each(|i| out[(i, i)] += smallest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;

    /// Higham's example: 1, 1, 0 off the diagonal.
    #[test]
    fn the_example_of_the_paper_is_reproduced() {
        let a = Mat::from_fn(3, 3, |i, k| if i.abs_diff(k) < 2 { 1.0 } else { 0.0 });
        let found = nearest(a.as_ref(), 0.0, &Monitor::default()).unwrap();
        assert!((found[(0, 1)] - 0.7607).abs() < 1e-4 && (found[(0, 2)] - 0.1573).abs() < 1e-4);
    }

    #[test]
    fn the_result_is_in_both_sets_and_nothing_near_it_there_is_nearer() {
        let r = 6;
        let monitor = Monitor::default();
        for seed in 0..4 {
            let u = random(seed, r * r);
            let off = |i: usize, k: usize| 0.9 * u[i.max(k) * r + i.min(k)].tanh();
            let a = Mat::from_fn(r, r, |i, k| if i == k { 1.0 } else { off(i, k) });
            let (least, smallest) = (lowest(a.as_ref()).unwrap(), 1e-3);
            assert!(least < smallest, "the example needs repair");
            let found = nearest(a.as_ref(), smallest, &monitor).unwrap();
            assert!(lowest(found.as_ref()).unwrap() > smallest - 1e-12);
            assert!((0..r).all(|i| found[(i, i)] == 1.0));
            // The set is convex: towards any other of its members the distance rises.
            let distance = (&found - &a).norm_l2();
            for other in 0..10 {
                let f = random(100 + other, r * r);
                let f = MatRef::from_column_major_slice(&f, r, r);
                let s = f * f.transpose();
                let sd = |i: usize| s[(i, i)].sqrt();
                let c = Mat::from_fn(r, r, |i, k| s[(i, k)] / (sd(i) * sd(k)));
                let c = nearest(c.as_ref(), smallest, &monitor).unwrap();
                let near = &found + (&c - &found) * faer::Scale(1e-3);
                assert!((&near - &a).norm_l2() > distance - 1e-9);
            }
        }
    }

    #[test]
    fn variances_stay_and_what_fits_is_not_touched() {
        let monitor = Monitor::default();
        let sd = [1.0, 2.0, 0.5];
        let v = |rho: f64| {
            Mat::from_fn(3, 3, |i, k| {
                let c = if i == k {
                    1.0
                } else if i + k == 2 {
                    -rho
                } else {
                    rho
                };
                c * sd[i] * sd[k]
            })
        };
        let (same, least) = repair(v(0.4).as_ref(), 1e-3, &monitor).unwrap();
        assert!(same == v(0.4) && (least - 0.2).abs() < 1e-12);
        let (fixed, least) = repair(v(0.9).as_ref(), 1e-3, &monitor).unwrap();
        assert!((least + 0.8).abs() < 1e-12);
        assert!((0..3).all(|i| (fixed[(i, i)] - sd[i] * sd[i]).abs() < 1e-15));
        assert!(repair(Mat::full(2, 2, f64::NAN).as_ref(), 1e-3, &monitor).is_err());
    }
}
