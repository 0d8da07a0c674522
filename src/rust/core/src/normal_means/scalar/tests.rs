use super::*;
use crate::linalg::lanes::{at_each_level, kernel};
use crate::linalg::scalar::{logistic, logit};
use crate::linalg::search::maximum;

/// `(d, b, v)`.
const CASES: [(f64, f64, f64); 8] = [
    (1.0, 0.3, 1.0),
    (4.0, -9.0, 0.5),
    (0.25, 3.0, 2.0),
    (100.0, 250.0, 0.01),
    (9.0, -0.1, 30.0),
    (0.0, 0.0, 0.7),
    (1e-3, 0.2, 1e-2),
    (400.0, -60.0, 1.0),
];

/// Log integral, mean and second moment of `exp(b t - d t^2 / 2)` over the prior, by Simpson's rule on
/// its support.
fn by_quadrature(sign: Sign, d: f64, b: f64, v: f64) -> [f64; 3] {
    let precision = d + 1.0 / v;
    let (centre, width) = (b / precision, precision.sqrt().recip());
    let (low, high) = match sign {
        Sign::Any => (centre - 13.0 * width, centre + 13.0 * width),
        // Down the slope at zero, the scale is that of the slope.
        Sign::Positive if b < 0.0 => (0.0, 40.0 * width.min(1.0 / -b)),
        Sign::Positive => ((centre - 13.0 * width).max(0.0), centre + 13.0 * width),
    };
    let peak = if sign == Sign::Any || b > 0.0 { 0.5 * b * centre } else { 0.0 };
    let half = if sign == Sign::Any { 0.0 } else { 2f64.ln() };
    let norm = half - 0.5 * (std::f64::consts::TAU * v).ln();
    let n = 40_000;
    let h = (high - low) / f64::from(n);
    let mut sums = [0.0; 3];
    for i in 0..=n {
        let t = low + f64::from(i) * h;
        let weight = if i == 0 || i == n { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
        let value = weight * h / 3.0 * (b * t - 0.5 * precision * t * t - peak + norm).exp();
        (0..3).for_each(|power| sums[power] += value * t.powi(power as i32));
    }
    [sums[0].ln() + peak, sums[1] / sums[0], sums[2] / sums[0]]
}

fn posterior(sign: Sign, d: f64, b: f64, v: f64) -> Posterior {
    match sign {
        Sign::Any => normal(d, b, v),
        Sign::Positive => half_normal(d, b, v),
    }
}

#[test]
fn evidence_and_moments_agree_with_quadrature() {
    for sign in [Sign::Any, Sign::Positive] {
        for (d, b, v) in CASES {
            let [log_bayes, mean, second] = by_quadrature(sign, d, b, v);
            let found = posterior(sign, d, b, v);
            let error = (found.log_bayes - log_bayes).abs();
            assert!(error < 1e-9 * (1.0 + log_bayes.abs()), "{sign:?} {d} {b} {v} {error}");
            let (m1, m2) = moments(sign, found.mu, found.s2);
            assert!((m1 - mean).abs() < 1e-9 * second.sqrt(), "{sign:?} {d} {b} {v}: {m1} {mean}");
            assert!((m2 / second - 1.0).abs() < 1e-9, "{sign:?} {d} {b} {v}: {m2} {second}");
        }
    }
}

#[test]
fn the_expected_log_likelihood_less_the_divergence_is_the_evidence_and_no_other_posterior_has_more()
{
    for sign in [Sign::Any, Sign::Positive] {
        for (d, b, v) in CASES {
            let bound = |mu: f64, s2: f64| {
                let (m1, m2) = moments(sign, mu, s2);
                b * m1 - 0.5 * d * m2 - divergence(sign, mu, s2, v)
            };
            let Posterior { mu, s2, log_bayes } = posterior(sign, d, b, v);
            let best = bound(mu, s2);
            assert!(
                (best - log_bayes).abs() < 1e-10 * (1.0 + (b * mu).abs()),
                "{best} {log_bayes}"
            );
            for (by, wider) in [(0.1, 1.0), (-0.1, 1.0), (0.0, 1.2), (0.0, 0.8)] {
                assert!(bound(mu + by * s2.sqrt(), s2 * wider) < best + 1e-12, "{sign:?} {d} {b}");
            }
        }
    }
    assert!(divergence(Sign::Any, 0.0, 0.3, 0.3).abs() < 1e-15);
    assert!(divergence(Sign::Positive, 0.0, 0.3, 0.3).abs() < 1e-15);
}

#[test]
fn a_spike_and_a_slab_are_a_mixture_of_two() {
    // Bayes' rule, and the divergence of the pair from its two parts.
    for (d, b, v) in CASES {
        for pi in [1e-3, 0.4, 0.999] {
            let found = normal(d, b, v);
            let alpha = logistic(logit(pi) + found.log_bayes);
            let ratio = found.log_bayes.exp();
            let want = pi * ratio / (1.0 - pi + pi * ratio);
            assert!((alpha - want).abs() < 1e-12, "{alpha} {want}");
            let evidence = (1.0 - pi + pi * ratio).ln();
            let (m1, m2) = moments(Sign::Any, found.mu, found.s2);
            let kl = Inclusion::new(pi).divergence(alpha)
                + alpha * divergence(Sign::Any, found.mu, found.s2, v);
            let bound = alpha * (b * m1 - 0.5 * d * m2) - kl;
            assert!((bound - evidence).abs() < 1e-9 * (1.0 + evidence.abs()), "{d} {b} {pi}");
        }
    }
}

#[test]
fn divergences_of_inclusion_are_right_where_they_change_form() {
    for pi in [0.01, 0.5] {
        let prior = Inclusion::new(pi);
        for a in [1e-14, 9.9e-5, 1.1e-4, 0.3, 0.999] {
            let want = a * f64::ln(a / pi) + (1.0 - a) * f64::ln((1.0 - a) / (1.0 - pi));
            assert!((prior.divergence(a) - want).abs() < 1e-14, "{a} {pi}");
        }
        assert_eq!(prior.divergence(0.0), -f64::ln_1p(-pi));
        assert!((prior.divergence(1.0) + pi.ln()).abs() < 1e-15);
        assert!(prior.divergence(pi).abs() < 1e-15);
    }
}

#[test]
fn the_best_scale_is_where_the_square_exceeds_its_error() {
    // log BF is largest at v = x^2 - 1 / d, and nowhere if that is negative.
    for (d, b) in [(1.0, 3.0), (25.0, 20.0), (4.0, -9.0)] {
        let want: f64 = (b / d) * (b / d) - 1.0 / d;
        let grid: Vec<f64> = (-12..=8).map(f64::from).collect();
        let found = maximum(|t| normal(d, b, t.exp()).log_bayes, &grid, 1e-6).at;
        assert!((found - want.ln()).abs() < 1e-5, "{found} {want}");
        assert!(Family::Normal.ratio(d, b, want.ln()).slope.abs() < 1e-12);
    }
}

#[test]
fn effects_of_ten_thousand_standard_errors_are_finite() {
    for sign in [Sign::Any, Sign::Positive] {
        for b in [1e4, -1e4] {
            let found = posterior(sign, 1.0, b, 4.0);
            let (m1, m2) = moments(sign, found.mu, found.s2);
            assert!(found.log_bayes.is_finite() && m1.is_finite() && m2 >= m1 * m1);
            assert!(divergence(sign, found.mu, found.s2, 4.0).is_finite());
        }
    }
}

kernel!(
    /// The mixture at one predictor: log evidence, averages of `s` and `s^2`, and probabilities.
    fn mixture<'a, V: Lanes>(
        table: &'a Table,
        log_pi: &'a [f64],
        half_z2: f64,
    ) -> (Averages, Vec<f64>) {
        let (mut work, mut phi) = (vec![0.0; log_pi.len()], vec![0.0; log_pi.len()]);
        (weigh::<V>(table.row(1), log_pi, half_z2, &mut work, &mut phi), phi)
    }
);

