//! The residual correlation `V` of the measurements of a unit.

use faer::{Mat, MatRef};

use crate::Error;
use crate::linalg::psd;

/// The correlation of the measurements: R conditions, J units.
#[derive(Debug, Clone, Copy)]
pub enum Correlation<'a> {
    /// Independent measurements.
    Identity,
    /// The same R by R matrix for every unit, by columns.
    Common(&'a [f64]),
    /// An R by R matrix for each unit: R by R by J.
    PerUnit(&'a [f64]),
    /// That of differences from a baseline.
    Contrast(Contrast<'a>),
}

/// Measurements that are differences `y_k - c'y` of underlying ones, `y ~ N(., S V S)`, with
/// `c = e_ref` (a reference condition) or `1/R` (the mean). With `g = SVS`,
/// ```text
///   cov(y_k - c'y, y_l - c'y) = g_kl - (gc)_k - (gc)_l + c'gc.
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Contrast<'a> {
    /// Standard errors of the underlying measurements, J by their number, by columns; anything
    /// positive where the contrasts are missing.
    pub s: &'a [f64],
    /// Their correlation: common by columns, or by unit; empty for the identity.
    pub v: &'a [f64],
    /// `c`.
    pub baseline: &'a [f64],
    /// The `k`, ascending.
    pub keep: &'a [usize],
}

impl Correlation<'_> {
    /// Whether each unit has a matrix of its own.
    pub fn by_unit(&self) -> bool {
        matches!(self, Self::PerUnit(_) | Self::Contrast(_))
    }

    /// Correlation of a unit of `units` (the caller's row): the lower triangle, by rows of `r`.
    pub fn lower(&self, unit: usize, units: usize, r: usize, out: &mut [f64]) {
        let matrix = match self {
            Self::Identity => {
                for i in 0..r {
                    out[i * r..i * r + i].fill(0.0);
                    out[i * r + i] = 1.0;
                }
                return;
            }
            Self::Contrast(contrast) => return contrast.lower(unit, units, out),
            Self::Common(v) => v,
            Self::PerUnit(v) => &v[unit * r * r..(unit + 1) * r * r],
        };
        for i in 0..r {
            for p in 0..=i {
                out[i * r + p] = matrix[p * r + i];
            }
        }
    }

    /// Shapes and finite values.
    pub fn check(&self, units: usize, r: usize) -> Result<(), Error> {
        let shape = |name, expected, found| match expected == found {
            true => Ok(()),
            false => Err(Error::Shape { name, expected, found }),
        };
        let (v, width) = match self {
            Self::Identity => return Ok(()),
            Self::Common(v) => (*v, r),
            Self::PerUnit(v) => {
                shape("V", r * r * units, v.len())?;
                (*v, r)
            }
            Self::Contrast(contrast) => {
                let width = contrast.baseline.len();
                shape("s", units * width, contrast.s.len())?;
                let known = contrast.keep.iter().filter(|&&k| k < width).count();
                shape("contrasts", r, known)?;
                (contrast.v, width)
            }
        };
        let one = width * width;
        if !(v.is_empty() && matches!(self, Self::Contrast(_))) && v.len() != one * units {
            shape("V", one, v.len())?;
        }
        match v.iter().position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(i) => {
                let why =
                    format!("is not finite at ({}, {})", i % width + 1, i / width % width + 1);
                Err(Error::Value { name: "V", why })
            }
        }
    }
}

impl Contrast<'_> {
    fn lower(&self, unit: usize, units: usize, out: &mut [f64]) {
        let n = self.baseline.len();
        let s = |i: usize| self.s[i * units + unit];
        let common = self.v.len() == n * n;
        let v = |i: usize, p: usize| match self.v.len() {
            0 => f64::from(u8::from(i == p)),
            _ if common => self.v[p * n + i],
            _ => self.v[(unit * n + p) * n + i],
        };
        let g = |i: usize, p: usize| s(i) * s(p) * v(i, p);
        let uses: Vec<usize> = (0..n).filter(|&i| self.baseline[i] != 0.0).collect();
        let gc: Vec<f64> =
            (0..n).map(|i| uses.iter().map(|&p| g(i, p) * self.baseline[p]).sum()).collect();
        let cgc: f64 = uses.iter().map(|&i| self.baseline[i] * gc[i]).sum();
        let r = self.keep.len();
        let covariance = |k: usize, l: usize| g(k, l) - gc[k] - gc[l] + cgc;
        let sd: Vec<f64> = self.keep.iter().map(|&k| covariance(k, k).sqrt()).collect();
        for (i, &k) in self.keep.iter().enumerate() {
            for (p, &l) in self.keep[..i].iter().enumerate() {
                out[i * r + p] = covariance(k, l) / (sd[i] * sd[p]);
            }
            out[i * r + i] = 1.0;
        }
    }
}

