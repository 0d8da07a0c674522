//! Many regions of the genome under one prior: m&m regression of each, and what the prior is learnt
//! from next.
//!
//! The bound of the genome is the sum of the bounds of its regions (`regression::mr_mash`), which
//! share the weights and the matrices of the prior, and have a residual covariance each. A round is
//! 1. `regress` in `each` region: from where it was, and, if asked, anew from no effects under a
//!    prior with more of them (annealing); the fit with the higher bound stays, so that the sum never
//!    falls;
//! 2. weights, from a `sketch` of the rows of all regions;
//! 3. matrices, from the leads of the `signals`.
//!
//! Genotypes may stay in two bits (`Packed`) and be decoded where a region is fitted.
//!
//! The prior is checked and factored once for all regions. A region has one thread, and regions do not
//! know each other: results do not depend on the number of threads, nor on what else is fitted.

mod packed;
mod region;
mod signals;
mod sketch;
#[cfg(test)]
mod tests;

use rayon::prelude::*;

pub use packed::Packed;
pub use region::{Found, Restart, Start, Task, regress};
pub use signals::Signal;
pub use sketch::Sketch;

use crate::{Error, Monitor};

/// `fit(i)` for each of `count` regions, in their order. What fails in a region is its own affair.
///
/// # Errors
/// `Error::Interrupted`.
pub fn each<T: Send>(
    count: usize,
    monitor: &Monitor,
    fit: impl Fn(usize) -> Result<T, Error> + Sync,
) -> Result<Vec<Result<T, Error>>, Error> {
    let one = |i: usize| {
        monitor.advance(0)?;
        fit(i)
    };
    // One at a time: regions differ in size.
    let found: Vec<_> = (0..count).into_par_iter().with_max_len(1).map(one).collect();
    if found.iter().any(|f| matches!(f, Err(Error::Interrupted))) {
        return Err(Error::Interrupted);
    }
    Ok(found)
}
