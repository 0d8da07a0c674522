//! The residual covariance, and its update given the expected cross-product of the residuals.
//!
//! The bound depends on Sigma through `-n/2 [log det Sigma + tr(Sigma^{-1} G)]`, with
//! `G = E[(Y - XB)'(Y - XB)] / n`: the log-likelihood of a normal sample with covariance `G`. So `Full`
//! is `G`, `Diagonal` its diagonal, `LowRank` probabilistic principal components in closed form
//! (Tipping and Bishop 1999), and `Factors` some steps of expectation maximisation of factor analysis
//! (Rubin and Thayer 1982). None lowers the bound. The plug-in version of `LowRank` leaves the
//! posterior variance of B out of `G`: it is biased, and may lower the bound.

use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Side};

/// What is assumed of the residual covariance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Structure {
    /// It is known.
    Known,
    /// No correlation.
    Diagonal,
    /// Nothing.
    Full,
    /// `s^2 I + WW'` with `rank` columns of `W`.
    LowRank {
        /// The number of columns.
        rank: usize,
        /// From the residuals at the posterior mean only.
        plugin: bool,
    },
    /// `diag(psi) + WW'` with `rank` columns of `W`.
    Factors {
        /// The number of columns.
        rank: usize,
    },
}

/// A residual covariance.
#[derive(Debug, Clone)]
pub struct Residual {
    /// What is assumed.
    pub structure: Structure,
    /// Sigma.
    pub covariance: Mat<f64>,
    /// `W`, of the structures that have it.
    pub loadings: Option<Mat<f64>>,
    /// `s^2` repeated, or `psi`: what the loadings do not explain.
    pub unique: Vec<f64>,
}

/// Steps of expectation maximisation at a time.
const FACTOR_STEPS: usize = 100;

impl Residual {
    /// This covariance, whatever the structure: it holds from the first update on.
    pub fn given(structure: Structure, covariance: Mat<f64>) -> Self {
        Self { structure, covariance, loadings: None, unique: vec![] }
    }

    /// The member of the structure that is closest to `covariance`.
    pub fn start(structure: Structure, covariance: MatRef<'_, f64>) -> Self {
        let mut out = Self::given(structure, covariance.to_owned());
        if structure != Structure::Known {
            out.update(&covariance.to_owned());
        }
        out
    }

    /// Whether it changes.
    pub fn is_known(&self) -> bool {
        self.structure == Structure::Known
    }

    /// Whether the update leaves the posterior variance of the coefficients out.
    pub fn is_plugin(&self) -> bool {
        matches!(self.structure, Structure::LowRank { plugin: true, .. })
    }

    /// Raise the bound, given `G`.
    pub fn update(&mut self, g: &Mat<f64>) {
        match self.structure {
            Structure::Known => {}
            Structure::Full => self.covariance = g.clone(),
            Structure::Diagonal => {
                let r = g.nrows();
                self.covariance = Mat::from_fn(r, r, |i, p| if i == p { g[(i, i)] } else { 0.0 });
            }
            Structure::LowRank { rank, .. } => {
                (self.loadings, self.unique) = principal(g, rank);
                self.compose();
            }
            Structure::Factors { rank } => {
                if self.loadings.is_none() {
                    let (w, _) = principal(g, rank);
                    // Half the variance at least is left to each condition: it moves from there.
                    let left = |i: usize| {
                        let own = w.as_ref().map_or(0.0, |w| w.row(i).squared_norm_l2());
                        (g[(i, i)] - own).max(0.5 * g[(i, i)])
                    };
                    self.unique = (0..g.nrows()).map(left).collect();
                    self.loadings = w;
                }
                for _ in 0..FACTOR_STEPS {
                    self.factor_step(g);
                }
                self.compose();
            }
        }
    }

    fn compose(&mut self) {
        let Some(w) = &self.loadings else { return };
        let square = w * w.transpose();
        let r = w.nrows();
        self.covariance = Mat::from_fn(r, r, |i, p| {
            square[(i.max(p), i.min(p))] + if i == p { self.unique[i] } else { 0.0 }
        });
    }

