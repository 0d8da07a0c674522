//! The average noise, at scales far apart.

use super::*;

/// The sums of units whose conditions are independent, `u` and `v[unit]` being variances.
fn independent(u: &[f64], v: &[Vec<f64>]) -> Sums {
    let mut sums = Sums::zero(u.len());
    sums.q = v.len() as f64;
    for v in v {
        u.iter().zip(v).enumerate().for_each(|(i, (u, v))| sums.a[(i, i)] += 1.0 / (u + v));
    }
    sums
}

#[test]
fn the_average_noise_of_independent_conditions_has_a_closed_form() {
    let mut draws = Draws::new(3);
    for scale in [1e-30, 1e-6, 1.0, 1e6] {
        let u = [scale, 1e16 * scale, 1e-20 * scale];
        let unit = |j: usize| {
            let mut v: Vec<f64> =
                (0..3).map(|i| u[i] / scale * (1.5 + draws.symmetric())).collect();
            // One exact measurement.
            if j == 0 {
                v[1] *= 1e-20;
            }
            v
        };
        let v: Vec<Vec<f64>> = (0..20).map(unit).collect();
        let matrix = Mat::from_fn(3, 3, |i, p| if i == p { u[i] } else { 0.0 });
        let found = average_noise(matrix.as_ref(), &independent(&u, &v)).unwrap().matrix();
        for i in 0..3 {
            let part =
                |f: &dyn Fn(f64) -> f64| v.iter().map(|v| f(v[i]) / (u[i] + v[i])).sum::<f64>();
            let expected = part(&|v| v) / part(&|_| 1.0);
            let slack = 1e-13 * (1.0 + u[i] / expected);
            let got = found[(i, i)];
            assert!((got / expected - 1.0).abs() < slack, "{scale} {i}: {got} {expected}");
        }
    }
}

#[test]
fn the_average_noise_follows_the_units_of_the_conditions() {
    let toy = Toy::new(12, 3, false, false, 5);
    let units = [1.0, 2f64.powi(40), 2f64.powi(-60)];
    let turn = |m: &Mat<f64>| Mat::from_fn(3, 3, |i, p| m[(i, p)] * units[i] * units[p]);
    let back = |m: &Mat<f64>| Mat::from_fn(3, 3, |i, p| m[(i, p)] / (units[i] * units[p]));
    let plain = &toy.estep().1[0];
    let other = Sums { q: plain.q, a: back(&plain.a), c: back(&plain.c), y: plain.y.clone() };
    let expected = average_noise(toy.u[0].as_ref(), plain).unwrap().matrix();
    let found = average_noise(turn(&toy.u[0]).as_ref(), &other).unwrap().matrix();
    assert!(distance(&back(&found), &expected) < 1e-12);
}

#[test]
fn noise_that_rounding_hides_leaves_a_step_that_is_a_covariance() {
    let u = Mat::from_fn(3, 3, |i, p| if i == p { 1e20 } else { 0.5e20 });
    let inverse = dense::spd_inverse(u.as_ref()).unwrap();
    let mut sums = Sums::zero(3);
    sums.q = 10.0;
    sums.a = Mat::from_fn(3, 3, |i, p| 10.0 * inverse[(i, p)]);
    // What ten effects with this covariance, and no noise, would have.
    sums.c = sums.a.clone();
    let noise = average_noise(u.as_ref(), &sums).unwrap();
    let step = ted(&noise, u.as_ref(), &sums, 3).unwrap();
    assert!(distance(&step, &u) < 1e-10, "{step:?}");
}
