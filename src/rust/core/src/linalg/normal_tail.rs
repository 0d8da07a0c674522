//! The normal distribution cut to the positive numbers, exact far into the tail.
//!
//! For `t = -z` large, `phi(z) / Phi(z) = t + 1 / (t + 2 / (t + 3 / (t + ...)))` (Laplace). Its
//! tails give the moments without the cancellation of the textbook forms.

use super::special::erfc;

const HALF_LOG_2_PI: f64 = 0.918_938_533_204_672_8;

/// Where the continued fraction takes over, and how many terms it needs there.
const FAR: f64 = -4.0;
const TERMS: u32 = 40;

/// What is left of a normal variable with mean `z` and variance one when only positive values
/// count.
#[derive(Debug, Clone, Copy)]
pub struct CutNormal {
    /// `log(Phi(z) / phi(z))`.
    pub log_ratio: f64,
    /// Its mean, `z + phi(z) / Phi(z)`.
    pub mean: f64,
    /// Its second moment, `1 + z mean`.
    pub second: f64,
}

/// Moments of `N(z, 1)` given that it is positive.
pub fn cut_normal(z: f64) -> CutNormal {
    if z > FAR {
        let phi = (-0.5 * z * z - HALF_LOG_2_PI).exp();
        let mass = 0.5 * erfc(-z * std::f64::consts::FRAC_1_SQRT_2);
        let mean = z + phi / mass;
        CutNormal {
            log_ratio: mass.ln() + 0.5 * z * z + HALF_LOG_2_PI,
            mean,
            second: 1.0 + z * mean,
        }
    } else {
        let t = -z;
        let mut tail = 0.0;
        for k in (2..=TERMS).rev() {
            tail = f64::from(k) / (t + tail);
        }
        let mean = 1.0 / (t + tail);
        CutNormal { log_ratio: -(t + mean).ln(), mean, second: tail * mean }
    }
}

/// `log Phi(z)`, the logarithm of the probability of a standard normal variable below `z`.
pub fn log_cdf(z: f64) -> f64 {
    match z > FAR {
        true => (0.5 * erfc(-z * std::f64::consts::FRAC_1_SQRT_2)).ln(),
        false => cut_normal(z).log_ratio - 0.5 * z * z - HALF_LOG_2_PI,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moments of the cut normal by Simpson's rule, on a scale where the density starts at one.
    fn by_quadrature(z: f64) -> [f64; 3] {
        let density = |y: f64| (-0.5 * y * y + y * z).exp();
        let end = if z < 0.0 { (40.0 / -z).min(9.0) } else { z + 9.0 };
        let n = 200_000;
        let h = end / f64::from(n);
        let mut sums = [0.0; 3];
        for i in 0..=n {
            let y = f64::from(i) * h;
            let weight = if i == 0 || i == n { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
            let mass = weight * density(y) * h / 3.0;
            sums[0] += mass;
            sums[1] += mass * y;
            sums[2] += mass * y * y;
        }
        [sums[0].ln(), sums[1] / sums[0], sums[2] / sums[0]]
    }

    #[test]
    fn moments_agree_with_quadrature_on_both_sides_of_the_switch() {
        for z in [-200.0, -30.0, -8.0, -4.001, -3.999, -1.0, 0.0, 0.7, 5.0] {
            let found = cut_normal(z);
            let [log_ratio, mean, second] = by_quadrature(z);
            assert!((found.log_ratio - log_ratio).abs() < 1e-11 * log_ratio.abs().max(1.0), "{z}");
            assert!((found.mean / mean - 1.0).abs() < 1e-11, "{z}: {} {mean}", found.mean);
            assert!((found.second / second - 1.0).abs() < 1e-11, "{z}: {} {second}", found.second);
        }
    }

    #[test]
    fn logarithms_of_probabilities_are_smooth_over_the_switch_and_far_out() {
        // 30 digits of a continued fraction.
        for (z, log) in
            [(0.0, 0.5f64.ln()), (-5.0, -15.064_998_393_988_725), (2.0, -0.023_012_909_328_963_49)]
        {
            assert!((log_cdf(z) - log).abs() < 1e-13 * log.abs().max(1.0), "{z}");
        }
        let slope = log_cdf(FAR + 1e-6) - log_cdf(FAR - 1e-6);
        assert!((slope / 2e-6 - 4.225_607).abs() < 1e-3, "{slope}");
        assert!((log_cdf(-1e4) + 5e7 + 1e4f64.ln() + HALF_LOG_2_PI).abs() < 1e-6);
    }

    #[test]
    fn far_tails_have_their_limits() {
        let far = cut_normal(-1e8);
        assert!((far.mean * 1e8 - 1.0).abs() < 1e-15);
        assert!((far.second * 1e16 - 2.0).abs() < 1e-14);
        let sure = cut_normal(40.0);
        assert_eq!(sure.mean, 40.0);
        assert!((sure.log_ratio - 800.0 - HALF_LOG_2_PI).abs() < 1e-12);
    }
}
