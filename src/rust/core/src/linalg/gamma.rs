//! log-gamma and its first two derivatives, for positive arguments.
//!
//! Each is shifted above 10 by its recurrence, then summed by its asymptotic series (Abramowitz and
//! Stegun 6.1.41, 6.3.18, 6.4.12). Relative errors are about 1e-15, absolute ones near the zeros.

/// Where the asymptotic series starts to be exact to double precision with the terms kept below.
const LARGE: f64 = 10.0;

/// `log Gamma(x)` for `x > 0`.
pub fn ln_gamma(x: f64) -> f64 {
    // One product instead of a sum of logarithms: at most ten factors below ten.
    let (mut y, mut product) = (x, 1.0);
    while y < LARGE {
        product *= y;
        y += 1.0;
    }
    let z = 1.0 / (y * y);
    let series = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
        -3617.0 / 122_400.0,
    ];
    let tail = series.iter().rev().fold(0.0, |sum, c| sum * z + c) / y;
    (y - 0.5) * y.ln() - y + 0.5 * std::f64::consts::TAU.ln() + tail - product.ln()
}

/// The derivative of [`ln_gamma`].
pub fn digamma(x: f64) -> f64 {
    let (mut y, mut below) = (x, 0.0);
    while y < LARGE {
        below += 1.0 / y;
        y += 1.0;
    }
    let z = 1.0 / (y * y);
    let series = [
        1.0 / 12.0,
        -1.0 / 120.0,
        1.0 / 252.0,
        -1.0 / 240.0,
        1.0 / 132.0,
        -691.0 / 32_760.0,
        1.0 / 12.0,
        -3617.0 / 8_160.0,
    ];
    y.ln() - 0.5 / y - z * series.iter().rev().fold(0.0, |sum, c| sum * z + c) - below
}

/// The derivative of [`digamma`].
pub fn trigamma(x: f64) -> f64 {
    let (mut y, mut below) = (x, 0.0);
    while y < LARGE {
        below += 1.0 / (y * y);
        y += 1.0;
    }
    let z = 1.0 / (y * y);
    let series = [
        1.0 / 6.0,
        -1.0 / 30.0,
        1.0 / 42.0,
        -1.0 / 30.0,
        5.0 / 66.0,
        -691.0 / 2730.0,
        7.0 / 6.0,
        -3617.0 / 510.0,
    ];
    (1.0 + 0.5 / y + z * series.iter().rev().fold(0.0, |sum, c| sum * z + c)) / y + below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_gamma_is_the_factorial_and_the_half_integer_product() {
        let (mut whole, mut half) = (0.0f64, 0.5 * std::f64::consts::PI.ln());
        for n in 1..160 {
            let x = f64::from(n);
            assert!((ln_gamma(x) - whole).abs() <= 4e-15 * whole.max(1.0), "{x}");
            assert!((ln_gamma(x - 0.5) - half).abs() <= 4e-15 * half.abs().max(1.0), "{x}");
            whole += x.ln();
            half += (x - 0.5).ln();
        }
        // Gamma(x) ~ 1/x - 0.5772 near zero.
        assert!((ln_gamma(1e-9) + 1e-9f64.ln() + 0.577_215_664_9e-9).abs() < 1e-14);
    }

    #[test]
    fn the_derivatives_have_known_values_and_recurrences() {
        const EULER: f64 = 0.577_215_664_901_532_9;
        let pi = std::f64::consts::PI;
        assert!((digamma(1.0) + EULER).abs() < 1e-15);
        assert!((digamma(0.5) + EULER + 2.0 * 2f64.ln()).abs() < 4e-15);
        assert!((digamma(0.25) + EULER + pi / 2.0 + 3.0 * 2f64.ln()).abs() < 4e-15);
        assert!((trigamma(1.0) - pi * pi / 6.0).abs() < 1e-15);
        assert!((trigamma(0.5) - pi * pi / 2.0).abs() < 4e-15);
        for x in [0.3, 2.7, 9.99, 10.0, 47.0, 1e6] {
            let difference = (ln_gamma(x * 1.0001) - ln_gamma(x * 0.9999)) / (2e-4 * x);
            assert!((digamma(x) - difference).abs() < 1e-6 * (1.0 + 1.0 / (x * x)), "{x}");
        }
    }
}
