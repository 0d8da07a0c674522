//! The covariances of residuals and of an infinitesimal background.
//!
//! In the eigenbasis of `X'X`, direction i (eigenvalue `D_i`) of what the effects leave has covariance
//! `V + c_i Omega`, with `c_i = D_i / p`, and the n - m others have V. Given the expected squares `M_i` of
//! the directions and `M_0` of the others, the bound on the log-likelihood depends on both through
//! ```text
//!   -1/2 sum_i [log|V + c_i Omega| + tr((V + c_i Omega)^{-1} M_i)] - (n - m)/2 log|V| - 1/2 tr(V^{-1} M_0).
//! ```
//! In one condition that is maximised: for `kappa = Omega / V`, V has a closed form, and kappa is
//! searched for. In many, steps of expectation maximisation raise it, with the rows of `W'G`, which are
//! `N(0, Omega / p)`, as what is missing.

use faer::{Mat, Side};

use crate::linalg::dense::symmetric;
use crate::linalg::psd;
use crate::linalg::search::maximum_of;

/// Steps of expectation maximisation at a time.
const STEPS: usize = 30;

/// The background that steps start from, relatively to V.
const FIRST: f64 = 0.05;

/// The ends of the search for the share of the variance that the background explains, to residuals.
const SHARES: (f64, f64) = (1e-6, 30.0);

/// Expected squares of what the effects leave.
#[derive(Debug)]
pub(super) struct Squares<'a> {
    /// `D_i / p`.
    pub c: &'a [f64],
    /// `M_i`.
    pub along: Vec<Mat<f64>>,
    /// `M_0`.
    pub rest: &'a Mat<f64>,
    /// n; V is known if that is not.
    pub samples: Option<f64>,
}

/// What makes V the identity and Omega diagonal.
#[derive(Debug, Clone)]
pub(super) struct Diagonal {
    /// `T V T' = I`.
    pub to: Mat<f64>,
    /// `T^{-1}`.
    pub back: Mat<f64>,
    /// `T Omega T' = diag(w)`.
    pub w: Vec<f64>,
}

impl Diagonal {
    /// None if V is not positive definite.
    pub fn new(v: &Mat<f64>, omega: &Mat<f64>) -> Option<Self> {
        let (whitener, _) = psd::whitener(v.as_ref())?;
        let root = v.llt(Side::Lower).ok()?.L().to_owned();
        let inner = symmetric((&whitener * omega * whitener.transpose()).as_ref());
        let eigen = inner.self_adjoint_eigen(Side::Lower).ok()?;
        let w = eigen.S().column_vector().iter().map(|w| w.max(0.0)).collect();
        let to = eigen.U().transpose() * &whitener;
        Some(Self { to, back: root * eigen.U(), w })
    }
}

