//! Covariates with dense effects, one vector for each outcome, and a normal prior so wide that it only
//! keeps the problem defined.

use faer::prelude::*;
use faer::{Mat, Side};

use crate::linalg::columns::dot_product;

/// The covariates: n by q, by columns; the first is an intercept.
#[derive(Debug, Clone, Copy)]
pub struct Covariates<'a> {
    /// The number of covariates.
    pub q: usize,
    /// The values, by columns.
    pub values: &'a [f64],
    /// The prior precision of every effect.
    pub precision: f64,
}

/// The effects of the covariates on one outcome.
#[derive(Debug, Clone)]
pub struct Effects {
    /// Posterior means.
    pub theta: Vec<f64>,
    /// Posterior covariance, q by q.
    pub covariance: Mat<f64>,
    kl: f64,
}

impl Effects {
    /// All at zero.
    pub fn new(q: usize) -> Self {
        Self { theta: vec![0.0; q], covariance: Mat::zeros(q, q), kl: 0.0 }
    }

    /// The optimum given the rest: `mean` and `variance` of the linear predictor of one outcome hold
    /// this part too, and are brought up to date. O(n q^2).
    pub fn update(&mut self, covariates: &Covariates<'_>, w: &[f64], h: &[f64], mean: &mut [f64]) {
        let (n, q) = (mean.len(), covariates.q);
        let column = |a: usize| &covariates.values[a * n..(a + 1) * n];
        let (mut info, mut slope) = (Mat::<f64>::zeros(q, q), Mat::<f64>::zeros(q, 1));
        let mut own = vec![0.0; n];
        for a in 0..q {
            let theta = self.theta[a];
            own.iter_mut().zip(column(a)).for_each(|(own, c)| *own += c * theta);
        }
        let rest: Vec<f64> = (0..n).map(|i| h[i] - w[i] * (mean[i] - own[i])).collect();
        for a in 0..q {
            slope[(a, 0)] = dot_product(column(a), &rest);
            let weighted: Vec<f64> = column(a).iter().zip(w).map(|(c, w)| c * w).collect();
            for b in 0..=a {
                info[(a, b)] = dot_product(column(b), &weighted);
            }
        }
        for a in 0..q {
            info[(a, a)] += covariates.precision;
        }
        let Ok(factor) = info.llt(Side::Lower) else { return };
        let theta = factor.solve(&slope);
        for a in 0..q {
            let change = theta[(a, 0)] - self.theta[a];
            mean.iter_mut().zip(column(a)).for_each(|(m, c)| *m += c * change);
        }
        self.theta = (0..q).map(|a| theta[(a, 0)]).collect();
        self.covariance = factor.solve(Mat::<f64>::identity(q, q));
        let log_det: f64 = (0..q).map(|a| 2.0 * factor.L()[(a, a)].ln()).sum();
        self.set_kl(covariates.precision, log_det);
    }

    /// `log_det` is that of the posterior precision.
    fn set_kl(&mut self, tau: f64, log_det: f64) {
        let q = self.theta.len() as f64;
        let trace: f64 = (0..self.theta.len()).map(|a| self.covariance[(a, a)]).sum();
        let square: f64 = self.theta.iter().map(|x| x * x).sum();
        self.kl = 0.5 * (tau * (square + trace) - q + log_det - q * tau.ln());
    }

    /// A step of length `rate` along the natural gradient, given the derivatives of the expected
    /// log-likelihood by the means and the variances of the linear predictor. A step to a covariance
    /// that is none is not made.
    pub fn natural_step(
        &mut self,
        covariates: &Covariates<'_>,
        by_mean: &[f64],
        by_variance: &[f64],
        rate: f64,
    ) {
        let (n, q) = (by_mean.len(), covariates.q);
        let column = |a: usize| &covariates.values[a * n..(a + 1) * n];
        let tau = covariates.precision;
        let (mut precision, mut slope) = (Mat::<f64>::zeros(q, q), Mat::<f64>::zeros(q, 1));
        for a in 0..q {
            let cells = column(a).iter().zip(by_mean);
            slope[(a, 0)] = cells.map(|(c, g)| c * g).sum::<f64>() - tau * self.theta[a];
            for b in 0..q {
                let cells = column(a).iter().zip(column(b)).zip(by_variance);
                let curvature: f64 = cells.map(|((x, y), g)| -2.0 * x * y * g).sum();
                precision[(a, b)] = curvature + if a == b { tau } else { 0.0 };
            }
        }
        if let Ok(now) = self.covariance.llt(Side::Lower) {
            let now = now.solve(Mat::<f64>::identity(q, q));
            precision = now * (1.0 - rate) + precision * rate;
        }
        let Ok(factor) = precision.llt(Side::Lower) else { return };
        let step = factor.solve(&slope);
        (0..q).for_each(|a| self.theta[a] += rate * step[(a, 0)]);
        self.covariance = factor.solve(Mat::<f64>::identity(q, q));
        let log_det: f64 = (0..q).map(|a| 2.0 * factor.L()[(a, a)].ln()).sum();
        self.set_kl(tau, log_det);
    }

    /// Add this part to the mean of the linear predictor of one outcome.
    pub fn add_mean(&self, covariates: &Covariates<'_>, mean: &mut [f64]) {
        let n = mean.len();
        for (a, &theta) in self.theta.iter().enumerate() {
            let column = &covariates.values[a * n..(a + 1) * n];
            mean.iter_mut().zip(column).for_each(|(m, c)| *m += c * theta);
        }
    }

    /// Add the variance of this part to that of the linear predictor of one outcome.
    pub fn add_variance(&self, covariates: &Covariates<'_>, variance: &mut [f64]) {
        let (n, q) = (variance.len(), covariates.q);
        let column = |a: usize| &covariates.values[a * n..(a + 1) * n];
        for a in 0..q {
            for b in 0..q {
                let s = self.covariance[(a, b)];
                let cells = variance.iter_mut().zip(column(a)).zip(column(b));
                cells.for_each(|((v, x), y)| *v += x * y * s);
            }
        }
    }

    /// Move the intercept.
    pub fn shift(&mut self, by: f64, precision: f64) {
        self.kl += 0.5 * precision * ((self.theta[0] + by).powi(2) - self.theta[0].powi(2));
        self.theta[0] += by;
    }

    /// `KL(q || p)`.
    pub fn kl(&self) -> f64 {
        self.kl
    }
}
