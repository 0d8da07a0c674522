//! What the machine can do, and a clock.

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::Instant;

use mnmash_core::linalg::lanes::{Kernel, Lanes, Level, dispatch, dispatch_at, level};

/// Measured limits of one core.
pub struct Machine {
    /// GFLOP/s of each instruction set.
    pub levels: Vec<(&'static str, f64)>,
    /// GFLOP/s of the instructions in use.
    pub peak: f64,
    /// GB/s of reads from memory.
    pub memory: f64,
    /// GB/s of reads from the second-level cache.
    pub cache: f64,
}

impl Machine {
    pub fn measure() -> Self {
        let levels: Vec<_> = Level::available()
            .into_iter()
            .map(|l| (l.name(), best_rate(|| dispatch_at(l, MultiplyAdds))))
            .collect();
        let used = level().name();
        let peak = levels.iter().find(|l| l.0 == used).map_or(f64::NAN, |l| l.1);
        let (memory, cache) = (read_rate(1 << 26), read_rate(1 << 16));
        Self { levels, peak, memory, cache }
    }

    pub fn bandwidths(&self) -> [(&'static str, f64); 2] {
        [("reads of 512 MB", self.memory), ("reads of 512 kB", self.cache)]
    }
}

/// Independent multiply-adds on registers; returns GFLOP/s.
struct MultiplyAdds;
impl Kernel for MultiplyAdds {
    type Output = f64;
    #[inline(always)]
    fn run<V: Lanes>(self) -> f64 {
        const CHAINS: usize = 12;
        let (a, b) = (V::splat(black_box(0.999_999)), V::splat(black_box(1e-9)));
        let mut x = [V::splat(1.0); CHAINS];
        let rounds = 5_000_000_u32;
        let start = cpu_seconds();
        for _ in 0..rounds {
            for x in &mut x {
                *x = x.mul_add(a, b);
            }
        }
        let seconds = cpu_seconds() - start;
        black_box(x.iter().map(|x| x.sum()).sum::<f64>());
        2.0 * (V::N * CHAINS) as f64 * f64::from(rounds) / seconds / 1e9
    }
}

/// A sum: nothing but reads.
struct Sum<'a>(&'a [f64]);
impl Kernel for Sum<'_> {
    type Output = f64;
    #[inline(always)]
    fn run<V: Lanes>(self) -> f64 {
        let mut total = [V::splat(0.0); 8];
        for piece in self.0.chunks_exact(8 * V::N) {
            for (t, x) in total.iter_mut().zip(piece.chunks_exact(V::N)) {
                *t = *t + V::load(x);
            }
        }
        total.iter().map(|t| t.sum()).sum()
    }
}

fn read_rate(numbers: usize) -> f64 {
    let x = vec![1.0; numbers];
    let times = ((1 << 28) / numbers).max(1);
    best_rate(|| {
        let start = cpu_seconds();
        for _ in 0..times {
            black_box(dispatch(Sum(black_box(&x))));
        }
        (8 * times * numbers) as f64 / (cpu_seconds() - start) / 1e9
    })
}

fn best_rate(mut measure: impl FnMut() -> f64) -> f64 {
    (0..5).map(|_| measure()).fold(0.0, f64::max)
}

/// Seconds this thread has run: other processes do not count. Wall time where Linux does not tell.
pub fn cpu_seconds() -> f64 {
    std::thread::yield_now(); // brings the count up to date
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ns = text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok());
    static START: OnceLock<Instant> = OnceLock::new();
    ns.map_or_else(|| START.get_or_init(Instant::now).elapsed().as_secs_f64(), |ns| ns / 1e9)
}

/// Seconds of one run: the least of some, of which each is repeated until the clock can tell.
pub fn least<T>(mut work: impl FnMut() -> T) -> f64 {
    let mut best = f64::INFINITY;
    let begin = cpu_seconds();
    while cpu_seconds() - begin < 0.4 {
        let (start, mut runs) = (cpu_seconds(), 0);
        while cpu_seconds() - start < 0.05 {
            black_box(work());
            runs += 1;
        }
        best = best.min((cpu_seconds() - start) / f64::from(runs));
    }
    best
}
