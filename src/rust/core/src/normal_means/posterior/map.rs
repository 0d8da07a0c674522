//! Linear functions `A b` of the effects in place of the effects themselves.
//!
//! If effects are reported as the model has them, or with scales that all units share, a component
//! `b = F a` becomes `(AF) a`: nothing else changes. If each unit has scales of its own, `A diag(s_j)`
//! is applied to the moments of the component ([`Projection`]).

use faer::{Mat, MatRef};

use super::accumulate::Cell;
use super::accumulate::{Signs, Step, scaled_precision, signs};
use super::component::triangle;
use crate::linalg::lanes::Lanes;
use crate::linalg::psd::Factor;

/// Entries of `AF` below this multiple of R times what they would be without cancellation are
/// rounding: the function does not depend on the component.
const ROUNDING: f64 = 64.0 * f64::EPSILON;

/// The same for variances that were computed as differences, and as squares of differences.
const VARIANCE_ROUNDING: f64 = 1e-13;
pub const SQUARE_ROUNDING: f64 = 1e-26;

/// How the results follow from the effects.
#[derive(Debug, Clone)]
pub enum Map {
    /// They are the effects.
    Effects,
    /// `A b`, Q by R.
    Fixed(Mat<f64>),
    /// `A diag(s_j) b` with a scale for each unit and condition.
    Scaled(Mat<f64>),
}

impl Map {
    /// From `A` and the scales, J by R by columns. Scales that all units share become part of `A`.
    pub fn new(a: Option<MatRef<'_, f64>>, scale: Option<&[f64]>, units: usize) -> Self {
        let Some(a) = a else { return Self::Effects };
        let Some(scale) = scale else { return Self::Fixed(a.to_owned()) };
        let shared = scale.chunks_exact(units.max(1)).all(|s| s.iter().all(|v| *v == s[0]));
        match shared {
            true => {
                Self::Fixed(Mat::from_fn(a.nrows(), a.ncols(), |q, r| a[(q, r)] * scale[r * units]))
            }
            false => Self::Scaled(a.to_owned()),
        }
    }

    /// The number of results per unit, of `conditions` effects.
    pub fn outputs(&self, conditions: usize) -> usize {
        match self {
            Self::Effects => conditions,
            Self::Fixed(a) | Self::Scaled(a) => a.nrows(),
        }
    }

    /// `A` where components can be mapped beforehand.
    pub fn fixed(&self) -> Option<MatRef<'_, f64>> {
        match self {
            Self::Fixed(a) => Some(a.as_ref()),
            _ => None,
        }
    }

    /// `AF`, with rows that are zero but for rounding exactly zero.
    pub fn apply(&self, factor: &Factor) -> Factor {
        let Some(a) = self.fixed() else { return factor.clone() };
        let norm = |r: usize| factor.row(r).iter().map(|f| f * f).sum::<f64>().sqrt();
        let norms: Vec<f64> = (0..factor.rows).map(norm).collect();
        let (rows, rank) = (a.nrows(), factor.rank);
        let mut mapped = Factor { rows, rank, values: vec![0.0; rows * rank], support: vec![] };
        for q in 0..rows {
            let row = &mut mapped.values[q * rank..(q + 1) * rank];
            for r in 0..factor.rows {
                for (to, f) in row.iter_mut().zip(factor.row(r)) {
                    *to += a[(q, r)] * f;
                }
            }
            let whole: f64 = norms.iter().enumerate().map(|(r, n)| a[(q, r)].abs() * n).sum();
            let left = row.iter().map(|h| h * h).sum::<f64>().sqrt();
            if left <= ROUNDING * factor.rows as f64 * whole {
                row.fill(0.0);
            } else {
                mapped.support.push(q);
            }
        }
        mapped
    }

    /// `A` times the rows of a matrix with a row for each effect.
    pub fn lift(&self, lift: Mat<f64>) -> Mat<f64> {
        self.fixed().map_or_else(|| lift.clone(), |a| a * &lift)
    }
}

/// `A diag(s_j)` on the moments of a component, for the units in the lanes.
pub struct Projection<V> {
    /// The entries of each row of `A` that are not zero.
    rows: Vec<Vec<(usize, f64)>>,
    /// The scales of the units.
    pub scale: Vec<V>,
    /// Mean and covariance (lower triangle by rows) of a component's effects.
    pub mean: Vec<V>,
    pub covariance: Vec<V>,
    /// The same of the results.
    pub mapped_mean: Vec<V>,
    pub mapped_covariance: Vec<V>,
}

