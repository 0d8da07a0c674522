//! The prior of an effect in R conditions: covariance matrices by scales, and perhaps a point mass.
//!
//! ```text
//! b ~ pi_0 delta_0 + sum_{k,l} pi_kl N(0, s_kl F_k F_k')
//! ```
//! Every method reads this one: mash, fine-mapping and regression differ in what they put in, a grid
//! that all matrices share, scales of their own, or one scale each. Components are numbered the point
//! mass first, then scale by scale: the first scale of all matrices, then the second of those that have
//! one, and so on. Columns of likelihoods, weights and their names follow that order.

use crate::Error;
use crate::linalg::psd::{self, Factor};

/// Matrices with their scales, and weights of all components.
#[derive(Debug, Clone)]
pub struct Prior {
    /// The number of conditions, R.
    pub conditions: usize,
    /// The factors `F_k` of the covariances. A zero matrix has rank zero.
    pub factors: Vec<Factor>,
    /// For each matrix, the multipliers `s_kl` of its covariance.
    pub scales: Vec<Vec<f64>>,
    /// The weights of the components, in their order: equal unless they were given.
    pub weights: Vec<f64>,
    /// Whether the first component is a point mass at zero.
    pub null: bool,
    /// The matrix and the scale of each component after the point mass.
    places: Vec<(usize, usize)>,
    /// The component of each matrix and scale.
    columns: Vec<Vec<usize>>,
}

impl Prior {
    /// Matrices that share a grid: covariances by columns (R by R each) with their names, and
    /// standard deviations `w_l`, of which the scales are the squares.
    ///
    /// # Errors
    /// A matrix that is not positive semi-definite; a grid that is negative or not finite.
    pub fn new(
        conditions: usize,
        matrices: &[(&str, &[f64])],
        grid: &[f64],
        null: bool,
    ) -> Result<Self, Error> {
        check("grid", grid)?;
        let factor = |(name, matrix): &(&str, &[f64])| psd::factor(conditions, matrix, name);
        let factors = matrices.iter().map(factor).collect::<Result<Vec<_>, _>>()?;
        let squares: Vec<f64> = grid.iter().map(|w| w * w).collect();
        let scales = vec![squares; factors.len()];
        Ok(Self::number(conditions, factors, scales, null))
    }

    /// Matrices with scales of their own.
    ///
    /// # Errors
    /// Factors of other sizes; not one list of scales for each; scales negative or not finite.
    pub fn scaled(
        conditions: usize,
        factors: Vec<Factor>,
        scales: Vec<Vec<f64>>,
        null: bool,
    ) -> Result<Self, Error> {
        if let Some(other) = factors.iter().find(|f| f.rows != conditions) {
            let (expected, found) = (conditions, other.rows);
            return Err(Error::Shape { name: "prior covariance", expected, found });
        }
        if scales.len() != factors.len() {
            let (expected, found) = (factors.len(), scales.len());
            return Err(Error::Shape { name: "scales", expected, found });
        }
        scales.iter().try_for_each(|scales| check("scales", scales))?;
        Ok(Self::number(conditions, factors, scales, null))
    }

    fn number(conditions: usize, factors: Vec<Factor>, scales: Vec<Vec<f64>>, null: bool) -> Self {
        let mut places = Vec::with_capacity(scales.iter().map(Vec::len).sum());
        let most = scales.iter().map(Vec::len).max().unwrap_or(0);
        let mut columns = vec![Vec::new(); scales.len()];
        for l in 0..most {
            for k in (0..scales.len()).filter(|&k| l < scales[k].len()) {
                columns[k].push(usize::from(null) + places.len());
                places.push((k, l));
            }
        }
        let p = usize::from(null) + places.len();
        let weights = vec![1.0 / p as f64; p];
        Self { conditions, factors, scales, weights, null, places, columns }
    }

    /// The same with these weights, which need not sum to one.
    ///
    /// # Errors
    /// Not a weight for each component; weights negative, not finite, or all zero.
    pub fn with_weights(mut self, weights: &[f64]) -> Result<Self, Error> {
        if weights.len() != self.len() || weights.is_empty() {
            let (expected, found) = (self.len(), weights.len());
            return Err(Error::Shape { name: "pi", expected, found });
        }
        check("pi", weights)?;
        if !weights.iter().any(|w| *w > 0.0) {
            return Err(Error::Value { name: "pi", why: "has no positive weight".into() });
        }
        self.weights.copy_from_slice(weights);
        Ok(self)
    }

    /// The same with all scales multiplied.
    pub fn times(mut self, scale: f64) -> Self {
        self.scales.iter_mut().flatten().for_each(|s| *s *= scale);
        self
    }

    /// The number of components, P.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether there is no component at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where matrix `k` at scale `l` stands among the components.
    pub fn column(&self, k: usize, l: usize) -> usize {
        self.columns[k][l]
    }

    /// The matrix and scale of component `p`, or `None` for the point mass.
    pub fn locate(&self, p: usize) -> Option<(usize, usize)> {
        Some(self.places[p.checked_sub(usize::from(self.null))?])
    }
}

/// Not negative, and finite.
fn check(name: &'static str, values: &[f64]) -> Result<(), Error> {
    match values.iter().position(|x| !(x.is_finite() && *x >= 0.0)) {
        None => Ok(()),
        Some(i) => {
            let why = format!("must be finite and not negative, unlike element {}", i + 1);
            Err(Error::Value { name, why })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(n: usize) -> Vec<Factor> {
        (0..n).map(|k| psd::factor(1, &[k as f64], "U").unwrap()).collect()
    }

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
            assert_eq!(prior.scales, vec![vec![0.25, 1.0, 4.0]; 2]);
        }
    }

    #[test]
    fn matrices_with_fewer_scales_are_passed_over() {
        let scales = vec![vec![1.0], vec![0.1, 0.2, 0.3], vec![], vec![5.0, 6.0]];
        let prior = Prior::scaled(1, factors(4), scales, true).unwrap();
        let order: Vec<_> = (0..prior.len()).map(|p| prior.locate(p)).collect();
        let want = [None, Some((0, 0)), Some((1, 0)), Some((3, 0)), Some((1, 1)), Some((3, 1))];
        assert_eq!(order[..6], want);
        assert_eq!(order[6..], [Some((1, 2))]);
        for (p, place) in order.iter().enumerate() {
            assert!(place.is_none_or(|(k, l)| prior.column(k, l) == p));
        }
        assert_eq!(prior.times(2.0).scales[3], [10.0, 12.0]);
    }

    #[test]
    fn unusable_scales_and_weights_are_named() {
        assert!(Prior::new(1, &[("a", &[1.0])], &[f64::NAN], true).is_err());
        assert!(Prior::scaled(1, factors(1), vec![vec![-1.0]], false).is_err());
        assert!(Prior::scaled(1, factors(2), vec![vec![1.0]], false).is_err());
        assert!(Prior::scaled(2, factors(1), vec![vec![1.0]], false).is_err());
        let prior = || Prior::scaled(1, factors(1), vec![vec![1.0, 2.0]], false).unwrap();
        assert_eq!(prior().weights, [0.5, 0.5]);
        for pi in [&[1.0][..], &[], &[0.5, -0.5], &[0.0, 0.0], &[f64::NAN, 1.0]] {
            assert!(prior().with_weights(pi).is_err());
        }
        assert_eq!(prior().with_weights(&[0.0, 1.0]).unwrap().weights, [0.0, 1.0]);
    }
}
