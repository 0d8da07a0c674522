//! Empirical-Bayes normal means with a point-and-slab prior: two parameters by maximum likelihood,
//! then posterior moments.
//!
//! With `q` the logit of the slab's weight, the log-likelihood relative to all-zero is
//! `f = sum_i [softplus(q + rho_i) - softplus(q)]`, and the slab's posterior weights
//! `r_i = logistic(q + rho_i)` give its derivatives. It is not concave: Newton steps use the
//! absolute curvatures, and are halved until they gain.

use rayon::prelude::*;

use super::normal_slab::{normal_moments, normal_sums};
use crate::linalg::lanes::MAX_LANES;
use crate::linalg::scalar::{logistic, softplus};
use crate::normal_means::scalar::Family;

/// A fitted prior: the logit of the slab's weight, and the log scale of the slab.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointSlab {
    /// Logit of the weight of the slab.
    pub logit: f64,
    /// Log variance (normal) or log rate (exponential) of the slab.
    pub scale: f64,
}

impl PointSlab {
    /// Weight of the slab.
    pub fn weight(self) -> f64 {
        logistic(self.logit)
    }
}

/// What shrinkage finds.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// Posterior means.
    pub mean: Vec<f64>,
    /// Posterior second moments.
    pub second: Vec<f64>,
    /// The prior; `None` when the point at zero alone is at least as likely.
    pub prior: Option<PointSlab>,
    /// Log-likelihood under the prior less that of zero everywhere.
    pub gain: f64,
}

impl Shrunk {
    /// Minus the Kullback-Leibler divergence of the posterior from the prior: the log-likelihood of
    /// the observations less their expected log-density.
    pub fn minus_divergence(&self, a: &[f64], b: &[f64]) -> f64 {
        let terms = self.mean.iter().zip(&self.second).zip(a.iter().zip(b));
        self.gain + terms.map(|((m, m2), (a, b))| 0.5 * a * m2 - b * m).sum::<f64>()
    }
}

/// Logits beyond this are as good as infinite.
const LARGEST_LOGIT: f64 = 40.0;
const LARGEST_STEP: f64 = 3.0;
const MAX_NEWTON: usize = 100;
/// A Newton step that promises less than this, in log-likelihood, is the last.
const SMALLEST_GAIN: f64 = 1e-10;

/// Observations of one side of a factor, with lanes of nothing observed at the end.
struct Seen {
    family: Family,
    n: usize,
    a: Vec<f64>,
    b: Vec<f64>,
    /// All precisions are the same, as those of loadings are in a matrix without missing cells.
    alike: bool,
}

/// Sums go by parts of this many observations, on any number of threads.
const PART: usize = 4096;

impl Seen {
    fn new(family: Family, a: &[f64], b: &[f64]) -> Self {
        let padded = |x: &[f64]| {
            let mut x = x.to_vec();
            x.resize(x.len().next_multiple_of(MAX_LANES), 0.0);
            x
        };
        let alike = a.iter().all(|x| *x == a[0]);
        Self { family, n: a.len(), a: padded(a), b: padded(b), alike }
    }

    fn parts(&self) -> impl IndexedParallelIterator<Item = (&[f64], &[f64])> {
        self.a.par_chunks(PART).zip(self.b.par_chunks(PART))
    }

    /// The log-likelihood of `at` less that of zero everywhere, with derivatives.
    fn evaluate(&self, at: PointSlab) -> Point {
        if self.family == Family::Exponential {
            return evaluate(self.family, &self.a[..self.n], &self.b[..self.n], at);
        }
        let common = self.alike.then_some((1.0 + self.a[0] * at.scale.exp()).ln());
        let sums = if self.n <= PART {
            normal_sums(&self.a, &self.b, at, common)
        } else {
            let each: Vec<[f64; 6]> =
                self.parts().map(|(a, b)| normal_sums(a, b, at, common)).collect();
            each.iter().fold([0.0; 6], |sum, part| std::array::from_fn(|i| sum[i] + part[i]))
        };
        let [value, to_logit, to_scale, hessian @ ..] = sums;
        Point { value, gradient: [to_logit, to_scale], hessian }
    }

