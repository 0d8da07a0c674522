//! What the tests of all rooms share: one stream of numbers, one dense solver, and lists of what there
//! is.

use crate::noise::Structure;
use crate::random::Stream;

/// Structures of residual covariances, those with factors of rank one.
pub const STRUCTURES: [Structure; 5] = [
    Structure::Known,
    Structure::Diagonal,
    Structure::Full,
    Structure::LowRank { rank: 1, plugin: false },
    Structure::Factors { rank: 1 },
];

/// Random numbers, one after the other: the same on every machine.
pub struct Draws {
    stream: Stream,
    next: u32,
}

impl Draws {
    /// From the start of the stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self { stream: Stream::new(seed, 0), next: 0 }
    }

    /// Uniform in (0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.next += 1;
        self.stream.uniform(self.next - 1)
    }

    /// Uniform in (-1, 1).
    pub fn symmetric(&mut self) -> f64 {
        2.0 * self.uniform() - 1.0
    }

    /// Standard normal (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// Uniform numbers in (0, 1).
pub fn uniforms(seed: u64, n: usize) -> Vec<f64> {
    let mut draws = Draws::new(seed);
    (0..n).map(|_| draws.uniform()).collect()
}

/// Uniform numbers in (-1, 1).
pub fn random(seed: u64, n: usize) -> Vec<f64> {
    let mut draws = Draws::new(seed);
    (0..n).map(|_| draws.symmetric()).collect()
}

/// Standard normal numbers.
pub fn normals(seed: u64, n: usize) -> Vec<f64> {
    let mut draws = Draws::new(seed);
    (0..n).map(|_| draws.normal()).collect()
}

/// Solve `A Y = B` (n by n, n by m, by rows) by elimination with pivoting; returns `log |det A|`.
pub fn solve(n: usize, a: &mut [f64], m: usize, b: &mut [f64]) -> f64 {
    let mut log_det = 0.0;
    for c in 0..n {
        let pivot = (c..n).max_by(|&i, &k| a[i * n + c].abs().total_cmp(&a[k * n + c].abs()));
        let pivot = pivot.unwrap();
        for q in 0..n {
            a.swap(c * n + q, pivot * n + q);
        }
        for q in 0..m {
            b.swap(c * m + q, pivot * m + q);
        }
        log_det += a[c * n + c].abs().ln();
        for i in (0..n).filter(|&i| i != c) {
            let f = a[i * n + c] / a[c * n + c];
            for q in c..n {
                a[i * n + q] -= f * a[c * n + q];
            }
            for q in 0..m {
                b[i * m + q] -= f * b[c * m + q];
            }
        }
    }
    for i in 0..n {
        for q in 0..m {
            b[i * m + q] /= a[i * n + i];
        }
    }
    log_det
}
