//! Moments of the units in the lanes that have lost their digits, with digits to spare.

use super::eliminate::Elimination;
use super::plan::Dense;
use crate::linalg::cholesky::TRUSTED;
use crate::linalg::lanes::{Lanes, MAX_LANES};
use crate::linalg::psd::Factor;
use crate::normal_means::NormalMeans;
use crate::normal_means::batch::Batch;
use crate::normal_means::careful::{Moments, Unit};

/// What a mean may lose, in standard deviations, is this less than what a variance may lose of itself,
/// times the size of the effects in standard errors.
const OF_MEANS: f64 = 100.0;

/// Workspace for one batch after the other.
pub struct Mend<V> {
    units: [Option<Unit>; MAX_LANES],
    moments: Vec<(usize, Moments)>,
    /// Negative where V is nearly singular.
    fragile: V,
    any_fragile: bool,
    /// The largest ratio of a diagonal element to its pivot, and the least of them.
    limit: V,
    least_limit: f64,
    count: usize,
}

/// One lane.
#[inline(always)]
pub fn set<V: Lanes>(of: &mut V, lane: usize, value: f64) {
    let mut lanes = of.to_array();
    lanes[lane] = value;
    *of = V::load(&lanes);
}

impl<V: Lanes> Mend<V> {
    pub fn new() -> Self {
        let zero = V::splat(0.0);
        Self {
            units: Default::default(),
            moments: Vec::new(),
            fragile: zero,
            any_fragile: false,
            limit: zero,
            least_limit: 0.0,
            count: 0,
        }
    }

    /// Start a batch of so many units.
    #[inline(always)]
    pub fn begin(&mut self, batch: &Batch<V>, count: usize) {
        if self.units.iter().any(Option::is_some) {
            self.units = Default::default();
        }
        self.count = count;
        self.fragile = batch.fragile;
        self.any_fragile = !batch.fragile.to_array()[..count].iter().all(|v| *v >= 0.0);
        let far = V::splat(OF_MEANS * TRUSTED).div(batch.zz.max(V::splat(1.0)).sqrt());
        self.limit = far.min(V::splat(TRUSTED));
        self.least_limit = self.limit.to_array()[..count].iter().copied().fold(TRUSTED, f64::min);
    }

    fn unit(
        &mut self,
        means: &NormalMeans,
        positions: &[usize],
        lane: usize,
    ) -> Result<&Unit, usize> {
        if self.units[lane].is_none() {
            self.units[lane] = Unit::new(means, positions[lane]);
        }
        self.units[lane].as_ref().ok_or(lane)
    }

    /// `g = m'm` and `h = m'z` of a matrix of rank one, where V is nearly singular.
    #[inline(always)]
    pub fn line(
        &mut self,
        means: &NormalMeans,
        positions: &[usize],
        factor: &Factor,
        g: &mut V,
        h: &mut V,
    ) -> Result<(), usize> {
        if !self.any_fragile {
            return Ok(());
        }
        let fragile = self.fragile.to_array();
        for lane in 0..self.count {
            if fragile[lane] >= 0.0 {
                continue;
            }
            let found = self.unit(means, positions, lane)?.under(factor).line();
            set(g, lane, found.0);
            set(h, lane, found.1);
        }
        Ok(())
    }

    /// Which lanes have lost digits of a component, as bits.
    #[inline(always)]
    pub fn lost(&self, of: &Elimination<V>, (columns, w, largest): (usize, f64, f64)) -> u32 {
        if !self.any_fragile && 1.0 + w * largest < self.least_limit {
            return 0;
        }
        // In this order: the smaller of two passes on a second that is no number.
        let trust = self.fragile.min(of.trust(columns, w, self.limit)).to_array();
        let sound = |lane: &usize| trust[*lane] >= 0.0;
        (0..self.count).filter(|lane| !sound(lane)).map(|lane| 1_u32 << lane).sum()
    }

    /// The moments of those. Fails with the lane of a unit whose noise is singular.
    #[inline(always)]
    pub fn component(
        &mut self,
        means: &NormalMeans,
        positions: &[usize],
        dense: &Dense,
        (w, lost): (f64, u32),
    ) -> Result<(), usize> {
        self.moments.clear();
        if lost == 0 { Ok(()) } else { self.find(means, positions, dense, (w, lost)) }
    }

    fn find(
        &mut self,
        means: &NormalMeans,
        positions: &[usize],
        dense: &Dense,
        (w, lost): (f64, u32),
    ) -> Result<(), usize> {
        for lane in (0..self.count).filter(|lane| lost >> lane & 1 == 1) {
            let unit = self.unit(means, positions, lane)?;
            let whitened = unit.under(&dense.of.0);
            let component = whitened.at(w);
            let moments = match &dense.of.1 {
                None => component.moments(),
                Some(mapped) => component.moments_of(mapped),
            };
            self.moments.push((lane, moments));
        }
        Ok(())
    }

    /// They take the places of what was lost.
    #[inline(always)]
    pub fn put(&self, mean: &mut [V], variance: &mut [V]) {
        for (lane, moments) in &self.moments {
            for at in 0..moments.mean.len() {
                set(&mut mean[at], *lane, moments.mean[at]);
                set(&mut variance[at], *lane, moments.covariance(at, at));
            }
        }
    }

    /// They, and their lanes.
    pub fn moments(&self) -> &[(usize, Moments)] {
        &self.moments
    }
}
