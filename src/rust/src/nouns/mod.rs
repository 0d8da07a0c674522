//! The nouns that calls share, as R passes them, each read in one place: measurements, predictors
//! (and the responses that go with them), priors and noise. `R/core.R` writes them.

mod measurements;
mod noise;
pub mod predictors;
mod prior;
mod responses;

pub use measurements::Measurements;
pub use noise::{Noise, Variances};
pub use predictors::{Form, Predictors};
pub use prior::{Mixture, Scalars};
pub use responses::Responses;
