//! Units with differing noise, whitened in SIMD lanes: one unit per lane.
//!
//! `W = L^{-1} diag(1 / s)` where `LL'` is the correlation of the observed cells, with the rows and
//! columns of missing cells zero. Per unit and prior matrix, `M = WF` costs up to `R^3 / 3`; `M'M` and
//! `MM'` cost `R r^2` and `R^3 / 3`.

use super::correlation::{CommonCorrelation, Whitener as OfV};
use super::problem::{GroupNoise, LOG_2_PI, NormalMeans};
use crate::linalg::cholesky;
use crate::linalg::gram::outer_gram;
use crate::linalg::inverse::invert_rows;
use crate::linalg::lanes::{Lanes, MAX_LANES};
use crate::linalg::psd::Factor;
use crate::linalg::special::log_split;
use crate::linalg::tridiagonal::{entry, padded, panel_len, panel_offset};

/// A factor by rows, with rows and columns padded by zeros to whole blocks of four.
#[derive(Debug, Clone)]
pub struct PackedFactor {
    /// The rank before padding.
    pub rank: usize,
    /// Padded rank.
    pub columns: usize,
    values: Vec<f64>,
    /// `FF'` by column panels of four rows, if it is near full rank.
    product: Vec<f64>,
}

impl PackedFactor {
    /// Pack one factor.
    pub fn new(factor: &Factor) -> Self {
        Self::beside(factor.rows, factor.rank, |i, c| factor.row(i)[c])
    }

    /// Pack several factors of rank one side by side.
    pub fn of_rank_ones(factors: &[&Factor]) -> Self {
        Self::beside(factors[0].rows, factors.len(), |i, c| factors[c].row(i)[0])
    }

    fn beside(rows: usize, rank: usize, value: impl Fn(usize, usize) -> f64) -> Self {
        let columns = padded(rank);
        let mut values = vec![0.0; padded(rows) * columns];
        for i in 0..rows {
            for c in 0..rank {
                values[i * columns + c] = value(i, c);
            }
        }
        let mut packed = Self { rank, columns, values, product: Vec::new() };
        if packed.near_full_rank(padded(rows)) {
            packed.product = packed.outer(padded(rows));
        }
        packed
    }

    /// Whether reducing `MM'` bordered by `z` is best: at full rank it loses nothing to cancellation,
    /// and near full rank it costs less than the two products with `M'`.
    #[inline(always)]
    pub fn near_full_rank(&self, np: usize) -> bool {
        4 * self.rank > 3 * np || self.columns == np
    }

    fn outer(&self, np: usize) -> Vec<f64> {
        let row = |i: usize| &self.values[i * self.columns..(i + 1) * self.columns];
        let mut out = vec![0.0; panel_len(np)];
        for c in 0..np {
            for i in 4 * (c / 4)..np {
                out[entry(np, i, c)] = row(i).iter().zip(row(c)).map(|(a, b)| a * b).sum();
            }
        }
        out
    }
}

/// How a batch gets `L^{-1}`.
enum Whitener<V> {
    /// The identity, after scaling by the reciprocal square roots of V held here.
    Diagonal(Vec<f64>),
    /// The same for all units: by rows of `np` entries, lower triangular.
    Common(Vec<f64>, f64),
    /// One for each lane, by rows, and scratch: the packed matrix, reciprocal pivots, and the inverse by panels.
    Own { inverse: Vec<V>, packed: Vec<V>, reciprocal: Vec<V>, panels: Vec<V> },
}

/// Up to `V::N` whitened units of one group.
pub struct Batch<V> {
    /// Rows padded to whole blocks of four.
    pub np: usize,
    /// `1 / s` (divided by the square root of a diagonal V); zero for missing cells and padding.
    pub reciprocal_s: Vec<V>,
    /// The whitened effects, `np` of them.
    pub z: Vec<V>,
    /// `z'z`.
    pub zz: V,
    /// `-1/2 (n log 2 pi + log det N)` over the observed cells.
    pub constant: V,
    /// Negative where V is so nearly singular that all of these have lost digits.
    pub fragile: V,
    whitener: Whitener<V>,
    scaled: Vec<V>,
    variances: Vec<V>,
}

