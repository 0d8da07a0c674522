//! Units that share their noise: everything but two passes over the effects is done once per
//! component.
//!
//! With `LL' = T` over the observed conditions, `P = L^{-1}` (with zero columns for missing ones)
//! gives `T^{-1} = P'P`, so that for `r = x - m`
//! ```text
//!   log N(x; m, T) = constant - |Pr|^2 / 2,    A = q P'P,    C = P'P (sum q_j r_j r_j') P'P.
//! ```

use faer::{Mat, MatRef};

use super::super::Mixture;
use super::Sums;
use super::components::Component;
use crate::linalg::cross::Packed;
use crate::linalg::lanes::Lanes;
use crate::linalg::psd;
use crate::normal_means::NormalMeans;
use crate::normal_means::problem::{GroupNoise, LOG_2_PI};

/// One component against one shared noise.
#[derive(Debug)]
pub struct Table {
    /// Rows of `P` in groups of four: `[group][condition][4]`; each group up to `ends`.
    rows: Vec<f64>,
    ends: Vec<usize>,
    /// `Pm`, padded.
    shift: Vec<f64>,
    /// `P'P`.
    precision: Mat<f64>,
    /// `log pi - 1/2 (n log 2 pi + log det T)`.
    constant: f64,
}

impl Table {
    /// For a group of shared noise; `None` where `T` is so nearly singular that digits would be lost.
    pub fn new(
        means: &NormalMeans,
        group: usize,
        mixture: &Mixture,
        component: &Component,
    ) -> Option<Self> {
        let group = &means.groups[group];
        let GroupNoise::Shared(noise) = &group.noise else { return None };
        let (n, r) = (noise.observed.len(), means.conditions);
        let at = |i: usize, c: usize| (noise.observed[i.max(c)], noise.observed[i.min(c)]);
        let u = &mixture.covariances[component.k];
        let mut v = vec![0.0; r * r];
        means.v.lower(means.row(group.range.start), means.units, r, &mut v);
        let s = |i: usize| means.s[i * means.units + group.range.start];
        let t = Mat::from_fn(n, n, |i, c| {
            let (i, c) = at(i, c);
            s(i) * s(c) * v[i * r + c] + u[(i, c)]
        });
        let (l, log_det) = psd::whitener(t.as_ref())?;
        if !psd::trusted(t.as_ref(), l.as_ref()) {
            return None;
        }
        let mut p = Mat::zeros(n, r);
        for (c, &condition) in noise.observed.iter().enumerate() {
            for i in c..n {
                p[(i, condition)] = l[(i, c)];
            }
        }
        let constant = component.log_weight - 0.5 * (n as f64 * LOG_2_PI + log_det);
        let mut shift = vec![0.0; n.next_multiple_of(4)];
        if let Some(mean) = &component.mean {
            for (i, shift) in shift[..n].iter_mut().enumerate() {
                *shift = (0..r).map(|c| p[(i, c)] * mean[c]).sum();
            }
        }
        let precision = p.transpose() * &p;
        let (rows, ends) = pack(p.as_ref(), &noise.observed);
        Some(Self { rows, ends, shift, precision, constant })
    }

    /// Logarithms of weighted densities of packed effects into `out`. The number of groups of lanes
    /// must be a multiple of `T`.
    #[inline(always)]
    pub fn log_densities<V: Lanes, const T: usize>(&self, x: &Packed<V>, out: &mut [f64]) {
        let zero = V::splat(0.0);
        let np = x.values.len() / x.groups.max(1);
        for first in (0..x.groups).step_by(T) {
            let mut sum = [zero; T];
            let blocks = self.rows.chunks_exact((4 * np).max(1)).zip(&self.ends);
            for ((rows, &end), shift) in blocks.zip(self.shift.chunks_exact(4)) {
                let mut acc = [[zero; T]; 4];
                for c in 0..4 {
                    acc[c] = [V::splat(-shift[c]); T];
                }
                for (pb, rows) in rows[..4 * end].chunks_exact(16).enumerate() {
                    let at = 4 * (pb * x.groups + first);
                    let x = &x.values[at..at + 4 * T];
                    for (q, p) in rows.chunks_exact(4).enumerate() {
                        for c in 0..4 {
                            let p = V::splat(p[c]);
                            for t in 0..T {
                                acc[c][t] = x[4 * t + q].mul_add(p, acc[c][t]);
                            }
                        }
                    }
                }
                for c in 0..4 {
                    for t in 0..T {
                        sum[t] = acc[c][t].mul_add(acc[c][t], sum[t]);
                    }
                }
            }
            for (t, sum) in sum.iter().enumerate() {
                let log = V::splat(-0.5).mul_add(*sum, V::splat(self.constant));
                log.store(&mut out[(first + t) * V::N..]);
            }
        }
    }

    /// The sums of the definition from those of `r r'` and `r`.
    pub fn finish(&self, raw: &Sums) -> Sums {
        let p = &self.precision;
        let y = (0..raw.y.len()).map(|i| (0..raw.y.len()).map(|c| p[(i, c)] * raw.y[c]).sum());
        Sums { q: raw.q, a: p * faer::Scale(raw.q), c: p * &raw.c * p, y: y.collect() }
    }
}

/// Rows in groups of four, `[group][condition][4]`, padded with zeros, and where each group ends
/// (row `i` reaches to the i-th observed condition), as whole blocks of four.
fn pack(p: MatRef<'_, f64>, observed: &[usize]) -> (Vec<f64>, Vec<usize>) {
    let (n, np) = (p.nrows(), p.ncols().next_multiple_of(4));
    let groups = n.div_ceil(4);
    let mut rows = vec![0.0; groups * np * 4];
    for i in 0..n {
        for c in 0..p.ncols() {
            rows[(i / 4 * np + c) * 4 + i % 4] = p[(i, c)];
        }
    }
    let end = |g: usize| (observed[(4 * g + 3).min(n - 1)] + 1).next_multiple_of(4);
    (rows, (0..groups).map(end).collect())
}
