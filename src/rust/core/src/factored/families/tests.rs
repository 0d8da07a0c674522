//! Against finite differences, and the densities' own sums.

use super::beta::Beta;
use super::binomial::Binomial;
use super::dispersion::{Dispersion, Link};
use super::gaussian::Gaussian;
use super::hermite::expect;
use super::negative_binomial::{Mean, NegativeBinomial};
use super::voom::Voom;
use super::{Family, Outcomes, Predictor, Quadratic};
use crate::linalg::scalar::softplus;
use crate::testing::normals;

/// Families with a few cells each, for derivative checks: (family, y).
fn families(n: usize) -> Vec<(Family, Vec<f64>)> {
    let ones = vec![1.0; n];
    let above = |start: f64| Dispersion::new(n, &ones, vec![Link::Above(0.1)], &[start]);
    let between = |start: f64| Dispersion::new(n, &ones, vec![Link::Between(0.01, 4.0)], &[start]);
    let z = normals(6, n);
    let counts: Vec<f64> = z.iter().map(|z| (1.5 + z).exp().round()).collect();
    let shares: Vec<f64> = z.iter().map(|z| 1.0 / (1.0 + (-z).exp())).collect();
    let odds = NegativeBinomial::new(Mean::Odds, above(1.7));
    let log = NegativeBinomial::new(Mean::Log, above(2.3));
    vec![
        (Family::Gaussian(Gaussian { model: between(0.6) }), z.clone()),
        (Family::NegativeBinomial(odds), counts.clone()),
        (Family::NegativeBinomial(log), counts.clone()),
        (Family::Voom(Voom { model: between(0.3), base: vec![0.5; n] }), z),
        (Family::Beta(Beta::new(above(6.0))), shares),
    ]
}

#[test]
fn local_quadratics_have_the_slope_and_curvature_of_the_expected_likelihood() {
    let n = 6;
    for (which, (family, y)) in families(n).into_iter().enumerate() {
        for (at, &y) in y.iter().enumerate() {
            for (m, v) in [(0.2, 0.05), (-0.4, 0.3), (1.1, 0.0)] {
                let Quadratic { w, h } = family.quadratic(at, y, m, v);
                let f = |m: f64| family.expected(at, y, m, v);
                let e = 1e-5;
                let slope = (f(m + e) - f(m - e)) / (2.0 * e);
                assert!((h - w * m - slope).abs() < 1e-6 * (1.0 + slope.abs()), "{which} {m} {v}");
                assert!(w >= 0.0);
                if which < 3 {
                    let e = 1e-3;
                    let curvature = -(f(m + e) - 2.0 * f(m) + f(m - e)) / (e * e);
                    assert!((w - curvature).abs() < 1e-4 * (1.0 + w), "{which}: {w} {curvature}");
                }
            }
        }
    }
}

#[test]
fn the_binomial_bound_touches_and_stays_below() {
    let family = Family::Binomial(Binomial { size: vec![3.0] });
    for (m, v) in [(0.0f64, 0.0f64), (0.4, 0.2), (-3.0, 1.0), (2.0, 0.0)] {
        let exact = 2.0 * m - 3.0 * expect(m, v, softplus) + 3f64.ln();
        let bound = family.expected(0, 2.0, m, v);
        assert!(bound <= exact + 1e-12, "{bound} {exact}");
        if v == 0.0 {
            assert!((bound - exact).abs() < 1e-12);
        }
        let Quadratic { w, h } = family.quadratic(0, 2.0, m, v);
        // The tangent parabola at c has the slope of the log-likelihood there.
        let c = (m * m + v).sqrt();
        assert!((h - w * c - (2.0 - 3.0 / (1.0 + (-c).exp()))).abs() < 1e-9);
    }
}

#[test]
fn a_gamma_mixture_of_poissons_is_the_negative_binomial() {
    // Sum over counts is one; mean and variance are mu and mu + mu^2 / a.
    let (eta, a) = (0.7f64, 1.7);
    let model = Dispersion::new(1, &[1.0], vec![Link::Above(0.1)], &[a]);
    for (mean, mu) in [(Mean::Odds, a * eta.exp()), (Mean::Log, eta.exp())] {
        let family = Family::NegativeBinomial(NegativeBinomial::new(mean, model.clone()));
        let mut sums = [0.0; 3];
        for y in 0..2000 {
            let y = f64::from(y);
            let p = family.expected(0, y, eta, 0.0).exp();
            sums[0] += p;
            sums[1] += p * y;
            sums[2] += p * y * y;
        }
        assert!((sums[0] - 1.0).abs() < 1e-11 && (sums[1] / mu - 1.0).abs() < 1e-10);
        let variance = sums[2] - sums[1] * sums[1];
        assert!((variance / (mu + mu * mu / a) - 1.0).abs() < 1e-9);
        assert!((family.mean(0, eta, 0.0) / mu - 1.0).abs() < 1e-12);
    }
}

#[test]
fn parameters_of_the_families_climb_to_a_stationary_point() {
    let n = 60;
    for (which, (mut family, y)) in families(n).into_iter().enumerate() {
        let outcomes = Outcomes { n, m: 1, y: &y };
        let mean: Vec<f64> = normals(7, n).iter().map(|z| 0.3 * z + 0.5).collect();
        let variance = vec![0.1; n];
        let eta = Predictor { mean: &mean, variance: &variance };
        let total = |family: &Family, shift: f64| -> f64 {
            (0..n).map(|i| family.expected(i, y[i], mean[i] + shift, variance[i])).sum()
        };
        let mut shift = 0.0;
        let mut last = total(&family, 0.0);
        // The mean is held: undo the shift after each update.
        for _ in 0..40 {
            let by = family.update(&outcomes, eta)[0];
            let now = total(&family, by);
            assert!(now >= last - 1e-9 * last.abs(), "{which}: {last} -> {now}");
            if by != 0.0 {
                break;
            }
            (shift, last) = (by, now);
        }
        if which == 1 {
            continue;
        }
        let _ = shift;
        let before = family.parameters().unwrap()[0];
        family.update(&outcomes, eta);
        let after = family.parameters().unwrap()[0];
        assert!((after / before - 1.0).abs() < 1e-3, "{which}: {before} {after}");
    }
}
