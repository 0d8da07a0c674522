//! Posterior moments under `b = F a, a ~ N(0, w I)` with a noise of its own for every unit.
//!
//! With the whitened factor `M = W F`, `G = M'M` and `h = M'z` (shared by all scales `w`), and
//! `I + wG = LL'`, condition `i` with row `f` of `F` has
//! ```text
//! y = L^{-1} f,   u = L^{-1} h,   mean = w y'u,   var = w y'y
//! ```
//! a sum of squares: never negative, and no inverse of a prior matrix. Missing cells are zero rows of
//! `M`, and need nothing more.

use super::component::{Packed, triangle};
use crate::linalg::blocks::subtract_product;
use crate::linalg::cholesky::{factor, forward, offset, packed_len, panel};
use crate::linalg::lanes::Lanes;

/// Workspace for one component at a time.
pub struct Elimination<V> {
    gram: Vec<V>,
    h: Vec<V>,
    l: Vec<V>,
    reciprocal: Vec<V>,
    u: Vec<V>,
    /// `Y = L^{-1} F'` for a group of four conditions, row by row; for all groups if covariances are
    /// wanted.
    y: Vec<V>,
    keep: bool,
}

impl<V: Lanes> Elimination<V> {
    /// For components of up to `rank` columns and `conditions` rows, with covariances or not.
    pub fn new(conditions: usize, rank: usize, covariance: bool) -> Self {
        let n = rank.div_ceil(4) * 4;
        let groups = if covariance { conditions.div_ceil(4) } else { 1 };
        let of = |len: usize| vec![V::splat(0.0); len];
        Self {
            gram: of(packed_len(n)),
            h: of(n),
            l: of(packed_len(n)),
            reciprocal: of(n),
            u: of(n),
            y: of(n * groups * 4),
            keep: covariance,
        }
    }

    /// `G = M'M` and `h = M'z`, columns in reverse. `m` is by rows of `columns` entries (a multiple of
    /// four), `m[i][c] = 0` for `c > i`; `z` may be longer than `m` has rows.
    #[inline(always)]
    pub fn prepare(&mut self, columns: usize, m: &[V], z: &[V]) {
        let blocks = columns / 4;
        for ib in 0..blocks {
            let low = 4 * (blocks - 1 - ib);
            for jb in 0..=ib {
                let high = 4 * (blocks - 1 - jb); // high >= low: rows above `high` are zero there
                let mut acc = [[V::splat(0.0); 4]; 4]; // acc[c][r], of reversed row r and column c
                for row in m[high * columns..].chunks_exact(columns) {
                    let (x, y) = (&row[low..low + 4], &row[high..high + 4]);
                    for c in 0..4 {
                        for r in 0..4 {
                            acc[c][r] = x[3 - r].mul_add(y[3 - c], acc[c][r]);
                        }
                    }
                }
                let block = &mut self.gram[panel(ib) + 16 * jb..][..16];
                for c in 0..4 {
                    block[4 * c..4 * c + 4].copy_from_slice(&acc[c]);
                }
            }
            let mut acc = [V::splat(0.0); 4];
            for (row, &z) in m[low * columns..].chunks_exact(columns).zip(&z[low..]) {
                let x = &row[low..low + 4];
                for r in 0..4 {
                    acc[r] = x[3 - r].mul_add(z, acc[r]);
                }
            }
            self.h[4 * ib..4 * ib + 4].copy_from_slice(&acc);
        }
    }

    /// Factor `I + wG` and solve for `u`.
    #[inline(always)]
    pub fn factor(&mut self, columns: usize, w: f64) {
        let len = packed_len(columns);
        let scale = V::splat(w);
        for (l, &g) in self.l[..len].iter_mut().zip(&self.gram[..len]) {
            *l = scale * g;
        }
        for ib in 0..columns / 4 {
            for c in 0..4 {
                let at = panel(ib) + 16 * ib + 5 * c;
                self.l[at] = scale.mul_add(self.gram[at], V::splat(1.0));
            }
        }
        factor(columns, &mut self.l[..len], &mut self.reciprocal[..columns]);
        self.u[..columns].copy_from_slice(&self.h[..columns]);
        forward(columns, &self.l[..len], &self.reciprocal[..columns], &mut self.u[..columns]);
    }

    /// The largest diagonal element of `G` in the lanes, after [`prepare`](Self::prepare); infinite where
    /// one is no number. Pivots of `I + wG` are one at least, so `1 + w` times this bounds the ratio of
    /// an element to its pivot.
    #[inline(always)]
    pub fn largest(&self, columns: usize) -> f64 {
        let (mut most, mut sum) = (V::splat(0.0), V::splat(0.0));
        for i in 0..columns {
            let g = self.gram[offset(i, i)];
            (most, sum) = (g.max(most), sum + g);
        }
        let (most, sum) = (most.to_array(), sum.to_array());
        let lanes = most[..V::N].iter().zip(&sum);
        lanes.map(|(g, sum)| if sum.is_finite() { *g } else { f64::INFINITY }).fold(0.0, f64::max)
    }

