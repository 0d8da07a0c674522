//! Microseconds for each coordinate of a sweep of m&m regression, one thread.
//!
//! `cargo run --release -p mnmash-core --example bench_regression [n] [p] [r] [matrices] [scales]`
//! (800, 2000, 44, 15 and 20 if left out). The difference between long and short fits, so that what is
//! done once does not count; least of several repetitions, processor time (Linux; elsewhere wall time).

use std::time::Instant;

use faer::Mat;
use mnmash_core::linalg::{lanes, psd};
use mnmash_core::noise::{Residual, Structure};
use mnmash_core::predictors::{Dense, Responses};
use mnmash_core::random::Stream;
use mnmash_core::regression::mr_mash::{Options, Start, fit};
use mnmash_core::weights::WeightUpdate;
use mnmash_core::{Monitor, Prior, with_threads};

/// Seconds this thread has had a core.
fn processor_seconds(start: &Instant) -> f64 {
    std::thread::yield_now(); // brings the count up to date
    let ran = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ns = ran.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    ns.map_or_else(|| start.elapsed().as_secs_f64(), |ns| ns * 1e-9)
}

/// Numbers of mean zero and variance one: sums of uniform ones.
fn random(seed: u64, rows: usize, columns: usize) -> Mat<f64> {
    let stream = Stream::new(seed, 0);
    let uniform = |at: usize| stream.uniform(at as u32);
    let one = |at: usize| (0..12).map(|k| uniform(12 * at + k)).sum::<f64>() - 6.0;
    Mat::from_fn(rows, columns, |i, j| one(j * rows + i))
}

struct Data {
    x: Mat<f64>,
    y: Mat<f64>,
    prior: Prior,
    standardize: bool,
}

/// Seconds of a fit of this many sweeps.
fn time(data: &Data, structure: Structure, sweeps: usize) -> f64 {
    let (n, p) = (data.x.nrows(), data.x.ncols());
    let x = (0..n * p).map(|k| data.x[(k % n, k / n)]).collect();
    let basis = vec![1.0 / (n as f64).sqrt(); n];
    let x = Dense::new(x, n, &basis, data.standardize, &Monitor::default()).expect("a matrix");
    let mut design = Responses::new(x, &basis, data.y.as_ref(), None);
    let none = Mat::zeros(data.y.ncols(), 0);
    let covariance = design.covariance(none.as_ref()).expect("a covariance");
    let residual = Residual::start(structure, covariance.as_ref());
    let start = Start { residual, coefficients: None };
    let penalty = vec![1.0; data.prior.len()];
    let options = Options {
        weights: WeightUpdate::Em,
        penalty: &penalty,
        threshold: 0.0,
        tol: 0.0,
        tol_weights: 0.0,
        max_iter: sweeps,
    };
    let clock = Instant::now();
    let before = processor_seconds(&clock);
    let fit = fit(&mut design, &data.prior, start, &options, &Monitor::default()).expect("a fit");
    let seconds = processor_seconds(&clock) - before;
    assert!(fit.ended.trace.len() == sweeps && fit.elbo.is_finite());
    if sweeps > 3 {
        eprintln!("  bound {:.9}", fit.elbo);
    }
    seconds
}

fn main() {
    let arguments: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let argument = |i: usize, default: usize| arguments.get(i).copied().unwrap_or(default);
    let (n, p, r) = (argument(0, 800), argument(1, 2000), argument(2, 44));
    let (matrices, scales) = (argument(3, 15), argument(4, 20));
    let x = random(1, n, p);
    let b = Mat::from_fn(p, r, |j, _| if j % 20 == 0 { 0.1 } else { 0.0 });
    let y = &x * &b + random(2, n, r);
    let factor = |k: usize| {
        let f = random(10 + k as u64, r, 2 * r);
        let u = &f * f.transpose();
        let scale = 2.0 * (r * r) as f64;
        let values: Vec<f64> = (0..r * r).map(|i| u[(i % r, i / r)] / scale).collect();
        psd::factor(r, &values, "U").expect("positive definite")
    };
    let factors = (0..matrices).map(factor).collect();
    let step = 5.0 / (scales.max(2) - 1) as f64;
    let grid: Vec<f64> = (0..scales).map(|l| (-5.0 + step * l as f64).exp2().powi(2)).collect();
    let prior = Prior::scaled(r, factors, vec![grid; matrices], false).expect("scales");
    println!(
        "n = {n}, p = {p}, r = {r}, {matrices} matrices x {scales} scales, {:?}",
        lanes::level()
    );
    let mut data = Data { x, y, prior, standardize: true };
    let cases = [
        ("V known", Structure::Known, true),
        ("V full", Structure::Full, true),
        ("V known, X as it is", Structure::Known, false),
    ];
    for (name, structure, standardize) in cases {
        data.standardize = standardize;
        let least =
            |sweeps| (0..4).map(|_| time(&data, structure, sweeps)).fold(f64::INFINITY, f64::min);
        let seconds =
            with_threads(1, &Monitor::default(), |_| true, || Ok((least(13) - least(3)) / 10.0));
        let seconds = seconds.expect("no interrupt");
        let each = 1e6 * seconds / p as f64;
        println!("{name}: {:.1} ms a sweep, {each:.2} us a coordinate", 1e3 * seconds);
    }
}
