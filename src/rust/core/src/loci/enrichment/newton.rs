//! The maximum of a concave function of the predictors `x_j'a`, by Newton's method.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use rayon::prelude::*;

use super::Loci;
use crate::{Error, Monitor};

/// Which coefficients may change: all, or all but one that is held.
#[derive(Debug, Clone, Copy)]
pub struct Free {
    count: usize,
    held: Option<usize>,
}

impl Free {
    pub fn all(count: usize) -> Self {
        Self { count, held: None }
    }

    pub fn but(count: usize, held: usize) -> Self {
        Self { count, held: Some(held) }
    }

    pub fn none(self) -> bool {
        self.count == usize::from(self.held.is_some())
    }
}

/// Variables that one task sums over.
const GRAIN: usize = 4096;

/// Gradient and negative Hessian at `a` of a sum over variables with residuals `r` and weights `w`,
/// less the penalty; the first `intercepts` coefficients have none.
pub fn normal_equations(
    loci: &Loci,
    r: &[f64],
    w: &[f64],
    a: &[f64],
    intercepts: usize,
) -> (Vec<f64>, Mat<f64>) {
    let x = loci.annotations;
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
    for c in intercepts..q {
        g[c] -= loci.penalty * a[c];
        h[(c, c)] += loci.penalty;
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

/// The longest step, as a change of a predictor: beyond it the quadratic says nothing, and
/// probabilities are zero or one.
const REACH: f64 = 30.0;

/// Most steps, and most halves of one.
const STEPS: usize = 100;
const HALVES: i32 = 26;

/// The maximum over the free coefficients, from `a`; steps that do not raise the value are halved.
pub fn newton(
    loci: &Loci,
    mut a: Vec<f64>,
    free: Free,
    monitor: &Monitor,
    value: impl Fn(&[f64]) -> f64,
    derivatives: impl Fn(&[f64]) -> (Vec<f64>, Mat<f64>),
) -> Result<Vec<f64>, Error> {
    if free.none() {
        return Ok(a);
    }
    let mut now = value(&a);
    for _ in 0..STEPS {
        monitor.advance(1)?;
        let (mut g, mut h) = derivatives(&a);
        if let Some(c) = free.held {
            g[c] = 0.0;
            (0..g.len()).filter(|&d| d != c).for_each(|d| (h[(c, d)], h[(d, c)]) = (0.0, 0.0));
        }
        let step = newton_step(h, &g)?;
        let gain: f64 = step.iter().zip(&g).map(|(s, g)| s * g).sum();
        if gain < 1e-13 * (1.0 + now.abs()) {
            break;
        }
        let change = loci.predictor(&step).iter().fold(0.0_f64, |top, c| top.max(c.abs()));
        let whole = if change > REACH { REACH / change } else { 1.0 };
        let along = |length: f64| -> Vec<f64> {
            a.iter().zip(&step).map(|(a, s)| a + length * s).collect()
        };
        let better = (0..=HALVES).find_map(|k| {
            let length = whole * 0.5_f64.powi(k);
            let (new, least) = (along(length), now + 1e-4 * length * gain);
            let there = value(&new);
            (there >= least).then_some((new, there))
        });
        match better {
            Some(better) => (a, now) = better,
            None => break,
        }
    }
    Ok(a)
}
