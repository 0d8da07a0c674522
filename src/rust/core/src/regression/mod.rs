//! Multiple regression with mixture-of-normals priors on the coefficients, by variational
//! approximations that factorise over predictors and are improved one predictor at a time.
//!
//! - `mr_ash`: one response, a grid of prior variances;
//! - `mr_mash`: several responses, prior covariances;
//! - `logistic`: a response of zeros and ones, a spike and a slab;
//! - `deconvolved`: what the responses say about each predictor given a fit of several.

mod deconvolved;
pub mod logistic;
pub mod mr_ash;
pub mod mr_mash;

pub use deconvolved::{Deconvolved, deconvolved};
