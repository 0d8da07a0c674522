//! The log Bayes factors of slabs as functions of their scale.
//!
//! An observation of `t` with precision `a` and weighted value `b` (that is, `b / a ~ N(t, 1 / a)`)
//! has, under the slab and relative to `t = 0`, the likelihood ratio `exp(rho)`:
//! ```text
//! normal       t ~ N(0, v):  rho = (v b^2 / (1 + v a) - log(1 + v a)) / 2
//! exponential  t ~ Exp(c):   rho = log(c / sqrt a) + log(Phi / phi)(z),  z = (b - c) / sqrt a
//! ```
//! Both forms hold when nothing was observed, `a = b = 0`, where `rho = 0`.

use super::{Sign, moments, normal};
use crate::linalg::normal_tail::cut_normal;

/// The shape of the slab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Normal with mean zero; `scale` is the log of its variance.
    Normal,
    /// Exponential on the positive numbers; `scale` is the log of its rate.
    Exponential,
}

/// Log-likelihood ratio of slab and point, and its derivatives in the log scale.
#[derive(Debug, Clone, Copy)]
pub struct Ratio {
    /// The log-likelihood ratio.
    pub value: f64,
    /// Its first derivative.
    pub slope: f64,
    /// Its second derivative.
    pub curvature: f64,
}

impl Family {
    /// Where the search for the scale begins: the moment estimate as if all were slab.
    pub fn first_scale(self, mean_square: f64) -> f64 {
        match self {
            Self::Normal => mean_square.ln(),
            Self::Exponential => -0.5 * (0.5 * mean_square).ln(),
        }
    }

    /// The log-likelihood ratio of one observation.
    #[inline]
    pub fn ratio(self, a: f64, b: f64, scale: f64) -> Ratio {
        match self {
            Self::Normal => {
                let v = scale.exp();
                let found = normal(a, b, v);
                let shrink = 1.0 / (1.0 + v * a);
                // d/dlog v of v b^2 / (1 + v a) and of log(1 + v a).
                let (signal, share) = (found.mu * b, found.s2 * a);
                Ratio {
                    value: found.log_bayes,
                    slope: 0.5 * (signal * shrink - share),
                    curvature: 0.5 * shrink * (signal * (1.0 - 2.0 * share) - share),
                }
            }
            Self::Exponential if a > 0.0 => {
                let c = scale.exp();
                let root = a.sqrt();
                let cut = cut_normal((b - c) / root);
                let unit = c / root;
                let spread = (cut.second - cut.mean * cut.mean).max(0.0);
                Ratio {
                    value: unit.ln() + cut.log_ratio,
                    slope: 1.0 - unit * cut.mean,
                    curvature: unit * unit * spread - unit * cut.mean,
                }
            }
            Self::Exponential => Ratio { value: 0.0, slope: 0.0, curvature: 0.0 },
        }
    }

