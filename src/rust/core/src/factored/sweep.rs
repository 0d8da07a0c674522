//! One sweep over the predictors of a weighted regression with spike-and-slab coefficients.
//!
//! With weights `omega_i` and linear terms `b_i` the bound is `sum_i b_i g_i - omega_i g_i^2 / 2`,
//! `g = Xu`. The working vector `e = b - omega g` is kept up to date, so that a predictor costs one
//! product with it, and one update if its mean moves: 4n operations.

use super::left::Design;
use super::slab::Slab;
use crate::linalg::columns::{add, add_product, dot, weighted_squares};
use crate::linalg::lanes::{Kernel, Lanes, dispatch};

/// A coefficient moves the fit if its mean changes by more than this share of its posterior scale: far
/// below what the bound can show, yet it spares half of the work for predictors that are out.
const MOVES: f64 = 1e-12;

/// One coordinate-ascent round over the coefficients; `g` is updated. Coefficient `c` belongs to
/// predictor `active[c]`, or `c` if that is `None`. Coefficients with inclusion probabilities below
/// `above`, if given, are left as they are.
///
/// Predictors are visited in decreasing order of their gain, so that of several in strong linkage
/// disequilibrium the best one is included first.
pub fn sweep(
    design: &Design<'_>,
    omega: &[f64],
    b: &[f64],
    active: Option<&[usize]>,
    above: Option<f64>,
    slab: &mut Slab,
    g: &mut [f64],
) {
    dispatch(Sweep { design, omega, b, active, above, slab, g });
}

struct Sweep<'a, 'b> {
    design: &'a Design<'b>,
    omega: &'a [f64],
    b: &'a [f64],
    active: Option<&'a [usize]>,
    above: Option<f64>,
    slab: &'a mut Slab,
    g: &'a mut [f64],
}

impl Kernel for Sweep<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let Self { design, omega, b, active, above, slab, g } = self;
        let n = design.n;
        let mut e: Vec<f64> = (0..n).map(|i| b[i] - omega[i] * g[i]).collect();
        let count = active.map_or(design.p, <[usize]>::len);
        let mut order = Vec::with_capacity(count);
        for c in 0..count {
            if above.is_some_and(|above| slab.alpha[c] < above) {
                continue;
            }
            let x = design.column(active.map_or(c, |active| active[c]));
            let d = weighted_squares::<V>(x, omega);
            let linear = dot::<V>(x, &e) + d * slab.mean(c);
            order.push((linear * linear / (d + slab.tau), d, c));
        }
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.2.cmp(&b.2)));
        for &(_, d, c) in &order {
            let x = design.column(active.map_or(c, |active| active[c]));
            let old = slab.mean(c);
            slab.set(c, d, dot::<V>(x, &e) + d * old);
            let change = slab.mean(c) - old;
            if change * change > MOVES * MOVES * slab.s2[c] {
                add::<V>(change, x, g);
                add_product::<V>(-change, x, omega, &mut e);
            }
        }
    }
}

/// `out_i = sum_c x_ic^2 v_c`, over the coefficients.
pub fn squares(design: &Design<'_>, active: Option<&[usize]>, v: &[f64], out: &mut [f64]) {
    dispatch(Squares { design, active, v, out });
}

struct Squares<'a, 'b> {
    design: &'a Design<'b>,
    active: Option<&'a [usize]>,
    v: &'a [f64],
    out: &'a mut [f64],
}

impl Kernel for Squares<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<V: Lanes>(self) {
        self.out.fill(0.0);
        for (c, &v) in self.v.iter().enumerate() {
            if v > 0.0 {
                let x = self.design.column(self.active.map_or(c, |active| active[c]));
                add_product::<V>(v, x, x, self.out);
            }
        }
    }
}
