//! Nanoseconds per (unit, active component) of the posterior, one thread.
//!
//! `cargo run --release -p mnmash-core --example bench_posterior [R] [J] [scales] [what]` (44, 2000 and 4 if
//! left out; only lines that contain `what`).
//! Least of several repetitions, processor time (Linux; elsewhere wall time). The first line is the peak of this core: independent
//! multiply-adds on registers, at the lanes in use.

use std::hint::black_box;
use std::time::Instant;

use mnmash_core::Monitor;
use mnmash_core::linalg::lanes::{Kernel, Lanes, dispatch, level};
use mnmash_core::normal_means::posterior::{Posterior, Weights, posterior};
use mnmash_core::normal_means::{Correlation, Data, NormalMeans, Prior};

struct Peak;
impl Kernel for Peak {
    type Output = f64;
    #[inline(always)]
    fn run<V: Lanes>(self) -> f64 {
        const CHAINS: usize = 12;
        let (a, b) = (V::splat(black_box(0.999_999)), V::splat(black_box(1e-9)));
        let mut x = [V::splat(1.0); CHAINS];
        let rounds = 20_000_000_u32;
        let start = Instant::now();
        let before = processor_seconds(&start);
        for _ in 0..rounds {
            for x in &mut x {
                *x = x.mul_add(a, b);
            }
        }
        let seconds = processor_seconds(&start) - before;
        black_box(x.iter().map(|x| x.sum()).sum::<f64>());
        2.0 * (V::N * CHAINS) as f64 * f64::from(rounds) / seconds / 1e9
    }
}

/// Seconds this thread has had a core.
fn processor_seconds(start: &Instant) -> f64 {
    std::thread::yield_now(); // brings the count up to date
    let ran = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ns = ran.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    ns.map_or_else(|| start.elapsed().as_secs_f64(), |ns| ns * 1e-9)
}

/// Uniform numbers in (-1, 1).
fn random(seed: u64, n: usize) -> Vec<f64> {
    let mut state = 88_172_645_463_325_252 ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    (0..n + 8).map(|_| next()).skip(8).collect()
}

fn gram(r: usize, rank: usize, seed: u64) -> Vec<f64> {
    let f = random(seed, r * rank);
    let dot = |k: usize| (0..rank).map(|c| f[c * r + k % r] * f[c * r + k / r]).sum::<f64>();
    (0..r * r).map(|k| dot(k) + if rank < r || k % r != k / r { 0.0 } else { 0.1 }).collect()
}

fn singleton(r: usize, i: usize) -> Vec<f64> {
    (0..r * r).map(|k| f64::from(u8::from(k == i * (r + 1)))).collect()
}

struct Problem {
    j: usize,
    r: usize,
    s: Vec<f64>,
    v: Option<Vec<f64>>,
}

/// Every unit has weight on every component: all scales of each of four matrices.
fn time(name: &str, problem: &Problem, matrices: &[Vec<f64>], covariance: bool) {
    if !std::env::args().nth(4).is_none_or(|what| name.contains(&what)) {
        return;
    }
    let (j, r) = (problem.j, problem.r);
    let x: Vec<f64> = random(1, j * r).iter().map(|x| 4.0 * x).collect();
    let v = problem.v.as_deref().map_or(Correlation::Identity, Correlation::Common);
    let data = Data { units: j, conditions: r, x: &x, s: &problem.s, v };
    let means = NormalMeans::new(data).expect("data");
    let named: Vec<_> = matrices.iter().map(|m| ("U", &m[..])).collect();
    let grid: Vec<f64> = (0..argument(3, 4)).map(|l| 0.5 + l as f64 * 0.1).collect();
    let prior = Prior::new(r, &named, &grid, true).expect("prior");
    let active: Vec<usize> = (1..prior.len()).collect();
    let values = vec![1.0 / active.len() as f64; j * active.len()];
    let weights = Weights { active: &active, values: &values };
    let mut tables = vec![vec![0.0; j * r]; 6];
    let mut cov = vec![0.0; if covariance { j * r * r } else { 0 }];
    let (mut best, start) = (f64::INFINITY, Instant::now());
    for _ in 0..5 {
        let [mean, sd, lfdr, negative, positive, lfsr] = &mut tables[..] else { unreachable!() };
        let cov = covariance.then_some(&mut cov[..]);
        let out = Posterior { mean, sd, lfdr, negative, positive, lfsr, covariance: cov };
        let monitor = Monitor::default();
        let before = processor_seconds(&start);
        posterior(&means, &prior, weights, None, None, out, &monitor).expect("posterior");
        best = best.min(processor_seconds(&start) - before);
    }
    println!("{name:<44} {:9.1} ns", best * 1e9 / (j * active.len()) as f64);
}

/// A number from the command line.
fn argument(i: usize, default: usize) -> usize {
    std::env::args().nth(i).and_then(|a| a.parse().ok()).unwrap_or(default)
}

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    pool.build_global().expect("threads");
    let (r, j) = (argument(1, 44), argument(2, 2000));
    println!("{} R = {r} J = {j}: peak {:.1} GFLOP/s", level().name(), dispatch(Peak));
    let mut correlation = gram(r, 3, 8);
    let d: Vec<f64> = (0..r).map(|i| (1.0 + correlation[i * (r + 1)]).sqrt()).collect();
    for (k, c) in correlation.iter_mut().enumerate() {
        *c = if k % r == k / r { 1.0 } else { *c / (d[k % r] * d[k / r]) };
    }
    let varying: Vec<f64> = random(2, j * r).iter().map(|v| (0.3 * v).exp()).collect();
    let make = |s: &Vec<f64>, v: Option<&Vec<f64>>| Problem { j, r, s: s.clone(), v: v.cloned() };
    let noises = [
        ("common noise", make(&vec![1.0; j * r], Some(&correlation))),
        ("varying, V = I", make(&varying, None)),
        ("varying, common V", make(&varying, Some(&correlation))),
    ];
    let four = |make: &dyn Fn(u64) -> Vec<f64>| -> Vec<Vec<f64>> { (10..14).map(make).collect() };
    let kinds = [
        ("full rank", four(&|k| gram(r, r, k))),
        ("rank 5", four(&|k| gram(r, r.min(5), k))),
        ("rank 1", four(&|k| gram(r, 1, k))),
        ("one condition", four(&|k| singleton(r, k as usize % r))),
    ];
    for (noise, problem) in &noises {
        for (kind, matrices) in &kinds {
            time(&format!("{noise}, {kind}"), problem, matrices, false);
        }
        time(&format!("{noise}, full rank, with covariances"), problem, &kinds[0].1, true);
    }
}
