//! Enrichment of causal variables in annotations.
//!
//! A variable j is causal with `log(pi_j / (1 - pi_j)) = x_j'a`. If a locus has at most one causal
//! variable, and `B_j` is the Bayes factor of variable j, then up to a constant
//! ```text
//!   log p(data | a) = sum over loci of [sum_j log(1 - pi_j) + log(1 + sum_j e^{x_j'a} B_j)],
//!   P(j is causal | data) = e^{x_j'a} B_j / (1 + sum_i e^{x_i'a} B_i).
//! ```
//! Its maximum is found by expectation maximisation; the M-step is a logistic regression of these
//! probabilities. With several effects per locus, from single-effect posteriors, the prior of the
//! place of an effect is `softmax(x'a)` and the M-step is a multinomial regression.

use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Side};
use rayon::prelude::*;

use crate::linalg::scalar::{log_sum_exp, logistic, softplus};
use crate::{Ended, Error, Monitor, Stop};

/// Variables in loci.
#[derive(Debug, Clone, Copy)]
pub struct Loci<'a> {
    /// Where each locus starts, and the end: variables of a locus are contiguous.
    pub starts: &'a [usize],
    /// m by q: an intercept first (for the logistic model), then annotations.
    pub annotations: MatRef<'a, f64>,
    /// Ridge penalty `penalty / 2 |a|^2` of the annotations' coefficients (not the first column's).
    pub penalty: f64,
}

/// Whether a column of the annotations has a penalty.
fn penalised(c: usize, intercept: bool) -> bool {
    c > 0 || !intercept
}

impl Loci<'_> {
    fn check(&self, m: usize) -> Result<(), Error> {
        let found = self.annotations.nrows();
        if found != m {
            return Err(Error::Shape { name: "annotations", expected: m, found });
        }
        match self.starts.last() == Some(&m) {
            true => Ok(()),
            false => Err(Error::Shape { name: "loci", expected: m, found: 0 }),
        }
    }

    /// `offset + x_j'a`.
    fn predictor(&self, a: &[f64], offset: &[f64]) -> Vec<f64> {
        let m = self.annotations.nrows();
        let one = |j: usize| -> f64 {
            let own = offset.get(j).copied().unwrap_or(0.0);
            own + a.iter().enumerate().map(|(c, a)| self.annotations[(j, c)] * a).sum::<f64>()
        };
        (0..m).into_par_iter().map(one).collect()
    }

    fn ridge(&self, a: &[f64], intercept: bool) -> f64 {
        let terms = a.iter().enumerate().filter(|(c, _)| penalised(*c, intercept));
        0.5 * self.penalty * terms.map(|(_, a)| a * a).sum::<f64>()
    }
}

/// A fit of the model with one causal variable per locus.
#[derive(Debug, Clone)]
pub struct SingleFit {
    /// Coefficients.
    pub a: Vec<f64>,
    /// The log-likelihood (less the penalty) at the start of each iteration, and at the end; it has
    /// converged when the last gain was below the tolerance.
    pub ended: Ended,
    /// Posterior probabilities of the variables.
    pub pip: Vec<f64>,
    /// Prior probabilities of the variables.
    pub prior: Vec<f64>,
    /// Posterior probabilities of no causal variable, by locus.
    pub null: Vec<f64>,
}

/// Options of the expectation maximisation.
#[derive(Debug, Clone, Copy)]
pub struct EmOptions {
    /// Stop when the log-likelihood gains less.
    pub tol: f64,
    /// Most iterations.
    pub max_iter: usize,
}

