//! The covariance `T = N + U` of the measurements of units with noise of their own, factored as it is:
//! one unit in each lane, their noise built on the fly.
//!
//! Its error depends on the correlations of `T` alone, not on how far its variances are apart (Demmel
//! 1989), and shows in the pivots: [`Batch::trust`]. So it serves where prior and noise are of
//! very different scales; but it costs `R^3 / 3` for each scale of the prior.

use faer::MatRef;

use super::NormalMeans;
use super::correlation::{CommonCorrelation, Correlation};
use super::problem::{GroupNoise, LOG_2_PI};
use crate::linalg::cholesky::{self, backward, factor, forward, packed_len};
use crate::linalg::inverse;
use crate::linalg::lanes::{Lanes, MAX_LANES};
use crate::linalg::tridiagonal::{entry, padded, panel_len};

/// Variances this far apart may cost digits, unless V is nearly singular: some of `cholesky::TRUSTED`.
const WIDE: f64 = 1e3;

/// Four pivots of this size, or of its reciprocal, are multiplied before their exponents are split off.
const RANGE: f64 = 1e70;

/// The lower triangle of a matrix, packed as in `linalg::cholesky`, with `pad` on the diagonal of
/// the padding.
pub fn pack_lower(m: MatRef<'_, f64>, pad: f64) -> Vec<f64> {
    let n = m.nrows();
    let mut out = vec![0.0; cholesky::packed_len(n)];
    for i in 0..n {
        for p in 0..=i {
            out[cholesky::offset(i, p)] = m[(i, p)];
        }
    }
    for i in n..padded(n) {
        out[cholesky::offset(i, i)] = pad;
    }
    out
}

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
    /// The least and the largest variance of the noise.
    narrowest: f64,
    widest: f64,
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
                Form::Common(pack_lower(MatRef::from_column_major_slice(v, r, r), 1.0))
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
            narrowest: 0.0,
            widest: 0.0,
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
        self.measure(r);
    }

    /// The least and the largest variance of the noise.
    #[inline(always)]
    fn measure(&mut self, r: usize) {
        let (mut least, mut most) = (V::splat(f64::MAX), V::splat(0.0));
        for i in 0..r {
            let variance = self.noise[cholesky::offset(i, i)];
            let seen = self.present[i] - V::splat(0.5);
            least = seen.select_negative(least, least.min(variance));
            most = seen.select_negative(most, most.max(variance));
        }
        self.narrowest = least.to_array()[..V::N].iter().copied().fold(f64::MAX, f64::min);
        self.widest = most.to_array()[..V::N].iter().copied().fold(0.0, f64::max);
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
    /// positive definite. `u` is packed as in `linalg::cholesky`, `mean` padded.
    #[inline(always)]
    pub fn density(&self, n: usize, u: &[f64], mean: Option<&[f64]>, out: &mut Solved<V>) -> V {
        if self.missing {
            let mut entries = out.factor.chunks_exact_mut(4).zip(self.noise.chunks_exact(4));
            let mut u = u.chunks_exact(4);
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
            for ((t, &noise), &u) in entries.zip(u) {
                *t = noise + V::splat(u);
            }
        }
        match mean {
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

    /// Whether a component of variances up to this is so far from the noise of some unit that digits may
    /// be lost.
    pub fn doubtful(&self, largest: f64) -> bool {
        let near = largest + self.widest < WIDE * self.narrowest;
        !near
    }

    /// After [`density`](Self::density): positive where no pivot of `T` is so small beside its variance
    /// that digits were lost, and no variance so far from one that pivots' products were.
    #[inline(always)]
    pub fn trust(&self, n: usize, u: &[f64], solved: &Solved<V>) -> V {
        let (mut worst, mut least) = (V::splat(0.0), V::splat(f64::MAX));
        let (mut largest, mut sum) = (worst, worst);
        for i in 0..n {
            let at = cholesky::offset(i, i);
            let present = self.present[i] * self.present[i];
            let variance = V::splat(u[at]).mul_add(present, self.noise[at]);
            let reciprocal = solved.reciprocal[i];
            let ratio = reciprocal * reciprocal * variance;
            (worst, sum) = (worst.max(ratio), sum + ratio);
            (least, largest) = (least.min(variance), largest.max(variance));
        }
        let within = (least - V::splat(1.0 / RANGE)).min(V::splat(RANGE) - largest);
        // What is no number passes the comparisons, but not the sum.
        sum.mul_add(V::splat(0.0), (V::splat(cholesky::TRUSTED) - worst).min(within))
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
