//! Random-effects meta-analysis of a few estimates: `y_i ~ N(mu, v_i + tau2)`.
//!
//! `tau2` is that of the method of moments (DerSimonian and Laird 1986), or maximises the restricted
//! likelihood, by Fisher scoring from there (Viechtbauer 2005); where that does not settle, or settles
//! below what no heterogeneity has, by search.

use crate::Error;
use crate::linalg::search::maximum;

/// How the variance between effects is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heterogeneity {
    /// By moments.
    Moments,
    /// By restricted maximum likelihood.
    Restricted,
}

/// A summary of the estimates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// The mean effect.
    pub mean: f64,
    /// Its standard error.
    pub se: f64,
    /// The variance between effects.
    pub tau2: f64,
    /// Cochran's Q: the weighted sum of squares around the mean of equal effects.
    pub q: f64,
}

/// Fisher scoring ends when a step is this small against the scale of the data.
const TOL: f64 = 1e-12;

/// Summarise estimates `y` with variances `v`.
///
/// # Errors
/// No estimate, other lengths, values that are not finite, variances that are not positive.
pub fn random_effects(y: &[f64], v: &[f64], how: Heterogeneity) -> Result<Summary, Error> {
    if y.is_empty() || y.len() != v.len() {
        return Err(Error::Shape { name: "se", expected: y.len().max(1), found: v.len() });
    }
    if let Some(i) =
        y.iter().zip(v).position(|(y, v)| !(y.is_finite() && v.is_finite() && *v > 0.0))
    {
        let why = format!("must be finite, `se` positive: element {} is not", i + 1);
        return Err(Error::Value { name: "y", why });
    }
    let data = Data { y, v };
    let equal = data.at(0.0);
    let q = equal.squares;
    let moments = match y.len() {
        1 => 0.0,
        n => (q - (n - 1) as f64) / (equal.sums[0] - equal.sums[1] / equal.sums[0]),
    };
    let mut tau2 = moments.max(0.0);
    if how == Heterogeneity::Restricted && y.len() > 1 {
        tau2 = data.restricted(tau2);
    }
    let At { mean, sums: [total, ..], .. } = data.at(tau2);
    Ok(Summary { mean, se: 1.0 / total.sqrt(), tau2, q })
}

struct Data<'a> {
    y: &'a [f64],
    v: &'a [f64],
}

/// What there is at one `tau2`, with weights `w = 1 / (v + tau2)`.
struct At {
    mean: f64,
    /// Sums of w, w^2 and w^3.
    sums: [f64; 3],
    /// Sums of w e^2 and w^2 e^2, with `e` the distances from the mean.
    squares: f64,
    score: f64,
    /// The restricted log-likelihood, up to a constant.
    loglik: f64,
}

impl Data<'_> {
    fn at(&self, tau2: f64) -> At {
        let weights = || self.v.iter().map(|v| 1.0 / (v + tau2));
        let sums = [1, 2, 3].map(|k| weights().map(|w| w.powi(k)).sum::<f64>());
        let mean = weights().zip(self.y).map(|(w, y)| w * y).sum::<f64>() / sums[0];
        let square = |k: i32| -> f64 {
            weights().zip(self.y).map(|(w, y)| w.powi(k) * (y - mean) * (y - mean)).sum()
        };
        let (squares, score) = (square(1), square(2));
        let logs: f64 = weights().map(f64::ln).sum();
        let loglik = 0.5 * (logs - sums[0].ln() - squares);
        At { mean, sums, squares, score, loglik }
    }

    /// Fisher scoring; the likelihood decides, and the boundary is a candidate.
    fn restricted(&self, start: f64) -> f64 {
        let n = self.y.len() as f64;
        let centre = self.y.iter().sum::<f64>() / n;
        let spread = self.y.iter().map(|y| (y - centre) * (y - centre)).sum::<f64>() / (n - 1.0);
        let scale = spread.max(self.v.iter().sum::<f64>() / n);
        let mut tau2 = start;
        for _ in 0..100 {
            let At { sums: [one, two, three], score, .. } = self.at(tau2);
            let traces = [one - two / one, two - 2.0 * three / one + (two / one) * (two / one)];
            let next = (tau2 + (score - traces[0]) / traces[1]).max(0.0);
            let settled = (next - tau2).abs() <= TOL * scale;
            tau2 = next;
            if settled {
                if self.at(tau2).loglik >= self.at(0.0).loglik {
                    return tau2;
                }
                break;
            }
        }
        self.search(scale, tau2)
    }

    /// The best of ten orders of magnitude, of zero, and of what was tried.
    fn search(&self, scale: f64, tried: f64) -> f64 {
        let loglik = |tau2: f64| self.at(tau2).loglik;
        let step = std::f64::consts::LN_10 / 20.0;
        let grid: Vec<f64> = (0..=200).map(|i| (1e-8 * scale).ln() + step * f64::from(i)).collect();
        let best = maximum(|log| loglik(log.exp()), &grid, 1e-8).at.exp();
        let better = |a: f64, b: f64| if loglik(b) > loglik(a) { b } else { a };
        [best, tried].into_iter().fold(0.0, better)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;

    #[test]
    fn equal_errors_have_their_closed_form() {
        let y = [0.3, -1.2, 2.5, 4.0, -2.2, 0.1, 1.9, -3.0];
        let n = y.len() as f64;
        let mean = y.iter().sum::<f64>() / n;
        let variance = y.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / (n - 1.0);
        for how in [Heterogeneity::Moments, Heterogeneity::Restricted] {
            let found = random_effects(&y, &[1.0; 8], how).unwrap();
            assert!((found.tau2 - (variance - 1.0)).abs() < 1e-9);
            assert!((found.mean - mean).abs() < 1e-12 && (found.q - 7.0 * variance).abs() < 1e-9);
            assert!((found.se - (variance / n).sqrt()).abs() < 1e-9);
            let none = random_effects(&y.map(|y| 0.1 * y), &[1.0; 8], how).unwrap();
            assert_eq!(none.tau2, 0.0);
        }
    }

    #[test]
    fn no_other_variance_is_likelier() {
        for seed in 0..60 {
            let u = random(seed, 12);
            let y: Vec<f64> = u[..6].iter().map(|u| 1.5 * u).collect();
            let v: Vec<f64> = u[6..].iter().map(|u| (1.5 * u).exp()).collect();
            let found = random_effects(&y, &v, Heterogeneity::Restricted).unwrap();
            let loglik = |tau2: f64| Data { y: &y, v: &v }.at(tau2).loglik;
            let best = loglik(found.tau2);
            for i in 0..=400 {
                let other = if i == 0 { 0.0 } else { 10f64.powf(0.02 * f64::from(i) - 5.0) };
                assert!(loglik(other) <= best + 1e-10, "{seed}: {} {other}", found.tau2);
            }
        }
    }

    #[test]
    fn one_estimate_is_its_own_summary_and_what_is_none_is_refused() {
        let how = Heterogeneity::Restricted;
        let one = random_effects(&[2.0], &[0.25], how).unwrap();
        assert_eq!(one, Summary { mean: 2.0, se: 0.5, tau2: 0.0, q: 0.0 });
        for (y, v) in [(&[][..], &[][..]), (&[1.0], &[0.0]), (&[1.0], &[]), (&[f64::NAN], &[1.0])] {
            assert!(random_effects(y, v, how).is_err());
        }
    }
}