/// What whitens a V.
#[derive(Debug, Clone)]
pub struct Whitener {
    /// `L^{-1}`, lower triangular.
    pub inverse: Mat<f64>,
    /// `log det V`.
    pub log_det: f64,
    /// Whether they have their digits: not if V is nearly singular.
    pub trusted: bool,
}

impl Whitener {
    /// `None` unless V is positive definite.
    pub fn new(v: MatRef<'_, f64>) -> Option<Self> {
        let (inverse, log_det) = psd::whitener(v)?;
        let trusted = psd::trusted(v, inverse.as_ref());
        Some(Self { inverse, log_det, trusted })
    }
}

/// What is worked out once about a V that all units have.
#[derive(Debug, Clone)]
pub enum CommonCorrelation {
    /// There is none: V differs by unit.
    None,
    /// Diagonal, with these square roots.
    Diagonal(Vec<f64>),
    /// General.
    Full(Whitener),
}

impl CommonCorrelation {
    /// For `r` conditions. Fails if a common V is not positive definite.
    pub fn new(v: &Correlation, r: usize) -> Result<Self, Error> {
        let v = match v {
            Correlation::Identity => return Ok(Self::Diagonal(vec![1.0; r])),
            Correlation::PerUnit(_) | Correlation::Contrast(_) => return Ok(Self::None),
            Correlation::Common(v) => MatRef::from_column_major_slice(v, r, r),
        };
        let off = (0..r).any(|i| (0..i).any(|p| v[(i, p)] != 0.0));
        let positive = (0..r).all(|i| v[(i, i)] > 0.0);
        if !off && positive {
            return Ok(Self::Diagonal((0..r).map(|i| v[(i, i)].sqrt()).collect()));
        }
        psd::check_psd(v, "`V`")?;
        let why = "is not positive definite".to_string();
        Whitener::new(v).map(Self::Full).ok_or(Error::Value { name: "V", why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `L S V S L'` over its standard deviations, densely.
    fn slow(l: &[Vec<f64>], s: &[f64], v: &[f64]) -> Vec<f64> {
        let n = s.len();
        let covariance = |a: &[f64], b: &[f64]| -> f64 {
            let term = |k: usize| a[k / n] * b[k % n] * s[k / n] * s[k % n] * v[k];
            (0..n * n).map(term).sum()
        };
        let sd: Vec<f64> = l.iter().map(|a| covariance(a, a).sqrt()).collect();
        let mut out = Vec::new();
        for (a, sa) in l.iter().zip(&sd) {
            out.extend(l.iter().zip(&sd).map(|(b, sb)| covariance(a, b) / (sa * sb)));
        }
        out
    }

    #[test]
    fn contrasts_have_the_covariance_of_differences() {
        let (n, units, unit) = (4, 3, 1);
        let s: Vec<f64> = (0..n * units).map(|i| 0.5 + i as f64 * 0.3).collect();
        let own: Vec<f64> = (0..n).map(|i| s[i * units + unit]).collect();
        let v: Vec<f64> =
            (0..n * n).map(|k| 0.4_f64.powi((k as i32 % 4 - k as i32 / 4).abs())).collect();
        let identity: Vec<f64> = (0..n * n).map(|k| f64::from(u8::from(k % 5 == 0))).collect();
        let each = [&identity[..], &v, &identity].concat();
        let references =
            [(vec![0.0, 1.0, 0.0, 0.0], vec![0, 2, 3]), (vec![0.25; 4], vec![0, 1, 2])];
        for (baseline, keep) in references {
            let row = |k: usize| -> Vec<f64> {
                (0..n).map(|i| f64::from(u8::from(i == k)) - baseline[i]).collect()
            };
            let l: Vec<Vec<f64>> = keep.iter().map(|&k| row(k)).collect();
            for (given, full) in [(&[][..], &identity), (&v, &v), (&each, &v)] {
                let contrast = Contrast { s: &s, v: given, baseline: &baseline, keep: &keep };
                let correlation = Correlation::Contrast(contrast);
                correlation.check(units, 3).unwrap();
                let mut out = vec![f64::NAN; 9];
                correlation.lower(unit, units, 3, &mut out);
                let want = slow(&l, &own, full);
                for i in 0..3 {
                    for p in 0..=i {
                        assert!((out[i * 3 + p] - want[i * 3 + p]).abs() < 1e-14);
                    }
                }
            }
        }
    }
}
