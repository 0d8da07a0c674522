//! Times the likelihood kernels on one thread: nanoseconds per (unit, matrix, scale).
//!
//! `cargo run --release -p mnmash-core --example bench_likelihood [units] [conditions ...]`

use std::time::Instant;

use faer::Mat;
use mnmash_core::linalg::lanes::{Kernel, Lanes, dispatch, level};
use mnmash_core::normal_means::{Correlation, Data, Likelihood, NormalMeans, Prior};

/// Seconds this thread has run: other processes do not count. Wall time where Linux does not tell.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ns = text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok());
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    ns.map_or_else(|| START.get_or_init(Instant::now).elapsed().as_secs_f64(), |ns| ns / 1e9)
}

/// Floating-point operations per second of independent fused multiply-adds: the machine's peak.
struct Peak;
impl Kernel for Peak {
    type Output = f64;
    #[inline(always)]
    fn run<V: Lanes>(self) -> f64 {
        let mut acc = [V::splat(0.0); 12];
        let (a, b) = (V::splat(0.999), V::splat(1e-3));
        let rounds = 4_000_000;
        let start = cpu_seconds();
        for _ in 0..rounds {
            for v in &mut acc {
                *v = v.mul_add(a, b);
            }
        }
        let seconds = cpu_seconds() - start;
        let mut total = 0.0;
        for v in acc {
            total += v.sum();
        }
        assert!(total > 0.0);
        (rounds * 12 * V::N * 2) as f64 / seconds
    }
}

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

fn gram(r: usize, rank: usize, seed: u64) -> Vec<f64> {
    let f = random(r * rank, seed);
    let dot = |k: usize| (0..rank).map(|c| f[c * r + k % r] * f[c * r + k / r]).sum();
    (0..r * r).map(dot).collect()
}

fn main() {
    let args: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let j = args.first().copied().unwrap_or(2000);
    let conditions = if args.len() > 1 { &args[1..] } else { &[5, 20, 44, 50] };
    let peak = (0..5).map(|_| dispatch(Peak)).fold(0.0, f64::max);
    println!("{} lanes, {:.1} GFLOP/s of multiply-adds", level().name(), peak / 1e9);
    println!("{:>3} {:>10} {:>8} {:>12} {:>8}", "R", "noise", "rank", "ns/(j,k,l)", "us/(j,k)");
    for &r in conditions {
        let x: Vec<f64> = random(j * r, 1).iter().map(|x| 3.0 * x).collect();
        let varying: Vec<f64> = random(j * r, 2).iter().map(|s| (0.5 * s).exp()).collect();
        let common = vec![1.0; j * r];
        let mut v = gram(r, 3, 3);
        for i in 0..r {
            v[i * (r + 1)] += 1.0;
        }
        let d: Vec<f64> = (0..r).map(|i| v[i * (r + 1)].sqrt()).collect();
        let v: Vec<f64> = (0..r * r).map(|k| v[k] / (d[k % r] * d[k / r])).collect();
        let grid: Vec<f64> = (0..20).map(|l| 0.05 * 2_f64.powf(f64::from(l) * 0.5)).collect();
        let noises = [
            ("shared", &common, Correlation::Common(&v)),
            ("diagonal", &varying, Correlation::Identity),
            ("scaled", &varying, Correlation::Common(&v)),
        ];
        for (name, s, v) in noises {
            let means = NormalMeans::new(Data { units: j, conditions: r, x: &x, s, v }).unwrap();
            for rank in [0, 1, 3, r / 2, r] {
                let matrices: Vec<Vec<f64>> = (0..8)
                    .map(|k| match rank {
                        0 => {
                            (0..r * r).map(|i| f64::from(u8::from(i == k % r * (r + 1)))).collect()
                        }
                        _ => gram(r, rank, 10 + k as u64),
                    })
                    .collect();
                let named: Vec<_> = matrices.iter().map(|m| ("U", &m[..])).collect();
                let prior = Prior::new(r, &named, &grid, true).unwrap();
                let mut out = Mat::<f64>::zeros(j, prior.len());
                // The clock ticks every few milliseconds: run for long enough.
                let start = cpu_seconds();
                let mut runs = 0;
                while cpu_seconds() - start < 0.25 {
                    let likelihood = Likelihood::new(&means, &prior).unwrap();
                    for_each_block(&means, &likelihood, &mut out);
                    runs += 1;
                }
                let mean = (cpu_seconds() - start) / f64::from(runs);
                let per = mean / (j * matrices.len()) as f64;
                let label = if rank == 0 { "single".into() } else { rank.to_string() };
                let ns = per * 1e9 / grid.len() as f64;
                println!("{r:>3} {name:>10} {label:>8} {ns:>12.2} {:>8.3}", per * 1e6);
            }
        }
    }
}

/// All blocks on this thread.
fn for_each_block(means: &NormalMeans, likelihood: &Likelihood, out: &mut Mat<f64>) {
    let mut rest = out.as_mut();
    for block in means.blocks() {
        let (top, below) = rest.split_at_row_mut(block.range.len());
        likelihood.block(&block, top).unwrap();
        rest = below;
    }
}