/// Expectation maximisation from coefficients `start`, with `offset` (or nothing) in the predictor.
pub fn single_signal(
    loci: &Loci,
    log_bf: &[f64],
    start: &[f64],
    offset: &[f64],
    options: EmOptions,
    monitor: &Monitor,
) -> Result<SingleFit, Error> {
    loci.check(log_bf.len())?;
    let mut a = start.to_vec();
    let mut trace: Vec<f64> = Vec::new();
    let mut converged = false;
    let (mut pip, mut null);
    let mut eta = loci.predictor(&a, offset);
    let mut iteration = 0;
    loop {
        let found = expectation(loci, &eta, log_bf);
        (pip, null) = (found.1, found.2);
        trace.push(found.0 - loci.ridge(&a, true));
        let n = trace.len();
        if n > 1 && trace[n - 1] - trace[n - 2] < options.tol {
            converged = true;
            break;
        }
        if iteration == options.max_iter {
            break;
        }
        a = regress(loci, &pip, a, offset, monitor)?;
        eta = loci.predictor(&a, offset);
        iteration += 1;
    }
    let prior = eta.iter().map(|e| logistic(*e)).collect();
    let ended = Ended::new(Stop::at(converged), iteration, trace);
    Ok(SingleFit { a, ended, pip, prior, null })
}

/// Log-likelihood, posterior probabilities of variables, and of no causal variable by locus.
fn expectation(loci: &Loci, eta: &[f64], log_bf: &[f64]) -> (f64, Vec<f64>, Vec<f64>) {
    let one = |w: &[usize]| {
        let range = w[0]..w[1];
        let terms: Vec<f64> = range.clone().map(|j| eta[j] + log_bf[j]).collect();
        let log_total = log_sum_exp(std::iter::once(0.0).chain(terms.iter().copied()));
        let silent: f64 = range.map(|j| softplus(eta[j])).sum();
        let pip: Vec<f64> = terms.iter().map(|t| (t - log_total).exp()).collect();
        (log_total - silent, pip, (-log_total).exp())
    };
    let parts: Vec<_> = loci.starts.par_windows(2).map(one).collect();
    let mut out = (0.0, Vec::with_capacity(log_bf.len()), Vec::with_capacity(parts.len()));
    for (value, pip, null) in parts {
        out.0 += value;
        out.1.extend(pip);
        out.2.push(null);
    }
    out
}

/// Variables that one task sums over.
const GRAIN: usize = 4096;

/// Gradient and negative Hessian of a sum over variables with residuals `r` and weights `w`.
fn normal_equations(x: MatRef<'_, f64>, r: &[f64], w: &[f64]) -> (Vec<f64>, Mat<f64>) {
    let (m, q) = (x.nrows(), x.ncols());
    let part = |b: usize| {
        let (mut g, mut h) = (vec![0.0; q], Mat::<f64>::zeros(q, q));
        for j in b * GRAIN..((b + 1) * GRAIN).min(m) {
            for c in 0..q {
                g[c] += x[(j, c)] * r[j];
                for d in 0..=c {
                    h[(c, d)] += w[j] * x[(j, c)] * x[(j, d)];
                }
            }
        }
        (g, h)
    };
    let parts: Vec<_> = (0..m.div_ceil(GRAIN)).into_par_iter().map(part).collect();
    let (mut g, mut h) = (vec![0.0; q], Mat::<f64>::zeros(q, q));
    for (part_g, part_h) in parts {
        g.iter_mut().zip(part_g).for_each(|(a, b)| *a += b);
        h += part_h;
    }
    for c in 0..q {
        for d in 0..c {
            h[(d, c)] = h[(c, d)];
        }
    }
    (g, h)
}

/// The Newton step, or an error that says what makes it impossible.
fn newton_step(mut h: Mat<f64>, g: &[f64]) -> Result<Vec<f64>, Error> {
    let q = g.len();
    let largest = (0..q).map(|c| h[(c, c)]).fold(0.0, f64::max);
    (0..q).for_each(|c| h[(c, c)] += 1e-12 * largest);
    let singular = || Error::Value {
        name: "annotations",
        why: "are not independent, or separate the causal variables: leave one out, or give a \
              `penalty`"
            .into(),
    };
    let llt = h.llt(Side::Lower).map_err(|_| singular())?;
    let step = llt.solve(Mat::from_fn(q, 1, |c, _| g[c]));
    let step: Vec<f64> = (0..q).map(|c| step[(c, 0)]).collect();
    if step.iter().all(|s| s.is_finite()) { Ok(step) } else { Err(singular()) }
}

