//! Moments and signs of a mixture of normals, accumulated component by component; units in lanes.
//!
//! With weights `g` that arrive one after another, total `W`, running mean `m` and spread
//! `M2 = sum g (var + (mean - m)^2)`, a component `(g, mean, var)` changes them to (West 1979)
//! ```text
//! W' = W + g,  q = g / W',  d = mean - m,   m' = m + q d,   M2' = M2 + g var + W q d^2
//! ```
//! Every term of `M2` is non-negative, so the standard deviation `sqrt(M2 / W)` is never NaN and
//! loses nothing when means are large against it, as `E b^2 - (E b)^2` would. A condition in which a
//! component has no variance is updated with mean and variance zero, so one `q` serves them all.
//!
//! The sign probabilities of a component come from one `e = erfc(|mean| / sd / sqrt 2)`: `e / 2` on
//! the side away from the mean, `1 - e / 2` on the other. Both sides are summed, so that neither is
//! found by subtraction and both are exact down to 1e-308.

use super::mend::set;
use crate::linalg::lanes::Lanes;
use crate::linalg::special::erfc_abs;

const TINY: f64 = 1e-300;

/// The running sums of one condition.
#[derive(Clone, Copy)]
pub struct Cell<V> {
    pub mean: V,
    pub spread: V,
    pub zero: V,
    pub negative: V,
    pub positive: V,
}

/// The factors of one component's update, the same in every condition.
#[derive(Clone, Copy)]
pub struct Step<V> {
    weight: V,
    /// `g / W'`.
    ratio: V,
    /// `W g / W'`.
    cross: V,
}

/// A component's weight on the two signs of a coefficient.
#[derive(Clone, Copy)]
pub struct Signs<V> {
    pub negative: V,
    pub positive: V,
}

/// `weight` divided between the signs of a normal variable with this `mean` and `1 / (sd sqrt 2)`.
#[inline(always)]
pub fn signs<V: Lanes>(weight: V, mean: V, scaled_precision: V) -> Signs<V> {
    let small = erfc_abs(mean * scaled_precision) * (weight * V::splat(0.5));
    let large = weight - small;
    Signs {
        negative: mean.select_negative(large, small),
        positive: mean.select_negative(small, large),
    }
}

/// `1 / (sd sqrt 2)` from a variance.
#[inline(always)]
pub fn scaled_precision<V: Lanes>(variance: V) -> V {
    (variance + variance).max(V::splat(TINY)).recip_sqrt()
}

impl<V: Lanes> Cell<V> {
    /// A component that is zero here.
    #[inline(always)]
    pub fn add_zero(&mut self, step: Step<V>) {
        let m = self.mean;
        self.mean = step.ratio.neg_mul_add(m, m);
        self.spread = (step.cross * m).mul_add(m, self.spread);
        self.zero = self.zero + step.weight;
    }

    /// A component with this mean and variance, and its weight divided by sign.
    #[inline(always)]
    pub fn add(&mut self, step: Step<V>, mean: V, variance: V, signs: Signs<V>) {
        let d = mean - self.mean;
        self.mean = step.ratio.mul_add(d, self.mean);
        let within = step.weight.mul_add(variance, self.spread);
        self.spread = (step.cross * d).mul_add(d, within);
        self.negative = self.negative + signs.negative;
        self.positive = self.positive + signs.positive;
    }
}

/// The running sums of the units in the lanes.
pub struct Accumulator<V> {
    total: V,
    pub cells: Vec<Cell<V>>,
    /// The lower triangle of the covariance times `W`, by rows, if wanted.
    pub covariance: Option<Vec<V>>,
}

impl<V: Lanes> Accumulator<V> {
    pub fn new(conditions: usize, covariance: bool) -> Self {
        let zero = V::splat(0.0);
        let cell = Cell { mean: zero, spread: zero, zero, negative: zero, positive: zero };
        let triangle = conditions * (conditions + 1) / 2;
        Self {
            total: zero,
            cells: vec![cell; conditions],
            covariance: covariance.then(|| vec![zero; triangle]),
        }
    }

    /// Start new units, with this much weight on a component that is zero in every condition.
    #[inline(always)]
    pub fn begin(&mut self, null: V) {
        let zero = V::splat(0.0);
        self.total = null;
        for cell in &mut self.cells {
            *cell = Cell { mean: zero, spread: zero, zero: null, negative: zero, positive: zero };
        }
        if let Some(covariance) = &mut self.covariance {
            covariance.fill(zero);
        }
    }

    /// More weight on a component that is zero in every condition, so little that means stay as they are.
    #[inline(always)]
    pub fn add_null(&mut self, weight: V) {
        for cell in &mut self.cells {
            cell.zero = cell.zero + weight;
        }
    }

    /// The same in one condition of one unit.
    #[inline(always)]
    pub fn add_zero(&mut self, condition: usize, lane: usize, weight: f64) {
        let zero = &mut self.cells[condition].zero;
        let before = zero.to_array()[lane];
        set(zero, lane, before + weight);
    }

