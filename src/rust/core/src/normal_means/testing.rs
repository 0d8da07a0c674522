//! Problems of every kind, and dense slow answers to them, for the tests of this module.

#![allow(missing_docs)] // the fields are the notation of the package

use super::{Correlation, Data};
use crate::Prior;
use crate::testing::{random, solve};

/// A small problem: the data, and a prior with one matrix of each kind.
pub struct Case {
    pub name: String,
    pub j: usize,
    pub r: usize,
    pub x: Vec<f64>,
    pub s: Vec<f64>,
    pub v: Option<Vec<f64>>,
    pub matrices: Vec<Vec<f64>>,
    pub grid: Vec<f64>,
}

fn gram(r: usize, rank: usize, seed: u64) -> Vec<f64> {
    let f = random(seed, r * rank);
    let dot = |k: usize| (0..rank).map(|c| f[c * r + k % r] * f[c * r + k / r]).sum();
    (0..r * r).map(dot).collect()
}

fn correlation(r: usize, seed: u64) -> Vec<f64> {
    let g = gram(r, 2, seed);
    let d: Vec<f64> = (0..r).map(|i| (1.0 + g[i * (r + 1)]).sqrt()).collect();
    (0..r * r).map(|k| if k % r == k / r { 1.0 } else { g[k] / (d[k % r] * d[k / r]) }).collect()
}

/// Matrices of every kind: identity, singleton, all ones, zero, rank one with zero rows, low rank,
/// full rank.
fn matrices(r: usize) -> Vec<Vec<f64>> {
    let identity = (0..r * r).map(|k| f64::from(u8::from(k % r == k / r))).collect();
    let singleton = (0..r * r).map(|k| if k == (r - 1) * (r + 1) { 2.0 } else { 0.0 }).collect();
    let holed: Vec<f64> = (0..r).map(|i| if i % 2 == 0 { 1.0 + i as f64 } else { 0.0 }).collect();
    let mut all = vec![
        identity,
        singleton,
        vec![1.0; r * r],
        vec![0.0; r * r],
        (0..r * r).map(|k| holed[k % r] * holed[k / r]).collect(),
        gram(r, 1, 11),
        gram(r, r + 2, 12),
    ];
    if r > 3 {
        all.push(gram(r, 2, 13));
        all.push(gram(r, r - 2, 14));
    }
    all
}

/// Problems for every path: shared, diagonal, common and own noise, missing cells, odd sizes.
pub fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    for (r, j) in [(1, 9), (2, 7), (3, 9), (5, 13), (7, 1), (12, 9), (21, 10), (44, 9), (45, 3)] {
        for kind in
            ["shared", "diagonal", "scaled", "own", "missing", "patterns", "missing I", "lone"]
        {
            let j = if kind == "patterns" { j + 3 * (16 + r) } else { j };
            let seed = (r * 100 + j) as u64;
            let mut x: Vec<f64> = random(seed, j * r).iter().map(|v| 4.0 * v).collect();
            let mut s: Vec<f64> = random(seed + 1, j * r).iter().map(|v| (0.6 * v).exp()).collect();
            if ["shared", "patterns", "lone"].contains(&kind) {
                for i in 0..r {
                    s[i * j..(i + 1) * j].fill(0.5 + i as f64 * 0.1);
                }
            }
            x[0] *= 100.0;
            for unit in 0..j {
                for i in 0..r {
                    let gone = match kind {
                        "missing" | "missing I" => (unit * 7 + i * 3) % 5 == 0,
                        "lone" => i > 0,
                        "patterns" => unit % 4 != 0 && (i + unit % 2) % 3 == 0,
                        _ => false,
                    };
                    if gone {
                        x[i * j + unit] = f64::NAN;
                    }
                }
            }
            let v = match kind {
                "diagonal" | "missing I" => None,
                "own" => Some((0..j).flat_map(|unit| correlation(r, unit as u64)).collect()),
                _ => Some(correlation(r, 5)),
            };
            let (matrices, grid) = (matrices(r), vec![0.0, 0.03, 0.4, 1.7, 6.0]);
            out.push(Case { name: format!("{kind} R = {r}"), j, r, x, s, v, matrices, grid });
        }
    }
    out
}

impl Case {
    pub fn data(&self) -> Data<'_> {
        Data { units: self.j, conditions: self.r, x: &self.x, s: &self.s, v: self.correlation() }
    }

    /// Something to multiply effects by, cell by cell.
    pub fn scale(&self, seed: u64) -> Vec<f64> {
        random(seed, self.j * self.r).iter().map(|v| 1.5 + v).collect()
    }

    pub fn prior(&self) -> Prior {
        let named: Vec<_> = self.matrices.iter().map(|m| ("U", &m[..])).collect();
        Prior::new(self.r, &named, &self.grid, true).unwrap()
    }

    pub fn correlation(&self) -> Correlation<'_> {
        match &self.v {
            None => Correlation::Identity,
            Some(v) if v.len() == self.r * self.r => Correlation::Common(v),
            Some(v) => Correlation::PerUnit(v),
        }
    }

    /// The observed conditions of a unit.
    pub fn observed(&self, unit: usize) -> Vec<usize> {
        (0..self.r).filter(|i| !self.x[i * self.j + unit].is_nan()).collect()
    }

    /// Entry of the noise covariance of a unit.
    pub fn noise(&self, unit: usize, i: usize, p: usize) -> f64 {
        let r = self.r;
        let v = match &self.v {
            None => f64::from(u8::from(i == p)),
            Some(v) if v.len() == r * r => v[p * r + i],
            Some(v) => v[unit * r * r + p * r + i],
        };
        self.s[i * self.j + unit] * self.s[p * self.j + unit] * v
    }

    /// Entry of the prior covariance of a component.
    pub fn covariance(&self, component: Option<(usize, usize)>, i: usize, p: usize) -> f64 {
        component.map_or(0.0, |(k, l)| self.grid[l].powi(2) * self.matrices[k][p * self.r + i])
    }
}

/// `log N(x; 0, noise + prior)` over the observed cells, densely.
pub fn slow_log_density(case: &Case, unit: usize, component: Option<(usize, usize)>) -> f64 {
    let at = case.observed(unit);
    let n = at.len();
    let total = |k: usize| {
        let (i, p) = (at[k / n], at[k % n]);
        case.noise(unit, i, p) + case.covariance(component, i, p)
    };
    let mut a: Vec<f64> = (0..n * n).map(total).collect();
    let x: Vec<f64> = at.iter().map(|i| case.x[i * case.j + unit]).collect();
    let mut y = x.clone();
    let log_det = solve(n, &mut a, 1, &mut y);
    let quad: f64 = x.iter().zip(&y).map(|(a, b)| a * b).sum();
    -0.5 * (n as f64 * (2.0 * std::f64::consts::PI).ln() + log_det + quad)
}