    /// After [`factor`](Self::factor): negative where a diagonal element of `I + wG` over its pivot is
    /// above `limit`, so that so many digits were lost.
    #[inline(always)]
    pub fn trust(&self, columns: usize, w: f64, limit: V) -> V {
        let (mut least, mut sum) = (limit, V::splat(0.0));
        for i in 0..columns {
            let diagonal = V::splat(w).mul_add(self.gram[offset(i, i)], V::splat(1.0));
            let d = self.reciprocal[i];
            let left = (d * d).neg_mul_add(diagonal, limit);
            (least, sum) = (left.min(least), sum + left);
        }
        // What is no number passes the comparison, but not the sum.
        sum.mul_add(V::splat(0.0), least)
    }

    /// Mean and variance of the conditions in the support, in its order (padded to fours).
    #[inline(always)]
    pub fn moments(&mut self, of: &Packed, w: f64, mean: &mut [V], variance: &mut [V]) {
        let n = of.columns;
        for group in 0..of.groups() {
            let f = &of.values[group * 4 * n..(group + 1) * 4 * n];
            let at = if self.keep { group * 4 * n } else { 0 };
            let y = &mut self.y[at..at + 4 * n];
            let first = of.first[group];
            let (mut dot, mut square) = ([V::splat(0.0); 4], [V::splat(0.0); 4]);
            for ib in first..n / 4 {
                let row = &self.l[panel(ib)..panel(ib + 1)];
                let (done, now) = y.split_at_mut(16 * ib);
                let mut acc = [[V::splat(0.0); 4]; 4]; // acc[c][r] of condition c, row r
                for (r, f) in f[16 * ib..16 * ib + 16].chunks_exact(4).enumerate() {
                    for c in 0..4 {
                        acc[c][r] = V::splat(f[c]);
                    }
                }
                subtract_product(&mut acc, &done[16 * first..], &row[16 * first..16 * ib]);
                let diagonal = &row[16 * ib..16 * ib + 16];
                let d = &self.reciprocal[4 * ib..4 * ib + 4];
                let u = &self.u[4 * ib..4 * ib + 4];
                let now = &mut now[..16];
                for r in 0..4 {
                    for c in 0..4 {
                        let mut t = acc[c][r];
                        for q in 0..r {
                            t = diagonal[4 * q + r].neg_mul_add(acc[c][q], t);
                        }
                        t = t * d[r];
                        acc[c][r] = t;
                        dot[c] = t.mul_add(u[r], dot[c]);
                        square[c] = t.mul_add(t, square[c]);
                        now[4 * r + c] = t;
                    }
                }
            }
            let w = V::splat(w);
            for c in 0..4 {
                mean[4 * group + c] = w * dot[c];
                variance[4 * group + c] = w * square[c];
            }
        }
    }

    /// Entry `c` of row `at` of `Y' = F L^{-T}`, a square root of the covariance over `w`, after
    /// [`moments`](Self::moments) of an elimination that keeps covariances. Columns are in reverse.
    #[inline(always)]
    pub fn root(&self, of: &Packed, at: usize, c: usize) -> V {
        let group = at / 4;
        if c < 4 * of.first[group] {
            return V::splat(0.0);
        }
        self.y[(group * of.columns + c) * 4 + at % 4]
    }

    /// The covariance `w Y'Y` after [`moments`](Self::moments), into the lower triangle by rows of a
    /// matrix over all conditions; entries outside the support are left alone.
    #[inline(always)]
    pub fn covariance(&self, of: &Packed, w: f64, out: &mut [V]) {
        let n = of.columns;
        let panel_of = |group: usize| &self.y[group * 4 * n + 16 * of.first[group]..][..];
        for a in 0..of.groups() {
            for b in 0..=a {
                let first = of.first[a].max(of.first[b]);
                let skip = |group: usize| 16 * (first - of.first[group]);
                let len = 4 * n - 16 * first;
                let (x, y) = (&panel_of(a)[skip(a)..][..len], &panel_of(b)[skip(b)..][..len]);
                let mut acc = [[V::splat(0.0); 4]; 4];
                subtract_product(&mut acc, y, x); // minus the product
                for (c, i) in (4 * a..4 * a + 4).enumerate().take(of.support.len() - 4 * a) {
                    for (d, p) in (4 * b..4 * b + 4).enumerate().take_while(|(_, p)| *p <= i) {
                        let at = triangle(of.support[i], of.support[p]);
                        out[at] = acc[d][c] * V::splat(-w);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