impl<V: Lanes> Batch<V> {
    /// Room for units of a group that is not shared.
    #[inline(always)]
    pub fn new(means: &NormalMeans, noise: &GroupNoise) -> Self {
        let r = means.conditions;
        let np = padded(r);
        let zero = V::splat(0.0);
        let mut fragile = V::splat(1.0);
        let whitener = match (noise, &means.common) {
            (GroupNoise::Diagonal, CommonCorrelation::Diagonal(sd)) => {
                Whitener::Diagonal(sd.iter().map(|sd| 1.0 / sd).collect())
            }
            (GroupNoise::Scaled, CommonCorrelation::Full(OfV { inverse: w, log_det, trusted })) => {
                fragile = V::splat(if *trusted { 1.0 } else { -1.0 });
                let mut rows = vec![0.0; np * np];
                for i in 0..r {
                    for p in 0..=i {
                        rows[i * np + p] = w[(i, p)];
                    }
                }
                Whitener::Common(rows, *log_det)
            }
            _ => Whitener::Own {
                inverse: vec![zero; np * np],
                packed: vec![zero; cholesky::packed_len(r)],
                reciprocal: vec![zero; np],
                panels: vec![zero; panel_len(np)],
            },
        };
        Self {
            np,
            reciprocal_s: vec![zero; np],
            z: vec![zero; np],
            zz: zero,
            constant: zero,
            fragile,
            whitener,
            scaled: vec![zero; np * 4],
            variances: vec![zero; np],
        }
    }

    /// Take the units at these arranged positions, `1..=V::N` of them in any order; lanes that are
    /// left over repeat the last.
    #[inline(always)]
    pub fn load(&mut self, means: &NormalMeans, positions: &[usize]) {
        let (j, r) = (means.units, means.conditions);
        let one = V::splat(1.0);
        let (mut mantissa, mut exponent, mut count) = (one, V::splat(0.0), V::splat(0.0));
        let mut lanes = [0; MAX_LANES];
        for (lane, at) in lanes.iter_mut().enumerate() {
            *at = positions[lane.min(positions.len() - 1)];
        }
        let (mut x, mut s) = ([0.0; MAX_LANES], [0.0; MAX_LANES]);
        for i in 0..r {
            let (xs, ss) = (&means.x[i * j..(i + 1) * j], &means.s[i * j..(i + 1) * j]);
            for lane in 0..V::N {
                x[lane] = xs[lanes[lane]];
                s[lane] = ss[lanes[lane]];
            }
            let mut reciprocal = one.div(V::load(&s));
            if let Whitener::Diagonal(reciprocal_sd) = &self.whitener {
                reciprocal = reciprocal * V::splat(reciprocal_sd[i]);
            }
            self.reciprocal_s[i] = reciprocal;
            self.z[i] = V::load(&x) * reciprocal;
            // log s of the observed cells, as one logarithm of their product.
            let missing = reciprocal - V::splat(f64::MIN_POSITIVE);
            let (m, e) = missing.select_negative(one, reciprocal).split_exponent();
            let (m, carry) = (m * mantissa).split_exponent();
            mantissa = m;
            exponent = exponent + e + carry;
            count = count + missing.select_negative(V::splat(0.0), one);
        }
        let log_det_v = self.whiten_effects(means, &lanes);
        let half = V::splat(-0.5);
        self.constant = half
            .mul_add(count.mul_add(V::splat(LOG_2_PI), log_det_v), log_split(mantissa, exponent));
        let mut zz = [V::splat(0.0); 4];
        for z in self.z.chunks_exact(4) {
            for q in 0..4 {
                zz[q] = z[q].mul_add(z[q], zz[q]);
            }
        }
        self.zz = (zz[0] + zz[1]) + (zz[2] + zz[3]);
    }

