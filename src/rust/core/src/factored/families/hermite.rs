//! Expectations over a normal variable.

use std::sync::OnceLock;

use faer::{Mat, Side};

/// Nodes and weights for `N(0, 1)`: exact for polynomials up to degree `2 POINTS - 1`.
const POINTS: usize = 15;

/// Golub and Welsch (1969): eigenvalues of the Jacobi matrix of the Hermite polynomials.
fn rule() -> &'static [(f64, f64)] {
    static RULE: OnceLock<Vec<(f64, f64)>> = OnceLock::new();
    RULE.get_or_init(|| {
        let jacobi = Mat::from_fn(POINTS, POINTS, |i, j| {
            if i.abs_diff(j) == 1 { (i.max(j) as f64).sqrt() } else { 0.0 }
        });
        match jacobi.self_adjoint_eigen(Side::Lower) {
            Ok(e) => (0..POINTS).map(|i| (e.S()[i], e.U()[(0, i)].powi(2))).collect(),
            Err(_) => vec![(0.0, 1.0)],
        }
    })
}

/// `E f(x)` for `x ~ N(m, v)`.
#[inline]
pub fn expect(m: f64, v: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
    if v <= 0.0 {
        return f(m);
    }
    let s = v.sqrt();
    rule().iter().map(|&(z, w)| w * f(m + s * z)).sum()
}

/// The expectations of two functions at once.
#[inline]
pub fn expect_pair(m: f64, v: f64, mut f: impl FnMut(f64) -> (f64, f64)) -> (f64, f64) {
    if v <= 0.0 {
        return f(m);
    }
    let s = v.sqrt();
    rule().iter().fold((0.0, 0.0), |sum, &(z, w)| {
        let value = f(m + s * z);
        (sum.0 + w * value.0, sum.1 + w * value.1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_the_lognormal_mean() {
        let mut moment = 1.0;
        for degree in (0..20).step_by(2) {
            let got = expect(0.0, 1.0, |x| x.powi(degree));
            assert!((got / moment - 1.0).abs() < 1e-11, "{degree}");
            moment *= f64::from(degree + 1);
        }
        for (m, v) in [(0.3, 0.0), (-2.0, 0.5), (1.0, 1.0)] {
            let got = expect(m, v, f64::exp);
            assert!((got / (m + 0.5 * v).exp() - 1.0).abs() < 1e-10);
            assert_eq!(got, expect_pair(m, v, |x| (x.exp(), 0.0)).0);
        }
    }
}
