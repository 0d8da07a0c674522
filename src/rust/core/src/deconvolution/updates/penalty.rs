//! Penalties of a prior covariance, through its eigenvalues `u_i` in the coordinates of a fixed
//! metric.
//!
//! With a free scale `s` for each component:
//! ```text
//!   inverse Wishart:  -lambda/2 sum_i [ log(u_i / s) + s / u_i ],
//!   nuclear norm:     -lambda/2 sum_i [ alpha u_i / s + (1 - alpha) s / u_i ].
//! ```
//! At its best `s` either depends on the ratios of the eigenvalues only: a component may be as
//! large or as small as the data say, but directions the data say little about are drawn to the
//! others.

/// Which penalty, and how much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Penalty {
    /// None.
    None,
    /// Inverse Wishart with `lambda` (degrees of freedom plus R plus 1).
    InverseWishart {
        /// Its weight, in units.
        lambda: f64,
    },
    /// The nuclear norms of the covariance and of its inverse.
    Nuclear {
        /// Its weight, in units.
        lambda: f64,
        /// The share of the covariance's norm.
        alpha: f64,
    },
}

impl Penalty {
    /// The log-penalty at the scale `s`.
    pub fn value(&self, eigenvalues: &[f64], s: f64) -> f64 {
        let each = |r: f64| r.ln() + 1.0 / r;
        let both = |r: f64, alpha: f64| alpha * r + (1.0 - alpha) / r;
        match *self {
            Self::None => 0.0,
            Self::InverseWishart { lambda } => {
                -0.5 * lambda * eigenvalues.iter().map(|u| each(u / s)).sum::<f64>()
            }
            Self::Nuclear { lambda, alpha } => {
                -0.5 * lambda * eigenvalues.iter().map(|u| both(u / s, alpha)).sum::<f64>()
            }
        }
    }

    /// The scale that maximises the penalty.
    pub fn best_scale(&self, eigenvalues: &[f64]) -> f64 {
        let inverse: f64 = eigenvalues.iter().map(|u| 1.0 / u).sum();
        match *self {
            Self::None => 1.0,
            Self::InverseWishart { .. } => eigenvalues.len() as f64 / inverse,
            Self::Nuclear { alpha, .. } => {
                let sum: f64 = eigenvalues.iter().sum();
                (alpha * sum / ((1.0 - alpha) * inverse)).sqrt()
            }
        }
    }

    /// The `u >= 0` that minimises `q log(1 + u) + q d / (1 + u)` less twice the log-penalty: the
    /// eigenvalue of the covariance, given `d`, that of the second moment of noisy data.
    pub fn shrink(&self, q: f64, d: f64, s: f64) -> f64 {
        match *self {
            Self::None => (d - 1.0).max(0.0),
            Self::InverseWishart { lambda } => {
                let quadratic = q * (1.0 - d) + lambda * (2.0 - s);
                let coefficients = [-lambda * s, lambda * (1.0 - 2.0 * s), quadratic, q + lambda];
                let cost = |u: f64| q * (u.ln_1p() + d / (1.0 + u)) + lambda * (u.ln() + s / u);
                let roots = cubic_positive_roots(coefficients);
                roots.into_iter().min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(s)
            }
            Self::Nuclear { lambda, alpha } => {
                let (a, c) = (lambda * alpha / s, lambda * (1.0 - alpha) * s);
                let quadratic = a + q * (1.0 - d) - c;
                // One change of sign of the coefficients: one positive root.
                let coefficients = [-c, -2.0 * c, quadratic, 2.0 * a + q, a];
                let (low, high) = root_bounds(&coefficients);
                bracketed_root(&coefficients, low, high)
            }
        }
    }

