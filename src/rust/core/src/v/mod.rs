//! The correlation V of measurement errors among R conditions, from z-scores of units that look null.
//!
//! - `moments`: covariances of each pair of conditions over the units that have both;
//! - `truncated`: the normal distribution that, cut to small z-scores, has these moments;
//! - `shrink`: correlations of pairs shrunk together, in the light of how many units each has;
//! - `nearest`: correlations estimated one by one need not fit together: the nearest ones that do;
//! - `step`: where expectation maximisation goes, whose moments of the errors are those of `mash`.

mod moments;
mod nearest;
mod shrink;
mod step;
mod truncated;

pub use moments::{Moments, pairwise_moments};
pub use nearest::{nearest, repair};
pub use shrink::shrunken;
pub use step::step;
pub use truncated::untruncated;
