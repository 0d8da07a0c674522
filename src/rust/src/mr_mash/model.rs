//! What is believed before the fit, and how to fit.

use faer::{Mat, MatRef};
use mnmash_core::noise::{Residual, Structure};
use mnmash_core::predictors::{Predictors, Responses};
use mnmash_core::regression::mr_mash::{Options, Start};
use mnmash_core::{Error, Prior};

use crate::nouns::{Mixture, Noise};
use crate::read::{Field, Fields, Outcome};
use crate::words::{WEIGHT_UPDATES, structures};

/// The prior of the coefficients and what is known of the residuals.
pub struct Model<'a> {
    pub prior: Prior,
    pub noise: Noise<'a, Structure>,
}

impl<'a> Model<'a> {
    pub fn read(prior: &Field<'a>, noise: &Field<'a>, r: usize) -> Outcome<Self> {
        let prior = prior.read(|p| Mixture::read(p, r))?.weighted()?;
        Ok(Self { prior, noise: noise.read(|n| Noise::read(n, r, structures))? })
    }

    pub fn start<'b>(
        &'b self,
        design: &mut Responses<impl Predictors>,
        coefficients: Option<MatRef<'b, f64>>,
    ) -> Result<Start<'b>, Error> {
        let zero = Mat::zeros(self.prior.conditions, design.norms().len());
        let v = match &self.noise.v {
            Some(v) => v.view().to_owned(),
            None => design.covariance(coefficients.unwrap_or(zero.as_ref()))?,
        };
        let residual = Residual::start(self.noise.structure, v.as_ref());
        Ok(Start { residual, coefficients })
    }
}

/// `list(update, penalty, threshold, tol, tol_weights, max_iter)`, with a penalty for each of the
/// `components`.
pub fn options<'a>(control: &Fields<'a>, components: usize) -> Outcome<Options<'a>> {
    Ok(Options {
        weights: control.one_of("update", WEIGHT_UPDATES)?,
        penalty: control.get("penalty")?.numbers_of(components)?,
        threshold: control.number("threshold")?,
        tol: control.number("tol")?,
        tol_weights: control.number("tol_weights")?,
        max_iter: control.count("max_iter")?,
    })
}