    /// Posterior means and second moments.
    fn moments(&self, prior: PointSlab) -> [Vec<f64>; 2] {
        let mut found = [vec![0.0; self.a.len()], vec![0.0; self.a.len()]];
        let [mean, second] = &mut found;
        match self.family {
            Family::Normal => {
                let common = self.alike.then_some((1.0 + self.a[0] * prior.scale.exp()).ln());
                let out = mean.par_chunks_mut(PART).zip(second.par_chunks_mut(PART));
                let parts: Vec<_> = self.parts().zip(out).collect();
                let run = |((a, b), (m, m2))| normal_moments(a, b, prior, common, m, m2);
                if parts.len() == 1 {
                    parts.into_iter().for_each(run);
                } else {
                    parts.into_par_iter().for_each(run);
                }
            }
            Family::Exponential => {
                for i in 0..self.n {
                    let (a, b) = (self.a[i], self.b[i]);
                    let rho = self.family.ratio(a, b, prior.scale).value;
                    let r = logistic(prior.logit + rho);
                    let (m, m2) = self.family.moments(a, b, prior.scale);
                    (mean[i], second[i]) = (r * m, r * m2);
                }
            }
        }
        found.iter_mut().for_each(|x| x.truncate(self.n));
        found
    }
}

/// Fit the prior to observations with precisions `a` and weighted values `b`, and shrink them. The
/// search starts from `start`, or from the moments. About 30 operations and an exponential, a
/// logarithm or two for each observation and step of Newton's method.
pub fn shrink(family: Family, a: &[f64], b: &[f64], start: Option<PointSlab>) -> Shrunk {
    let null =
        || Shrunk { mean: vec![0.0; a.len()], second: vec![0.0; a.len()], prior: None, gain: 0.0 };
    let Some(start) = start.or_else(|| first_guess(family, a, b)) else { return null() };
    let seen = Seen::new(family, a, b);
    let (prior, gain) = maximise(&seen, start);
    if gain.is_nan() || gain <= 0.0 {
        return null();
    }
    let [mean, second] = seen.moments(prior);
    Shrunk { mean, second, prior: Some(prior), gain }
}

fn first_guess(family: Family, a: &[f64], b: &[f64]) -> Option<PointSlab> {
    let (mut sum, mut n) = (0.0, 0.0);
    for (&a, &b) in a.iter().zip(b).filter(|(a, _)| **a > 0.0) {
        sum += (b / a) * (b / a);
        n += 1.0;
    }
    let scale = family.first_scale(sum / n);
    scale.is_finite().then_some(PointSlab { logit: 0.0, scale })
}

/// Value, gradient and Hessian in (logit, scale).
#[derive(Debug, Clone, Copy)]
struct Point {
    value: f64,
    gradient: [f64; 2],
    hessian: [f64; 3],
}

/// One observation after the other, under any slab.
fn evaluate(family: Family, a: &[f64], b: &[f64], at: PointSlab) -> Point {
    let w = logistic(at.logit);
    let base = softplus(at.logit);
    let (mut value, mut gradient, mut hessian) = (0.0, [0.0; 2], [0.0; 3]);
    for (&a, &b) in a.iter().zip(b) {
        let rho = family.ratio(a, b, at.scale);
        let u = at.logit + rho.value;
        let r = logistic(u);
        let spread = r * logistic(-u);
        value += softplus(u) - base;
        gradient[0] += r - w;
        gradient[1] += r * rho.slope;
        hessian[0] += spread - w * (1.0 - w);
        hessian[1] += spread * rho.slope;
        hessian[2] += spread * rho.slope * rho.slope + r * rho.curvature;
    }
    Point { value, gradient, hessian }
}

fn maximise(seen: &Seen, start: PointSlab) -> (PointSlab, f64) {
    let mut at = start;
    let mut now = seen.evaluate(at);
    for _ in 0..MAX_NEWTON {
        let step = ascent(now);
        let promise = step[0] * now.gradient[0] + step[1] * now.gradient[1];
        if promise.is_nan() || promise <= SMALLEST_GAIN {
            break;
        }
        let largest = step[0].abs().max(step[1].abs());
        let mut length = (LARGEST_STEP / largest).min(1.0);
        let better = loop {
            let logit = (at.logit + length * step[0]).clamp(-LARGEST_LOGIT, LARGEST_LOGIT);
            let there = PointSlab { logit, scale: at.scale + length * step[1] };
            let point = seen.evaluate(there);
            if point.value > now.value + 1e-4 * length * promise {
                break Some((there, point));
            }
            length *= 0.5;
            if length * promise <= SMALLEST_GAIN {
                break None;
            }
        };
        let Some((there, point)) = better else { break };
        (at, now) = (there, point);
    }
    (at, now.value)
}

