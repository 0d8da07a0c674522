//! The probability that two normal variables are both positive.
//!
//! For standard variables with correlation `rho` (Plackett 1954)
//! ```text
//!   P(X < h, Y < k) = Phi(h) Phi(k) + 1/(2 pi) int_0^asin(rho) exp(-q / (2 cos^2 t)) dt,
//!   q = h^2 - 2 h k sin t + k^2.
//! ```
//! The integrand is smooth but for `t` near a right angle, where `cos t` is the scale on which it
//! changes: panels that halve the distance to it have a common relative accuracy.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, TAU};

use super::special::erfc;

/// Nodes and weights of Gauss and Legendre on (-1, 1), the positive half of 16.
const LEGENDRE: [(f64, f64); 8] = [
    (0.095_012_509_837_637_44, 0.189_450_610_455_068_5),
    (0.281_603_550_779_258_9, 0.182_603_415_044_923_6),
    (0.458_016_777_657_227_4, 0.169_156_519_395_002_5),
    (0.617_876_244_402_643_7, 0.149_595_988_816_576_7),
    (0.755_404_408_355_003, 0.124_628_971_255_533_9),
    (0.865_631_202_387_831_7, 0.095_158_511_682_492_8),
    (0.944_575_023_073_232_6, 0.062_253_523_938_647_9),
    (0.989_400_934_991_649_9, 0.027_152_459_411_754_1),
];

/// Variances up to this share of what they are differences of are rounding.
const ROUNDING: f64 = 1e-13;

/// `Phi(z)`.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z * FRAC_1_SQRT_2)
}

/// `P(x > 0)` of `x ~ N(mean, variance)`: of no variance, whether the mean is.
pub fn positive(mean: f64, variance: f64) -> f64 {
    match variance > 0.0 {
        true => normal_cdf(mean / variance.sqrt()),
        false => f64::from(mean > 0.0),
    }
}

/// `P(x > 0, y > 0)` of two normal variables.
pub fn both_positive(mean: [f64; 2], variance: [f64; 2], covariance: f64) -> f64 {
    let sd = variance.map(f64::sqrt);
    if !(sd[0] > 0.0 && sd[1] > 0.0) {
        return positive(mean[0], variance[0]) * positive(mean[1], variance[1]);
    }
    let (h, k) = (mean[0] / sd[0], mean[1] / sd[1]);
    let rho = (covariance / (sd[0] * sd[1])).clamp(-1.0, 1.0);
    let independent = normal_cdf(h) * normal_cdf(k);
    if rho == 0.0 {
        return independent;
    }
    // With `f = pi/2 - |t|`; the sign of the correlation is that of `sin t`.
    let (side, end) = (rho.signum(), FRAC_PI_2 - rho.abs().asin());
    // q / sin^2 f without the cancellation of its cosine.
    let (apart, product) = ((h - side * k).powi(2), side * h * k);
    let integrand = |f: f64| {
        let square = |x: f64| x * x;
        (-0.5 * (apart / square(f.sin()) + product / square((0.5 * f).cos()))).exp()
    };
    let (mut sum, mut high) = (0.0, FRAC_PI_2);
    while high > end {
        let low = end.max(0.5 * high);
        let (middle, half) = (0.5 * (high + low), 0.5 * (high - low));
        let pair =
            |(x, w): &(f64, f64)| w * (integrand(middle - half * x) + integrand(middle + half * x));
        sum += half * LEGENDRE.iter().map(pair).sum::<f64>();
        // The rest is at most so long.
        if high < 1e-9 {
            break;
        }
        high = low;
    }
    (independent + side * sum / TAU).clamp(0.0, 1.0)
}