    /// First and second moment of `t` given the observation, under the slab.
    #[inline]
    pub fn moments(self, a: f64, b: f64, scale: f64) -> (f64, f64) {
        match self {
            Self::Normal => {
                let found = normal(a, b, scale.exp());
                moments(Sign::Any, found.mu, found.s2)
            }
            Self::Exponential => {
                let c = scale.exp();
                if a == 0.0 {
                    return (1.0 / c, 2.0 / (c * c));
                }
                moments(Sign::Positive, (b - c) / a, 1.0 / a)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: [(f64, f64); 6] =
        [(1.0, 0.3), (4.0, -9.0), (0.25, 3.0), (100.0, 250.0), (9.0, -0.1), (1e4, -3e4)];

    /// Integrals of `t^power exp(b t - a t^2 / 2)` over the slab's density, by Simpson's rule on a
    /// window that holds everything.
    fn by_quadrature(family: Family, a: f64, b: f64, scale: f64) -> [f64; 3] {
        let parameter = scale.exp();
        let log_density = |t: f64| match family {
            Family::Normal => {
                -0.5 * (t * t / parameter + (2.0 * std::f64::consts::PI * parameter).ln())
            }
            Family::Exponential => parameter.ln() - parameter * t,
        };
        let (centre, width) = match family {
            Family::Normal => (b / (a + 1.0 / parameter), (a + 1.0 / parameter).sqrt().recip()),
            Family::Exponential => {
                let mode = ((b - parameter) / a).max(0.0);
                let decay = if b < parameter { (parameter - b).recip() } else { f64::INFINITY };
                (mode, a.sqrt().recip().min(4.0 * decay))
            }
        };
        let low = match family {
            Family::Normal => centre - 12.0 * width,
            Family::Exponential => (centre - 12.0 * width).max(0.0),
        };
        let (high, n) = (centre + 12.0 * width, 40_000);
        let h = (high - low) / f64::from(n);
        let peak = b * centre - 0.5 * a * centre * centre;
        let mut sums = [0.0; 3];
        for i in 0..=n {
            let t = low + f64::from(i) * h;
            let weight = if i == 0 || i == n { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
            let value = weight * (b * t - 0.5 * a * t * t - peak + log_density(t)).exp() * h / 3.0;
            for (power, sum) in sums.iter_mut().enumerate() {
                *sum += value * t.powi(power as i32);
            }
        }
        [sums[0].ln() + peak, sums[1] / sums[0], sums[2] / sums[0]]
    }

    #[test]
    fn ratios_and_moments_agree_with_quadrature() {
        for family in [Family::Normal, Family::Exponential] {
            for (a, b) in CASES {
                for scale in [-1.0, 0.0, 1.5] {
                    let [rho, mean, second] = by_quadrature(family, a, b, scale);
                    let found = family.ratio(a, b, scale).value;
                    let error = (found - rho).abs() / rho.abs().max(1.0);
                    assert!(error < 1e-8, "{family:?} {a} {b} {scale}: {found} {rho}");
                    let (m, m2) = family.moments(a, b, scale);
                    let near = |x: f64, y: f64| (x - y).abs() < 1e-8 * y.abs();
                    assert!(near(m, mean) && near(m2, second), "{family:?} {a} {b} {m} {mean}");
                }
            }
        }
    }

    #[test]
    fn derivatives_agree_with_finite_differences() {
        let h = 1e-4;
        for family in [Family::Normal, Family::Exponential] {
            for (a, b) in CASES {
                for scale in [-2.0, 0.0, 1.0] {
                    let at = |d: f64| family.ratio(a, b, scale + d);
                    let found = at(0.0);
                    let slope = (at(h).value - at(-h).value) / (2.0 * h);
                    let curvature = (at(h).slope - at(-h).slope) / (2.0 * h);
                    let near = |x: f64, y: f64| (x - y).abs() < 1e-6 * y.abs().max(1.0);
                    assert!(
                        near(found.slope, slope),
                        "{family:?} {a} {b} {scale} {found:?} {slope}"
                    );
                    assert!(near(found.curvature, curvature), "{family:?} {found:?} {curvature}");
                }
            }
        }
    }

    #[test]
    fn nothing_observed_is_the_prior() {
        let near = |x: f64, y: f64| (x - y).abs() < 1e-12 * y.abs().max(1e-3);
        for family in [Family::Normal, Family::Exponential] {
            assert_eq!(family.ratio(0.0, 0.0, 0.4).value, 0.0);
        }
        let (mean, second) = Family::Normal.moments(0.0, 0.0, 0.4);
        assert!(mean == 0.0 && near(second, 0.4_f64.exp()));
        let (mean, second) = Family::Exponential.moments(0.0, 0.0, 0.4);
        assert!(near(mean, (-0.4_f64).exp()) && near(second, 2.0 * (-0.8_f64).exp()));
        // The limit agrees: almost nothing observed.
        let (mean, second) = Family::Exponential.moments(1e-14, 0.0, 0.0);
        assert!((mean - 1.0).abs() < 1e-10 && (second - 2.0).abs() < 1e-10);
    }
}
