//! Bayes factors of models in which each condition is unassociated, directly or indirectly
//! associated with a unit, from z-scores of `n` samples (Stephens 2013).
//!
//! Let `V` be the residual correlation, `f = 1` or the variance `2 maf (1 - maf)` of the unit, and
//! `s = sqrt(f) z / sqrt(n)` its covariance with the conditions. With U unassociated, D directly
//! and I indirectly associated conditions,
//! ```text
//!   C = f - s_U' V_UU^{-1} s_U,   u = s_D - V_DU V_UU^{-1} s_U,   S = V_DD - V_DU V_UU^{-1} V_UD,
//!   k = 1 / (1 + 1 / (sigma^2 n C)),
//!   log BF = |D| / 2 log(1 - k) - (n + d - 1 - |I|) / 2 log(1 - k u' S^{-1} u / C).
//! ```
//! The residual covariance is integrated out: that is the difference, of order 1 / n, to a
//! normal-means problem with known V.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use crate::linalg::psd;
use crate::{Error, Monitor};

/// A condition in a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// No effect.
    Unassociated,
    /// An effect of its own.
    Direct,
    /// An effect that follows from others.
    Indirect,
}

/// What a model needs of V.
struct Model {
    unassociated: Vec<usize>,
    direct: Vec<usize>,
    indirect: usize,
    /// Whitener of `V_UU`.
    white_u: Mat<f64>,
    /// `V_DU V_UU^{-1/2}'`.
    cross: Mat<f64>,
    /// Whitener of `S`.
    white_d: Mat<f64>,
}

impl Model {
    fn new(roles: &[Role], v: MatRef<'_, f64>) -> Result<Self, Error> {
        let of = |role| (0..roles.len()).filter(|&i| roles[i] == role).collect::<Vec<_>>();
        let (u, d) = (of(Role::Unassociated), of(Role::Direct));
        let part =
            |a: &[usize], b: &[usize]| Mat::from_fn(a.len(), b.len(), |i, j| v[(a[i], b[j])]);
        let whiten = |m: &Mat<f64>| match m.nrows() {
            0 => Ok(Mat::zeros(0, 0)),
            _ => psd::whitener(m.as_ref())
                .map(|(w, _)| w)
                .ok_or(Error::NotPsd { name: "`V`".into(), eigenvalue: f64::NAN }),
        };
        let white_u = whiten(&part(&u, &u))?;
        let cross = part(&d, &u) * white_u.transpose();
        let white_d = whiten(&(part(&d, &d) - &cross * cross.transpose()))?;
        let indirect = of(Role::Indirect).len();
        Ok(Self { unassociated: u, direct: d, indirect, white_u, cross, white_d })
    }

    /// `(C, u' S^{-1} u)`.
    fn squares(&self, s: &[f64], variance: f64) -> (f64, f64) {
        let pick = |a: &[usize]| Mat::from_fn(a.len(), 1, |i, _| s[a[i]]);
        let c = &self.white_u * pick(&self.unassociated);
        let u = pick(&self.direct) - &self.cross * &c;
        let a = &self.white_d * u;
        (variance - c.squared_norm_l2(), a.squared_norm_l2())
    }
}

/// Natural logarithms of Bayes factors: models by units by scales, in that order. `variance` of
/// each unit, number of samples `n` of each unit, `sigma` the scales of effects in standard
/// deviations.
pub fn log_bayes_factors(
    z: MatRef<'_, f64>,
    v: MatRef<'_, f64>,
    n: &[f64],
    variance: &[f64],
    sigma: &[f64],
    models: &[Vec<Role>],
    monitor: &Monitor,
) -> Result<Vec<f64>, Error> {
    let (units, d) = (z.nrows(), z.ncols());
    let prepared: Vec<Model> =
        models.par_iter().map(|m| Model::new(m, v)).collect::<Result<_, _>>()?;
    let unit = |i: usize| {
        monitor.advance(1)?;
        let s: Vec<f64> = (0..d).map(|r| z[(i, r)] * (variance[i] / n[i]).sqrt()).collect();
        let mut out = vec![0.0; models.len() * sigma.len()];
        for (m, model) in prepared.iter().enumerate() {
            let (c, square) = model.squares(&s, variance[i]);
            if c <= 0.0 {
                let why = format!("of row {} are impossible for `n` samples", i + 1);
                return Err(Error::Value { name: "Z", why });
            }
            let count = model.direct.len() as f64;
            let power = n[i] + d as f64 - 1.0 - model.indirect as f64;
            for (t, sigma) in sigma.iter().enumerate() {
                let precision = sigma * sigma * n[i] * c;
                let k = precision / (1.0 + precision);
                let rest = -k * square / c;
                if rest <= -1.0 {
                    let why = format!("of row {} are impossible for `n` samples", i + 1);
                    return Err(Error::Value { name: "Z", why });
                }
                out[t * models.len() + m] =
                    -0.5 * (count * precision.ln_1p() + power * rest.ln_1p());
            }
        }
        Ok(out)
    };
    let parts: Vec<Vec<f64>> = (0..units).into_par_iter().map(unit).collect::<Result<_, _>>()?;
    let mut out = Vec::with_capacity(models.len() * units * sigma.len());
    for t in 0..sigma.len() {
        for part in &parts {
            out.extend_from_slice(&part[t * models.len()..(t + 1) * models.len()]);
        }
    }
    Ok(out)
}
