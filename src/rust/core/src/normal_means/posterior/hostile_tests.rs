//! Posteriors and samples of problems on which doubles lose their digits.

use super::*;
use crate::linalg::lanes::{Level, at_each_level};
use crate::normal_means::hostile::{Form, Hostile, Worst, problems};
use crate::normal_means::samples::{Draw, samples};
use crate::random::Stream;
use crate::testing::solve;

/// Mean, sd, negative and covariance of the first unit.
fn run(level: Level, problem: &Hostile, form: &Form) -> (Vec<Vec<f64>>, Vec<f64>) {
    let means = NormalMeans::new(form.data()).unwrap();
    let (units, r) = (form.units, means.conditions);
    let mut t = vec![vec![f64::NAN; units * r]; 6];
    let mut cov = vec![f64::NAN; units * r * r];
    let [mean, sd, lfdr, negative, positive, lfsr] = &mut t[..] else { unreachable!() };
    let out = Posterior { mean, sd, lfdr, negative, positive, lfsr, covariance: Some(&mut cov) };
    let ones = vec![1.0; units];
    let weights = Weights { active: &[0], values: &ones };
    let (prior, monitor) = (problem.prior(), Monitor::default());
    posterior_at(level, &means, &prior, weights, (None, None), out, &monitor).unwrap();
    cov.truncate(r * r);
    t.iter_mut().for_each(|t| *t = t.iter().copied().step_by(units).collect());
    (t, cov)
}

/// Errors of mean and sd, relative: of the mean to its size, or to a tenth of the sd.
fn errors([mean, sd]: [f64; 2], want: &[f64; 3]) -> [f64; 2] {
    [(mean - want[0]).abs() / (want[0].abs() + 0.1 * want[1]), (sd / want[1] - 1.0).abs()]
}

#[test]
fn hostile_posteriors_have_their_digits_at_every_level() {
    for level in Level::available() {
        let mut worst = Worst::default();
        for problem in problems() {
            for form in problem.forms() {
                let (t, cov) = run(level, &problem, &form);
                let group = || format!("{level:?} {} {}", problem.group(), form.name);
                for (i, want) in problem.moments.iter().enumerate().filter(|(_, m)| m[1] > 0.0) {
                    let [mean, sd] = errors([t[0][i], t[1][i]], want);
                    let tail = match want[2] {
                        p if p < 0.5 && p > 1e-290 => (t[3][i] / p - 1.0).abs(),
                        _ => 0.0,
                    };
                    let r = problem.s.len();
                    let of_covariance = (cov[i * r + i].sqrt() / want[1] - 1.0).abs();
                    worst.add(group(), &problem.name, &[mean, sd, tail, of_covariance]);
                }
            }
        }
        worst.check(&[1e-8; 4]);
    }
}

/// Samples are `mean + C eps` with known `eps`: one more than there are columns give both.
#[test]
fn hostile_samples_have_the_moments_of_the_posterior() {
    at_each_level(|level| {
        let mut worst = Worst::default();
        for problem in problems().iter().filter(|p| p.s.len() < 10) {
            for form in problem.forms() {
                let means = NormalMeans::new(form.data()).unwrap();
                let (units, r, rank) = (form.units, means.conditions, problem.factor.rank);
                let m = rank + 1;
                let (mut out, ones) = (vec![0.0; units * r * m], vec![1.0; units]);
                let weights = Weights { active: &[0], values: &ones };
                let draw = Draw { samples: m, seed: 5, first_row: 0 };
                let (prior, monitor) = (problem.prior(), Monitor::default());
                samples(&means, &prior, weights, (None, None), draw, &mut out, &monitor).unwrap();
                let stream = Stream::new(5, 0);
                let (mut a, mut b) = (Vec::new(), Vec::new());
                for sample in 0..m {
                    a.extend(normals(stream, sample as u32, rank));
                    a.push(1.0);
                    b.extend((0..r).map(|i| out[(sample * r + i) * units]));
                }
                solve(m, &mut a, r, &mut b);
                // Samples are rounded: of an sd far below the mean they say little.
                let told = |m: &[f64; 3]| m[1] > 1e-5 * m[0].abs();
                for (i, want) in problem.moments.iter().enumerate().filter(|(_, m)| told(m)) {
                    let sd = (0..rank).map(|e| b[e * r + i].powi(2)).sum::<f64>().sqrt();
                    let [mean, sd] = errors([b[rank * r + i], sd], want);
                    let group = format!("{level:?} {} {}", problem.group(), form.name);
                    worst.add(group, &problem.name, &[mean, sd]);
                }
            }
        }
        worst.check(&[1e-8, 1e-8]);
    });
}

crate::linalg::lanes::kernel!(
    /// The first normals of a sample, in order.
    fn normals<V: Lanes>(stream: Stream, sample: u32, count: usize) -> Vec<f64> {
        let pairs = (0..count.div_ceil(2)).map(|p| stream.normals::<V>(&[sample], p as u32));
        let all = pairs.flat_map(|(a, b)| [a.to_array()[0], b.to_array()[0]]);
        all.take(count).collect()
    }
);