    /// All eigenvalues, with a scale as good as `s` or better. Small eigenvalues and their scale are
    /// nearly one parameter: alternating between the two would take hundreds of rounds, so
    /// the limit of the geometric series is guessed from two of them (Steffensen's method), and
    /// taken where it is better.
    pub fn shrink_jointly(&self, q: f64, d: &[f64], s: f64) -> Vec<f64> {
        let solve = |s: f64| {
            let u: Vec<f64> = d.iter().map(|d| self.shrink(q, *d, s)).collect();
            let next = self.best_scale(&u);
            let data: f64 = u.iter().zip(d).map(|(u, d)| q * (u.ln_1p() + d / (1.0 + u))).sum();
            let cost = data - 2.0 * self.value(&u, next);
            (u, next, cost)
        };
        let mut s = s;
        let mut best = solve(s);
        for _ in 0..3 {
            let first = (best.1 / s).ln();
            let again = solve(best.1);
            let second = (again.1 / best.1).ln();
            let rate = second / first;
            (s, best) = (best.1, again);
            if second.abs() < 1e-9 || !(rate > 0.0 && rate < 1.0) {
                break;
            }
            let jump = (second * rate / (1.0 - rate)).clamp(-3.0, 3.0);
            let guess = best.1 * jump.exp();
            let there = solve(guess);
            if there.2 < best.2 {
                (s, best) = (guess, there);
            }
        }
        best.0
    }

    /// The `u >= 0` that minimises `q log u + w / u` less twice the log-penalty: the eigenvalue of
    /// the covariance, given `w`, that of the sum of second moments of `q` effects.
    pub fn shrink_known(&self, q: f64, w: f64, s: f64) -> f64 {
        match *self {
            Self::None => w / q,
            Self::InverseWishart { lambda } => (w + lambda * s) / (q + lambda),
            Self::Nuclear { lambda, alpha } => {
                let a = lambda * alpha / s;
                let w = w + lambda * (1.0 - alpha) * s;
                2.0 * w / (q + (q * q + 4.0 * a * w).sqrt())
            }
        }
    }
}

/// The value and slope of a polynomial, lowest power first.
fn polynomial(coefficients: &[f64], u: f64) -> (f64, f64) {
    let (mut value, mut slope) = (0.0, 0.0);
    for c in coefficients.iter().rev() {
        slope = slope * u + value;
        value = value * u + c;
    }
    (value, slope)
}

/// Bounds of the positive roots (Cauchy).
fn root_bounds(coefficients: &[f64]) -> (f64, f64) {
    let largest = coefficients.iter().map(|c| c.abs()).fold(0.0, f64::max);
    let (first, last) = (coefficients[0].abs(), coefficients[coefficients.len() - 1].abs());
    (first / (first + largest) * 0.5, 2.0 * (1.0 + largest / last))
}

/// The root between positive bounds with values of opposite signs: Newton's method, kept between
/// bounds that close in.
fn bracketed_root(coefficients: &[f64], mut low: f64, mut high: f64) -> f64 {
    let rising = polynomial(coefficients, low).0 < 0.0;
    let mut u = (low * high).sqrt();
    for _ in 0..200 {
        let (value, slope) = polynomial(coefficients, u);
        if value == 0.0 {
            return u;
        }
        if (value < 0.0) == rising {
            low = u
        } else {
            high = u
        }
        let newton = u - value / slope;
        let next = if newton > low && newton < high { newton } else { (low * high).sqrt() };
        if (next - u).abs() <= 2.0 * f64::EPSILON * u {
            return next;
        }
        u = next;
    }
    u
}

/// All positive roots of a cubic: one in each stretch between turning points where the sign
/// changes.
fn cubic_positive_roots(coefficients: [f64; 4]) -> Vec<f64> {
    let (low, high) = root_bounds(&coefficients);
    let [_, b, c, d] = coefficients;
    let mut ends = vec![low];
    // Turning points: 3 d u^2 + 2 c u + b = 0, without cancellation.
    let discriminant = c * c - 3.0 * d * b;
    if discriminant > 0.0 {
        let t = -(c + discriminant.sqrt().copysign(c));
        let mut turning = [t / (3.0 * d), b / t];
        turning.sort_by(f64::total_cmp);
        ends.extend(turning.into_iter().filter(|u| *u > low && *u < high));
    }
    ends.push(high);
    let sign = |u: f64| polynomial(&coefficients, u).0 > 0.0;
    let stretches = ends.windows(2).filter(|e| sign(e[0]) != sign(e[1]));
    stretches.map(|e| bracketed_root(&coefficients, e[0], e[1])).collect()
}
