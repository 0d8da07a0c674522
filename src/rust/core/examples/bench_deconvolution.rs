//! Times an iteration of extreme deconvolution on one thread, in milliseconds of its CPU time.
//!
//! `cargo run --release -p mnmash-core --example bench_deconvolution [units] [conditions]
//! [components]`

use std::time::Instant;

use faer::Mat;
use mnmash_core::deconvolution::ed::{self, Fixed, Options};
use mnmash_core::deconvolution::{EStep, Mixture, Observations};
use mnmash_core::linalg::lanes::level;
use mnmash_core::normal_means::{Correlation, Data, NormalMeans};
use mnmash_core::{Monitor, with_threads};

/// Seconds this thread has run: other processes do not count. Wall time where Linux does not tell.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ns = text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok());
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    ns.map_or_else(|| START.get_or_init(Instant::now).elapsed().as_secs_f64(), |ns| ns / 1e9)
}

/// Uniform numbers in (-1, 1).
fn random(n: usize, seed: u64) -> Vec<f64> {
    let mut state = 88_172_645_463_325_252_u64 ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

fn gram(r: usize, seed: u64) -> Mat<f64> {
    let values = random(r * r, seed);
    let f = Mat::from_fn(r, r, |i, c| values[c * r + i]);
    &f * f.transpose() * faer::Scale(1.0 / r as f64)
}

/// Effects from a mixture like the one that is fitted, plus noise of about one.
fn effects(units: usize, r: usize, k: usize) -> Vec<f64> {
    let mut x = random(units * r, 1);
    let normal = random(units * r, 2);
    for component in 0..k {
        let l = gram(r, 1000 + component as u64)
            .llt(faer::Side::Lower)
            .expect("definite")
            .L()
            .to_owned();
        for j in (component..units).step_by(k) {
            for i in 0..r {
                let b: f64 = (0..=i).map(|c| l[(i, c)] * normal[c * units + j]).sum();
                x[i * units + j] += 2.0 * b;
            }
        }
    }
    x
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<usize>().expect("a number"));
    let units = arguments.next().unwrap_or(2000);
    let r = arguments.next().unwrap_or(44);
    let k = arguments.next().unwrap_or(10);
    println!("{units} units, {r} conditions, {k} components, {}", level().name());
    let x = effects(units, r, k);
    let spread: Vec<f64> = random(units * r, 3).iter().map(|v| (0.5 * v).exp()).collect();
    let (ones, identity) = (vec![1.0; units * r], Correlation::Identity);
    let dense: Vec<f64> = (0..r * r)
        .map(|e| 0.5_f64.powi((e as i32 % r as i32 - e as i32 / r as i32).abs()))
        .collect();
    let dense = Correlation::Common(&dense);
    let mut holed = x.clone();
    holed.iter_mut().step_by(7).for_each(|x| *x = f64::NAN);
    let cases = [
        ("common noise", &x, &ones, identity),
        ("common noise, correlated", &x, &ones, dense),
        ("errors by unit", &x, &spread, identity),
        ("errors by unit, correlated", &x, &spread, dense),
        ("the same, 1 in 7 cells missing", &holed, &spread, dense),
    ];
    let weights = vec![1.0 / k as f64; k];
    for (name, x, s, v) in cases {
        let covariances = (0..k as u64).map(|c| gram(r, 2000 + c)).collect();
        let start = Mixture { weights: weights.clone(), means: Vec::new(), covariances };
        let monitor = Monitor::default();
        let work = || {
            let means = NormalMeans::new(Data { units, conditions: r, x, s, v })?;
            let step = EStep::new(Observations::Direct(&means), None)?;
            let iterations = 4;
            let options = Options { tol: -1.0, max_iter: iterations, regularisation: 0.0 };
            let mut best = f64::INFINITY;
            for _ in 0..3 {
                let start = start.clone();
                let begin = cpu_seconds();
                let fit = ed::fit(&step, start, &Fixed::default(), options, &monitor)?;
                // One E-step more than there are steps.
                best = best.min((cpu_seconds() - begin) / (fit.iterations + 1) as f64);
            }
            Ok(best)
        };
        let seconds = with_threads(1, &monitor, |_| true, work).expect("a fit");
        println!("{:>10.2} ms  {name}", 1e3 * seconds);
    }
}
