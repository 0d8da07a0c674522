//! Where a new factor may start: predictors that explain much of what is left, one from each group in
//! linkage disequilibrium; or, without predictors, the leading direction of the residuals.

use crate::predictors::{Dense, Predictors};
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

use super::families::Quadratics;
use super::slab::Sign;

/// The loadings with which a factor starts, and for a factor of the samples' own its values.
#[derive(Debug, Clone)]
pub struct Seed {
    /// The outcomes' loadings, of mean square one.
    pub loadings: Vec<f64>,
    /// The size of the effects that `loadings` were scaled by.
    pub scale: f64,
    /// The values of the samples, where there are no predictors.
    pub values: Vec<f64>,
}

/// Predictors at once in the matrix products.
const BLOCK: usize = 256;

/// What `z^2` counts from: its mean without effect, and what few reach without.
const FLOORS: [f64; 2] = [1.0, 4.0];

/// Seeds correlated by more than this (squared) stand for the same signal.
const SAME: f64 = 0.25;

/// The best `count` predictors, by `sum_t max(0, z_jt^2 - 1)`, with the effects they would have, then
/// as many by `sum_t max(0, z_jt^2 - 4)`, with those effects only whose `z^2` is above that: the first
/// see weak effects on many outcomes, the second those on a few of them.
///
/// `mean` is the mean of the linear predictor. O(n p m).
pub fn predictors(
    design: &Dense<'_>,
    weight: Option<&[f64]>,
    quadratics: &Quadratics,
    mean: &[f64],
    sign: Sign,
    count: usize,
) -> Vec<Seed> {
    let (n, p, m) = (design.rows(), design.count(), mean.len() / design.rows());
    let of = |i: usize| weight.map_or(1.0, |w| w[i]);
    let Quadratics { w, h } = quadratics;
    let rest = Mat::from_fn(n, m, |i, t| {
        let at = t * n + i;
        of(i) * (h[at] - w[at] * mean[at])
    });
    let curvature = Mat::from_fn(n, m, |i, t| of(i) * of(i) * w[t * n + i]);
    let mut scores = FLOORS.map(|_| Vec::with_capacity(p));
    let (mut effects, mut squares) = (vec![0.0; p * m], vec![0.0; p * m]);
    for start in (0..p).step_by(BLOCK) {
        let width = BLOCK.min(p - start);
        let block = &design.values()[start * n..(start + width) * n];
        let x = MatRef::from_column_major_slice(block, n, width);
        let squared = Mat::from_fn(n, width, |i, j| x[(i, j)] * x[(i, j)]);
        let (mut b, mut d) = (Mat::<f64>::zeros(width, m), Mat::<f64>::zeros(width, m));
        matmul(b.as_mut(), Accum::Replace, x.transpose(), rest.as_ref(), 1.0, Par::Seq);
        matmul(d.as_mut(), Accum::Replace, squared.transpose(), curvature.as_ref(), 1.0, Par::Seq);
        for j in 0..width {
            for t in 0..m {
                let (b, d, at) = (b[(j, t)], d[(j, t)], (start + j) * m + t);
                if d > 0.0 {
                    (effects[at], squares[at]) = (b / d, b * b / d);
                }
            }
            let own = (start + j) * m..(start + j + 1) * m;
            for (floor, scores) in FLOORS.into_iter().zip(&mut scores) {
                let gain = |side: f64, effect: f64, square: f64| {
                    if side * effect >= 0.0 { (square - floor).max(0.0) } else { 0.0 }
                };
                let side = |side: f64| -> f64 {
                    let cells = effects[own.clone()].iter().zip(&squares[own.clone()]);
                    cells.map(|(&e, &z)| gain(side, e, z)).sum()
                };
                let score = match sign {
                    Sign::Any => side(1.0) + side(-1.0),
                    Sign::Positive => side(1.0).max(side(-1.0)),
                };
                scores.push((score, start + j));
            }
        }
    }
    let mut seeds = Vec::new();
    for (floor, scores) in FLOORS.into_iter().zip(&mut scores) {
        for j in apart(design, scores, count) {
            let cells = effects[j * m..(j + 1) * m].iter().zip(&squares[j * m..(j + 1) * m]);
            let kept = |(&e, &z): (&f64, &f64)| if floor > 1.0 && z < floor { 0.0 } else { e };
            let kept: Vec<f64> = cells.map(kept).collect();
            seeds.extend(Seed::from_loadings(&kept, sign, Vec::new()));
        }
    }
    seeds
}

