//! Against an E-step written out unit by unit, finite differences, and brute force.

mod noise;
mod penalties;

use super::*;
use crate::testing::Draws;

/// Units with their own noise, some cells missing, and two components.
struct Toy {
    x: Vec<Vec<f64>>,
    noise: Vec<Mat<f64>>,
    observed: Vec<Vec<usize>>,
    u: Vec<Mat<f64>>,
    w: Vec<f64>,
}

fn spd(r: usize, ridge: f64, next: &mut impl FnMut() -> f64) -> Mat<f64> {
    let f = Mat::from_fn(r, r, |_, _| next());
    let mut m = product(f.as_ref(), f.transpose());
    for i in 0..r {
        m[(i, i)] += ridge;
    }
    symmetric(m.as_ref())
}

impl Toy {
    fn new(j: usize, r: usize, common: bool, missing: bool, seed: u64) -> Self {
        let mut draws = Draws::new(seed);
        let mut next = || draws.symmetric();
        let first = spd(r, 0.5, &mut next);
        let noise: Vec<Mat<f64>> =
            (0..j).map(|_| if common { first.clone() } else { spd(r, 0.3, &mut next) }).collect();
        let x = (0..j)
            .map(|j| (0..r).map(|_| next() * if j % 2 == 0 { 6.0 } else { 2.0 }).collect())
            .collect();
        let observed =
            (0..j).map(|j| (0..r).filter(|i| !missing || (i + j) % 3 != 0).collect()).collect();
        let u = (0..2).map(|_| spd(r, 0.1, &mut next)).collect();
        Self { x, noise, observed, u, w: vec![0.4, 0.6] }
    }

    fn r(&self) -> usize {
        self.u[0].nrows()
    }

    /// The log-likelihood, and the sums of each component.
    fn estep(&self) -> (f64, Vec<Sums>) {
        let (r, k) = (self.r(), self.u.len());
        let mut total = 0.0;
        let zero = || Sums { q: 0.0, a: Mat::zeros(r, r), c: Mat::zeros(r, r), y: vec![0.0; r] };
        let mut sums: Vec<Sums> = (0..k).map(|_| zero()).collect();
        for j in 0..self.x.len() {
            let o = &self.observed[j];
            let mut parts = Vec::new();
            for u in &self.u {
                let t = Mat::from_fn(o.len(), o.len(), |i, p| {
                    u[(o[i], o[p])] + self.noise[j][(o[i], o[p])]
                });
                let (w, log_det) = crate::linalg::psd::whitener(t.as_ref()).unwrap();
                let x = Mat::from_fn(o.len(), 1, |i, _| self.x[j][o[i]]);
                let z = product(w.as_ref(), x.as_ref());
                let inverse = product(w.transpose(), w.as_ref());
                let y = product(w.transpose(), z.as_ref());
                let square: f64 = (0..o.len()).map(|i| z[(i, 0)].powi(2)).sum();
                let constant = o.len() as f64 * (2.0 * std::f64::consts::PI).ln();
                parts.push((-0.5 * (constant + log_det + square), inverse, y));
            }
            let top = parts.iter().map(|p| p.0).fold(f64::NEG_INFINITY, f64::max);
            let mass = |c: usize| self.w[c] * (parts[c].0 - top).exp();
            let sum: f64 = (0..k).map(mass).sum();
            total += top + sum.ln();
            for c in 0..k {
                let q = mass(c) / sum;
                let s = &mut sums[c];
                s.q += q;
                for (i, &oi) in o.iter().enumerate() {
                    s.y[oi] += q * parts[c].2[(i, 0)];
                    for (p, &op) in o.iter().enumerate() {
                        s.a[(oi, op)] += q * parts[c].1[(i, p)];
                        s.c[(oi, op)] += q * parts[c].2[(i, 0)] * parts[c].2[(p, 0)];
                    }
                }
            }
        }
        (total, sums)
    }

    fn loglik_with(&self, component: usize, u: &Mat<f64>) -> f64 {
        let mut all = self.u.clone();
        all[component] = u.clone();
        let with = Self {
            x: self.x.clone(),
            noise: self.noise.clone(),
            observed: self.observed.clone(),
            u: all,
            w: self.w.clone(),
        };
        with.estep().0
    }
}

fn distance(a: &Mat<f64>, b: &Mat<f64>) -> f64 {
    let size = |m: &Mat<f64>| {
        m.col_iter()
            .flat_map(|c| c.iter().copied().collect::<Vec<_>>())
            .map(f64::abs)
            .fold(0.0, f64::max)
    };
    size(&(a - b)) / size(b).max(1e-300)
}

