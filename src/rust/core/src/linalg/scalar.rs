//! Functions of one number or of a few, without overflow and without lost digits.
//!
//! - `log sum exp(x)`, of a list ([`log_sum_exp`], [`softmax`]) and lane by lane ([`LogSum`]);
//! - probabilities and their log-odds: `logit`, its inverse `logistic(x) = 1 / (1 + exp(-x))`, and
//!   `softplus(x) = log(1 + exp(x))`, so that `log logistic(x) = -softplus(-x)`.

use super::lanes::Lanes;
use super::special;

/// `log(p / (1 - p))`.
#[inline(always)]
pub fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

/// `1 / (1 + exp(-x))`: an exponential that overflows gives zero.
#[inline(always)]
pub fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `log(1 + exp(x))`.
#[inline]
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// `(logistic(x) - 1/2) / x = tanh(x / 2) / (2 x)`: the curvature of the parabola that touches
/// `softplus` at `x` and `-x` and is nowhere below it (Jaakkola and Jordan 2000).
#[inline]
pub fn softplus_curvature(x: f64) -> f64 {
    if x.abs() < 1e-4 { 0.25 - x * x / 48.0 } else { (0.5 * x).tanh() / (2.0 * x) }
}

/// `exp(x)`, and zero where it is negligible beside one: exponentials of very negative numbers,
/// many of them, are slow.
#[inline]
pub fn exp_or_zero(x: f64) -> f64 {
    if x < -45.0 { 0.0 } else { x.exp() }
}

/// `log(e^a + e^b)`.
#[inline]
pub fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

/// `log sum exp(x)`: minus infinity if there are no terms or all of them are.
pub fn log_sum_exp(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let top = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if top.is_infinite() {
        // The largest passes over what is no number.
        return if terms.into_iter().any(f64::is_nan) { f64::NAN } else { top };
    }
    top + terms.map(|x| exp_or_zero(x - top)).sum::<f64>().ln()
}

/// `x` becomes `exp(x) / sum exp(x)`, which adds up to one. Returns `log sum exp(x)`.
pub fn softmax(x: &mut [f64]) -> f64 {
    let total = log_sum_exp(x.iter().copied());
    x.iter_mut().for_each(|x| *x = exp_or_zero(*x - total));
    let sum: f64 = x.iter().sum();
    x.iter_mut().for_each(|x| *x /= sum);
    total
}

/// A sum of exponentials in each lane, in two passes over the terms: [`see`](Self::see) them all, then
/// [`add`](Self::add) them all.
#[derive(Clone, Copy)]
pub struct LogSum<V> {
    /// The largest term, finite also where all are minus infinity.
    pub top: V,
    /// `sum exp(term - top)`.
    pub sum: V,
}

impl<V: Lanes> LogSum<V> {
    /// No terms.
    #[inline(always)]
    pub fn new() -> Self {
        Self { top: V::splat(f64::MIN), sum: V::splat(0.0) }
    }

    /// A term of the first pass.
    #[inline(always)]
    pub fn see(&mut self, term: V) {
        self.top = self.top.max(term);
    }

    /// After the first pass: the lanes hold terms of one sum.
    #[inline(always)]
    pub fn join(&mut self) {
        let lanes = self.top.to_array();
        self.top = V::splat(lanes[..V::N].iter().copied().fold(f64::MIN, f64::max));
    }

    /// A term of the second pass. Returns `exp(term - top)`.
    #[inline(always)]
    pub fn add(&mut self, term: V) -> V {
        let e = special::exp(term - self.top);
        self.sum = self.sum + e;
        e
    }

    /// `log sum exp` of each lane, where the sum is positive.
    #[inline(always)]
    pub fn log(self) -> V {
        self.top + special::log(self.sum)
    }

    /// `log sum exp` of one lane; minus infinity where all terms are.
    #[inline(always)]
    pub fn lane(self, lane: usize) -> f64 {
        self.top.to_array()[lane] + self.sum.to_array()[lane].ln()
    }
}

impl<V: Lanes> Default for LogSum<V> {
    #[inline(always)]
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::{at_each_level, kernel};
    use super::*;