#[test]
fn mixtures_of_scales_agree_with_one_scale_at_a_time() {
    let a = [0.0, 0.1, 1.0, 7.0, 50.0];
    let pi: [f64; 5] = [0.5, 0.2, 0.2, 0.0, 0.1];
    let (d, b, sigma2) = (3.0, 8.0, 2.0);
    let table = Table::new(&[1.0, d], &a);
    let mut log_pi: Vec<f64> = pi.iter().map(|&w| if w > 0.0 { w.ln() } else { ABSENT }).collect();
    log_pi.resize(padded(a.len()), ABSENT);
    // The data in units of the residual variance, the prior too.
    let each: Vec<Posterior> =
        a.iter().map(|a| normal(d / sigma2, b / sigma2, a * sigma2)).collect();
    let weight: Vec<f64> = each.iter().zip(pi).map(|(p, w)| w * p.log_bayes.exp()).collect();
    let total: f64 = weight.iter().sum();
    let mean: f64 = each.iter().zip(&weight).map(|(p, w)| w * p.mu).sum::<f64>() / total;
    let square: f64 = each.iter().zip(&weight).map(|(p, w)| w * p.mu * p.mu).sum::<f64>() / total;
    at_each_level(|level| {
        let (found, phi) = mixture(&table, &log_pi, 0.5 * b * b / sigma2);
        assert!((found.log_evidence - total.ln()).abs() < 1e-13, "{level:?}");
        assert!((found.shrink * b - mean).abs() < 1e-13 * mean);
        assert!((found.shrink_squared * b * b - square).abs() < 1e-12 * square);
        for (k, w) in weight.iter().enumerate() {
            assert!((phi[k] - w / total).abs() < 1e-14, "{level:?} {k}");
        }
        assert!(phi[a.len()..].iter().all(|&p| p == 0.0));
    });
}
