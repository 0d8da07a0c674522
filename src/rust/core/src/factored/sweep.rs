//! One sweep over the predictors of a weighted regression with spike-and-slab coefficients.
//!
//! With weights `omega_i` and linear terms `b_i` the bound is `sum_i b_i g_i - omega_i g_i^2 / 2`,
//! `g = Xu`. The working vector `e = b - omega g` is kept up to date, so that a predictor costs one
//! product with it, and one update if its mean moves: 4n operations.

use super::slab::Slab;
use crate::linalg::columns::{add, add_product, dot, weighted_squares};
use crate::linalg::lanes::{Lanes, kernel};
use crate::predictors::{Dense, Predictors};

/// Coefficients with smaller inclusion probabilities, or less than the prior's, are left out of the
/// short rounds.
const LIVELY: f64 = 1e-3;

/// Coefficients below this may stay where they are, if that costs next to nothing.
const QUIET: f64 = 1e-4;

/// A quiet coefficient is left as it is if its update would raise the bound by less than this: two
/// thousand of them are then within 2e-8 of the optimum, and the fit needs no correction.
const NOTHING: f64 = 1e-11;

/// One coordinate-ascent round over the coefficients; `g` and its variances are updated. Coefficient
/// `c` belongs to predictor `active[c]`, or `c` if that is `None`. A round that is not `full` visits
/// those that may be in.
///
/// Those that may be in come first, in decreasing order of their gain, so that of several predictors
/// in strong linkage disequilibrium the best one is included first; at the start that is all of them.
pub fn sweep(
    design: &Dense<'_>,
    (omega, b): (&[f64], &[f64]),
    active: Option<&[usize]>,
    full: bool,
    slab: &mut Slab,
    (g, variance): (&mut [f64], &mut [f64]),
) {
    sweep_over(design, omega, b, active, full, slab, g, variance);
}

kernel!(
    fn sweep_over<'a, 'b, V: Lanes>(
        design: &'a Dense<'b>,
        omega: &'a [f64],
        b: &'a [f64],
        active: Option<&'a [usize]>,
        full: bool,
        slab: &'a mut Slab,
        g: &'a mut [f64],
        variance: &'a mut [f64],
    ) {
        let column = |c: usize| design.column(active.map_or(c, |active| active[c]));
        let mut e: Vec<f64> = (0..design.rows()).map(|i| b[i] - omega[i] * g[i]).collect();
        let count = slab.len();
        let start = slab.alpha.iter().all(|&alpha| alpha == 0.0);
        let lively = slab.pi.max(LIVELY);
        let first = |slab: &Slab, c: usize| start || slab.alpha[c] >= lively;
        let mut order: Vec<(f64, f64, usize)> = Vec::new();
        for c in (0..count).filter(|&c| first(slab, c)) {
            let d = weighted_squares::<V>(column(c), omega);
            let linear = dot::<V>(column(c), &e) + d * slab.mean(c);
            order.push((linear * linear / (d + slab.tau), d, c));
        }
        order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.2.cmp(&b.2)));
        // What was not lively before this round comes after what was.
        let rest: Vec<usize> =
            if full { (0..count).filter(|&c| !first(slab, c)).collect() } else { Vec::new() };
        let known = order.into_iter().map(|(_, d, c)| (c, Some(d)));
        for (c, d) in known.chain(rest.into_iter().map(|c| (c, None))) {
            let x = column(c);
            let d = d.unwrap_or_else(|| weighted_squares::<V>(x, omega));
            let old = Old { alpha: slab.alpha[c], mu: slab.mu[c], s2: slab.s2[c] };
            let (mean, spread) = (slab.mean(c), slab.variance(c));
            slab.set(c, d, dot::<V>(x, &e) + d * mean);
            if old.is_as_good(slab, c) {
                (slab.alpha[c], slab.mu[c], slab.s2[c]) = (old.alpha, old.mu, old.s2);
                continue;
            }
            let change = [slab.mean(c) - mean, slab.variance(c) - spread];
            if change != [0.0, 0.0] {
                shift::<V>(change, x, omega, g, &mut e, variance);
            }
        }
    }
);

/// A coefficient before its update.
struct Old {
    alpha: f64,
    mu: f64,
    s2: f64,
}

impl Old {
    /// Whether it is out before and after, and the divergence between the two is next to nothing.
    #[inline(always)]
    fn is_as_good(&self, slab: &Slab, c: usize) -> bool {
        let (alpha, mu, s2) = (slab.alpha[c], slab.mu[c], slab.s2[c]);
        if alpha > QUIET || self.alpha > QUIET {
            return false;
        }
        let inclusion = (alpha - self.alpha) * (alpha - self.alpha) / alpha.max(1e-300);
        let (place, scale) = (mu - self.mu, self.s2 / s2 - 1.0);
        inclusion + self.alpha * (place * place / s2 + scale * scale) < NOTHING
    }
}

/// The mean and variance of a coefficient change: `g`, its variance, and the working vector follow.
#[inline(always)]
fn shift<V: Lanes>(
    [mean, spread]: [f64; 2],
    x: &[f64],
    omega: &[f64],
    g: &mut [f64],
    e: &mut [f64],
    variance: &mut [f64],
) {
    let n = x.len();
    let (omega, g, e, variance) = (&omega[..n], &mut g[..n], &mut e[..n], &mut variance[..n]);
    let (by, wider, mut i) = (V::splat(mean), V::splat(spread), 0);
    while i + V::N <= n {
        let x = V::load(&x[i..]);
        let moved = x * by;
        (V::load(&g[i..]) + moved).store(&mut g[i..]);
        moved.neg_mul_add(V::load(&omega[i..]), V::load(&e[i..])).store(&mut e[i..]);
        (x * x).mul_add(wider, V::load(&variance[i..])).store(&mut variance[i..]);
        i += V::N;
    }
    while i < n {
        g[i] += mean * x[i];
        e[i] -= mean * x[i] * omega[i];
        variance[i] += spread * x[i] * x[i];
        i += 1;
    }
}

/// The columns of the coefficients that are not zero, with these.
fn used<'a>(
    design: &'a Dense<'_>,
    active: Option<&'a [usize]>,
    b: &'a [f64],
) -> impl Iterator<Item = (&'a [f64], f64)> {
    let place = move |c: usize| active.map_or(c, |active| active[c]);
    let some = b.iter().enumerate().filter(|(_, b)| **b != 0.0);
    some.map(move |(c, &b)| (design.column(place(c)), b))
}

kernel!(
    /// `out_i = sum_c x_ic^2 v_c`, over the coefficients.
    pub fn squares<'a, 'b, V: Lanes>(
        design: &'a Dense<'b>,
        active: Option<&'a [usize]>,
        v: &'a [f64],
        out: &'a mut [f64],
    ) {
        out.fill(0.0);
        for (x, v) in used(design, active, v) {
            add_product::<V>(v, x, x, out);
        }
    }
);

kernel!(
    /// `out_i = sum_c x_ic b_c`, over the coefficients.
    pub fn products<'a, 'b, V: Lanes>(
        design: &'a Dense<'b>,
        active: Option<&'a [usize]>,
        b: &'a [f64],
        out: &'a mut [f64],
    ) {
        out.fill(0.0);
        for (x, b) in used(design, active, b) {
            add::<V>(b, x, out);
        }
    }
);
