//! Correlations of normal variables of which only small values were kept.
//!
//! `(X, Y)` is normal with variances one and correlation `rho`; only `|X| < a`, `|Y| < b` is kept. Given
//! X, Y is `N(rho X, s^2)` with `s^2 = 1 - rho^2`, and the moments of Y within its limits have a closed
//! form: with `l, u = (-b - rho x) / s, (b - rho x) / s`,
//! ```text
//!   P(l < . < u) = m0,   E[.] = phi(l) - phi(u) = m1,   E[.^2] = m0 - (u phi(u) - l phi(l)) = m2,
//!   E[XY] = int x (rho x m0 + s m1) phi(x) dx,   E[X^2] = int x^2 m0 phi(x) dx,
//!   E[Y^2] = int (rho^2 x^2 m0 + 2 rho x s m1 + s^2 m2) phi(x) dx.
//! ```
//! All of these are even in x, so half of the nodes of Gauss-Legendre quadrature answer for all. The
//! correlation that is left rises with `rho`, which is found where it is the observed one.

use std::sync::LazyLock;

use faer::Mat;
use rayon::prelude::*;

use super::Moments;
use crate::linalg::lanes::kernel;
use crate::linalg::search::{crossing, root};
use crate::linalg::special::{erfc, erfc_abs, exp};
use crate::{Error, Monitor};

/// Correlations beyond this are not told apart: the distribution is a line.
const LIMIT: f64 = 0.999;
/// Beyond so many standard deviations there is nothing to integrate, and nothing to cut off.
const WIDEST: f64 = 9.0;
const NO_CUT: f64 = 40.0;
/// Nodes on one side of zero.
const NODES: usize = 40;

/// Standard deviations between which a cut at `t` may have come from, in units of `t`.
const SD: (f64, f64) = (1e-3, 10.0);

/// The covariance of normal variables which, with values of at most `t` kept of each pair, has these
/// moments. The variances are one by assumption if `unit`, and estimated otherwise.
///
/// # Errors
/// A condition whose variance is that of no cut normal distribution; `Error::Interrupted`.
pub fn untruncated(
    moments: &Moments,
    t: f64,
    unit: bool,
    monitor: &Monitor,
) -> Result<Mat<f64>, Error> {
    let r = moments.n.nrows();
    let sd = |c: usize| if unit { Some(1.0) } else { wide(moments.covariance[(c, c)], t) };
    let sds: Option<Vec<f64>> = (0..r).map(sd).collect();
    let sds = sds.ok_or_else(|| {
        let why = "the z-scores below `z_thresh` are spread too evenly to estimate their \
                   variance: use null rows or a larger `z_thresh`";
        Error::TooFew(why.into())
    })?;
    let rules: Vec<Rule> = match unit {
        true => vec![Rule::new(t)],
        false => sds.iter().map(|sd| Rule::new(t / sd)).collect(),
    };
    let column = |b: usize| -> Result<Vec<f64>, Error> {
        monitor.advance(1)?;
        let one = |a: usize| {
            let rule = &rules[if unit { 0 } else { a }];
            rule.untruncated(moments.pair(a, b), t / sds[b])
        };
        Ok((0..b).map(one).collect())
    };
    let columns = (0..r).into_par_iter().map(column).collect::<Result<Vec<_>, _>>()?;
    Ok(Mat::from_fn(r, r, |a, b| {
        let rho = if a == b { 1.0 } else { columns[a.max(b)][a.min(b)] };
        rho * (sds[a] * sds[b])
    }))
}

/// The standard deviation of the normal distribution that has this variance within `t`.
///
/// A cut normal is never wider than a uniform: beyond that there is no answer.
fn wide(variance: f64, t: f64) -> Option<f64> {
    if t == f64::INFINITY {
        return Some(variance.sqrt());
    }
    let excess = |sd: f64| {
        let a = t / sd;
        let mass = 1.0 - erfc(a * std::f64::consts::FRAC_1_SQRT_2);
        sd * sd * (1.0 - 2.0 * a * density(a) / mass) - variance
    };
    (excess(SD.1 * t) > 0.0).then(|| root(excess, SD.0 * t, SD.1 * t))
}

fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
}

/// The integral over one variable that is cut.
struct Rule {
    /// Its positive nodes, and their weights times the normal density.
    x: Vec<f64>,
    weight: Vec<f64>,
}