    /// `z <- L^{-1} z`, finding `L^{-1}` first if it differs by unit. Returns `log det LL'`.
    #[inline(always)]
    fn whiten_effects(&mut self, means: &NormalMeans, lanes: &[usize; MAX_LANES]) -> V {
        let np = self.np;
        let zero = V::splat(0.0);
        match &mut self.whitener {
            Whitener::Diagonal(_) => zero,
            Whitener::Common(rows, log_det) => {
                for i in (0..np).rev() {
                    let mut t = zero;
                    for p in 0..=i {
                        t = V::splat(rows[i * np + p]).mul_add(self.z[p], t);
                    }
                    self.z[i] = t;
                }
                V::splat(*log_det)
            }
            Whitener::Own { inverse, packed, reciprocal, panels } => {
                let r = means.conditions;
                let mut v = vec![0.0; r * r * MAX_LANES];
                for (v, &at) in v.chunks_exact_mut((r * r).max(1)).zip(&lanes[..V::N]) {
                    means.v.lower(means.row(at), means.units, r, v);
                }
                let mut entry = [0.0; MAX_LANES];
                for i in 0..np {
                    for p in 0..=i {
                        for lane in 0..V::N {
                            let at = lanes[lane];
                            let both = i < r && means.observed(at, i) && means.observed(at, p);
                            entry[lane] = match both {
                                true => v[lane * r * r + i * r + p],
                                false => f64::from(u8::from(i == p)),
                            };
                        }
                        packed[cholesky::offset(i, p)] = V::load(&entry);
                    }
                }
                let mut worst = zero;
                for i in 0..r {
                    self.variances[i] = packed[cholesky::offset(i, i)];
                }
                let log_det = cholesky::factor(r, packed, reciprocal);
                for (&d, &variance) in reciprocal.iter().zip(&self.variances[..r]) {
                    worst = worst.max(d * d * variance);
                }
                self.fragile = V::splat(cholesky::TRUSTED) - worst;
                cholesky::forward(r, packed, reciprocal, &mut self.z);
                invert_rows(r, packed, reciprocal, inverse, panels);
                log_det
            }
        }
    }

    /// `M = WF` by rows of `factor.columns` entries into `m`. Entries above the trapezoid (column
    /// block beyond row block) are not written, and not read by the products below.
    #[inline(always)]
    pub fn whiten(&mut self, factor: &PackedFactor, m: &mut [V]) {
        let (np, columns) = (self.np, factor.columns);
        for c0 in (0..columns).step_by(4) {
            for p in c0..np {
                let f = &factor.values[p * columns + c0..p * columns + c0 + 4];
                for c in 0..4 {
                    self.scaled[4 * p + c] = self.reciprocal_s[p] * V::splat(f[c]);
                }
            }
            match &self.whitener {
                Whitener::Diagonal(_) => {
                    for p in c0..np {
                        let at = p * columns + c0;
                        m[at..at + 4].copy_from_slice(&self.scaled[4 * p..4 * p + 4]);
                    }
                }
                Whitener::Common(rows, _) => {
                    for i0 in (c0..np).step_by(4) {
                        let mut acc = [[V::splat(0.0); 4]; 4];
                        let x = self.scaled[4 * c0..4 * (i0 + 4)].chunks_exact(4);
                        let l = [
                            &rows[i0 * np + c0..i0 * np + i0 + 4],
                            &rows[(i0 + 1) * np + c0..(i0 + 1) * np + i0 + 4],
                            &rows[(i0 + 2) * np + c0..(i0 + 2) * np + i0 + 4],
                            &rows[(i0 + 3) * np + c0..(i0 + 3) * np + i0 + 4],
                        ];
                        for (p, x) in x.enumerate() {
                            for i in 0..4 {
                                let l = V::splat(l[i][p]);
                                for c in 0..4 {
                                    acc[i][c] = l.mul_add(x[c], acc[i][c]);
                                }
                            }
                        }
                        store_block(&acc, m, i0, c0, columns);
                    }
                }
                Whitener::Own { inverse, .. } => {
                    for i0 in (c0..np).step_by(4) {
                        let mut acc = [[V::splat(0.0); 4]; 4];
                        let x = self.scaled[4 * c0..4 * (i0 + 4)].chunks_exact(4);
                        for (p, x) in x.enumerate() {
                            for i in 0..4 {
                                let l = inverse[(i0 + i) * np + c0 + p];
                                for c in 0..4 {
                                    acc[i][c] = l.mul_add(x[c], acc[i][c]);
                                }
                            }
                        }
                        store_block(&acc, m, i0, c0, columns);
                    }
                }
            }
        }
    }

