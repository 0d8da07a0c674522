//! The components of a mixture as the kernels take them.

use super::super::Mixture;
use super::CUTOFF;
use crate::linalg::tridiagonal::padded;
use crate::normal_means::direct::pack_lower;

/// A component of positive weight.
#[derive(Debug)]
pub struct Component {
    /// Its number in the mixture.
    pub k: usize,
    /// `log pi_k`.
    pub log_weight: f64,
    /// Responsibilities up to this are left out of the sums.
    pub floor: f64,
    /// `m_k` padded with zeros, unless it is zero.
    pub mean: Option<Vec<f64>>,
    /// `U_k`, packed as in `linalg::cholesky`, padded with zeros.
    pub covariance: Vec<f64>,
    /// Its largest variance.
    pub largest: f64,
}

impl Component {
    /// The components of positive weight, for effects of `r` rows.
    pub fn all(mixture: &Mixture, r: usize) -> Vec<Self> {
        let used = (0..mixture.len()).filter(|&k| mixture.weights[k] > 0.0);
        let component = |k: usize| {
            let mean = mixture.mean(k).filter(|m| m.iter().any(|&v| v != 0.0)).map(|m| {
                let mut mean = m.to_vec();
                mean.resize(padded(r), 0.0);
                mean
            });
            Self {
                k,
                log_weight: mixture.weights[k].ln(),
                floor: CUTOFF * mixture.weights[k],
                mean,
                covariance: pack_lower(mixture.covariances[k].as_ref(), 0.0),
                largest: (0..r).map(|i| mixture.covariances[k][(i, i)]).fold(0.0, f64::max),
            }
        };
        used.map(component).collect()
    }
}
