//! The components of a mixture as the kernels take them.

use faer::MatRef;

use super::super::Mixture;
use super::CUTOFF;
use crate::linalg::cholesky;
use crate::linalg::tridiagonal::padded;

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
            }
        };
        used.map(component).collect()
    }
}

/// The lower triangle of a matrix, packed as in `linalg::cholesky`, with `pad` on the diagonal of
/// the padding.
pub fn pack_lower(m: MatRef<'_, f64>, pad: f64) -> Vec<f64> {
    let n = m.nrows();
    let mut out = vec![0.0; cholesky::packed_len(n)];
    for i in 0..n {
        for p in 0..=i {
            out[cholesky::offset(i, p)] = m[(i, p)];
        }
    }
    for i in n..padded(n) {
        out[cholesky::offset(i, i)] = pad;
    }
    out
}