impl<V: Lanes> Projection<V> {
    pub fn new(a: &Mat<f64>, covariance: bool) -> Self {
        let (q, r) = (a.nrows(), a.ncols());
        let row = |i: usize| (0..r).map(|c| (c, a[(i, c)])).filter(|e| e.1 != 0.0).collect();
        let of = |len: usize| vec![V::splat(0.0); len];
        Self {
            rows: (0..q).map(row).collect(),
            scale: of(r),
            mean: of(r),
            covariance: of(triangle(r, 0)),
            mapped_mean: of(q),
            mapped_covariance: of(if covariance { triangle(q, 0) } else { 0 }),
        }
    }

    /// Start a component whose moments are zero outside its support.
    #[inline(always)]
    pub fn clear(&mut self) {
        self.mean.fill(V::splat(0.0));
        self.covariance.fill(V::splat(0.0));
    }

    /// `sum_r A_qr s_r f_r`.
    #[inline(always)]
    pub fn combine(&self, q: usize, f: &[f64]) -> V {
        let mut sum = V::splat(0.0);
        for &(r, a) in &self.rows[q] {
            sum = self.scale[r].mul_add(V::splat(a * f[r]), sum);
        }
        sum
    }

    /// The same if nothing cancelled.
    #[inline(always)]
    pub fn combine_absolute(&self, q: usize, f: &[f64]) -> V {
        let mut sum = V::splat(0.0);
        for &(r, a) in &self.rows[q] {
            sum = self.scale[r].mul_add(V::splat((a * f[r]).abs()), sum);
        }
        sum
    }

    /// `cov(A_q diag(s) b, A_p diag(s) b)`.
    #[inline(always)]
    fn bilinear(&self, q: usize, p: usize) -> V {
        let mut sum = V::splat(0.0);
        for &(r, a) in &self.rows[q] {
            let mut inner = V::splat(0.0);
            for &(c, b) in &self.rows[p] {
                let covariance = self.covariance[triangle(r.max(c), r.min(c))];
                inner = (self.scale[c] * V::splat(b)).mul_add(covariance, inner);
            }
            sum = (self.scale[r] * V::splat(a)).mul_add(inner, sum);
        }
        sum
    }

    /// What the variance would be if nothing cancelled.
    #[inline(always)]
    fn bound(&self, q: usize) -> V {
        let mut sum = V::splat(0.0);
        for &(r, a) in &self.rows[q] {
            let sd = self.covariance[triangle(r, r)].max(V::splat(0.0)).sqrt();
            sum = (self.scale[r] * V::splat(a.abs())).mul_add(sd, sum);
        }
        sum * sum
    }

    /// The means of all results from those of the effects.
    #[inline(always)]
    pub fn map_mean(&mut self) {
        for q in 0..self.rows.len() {
            let mut mean = V::splat(0.0);
            for &(r, a) in &self.rows[q] {
                mean = (self.scale[r] * V::splat(a)).mul_add(self.mean[r], mean);
            }
            self.mapped_mean[q] = mean;
        }
    }

    /// A component into the running sums, after [`map_mean`](Self::map_mean).
    #[inline(always)]
    pub fn add(&self, weight: V, step: Step<V>, cells: &mut [Cell<V>]) {
        for (q, cell) in cells.iter_mut().enumerate() {
            let mean = self.mapped_mean[q];
            let variance = self.bilinear(q, q);
            let least = V::splat(VARIANCE_ROUNDING) * self.bound(q);
            add_or_zero(cell, weight, step, mean, variance, least);
        }
    }

    /// The covariances of all results.
    #[inline(always)]
    pub fn map_covariance(&mut self) {
        for q in 0..self.rows.len() {
            for p in 0..=q {
                self.mapped_covariance[triangle(q, p)] = self.bilinear(q, p);
            }
        }
    }
}

/// A component into the sums of one result: as a point mass at zero in the lanes where its variance
/// is not above `least`.
#[inline(always)]
pub fn add_or_zero<V: Lanes>(
    cell: &mut Cell<V>,
    weight: V,
    step: Step<V>,
    mean: V,
    variance: V,
    least: V,
) {
    let zero = V::splat(0.0);
    let above = variance - least.max(V::splat(f64::MIN_POSITIVE));
    let mean = above.select_negative(zero, mean);
    let variance = above.select_negative(zero, variance);
    let spread = above.select_negative(zero, weight);
    let Signs { negative, positive } = signs(spread, mean, scaled_precision(variance));
    cell.add(step, mean, variance, Signs { negative, positive });
    cell.zero = cell.zero + (weight - spread);
}
