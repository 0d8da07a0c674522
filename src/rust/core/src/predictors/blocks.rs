//! Predictors some at a time.

use std::ops::Range;

/// Predictors that are updated between two matrix products with all the data. Within a block, the
/// change of one is passed on to the others through their cross-products: the same arithmetic as
/// updating the residuals each time.
pub const BLOCK: usize = 64;

/// The blocks of `p` predictors.
pub fn blocks(p: usize) -> impl Iterator<Item = Range<usize>> {
    (0..p.div_ceil(BLOCK)).map(move |b| b * BLOCK..((b + 1) * BLOCK).min(p))
}
