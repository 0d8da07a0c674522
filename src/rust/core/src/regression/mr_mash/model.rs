//! The prior, and the prior in the eigenbasis of the current residual covariance.

use std::borrow::Cow;

use faer::MatRef;

use crate::linalg::psd::Factor;
use crate::noise::Whitened;
use crate::normal_means::eigenbasis::{Eigenbasis, Grid};
use crate::{Error, Prior};

/// Prior and residual covariance together.
pub struct Model<'a> {
    pub prior: &'a Prior,
    pub noise: Whitened,
    basis: Eigenbasis,
}

impl<'a> Model<'a> {
    /// One decomposition for each matrix.
    pub fn new(prior: &'a Prior, covariance: MatRef<'_, f64>) -> Result<Self, Error> {
        let noise = Whitened::new(covariance.to_owned()).map_err(|_| Error::Value {
            name: "V",
            why: "(the residual covariance) is not positive definite: give another start, or a \
                  structure with fewer parameters, such as \"diagonal\" or \"lowrank\""
                .into(),
        })?;
        // The point mass is one more matrix, of rank zero.
        let mut factors = Cow::from(&prior.factors);
        if prior.null {
            let r = prior.conditions;
            factors.to_mut().push(Factor { rows: r, rank: 0, values: vec![], support: vec![] });
        }
        let basis = Eigenbasis::new(noise.whitener.as_ref(), &factors);
        Ok(Self { prior, noise, basis })
    }

    /// The components that `weights` do not exclude, ready for a sweep; all of them if `all`.
    pub fn pack(&self, weights: &[f64], all: bool) -> Packed {
        let mut components = Vec::new();
        let (mut matrices, mut scales) = (Vec::new(), Vec::new());
        let wanted = |p: usize| all || weights[p] > 0.0;
        for (k, all_scales) in self.prior.scales.iter().enumerate() {
            let column = |l: &usize| self.prior.column(k, *l);
            let kept: Vec<usize> = (0..all_scales.len()).filter(|l| wanted(column(l))).collect();
            if !kept.is_empty() {
                matrices.push(k);
                scales.push(kept.iter().map(|&l| all_scales[l]).collect());
                components.extend(kept.iter().map(column));
            }
        }
        if self.prior.null && wanted(0) {
            matrices.push(self.prior.factors.len());
            scales.push(vec![1.0]);
            components.push(0);
        }
        let grid = Grid::new(&self.basis, &matrices, &scales);
        let kept: Vec<f64> = components.iter().map(|&t| weights[t]).collect();
        let log_weights = grid.log_weights(&kept);
        Packed { grid, components, of: weights.len(), log_weights }
    }
}

/// Components that take part in a sweep.
pub struct Packed {
    pub grid: Grid,
    /// Their numbers in the prior, which has so many.
    pub components: Vec<usize>,
    pub of: usize,
    pub log_weights: Vec<f64>,
}