    /// The first of the `count` lanes whose noise is not positive definite, if any.
    #[inline(always)]
    pub fn singular(&self, count: usize) -> Option<usize> {
        let constant = self.constant.to_array();
        (0..count).find(|&lane| !constant[lane].is_finite())
    }

    /// `g = m'm` and `h = m'z` for four columns of rank one packed side by side; `m` is scratch.
    #[inline(always)]
    pub fn rank_ones(&mut self, factor: &PackedFactor, m: &mut [V]) -> ([V; 4], [V; 4]) {
        self.whiten(factor, m);
        let (mut g, mut h) = ([V::splat(0.0); 4], [V::splat(0.0); 4]);
        for (m, &z) in m.chunks_exact(4).zip(&self.z) {
            for c in 0..4 {
                g[c] = m[c].mul_add(m[c], g[c]);
                h[c] = m[c].mul_add(z, h[c]);
            }
        }
        (g, h)
    }

    /// `MM'` by column panels of four; `m` is scratch. For diagonal V it is `FF'` scaled on both sides.
    #[inline(always)]
    pub fn whiten_outer(&mut self, factor: &PackedFactor, m: &mut [V], out: &mut [V]) {
        let np = self.np;
        if !matches!(self.whitener, Whitener::Diagonal(_)) {
            self.whiten(factor, m);
            return outer_gram(np, factor.columns, m, out);
        }
        for c0 in (0..np).step_by(4) {
            let at = panel_offset(np, c0 / 4)..panel_offset(np, c0 / 4 + 1);
            let s = &self.reciprocal_s[c0..np];
            let rows = out[at.clone()].chunks_exact_mut(4).zip(factor.product[at].chunks_exact(4));
            for ((out, u), &si) in rows.zip(s) {
                for c in 0..4 {
                    out[c] = V::splat(u[c]) * (si * s[c]);
                }
            }
        }
    }

    /// Diagonal and product with the effects of the precision: for each condition `r`, `(W'W)_rr` and
    /// `(W'z)_r`. They are all a prior matrix with one non-zero variance needs.
    #[inline(always)]
    pub fn precision(&self, diagonal: &mut [V], product: &mut [V]) {
        let np = self.np;
        let zero = V::splat(0.0);
        for p in 0..np {
            let (mut g, mut h) = (zero, zero);
            match &self.whitener {
                Whitener::Diagonal(_) => {
                    g = V::splat(1.0);
                    h = self.z[p];
                }
                Whitener::Common(rows, _) => {
                    for i in p..np {
                        let w = rows[i * np + p];
                        g = g + V::splat(w * w);
                        h = V::splat(w).mul_add(self.z[i], h);
                    }
                }
                Whitener::Own { inverse, .. } => {
                    for i in p..np {
                        let w = inverse[i * np + p];
                        g = w.mul_add(w, g);
                        h = w.mul_add(self.z[i], h);
                    }
                }
            }
            let s = self.reciprocal_s[p];
            diagonal[p] = g * s * s;
            product[p] = h * s;
        }
    }
}

#[inline(always)]
fn store_block<V: Lanes>(acc: &[[V; 4]; 4], m: &mut [V], i0: usize, c0: usize, columns: usize) {
    for i in 0..4 {
        let at = (i0 + i) * columns + c0;
        m[at..at + 4].copy_from_slice(&acc[i]);
    }
}
