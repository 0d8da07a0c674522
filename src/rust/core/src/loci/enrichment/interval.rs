//! Intervals of coefficients by the likelihood ratio.
//!
//! What is lost when a coefficient is held at a value and the others are estimated again,
//! `loss(v) = max_a l(a) - max_{a: a_c = v} l(a)`, is half a chi-squared variable with one degree of
//! freedom at the true value. Where the data do not limit a coefficient (nothing is causal, say), its
//! interval has no end.

use std::cell::RefCell;

use rayon::prelude::*;

use super::newton::Free;
use super::{EmOptions, Loci, SingleFit, maximise};
use crate::linalg::search::{crossing, root};
use crate::linalg::special::erfc;
use crate::{Error, Monitor};

/// An interval and the test of zero.
#[derive(Debug, Clone, Copy)]
pub struct Interval {
    /// The lower end; minus infinity if there is none.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
    /// Of the likelihood ratio of zero.
    pub p_value: f64,
}

/// The gain of a held fit at which it stops, and how close an end is found.
const TOL: f64 = 1e-6;
const CLOSE: f64 = 1e-4;
/// Ends are sought at this distance from the estimate, twice as far, and so on, but not further than
/// the last: there the odds differ by a factor of 1e13 for each unit of an annotation.
const FIRST: f64 = 0.5;
const LAST: f64 = 32.0;

/// Intervals of all coefficients of a fit of [`single_signal`](super::single_signal), of this level.
///
/// # Errors
/// As there.
pub fn intervals(
    loci: &Loci,
    log_bf: &[f64],
    fit: &SingleFit,
    level: f64,
    max_iter: usize,
    monitor: &Monitor,
) -> Result<Vec<Interval>, Error> {
    let options = EmOptions { tol: TOL, max_iter };
    let (q, enough) = (fit.a.len(), half_chi_squared(level));
    let loss = |c: usize, value: f64| -> Result<f64, Error> {
        let mut start = fit.a.clone();
        start[c] = value;
        let held = maximise(loci, log_bf, &start, Free::but(q, c), options, monitor)?;
        Ok(fit.ended.last() - held.ended.last())
    };
    let end = |c: usize, direction: f64| -> Result<f64, Error> {
        let place = |distance: f64| fit.a[c] + direction * distance;
        let (mut near, mut far) = ((0.0, -enough), FIRST);
        loop {
            let excess = loss(c, place(far))? - enough;
            if excess >= 0.0 {
                let failure = RefCell::new(None);
                let excess_at = |d: f64| match loss(c, place(d)) {
                    Ok(loss) => loss - enough,
                    Err(error) => {
                        failure.replace(Some(error));
                        f64::NAN
                    }
                };
                let found = place(crossing(excess_at, near, (far, excess), CLOSE));
                return failure.into_inner().map_or(Ok(found), Err);
            }
            if far >= LAST {
                return Ok(direction * f64::INFINITY);
            }
            (near, far) = ((far, excess), 2.0 * far);
        }
    };
    let one = |c: usize| {
        let ends = rayon::join(|| end(c, -1.0), || end(c, 1.0));
        let p_value = erfc(loss(c, 0.0)?.max(0.0).sqrt());
        Ok(Interval { lower: ends.0?, upper: ends.1?, p_value })
    };
    (0..q).into_par_iter().map(one).collect()
}

/// Half the quantile of the chi-squared distribution with one degree of freedom: the square of a
/// standard normal variable.
fn half_chi_squared(level: f64) -> f64 {
    if level >= 1.0 {
        return f64::INFINITY;
    }
    root(|x| (1.0 - level) - erfc(x), 0.0, 27.0).powi(2)
}
