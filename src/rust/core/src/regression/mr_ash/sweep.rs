//! One pass over some of the predictors.

use crate::linalg::lanes::{Kernel, Lanes};
use crate::normal_means::scalar::{Table, weigh};
use crate::predictors::Predictors;

/// Where the ascent is.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Posterior means.
    pub b: Vec<f64>,
    /// `c_j = x_j'r + d_j b_j` when predictor j was last updated.
    pub products: Vec<f64>,
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

impl<D: Predictors> Kernel for Sweep<'_, D> {
    type Output = ();
    #[inline(always)]
    fn run<V: Lanes>(self) {
        let norms = self.design.norms();
        let State { b, products, variance, residual } = self.state;
        let totals = self.totals;
        let half_inverse = 0.5 / self.sigma2;
        let to_z = 1.0 / self.sigma2.sqrt();
        for &j in self.order {
            let d = norms[j];
            if d == 0.0 {
                continue;
            }
            let at = self.design.product::<V>(j, residual) + d * b[j];
            let half_z2 = at * at * half_inverse;
            let found =
                weigh::<V>(self.table.row(j), self.log_pi, half_z2, self.work, &mut totals.phi);
            let mean = at * found.shrink;
            let delta = mean - b[j];
            let moved = delta.abs() * d.sqrt();
            if moved > self.negligible {
                self.design.subtract::<V>(j, delta, residual);
                b[j] = mean;
            }
            products[j] = at;
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