impl Squares<'_> {
    /// V and Omega that raise the bound.
    pub fn raise(&self, v: &Mat<f64>, omega: &Mat<f64>) -> Option<(Mat<f64>, Mat<f64>)> {
        if v.nrows() == 1 {
            let (v, omega) = self.profile(v[(0, 0)]);
            return Some((Mat::full(1, 1, v), Mat::full(1, 1, omega)));
        }
        let mut now = (v.clone(), omega.clone());
        if omega.norm_max() == 0.0 {
            now.1 = Mat::from_fn(v.nrows(), v.nrows(), |i, c| FIRST * v[(i, c)]);
        }
        for _ in 0..STEPS {
            now = self.step(&now.0, &now.1)?;
        }
        Some(now)
    }

    /// One condition: the best V and Omega.
    fn profile(&self, given: f64) -> (f64, f64) {
        let along: Vec<f64> = self.along.iter().map(|m| m[(0, 0)]).collect();
        let inflation = |kappa: f64| self.c.iter().map(move |c| 1.0 + c * kappa);
        let scaled = |k: f64| along.iter().zip(inflation(k)).map(|(m, i)| m / i).sum::<f64>();
        let best = |k: f64| match self.samples {
            Some(n) => (scaled(k) + self.rest[(0, 0)]) / n,
            None => given,
        };
        let value = |k: f64| {
            let logs: f64 = inflation(k).map(f64::ln).sum();
            match self.samples {
                Some(n) => -0.5 * n * best(k).ln() - 0.5 * logs,
                None => -0.5 * scaled(k) / given - 0.5 * logs,
            }
        };
        // Shares of the variance of one sample, or of one z-score.
        let unit = self.samples.unwrap_or(self.c.len() as f64) / self.c.iter().sum::<f64>();
        let range = ((SHARES.0 * unit).ln(), (SHARES.1 * unit).ln());
        let n = ((range.1 - range.0) / 0.5).ceil() as usize;
        let grid: Vec<f64> = (0..=n).map(|i| range.0 + 0.5 * i as f64).collect();
        let at = |t: &[f64]| t.iter().map(|t| value(t.exp())).collect();
        let found = maximum_of(at, &grid, 0.5, range, 1e-4);
        let kappa = if found.value > value(0.0) { found.at.exp() } else { 0.0 };
        (best(kappa), kappa * best(kappa))
    }

    /// One step of expectation maximisation.
    fn step(&self, v: &Mat<f64>, omega: &Mat<f64>) -> Option<(Mat<f64>, Mat<f64>)> {
        let Diagonal { to, back, w } = Diagonal::new(v, omega)?;
        let (r, m) = (v.nrows(), self.c.len() as f64);
        let mut background = Mat::<f64>::zeros(r, r);
        let mut noise = &to * self.rest * to.transpose();
        for (c, square) in self.c.iter().zip(&self.along) {
            let square = &to * square * to.transpose();
            let e: Vec<f64> = w.iter().map(|w| 1.0 / (1.0 + c * w)).collect();
            let g: Vec<f64> = e.iter().zip(&w).map(|(e, w)| c.sqrt() * w * e).collect();
            for i in 0..r {
                for q in 0..r {
                    background[(i, q)] += g[i] * g[q] * square[(i, q)];
                    noise[(i, q)] += e[i] * e[q] * square[(i, q)];
                }
                background[(i, i)] += w[i] * e[i];
                noise[(i, i)] += c * w[i] * e[i];
            }
        }
        let turn = |x: &Mat<f64>, by: f64| {
            let x = &back * x * back.transpose();
            symmetric(Mat::from_fn(r, r, |i, q| x[(i, q)] / by).as_ref())
        };
        let v = self.samples.map_or_else(|| v.clone(), |n| turn(&noise, n));
        Some((v, turn(&background, m)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;

    /// The bound as it is written above.
    fn bound(s: &Squares, v: &Mat<f64>, omega: &Mat<f64>) -> f64 {
        let normal = |cov: &Mat<f64>, m: &Mat<f64>, n: f64| {
            let (w, log_det) = psd::whitener(cov.as_ref()).unwrap();
            let inner = &w * m * w.transpose();
            -0.5 * (n * log_det + (0..m.nrows()).map(|i| inner[(i, i)]).sum::<f64>())
        };
        let each = s.c.iter().zip(&s.along).map(|(c, m)| {
            let cov = v + Mat::from_fn(v.nrows(), v.nrows(), |i, q| c * omega[(i, q)]);
            normal(&cov, m, 1.0)
        });
        let n = s.samples.unwrap_or(s.c.len() as f64);
        each.sum::<f64>() + normal(v, s.rest, n - s.c.len() as f64)
    }

    #[test]
    fn variances_never_lower_the_bound_and_one_is_the_best() {
        let (m, n) = (12, 40.0);
        let u = random(7, m * 3 + 20);
        let c: Vec<f64> = (0..m).map(|i| 0.2 + i as f64).collect();
        for r in [1, 3] {
            let square = |i: usize, by: f64| {
                let a = Mat::from_fn(r, 1, |q, _| u[i * 3 + q]);
                &a * a.transpose() * faer::Scale(by)
            };
            let along: Vec<Mat<f64>> = (0..m).map(|i| square(i, 1.0 + 0.4 * c[i])).collect();
            let rest = Mat::from_fn(r, r, |i, q| if i == q { n - m as f64 } else { 2.0 });
            for samples in [Some(n), None] {
                let s = Squares { c: &c, along: along.clone(), rest: &rest, samples };
                let mut now = (Mat::<f64>::identity(r, r), Mat::<f64>::zeros(r, r));
                now.1 = Mat::from_fn(r, r, |i, q| FIRST * now.0[(i, q)]);
                for _ in 0..6 {
                    let next = s.raise(&now.0, &now.1).unwrap();
                    assert!(bound(&s, &next.0, &next.1) >= bound(&s, &now.0, &now.1) - 1e-9);
                    assert!(samples.is_some() || (&next.0 - &now.0).norm_max() == 0.0);
                    now = next;
                }
                if r == 1 {
                    let best = bound(&s, &now.0, &now.1);
                    for (a, b) in [(1.02, 1.0), (0.98, 1.0), (1.0, 1.05), (1.0, 0.95)] {
                        let v = if samples.is_some() { a } else { 1.0 };
                        let near = (&now.0 * faer::Scale(v), &now.1 * faer::Scale(b));
                        assert!(bound(&s, &near.0, &near.1) < best + 1e-9);
                    }
                }
            }
        }
    }
}
