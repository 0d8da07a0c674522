//! A slow, plain version for the tests: one unit at a time, by Gaussian elimination.

/// A stream of numbers in (0, 1) (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 + 1e-17
    }

    /// Roughly standard normal.
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// `A^{-1} B` by elimination with partial pivoting; `a` is n by n, `b` is n by m, both by rows.
pub fn solve(n: usize, a: &[f64], b: &[f64]) -> Vec<f64> {
    let (mut a, mut b) = (a.to_vec(), b.to_vec());
    let m = b.len().checked_div(n).unwrap_or(0);
    for c in 0..n {
        let best = (c..n).max_by(|&i, &j| a[i * n + c].abs().total_cmp(&a[j * n + c].abs()));
        let best = best.unwrap();
        for k in 0..n {
            a.swap(c * n + k, best * n + k);
        }
        for k in 0..m {
            b.swap(c * m + k, best * m + k);
        }
        for i in (0..n).filter(|&i| i != c) {
            let f = a[i * n + c] / a[c * n + c];
            for k in c..n {
                a[i * n + k] -= f * a[c * n + k];
            }
            for k in 0..m {
                b[i * m + k] -= f * b[c * m + k];
            }
        }
    }
    for i in 0..n {
        for k in 0..m {
            b[i * m + k] /= a[i * n + i];
        }
    }
    b
}

/// Posterior mean and covariance (by rows) of `b ~ N(0, u)` given `x ~ N(b, noise)` over the
/// conditions in `observed`.
pub fn posterior(
    r: usize,
    u: &[f64],
    noise: &[f64],
    x: &[f64],
    observed: &[usize],
) -> (Vec<f64>, Vec<f64>) {
    let n = observed.len();
    let pick = |m: &[f64], i: usize, p: usize| m[observed[i] * r + observed[p]];
    let sum: Vec<f64> =
        (0..n * n).map(|k| pick(u, k / n, k % n) + pick(noise, k / n, k % n)).collect();
    // Right-hand sides: U_o. and x.
    let mut rhs = Vec::new();
    for &o in observed {
        rhs.extend_from_slice(&u[o * r..(o + 1) * r]);
        rhs.push(x[o]);
    }
    let y = solve(n, &sum, &rhs);
    let column = |i: usize, c: usize| -> f64 {
        (0..n).map(|o| u[i * r + observed[o]] * y[o * (r + 1) + c]).sum()
    };
    let mean = (0..r).map(|i| column(i, r)).collect();
    let covariance = (0..r * r).map(|k| u[k] - column(k / r, k % r)).collect();
    (mean, covariance)
}
