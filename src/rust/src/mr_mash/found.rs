//! What a fit returns.

use extendr_api::prelude::*;
use faer::Mat;
use mnmash_core::regression::mr_mash::Fit;

use super::order::Order;
use crate::consistency::Check;
use crate::write::{ended, matrix, nullable};

/// What a fit comes back with.
pub struct Found {
    pub fit: Fit,
    pub norms: Vec<f64>,
    pub data: Option<OfSamples>,
    pub check: Option<Check>,
}

/// What only samples have.
pub struct OfSamples {
    pub scales: Option<Vec<f64>>,
    pub residuals: Mat<f64>,
    pub level: Mat<f64>,
}

impl Found {
    pub fn list(self, order: &Order) -> List {
        let Self { fit, norms, data, check } = self;
        let loadings = fit.residual.loadings.as_ref().map(|w| matrix(w.as_ref()));
        let of_samples = data.map(|OfSamples { scales, residuals, level }| {
            list!(
                scale = nullable(scales.map(|s| order.place(&s))),
                residuals = matrix(residuals.as_ref()),
                level = matrix(level.as_ref())
            )
        });
        list!(
            mean = order.by_predictor(&fit.mean),
            statistics = order.by_predictor(&fit.products),
            precision = order.place(&norms),
            weights = fit.weights,
            responsibilities = fit.responsibilities,
            V = matrix(fit.residual.covariance.as_ref()),
            loadings = nullable(loadings),
            unique = fit.residual.unique,
            elbo = fit.elbo,
            rise = fit.rise,
            weight_change = fit.weight_change,
            coefficient_change = fit.coefficient_change,
            proposals = fit.proposals.map(|n| n as i32).to_vec(),
            samples = nullable(of_samples),
            check = nullable(check.map(|c| c.list(|j| order.0[j]))),
            ended = ended(&fit.ended)
        )
    }
}
