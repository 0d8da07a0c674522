//! Factored regression of many outcomes on many predictors: `eta = C Theta + X U V'` with sparse `U` and
//! `V`, so that a few predictors act on a few outcomes along each factor (FQTL, Park et al. 2017).
//!
//! - `slab`: spike-and-slab coefficients, one at a time;
//! - `sweep`: a round over the predictors of a weighted regression;
//! - `single`: a sum of single effects instead, each there or not;
//! - `left`, `factor`: the sample side of a factor, and both sides;
//! - `hyper`, `priors`: what the factors' priors are estimated from, and the scales of their sides;
//! - `covariates`: dense effects;
//! - `families`: normal, binomial, negative binomial, log-count and beta outcomes as local quadratics;
//! - `state`: the posterior, one round of coordinate ascent, and its evidence lower bound;
//! - `ascent`: rounds until the bound settles;
//! - `seeds`, `greedy`, `fit`: factors are added while the bound rises, then refined together;
//! - `moves`: steps from one optimum to a better one;
//! - `sgvb`: the same posterior by stochastic gradients, to check the rest.
//!
//! But for the last there are no random numbers: the same data give the same fit.

mod ascent;
pub mod covariates;
pub mod factor;
pub mod families;
pub mod fit;
pub mod greedy;
pub mod hyper;
#[cfg(test)]
mod identities;
pub mod left;
mod moves;
#[cfg(test)]
mod moves_tests;
pub mod priors;
mod seeds;
pub mod sgvb;
pub mod single;
pub mod slab;
pub mod state;
mod sweep;
#[cfg(test)]
mod tests;

pub use fit::{Fit, fit};
pub use greedy::{LeftPrior, Options};
pub use state::{Direct, Problem, State};
