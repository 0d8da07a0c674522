use super::super::testing::{difference, mixture, slow};
use super::*;
use crate::normal_means::testing::{Case, cases};
use crate::testing::random;
use crate::with_threads;

fn run(case: &Case, mixture: &Mixture, weights: Option<&[f64]>) -> Expectation {
    let means = NormalMeans::new(case.data()).unwrap();
    let step = EStep::new(Observations::Direct(&means), weights).unwrap();
    step.run(mixture, &Monitor::default()).unwrap()
}

#[test]
fn sums_equal_those_of_elimination_for_every_kind_of_noise() {
    for case in cases() {
        for with_means in [false, true] {
            let mixture = mixture(case.r, with_means);
            let weights: Vec<f64> = random(3, case.j).iter().map(|w| 1.0 + w).collect();
            let weights = with_means.then_some(&weights[..]);
            let (want, loglik) = slow(&case, &mixture, weights);
            let got = run(&case, &mixture, weights);
            let worst = difference(&got.sums, &want);
            assert!(worst < 1e-9, "{} means {with_means}: {worst:e}", case.name);

            let off = (got.loglik - loglik).abs() / loglik.abs();
            assert!(off < 1e-12, "{} means {with_means}: {off:e}", case.name);
        }
    }
}

/// More units than one chunk holds, of all kinds at once.
fn large(r: usize, j: usize, own: bool) -> Case {
    let mut case = cases().into_iter().find(|c| c.r == r && c.name.starts_with("scaled")).unwrap();
    let x: Vec<f64> = random(1, j * r).iter().map(|v| 4.0 * v).collect();
    let s = random(2, j * r);
    case.j = j;
    case.s = vec![0.0; j * r];
    case.x = x;
    for i in 0..r {
        for unit in 0..j {
            let at = i * j + unit;
            case.s[at] = if own && unit % 3 == 0 { (0.5 * s[at]).exp() } else { 0.7 };
            if unit % 5 == 1 && i == 1 {
                case.x[at] = f64::NAN;
            }
        }
    }
    case
}

#[test]
fn groups_of_shared_noise_that_span_chunks_are_added_up() {
    for (j, own) in [(2600, false), (1501, true)] {
        let case = large(3, j, own);
        for with_means in [false, true] {
            let mixture = mixture(3, with_means);
            let (want, loglik) = slow(&case, &mixture, None);
            let got = run(&case, &mixture, None);
            assert!(difference(&got.sums, &want) < 1e-10);
            assert!((got.loglik - loglik).abs() < 1e-12 * loglik.abs());
        }
    }
}

#[test]
fn one_thread_and_two_give_the_same_bits() {
    let case = large(5, 2000, true);
    let mixture = mixture(5, true);
    let [one, two] = [1, 2].map(|threads| {
        let monitor = Monitor::default();
        with_threads(threads, &monitor, |_| true, || Ok(run(&case, &mixture, None))).unwrap()
    });
    assert_eq!(one.loglik.to_bits(), two.loglik.to_bits());
    for (one, two) in one.sums.iter().zip(&two.sums) {
        assert_eq!(one.q.to_bits(), two.q.to_bits());
        assert!(one.a == two.a && one.c == two.c && one.y == two.y);
    }
}

#[test]
fn rows_of_the_identity_as_projection_are_missing_cells() {
    for name in ["missing R = 5", "own R = 3", "missing I R = 12"] {
        let case = cases().into_iter().find(|c| c.name == name).unwrap();
        let (j, r) = (case.j, case.r);
        let mixture = mixture(r, true);
        let noise: Vec<f64> =
            (0..j * r * r).map(|e| case.noise(e / (r * r), e % r, e / r % r)).collect();
        let noise = Noise::PerUnit(&noise);
        let projected = Projected {
            units: j,
            observations: r,
            effects: r,
            x: &case.x,
            noise,
            map: Map::Identity,
        };
        projected.check().unwrap();
        let step = EStep::new(Observations::Projected(&projected), None).unwrap();
        let got = step.run(&mixture, &Monitor::default()).unwrap();
        let want = run(&case, &mixture, None);
        assert!(difference(&got.sums, &want.sums) < 1e-9, "{name}");
        assert!((got.loglik - want.loglik).abs() < 1e-11 * want.loglik.abs());
    }
}

