//! One response: `y = X b + e`, `e ~ N(0, s2 I)`, `b_j ~ sum_k pi_k N(0, s2 a_k)` (mr.ash).
//!
//! With `d = x_j'x_j`, `r` the residual of the other predictors' posterior means and `c = x_j'r`,
//! the update of one predictor is the normal-means question in one dimension, `normal_means::scalar`:
//! ```text
//! s_k = a_k / (1 + d a_k),   log BF_k = -log(1 + d a_k) / 2 + s_k c^2 / (2 s2),
//! phi_k ~ pi_k BF_k,         b_j | k ~ N(s_k c, s2 s_k),
//! ```
//! and right after it the predictor's part of the bound is
//! `-KL_j = log sum_k pi_k BF_k - b_j c / s2 + d E[b_j^2] / (2 s2)`, so that with `b` posterior
//! means
//! ```text
//! ELBO = -n/2 log(2 pi s2) - ||r||^2 / (2 s2)
//!        + sum_j [log sum_k pi_k BF_jk - (b_j c_j - d_j b_j^2 / 2) / s2]
//! ```
//! needs no variances. Where the prior is on the scale of the effects themselves, `b_j ~ N(0,
//! v_k)`, `a_k = v_k / s2` follows `s2`.
//!
//! - `model`: settings and results;
//! - `sweep`: one pass over the predictors, in lanes;
//! - `fit`: sweeps, the residual variance, and the weights, each step raising the bound;
//! - `many`: several responses of one design.

mod fit;
mod many;
mod model;
mod sweep;
#[cfg(test)]
mod tests;

pub use fit::fit;
pub use many::{Task, fit_all, norms_as_given};
pub use model::{Fit, Grid, Options, Settings, Start, Step};
