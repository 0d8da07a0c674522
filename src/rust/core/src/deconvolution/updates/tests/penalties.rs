//! Scales and penalised eigenvalues against brute force over grids.

use super::super::*;
use crate::testing::Draws;

#[test]
fn a_scale_is_found_among_several_minima_and_may_be_zero() {
    // One direction wants a small scale, a hundredfold weaker one a large scale.
    let (lambda, d) = ([1.0, 1.0, 1e-4], [1.3, 1.2, 60.0]);
    let toy_cost = |s: f64| -> f64 {
        lambda.iter().zip(&d).map(|(l, d)| (s * l).ln_1p() + d / (1.0 + s * l)).sum()
    };
    let found = scaled::best_scale(&lambda, &d);
    let brute = (0..2_000_000).map(|k| k as f64 * 0.5).map(toy_cost).fold(f64::INFINITY, f64::min);
    assert!(toy_cost(found) <= brute + 1e-9, "{found}");
    assert_eq!(scaled::best_scale(&[1.0, 0.2], &[0.9, 1.0]), 0.0);
    assert_eq!(scaled::best_scale(&[0.0, 0.0], &[3.0, 2.0]), 0.0);
}

#[test]
fn penalised_eigenvalues_are_the_best_of_all() {
    let mut draws = Draws::new(7);
    let mut next = || draws.symmetric();
    for trial in 0..400 {
        let q = 10_f64.powf(2.0 * next() + 1.0);
        let d = 10_f64.powf(3.0 * next()) - 0.2;
        let s = 10_f64.powf(3.0 * next());
        let lambda = 10_f64.powf(next() + 1.0);
        let alpha = 0.5 + 0.4 * next();
        let penalties = [Penalty::InverseWishart { lambda }, Penalty::Nuclear { lambda, alpha }];
        for penalty in penalties {
            let noisy = |u: f64| q * (u.ln_1p() + d / (1.0 + u)) - 2.0 * penalty.value(&[u], s);
            let known = |u: f64| q * (u.ln() + d.max(0.0) / u) - 2.0 * penalty.value(&[u], s);
            let costs: [(&dyn Fn(f64) -> f64, f64); 2] = [
                (&noisy, penalty.shrink(q, d, s)),
                (&known, penalty.shrink_known(q, q * d.max(0.0), s)),
            ];
            for (cost, found) in costs {
                let least = cost(found);
                let brute = (-4000..4000).map(|k| cost(10_f64.powf(k as f64 / 500.0)));
                let brute = brute.fold(f64::INFINITY, f64::min);
                assert!(
                    least <= brute + 1e-9 * brute.abs(),
                    "trial {trial}: {penalty:?}, {found}: {least} {brute}"
                );
            }
        }
    }
}

#[test]
fn a_cubic_with_three_positive_roots_gives_the_better_minimum() {
    let penalty = Penalty::InverseWishart { lambda: 1.0 };
    let (q, s) = (50.0, 1e-4);
    let cost = |u: f64, d: f64| q * (u.ln_1p() + d / (1.0 + u)) + u.ln() + s / u;
    let mut sides = [false; 2];
    for k in 0..100 {
        let d = 1.0 + 0.01 * k as f64;
        let u = penalty.shrink(q, d, s);
        sides[usize::from(u > 0.01)] = true;
        let brute = (-6000..2000).map(|k| cost(10_f64.powf(k as f64 / 1000.0), d));
        assert!(cost(u, d) <= brute.fold(f64::INFINITY, f64::min) + 1e-9, "{d} {u}");
    }
    assert_eq!(sides, [true, true]);
}

#[test]
fn eigenvalues_and_scale_together_come_near_their_best() {
    let d: Vec<f64> = (0..20).map(|i| if i < 18 { 0.6 + 0.03 * i as f64 } else { 9.0 }).collect();
    for penalty in
        [Penalty::InverseWishart { lambda: 20.0 }, Penalty::Nuclear { lambda: 20.0, alpha: 0.5 }]
    {
        let cost = |u: &[f64]| {
            let data: f64 = u.iter().zip(&d).map(|(u, d)| 80.0 * (u.ln_1p() + d / (1.0 + u))).sum();
            data - 2.0 * penalty.value(u, penalty.best_scale(u))
        };
        let alternate = |rounds: usize| {
            let (mut s, mut u) = (1.0, Vec::new());
            for _ in 0..rounds {
                u = d.iter().map(|d| penalty.shrink(80.0, *d, s)).collect();
                s = penalty.best_scale(&u);
            }
            cost(&u)
        };
        let found = cost(&penalty.shrink_jointly(80.0, &d, 1.0));
        let limit = alternate(20_000);
        assert!(found <= alternate(10), "{penalty:?}");
        assert!(found - limit < 1e-2 * (alternate(1) - limit), "{penalty:?}: {found} {limit}");
    }
}

#[test]
fn scales_of_penalties_are_at_their_maximum() {
    let u = [0.1, 2.0, 7.0];
    for penalty in
        [Penalty::InverseWishart { lambda: 3.0 }, Penalty::Nuclear { lambda: 2.0, alpha: 0.3 }]
    {
        let s = penalty.best_scale(&u);
        for other in [0.5, 0.99, 1.01, 2.0] {
            assert!(penalty.value(&u, s) > penalty.value(&u, other * s));
        }
    }
}
