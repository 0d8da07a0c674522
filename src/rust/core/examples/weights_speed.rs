//! Time the mixture proportions on a mash-like problem: `J` rows in 5 conditions, 20 covariances
//! times 20 scales and the null.
//!
//! `cargo run --release -p mnmash-core --example weights_speed -- [J] [threads] [file]`
//!
//! With a file name, the log-likelihoods are written there as doubles, column by column.

use std::io::Write;
use std::time::Instant;

use mnmash_core::weights::{Likelihoods, Method, Options, mixture_weights, scale_rows};
use mnmash_core::{Error, Monitor, with_threads};

const R: usize = 5;
const MATRICES: usize = 20;
const SCALES: usize = 20;
const P: usize = MATRICES * SCALES + 1;

type Square = [[f64; R]; R];

/// A stream of uniform and normal numbers.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (2.0 * std::f64::consts::PI * self.uniform()).cos()
    }
}

/// Identity, singletons, equal effects, three correlated ones, then random ones of rising rank.
fn matrices(random: &mut Random) -> Vec<Square> {
    let constant = |on: f64, off: f64| {
        let mut u = [[off; R]; R];
        (0..R).for_each(|i| u[i][i] = on);
        u
    };
    let mut all = vec![constant(1.0, 0.0), constant(1.0, 1.0)];
    all.extend([0.25, 0.5, 0.75].map(|h| constant(1.0, h)));
    for r in 0..R {
        let mut u = [[0.0; R]; R];
        u[r][r] = 1.0;
        all.push(u);
    }
    while all.len() < MATRICES {
        let mut u = [[0.0; R]; R];
        for _ in 0..=all.len() % R {
            let f: Vec<f64> = (0..R).map(|_| random.normal()).collect();
            (0..R).for_each(|i| (0..R).for_each(|j| u[i][j] += f[i] * f[j]));
        }
        let top = (0..R).map(|i| u[i][i]).fold(0.0, f64::max);
        u.iter_mut().flatten().for_each(|x| *x /= top);
        all.push(u);
    }
    all
}

/// Half null; shared, one-condition, rank-three and independent effects.
fn effects(j: usize, factors: &[[f64; R]; 3], random: &mut Random) -> [f64; R] {
    let mut x = [0.0; R];
    let kind = random.uniform();
    let shared = 2.0 * random.normal();
    let loadings = [random.normal(), random.normal(), random.normal()];
    for (r, x) in x.iter_mut().enumerate() {
        *x = random.normal();
        *x += match kind {
            k if k < 0.5 => 0.0,
            k if k < 0.65 => shared,
            k if k < 0.75 => 1.5 * shared * f64::from(r == j % R),
            k if k < 0.9 => (0..3).map(|f| loadings[f] * factors[f][r]).sum(),
            _ => 1.5 * random.normal(),
        };
    }
    x
}

/// The inverse Cholesky factor of `I + w^2 U`, and half its log determinant.
fn whitener(u: &Square, w2: f64) -> (Square, f64) {
    let mut l = [[0.0; R]; R];
    for j in 0..R {
        for i in j..R {
            let s =
                w2 * u[i][j] + f64::from(i == j) - (0..j).map(|k| l[i][k] * l[j][k]).sum::<f64>();
            l[i][j] = if i == j { s.sqrt() } else { s / l[j][j] };
        }
    }
    let half_log_det = (0..R).map(|i| l[i][i].ln()).sum();
    let mut inverse = [[0.0; R]; R];
    for c in 0..R {
        for i in c..R {
            let s = f64::from(i == c) - (c..i).map(|k| l[i][k] * inverse[k][c]).sum::<f64>();
            inverse[i][c] = s / l[i][i];
        }
    }
    (inverse, half_log_det)
}

fn log_likelihoods(rows: usize) -> Vec<f64> {
    let mut random = Random(20);
    let all = matrices(&mut random);
    let factors = [(); 3].map(|()| [(); R].map(|()| random.normal()));
    let x: Vec<[f64; R]> = (0..rows).map(|j| effects(j, &factors, &mut random)).collect();
    let mut out = Vec::with_capacity(rows * P);
    let components =
        (0..SCALES).flat_map(|l| all.iter().map(move |u| (u, 0.01 * 2f64.powi(l as i32))));
    for (u, w2) in std::iter::once((&all[0], 0.0)).chain(components) {
        let (inverse, half_log_det) = whitener(u, w2);
        out.extend(x.iter().map(|x| {
            let mut square = 0.0;
            for (i, row) in inverse.iter().enumerate() {
                let z: f64 = (0..=i).map(|k| row[k] * x[k]).sum();
                square += z * z;
            }
            -0.5 * square - half_log_det
        }));
    }
    out
}

/// Processor seconds of all threads of this process (Linux), else zero.
fn processor_seconds() -> f64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return 0.0 };
    let on_cpu = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    tasks.flatten().filter_map(on_cpu).sum::<f64>() / 1e9
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (wall, processor) = (Instant::now(), processor_seconds());
    let out = work();
    let (wall, processor) = (wall.elapsed().as_secs_f64(), processor_seconds() - processor);
    println!("{what}: {wall:.3} s, processor {processor:.3} s");
    out
}

fn run(rows: usize, file: Option<String>, monitor: &Monitor) -> Result<(), Error> {
    let mut values = timed("log-likelihoods made", || log_likelihoods(rows));
    if let Some(file) = file {
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        std::fs::File::create(file).and_then(|mut f| f.write_all(&bytes)).expect("written");
    }
    let tops = timed("scaled by row", || scale_rows(&mut values, rows, P, rows, monitor))?;
    let tops: f64 = tops.iter().sum();
    println!("one pass over the matrix:");
    timed("  sum", || println!("  {}", values.chunks(1 << 12).map(sum).sum::<f64>()));
    let likelihoods = Likelihoods::new(&values, rows, P, rows)?;
    let mut prior = vec![1.0; P];
    prior[0] = 10.0;
    for repeat in 0..if rows > 200_000 { 1 } else { 5 } {
        let options = Options::default();
        let fit = timed("weights", || {
            mixture_weights(likelihoods, &prior, None, None, options, monitor)
        })?;
        if repeat == 0 {
            let support = fit.pi.iter().filter(|&&x| x > 0.0).count();
            println!("  {}, {} iterations", fit.stop.reason(), fit.iterations);
            println!("  kkt {:.2e}, gap {:.2e}, support {support}", fit.kkt, fit.gap);
            println!("  objective {:.9}, trace to its end:", fit.objective + tops);
            fit.trace.iter().for_each(|f| println!("    {:.3e}", fit.objective - f));
        }
    }
    let options = Options { method: Method::Em, max_iter: 9, ..Options::default() };
    let fit = timed("10 passes of EM", || {
        mixture_weights(likelihoods, &prior, None, None, options, monitor)
    })?;
    println!("  kkt {:.2e}, objective {:.3}", fit.kkt, fit.objective + tops);
    Ok(())
}

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let rows = arguments.next().and_then(|x| x.parse().ok()).unwrap_or(20_000);
    let threads = arguments.next().and_then(|x| x.parse().ok()).unwrap_or(1);
    let monitor = Monitor::default();
    let file = arguments.next();
    with_threads(threads, &monitor, |_| true, || run(rows, file, &monitor))
}

fn sum(x: &[f64]) -> f64 {
    let mut lanes = [0.0; 16];
    for piece in x.chunks_exact(16) {
        lanes.iter_mut().zip(piece).for_each(|(s, x)| *s += x);
    }
    lanes.iter().sum()
}
