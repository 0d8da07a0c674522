//! A step of the expectation maximisation of V, towards the mean moment of the errors.

use faer::{Mat, MatRef};

use super::nearest::{correlations, lowest};
use crate::Error;

/// The point on the way from `v` to `moment` (made a correlation matrix if V is one) at a `share` of it;
/// and the smallest eigenvalue of its correlations, by which a step to a singular V is known before it
/// is made.
///
/// # Errors
/// A moment that is not finite, or with a variance that is not positive.
pub fn step(
    v: MatRef<'_, f64>,
    moment: MatRef<'_, f64>,
    share: f64,
    is_correlation: bool,
) -> Result<(Mat<f64>, f64), Error> {
    let r = v.nrows();
    if moment.nrows() != r {
        return Err(Error::Shape { name: "moment", expected: r, found: moment.nrows() });
    }
    let goal = if is_correlation { correlations(moment).0 } else { moment.to_owned() };
    let there = Mat::from_fn(r, r, |i, k| v[(i, k)] + share * (goal[(i, k)] - v[(i, k)]));
    let lowest = lowest(correlations(there.as_ref()).0.as_ref())?;
    Ok((there, lowest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_goes_part_of_the_way_and_knows_where_it_ends() {
        let pair = |a: f64, b: f64, c: f64| Mat::from_fn(2, 2, |i, k| [[a, c], [c, b]][i][k]);
        let (v, moment) = (pair(1.0, 1.0, 0.2), pair(4.0, 9.0, 4.8));
        let (half, lowest) = step(v.as_ref(), moment.as_ref(), 0.5, true).unwrap();
        assert!((half[(0, 1)] - 0.5).abs() < 1e-15 && half[(1, 1)] == 1.0);
        assert!((lowest - 0.5).abs() < 1e-14);
        let (whole, lowest) = step(v.as_ref(), moment.as_ref(), 1.0, false).unwrap();
        assert!((whole[(0, 1)] - 4.8).abs() < 1e-14 && (lowest - 0.2).abs() < 1e-14);
        let same = pair(2.0, 8.0, 4.0);
        assert!(step(v.as_ref(), same.as_ref(), 1.0, true).unwrap().1.abs() < 1e-15);
        let none = pair(0.0, 1.0, 0.0);
        assert!(step(v.as_ref(), none.as_ref(), 1.0, true).is_err());
    }
}
