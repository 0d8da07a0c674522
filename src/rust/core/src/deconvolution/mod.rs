//! Prior covariances learnt from data: `x_j ~ N(R_j b_j, N_j)`, `b_j ~ sum_k pi_k N(m_k, U_k)`,
//! with known noise `N_j` and known `R_j` (the identity, rows of it, or anything).
//!
//! - `estep`: responsibilities, and the sums over units that every update of a component needs;
//! - `updates`: updates of one component as functions of those sums;
//! - `ud`: penalised maximum likelihood with the fast updates;
//! - `ed`: extreme deconvolution, the EM algorithm;
//! - `correlations`: the same with correlations held back.
//!
//! With `T_jk = R_j U_k R_j' + N_j` and `y_jk = T_jk^{-1} (x_j - R_j m_k)`, the sums of component k
//! are
//! ```text
//!   q = sum_j q_jk,  A = sum_j q_jk R_j' T_jk^{-1} R_j,  C = sum_j q_jk (R_j'y_jk)(R_j'y_jk)',
//!   y = sum_j q_jk R_j' y_jk,
//! ```
//! and `(C - A) / 2` is the gradient of the log-likelihood in `U_k`. Nothing of size R x R is kept
//! for a unit, and `U_k` is never inverted.

pub mod correlations;
pub mod ed;
pub mod estep;
pub mod ud;
pub mod updates;

use faer::Mat;

use crate::Error;

pub use estep::{EStep, Expectation, Observations, Projected, Sums};

/// A mixture of normal distributions: the prior of the effects.
#[derive(Debug, Clone)]
pub struct Mixture {
    /// `pi_k`, not negative. Components of weight zero are left out of everything.
    pub weights: Vec<f64>,
    /// `m_k`, or nothing at all if every mean is zero.
    pub means: Vec<Vec<f64>>,
    /// `U_k`, symmetric positive semi-definite; may be singular.
    pub covariances: Vec<Mat<f64>>,
}

impl Mixture {
    /// The number of components.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether there is no component.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// The mean of component `k`, if it is not zero by default.
    pub fn mean(&self, k: usize) -> Option<&[f64]> {
        self.means.get(k).map(Vec::as_slice)
    }

    /// Shapes and values, for effects of `dimension` rows.
    pub fn check(&self, dimension: usize) -> Result<(), Error> {
        let shape = |name, expected, found| match expected == found {
            true => Ok(()),
            false => Err(Error::Shape { name, expected, found }),
        };
        shape("covariances", self.len(), self.covariances.len())?;
        if !self.means.is_empty() {
            shape("means", self.len(), self.means.len())?;
        }
        let number = |name, k: usize, ok: bool| {
            let why = format!("of component {} must be finite", k + 1);
            if ok { Ok(()) } else { Err(Error::Value { name, why }) }
        };
        for (k, u) in self.covariances.iter().enumerate() {
            shape("covariance", dimension, u.nrows())?;
            shape("covariance", dimension, u.ncols())?;
            number("covariance", k, u.norm_max().is_finite())?;
            number("weight", k, self.weights[k].is_finite() && self.weights[k] >= 0.0)?;
            if let Some(mean) = self.mean(k) {
                shape("mean", dimension, mean.len())?;
                number("mean", k, mean.iter().all(|m| m.is_finite()))?;
            }
        }
        if self.weights.iter().sum::<f64>() > 0.0 {
            return Ok(());
        }
        Err(Error::Value { name: "weights", why: "must not all be zero".into() })
    }
}

#[cfg(test)]
pub mod testing;
