//! Correlations of pairs shrunk together: adaptive shrinkage with half-uniform components (Stephens
//! 2017), on Fisher's scale (Dey and Stephens 2018).
//!
//! ```text
//! x ~ N(theta, s^2),  theta ~ pi_0 at 0 + sum_k pi_k uniform on (0, a_k) or (-a_k, 0),
//! x = atanh(r),       s^2 = 1 / (n - 1) + 2 / (n - 1)^2.
//! ```
//! With l and u the ends of an interval of length a, less x and over s, the density of x is
//! `(Phi(u) - Phi(l)) / a`, and theta given x is normal cut to the interval. All in logarithms: tails can
//! be hundreds of standard deviations away.

use faer::Mat;
use rayon::prelude::*;

use super::Moments;
use crate::linalg::normal_tail::log_cdf;
use crate::linalg::scalar::softmax;
use crate::weights::{self, Likelihoods, mixture_weights, scale_rows};
use crate::{Error, Monitor, memory};

/// Fisher's scale ends at one: correlations are moved away from it.
const LARGEST: f64 = 0.99;

/// `log sqrt(2 pi)`.
const HALF_LOG_2_PI: f64 = 0.918_938_533_204_672_8;

/// The correlations of pairs with at least `fewest` units, shrunk; of the others, the mean of what was
/// learnt from these. `null_weight` is the Dirichlet parameter of zero.
///
/// # Errors
/// A parameter below one; `Error::Interrupted`.
pub fn shrunken(
    moments: &Moments,
    fewest: f64,
    null_weight: f64,
    monitor: &Monitor,
) -> Result<Mat<f64>, Error> {
    let r = moments.n.nrows();
    let pairs: Vec<(usize, usize)> = (1..r).flat_map(|b| (0..b).map(move |a| (a, b))).collect();
    let (known, rare): (Vec<_>, Vec<_>) =
        pairs.into_iter().partition(|&(a, b)| moments.n[(a, b)] >= fewest);
    let mut out = Mat::identity(r, r);
    if known.is_empty() {
        return Ok(out);
    }
    let observe = |&(a, b): &(usize, usize)| {
        let left = moments.n[(a, b)] - 1.0;
        let x = moments.pair(a, b).clamp(-LARGEST, LARGEST).atanh();
        Observed { x, s: (1.0 / left + 2.0 / (left * left)).sqrt() }
    };
    let observed: Vec<Observed> = known.iter().map(observe).collect();
    let prior = Mixture::learn(&observed, null_weight, monitor)?;
    let means: Vec<f64> = observed.par_iter().map(|o| prior.posterior_mean(o)).collect();
    let centre = prior.mean();
    let all = known.iter().zip(&means).chain(rare.iter().map(|pair| (pair, &centre)));
    for (&(a, b), mean) in all {
        out[(a, b)] = mean.tanh();
        out[(b, a)] = out[(a, b)];
    }
    Ok(out)
}

/// An estimate and its standard error.
#[derive(Debug, Clone, Copy)]
struct Observed {
    x: f64,
    s: f64,
}

/// Where theta may be: on an interval, or at one of its ends if they are the same.
#[derive(Debug, Clone, Copy)]
struct Interval {
    lower: f64,
    upper: f64,
}

impl Interval {
    /// The limits on the scale of the error.
    fn limits(self, o: &Observed) -> (f64, f64) {
        ((self.lower - o.x) / o.s, (self.upper - o.x) / o.s)
    }

    fn log_density(self, o: &Observed) -> f64 {
        let (l, u) = self.limits(o);
        match self.lower == self.upper {
            true => log_normal(l) - o.s.ln(),
            false => log_between(l, u) - (self.upper - self.lower).ln(),
        }
    }

    /// The mean of theta; rounding far out in a tail cannot leave the interval.
    fn mean(self, o: &Observed) -> f64 {
        if self.lower == self.upper {
            return self.lower;
        }
        let (l, u) = self.limits(o);
        let mass = log_between(l, u);
        let shift = (log_normal(l) - mass).exp() - (log_normal(u) - mass).exp();
        (o.x + o.s * shift).clamp(self.lower, self.upper)
    }
}

fn log_normal(z: f64) -> f64 {
    -0.5 * z * z - HALF_LOG_2_PI
}

/// `log(Phi(upper) - Phi(lower))`, `lower < upper`; on the side of zero where Phi is small.
fn log_between(lower: f64, upper: f64) -> f64 {
    let (a, b) = if lower + upper > 0.0 { (-upper, -lower) } else { (lower, upper) };
    let log_b = log_cdf(b);
    log_b + (-(log_cdf(a) - log_b).exp()).ln_1p()
}

/// Intervals and their weights.
#[derive(Debug)]
struct Mixture {
    intervals: Vec<Interval>,
    pi: Vec<f64>,
}