    /// `M = I + W'Psi^{-1}W`, `b = M^{-1}W'Psi^{-1}`, `W = Gb'(M^{-1} + bGb')^{-1}`,
    /// `Psi = diag(G - W b G)`.
    fn factor_step(&mut self, g: &Mat<f64>) {
        let Some(w) = &self.loadings else { return };
        let (r, k) = (w.nrows(), w.ncols());
        let precise = Mat::from_fn(k, r, |a, i| w[(i, a)] / self.unique[i]);
        let m = Mat::<f64>::identity(k, k) + &precise * w;
        let Ok(llt) = m.llt(Side::Lower) else { return };
        let b = llt.solve(&precise);
        let inverse = llt.solve(Mat::<f64>::identity(k, k));
        let bg = &b * g;
        let inner = inverse + &bg * b.transpose();
        let Ok(llt) = inner.llt(Side::Lower) else { return };
        let w = llt.solve(&bg).transpose().to_owned();
        for i in 0..r {
            let explained: f64 = (0..k).map(|a| w[(i, a)] * bg[(a, i)]).sum();
            // A variance of zero (a Heywood case) would make the covariance singular.
            self.unique[i] = (g[(i, i)] - explained).max(1e-8 * g[(i, i)]);
        }
        self.loadings = Some(w);
    }
}

/// `W` and `s^2` (repeated): the maximum over all covariances of that form.
fn principal(g: &Mat<f64>, rank: usize) -> (Option<Mat<f64>>, Vec<f64>) {
    let r = g.nrows();
    let Ok(eigen) = g.self_adjoint_eigen(Side::Lower) else {
        return (Some(Mat::from_fn(r, rank, |_, _| f64::NAN)), vec![f64::NAN; r]);
    };
    let (values, vectors) = (eigen.S().column_vector(), eigen.U());
    let rank = rank.min(r - 1);
    let left = (0..r - rank).map(|i| values[i]).sum::<f64>() / (r - rank) as f64;
    let w = Mat::from_fn(r, rank, |i, a| {
        let at = r - 1 - a;
        vectors[(i, at)] * (values[at] - left).max(0.0).sqrt()
    });
    (Some(w), vec![left; r])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Whitened;
    use crate::testing::random;

    /// `log det V + tr(V^{-1} G)`.
    fn loss(v: &Mat<f64>, g: &Mat<f64>) -> f64 {
        let v = Whitened::new(v.clone()).unwrap();
        v.log_det + v.trace(g)
    }

    /// A cross-product of residuals.
    fn moment(r: usize, seed: u64) -> Mat<f64> {
        let e = random(seed, 3 * r * r);
        let e = MatRef::from_column_major_slice(&e, 3 * r, r);
        e.transpose() * e
    }

    #[test]
    fn no_update_lowers_the_likelihood_and_those_in_closed_form_are_its_maximum() {
        let (r, rank) = (6, 2);
        for seed in 0..5 {
            let (first, g) = (moment(r, seed), moment(r, 100 + seed));
            for structure in [
                Structure::Diagonal,
                Structure::Full,
                Structure::LowRank { rank, plugin: false },
                Structure::Factors { rank },
            ] {
                let mut v = Residual::start(structure, first.as_ref());
                let before = loss(&v.covariance, &g);
                v.update(&g);
                let after = loss(&v.covariance, &g);
                assert!(after <= before, "{structure:?}: {before} {after}");
                if let Structure::Factors { .. } = structure {
                    continue;
                }
                // Towards any other member of the structure, the loss rises.
                for other in 0..5 {
                    let u = random(900 + other, r * r);
                    let step = match (structure, &v.loadings) {
                        (Structure::Full, _) => {
                            Mat::from_fn(r, r, |i, p| u[i.max(p) * r + i.min(p)])
                        }
                        (_, None) => Mat::from_fn(r, r, |i, p| if i == p { u[i] } else { 0.0 }),
                        (_, Some(w)) => {
                            let d = Mat::from_fn(r, rank, |i, a| u[i * r + a]);
                            let s = Mat::<f64>::identity(r, r) * faer::Scale(u[r]);
                            w * d.transpose() + &d * w.transpose() + s
                        }
                    };
                    for length in [-1e-3, 1e-3] {
                        let near = &v.covariance + &step * faer::Scale(length);
                        assert!(loss(&near, &g) > after - 1e-7, "{structure:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_known_covariance_stays_and_a_given_one_is_not_touched_before_its_update() {
        let (v, g) = (moment(4, 1), moment(4, 2));
        let mut known = Residual::given(Structure::Known, v.clone());
        known.update(&g);
        assert_eq!(known.covariance, v);
        assert!(known.is_known() && !known.is_plugin());
        let mut diagonal = Residual::given(Structure::Diagonal, v.clone());
        assert_eq!(diagonal.covariance, v);
        diagonal.update(&g);
        assert_eq!((diagonal.covariance[(1, 1)], diagonal.covariance[(0, 1)]), (g[(1, 1)], 0.0));
    }
}