/// `x = R b + e` by elimination, with plain products for `R U R' + N` and `R'T^{-1}R`.
#[test]
fn projections_give_the_sums_of_their_definition() {
    let (j, n, d) = (7, 2, 3);
    let x = random(5, j * n);
    let r = random(6, n * d * j);
    let noise: Vec<f64> = random(8, j * n).iter().map(|v| 0.2 + v * v).collect();
    let mixture = mixture(d, true);
    let (noise_arg, map) = (Noise::Diagonal(&noise), Map::PerUnit(&r));
    let projected =
        Projected { units: j, observations: n, effects: d, x: &x, noise: noise_arg, map };
    projected.check().unwrap();
    let step = EStep::new(Observations::Projected(&projected), None).unwrap();
    let got = step.run(&mixture, &Monitor::default()).unwrap();
    let mut want = vec![Sums::zero(d); mixture.len()];
    let mut loglik = 0.0;
    for unit in 0..j {
        let map = Mat::from_fn(n, d, |i, c| r[(unit * d + c) * n + i]);
        let mut found = Vec::new();
        for k in 0..mixture.len() {
            let mut t = &map * &mixture.covariances[k] * map.transpose();
            (0..n).for_each(|i| t[(i, i)] += noise[i * j + unit]);
            let mean = Mat::from_fn(d, 1, |i, _| mixture.means[k][i]);
            let residual = Mat::from_fn(n, 1, |i, _| x[i * j + unit]) - &map * mean;
            let det = t[(0, 0)] * t[(1, 1)] - t[(0, 1)] * t[(1, 0)];
            let inverse = Mat::from_fn(2, 2, |i, c| match i == c {
                true => t[(1 - i, 1 - i)] / det,
                false => -t[(i, c)] / det,
            });
            let y = map.transpose() * &inverse * &residual;
            let quad = (residual.transpose() * &inverse * &residual)[(0, 0)];
            let constant = 2.0 * (2.0 * std::f64::consts::PI).ln();
            let density = mixture.weights[k] * (-0.5 * (constant + det.ln() + quad)).exp();
            found.push((density, map.transpose() * inverse * &map, y));
        }
        let total: f64 = found.iter().map(|f| f.0).sum();
        loglik += total.ln();
        for (sum, (density, a, y)) in want.iter_mut().zip(&found) {
            let q = density / total;
            sum.q += q;
            sum.a += a * faer::Scale(q);
            sum.c += y * y.transpose() * faer::Scale(q);
            (0..d).for_each(|i| sum.y[i] += q * y[(i, 0)]);
        }
    }
    assert!(difference(&got.sums, &want) < 1e-11);
    assert!((got.loglik - loglik).abs() < 1e-11);
}

#[test]
fn bad_weights_and_shapes_are_refused() {
    let case = large(3, 20, false);
    let means = NormalMeans::new(case.data()).unwrap();
    let observations = Observations::Direct(&means);
    for weights in [vec![1.0; 19], vec![0.0; 20], vec![f64::NAN; 20]] {
        assert!(EStep::new(observations, Some(&weights)).is_err());
    }
    let step = EStep::new(observations, None).unwrap();
    let monitor = Monitor::default();
    assert!(step.run(&mixture(4, false), &monitor).is_err());
    let mut none = mixture(3, false);
    none.weights.fill(0.0);
    assert!(step.run(&none, &monitor).is_err());
    monitor.request_stop();
    assert_eq!(step.run(&mixture(3, false), &monitor).unwrap_err(), Error::Interrupted);
}