#[test]
fn half_of_c_less_a_is_the_gradient() {
    for missing in [false, true] {
        let toy = Toy::new(15, 4, false, missing, 3);
        let sums = toy.estep().1;
        for (i, p) in [(0, 0), (1, 3), (2, 2), (0, 3)] {
            let mut with = [toy.u[1].clone(), toy.u[1].clone()];
            for (u, h) in with.iter_mut().zip([1e-5, -1e-5]) {
                u[(i, p)] += h;
                if i != p {
                    u[(p, i)] += h;
                }
            }
            let slope = (toy.loglik_with(1, &with[0]) - toy.loglik_with(1, &with[1])) / 2e-5;
            let factor = if i == p { 0.5 } else { 1.0 };
            let expected = factor * (sums[1].c[(i, p)] - sums[1].a[(i, p)]);
            assert!((slope - expected).abs() < 1e-6 * (1.0 + expected.abs()), "{slope} {expected}");
        }
    }
}

#[test]
fn gted_is_ted_for_common_noise() {
    for seed in 1..20 {
        let toy = Toy::new(30, 5, true, false, seed);
        let noise = Metric::new(toy.noise[0].as_ref()).unwrap();
        for (u, sums) in toy.u.iter().zip(toy.estep().1) {
            let average = average_noise(u.as_ref(), &sums).unwrap();
            assert!(distance(&average.matrix(), &toy.noise[0]) < 1e-10);
            for rank in [1, 2, 5] {
                let direct = ted(&noise, u.as_ref(), &sums, rank).unwrap();
                let general = ted(&average, u.as_ref(), &sums, rank).unwrap();
                assert!(distance(&general, &direct) < 1e-10, "seed {seed}, rank {rank}");
            }
        }
    }
}

/// The weighted complete-data log-likelihood of common noise, times -2.
fn cost(toy: &Toy, u: &Mat<f64>, weights: &[f64]) -> f64 {
    let t = Mat::from_fn(toy.r(), toy.r(), |i, p| u[(i, p)] + toy.noise[0][(i, p)]);
    let (w, log_det) = crate::linalg::psd::whitener(t.as_ref()).unwrap();
    let each = |(x, q): (&Vec<f64>, &f64)| {
        let x = Mat::from_fn(x.len(), 1, |i, _| x[i]);
        let z = product(w.as_ref(), x.as_ref());
        q * (log_det + (0..x.nrows()).map(|i| z[(i, 0)].powi(2)).sum::<f64>())
    };
    toy.x.iter().zip(weights).map(each).sum()
}

/// One component only, so that responsibilities are one.
fn single(seed: u64) -> Toy {
    let mut toy = Toy::new(30, 4, true, false, seed);
    toy.u.truncate(1);
    toy.w = vec![1.0];
    toy
}

#[test]
fn ted_and_scaled_maximise_the_complete_likelihood() {
    for seed in 1..6 {
        let toy = single(seed);
        let noise = Metric::new(toy.noise[0].as_ref()).unwrap();
        let sums = toy.estep().1.remove(0);
        let ones = vec![1.0; toy.x.len()];
        let mut draws = Draws::new(seed + 100);
        let mut next = || draws.symmetric();
        for rank in [1, 4] {
            let best = ted(&noise, toy.u[0].as_ref(), &sums, rank).unwrap();
            let least = cost(&toy, &best, &ones);
            let (values, vectors) = eigen(best.as_ref()).unwrap();
            let f = Mat::from_fn(4, rank, |i, p| {
                vectors[(i, 4 - rank + p)] * values[4 - rank + p].max(0.0).sqrt()
            });
            for size in [1e-3, 0.1, 1.0] {
                let f = Mat::from_fn(4, rank, |i, p| f[(i, p)] + size * next());
                let other = product(f.as_ref(), f.transpose());
                assert!(cost(&toy, &other, &ones) >= least - 1e-9);
            }
        }
        let base = Base(spd(4, 0.0, &mut next));
        let multiple = |s: f64| Mat::from_fn(4, 4, |i, p| s * base.0[(i, p)]);
        let mut now = toy;
        for start in [0.0, 0.3, 20.0] {
            now.u[0] = multiple(start);
            let sums = now.estep().1.remove(0);
            let s = scaled(&noise, &base, start, &sums).unwrap();
            let least = cost(&now, &multiple(s), &ones);
            for k in 0..400 {
                assert!(cost(&now, &multiple(0.05 * k as f64), &ones) >= least - 1e-9);
            }
        }
    }
}

