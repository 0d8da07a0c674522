//! Units with noise of their own: one unit in each lane, their noise built on the fly.

use super::components::{Component, pack_lower};
use crate::linalg::cholesky::{self, backward, factor, forward, packed_len};
use crate::linalg::inverse;
use crate::linalg::lanes::{Lanes, MAX_LANES};
use crate::linalg::tridiagonal::{entry, padded, panel_len};
use crate::normal_means::NormalMeans;
use crate::normal_means::correlation::{CommonCorrelation, Correlation};
use crate::normal_means::problem::{GroupNoise, LOG_2_PI};

/// Where the correlation of the noise comes from.
enum Form {
    /// The diagonal of V, padded.
    Diagonal(Vec<f64>),
    /// V, packed, with the identity as padding.
    Common(Vec<f64>),
    /// One for each unit: the lower triangles of a batch by rows.
    Own(Vec<f64>),
}

/// Up to `V::N` units, and their covariances under one component after the other.
pub struct Batch<V> {
    np: usize,
    form: Form,
    x: Vec<V>,
    s: Vec<V>,
    /// One where a cell is observed, zero where it is missing, for batches with a missing cell.
    present: Vec<V>,
    missing: bool,
    /// `-1/2 n log 2 pi`.
    constant: V,
    /// The noise, packed; the identity in missing and padding rows.
    noise: Vec<V>,
    inverse: Vec<V>,
}

/// What a batch is under one component.
pub struct Solved<V> {
    /// The Cholesky factor of `T`.
    factor: Vec<V>,
    reciprocal: Vec<V>,
    /// `L^{-1}(x - m)`, or `T^{-1}(x - m)`.
    pub residual: Vec<V>,
}

impl<V: Lanes> Solved<V> {
    /// Room for `r` conditions.
    #[inline(always)]
    pub fn new(r: usize) -> Self {
        let zero = V::splat(0.0);
        let (reciprocal, residual) = (vec![zero; padded(r)], vec![zero; padded(r)]);
        Self { factor: vec![zero; packed_len(r)], reciprocal, residual }
    }

    /// Bytes for `r` conditions.
    pub fn bytes(r: usize) -> usize {
        (packed_len(r) + 2 * padded(r)) * size_of::<V>()
    }
}

impl<V: Lanes> Batch<V> {
    /// Room for units of a group that is not shared.
    #[inline(always)]
    pub fn new(means: &NormalMeans, noise: &GroupNoise) -> Self {
        let r = means.conditions;
        let (np, zero) = (padded(r), V::splat(0.0));
        let form = match (noise, &means.common, &means.v) {
            (GroupNoise::Diagonal, CommonCorrelation::Diagonal(sd), _) => {
                let mut variances: Vec<f64> = sd.iter().map(|sd| sd * sd).collect();
                variances.resize(np, 1.0);
                Form::Diagonal(variances)
            }
            (GroupNoise::Scaled, _, Correlation::Common(v)) => {
                Form::Common(pack_lower(faer::MatRef::from_column_major_slice(v, r, r), 1.0))
            }
            _ => Form::Own(vec![0.0; r * r * MAX_LANES]),
        };
        Self {
            np,
            form,
            x: vec![zero; np],
            s: vec![V::splat(1.0); np],
            present: vec![V::splat(1.0); np],
            missing: false,
            constant: zero,
            noise: vec![zero; packed_len(r)],
            inverse: vec![zero; panel_len(r)],
        }
    }

    /// Take the units at these arranged positions, `1..=V::N` of them; lanes left over repeat the
    /// last.
    #[inline(always)]
    pub fn load(&mut self, means: &NormalMeans, positions: &[usize]) {
        let (j, r) = (means.units, means.conditions);
        let mut at = [0; MAX_LANES];
        for (lane, at) in at.iter_mut().enumerate() {
            *at = positions[lane.min(positions.len() - 1)];
        }
        let (mut x, mut s) = ([0.0; MAX_LANES], [0.0; MAX_LANES]);
        let (mut present, mut observed) = ([1.0; MAX_LANES], [0.0; MAX_LANES]);
        self.missing = false;
        for i in 0..r {
            let (xs, ss) = (&means.x[i * j..(i + 1) * j], &means.s[i * j..(i + 1) * j]);
            for lane in 0..V::N {
                (x[lane], s[lane], present[lane]) = (xs[at[lane]], ss[at[lane]], 1.0);
                if s[lane].is_infinite() {
                    (s[lane], present[lane]) = (0.0, 0.0);
                    self.missing = true;
                }
                observed[lane] += present[lane];
            }
            self.x[i] = V::load(&x);
            self.s[i] = V::load(&s);
            self.present[i] = V::load(&present);
        }
        self.constant = V::splat(-0.5 * LOG_2_PI) * V::load(&observed);
        if let Form::Own(v) = &mut self.form {
            for (v, &at) in v.chunks_exact_mut((r * r).max(1)).zip(&at[..V::N]) {
                means.v.lower(means.row(at), means.units, r, v);
            }
        }
        self.build_noise(r);
    }