    /// The least probability, of all conditions, of a wrong sign and of no effect.
    #[inline(always)]
    pub fn least(&self) -> (V, V) {
        let (mut wrong, mut zero) = (V::splat(1.0), V::splat(1.0));
        for cell in &self.cells {
            wrong = wrong.min(cell.zero + cell.negative.min(cell.positive));
            zero = zero.min(cell.zero);
        }
        (wrong, zero)
    }

    /// Take in a component's weight. A lane of weight zero is left as it was by the update.
    #[inline(always)]
    pub fn step(&mut self, weight: V) -> Step<V> {
        let before = self.total;
        self.total = before + weight;
        let ratio = weight * self.total.max(V::splat(TINY)).recip();
        Step { weight, ratio, cross: before * ratio }
    }

    /// Update the covariance, before the means: `of` is the component's covariance, the lower
    /// triangle by rows, and `mean` its mean, zero where it has no variance.
    #[inline(always)]
    pub fn add_covariance(&mut self, step: Step<V>, mean: &[V], of: &[V]) {
        let Some(covariance) = &mut self.covariance else { return };
        let mut at = 0;
        for i in 0..self.cells.len() {
            let scaled = step.cross * (mean[i] - self.cells[i].mean);
            for p in 0..=i {
                let d = mean[p] - self.cells[p].mean;
                let within = step.weight.mul_add(of[at], covariance[at]);
                covariance[at] = scaled.mul_add(d, within);
                at += 1;
            }
        }
    }

    /// `1 / W`.
    #[inline(always)]
    pub fn reciprocal_total(&self) -> V {
        V::splat(1.0).div(self.total.max(V::splat(TINY)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::lanes::{at_each_level, kernel};

    kernel!(
        /// Mixtures of normals given as (weight, mean, sd); sd = 0 is a point mass at zero.
        fn mixed<'a, V: Lanes>(mix: &'a [(f64, f64, f64)]) -> [f64; 5] {
            let mut acc = Accumulator::<V>::new(1, true);
            acc.begin(V::splat(0.0));
            for &(g, m, sd) in mix {
                let step = acc.step(V::splat(g));
                let (mean, var) = (V::splat(m), V::splat(sd * sd));
                acc.add_covariance(step, &[mean], &[var]);
                if sd == 0.0 {
                    acc.cells[0].add_zero(step);
                } else {
                    let signs = signs(V::splat(g), mean, scaled_precision(var));
                    acc.cells[0].add(step, mean, var, signs);
                }
            }
            let c = acc.cells[0];
            let covariance = acc.covariance.as_ref().unwrap()[0].to_array()[0];
            let spread = c.spread.to_array()[0];
            assert!((covariance - spread).abs() <= 1e-15 * spread);
            [c.mean, c.spread, c.zero, c.negative, c.positive].map(|v| v.to_array()[V::N - 1])
        }
    );

    #[test]
    fn a_mixture_has_the_moments_and_signs_of_its_components() {
        // mean 0.2*3 - 0.3*1 = 0.3; second moment 0.2*(9+4) + 0.3*(1+0.25) = 2.975.
        let mix = [(0.2, 3.0, 2.0), (0.5, 0.0, 0.0), (0.0, 1e9, 1e9), (0.3, -1.0, 0.5)];
        let (p15, p2) = (0.066_807_201_268_858_08, 0.022_750_131_948_179_21);
        at_each_level(|_| {
            let [mean, spread, zero, negative, positive] = mixed(&mix);
            assert!((mean - 0.3).abs() < 1e-15);
            assert!((spread - (2.975 - 0.09)).abs() < 1e-14);
            assert_eq!(zero, 0.5);
            assert!((negative - 0.2 * p15 - 0.3 * (1.0 - p2)).abs() < 1e-15);
            assert!((positive - 0.2 * (1.0 - p15) - 0.3 * p2).abs() < 1e-15);
        });
    }

    #[test]
    fn enormous_means_leave_an_accurate_spread_and_tails() {
        let mix = [(0.25, 1e8, 1.0), (0.75, 1e8 + 4.0, 1.0)];
        at_each_level(|_| {
            let [mean, spread, _, negative, positive] = mixed(&mix);
            assert_eq!(mean, 1e8 + 3.0);
            assert!((spread - 4.0).abs() < 1e-12);
            assert_eq!((negative, positive), (0.0, 1.0));
            // P(N(30, 1) < 0) = 4.906713927148187e-198 (continued fraction).
            let [_, _, _, negative, _] = mixed(&[(1.0, 30.0, 1.0)]);
            assert!((negative / 4.906_713_927_148_187e-198 - 1.0).abs() < 1e-12);
            let [_, _, _, _, positive] = mixed(&[(1.0, -1e4, 1.0)]);
            assert_eq!(positive, 0.0);
        });
    }
}
