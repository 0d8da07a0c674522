//! The prior, and the prior in the eigenbasis of the current residual covariance.

use faer::{Mat, MatRef};

use crate::Error;
use crate::linalg::psd::Factor;
use crate::normal_means::eigenbasis::{Eigenbasis, Grid};
use crate::normal_means::problem::SharedNoise;

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
    basis: Eigenbasis,
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
        let basis = Eigenbasis::new(&noise, &prior.factors);
        let w = noise.whitener.as_ref();
        let log_det = -2.0 * (0..w.nrows()).map(|i| w[(i, i)].ln()).sum::<f64>();
        Ok(Self { prior, noise, log_det, basis })
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
        let (mut matrices, mut scales) = (Vec::new(), Vec::new());
        let mut t = 0;
        for (k, all_scales) in self.prior.scales.iter().enumerate() {
            let kept: Vec<usize> =
                (0..all_scales.len()).filter(|l| all || weights[t + l] > 0.0).collect();
            if !kept.is_empty() {
                matrices.push(k);
                scales.push(kept.iter().map(|&l| all_scales[l]).collect());
                components.extend(kept.iter().map(|l| t + l));
            }
            t += all_scales.len();
        }
        let grid = Grid::new(&self.basis, &matrices, &scales);
        let kept: Vec<f64> = components.iter().map(|&t| weights[t]).collect();
        let log_weights = grid.log_weights(&kept);
        Packed { grid, components, log_weights }
    }
}

/// Components that take part in a sweep.
pub struct Packed {
    pub grid: Grid,
    /// Their numbers in the prior.
    pub components: Vec<usize>,
    pub log_weights: Vec<f64>,
}
