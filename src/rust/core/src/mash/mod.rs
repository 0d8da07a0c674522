//! mash (Urbut et al. 2019): `x_j ~ N(b_j, S_j)`, `b_j ~ sum_p pi_p N(0, V_p)` for all units.
//!
//! - `weights`: the `pi` that all units together are likeliest with;
//! - `product`: the weights of effects that are independent between conditions;
//! - `error_moment`: what the update of V, the correlation of errors, needs;
//! - `sharing`: what the posteriors say of pairs of conditions;
//! - `random_effects`: one effect in place of a few posteriors.
//!
//! The posteriors themselves are `normal_means::posterior`.

mod error_moment;
mod product;
mod random_effects;
mod sharing;
mod weights;

pub use error_moment::error_moment;
pub use product::{ProductWeights, product_weights, weight_sums_with, weights_with};
pub use random_effects::{Heterogeneity, Summary, random_effects};
pub use sharing::{Alike, PairCount, pairwise_sharing, sampled_sharing};
pub use weights::{fit_weights, weight_sums};
