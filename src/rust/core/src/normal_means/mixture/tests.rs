use super::super::testing::{Case, cases, slow_log_density};
use super::*;

struct Results {
    vloglik: Vec<f64>,
    null: Vec<f64>,
    alternative: Vec<f64>,
    weights: Vec<f64>,
}

fn data(case: &Case) -> super::super::Data<'_> {
    let (units, conditions) = (case.j, case.r);
    super::super::Data { units, conditions, x: &case.x, s: &case.s, v: case.correlation() }
}

fn summarise(case: &Case, mixture: &WeightedPrior) -> Results {
    let (means, prior) = (NormalMeans::new(data(case)).unwrap(), case.prior());
    let of = |columns: usize| vec![f64::NAN; case.j * columns];
    let mut out = Results {
        vloglik: of(1),
        null: of(1),
        alternative: of(1),
        weights: of(mixture.active().len()),
    };
    let summary = Summary {
        vloglik: &mut out.vloglik,
        null: Some(&mut out.null),
        alternative: Some(&mut out.alternative),
        weights: &mut out.weights,
    };
    mixture.summarise(&means, &prior, summary, &Monitor::default()).unwrap();
    out
}

/// `log sum pi exp(l)`.
fn log_sum(terms: &[(f64, f64)]) -> f64 {
    let used = || terms.iter().filter(|(w, _)| *w > 0.0);
    let top = used().map(|(_, l)| *l).fold(f64::NEG_INFINITY, f64::max);
    top + used().map(|(w, l)| w * (l - top).exp()).sum::<f64>().ln()
}

fn check(case: &Case, pi: &[f64], threshold: f64) {
    let prior = case.prior().with_weights(pi).unwrap();
    let mixture = WeightedPrior::new(&prior, threshold);
    let active: Vec<usize> = (0..pi.len()).filter(|&p| pi[p] > threshold).collect();
    assert_eq!(mixture.active(), active);
    let got = summarise(case, &mixture);
    for unit in 0..case.j.min(9) {
        let density = |p: usize| slow_log_density(case, unit, prior.locate(p));
        let terms: Vec<(f64, f64)> = (0..pi.len()).map(|p| (pi[p], density(p))).collect();
        let close = |got: f64, want: f64, what: &str| {
            let error = (got - want).abs();
            assert!(error < 1e-9 * (1.0 + want.abs()), "{} {what}: {got} {want}", case.name);
        };
        close(got.vloglik[unit], log_sum(&terms), "vloglik");
        close(got.null[unit], terms[0].1, "null");
        let rest: f64 = pi[1..].iter().sum();
        let share = |w: f64| if rest > 0.0 { w / rest } else { 1.0 / (pi.len() - 1) as f64 };
        let others: Vec<(f64, f64)> = terms[1..].iter().map(|t| (share(t.0), t.1)).collect();
        close(got.alternative[unit], log_sum(&others), "alternative");
        let kept: Vec<(f64, f64)> = active.iter().map(|&p| terms[p]).collect();
        let total = log_sum(&kept);
        for (a, (w, l)) in kept.iter().enumerate() {
            let want = w * (l - total).exp();
            let got = got.weights[a * case.j + unit];
            assert!((got - want).abs() < 1e-8, "{} weight {a}: {got} {want}", case.name);
        }
    }
}

#[test]
fn summaries_are_log_sums_over_the_components() {
    for case in cases().into_iter().filter(|case| case.r < 8) {
        let total = case.prior().len();
        let mut pi: Vec<f64> = (0..total).map(|p| ((p * 7) % 5) as f64).collect();
        pi[0] = 3.0;
        pi[1] = 1e-7;
        let sum: f64 = pi.iter().sum();
        pi.iter_mut().for_each(|w| *w /= sum);
        check(&case, &pi, 1e-6);
        check(&case, &pi, 0.0);
        // No weight on the null, and all of it.
        pi[0] = 0.0;
        check(&case, &pi, 1e-6);
        pi.fill(0.0);
        pi[0] = 1.0;
        check(&case, &pi, 1e-6);
    }
}

#[test]
fn effects_of_a_million_standard_errors_under_a_narrow_prior_have_finite_summaries() {
    let (x, s) = ([1e6, -1e6, 3e5, 0.1], [1.0; 4]);
    let data = super::super::Data {
        units: 2,
        conditions: 2,
        x: &x,
        s: &s,
        v: super::super::Correlation::Identity,
    };
    let means = NormalMeans::new(data).unwrap();
    let prior = Prior::new(2, &[("U", &[1.0, 0.5, 0.5, 1.0])], &[0.1, 0.5], true).unwrap();
    let prior = prior.with_weights(&[0.9, 0.05, 0.05]).unwrap();
    let mixture = WeightedPrior::new(&prior, 1e-10);
    let (mut v, mut null, mut alt, mut w) = ([0.0; 2], [0.0; 2], [0.0; 2], [0.0; 6]);
    let summary = Summary {
        vloglik: &mut v,
        null: Some(&mut null),
        alternative: Some(&mut alt),
        weights: &mut w,
    };
    mixture.summarise(&means, &prior, summary, &Monitor::default()).unwrap();
    assert!(v.iter().chain(&null).chain(&alt).all(|l| l.is_finite() && *l < -1e10));
    assert_eq!(w, [0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
}
