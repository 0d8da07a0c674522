//! Numerical core of mnmash: functions of slices and matrices, with no knowledge of R.
//!
//! Every method asks the same question: given `x_j ~ N(b_j, N_j)` and a mixture-of-normals prior on
//! `b_j`, what are the log-likelihoods of the components and the posterior of `b_j`? The answer
//! lives in `normal_means`; `weights` estimates the mixture proportions; `deconvolution` the prior
//! covariances; `ebmf` factorises matrices; `linalg` holds the small dense kernels all are made of.

pub mod deconvolution;
pub mod ebmf;
mod ended;
mod error;
pub mod factored;
pub mod finemap;
pub mod genome;
pub mod linalg;
pub mod loci;
pub mod mash;
pub mod memory;
mod monitor;
pub mod noise;
pub mod normal_means;
pub mod predictors;
mod prior;
pub mod random;
pub mod regression;
#[cfg(test)]
mod testing;
mod threads;
pub mod v;
pub mod weights;

pub use ended::{Ended, Stop};
pub use error::Error;
pub use monitor::Monitor;
pub use prior::Prior;
pub use threads::with_threads;
