//! Whether z-scores and correlations can belong together.
//!
//! - `statistics`: before a fit, what z-scores say of one another, and correlations that are made a
//!   correlation matrix;
//! - `residuals`: after a fit of any model, whether what it leaves can be noise; `sources`: what that is
//!   of each.

mod residuals;
mod sources;
mod statistics;

pub use residuals::{Pair, Pairs, Slack};
pub use sources::{of_products, of_region};
pub use statistics::{Agreement, agreement, repair};
