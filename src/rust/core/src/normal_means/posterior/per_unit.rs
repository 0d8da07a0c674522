//! Units with differing noise: one reduction per (unit, matrix), one elimination per scale.

use super::eliminate::Elimination;
use super::lineup::Lineup;
use super::mend::Mend;
use super::plan::{Dense, Line, Plan};
use super::work::{ByUnit, Work};
use crate::linalg::lanes::Lanes;
use crate::normal_means::NormalMeans;
use crate::normal_means::batch::Batch;
use crate::normal_means::problem::GroupNoise;

/// Workspace for the batches of one group.
pub struct PerUnit<V> {
    batch: Batch<V>,
    elimination: Elimination<V>,
    mend: Mend<V>,
    m: Vec<V>,
    mean: Vec<V>,
    variance: Vec<V>,
    /// `(W'W)_rr` and `(W'z)_r`, for components with one condition.
    diagonal: Vec<V>,
    product: Vec<V>,
}

impl<V: Lanes> PerUnit<V> {
    /// For up to `outputs` results; `covariance`: of a component's results too.
    pub fn new(
        means: &NormalMeans,
        noise: &GroupNoise,
        plan: &Plan,
        outputs: usize,
        covariance: bool,
    ) -> Self {
        let batch = Batch::new(means, noise);
        let (np, widest) = (batch.np, plan.widest().max(4));
        let most = outputs.next_multiple_of(4).max(np);
        let of = |len: usize| vec![V::splat(0.0); len];
        Self {
            elimination: Elimination::new(most, widest, covariance),
            mend: Mend::new(),
            m: of(np * widest),
            mean: of(most),
            variance: of(most),
            diagonal: of(np),
            product: of(np),
            batch,
        }
    }

    /// All components of the units in the lanes. Fails with the lane of a unit whose noise is singular.
    #[inline(always)]
    pub fn run(
        &mut self,
        means: &NormalMeans,
        plan: &Plan,
        positions: &[usize],
        lineup: &Lineup,
        work: &mut Work<V>,
    ) -> Result<(), usize> {
        self.batch.load(means, positions);
        if let Some(lane) = self.batch.singular(positions.len()) {
            return Err(lane);
        }
        self.mend.begin(&self.batch, positions.len());
        if plan.singletons.iter().any(|(line, ..)| lineup.any(&line.scaled)) {
            self.batch.precision(&mut self.diagonal, &mut self.product);
        }
        for (line, r, f) in &plan.singletons {
            let f = V::splat(*f);
            let (mut g, mut h) = (f * f * self.diagonal[*r], f * self.product[*r]);
            if lineup.any(&line.scaled) {
                self.mend.line(means, positions, &line.factor, &mut g, &mut h)?;
            }
            line_scales(line, g, h, lineup, work);
        }
        for (lines, factor) in &plan.lines {
            if lines.iter().any(|line| lineup.any(&line.scaled)) {
                let (mut g, mut h) = self.batch.rank_ones(factor, &mut self.m);
                for (c, line) in lines.iter().enumerate() {
                    self.mend.line(means, positions, &line.factor, &mut g[c], &mut h[c])?;
                    line_scales(line, g[c], h[c], lineup, work);
                }
            }
        }
        for dense in plan.dense.iter().filter(|dense| lineup.any(&dense.scaled)) {
            self.dense(means, dense, positions, lineup, work)?;
        }
        Ok(())
    }

    #[inline(always)]
    fn dense(
        &mut self,
        means: &NormalMeans,
        dense: &Dense,
        positions: &[usize],
        lineup: &Lineup,
        work: &mut Work<V>,
    ) -> Result<(), usize> {
        let (packed, columns) = (&dense.packed, dense.packed.columns);
        let m = &mut self.m[..self.batch.np * columns];
        self.batch.whiten(&dense.factor, m);
        self.elimination.prepare(columns, m, &self.batch.z);
        let largest = self.elimination.largest(columns);
        for &(w, column) in &dense.scaled.scales {
            let Some(weight) = lineup.weight(column) else { continue };
            self.elimination.factor(columns, w);
            self.elimination.moments(packed, w, &mut self.mean, &mut self.variance);
            let lost = self.mend.lost(&self.elimination, (columns, w, largest));
            self.mend.component(means, positions, dense, (w, lost))?;
            self.mend.put(&mut self.mean, &mut self.variance);
            let (elimination, variance) = (&self.elimination, &self.variance[..]);
            let mended = self.mend.moments();
            let spread = ByUnit { elimination, of: packed, w, variance, mended };
            work.add(weight, &packed.support, &self.mean, &spread);
        }
        Ok(())
    }
}

/// The scales of a component of rank one: with `g = m'm` and `h = m'z`, `a` has mean
/// `w h / (1 + wg)` and variance `w / (1 + wg)`.
#[inline(always)]
fn line_scales<V: Lanes>(line: &Line, g: V, h: V, lineup: &Lineup, work: &mut Work<V>) {
    for &(w, column) in &line.scaled.scales {
        let Some(weight) = lineup.weight::<V>(column) else { continue };
        let variance = V::splat(w).div(V::splat(w).mul_add(g, V::splat(1.0)));
        work.add_line(weight, &line.f, variance * h, variance);
    }
}
