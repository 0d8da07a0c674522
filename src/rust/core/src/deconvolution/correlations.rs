//! Covariances whose correlations are held back, while their variances are free.
//!
//! The EM step of extreme deconvolution with `lambda` further units in which the effects of a
//! component have its own variances, and are uncorrelated: with `M` the covariance of that step,
//! from a sum of responsibilities `q`,
//! ```text
//!   U_ii <- M_ii,     U_ip <- M_ip q / (q + lambda).
//! ```
//! A penalty that draws the eigenvalues to one another makes too much of the variance of conditions
//! that a component hardly touches. This one leaves it where the data have it, and does not depend
//! on the unit of a condition.

use faer::Mat;

use super::updates::ed::covariance;
use super::{EStep, Mixture, Sums};
use crate::{Error, Monitor};

/// Sums of responsibilities below this say nothing about a covariance.
const NEGLIGIBLE: f64 = 1e-3;

/// `iterations` steps of the covariances and the weights of a mixture without means. They are few
/// and as many for all data, so that the result changes smoothly with these.
pub fn shrunk(
    step: &EStep<'_>,
    mut mixture: Mixture,
    lambda: f64,
    iterations: usize,
    monitor: &Monitor,
) -> Result<Mixture, Error> {
    if !mixture.means.is_empty() {
        return Err(Error::Value { name: "means", why: "must be zero".into() });
    }
    for _ in 0..iterations {
        let found = step.run(&mixture, monitor)?;
        let total: f64 = found.sums.iter().map(|sums| sums.q).sum();
        for (k, sums) in found.sums.iter().enumerate() {
            mixture.weights[k] = sums.q / total;
            if sums.q > NEGLIGIBLE {
                mixture.covariances[k] = next(&mixture.covariances[k], sums, lambda);
            }
        }
    }
    Ok(mixture)
}

fn next(u: &Mat<f64>, sums: &Sums, lambda: f64) -> Mat<f64> {
    let m = covariance(u.as_ref(), sums, false);
    let kept = sums.q / (sums.q + lambda);
    Mat::from_fn(u.nrows(), u.ncols(), |i, p| if i == p { m[(i, p)] } else { kept * m[(i, p)] })
}

#[cfg(test)]
mod tests {
    use super::super::Observations;
    use super::*;
    use crate::normal_means::{Correlation, Data, NormalMeans};
    use crate::testing::random;

    /// The steps by hand for one component and independent errors of variance 1:
    /// `E[bb']` of every unit, averaged.
    #[test]
    fn steps_are_posterior_second_moments_with_smaller_correlations() {
        let (j, lambda) = (7, 3.0);
        let x = random(1, 2 * j);
        let s = vec![1.0; 2 * j];
        let data = Data {
            units: j,
            conditions: 2,
            x: &x,
            s: &s,
            v: Correlation::Common(&[1., 0., 0., 1.]),
        };
        let means = NormalMeans::new(data).unwrap();
        let step = EStep::new(Observations::Direct(&means), None).unwrap();
        let start = Mat::from_fn(2, 2, |i, p| if i == p { 1.0 + i as f64 } else { 0.5 });
        let mixture =
            Mixture { weights: vec![1.0], means: Vec::new(), covariances: vec![start.clone()] };
        let monitor = Monitor::default();
        let found = shrunk(&step, mixture, lambda, 2, &monitor).unwrap();
        let mut u = [1.0, 2.0, 0.5];
        for _ in 0..2 {
            // T^{-1} of T = U + I, and U T^{-1}.
            let det = (u[0] + 1.0) * (u[1] + 1.0) - u[2] * u[2];
            let t = [(u[1] + 1.0) / det, (u[0] + 1.0) / det, -u[2] / det];
            let a = [
                [u[0] * t[0] + u[2] * t[2], u[0] * t[2] + u[2] * t[1]],
                [u[2] * t[0] + u[1] * t[2], u[2] * t[2] + u[1] * t[1]],
            ];
            let rest = |i: usize, full: [[f64; 2]; 2], p: usize| {
                full[i][p] - a[i][0] * full[0][p] - a[i][1] * full[1][p]
            };
            let full = [[u[0], u[2]], [u[2], u[1]]];
            let mut m = [[rest(0, full, 0), rest(0, full, 1)], [0.0, rest(1, full, 1)]];
            for unit in 0..j {
                let b = |i: usize| a[i][0] * x[unit] + a[i][1] * x[j + unit];
                for (i, p) in [(0, 0), (0, 1), (1, 1)] {
                    m[i][p] += b(i) * b(p) / j as f64;
                }
            }
            let kept = j as f64 / (j as f64 + lambda);
            u = [m[0][0], m[1][1], kept * m[0][1]];
        }
        let got = &found.covariances[0];
        for (want, got) in u.iter().zip([got[(0, 0)], got[(1, 1)], got[(0, 1)]]) {
            assert!((want - got).abs() < 1e-12, "{want} {got}");
        }
    }
}