/// `P(f < x / y < 1 / f, x and y of one sign)` of two normal variables, for `0 <= f < 1`: with `f = 0`
/// that their signs are the same. The two conditions `x > f y` and `y > f x` imply that both are
/// positive.
pub fn alike(mean: [f64; 2], variance: [f64; 2], covariance: f64, f: f64) -> f64 {
    let pair = |a: [f64; 2]| [a[0] - f * a[1], a[1] - f * a[0]];
    let m = pair(mean);
    let spread = |a: f64, b: f64| {
        let (whole, less) = (a + f * f * b, 2.0 * f * covariance);
        let left = whole - less;
        if left <= ROUNDING * whole { 0.0 } else { left }
    };
    let v = [spread(variance[0], variance[1]), spread(variance[1], variance[0])];
    let c = (1.0 + f * f) * covariance - f * (variance[0] + variance[1]);
    both_positive(m, v, c) + both_positive([-m[0], -m[1]], v, c)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `int_(-h)^inf phi(x) Phi((k + rho x) / sqrt(1 - rho^2)) dx` by Simpson's rule.
    fn by_quadrature(h: f64, k: f64, rho: f64) -> f64 {
        let (from, to, n) = ((-h).max(-12.0), 12.0_f64, 40_000);
        let step = (to - from) / f64::from(n);
        let other = (1.0 - rho * rho).sqrt();
        let value = |i: i32| {
            let x = from + step * f64::from(i);
            let weight = if i == 0 || i == n { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
            weight * (-0.5 * x * x).exp() / TAU.sqrt() * normal_cdf((k + rho * x) / other)
        };
        (0..=n).map(value).sum::<f64>() * step / 3.0
    }

    #[test]
    fn orthants_agree_with_quadrature() {
        for h in [-3.0, -0.4, 0.0, 1.1, 4.0] {
            for k in [-2.0, -0.41, 0.3, 1.0, 6.0] {
                for rho in [-0.999, -0.9, -0.3, 0.2, 0.7, 0.95, 0.9999] {
                    let got = both_positive([2.0 * h, 0.5 * k], [4.0, 0.25], rho);
                    let want = by_quadrature(h, k, rho);
                    assert!((got - want).abs() < 2e-10, "{h} {k} {rho}: {got} {want}");
                }
            }
        }
    }

    #[test]
    fn perfectly_correlated_variables_and_constants_are_limits() {
        for (h, k) in [(0.3, 1.2), (-0.5, 0.4), (0.7, 0.7)] {
            let same = both_positive([h, k], [1.0, 1.0], 1.0);
            assert!((same - normal_cdf(f64::min(h, k))).abs() < 1e-9, "{h} {k} {same}");
            let other = both_positive([h, k], [1.0, 1.0], -1.0);
            let want = (normal_cdf(h) + normal_cdf(k) - 1.0).max(0.0);
            assert!((other - want).abs() < 1e-9, "{h} {k} {other}");
            assert!((both_positive([h, k], [1.0, 0.0], 0.0) - normal_cdf(h)).abs() < 1e-15);
            assert_eq!(both_positive([h, 0.0], [1.0, 0.0], 0.0), 0.0);
        }
        let quarter = both_positive([0.0; 2], [1.0, 4.0], 0.0);
        assert!((quarter - 0.25).abs() < 1e-15);
        // Sheppard: 1/4 + asin(rho) / (2 pi).
        let got = both_positive([0.0; 2], [1.0, 4.0], 1.0);
        assert!((got - (0.25 + 0.5_f64.asin() / TAU)).abs() < 1e-14);
    }

    #[test]
    fn a_factor_of_two_is_two_orthants() {
        // By conditioning on y: int phi(y) P(f y < x < y / f) dy on both sides.
        let (m, v, c, f) = ([0.5, 0.4], [0.3, 0.2], 0.1_f64, 0.5);
        let (n, to) = (200_000, 8.0);
        let step = to / f64::from(n);
        let sd = f64::sqrt(v[0] - c * c / v[1]);
        let mut want = 0.0;
        for side in [-1.0, 1.0] {
            for i in 0..n {
                let y = side * step * (f64::from(i) + 0.5);
                let x = m[0] + c / v[1] * (y - m[1]);
                let ends = [f * y, y / f].map(|e| normal_cdf((e - x) / sd));
                let z = (y - m[1]) / v[1].sqrt();
                want +=
                    step * (ends[1] - ends[0]).abs() * (-0.5 * z * z).exp() / f64::sqrt(TAU * v[1]);
            }
        }
        let got = alike(m, v, c, f);
        assert!((got - want).abs() < 1e-7, "{got} {want}");
        // Effects that are the same are within any factor; of twice the size, not within two.
        assert!((alike([1.0, 1.0], [1.0, 1.0], 1.0, 0.5) - 1.0).abs() < 1e-9);
        assert_eq!(alike([2.0, 1.0], [4.0, 1.0], 2.0, 0.5), 0.0);
        assert!((alike([2.0, 1.0], [4.0, 1.0], 2.0, 0.49) - 1.0).abs() < 1e-9);
    }
}