/// The maximum of a concave function by Newton's method with halved steps.
fn newton(
    mut a: Vec<f64>,
    monitor: &Monitor,
    value: impl Fn(&[f64]) -> f64,
    derivatives: impl Fn(&[f64]) -> (Vec<f64>, Mat<f64>),
) -> Result<Vec<f64>, Error> {
    let mut now = value(&a);
    for _ in 0..100 {
        monitor.advance(1)?;
        let (g, h) = derivatives(&a);
        let step = newton_step(h, &g)?;
        let gain: f64 = step.iter().zip(&g).map(|(s, g)| s * g).sum();
        if gain < 1e-13 * (1.0 + now.abs()) {
            break;
        }
        let mut length = 1.0;
        loop {
            let new: Vec<f64> = a.iter().zip(&step).map(|(a, s)| a + length * s).collect();
            let there = value(&new);
            if there >= now + 1e-4 * length * gain || length < 1e-8 {
                (a, now) = (new, there);
                break;
            }
            length *= 0.5;
        }
    }
    Ok(a)
}

/// Logistic regression of probabilities.
fn regress(
    loci: &Loci,
    response: &[f64],
    start: Vec<f64>,
    offset: &[f64],
    monitor: &Monitor,
) -> Result<Vec<f64>, Error> {
    let value = |a: &[f64]| {
        let eta = loci.predictor(a, offset);
        let term = |(e, y): (&f64, &f64)| y * e - softplus(*e);
        eta.iter().zip(response).map(term).sum::<f64>() - loci.ridge(a, true)
    };
    let derivatives = |a: &[f64]| {
        let eta = loci.predictor(a, offset);
        let mean: Vec<f64> = eta.iter().map(|e| logistic(*e)).collect();
        let r: Vec<f64> = response.iter().zip(&mean).map(|(y, p)| y - p).collect();
        let w: Vec<f64> = mean.iter().map(|p| p * (1.0 - p)).collect();
        with_ridge(loci, normal_equations(loci.annotations, &r, &w), a, true)
    };
    newton(start, monitor, value, derivatives)
}

fn with_ridge(
    loci: &Loci,
    (mut g, mut h): (Vec<f64>, Mat<f64>),
    a: &[f64],
    intercept: bool,
) -> (Vec<f64>, Mat<f64>) {
    for c in (0..a.len()).filter(|&c| penalised(c, intercept)) {
        g[c] -= loci.penalty * a[c];
        h[(c, c)] += loci.penalty;
    }
    (g, h)
}

