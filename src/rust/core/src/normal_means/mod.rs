//! The one question every method asks: given `x_j ~ N(b_j, N_j)` and `b_j ~ sum_t pi_t N(0, V_t)`, what
//! are `log p(x_j | t)` and the posterior of `b_j`?
//!
//! - `prior`: the components `w_l^2 U_k` as factors on a grid of scales;
//! - `problem`: the data, arranged into groups of units whose noise has the same form;
//! - `correlation`: what is known of V;
//! - `batch`: units of a group with differing noise, whitened in SIMD lanes;
//! - `careful`: one unit under one component with twice the digits, where those of doubles are lost;
//! - `direct`: the covariance of the measurements, factored as it is;
//! - `rescue`: which of the two serves the units of a batch that need it;
//! - `shared`: one prior matrix in the eigenbasis of a noise that many units share;
//! - `eigenbasis`: all prior matrices, for units with multiples of one noise: one unit at all scales, or
//!   all units at one scale;
//! - `likelihood`: the log-likelihoods of all components, by blocks of units;
//! - `mixture`: likelihoods of units under a mixture, and posterior weights of its components;
//! - `posterior`: posterior moments and signs under the mixture;
//! - `product`: effects that are independent between conditions, each a mixture of scales;
//! - `scalar`: the question in one dimension: spikes, slabs and mixtures of scales;
//! - `samples`: random draws from the posterior;
//! - `columns`: writing results by blocks.
//!
//! With `W N W' = I`, `z = Wx`, `U = FF'`, `M = WF`, `G = M'M` and `h = M'z`, for every scale `w`:
//! ```text
//!   log p  = -1/2 [n log 2 pi + log det N + log det(I + wG) + z'z - w h'(I + wG)^{-1} h],
//!   E[b|x] = w F (I + wG)^{-1} h,      Var[b|x] = w F (I + wG)^{-1} F'.
//! ```
//! Neither `U` nor the noise of a missing cell is ever inverted: `W` has a zero row and column for
//! each missing cell, and the marginal distribution of the observed cells falls out exactly.

pub mod batch;
pub mod careful;
mod columns;
pub mod correlation;
pub mod direct;
pub mod eigenbasis;
#[cfg(test)]
pub mod hostile;
pub mod likelihood;
pub mod mixture;
pub mod posterior;
pub mod problem;
pub mod product;
mod rescue;
pub mod samples;
pub mod scalar;
pub mod shared;
#[cfg(test)]
pub mod testing;

pub use correlation::{Contrast, Correlation};
pub use likelihood::Likelihood;
pub use mixture::WeightedPrior;
pub use posterior::posterior;
pub use problem::{Data, NormalMeans};
pub use product::{Beside, Product, Reported};
