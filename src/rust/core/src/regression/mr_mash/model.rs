//! The prior, and the prior in the eigenbasis of the current residual covariance.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use crate::Error;
use crate::linalg::psd::Factor;
use crate::normal_means::eigenbasis::Eigenbasis;
use crate::normal_means::problem::SharedNoise;
use crate::normal_means::shared::SharedBasis;

/// Prior covariances, each with its own scales (multipliers): components are numbered matrix by matrix.
#[derive(Debug, Clone)]
pub struct MatrixPrior {
    /// The number of conditions, r.
    pub conditions: usize,
    /// The factors of the matrices. A zero matrix has rank zero.
    pub factors: Vec<Factor>,
    /// The scales of each.
    pub scales: Vec<Vec<f64>>,
}

impl MatrixPrior {
    /// The number of components.
    pub fn len(&self) -> usize {
        self.scales.iter().map(Vec::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Prior and residual covariance together.
pub struct Model<'a> {
    pub prior: &'a MatrixPrior,
    pub noise: SharedNoise,
    /// `log det Sigma`.
    pub log_det: f64,
    bases: Vec<SharedBasis>,
}

impl<'a> Model<'a> {
    /// One decomposition for each matrix.
    pub fn new(prior: &'a MatrixPrior, covariance: MatRef<'_, f64>) -> Result<Self, Error> {
        let noise = SharedNoise::complete(covariance).ok_or_else(|| Error::Value {
            name: "V",
            why: "(the residual covariance) is not positive definite: give another start, or a \
                  structure with fewer parameters, such as \"diagonal\" or \"lowrank\""
                .into(),
        })?;
        let bases = prior.factors.par_iter().map(|f| SharedBasis::new(&noise, f)).collect();
        let w = noise.whitener.as_ref();
        let log_det = -2.0 * (0..w.nrows()).map(|i| w[(i, i)].ln()).sum::<f64>();
        Ok(Self { prior, noise, log_det, bases })
    }

    /// `tr(Sigma^{-1} M)` for symmetric `M`.
    pub fn trace(&self, m: &Mat<f64>) -> f64 {
        let wm = &self.noise.whitener * m;
        let w = &self.noise.whitener;
        let row = |i: usize| (0..m.ncols()).map(|p| wm[(i, p)] * w[(i, p)]).sum::<f64>();
        (0..w.nrows()).map(row).sum()
    }

    /// The components that `weights` do not exclude, ready for a sweep; all of them if `all`.
    pub fn pack(&self, weights: &[f64], all: bool) -> Packed {
        let mut components = Vec::new();
        let (mut bases, mut scales) = (Vec::new(), Vec::new());
        let mut t = 0;
        for (basis, all_scales) in self.bases.iter().zip(&self.prior.scales) {
            let kept: Vec<usize> =
                (0..all_scales.len()).filter(|l| all || weights[t + l] > 0.0).collect();
            if !kept.is_empty() {
                bases.push(basis.clone());
                scales.push(kept.iter().map(|&l| all_scales[l]).collect());
                components.extend(kept.iter().map(|l| t + l));
            }
            t += all_scales.len();
        }
        let basis = Eigenbasis::new(self.prior.conditions, &bases, &scales);
        let kept: Vec<f64> = components.iter().map(|&t| weights[t]).collect();
        let log_weights = basis.log_weights(&kept);
        Packed { basis, components, log_weights }
    }
}

/// Components that take part in a sweep.
pub struct Packed {
    pub basis: Eigenbasis,
    /// Their numbers in the prior.
    pub components: Vec<usize>,
    pub log_weights: Vec<f64>,
}