/// The predictors with the best scores, one from each group in linkage disequilibrium.
fn apart(design: &Dense<'_>, scores: &mut [(f64, usize)], count: usize) -> Vec<usize> {
    scores.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut chosen: Vec<usize> = Vec::new();
    for &(score, j) in scores.iter() {
        if chosen.len() == count || score <= 0.0 {
            break;
        }
        if chosen.iter().all(|&c| squared_correlation(design.column(c), design.column(j)) < SAME) {
            chosen.push(j);
        }
    }
    chosen
}

impl Seed {
    /// Scale the loadings to mean square one; none if they are all zero.
    pub fn from_loadings(loadings: &[f64], sign: Sign, values: Vec<f64>) -> Option<Self> {
        let mut loadings = loadings.to_vec();
        if sign == Sign::Positive {
            let side = |s: f64| loadings.iter().map(|v| (s * v).max(0.0).powi(2)).sum::<f64>();
            let s = if side(1.0) >= side(-1.0) { 1.0 } else { -1.0 };
            loadings.iter_mut().for_each(|v| *v = (s * *v).max(0.0));
        }
        let square = loadings.iter().map(|v| v * v).sum::<f64>() / loadings.len() as f64;
        let scale = square.sqrt();
        if scale == 0.0 || !scale.is_finite() {
            return None;
        }
        loadings.iter_mut().for_each(|v| *v /= scale);
        Some(Self { loadings, scale, values })
    }
}

fn squared_correlation(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len() as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (a, b) in x.iter().zip(y) {
        xx += (a - mx) * (a - mx);
        yy += (b - my) * (b - my);
        xy += (a - mx) * (b - my);
    }
    if xx * yy > 0.0 { xy * xy / (xx * yy) } else { 0.0 }
}

/// Rounds of alternating weighted least squares.
const ROUNDS: usize = 30;

/// The leading rank-one approximation of the residuals, observed cells only.
pub fn direction(
    n: usize,
    weight: Option<&[f64]>,
    quadratics: &Quadratics,
    mean: &[f64],
    sign: Sign,
) -> Vec<Seed> {
    let m = mean.len() / n;
    let of = |i: usize| weight.map_or(1.0, |w| w[i]);
    let Quadratics { w, h } = quadratics;
    let rest = |at: usize| h[at] - w[at] * mean[at];
    // Start from the outcome with most of the residual sum of squares: no random numbers.
    let energy = |t: usize| -> f64 {
        (t * n..(t + 1) * n)
            .map(|at| if w[at] > 0.0 { rest(at).powi(2) / w[at] } else { 0.0 })
            .sum()
    };
    let best = (0..m).fold((0, -1.0), |best, t| {
        let e = energy(t);
        if e > best.1 { (t, e) } else { best }
    });
    let mut loadings = vec![0.0; m];
    loadings[best.0] = 1.0;
    let mut values = vec![0.0; n];
    for _ in 0..ROUNDS {
        for i in 0..n {
            let (mut b, mut d) = (0.0, 0.0);
            for (t, &v) in loadings.iter().enumerate() {
                b += of(i) * v * rest(t * n + i);
                d += (of(i) * v).powi(2) * w[t * n + i];
            }
            values[i] = if d > 0.0 { b / d } else { 0.0 };
        }
        for (t, v) in loadings.iter_mut().enumerate() {
            let (mut b, mut d) = (0.0, 0.0);
            for i in 0..n {
                b += of(i) * values[i] * rest(t * n + i);
                d += (of(i) * values[i]).powi(2) * w[t * n + i];
            }
            *v = if d > 0.0 { b / d } else { 0.0 };
        }
        let scale = (loadings.iter().map(|v| v * v).sum::<f64>() / m as f64).sqrt();
        if scale > 0.0 {
            loadings.iter_mut().for_each(|v| *v /= scale);
            values.iter_mut().for_each(|g| *g *= scale);
        }
    }
    if sign == Sign::Positive {
        let side = |s: f64| loadings.iter().map(|v| (s * v).max(0.0).powi(2)).sum::<f64>();
        if side(-1.0) > side(1.0) {
            values.iter_mut().for_each(|g| *g = -*g);
        }
    }
    Seed::from_loadings(&loadings, sign, values).into_iter().collect()
}
