//! The covariance V of the residuals of a regression in R conditions: `Y = XB + E`, rows of E are
//! `N(0, V)`.
//!
//! - `structure`: what is assumed of V, and what raises the bound under that, given the expected
//!   cross-product of the residuals. That is all a model says of a structure: it hands over the
//!   cross-product and takes V back, so a new structure is one more arm here;
//! - `whitened`: V with the factors by which residuals and effects are whitened.

mod structure;
mod whitened;

pub use structure::{Residual, Structure};
pub use whitened::Whitened;
