//! Multiple regression with mixture-of-normals priors on the coefficients, by variational
//! approximations that factorise over predictors and are improved one predictor at a time.
//!
//! - `mr_ash`: one response, a grid of prior variances;
//! - `mr_mash`: several responses, prior covariances;
//! - `logistic`: a response of zeros and ones, a spike and a slab.

pub mod logistic;
pub mod mr_ash;
pub mod mr_mash;