impl Rule {
    fn new(a: f64) -> Self {
        let width = a.min(WIDEST);
        let (nodes, weights) = &*LEGENDRE;
        let x: Vec<f64> = nodes.iter().map(|node| width * node).collect();
        let weight = weights.iter().zip(&x).map(|(w, x)| w * density(*x)).collect();
        Self { x, weight }
    }

    /// What is left of `rho` when the other variable is cut at `b`.
    fn truncated(&self, rho: f64, b: f64) -> f64 {
        let [xy, xx, yy] = integrals(&self.x, &self.weight, rho, b.min(NO_CUT));
        xy / (xx * yy).sqrt()
    }

    /// The correlation of which `r` is left. Both have the same sign, and the same for its opposite.
    fn untruncated(&self, r: f64, b: f64) -> f64 {
        let excess = |rho: f64| self.truncated(rho, b) - r.abs();
        let highest = excess(LIMIT);
        if highest <= 0.0 {
            return LIMIT.copysign(r);
        }
        crossing(excess, (0.0, -r.abs()), (LIMIT, highest), 1e-13).copysign(r)
    }
}

kernel!(
    /// `E[XY]`, `E[X^2]` and `E[Y^2]` up to a common factor.
    fn integrals<'a, V: Lanes>(x: &'a [f64], weight: &'a [f64], rho: f64, b: f64) -> [f64; 3] {
        let s = ((1.0 - rho) * (1.0 + rho)).sqrt();
        let splat = V::splat;
        let (per_s, half) = (splat(1.0 / s), splat(0.5));
        let root_half = splat(std::f64::consts::FRAC_1_SQRT_2);
        let scale = splat(1.0 / std::f64::consts::TAU.sqrt());
        let mut sums = [splat(0.0); 3];
        for (x, w) in x.chunks_exact(V::N).zip(weight.chunks_exact(V::N)) {
            let (x, w) = (V::load(x), V::load(w));
            let mean = splat(rho) * x;
            let (u, l) = ((splat(b) - mean) * per_s, (splat(b) + mean) * per_s);
            // `l` is the lower limit's distance from zero: the limit is negative.
            let tail = half * erfc_abs(u * root_half);
            let below = u.select_negative(tail, splat(1.0) - tail);
            let m0 = below - half * erfc_abs(l * root_half);
            let upper = scale * exp((half * u * u).neg());
            let lower = scale * exp((half * l * l).neg());
            let m1 = lower - upper;
            let m2 = m0 - (u * upper + l * lower);
            let along = mean * m0 + splat(s) * m1;
            sums[0] = (w * x).mul_add(along, sums[0]);
            sums[1] = (w * x * x).mul_add(m0, sums[1]);
            let square = mean * (along + splat(s) * m1) + splat(s * s) * m2;
            sums[2] = w.mul_add(square, sums[2]);
        }
        sums.map(|sum| sum.sum())
    }
);

