//! Observations that are linear functions of the effects: `x_j ~ N(R_j b_j, N_j)`, unit by unit.
//!
//! With `LL' = T_j`, `H = L^{-1}R_j` and `z = L^{-1}(x_j - R_j m)`, a unit adds `q H'H` to A, and
//! `q yy'` to C, with `y = H'z`.

use super::{Error, Part, Sums};
use crate::Monitor;
use crate::deconvolution::Mixture;
use crate::linalg::scalar::log_sum_exp;
use crate::normal_means::problem::{Block, LOG_2_PI};

/// The covariance of the noise of a unit, `n` by `n`. It may be singular if that of the observation
/// is not.
#[derive(Debug, Clone, Copy)]
pub enum Noise<'a> {
    /// Variances, J by n, by columns.
    Diagonal(&'a [f64]),
    /// The same for all units, by columns.
    Common(&'a [f64]),
    /// One for each unit: n by n by J.
    PerUnit(&'a [f64]),
}

/// The linear map from the effects of a unit to its observations.
#[derive(Debug, Clone, Copy)]
pub enum Map<'a> {
    /// The effects themselves.
    Identity,
    /// The same for all units: n by R, by columns.
    Common(&'a [f64]),
    /// One for each unit: n by R by J.
    PerUnit(&'a [f64]),
}

/// Observations of linear functions of R effects.
#[derive(Debug, Clone, Copy)]
pub struct Projected<'a> {
    /// The number of units, J.
    pub units: usize,
    /// The number of observations of a unit, n.
    pub observations: usize,
    /// The number of effects, R.
    pub effects: usize,
    /// Observations, J by n, by columns; NaN where missing.
    pub x: &'a [f64],
    /// Their noise.
    pub noise: Noise<'a>,
    /// What they are of the effects.
    pub map: Map<'a>,
}

impl Projected<'_> {
    /// The number of effects of a unit.
    pub fn dimension(&self) -> usize {
        self.effects
    }

    /// Shapes and values.
    pub fn check(&self) -> Result<(), Error> {
        let (j, n, d) = (self.units, self.observations, self.effects);
        let check = |name, expected, values: &[f64], missing: bool| {
            if values.len() != expected {
                return Err(Error::Shape { name, expected, found: values.len() });
            }
            let bad = values.iter().any(|v| v.is_infinite() || (!missing && v.is_nan()));
            let why = "must be finite".to_string();
            if bad { Err(Error::Value { name, why }) } else { Ok(()) }
        };
        check("x", j * n, self.x, true)?;
        match self.noise {
            Noise::Diagonal(v) => check("noise", j * n, v, false)?,
            Noise::Common(v) => check("noise", n * n, v, false)?,
            Noise::PerUnit(v) => check("noise", n * n * j, v, false)?,
        }
        match self.map {
            Map::Identity if n == d => Ok(()),
            Map::Identity => Err(Error::Shape { name: "projection", expected: d, found: n }),
            Map::Common(r) => check("projection", n * d, r, false),
            Map::PerUnit(r) => check("projection", n * d * j, r, false),
        }
    }

    fn noise(&self, unit: usize, i: usize, p: usize) -> f64 {
        let n = self.observations;
        match self.noise {
            Noise::Diagonal(v) if i == p => v[i * self.units + unit],
            Noise::Diagonal(_) => 0.0,
            Noise::Common(v) => v[p * n + i],
            Noise::PerUnit(v) => v[(unit * n + p) * n + i],
        }
    }

    fn map(&self, unit: usize, i: usize, c: usize) -> f64 {
        let (n, d) = (self.observations, self.effects);
        match self.map {
            Map::Identity => f64::from(u8::from(i == c)),
            Map::Common(r) => r[c * n + i],
            Map::PerUnit(r) => r[(unit * d + c) * n + i],
        }
    }
}

/// What a unit adds under one component.
#[derive(Clone)]
struct Found {
    log: f64,
    /// `H`, by rows.
    h: Vec<f64>,
    y: Vec<f64>,
}

/// The sums of some blocks of units.
pub(super) fn chunk(
    problem: &Projected,
    blocks: &[Block],
    weights: Option<&[f64]>,
    mixture: &Mixture,
    monitor: &Monitor,
) -> Result<Part, Error> {
    let d = problem.effects;
    let mut part = Part { sums: vec![Sums::zero(d); mixture.len()], raw: vec![], loglik: 0.0 };
    let used: Vec<usize> = (0..mixture.len()).filter(|&k| mixture.weights[k] > 0.0).collect();
    for block in blocks {
        let mut loglik = 0.0;
        for unit in block.range.clone() {
            monitor.advance(1)?;
            let weight = weights.map_or(1.0, |w| w[unit]);
            let at = |i: &usize| !problem.x[i * problem.units + unit].is_nan();
            let observed: Vec<usize> = (0..problem.observations).filter(at).collect();
            let mut found = Vec::with_capacity(used.len());
            for &k in &used {
                let one = density(problem, unit, &observed, mixture, k);
                found.push(one.ok_or(Error::SingularNoise { unit })?);
            }
            let total = log_sum_exp(found.iter().map(|f| f.log));
            loglik += weight * total;
            for (&k, found) in used.iter().zip(&found) {
                let q = weight * (found.log - total).exp();
                add(&mut part.sums[k], q, found);
            }
        }
        part.loglik += loglik;
    }
    for sums in &mut part.sums {
        for i in 0..d {
            for c in 0..i {
                sums.a[(c, i)] = sums.a[(i, c)];
                sums.c[(c, i)] = sums.c[(i, c)];
            }
        }
    }
    Ok(part)
}

/// The lower triangles only.
fn add(sums: &mut Sums, q: f64, found: &Found) {
    sums.q += q;
    if q == 0.0 {
        return;
    }
    let d = found.y.len();
    for c in 0..d {
        sums.y[c] += q * found.y[c];
        for i in c..d {
            sums.c[(i, c)] += q * found.y[i] * found.y[c];
        }
    }
    for row in found.h.chunks_exact(d.max(1)) {
        for c in 0..d {
            for i in c..d {
                sums.a[(i, c)] += q * row[i] * row[c];
            }
        }
    }
}

/// `None` if the covariance of the observation is not positive definite.
fn density(
    problem: &Projected,
    unit: usize,
    observed: &[usize],
    mixture: &Mixture,
    k: usize,
) -> Option<Found> {
    let (n, d) = (observed.len(), problem.effects);
    let u = &mixture.covariances[k];
    let mut h = vec![0.0; n * d];
    for (row, &i) in h.chunks_exact_mut(d.max(1)).zip(observed) {
        row.iter_mut().enumerate().for_each(|(c, h)| *h = problem.map(unit, i, c));
    }
    let mut z: Vec<f64> = observed.iter().map(|i| problem.x[i * problem.units + unit]).collect();
    if let Some(mean) = mixture.mean(k) {
        for (z, row) in z.iter_mut().zip(h.chunks_exact(d.max(1))) {
            *z -= row.iter().zip(mean).map(|(a, b)| a * b).sum::<f64>();
        }
    }
    // T, then its Cholesky factor, by rows.
    let mut t = vec![0.0; n * n];
    let mut ru = vec![0.0; d];
    for i in 0..n {
        for (c, ru) in ru.iter_mut().enumerate() {
            *ru = (0..d).map(|e| h[i * d + e] * u[(e, c)]).sum();
        }
        for p in 0..=i {
            let prior: f64 = ru.iter().zip(&h[p * d..(p + 1) * d]).map(|(a, b)| a * b).sum();
            t[i * n + p] = problem.noise(unit, observed[i], observed[p]) + prior;
        }
    }
    let mut log = mixture.weights[k].ln() - 0.5 * n as f64 * LOG_2_PI;
    for i in 0..n {
        for p in 0..=i {
            let dot: f64 = (0..p).map(|q| t[i * n + q] * t[p * n + q]).sum();
            let value = t[i * n + p] - dot;
            if p < i {
                t[i * n + p] = value / t[p * n + p];
            } else if value > f64::MIN_POSITIVE {
                t[i * n + i] = value.sqrt();
            } else {
                return None;
            }
        }
        let pivot = t[i * n + i];
        for q in 0..i {
            let l = t[i * n + q];
            z[i] -= l * z[q];
            for c in 0..d {
                h[i * d + c] -= l * h[q * d + c];
            }
        }
        z[i] /= pivot;
        h[i * d..(i + 1) * d].iter_mut().for_each(|h| *h /= pivot);
        log -= pivot.ln() + 0.5 * z[i] * z[i];
    }
    let y = (0..d).map(|c| (0..n).map(|i| h[i * d + c] * z[i]).sum()).collect();
    log.is_finite().then_some(Found { log, h, y })
}
