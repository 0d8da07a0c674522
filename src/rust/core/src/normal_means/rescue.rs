//! The units in the lanes that have lost their digits, worked out anew.
//!
//! First, if it will do, from the covariance of the measurements as it is (`direct`, in lanes); then one
//! by one with twice the digits (`careful`).

use super::NormalMeans;
use super::careful::Unit;
use super::direct::{Batch, Solved, pack_lower};
use super::problem::GroupNoise;
use crate::linalg::lanes::{Lanes, MAX_LANES};
use crate::linalg::psd::Factor;

/// Squares of effects, in standard errors, from which a small difference of two is worth a look.
pub const FAR: f64 = 1e5;

/// Workspace for one batch after the other.
pub struct Rescue<V> {
    direct: Batch<V>,
    loaded: bool,
    solved: Solved<V>,
    /// `w U`, packed.
    prior: Vec<f64>,
    units: [Option<Unit>; MAX_LANES],
}

impl<V: Lanes> Rescue<V> {
    /// Room for units of a group that is not shared.
    pub fn new(means: &NormalMeans, noise: &GroupNoise) -> Self {
        Self {
            direct: Batch::new(means, noise),
            loaded: false,
            solved: Solved::new(means.conditions),
            prior: Vec::new(),
            units: Default::default(),
        }
    }

    /// Start a new batch.
    #[inline(always)]
    pub fn begin(&mut self) {
        if self.loaded || self.units.iter().any(Option::is_some) {
            self.loaded = false;
            self.units = Default::default();
        }
    }

    /// The unit in a lane; `None` if its noise is not positive definite.
    pub fn unit(&mut self, means: &NormalMeans, positions: &[usize], lane: usize) -> Option<&Unit> {
        if self.units[lane].is_none() {
            self.units[lane] = Unit::new(means, positions[lane]);
        }
        self.units[lane].as_ref()
    }

    /// Log densities under `w FF'`, or under no effect: those that are not finite anew. They stay so
    /// where the noise is not positive definite.
    #[inline(always)]
    pub fn log_density(
        &mut self,
        means: &NormalMeans,
        positions: &[usize],
        component: Option<(&Factor, f64)>,
        value: V,
    ) -> V {
        let mut lanes = value.to_array();
        if lanes[..positions.len()].iter().all(|v| v.is_finite()) {
            return value;
        }
        let mut direct = [f64::NAN; MAX_LANES];
        if let Some((factor, w)) = component {
            if !self.loaded {
                self.direct.load(means, positions);
                self.loaded = true;
            }
            self.prior = packed_prior(factor, w);
            let r = means.conditions;
            let value = self.direct.density(r, &self.prior, None, &mut self.solved);
            let trust = self.direct.trust(r, &self.prior, &self.solved);
            direct = trust.select_negative(V::splat(f64::NAN), value).to_array();
        }
        for lane in 0..positions.len() {
            if lanes[lane].is_finite() {
                continue;
            }
            lanes[lane] = direct[lane];
            if !direct[lane].is_finite() {
                lanes[lane] = match (self.unit(means, positions, lane), component) {
                    (None, _) => f64::NAN,
                    (Some(unit), None) => unit.log_density_at_zero(),
                    (Some(unit), Some((factor, w))) => unit.under(factor).at(w).log_density(),
                };
            }
        }
        V::load(&lanes)
    }
}

/// `w FF'`, packed as in `linalg::cholesky`.
fn packed_prior(factor: &Factor, w: f64) -> Vec<f64> {
    let u = |i: usize, p: usize| -> f64 {
        factor.row(i).iter().zip(factor.row(p)).map(|(a, b)| w * a * b).sum()
    };
    pack_lower(faer::Mat::from_fn(factor.rows, factor.rows, u).as_ref(), 0.0)
}