/// The positive half of the nodes and weights of Gauss-Legendre quadrature on (-1, 1).
static LEGENDRE: LazyLock<(Vec<f64>, Vec<f64>)> = LazyLock::new(|| {
    let n = 2 * NODES;
    let node = |i: usize| {
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..100 {
            // The recurrence of Legendre polynomials, and Newton's step.
            let (mut before, mut p) = (1.0, x);
            for k in 2..=n {
                let k = k as f64;
                (before, p) = (p, ((2.0 * k - 1.0) * x * p - (k - 1.0) * before) / k);
            }
            slope = n as f64 * (x * p - before) / (x * x - 1.0);
            let step = p / slope;
            x -= step;
            if step.abs() < 1e-16 {
                break;
            }
        }
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..NODES).map(node).unzip()
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::lanes::at_each_level;

    /// Moments of the cut distribution on a fine grid of cells.
    fn slow(rho: f64, a: f64, b: f64) -> f64 {
        let n = 600;
        let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
        for i in 0..n {
            let x = a * (2.0 * (f64::from(i) + 0.5) / f64::from(n) - 1.0);
            for k in 0..n {
                let y = b * (2.0 * (f64::from(k) + 0.5) / f64::from(n) - 1.0);
                let q = (x * x - 2.0 * rho * x * y + y * y) / (1.0 - rho * rho);
                let p = (-0.5 * q).exp();
                (xy, xx, yy) = (xy + p * x * y, xx + p * x * x, yy + p * y * y);
            }
        }
        xy / (xx * yy).sqrt()
    }

    #[test]
    fn what_is_left_of_a_correlation_agrees_with_sums_over_cells() {
        at_each_level(|level| {
            for (a, b) in [(2.0, 2.0), (2.0, 1.5), (0.5, 3.0), (4.0, 4.0)] {
                for rho in [0.0, 0.1, 0.5, 0.8, 0.95] {
                    let (got, want) = (Rule::new(a).truncated(rho, b), slow(rho, a, b));
                    assert!((got - want).abs() < 2e-5, "{level:?} {rho} {a} {b}: {got} {want}");
                }
            }
        });
    }

    #[test]
    fn without_a_cut_a_correlation_is_what_it_is() {
        for t in [20.0, f64::INFINITY] {
            for rho in [0.0, 0.3, 0.9] {
                assert!((Rule::new(t).truncated(rho, t) - rho).abs() < 1e-8);
                assert!((Rule::new(t).untruncated(-rho, t) + rho).abs() < 1e-8);
            }
        }
        assert_eq!(wide(2.25, f64::INFINITY), Some(1.5));
    }

    #[test]
    fn a_cut_is_undone() {
        let rule = Rule::new(2.0);
        for b in [0.7, 2.0, 3.0] {
            for k in -99..=99 {
                let rho = f64::from(k) / 100.0;
                let left = rule.truncated(rho.abs(), b).copysign(rho);
                let found = rule.untruncated(left, b);
                assert!((found - rho).abs() < 1e-9, "{rho} {b}: {found}");
            }
            assert_eq!((rule.untruncated(1.0, b), rule.untruncated(-1.0, b)), (LIMIT, -LIMIT));
        }
    }

    #[test]
    fn standard_deviations_are_those_of_cut_normals_or_there_are_none() {
        for (sd, t) in [(0.5, 2.0), (1.0, 2.0), (3.0, 2.0), (1.0, 0.5)] {
            // The variance within the limits, by Simpson's rule.
            let n = 20_000;
            let h = 2.0 * t / f64::from(n);
            let (mut mass, mut square) = (0.0, 0.0);
            for i in 0..=n {
                let x = -t + h * f64::from(i);
                let w = if i == 0 || i == n { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
                let p = w * density(x / sd);
                (mass, square) = (mass + p, square + p * x * x);
            }
            let found = wide(square / mass, t).unwrap();
            assert!((found / sd - 1.0).abs() < 1e-8, "{sd} {t}: {found}");
        }
        assert_eq!(wide(4.0 / 3.0, 2.0), None);
    }

    #[test]
    fn all_pairs_have_their_own_and_the_variances_their_scale() {
        let r = 5;
        let rho = |a: usize, b: usize| if a == b { 1.0 } else { 0.9 - 0.15 * (a + b) as f64 };
        let sd = |c: usize| 0.8 + 0.1 * c as f64;
        let (t, monitor) = (2.0, Monitor::default());
        for unit in [true, false] {
            let sd = |c: usize| if unit { 1.0 } else { sd(c) };
            let variance = |c: usize| {
                let a = t / sd(c);
                let mass = 1.0 - erfc(a * std::f64::consts::FRAC_1_SQRT_2);
                sd(c) * sd(c) * (1.0 - 2.0 * a * density(a) / mass)
            };
            let left = |a: usize, b: usize| {
                let (a, b) = (a.min(b), a.max(b));
                if a == b {
                    return variance(a);
                }
                let rho = rho(a, b);
                let left = Rule::new(t / sd(a)).truncated(rho.abs(), t / sd(b));
                left.copysign(rho)
            };
            let moments = Moments {
                n: Mat::full(r, r, 100.0),
                covariance: Mat::from_fn(r, r, left),
                variance: Mat::full(r, r, 1.0),
            };
            let found = untruncated(&moments, t, unit, &monitor).unwrap();
            for a in 0..r {
                for b in 0..r {
                    let want = rho(a, b) * sd(a) * sd(b);
                    assert!((found[(a, b)] - want).abs() < 1e-8, "{unit} {a} {b}");
                }
            }
        }
    }

    #[test]
    fn the_rule_integrates_polynomials() {
        let (x, w) = &*LEGENDRE;
        for k in 0..50 {
            let sum: f64 = x.iter().zip(w).map(|(x, w)| 2.0 * w * x.powi(2 * k)).sum();
            assert!((sum - 2.0 / f64::from(2 * k + 1)).abs() < 1e-14, "{k}: {sum}");
        }
    }
}
