//! Where effects are, in loci that may have several.

use faer::Mat;

use super::Loci;
use super::newton::{Free, newton, normal_equations};
use crate::linalg::scalar::log_sum_exp;
use crate::{Error, Monitor};

/// The prior probabilities of the places of effects, `softmax(x'a)` of each locus.
pub fn place_probabilities(loci: &Loci, a: &[f64]) -> Result<Vec<f64>, Error> {
    loci.check(loci.annotations.nrows())?;
    Ok(log_softmax(loci, a).into_iter().map(f64::exp).collect())
}

fn log_softmax(loci: &Loci, a: &[f64]) -> Vec<f64> {
    let mut eta = loci.predictor(a);
    for w in loci.starts.windows(2) {
        let locus = &mut eta[w[0]..w[1]];
        let total = log_sum_exp(locus.iter().copied());
        locus.iter_mut().for_each(|e| *e -= total);
    }
    eta
}

/// Coefficients (no intercept) of the places of effects: they maximise
/// `sum_j weight_j log softmax_locus(x'a)_j`, where `weight` is the expected number of effects at
/// j.
///
/// # Errors
/// Annotations that are not independent; `Error::Interrupted`.
pub fn places(
    loci: &Loci,
    weight: &[f64],
    start: &[f64],
    monitor: &Monitor,
) -> Result<Vec<f64>, Error> {
    loci.check(weight.len())?;
    let q = start.len();
    let value = |a: &[f64]| {
        let terms = log_softmax(loci, a).into_iter().zip(weight);
        terms.map(|(place, weight)| weight * place).sum::<f64>() - loci.ridge(a, 0)
    };
    let derivatives = |a: &[f64]| {
        let place: Vec<f64> = log_softmax(loci, a).into_iter().map(f64::exp).collect();
        let (mut r, mut w) = (weight.to_vec(), vec![0.0; weight.len()]);
        let mut between = Mat::<f64>::zeros(q, q);
        for pair in loci.starts.windows(2) {
            let range = pair[0]..pair[1];
            let count: f64 = weight[range.clone()].iter().sum();
            let mut mean = vec![0.0; q];
            for j in range {
                r[j] -= count * place[j];
                w[j] = count * place[j];
                for c in 0..q {
                    mean[c] += place[j] * loci.annotations[(j, c)];
                }
            }
            for c in 0..q {
                for d in 0..q {
                    between[(c, d)] += count * mean[c] * mean[d];
                }
            }
        }
        let (g, h) = normal_equations(loci, &r, &w, a, 0);
        (g, h - between)
    };
    newton(loci, start.to_vec(), Free::all(q), monitor, value, derivatives)
}