#[test]
fn steps_with_noise_below_that_of_every_unit_never_go_down() {
    for seed in 1..30 {
        let mut toy = Toy::new(20, 4, false, seed % 2 == 0, seed);
        let least = toy.noise.iter().map(|v| eigen(v.as_ref()).unwrap().0[0]).fold(9.9, f64::min);
        let metric = Metric::new(Mat::<f64>::identity(4, 4).as_ref()).unwrap();
        let noise = metric.scaled(least);
        let penalty = Penalty::InverseWishart { lambda: 4.0 };
        let mut last = f64::NEG_INFINITY;
        for iteration in 0..8 {
            let (loglik, sums) = toy.estep();
            assert!(loglik >= last - 1e-10 * last.abs(), "seed {seed}: {loglik} {last}");
            last = loglik;
            let u = toy.u[0].clone();
            toy.u[0] = match (seed % 3, iteration % 2) {
                (0, _) => ted(&noise, u.as_ref(), &sums[0], 4).unwrap(),
                (1, _) => ted(&noise, u.as_ref(), &sums[0], 2).unwrap(),
                (_, 0) => {
                    ed_penalised(u.as_ref(), &sums[0], &metric, Penalty::None, 1.0).unwrap().u
                }
                _ => {
                    let (values, q) = eigen(u.as_ref()).unwrap();
                    let f = Mat::from_fn(4, 4, |i, p| q[(i, p)] * values[p].max(0.0).sqrt());
                    let f = fa(&noise, f.as_ref(), &sums[0]).unwrap();
                    product(f.as_ref(), f.transpose())
                }
            };
        }
        // The same with the penalty, at a fixed scale and at its best.
        let mut s = 1.0;
        toy.u = Toy::new(20, 4, false, false, seed + 50).u;
        let mut last = f64::NEG_INFINITY;
        for iteration in 0..8 {
            let (loglik, sums) = toy.estep();
            let e = eigenvalues(&metric, toy.u[0].as_ref()).unwrap();
            let objective = loglik + penalty.value(&e, s);
            assert!(objective >= last - 1e-10 * last.abs(), "seed {seed}: {objective} {last}");
            last = objective;
            let u = toy.u[0].clone();
            toy.u[0] = match iteration % 2 {
                0 => ed_penalised(u.as_ref(), &sums[0], &metric, penalty, s).unwrap().u,
                _ => {
                    ted_penalised(&metric, least, u.as_ref(), &sums[0], penalty, s, false)
                        .unwrap()
                        .u
                }
            };
            s = penalty.best_scale(&eigenvalues(&metric, toy.u[0].as_ref()).unwrap());
        }
    }
}

#[test]
fn fixed_points_of_every_step_are_stationary() {
    for (seed, which) in [(1, "fa"), (2, "gted"), (3, "iw"), (4, "rank"), (5, "nuclear")] {
        let mut toy = Toy::new(25, 3, false, true, seed);
        let metric = Metric::new(Mat::<f64>::identity(3, 3).as_ref()).unwrap();
        let penalty = match which {
            "iw" => Penalty::InverseWishart { lambda: 3.0 },
            "nuclear" => Penalty::Nuclear { lambda: 3.0, alpha: 0.5 },
            _ => Penalty::None,
        };
        let mut factor = Mat::from_fn(3, 1, |i, _| 1.0 + i as f64 * 0.3);
        for _ in 0..3000 {
            if which == "fa" {
                toy.u[0] = product(factor.as_ref(), factor.transpose());
            }
            let sums = toy.estep().1;
            let u = toy.u[0].clone();
            // With all of it GTED runs around in circles here: it needs its driver.
            let noise = average_noise(u.as_ref(), &sums[0]).unwrap().scaled(0.5);
            toy.u[0] = match which {
                "fa" => {
                    factor = fa(&noise, factor.as_ref(), &sums[0]).unwrap();
                    u
                }
                "gted" => ted(&noise, u.as_ref(), &sums[0], 3).unwrap(),
                "rank" => ted(&noise, u.as_ref(), &sums[0], 1).unwrap(),
                _ => {
                    ted_penalised(&metric, 0.5, u.as_ref(), &sums[0], penalty, 1.0, false)
                        .unwrap()
                        .u
                }
            };
        }
        if which == "fa" {
            toy.u[0] = product(factor.as_ref(), factor.transpose());
        }
        // Moves of the factor change the objective by less than first order.
        let (values, q) = eigen(toy.u[0].as_ref()).unwrap();
        assert!(values[2] > 0.1, "{which}: {values:?}");
        let f = Mat::from_fn(3, 3, |i, p| q[(i, p)] * values[p].max(0.0).sqrt());
        let objective = |f: &Mat<f64>| {
            let u = symmetric(product(f.as_ref(), f.transpose()).as_ref());
            let e = eigenvalues(&metric, u.as_ref()).unwrap();
            toy.loglik_with(0, &u) + penalty.value(&e, 1.0)
        };
        let first = if which == "fa" || which == "rank" { 2 } else { 0 };
        for (i, p) in (0..3).flat_map(|i| (first..3).map(move |p| (i, p))) {
            let moved = |h: f64| {
                let mut f = f.clone();
                f[(i, p)] += h;
                objective(&f)
            };
            let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!(slope.abs() < 1e-5, "{which} at ({i}, {p}): {slope}");
        }
    }
}

