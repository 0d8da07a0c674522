//! Fine-mapping: `Y = X sum_l b_l + E`, where each effect `b_l` is in one variable, its size in the
//! R conditions has a prior `sum_k w_k N(0, s_l U_k)`, and rows of `E` are `N(0, V)`.
//!
//! Given the other effects, one effect is a normal-means problem at each variable (`x_j'r / d_j`
//! has noise `V / d_j`, with `d_j = x_j'x_j`), and its place has a posterior over the p variables.
//!
//! - `columns`: X and Y centred and scaled;
//! - `design`: what is known of X and Y (rows, products or z-scores with correlations), residuals,
//!   fitted values, inner products; `rows`: products with X; `gram`:
//!   products with X'X; `incomplete`: missing outcomes;
//! - `effect`: the posterior of one effect; `single_effect`: a visit that sets it and its scale `s_l`;
//! - `ibss`: one effect after another until the evidence bound stands still; `sweeps`: the state of
//!   that; `options`: how;
//! - `residual`: what the update of V (`noise`) needs;
//! - `marginals`: effects and signs of the variables that matter;
//! - `credible_sets`: sets of variables, and their purity.

pub mod columns;
pub mod credible_sets;
pub mod design;
pub mod effect;
mod gram;
pub mod ibss;
mod incomplete;
pub mod marginals;
pub mod options;
mod residual;
mod rows;
pub mod single_effect;
mod sweeps;
#[cfg(test)]
mod tests;

pub use design::Design;
pub use ibss::fit;
pub use options::{Fit, Options, Update};
pub use single_effect::{EffectPrior, ScaleRule};