    /// `S V S`, with ones on the diagonal of missing cells.
    #[inline(always)]
    fn build_noise(&mut self, r: usize) {
        let (np, one) = (self.np, V::splat(1.0));
        match &self.form {
            Form::Diagonal(variances) => {
                for i in 0..np {
                    let s = self.s[i];
                    self.noise[cholesky::offset(i, i)] = V::splat(variances[i]) * s * s;
                }
            }
            Form::Common(v) => {
                let mut entries = self.noise.chunks_exact_mut(4).zip(v.chunks_exact(4));
                for rows in self.s.chunks_exact(4).enumerate() {
                    let (ib, rows) = rows;
                    for &s in &self.s[..4 * ib + 4] {
                        let Some((out, v)) = entries.next() else { return };
                        for i in 0..4 {
                            out[i] = V::splat(v[i]) * (rows[i] * s);
                        }
                    }
                }
            }
            Form::Own(v) => {
                let mut lanes = [0.0; MAX_LANES];
                for i in 0..r {
                    for p in 0..=i {
                        for lane in 0..V::N {
                            lanes[lane] = v[lane * r * r + i * r + p];
                        }
                        let noise = V::load(&lanes) * self.s[i] * self.s[p];
                        self.noise[cholesky::offset(i, p)] = noise;
                    }
                }
                for i in r..np {
                    self.noise[cholesky::offset(i, i)] = one;
                }
            }
        }
        if self.missing {
            for i in 0..np {
                let at = cholesky::offset(i, i);
                self.noise[at] = self.noise[at] + (one - self.present[i]);
            }
        }
    }

    /// `T = N + U` and `x - m` of one component, factored: `log N(x; m, T)`, NaN where `T` is not
    /// positive definite.
    #[inline(always)]
    pub fn density(&self, n: usize, component: &Component, out: &mut Solved<V>) -> V {
        if self.missing {
            let mut entries = out.factor.chunks_exact_mut(4).zip(self.noise.chunks_exact(4));
            let mut u = component.covariance.chunks_exact(4);
            for (ib, rows) in self.present.chunks_exact(4).enumerate() {
                for &p in &self.present[..4 * ib + 4] {
                    let (Some((t, noise)), Some(u)) = (entries.next(), u.next()) else { break };
                    for i in 0..4 {
                        t[i] = V::splat(u[i]).mul_add(rows[i] * p, noise[i]);
                    }
                }
            }
        } else {
            let entries = out.factor.iter_mut().zip(&self.noise);
            for ((t, &noise), &u) in entries.zip(&component.covariance) {
                *t = noise + V::splat(u);
            }
        }
        match &component.mean {
            None => out.residual.copy_from_slice(&self.x),
            Some(mean) => {
                for i in 0..self.np {
                    let m = V::splat(mean[i]);
                    out.residual[i] = m.neg_mul_add(self.present[i], self.x[i]);
                }
            }
        }
        let log_det = factor(n, &mut out.factor, &mut out.reciprocal);
        forward(n, &out.factor, &out.reciprocal, &mut out.residual);
        let mut sum = [V::splat(0.0); 4];
        for z in out.residual.chunks_exact(4) {
            for i in 0..4 {
                sum[i] = z[i].mul_add(z[i], sum[i]);
            }
        }
        let square = (sum[0] + sum[1]) + (sum[2] + sum[3]);
        V::splat(-0.5).mul_add(log_det + square, self.constant)
    }

    /// After [`density`](Self::density): turn its residual into `T^{-1}(x - m)`, and add `q T^{-1}`
    /// over the observed conditions to `sum`.
    #[inline(always)]
    pub fn add_precision(&mut self, n: usize, solved: &mut Solved<V>, q: V, sum: &mut [V]) {
        let Solved { factor, reciprocal, residual } = solved;
        backward(n, factor, reciprocal, residual);
        inverse::invert_panels(n, factor, reciprocal, &mut self.inverse);
        if self.missing {
            // Rows of missing cells are those of the identity: take out their ones.
            for i in 0..self.np {
                let at = entry(self.np, i, i);
                self.inverse[at] = self.inverse[at] * self.present[i];
            }
        }
        inverse::add_gram(n, &self.inverse, q, sum);
    }
}