/// Newton's direction for a maximum, with the curvatures made negative.
fn ascent(point: Point) -> [f64; 2] {
    let [p, q, r] = point.hessian;
    let (mid, half) = (0.5 * (p + r), 0.5 * (p - r));
    let radius = half.hypot(q);
    // The eigenvector of mid + radius.
    let (c, s) = if radius == 0.0 {
        (1.0, 0.0)
    } else {
        let angle = 0.5 * q.atan2(half);
        (angle.cos(), angle.sin())
    };
    let floor = f64::EPSILON * (mid.abs() + radius) + f64::MIN_POSITIVE;
    let along = (c * point.gradient[0] + s * point.gradient[1]) / (mid + radius).abs().max(floor);
    let across = (c * point.gradient[1] - s * point.gradient[0]) / (mid - radius).abs().max(floor);
    [c * along - s * across, s * along + c * across]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::lanes::at_each_level;
    use crate::testing::Draws;

    const FAMILIES: [Family; 2] = [Family::Normal, Family::Exponential];

    /// Observations of sparse effects, with precisions from 1 to 5.
    fn sample(n: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
        let mut rng = Draws::new(seed);
        let a: Vec<f64> = (0..n).map(|_| 1.0 + 4.0 * rng.uniform()).collect();
        let b = a
            .iter()
            .map(|&a| {
                let t = if rng.uniform() < 0.3 { 3.0 * rng.normal().abs() } else { 0.0 };
                a * t + a.sqrt() * rng.normal()
            })
            .collect();
        (a, b)
    }

    #[test]
    fn gradient_and_hessian_agree_with_finite_differences() {
        let (a, b) = sample(50, 1);
        let h = 1e-5;
        for family in FAMILIES {
            for (logit, scale) in [(0.0, 0.0), (-2.0, 1.0), (1.5, -1.0)] {
                let at = |d: f64, e: f64| {
                    evaluate(family, &a, &b, PointSlab { logit: logit + d, scale: scale + e })
                };
                let found = at(0.0, 0.0);
                let numeric = [
                    (at(h, 0.0).value - at(-h, 0.0).value) / (2.0 * h),
                    (at(0.0, h).value - at(0.0, -h).value) / (2.0 * h),
                ];
                let second = [
                    (at(h, 0.0).gradient[0] - at(-h, 0.0).gradient[0]) / (2.0 * h),
                    (at(h, 0.0).gradient[1] - at(-h, 0.0).gradient[1]) / (2.0 * h),
                    (at(0.0, h).gradient[1] - at(0.0, -h).gradient[1]) / (2.0 * h),
                ];
                for (x, y) in found.gradient.iter().zip(numeric) {
                    assert!((x - y).abs() < 1e-6 * y.abs().max(1.0), "{family:?} {x} {y}");
                }
                for (x, y) in found.hessian.iter().zip(second) {
                    assert!((x - y).abs() < 1e-6 * y.abs().max(1.0), "{family:?} {x} {y}");
                }
            }
        }
    }

    /// With precisions that differ and that are alike, some nothing observed, in one part and in many.
    #[test]
    fn lanes_agree_with_one_observation_after_the_other() {
        for n in [1, 7, 50, 3 * PART + 5] {
            let (mut a, mut b) = sample(n, 3);
            if n > 7 {
                (a[3], b[3]) = (0.0, 0.0);
            }
            for a in [a.clone(), vec![2.5; n]] {
                for (logit, scale) in [(0.0, 0.0), (-6.0, 3.0), (30.0, -2.0)] {
                    let at = PointSlab { logit, scale };
                    let want = evaluate(Family::Normal, &a, &b, at);
                    let seen = Seen::new(Family::Normal, &a, &b);
                    at_each_level(|level| {
                        let got = seen.evaluate(at);
                        let near = |x: f64, y: f64| (x - y).abs() < 1e-10 * (n as f64 + y.abs());
                        assert!(near(got.value, want.value), "{level:?} {got:?} {want:?}");
                        for (x, y) in got.gradient.iter().zip(want.gradient) {
                            assert!(near(*x, y), "{level:?} {got:?} {want:?}");
                        }
                        for (x, y) in got.hessian.iter().zip(want.hessian) {
                            assert!(near(*x, y), "{level:?} {got:?} {want:?}");
                        }
                        let [mean, second] = seen.moments(at);
                        for i in 0..n {
                            let rho = Family::Normal.ratio(a[i], b[i], scale).value;
                            let r = logistic(logit + rho);
                            let (m, m2) = Family::Normal.moments(a[i], b[i], scale);
                            assert!((mean[i] - r * m).abs() < 1e-12 * (1.0 + m.abs()));
                            assert!((second[i] - r * m2).abs() < 1e-12 * (1.0 + m2));
                        }
                    });
                }
            }
        }
    }

    #[test]
    fn no_grid_point_is_better_than_the_maximum() {
        for seed in 1..6 {
            let (a, b) = sample(80, seed);
            for family in FAMILIES {
                let found = shrink(family, &a, &b, None);
                for i in 0..40 {
                    for k in 0..40 {
                        let logit = -6.0 + 0.3 * f64::from(i);
                        let scale = -4.0 + 0.25 * f64::from(k);
                        let there = evaluate(family, &a, &b, PointSlab { logit, scale });
                        assert!(there.value <= found.gain + 1e-9, "{family:?} {seed}");
                    }
                }
                let prior = found.prior.expect("effects are there");
                let best = evaluate(family, &a, &b, prior);
                assert!((best.value - found.gain).abs() < 1e-12);
                assert!(best.gradient.iter().all(|g| g.abs() < 1e-4), "{family:?} {best:?}");
            }
        }
    }

    #[test]
    fn divergence_is_the_log_likelihood_less_the_expected_log_density() {
        // One observation, everything slab: minus KL(N(m, v) || N(0, w)).
        let (a, b) = ([2.0, 2.0, 2.0], [30.0, -28.0, 25.0]);
        let found = shrink(Family::Normal, &a, &b, None);
        let prior = found.prior.expect("large effects");
        assert!(prior.weight() > 1.0 - 1e-6);
        let w = prior.scale.exp();
        // The likeliest variance of N(0, w + 1/2) is the mean square less 1/2.
        let expected = (15.0_f64.powi(2) + 14.0_f64.powi(2) + 12.5_f64.powi(2)) / 3.0 - 0.5;
        assert!((w / expected - 1.0).abs() < 1e-6);
        let mut minus_kl = 0.0;
        for (m, m2) in found.mean.iter().zip(&found.second) {
            let v = m2 - m * m;
            minus_kl -= 0.5 * (v / w + m * m / w - 1.0 + (w / v).ln());
        }
        assert!((found.minus_divergence(&a, &b) - minus_kl).abs() < 1e-5);
    }

    /// Posterior and prior are mixtures with the same point: with `r` and `w` the weights of their
    /// slabs, `KL = r log(r / w) + (1 - r) log((1 - r) / (1 - w)) + r KL(slabs)`, and the slab's
    /// posterior is its prior times `exp(b t - a t^2 / 2 - rho)`.
    #[test]
    fn divergence_is_that_of_the_two_mixtures() {
        let (a, b) = sample(60, 4);
        for family in FAMILIES {
            let found = shrink(family, &a, &b, None);
            let prior = found.prior.expect("effects are there");
            let w = prior.weight();
            let mut kl = 0.0;
            for i in 0..60 {
                let rho = family.ratio(a[i], b[i], prior.scale).value;
                let (m, m2) = family.moments(a[i], b[i], prior.scale);
                let r = found.second[i] / m2;
                // 1 - r, also where r is nearly one, from Bayes' rule.
                let rest = (1.0 - w) / (1.0 - w + w * rho.exp());
                kl += r * (r / w).ln() + rest * (rest / (1.0 - w)).ln();
                kl += r * (b[i] * m - 0.5 * a[i] * m2 - rho);
            }
            let found = found.minus_divergence(&a, &b);
            assert!((found + kl).abs() < 1e-8 * kl, "{family:?} {found} {kl}");
        }
    }

    #[test]
    fn without_effects_all_is_zero() {
        let a = [1.0; 6];
        for b in [[0.2, -0.1, 0.05, 0.1, -0.3, 0.0], [0.0; 6]] {
            for family in FAMILIES {
                let found = shrink(family, &a, &b, None);
                assert_eq!(found.prior, None);
                assert_eq!(found.mean, vec![0.0; 6]);
                assert_eq!(found.minus_divergence(&a, &b), 0.0);
            }
        }
        // Negative effects only: nothing for a positive slab.
        let found = shrink(Family::Exponential, &a, &[-3.0, -5.0, -2.0, -7.0, -9.0, -4.0], None);
        assert_eq!(found.prior, None);
    }

    #[test]
    fn a_start_at_the_maximum_stays_there() {
        let (a, b) = sample(200, 9);
        for family in FAMILIES {
            let cold = shrink(family, &a, &b, None);
            let warm = shrink(family, &a, &b, cold.prior);
            assert!(warm.gain >= cold.gain && warm.gain < cold.gain + 1e-9);
        }
    }
}
