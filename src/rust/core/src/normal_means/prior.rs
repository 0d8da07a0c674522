//! The prior: components `w_l^2 U_k` (matrices by scales), and perhaps a point mass at zero.

use crate::Error;
use crate::linalg::psd::{self, Factor};

/// `b ~ pi_0 delta_0 + sum_{l,k} pi_{lk} N(0, w_l^2 F_k F_k')`.
#[derive(Debug, Clone)]
pub struct Prior {
    /// The number of conditions, R.
    pub conditions: usize,
    /// The factors `F_k` of the covariances.
    pub components: Vec<Factor>,
    /// The squared grid, `w_l^2`.
    pub scales: Vec<f64>,
    /// Whether the first component is a point mass at zero.
    pub null: bool,
}

impl Prior {
    /// From covariance matrices by columns (R by R each), their names, and the grid of `w_l`.
    pub fn new(
        conditions: usize,
        matrices: &[(&str, &[f64])],
        grid: &[f64],
        null: bool,
    ) -> Result<Self, Error> {
        if let Some(l) = grid.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
            let why = format!("must be finite and not negative, unlike element {}", l + 1);
            return Err(Error::Value { name: "grid", why });
        }
        let factor = |(name, matrix): &(&str, &[f64])| psd::factor(conditions, matrix, name);
        let components = matrices.iter().map(factor).collect::<Result<Vec<_>, _>>()?;
        let scales = grid.iter().map(|w| w * w).collect();
        Ok(Self { conditions, components, scales, null })
    }

    /// The number of components, P: the point mass, then for each scale all matrices.
    pub fn len(&self) -> usize {
        usize::from(self.null) + self.components.len() * self.scales.len()
    }

    /// Whether there is no component at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where matrix `k` at scale `l` stands among the components.
    pub fn column(&self, k: usize, l: usize) -> usize {
        usize::from(self.null) + l * self.components.len() + k
    }

    /// The matrix and scale of component `p`, or `None` for the point mass.
    pub fn locate(&self, p: usize) -> Option<(usize, usize)> {
        let p = p.checked_sub(usize::from(self.null))?;
        Some((p % self.components.len(), p / self.components.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_numbered_null_first_then_scale_by_scale() {
        let (a, b): (&[f64], &[f64]) = (&[1.0], &[2.0]);
        for null in [false, true] {
            let prior = Prior::new(1, &[("a", a), ("b", b)], &[0.5, 1.0, 2.0], null).unwrap();
            assert_eq!(prior.len(), 6 + usize::from(null));
            let mut p = usize::from(null);
            for l in 0..3 {
                for k in 0..2 {
                    assert_eq!((prior.column(k, l), prior.locate(p)), (p, Some((k, l))));
                    p += 1;
                }
            }
            assert_eq!(prior.locate(0).is_none(), null);
        }
        assert!(Prior::new(1, &[("a", a)], &[f64::NAN], true).is_err());
    }
}
