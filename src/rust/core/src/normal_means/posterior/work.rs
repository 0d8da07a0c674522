//! One component into the running sums of a batch.

use super::accumulate::{Accumulator, Signs, Step, scaled_precision, signs};
use super::component::{Packed, triangle};
use super::eliminate::Elimination;
use super::map::{Projection, SQUARE_ROUNDING, add_or_zero};
use super::mend::set;
use crate::linalg::lanes::Lanes;
use crate::normal_means::careful::Moments;

/// The variances of a component in the conditions of its support.
pub trait Spread<V: Lanes> {
    /// The variance of condition `at` of the support, and `1 / (sd sqrt 2)`.
    fn variance(&self, at: usize) -> (V, V);
    /// The covariance: lower triangle by rows, over all conditions; zeros are there already.
    fn covariance(&self, out: &mut [V]);
}

/// Variances that differ by unit, from an elimination.
pub struct ByUnit<'a, V> {
    pub elimination: &'a Elimination<V>,
    pub of: &'a Packed,
    pub w: f64,
    pub variance: &'a [V],
    /// Lanes of which the elimination has lost the digits, and their moments.
    pub mended: &'a [(usize, Moments)],
}

impl<V: Lanes> Spread<V> for ByUnit<'_, V> {
    #[inline(always)]
    fn variance(&self, at: usize) -> (V, V) {
        (self.variance[at], scaled_precision(self.variance[at]))
    }
    #[inline(always)]
    fn covariance(&self, out: &mut [V]) {
        self.elimination.covariance(self.of, self.w, out);
        for (lane, moments) in self.mended {
            for (a, &i) in self.of.support.iter().enumerate() {
                for (b, &p) in self.of.support[..=a].iter().enumerate() {
                    set(&mut out[triangle(i, p)], *lane, moments.covariance(a, b));
                }
            }
        }
    }
}

/// Variances that are the same for all units.
pub struct Common<'a> {
    pub variance: &'a [f64],
    pub precision: &'a [f64],
    pub covariance: &'a [f64],
}

impl<V: Lanes> Spread<V> for Common<'_> {
    #[inline(always)]
    fn variance(&self, at: usize) -> (V, V) {
        (V::splat(self.variance[at]), V::splat(self.precision[at]))
    }
    #[inline(always)]
    fn covariance(&self, out: &mut [V]) {
        for (out, &c) in out.iter_mut().zip(self.covariance) {
            *out = V::splat(c);
        }
    }
}

/// The running sums of a batch, and room for one component's covariance.
pub struct Work<V> {
    pub sums: Accumulator<V>,
    /// If results are functions of the effects that differ by unit.
    pub projection: Option<Projection<V>>,
    mean: Vec<V>,
    component: Vec<V>,
}

impl<V: Lanes> Work<V> {
    pub fn new(conditions: usize, covariance: bool, projection: Option<Projection<V>>) -> Self {
        let (r, triangle) = match covariance && projection.is_none() {
            true => (conditions, triangle(conditions, 0)),
            false => (0, 0),
        };
        Self {
            sums: Accumulator::new(conditions, covariance),
            projection,
            mean: vec![V::splat(0.0); r],
            component: vec![V::splat(0.0); triangle],
        }
    }

    /// A component of rank one, `b = f a`, from the moments of `a`. The signs of `b` are those of `a`
    /// or their opposites, so one tail probability serves all conditions.
    #[inline(always)]
    pub fn add_line(&mut self, weight: V, f: &[f64], mean: V, variance: V) {
        let step = self.sums.step(weight);
        if self.projection.is_some() {
            return self.project_line(weight, step, f, mean, variance);
        }
        if self.sums.covariance.is_some() {
            for (i, &fi) in f.iter().enumerate() {
                self.mean[i] = V::splat(fi) * mean;
                for (p, &fp) in f[..=i].iter().enumerate() {
                    self.component[triangle(i, p)] = V::splat(fi * fp) * variance;
                }
            }
            self.sums.add_covariance(step, &self.mean, &self.component);
        }
        let same = signs(weight, mean, scaled_precision(variance));
        let opposite = Signs { negative: same.positive, positive: same.negative };
        for (cell, &f) in self.sums.cells.iter_mut().zip(f) {
            if f == 0.0 {
                cell.add_zero(step);
            } else {
                let signs = if f > 0.0 { same } else { opposite };
                cell.add(step, V::splat(f) * mean, V::splat(f * f) * variance, signs);
            }
        }
    }

    /// Any component: its means in the conditions of its support.
    #[inline(always)]
    pub fn add(&mut self, weight: V, support: &[usize], mean: &[V], spread: &impl Spread<V>) {
        let step = self.sums.step(weight);
        if let Some(projection) = &mut self.projection {
            projection.clear();
            for (&r, &m) in support.iter().zip(mean) {
                projection.mean[r] = m;
            }
            spread.covariance(&mut projection.covariance);
            projection.map_mean();
            if self.sums.covariance.is_some() {
                projection.map_covariance();
                let (mean, of) = (&projection.mapped_mean, &projection.mapped_covariance);
                self.sums.add_covariance(step, mean, of);
            }
            return projection.add(weight, step, &mut self.sums.cells);
        }
        if self.sums.covariance.is_some() {
            self.mean.fill(V::splat(0.0));
            self.component.fill(V::splat(0.0));
            for (&r, &m) in support.iter().zip(mean) {
                self.mean[r] = m;
            }
            spread.covariance(&mut self.component);
            self.sums.add_covariance(step, &self.mean, &self.component);
        }
        let mut at = 0;
        for (r, cell) in self.sums.cells.iter_mut().enumerate() {
            if support.get(at) == Some(&r) {
                let (variance, precision) = spread.variance(at);
                cell.add(step, mean[at], variance, signs(weight, mean[at], precision));
                at += 1;
            } else {
                cell.add_zero(step);
            }
        }
    }

    /// A component of rank one through the projection: exact, since `A diag(s) f` is one number per
    /// result and unit.
    #[inline(always)]
    fn project_line(&mut self, weight: V, step: Step<V>, f: &[f64], mean: V, variance: V) {
        let Some(projection) = &mut self.projection else { return };
        for q in 0..self.sums.cells.len() {
            projection.mapped_mean[q] = projection.combine(q, f);
        }
        let h = &projection.mapped_mean;
        if self.sums.covariance.is_some() {
            for i in 0..h.len() {
                for p in 0..=i {
                    projection.mapped_covariance[triangle(i, p)] = h[i] * h[p] * variance;
                }
            }
            let means: Vec<V> = h.iter().map(|h| *h * mean).collect();
            self.sums.add_covariance(step, &means, &projection.mapped_covariance);
        }
        for (q, cell) in self.sums.cells.iter_mut().enumerate() {
            let h = projection.mapped_mean[q];
            let whole = projection.combine_absolute(q, f);
            let least = V::splat(SQUARE_ROUNDING) * whole * whole * variance;
            add_or_zero(cell, weight, step, h * mean, h * h * variance, least);
        }
    }
}
