//! One pass over some of the predictors.

use super::table::Table;
use crate::linalg::lanes::{Kernel, Lanes};
use crate::linalg::scalar::LogSum;
use crate::regression::design::Design;

/// Where the ascent is.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Posterior means.
    pub b: Vec<f64>,
    /// `c_j = x_j'r + d_j b_j` when predictor j was last updated.
    pub c: Vec<f64>,
    /// Posterior variances.
    pub variance: Vec<f64>,
    /// The residual, in the form of the design.
    pub residual: Vec<f64>,
}

/// Sums over the predictors of a sweep.
#[derive(Debug, Clone)]
pub(super) struct Totals {
    /// `sum_j log sum_k pi_k BF_jk`.
    pub log_evidence: f64,
    /// `sum_j b_j c_j`.
    pub explained: f64,
    /// `sum_j d_j b_j^2`.
    pub squares: f64,
    /// `sum_j d_j Var[b_j]`.
    pub variance: f64,
    /// `sum_jk phi_jk s_jk`.
    pub shrink: f64,
    /// `sum_jk phi_jk s_jk^2 c_j^2`: squares of the components' means.
    pub means: f64,
    /// `sum_j phi_jk`, with padding.
    pub phi: Vec<f64>,
    /// `max_j |change of b_j| sqrt(d_j / s2)`.
    pub change: f64,
}

impl Totals {
    pub fn new(width: usize) -> Self {
        Self {
            log_evidence: 0.0,
            explained: 0.0,
            squares: 0.0,
            variance: 0.0,
            shrink: 0.0,
            means: 0.0,
            phi: vec![0.0; width],
            change: 0.0,
        }
    }
}

/// Update the predictors `order`, one after the other.
pub(super) struct Sweep<'a, D> {
    pub design: &'a D,
    pub order: &'a [usize],
    pub table: &'a Table,
    /// Logarithms of the weights, with padding of `ABSENT`.
    pub log_pi: &'a [f64],
    pub sigma2: f64,
    /// Changes of `b_j sqrt(d_j)` up to this are not made: they are rounding.
    pub negligible: f64,
    pub state: &'a mut State,
    pub totals: &'a mut Totals,
    /// Room for the components of one predictor.
    pub work: &'a mut [f64],
}

/// In place of the logarithm of zero.
pub(super) const ABSENT: f64 = -1e300;

impl<D: Design> Kernel for Sweep<'_, D> {
    type Output = ();
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let norms = self.design.norms();
        let State { b, c, variance, residual } = self.state;
        let totals = self.totals;
        let half_inverse = 0.5 / self.sigma2;
        let to_z = 1.0 / self.sigma2.sqrt();
        for &j in self.order {
            let d = norms[j];
            if d == 0.0 {
                continue;
            }
            let at = self.design.product::<V>(j, residual) + d * b[j];
            let (shrink, half_log) = self.table.row(j);
            let half_z2 = at * at * half_inverse;
            let found =
                components::<V>(shrink, half_log, self.log_pi, half_z2, self.work, &mut totals.phi);
            let mean = at * found.shrink;
            let delta = mean - b[j];
            let moved = delta.abs() * d.sqrt();
            if moved > self.negligible {
                self.design.subtract::<V>(j, delta, residual);
                b[j] = mean;
            }
            c[j] = at;
            let means = at * at * found.shrink_squared;
            let second = self.sigma2 * found.shrink + means;
            totals.shrink += found.shrink;
            totals.means += means;
            variance[j] = second - b[j] * b[j];
            totals.log_evidence += found.log_evidence;
            totals.explained += b[j] * at;
            totals.squares += d * b[j] * b[j];
            totals.variance += d * variance[j];
            totals.change = totals.change.max(moved * to_z);
        }
    }
}

struct Averages {
    log_evidence: f64,
    /// `sum_k phi_k s_k`.
    shrink: f64,
    /// `sum_k phi_k s_k^2`.
    shrink_squared: f64,
}

/// The components of one predictor: their probabilities are added to `phi`.
#[inline(always)]
fn components<V: Lanes>(
    shrink: &[f64],
    half_log: &[f64],
    log_pi: &[f64],
    half_z2: f64,
    work: &mut [f64],
    phi: &mut [f64],
) -> Averages {
    let width = shrink.len();
    let (half_log, log_pi) = (&half_log[..width], &log_pi[..width]);
    let (work, phi) = (&mut work[..width], &mut phi[..width]);
    let z = V::splat(half_z2);
    let mut total = LogSum::<V>::new();
    for (((w, s), l), p) in work
        .chunks_exact_mut(V::N)
        .zip(shrink.chunks_exact(V::N))
        .zip(half_log.chunks_exact(V::N))
        .zip(log_pi.chunks_exact(V::N))
    {
        let log = V::load(s).mul_add(z, V::load(l) + V::load(p));
        total.see(log);
        log.store(w);
    }
    total.join();
    let mut sums = [V::splat(0.0); 2];
    for (w, s) in work.chunks_exact_mut(V::N).zip(shrink.chunks_exact(V::N)) {
        let (e, s) = (total.add(V::load(w)), V::load(s));
        e.store(w);
        let weighted = e * s;
        sums[0] = sums[0] + weighted;
        sums[1] = weighted.mul_add(s, sums[1]);
    }
    let sum = total.sum.sum();
    let share = V::splat(1.0 / sum);
    for (p, w) in phi.chunks_exact_mut(V::N).zip(work.chunks_exact(V::N)) {
        V::load(w).mul_add(share, V::load(p)).store(p);
    }
    Averages {
        log_evidence: total.top.to_array()[0] + sum.ln(),
        shrink: sums[0].sum() / sum,
        shrink_squared: sums[1].sum() / sum,
    }
}
