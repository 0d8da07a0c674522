//! Fine-mapping: `Y = X sum_l b_l + E`, where each effect `b_l` is in one variable, its size in the
//! R conditions has a prior `sum_k w_k N(0, s_l U_k)`, and rows of `E` are `N(0, V)`.
//!
//! Given the other effects, one effect is a normal-means problem at each variable (`x_j'r / d_j`
//! has noise `V / d_j`, with `d_j = x_j'x_j`), and its place has a posterior over the p variables.
//!
//! Data are a [`Region`](crate::predictors::Region): rows, products or z-scores with correlations, or
//! rows with missing outcomes.
//!
//! - `model`: how to fit, the posterior of one effect, and a fit;
//! - `single_effect`: a visit to an effect that sets it and its scale `s_l`;
//! - `ibss`: one effect after another until the evidence bound stands still; `sweeps`: the state of
//!   that; `starts`: effects that are put somewhere;
//! - `refine`: whether another start, or two effects in the place of one, ends higher: from
//!   `pursuit`, variables that explain much together, and `pairs`;
//! - `residual`: what the update of V (`noise`) needs;
//! - `background`: fits beside an infinitesimal background;
//! - `marginals`: effects and signs of the variables that matter;
//! - `credible_sets`: sets of variables, and their purity;
//! - `presence`: whether an effect is there at all; `set_errors`: what a set says of the conditions,
//!   and how often that is wrong; `sharing`: effects that are alike in two conditions; both need
//!   single `components` of the prior.

mod background;
#[cfg(test)]
mod background_tests;
mod components;
mod credible_sets;
mod ibss;
mod marginals;
mod model;
mod pairs;
mod presence;
mod pursuit;
mod refine;
#[cfg(test)]
mod refine_tests;
mod residual;
mod set_errors;
mod sharing;
mod single_effect;
mod starts;
mod sweeps;
#[cfg(test)]
mod tests;

pub use background::{fit_background, starts_of};
pub use components::Near;
pub use credible_sets::{Purity, candidates, credible_set, purity};
pub use ibss::fit;
pub use marginals::{Marginals, coefficients, marginals};
pub use model::{Effect, Fit, Options, Refine, Start, Update};
pub use presence::absence;
pub use set_errors::{Belief, Members, SetError, set_errors};
pub use sharing::{Places, prior_sharing, sharing};
pub use single_effect::{EffectPrior, ScaleRule};
