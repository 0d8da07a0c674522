//! Multivariate multiple regression, `Y ~ MN(XB, I, Sigma)` with rows of B from a mixture of normals,
//! by variational approximation: `q(B) = prod_p q(beta_p, z_p)` (mr.mash; M&M ASH).
//!
//! Given the other rows, each row is a normal-means problem, `x_p = c_p / d_p` with noise `Sigma / d_p`,
//! where `d_p = x_p'x_p` and `c_p = x_p'(Y - X_{-p} R_{-p})`, R the posterior means. One iteration:
//! 1. `noise` and `weights::proposal`: Sigma and the weights of the prior given the q of the last
//!    sweep;
//! 2. the missing responses given everything else;
//! 3. `sweep`: every row in turn, with what `normal_means::eigenbasis` knows.
//!
//! The data are [`Responses`](crate::predictors::Responses). `fit` is the iteration, `elbo` its bound:
//! ```text
//! L = -n r / 2 log 2 pi - n / 2 log det Sigma - 1/2 tr(Sigma^{-1} E[(Y - XB)'(Y - XB)])
//!     - sum_p KL(q_p || prior) + entropy of the missing responses
//! ```
//! with nothing left out: for one predictor it is the log-density of the (centred) responses. mr.mash
//! reports the same minus `log(n) / 2`. `summary` has the posterior of each row at the end.

mod elbo;
mod fit;
mod model;
pub mod summary;
mod sweep;
#[cfg(test)]
mod tests;

pub use fit::{Fit, Options, Start, fit, log_bayes_factors, row_log_bayes_factors};