/// Coefficients (no intercept) of the places of effects: they maximise
/// `sum_j weight_j log softmax_locus(x'a)_j`, where `weight` is the expected number of effects at
/// j. Returns them and the prior probabilities of the places.
pub fn places(
    loci: &Loci,
    weight: &[f64],
    start: &[f64],
    monitor: &Monitor,
) -> Result<(Vec<f64>, Vec<f64>), Error> {
    loci.check(weight.len())?;
    let softmax = |a: &[f64]| -> (f64, Vec<f64>) {
        let eta = loci.predictor(a, &[]);
        let (mut value, mut out) = (0.0, vec![0.0; eta.len()]);
        for w in loci.starts.windows(2) {
            let range = w[0]..w[1];
            let total = log_sum_exp(eta[range.clone()].iter().copied());
            for j in range {
                out[j] = (eta[j] - total).exp();
                value += weight[j] * (eta[j] - total);
            }
        }
        (value, out)
    };
    let q = start.len();
    let value = |a: &[f64]| softmax(a).0 - loci.ridge(a, false);
    let derivatives = |a: &[f64]| {
        let place = softmax(a).1;
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
        let (g, h) = normal_equations(loci.annotations, &r, &w);
        with_ridge(loci, (g, h - between), a, false)
    };
    let a = newton(start.to_vec(), monitor, value, derivatives)?;
    let place = softmax(&a).1;
    Ok((a, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (Vec<usize>, Mat<f64>, Vec<f64>) {
        let wave = |i: usize, f: f64| ((i as f64 + 1.0) * f).sin();
        let x = Mat::from_fn(60, 2, |j, c| if c == 0 { 1.0 } else { wave(j, 1.7).max(0.0) });
        let log_bf = (0..60).map(|j| 3.0 * wave(j, 0.9) * wave(j, 2.3) + wave(j, 1.7)).collect();
        (vec![0, 15, 30, 45, 60], x, log_bf)
    }

    /// The likelihood, by enumeration of the causal variable of each locus.
    fn enumerated(starts: &[usize], x: &Mat<f64>, log_bf: &[f64], a: &[f64]) -> f64 {
        let pi = |j: usize| logistic(x[(j, 0)] * a[0] + x[(j, 1)] * a[1]);
        let locus = |w: &[usize]| {
            let none: f64 = (w[0]..w[1]).map(|j| 1.0 - pi(j)).product();
            let one = |j: usize| none / (1.0 - pi(j)) * pi(j) * log_bf[j].exp();
            (none + (w[0]..w[1]).map(one).sum::<f64>()).ln()
        };
        starts.windows(2).map(locus).sum()
    }

    #[test]
    fn the_single_signal_fit_is_a_maximum_of_the_likelihood() {
        let (starts, x, log_bf) = example();
        let loci = Loci { starts: &starts, annotations: x.as_ref(), penalty: 0.0 };
        let options = EmOptions { tol: 1e-13, max_iter: 20_000 };
        let monitor = Monitor::default();
        let fit = single_signal(&loci, &log_bf, &[-2.0, 0.0], &[], options, &monitor).unwrap();
        let at = |a: &[f64]| enumerated(&starts, &x, &log_bf, a);
        let best = at(&fit.a);
        assert!((fit.ended.last() - best).abs() < 1e-10);
        assert!(fit.ended.trace.windows(2).all(|w| w[1] >= w[0] - 1e-10));
        for (da, db) in [(1e-2, 0.0), (-1e-2, 0.0), (0.0, 1e-2), (0.0, -1e-2)] {
            assert!(at(&[fit.a[0] + da, fit.a[1] + db]) < best);
        }
        // Probabilities of the first locus.
        let sum: f64 = fit.pip[..15].iter().sum();
        assert!((sum + fit.null[0] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn places_solve_the_multinomial_regression() {
        let (starts, x, log_bf) = example();
        let x = Mat::from_fn(60, 1, |j, _| x[(j, 1)]);
        let weight: Vec<f64> = log_bf.iter().map(|b| b.exp() / 10.0).collect();
        for penalty in [0.0, 2.0] {
            let loci = Loci { starts: &starts, annotations: x.as_ref(), penalty };
            let (a, place) = places(&loci, &weight, &[0.0], &Monitor::default()).unwrap();
            let value = |a: f64| -> f64 {
                let locus = |w: &[usize]| {
                    let total: f64 = (w[0]..w[1]).map(|j| (a * x[(j, 0)]).exp()).sum();
                    (w[0]..w[1]).map(|j| weight[j] * (a * x[(j, 0)] - total.ln())).sum::<f64>()
                };
                starts.windows(2).map(locus).sum::<f64>() - 0.5 * penalty * a * a
            };
            let slope = (value(a[0] + 1e-5) - value(a[0] - 1e-5)) / 2e-5;
            assert!(slope.abs() < 1e-5, "{slope}");
            assert!((place[..15].iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn collinear_annotations_are_an_error_without_a_penalty() {
        let (starts, _, log_bf) = example();
        let x = Mat::from_fn(60, 2, |j, _| f64::from(u8::from(j % 3 == 0)));
        let weight: Vec<f64> = log_bf.iter().map(|b| b.exp()).collect();
        let fit = |penalty| {
            let loci = Loci { starts: &starts, annotations: x.as_ref(), penalty };
            places(&loci, &weight, &[0.0, 0.0], &Monitor::default())
        };
        assert!(fit(1.0).is_ok());
    }
}
