//! Many observations under a point and a normal slab, in lanes: the log-likelihood with its derivatives,
//! and posterior moments. Lengths are multiples of the lanes.

use super::shrink::PointSlab;
use crate::linalg::lanes::{Lanes, kernel};
use crate::linalg::special;

/// `softplus(u)`, `logistic(u)` and `logistic(u) logistic(-u)`.
#[inline(always)]
fn odds<V: Lanes>(u: V) -> [V; 3] {
    let (zero, one) = (V::splat(0.0), V::splat(1.0));
    let e = special::exp(u.abs().neg());
    let share = (one + e).recip();
    let other = e * share;
    let r = u.select_negative(other, share);
    [u.max(zero) + special::log(one + e), r, share * other]
}

/// What a normal slab of variance `v` makes of observations.
struct NormalSlab<V> {
    s2: V,
    mu: V,
    shrink: V,
    rho: V,
}

/// `common`: the log of `1 + a v` if it is the same for all.
#[inline(always)]
fn under_normal<V: Lanes>(a: V, b: V, v: V, common: Option<V>) -> NormalSlab<V> {
    let inflation = a.mul_add(v, V::splat(1.0));
    let shrink = inflation.recip();
    let s2 = v * shrink;
    let mu = s2 * b;
    let log = match common {
        Some(log) => log,
        None => special::log(inflation),
    };
    NormalSlab { s2, mu, shrink, rho: V::splat(0.5) * (mu * b - log) }
}

kernel!(
    /// Value, gradient and Hessian under a normal slab, as the evaluation of one
    /// observation after the other.
    pub fn normal_sums<'a, V: Lanes>(
        a: &'a [f64],
        b: &'a [f64],
        at: PointSlab,
        common: Option<f64>,
    ) -> [f64; 6] {
        let (v, logit) = (V::splat(at.scale.exp()), V::splat(at.logit));
        let (half, one, zero) = (V::splat(0.5), V::splat(1.0), V::splat(0.0));
        let common = common.map(V::splat);
        let [base, w, rest] = odds(logit);
        let mut sums = [zero; 6];
        let mut i = 0;
        while i < a.len() {
            let (x, y) = (V::load(&a[i..]), V::load(&b[i..]));
            let slab = under_normal(x, y, v, common);
            let (signal, share) = (slab.mu * y, slab.s2 * x);
            let slope = half * (signal * slab.shrink - share);
            let bend = signal * (one - (share + share)) - share;
            let curvature = half * slab.shrink * bend;
            // Nothing observed, nothing learnt: also in the lanes at the end.
            let rho = (zero - x).select_negative(slab.rho, zero);
            let [value, r, spread] = odds(logit + rho);
            sums[0] = sums[0] + (value - base);
            sums[1] = sums[1] + (r - w);
            sums[2] = r.mul_add(slope, sums[2]);
            sums[3] = sums[3] + (spread - rest);
            sums[4] = spread.mul_add(slope, sums[4]);
            sums[5] = (spread * slope).mul_add(slope, r.mul_add(curvature, sums[5]));
            i += V::N;
        }
        let mut out = [0.0; 6];
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = sum.sum();
        }
        out
    }
);

kernel!(
    /// Posterior means and second moments under a normal slab.
    pub fn normal_moments<'a, V: Lanes>(
        a: &'a [f64],
        b: &'a [f64],
        prior: PointSlab,
        common: Option<f64>,
        mean: &'a mut [f64],
        second: &'a mut [f64],
    ) {
        let (v, logit) = (V::splat(prior.scale.exp()), V::splat(prior.logit));
        let common = common.map(V::splat);
        let mut i = 0;
        while i < a.len() {
            let slab = under_normal(V::load(&a[i..]), V::load(&b[i..]), v, common);
            let [_, r, _] = odds(logit + slab.rho);
            (r * slab.mu).store(&mut mean[i..]);
            (r * slab.mu.mul_add(slab.mu, slab.s2)).store(&mut second[i..]);
            i += V::N;
        }
    }
);
