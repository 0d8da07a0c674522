//! For known loadings `v`, one factor and a diagonal residual covariance, the step of the variants is
//! that of multivariate regression with the prior matrices 0 and `v v' / tau`: row j of the effects is
//! `u_j v`. Two engines that share no code must then agree.

use faer::Mat;

use super::factor::Factor;
use super::families::Quadratics;
use super::left::{Kind, Left};
use super::slab::{Sign, Slab};
use super::tests::design;
use crate::linalg::psd;
use crate::noise::{Residual, Structure};
use crate::predictors::{Dense, Responses};
use crate::regression::mr_mash;
use crate::testing::normals;
use crate::weights::WeightUpdate;
use crate::{Monitor, Prior};

#[test]
fn with_known_loadings_a_factor_is_a_multivariate_regression() {
    let (n, p, m) = (40, 7, 4);
    let (pi, tau) = (0.3, 0.8);
    let loadings = [1.0, -0.7, 0.0, 0.4];
    let variances: [f64; 4] = [0.8, 1.5, 1.0, 0.6];
    // Neighbours are correlated, so that the order of the updates matters on the way.
    let mut x = design(1, n, p, false);
    for at in n..n * p {
        x[at] += 0.6 * x[at - n];
    }
    let noise = normals(2, n * m);
    let effect = |i: usize| 0.5 * x[2 * n + i] - 0.3 * x[5 * n + i];
    let y: Vec<f64> = (0..n * m)
        .map(|at| loadings[at / n] * effect(at % n) + variances[at / n].sqrt() * noise[at])
        .collect();

    let w: Vec<f64> = (0..n * m).map(|at| 1.0 / variances[at / n]).collect();
    let h = y.iter().zip(&w).map(|(y, w)| y * w).collect();
    let quadratics = Quadratics { w, h };
    let left = Left::new(n, Kind::Sparse(Slab::new(p, pi, tau, Sign::Any)));
    let mut right = Slab::new(m, 0.5, 1.0, Sign::Any);
    right.start_at(&loadings);
    right.s2.fill(0.0);
    let mut factor = Factor { left, right, weight: None };
    let rest = vec![0.0; n * m];
    let given = Dense::as_given(&x[..], n);
    for _ in 0..300 {
        factor.update_left(&given, None, &quadratics, &rest, true);
    }

    let monitor = Monitor::default();
    let outer: Vec<f64> = (0..m * m).map(|k| loadings[k % m] * loadings[k / m]).collect();
    let zero = vec![0.0; m * m];
    let factors = [&zero, &outer].map(|u| psd::factor(m, u, "U").unwrap()).into();
    let scales = vec![vec![1.0], vec![1.0 / tau]];
    let prior = Prior::scaled(m, factors, scales, false)
        .and_then(|prior| prior.with_weights(&[1.0 - pi, pi]))
        .unwrap();
    let values = Dense::new(x.clone(), n, &[], false, &monitor).unwrap();
    let y = Mat::from_fn(n, m, |i, t| y[t * n + i]);
    let mut regression = Responses::new(values, &[], y.as_ref(), None);
    let v = Mat::from_fn(m, m, |s, t| if s == t { variances[t] } else { 0.0 });
    let residual = Residual::start(Structure::Known, v.as_ref());
    let start = mr_mash::Start { residual, coefficients: None };
    let options = mr_mash::Options {
        weights: WeightUpdate::Fixed,
        penalty: &[1.0, 1.0],
        threshold: 0.0,
        tol: 0.0,
        tol_weights: 0.0,
        max_iter: 300,
    };
    let found = mr_mash::fit(&mut regression, &prior, start, &options, &monitor).unwrap();

    let u = factor.left.sparse().unwrap();
    for j in 0..p {
        for t in 0..m {
            let effect = u.mean(j) * loadings[t];
            assert!((effect - found.mean[(t, j)]).abs() < 1e-10, "{j} {t}");
        }
    }
    let included: f64 = u.alpha.iter().sum();
    assert!((included - found.responsibilities[1]).abs() < 1e-9);
    assert!(included > 1.5 && included < p as f64 - 0.5, "{included}");
}