#[test]
fn steps_are_those_of_their_textbooks() {
    let toy = Toy::new(25, 4, true, false, 11);
    let sums = toy.estep().1;
    let metric = Metric::new(toy.noise[0].as_ref()).unwrap();
    let mut draws = Draws::new(12);
    let mut next = || draws.symmetric();
    // Extreme deconvolution from posterior means and covariances, penalised.
    let (lambda, s) = (4.0, 0.7);
    let t = dense::spd_inverse((&toy.u[0] + &toy.noise[0]).as_ref()).unwrap();
    let gain = product(toy.u[0].as_ref(), t.as_ref());
    let mut moment = Mat::zeros(4, 4);
    for x in &toy.x {
        let x = Mat::from_fn(4, 1, |i, _| x[i]);
        let mean = product(gain.as_ref(), x.as_ref());
        let covariance = &toy.u[0] - &product(gain.as_ref(), toy.u[0].as_ref());
        moment += &product(mean.as_ref(), mean.transpose()) + &covariance;
    }
    let alone = {
        let mut toy = Toy::new(25, 4, true, false, 11);
        toy.u.truncate(1);
        toy.w = vec![1.0];
        toy.estep().1.remove(0)
    };
    let m = &toy.noise[0];
    let penalty = Penalty::InverseWishart { lambda };
    let found = ed_penalised(toy.u[0].as_ref(), &alone, &metric, penalty, s).unwrap().u;
    let expected =
        Mat::from_fn(4, 4, |i, p| (moment[(i, p)] + lambda * s * m[(i, p)]) / (25.0 + lambda));
    assert!(distance(&found, &expected) < 1e-10);
    // Factor analysis with one factor, in the units' own terms.
    let f = Mat::from_fn(4, 1, |_, _| next());
    let u = product(f.as_ref(), f.transpose());
    let mut with = Toy::new(25, 4, true, false, 11);
    with.u = vec![u];
    with.w = vec![1.0];
    let found = fa(&metric, f.as_ref(), &with.estep().1[0]).unwrap();
    let precision = dense::spd_inverse(m.as_ref()).unwrap();
    let pf = product(precision.as_ref(), f.as_ref());
    let variance = 1.0 / (1.0 + product(f.transpose(), pf.as_ref())[(0, 0)]);
    let (mut above, mut below) = (Mat::zeros(4, 1), 0.0);
    for x in &toy.x {
        let mu: f64 = variance * (0..4).map(|i| x[i] * pf[(i, 0)]).sum::<f64>();
        above += Mat::from_fn(4, 1, |i, _| mu * x[i]);
        below += mu * mu + variance;
    }
    let expected = Mat::from_fn(4, 1, |i, _| above[(i, 0)] / below);
    assert!(distance(&found, &expected) < 1e-10);
    // The noise from posterior second moments of the errors.
    let found = residual(m.as_ref(), &sums, 25);
    let mut expected = Mat::zeros(4, 4);
    for (u, s) in toy.u.iter().zip(&sums) {
        let t = dense::spd_inverse((u + m).as_ref()).unwrap();
        let covariance = m - &congruence(m.as_ref(), t.as_ref());
        let errors = congruence(m.as_ref(), s.c.as_ref());
        expected += Mat::from_fn(4, 4, |i, p| (s.q * covariance[(i, p)] + errors[(i, p)]) / 25.0);
    }
    assert!(distance(&found, &expected) < 1e-10);
}