impl Mixture {
    /// The weights of a grid with ratio `sqrt(2)`, from a tenth of the smallest error to twice the
    /// largest effect.
    fn learn(observed: &[Observed], null_weight: f64, monitor: &Monitor) -> Result<Self, Error> {
        let smallest = 0.1 * observed.iter().map(|o| o.s).fold(f64::INFINITY, f64::min);
        let excess = observed.iter().map(|o| o.x * o.x - o.s * o.s).fold(0.0, f64::max);
        let largest = if excess > 0.0 { 2.0 * excess.sqrt() } else { 8.0 * smallest };
        let steps = (2.0 * (largest / smallest).log2()).ceil() as i32;
        let exponents: Vec<i32> = match steps >= 0 {
            true => (-steps..=0).collect(),
            false => (0..=-steps).rev().collect(),
        };
        let ends: Vec<f64> =
            exponents.iter().map(|&e| largest * 2f64.powf(0.5 * f64::from(e))).collect();
        let point = Interval { lower: 0.0, upper: 0.0 };
        let below = ends.iter().map(|&a| Interval { lower: -a, ..point });
        let above = ends.iter().map(|&a| Interval { upper: a, ..point });
        let intervals: Vec<Interval> = [point].into_iter().chain(below).chain(above).collect();
        let (rows, columns) = (observed.len(), intervals.len());
        let mut loglik = memory::zeros(rows * columns)?;
        loglik.par_chunks_mut(rows).zip(&intervals).for_each(|(column, interval)| {
            column.iter_mut().zip(observed).for_each(|(l, o)| *l = interval.log_density(o));
        });
        scale_rows(&mut loglik, rows, columns, rows, monitor)?;
        let likelihoods = Likelihoods::new(&loglik, rows, columns, rows)?;
        let mut dirichlet = vec![1.0; columns];
        dirichlet[0] = null_weight;
        let options = weights::Options::default();
        let fit = mixture_weights(likelihoods, &dirichlet, None, None, options, monitor)?;
        Ok(Self { intervals, pi: fit.pi })
    }

    fn active(&self) -> impl Iterator<Item = (f64, &Interval)> {
        self.pi.iter().copied().zip(&self.intervals).filter(|(w, _)| *w > 0.0)
    }

    fn mean(&self) -> f64 {
        self.active().map(|(w, i)| 0.5 * w * (i.lower + i.upper)).sum()
    }

    fn posterior_mean(&self, o: &Observed) -> f64 {
        let mut weights: Vec<f64> =
            self.active().map(|(w, interval)| w.ln() + interval.log_density(o)).collect();
        softmax(&mut weights);
        self.active().zip(weights).map(|((_, interval), w)| w * interval.mean(o)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;

    /// `int theta^k N(x; theta, s^2) dtheta / a` over the interval, by Simpson's rule.
    fn moment(interval: Interval, o: &Observed, k: i32) -> f64 {
        let n = 20_000;
        let h = (interval.upper - interval.lower) / f64::from(n);
        let term = |i: i32| {
            let theta = interval.lower + h * f64::from(i);
            let w = if i == 0 || i == n { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
            w * theta.powi(k) * (log_normal((theta - o.x) / o.s) - o.s.ln()).exp()
        };
        (0..=n).map(term).sum::<f64>() / f64::from(3 * n)
    }

    #[test]
    fn densities_and_means_agree_with_quadrature_and_are_finite_far_out() {
        for (lower, upper) in [(0.0, 0.7), (-1.3, 0.0), (0.0, 0.01)] {
            let interval = Interval { lower, upper };
            for (x, s) in [(0.3, 0.2), (-0.5, 0.1), (1.0, 0.3), (0.0, 1.0)] {
                let o = Observed { x, s };
                let mass = moment(interval, &o, 0);
                assert!((interval.log_density(&o) - mass.ln()).abs() < 1e-9);
                assert!((interval.mean(&o) - moment(interval, &o, 1) / mass).abs() < 1e-9);
            }
        }
        let far = Observed { x: 5.0, s: 0.01 };
        let unit = Interval { lower: 0.0, upper: 1.0 };
        assert!((unit.mean(&far) - 1.0).abs() < 1e-4);
        let tail = -80_000.0 - 400f64.ln() - HALF_LOG_2_PI;
        assert!((unit.log_density(&far) - tail).abs() < 1e-4);
    }

    #[test]
    fn sure_correlations_stay_noise_goes_and_rare_pairs_get_what_others_taught() {
        let r = 12;
        let u = random(4, r * r);
        // The first pair is far from zero; the others are noise of 1000 units.
        let cor = |a: usize, b: usize| match (a, b) {
            (0, 1) => 0.8,
            _ => (u[a * r + b] / 1000f64.sqrt()).tanh(),
        };
        let n = |a: usize, b: usize| if a + b == 2 * r - 3 { 5.0 } else { 1000.0 };
        let symmetric = |f: &dyn Fn(usize, usize) -> f64| {
            Mat::from_fn(r, r, |a, b| if a == b { 1.0 } else { f(a.min(b), a.max(b)) })
        };
        let (covariance, n) = (symmetric(&cor), symmetric(&n));
        let moments = Moments { n, covariance, variance: Mat::full(r, r, 1.0) };
        let monitor = Monitor::default();
        let found = shrunken(&moments, 10.0, 10.0, &monitor).unwrap();
        assert!((found[(0, 1)] - 0.8).abs() < 0.01);
        for b in 2..r {
            for a in 0..b {
                let (got, was) = (found[(a, b)], cor(a, b));
                assert_eq!(got, found[(b, a)]);
                if (a, b) != (r - 2, r - 1) {
                    assert!(got.abs() <= 0.5 * was.abs() + 1e-12, "{a} {b}: {got} {was}");
                }
            }
        }
        // One of 66 pairs: the mean of the prior is near zero, whatever the rare pair looked like.
        assert!(found[(r - 2, r - 1)].abs() < 0.05);
        assert!(shrunken(&moments, 10.0, 0.5, &monitor).is_err());
        let none = shrunken(&moments, 1e9, 10.0, &monitor).unwrap();
        assert_eq!(none, Mat::<f64>::identity(r, r));
    }
}