    #[test]
    fn sums_of_exponentials_shift_with_their_terms() {
        let none = f64::NEG_INFINITY;
        for shift in [-1e4, 0.0, 1e4] {
            let terms = [0.0, 3f64.ln(), none].map(|x: f64| x + shift);
            assert!((log_sum_exp(terms.into_iter()) - shift - 4f64.ln()).abs() < 1e-11);
            assert!((log_add(terms[0], terms[1]) - shift - 4f64.ln()).abs() < 1e-11);
            let mut x = terms;
            assert!((softmax(&mut x) - shift - 4f64.ln()).abs() < 1e-11);
            assert!((x[0] - 0.25).abs() < 1e-12 && x[2] == 0.0);
        }
    }

    #[test]
    fn sums_of_nothing_are_zero_and_what_is_no_number_is_not_lost() {
        let none = f64::NEG_INFINITY;
        assert_eq!(log_sum_exp([].into_iter()), none);
        assert_eq!(log_sum_exp([none, none].into_iter()), none);
        assert_eq!(log_sum_exp([none, f64::INFINITY].into_iter()), f64::INFINITY);
        assert!(log_sum_exp([f64::NAN, none].into_iter()).is_nan());
        assert!(log_sum_exp([f64::NAN, 1.0].into_iter()).is_nan());
        assert_eq!(log_add(none, none), none);
    }

    #[test]
    fn log_odds_and_probabilities_are_inverse_and_their_tails_have_their_limits() {
        for x in [-30.0, -2.0, 0.0, 0.3, 5.0] {
            assert!((logit(logistic(x)) / x - 1.0).abs() < 1e-12 || x == 0.0);
            // log logistic(x) + log logistic(-x) = log(p (1 - p)).
            let (p, both) = (logistic(x), -softplus(x) - softplus(-x));
            assert!((both - (p * logistic(-x)).ln()).abs() < 1e-12);
        }
        assert_eq!((logistic(-800.0), logistic(800.0)), (0.0, 1.0));
        assert_eq!((softplus(-800.0), softplus(800.0)), (0.0, 800.0));
        assert!((softplus(-40.0) / (-40f64).exp() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn the_parabola_of_the_logistic_touches_and_is_nowhere_below() {
        for c in [0.0, 9e-5, 1.1e-4, 0.7, -3.0, 40.0] {
            let w = softplus_curvature(c);
            let parabola = |x: f64| softplus(c) + 0.5 * (x - c) + 0.5 * w * (x * x - c * c);
            for step in -80..=80 {
                let x = 0.5 * f64::from(step);
                assert!(parabola(x) > softplus(x) - 1e-13 * (1.0 + x.abs()), "{c} {x}");
            }
            assert!((parabola(-c) - softplus(-c)).abs() < 1e-12, "{c}");
        }
    }

    kernel!(
        /// Log sums of three terms in each lane, and of all terms.
        fn sums<'a, V: Lanes>(terms: &'a [f64]) -> (Vec<f64>, f64) {
            let term = |k: usize| V::load(&terms[k * V::N..]);
            let (mut each, mut all) = (LogSum::<V>::new(), LogSum::<V>::default());
            (0..3).for_each(|k| each.see(term(k)));
            (0..3).for_each(|k| all.see(term(k)));
            all.join();
            for k in 0..3 {
                each.add(term(k));
                all.add(term(k));
            }
            let lanes = (0..V::N).map(|lane| each.lane(lane)).collect();
            (lanes, all.top.to_array()[0] + all.sum.sum().ln())
        }
    );

    #[test]
    fn lanes_agree_with_one_number_at_a_time() {
        let terms: Vec<f64> = (0..24).map(|i| f64::from(i * i % 17) * 50.0 - 400.0).collect();
        at_each_level(|level| {
            let (each, all) = sums(&terms);
            let n = each.len();
            for (lane, got) in each.iter().enumerate() {
                let want = log_sum_exp((0..3).map(|k| terms[k * n + lane]));
                assert!((got - want).abs() < 1e-12, "{level:?} {got} {want}");
            }
            assert!((all - log_sum_exp(terms[..3 * n].iter().copied())).abs() < 1e-12);
        });
    }
}
