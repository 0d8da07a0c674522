//! Random numbers for the tests of this module.

use crate::random::Stream;

/// Uniform and normal draws, one after the other.
pub struct Draws {
    stream: Stream,
    next: u32,
}

impl Draws {
    pub fn new(seed: u64) -> Self {
        Self { stream: Stream::new(seed, 0), next: 0 }
    }

    pub fn uniform(&mut self) -> f64 {
        self.next += 1;
        self.stream.uniform(self.next)
    }

    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (2.0 * std::f64::consts::PI * self.uniform()).cos()
    }

    /// Effects `L F'` of `rank` sparse factors, plus noise: `rows` x `cols` by columns.
    pub fn matrix(&mut self, rows: usize, cols: usize, rank: usize, noise: f64) -> Vec<f64> {
        let mut sparse = |n: usize| -> Vec<f64> {
            (0..n).map(|_| if self.uniform() < 0.5 { 2.0 * self.normal() } else { 0.0 }).collect()
        };
        let factors: Vec<_> = (0..rank).map(|_| (sparse(rows), sparse(cols))).collect();
        let mut y = Vec::with_capacity(rows * cols);
        for j in 0..cols {
            let sd = noise * (1.0 + j as f64 / cols as f64);
            for i in 0..rows {
                let mean: f64 = factors.iter().map(|(l, f)| l[i] * f[j]).sum();
                y.push(mean + sd * self.normal());
            }
        }
        y
    }
}
