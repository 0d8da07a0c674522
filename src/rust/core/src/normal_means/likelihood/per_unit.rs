//! Units whose noise differs: whitened and reduced in lanes, one unit per lane.

use faer::prelude::*;

use super::super::batch::{Batch, PackedFactor};
use super::super::problem::{Block, GroupNoise, NormalMeans};
use super::super::rescue::{FAR, Rescue};
use super::{Columns, write_column};
use crate::Prior;
use crate::linalg::gram::inner_gram;
use crate::linalg::lanes::{Kernel, Lanes};
use crate::linalg::psd::Factor;
use crate::linalg::special::log;
use crate::linalg::tridiagonal::Tridiagonal;

/// The matrices, by the path that is best for each.
#[derive(Debug)]
pub struct Plan {
    /// One condition with variance: `(matrix, condition, variance)`.
    singletons: Vec<(usize, usize, f64)>,
    /// Up to four of rank one, side by side.
    rank_ones: Vec<(Vec<usize>, PackedFactor)>,
    /// Rank zero.
    zeros: Vec<usize>,
    /// Everything else.
    others: Vec<(usize, PackedFactor)>,
    /// All of them.
    factors: Vec<Factor>,
}

impl Plan {
    /// Sort the matrices that have a wanted scale.
    pub fn new(prior: &Prior, columns: &Columns) -> Self {
        let wanted = (0..prior.factors.len()).filter(|&k| !columns.scales[k].is_empty());
        let factors = prior.factors.clone();
        let mut plan =
            Self { singletons: vec![], rank_ones: vec![], zeros: vec![], others: vec![], factors };
        let mut rank_ones = Vec::new();
        for k in wanted {
            let factor = &prior.factors[k];
            match (factor.rank, &factor.support[..]) {
                (0, _) => plan.zeros.push(k),
                (1, &[r]) => plan.singletons.push((k, r, factor.row(r)[0].powi(2))),
                (1, _) => rank_ones.push(k),
                _ => plan.others.push((k, PackedFactor::new(factor))),
            }
        }
        for group in rank_ones.chunks(4) {
            let factors: Vec<_> = group.iter().map(|&k| &prior.factors[k]).collect();
            plan.rank_ones.push((group.to_vec(), PackedFactor::of_rank_ones(&factors)));
        }
        plan
    }
}

/// The log-likelihoods of one block. Returns the position of a unit whose noise is singular, if any.
pub struct PerUnit<'a, 'b> {
    pub means: &'a NormalMeans<'a>,
    pub block: &'a Block,
    pub noise: &'a GroupNoise,
    pub plan: &'a Plan,
    pub columns: &'a Columns,
    pub out: MatMut<'b, f64>,
}

/// Bytes of results that are gathered before they are written out: short enough for the second
/// cache, long enough that a column is not visited once per batch.
const GATHER: usize = 256 * 1024;

impl Kernel for PerUnit<'_, '_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<V: Lanes>(mut self) -> Option<usize> {
        let count = self.columns.count;
        let rows = (GATHER / 8 / count.max(1)).clamp(V::N, 64) / V::N * V::N;
        let mut gathered = vec![0.0; rows * count];
        let mut work = Work::<V>::new(&self);
        for start in self.block.range.clone().step_by(rows) {
            let end = (start + rows).min(self.block.range.end);
            for first in (start..end).step_by(V::N) {
                let positions: Vec<usize> = (first..(first + V::N).min(end)).collect();
                work.batch.load(self.means, &positions);
                if let Some(lane) = work.batch.singular(positions.len()) {
                    return Some(first + lane);
                }
                let mut sink = Sink { gathered: &mut gathered, rows, row: first - start };
                work.evaluate(&self, positions.len(), &mut sink);
                if let Some(lane) = work.mend(&self, &positions, &mut sink) {
                    return Some(first + lane);
                }
            }
            let row = start - self.block.range.start;
            for column in 0..count {
                let values = &gathered[column * rows..column * rows + end - start];
                write_column(&mut self.out, column, row, values);
            }
        }
        None
    }
}

/// Where a batch's results are gathered: by columns of `rows`.
struct Sink<'a> {
    gathered: &'a mut [f64],
    rows: usize,
    row: usize,
}

impl Sink<'_> {
    #[inline(always)]
    fn put<V: Lanes>(&mut self, column: usize, value: V) {
        value.store(&mut self.gathered[column * self.rows + self.row..]);
    }

    #[inline(always)]
    fn get<V: Lanes>(&self, column: usize) -> V {
        V::load(&self.gathered[column * self.rows + self.row..])
    }
}

/// One thread's workspace.
struct Work<V> {
    batch: Batch<V>,
    rescue: Rescue<V>,
    /// Whether any unit of the batch has a nearly singular V, or effects of hundreds of standard errors.
    doubtful: bool,
    /// Columns of the batch with a value that lost its digits: their components and numbers.
    lost: Vec<(Option<(usize, f64)>, usize)>,
    whitened: Vec<V>,
    tridiagonal: Tridiagonal<V>,
    diagonal: Vec<V>,
    product: Vec<V>,
    scales: Vec<f64>,
    density: Vec<f64>,
}

impl<V: Lanes> Work<V> {
    #[inline(always)]
    fn new(task: &PerUnit) -> Self {
        let batch = Batch::<V>::new(task.means, task.noise);
        let np = batch.np;
        let zero = V::splat(0.0);
        let most = task.columns.scales.iter().map(Vec::len).max().unwrap_or(0);
        Self {
            batch,
            rescue: Rescue::new(task.means, task.noise),
            doubtful: false,
            lost: Vec::new(),
            whitened: vec![zero; np * np.max(4)],
            tridiagonal: Tridiagonal::new(np),
            diagonal: vec![zero; np],
            product: vec![zero; np],
            scales: Vec::with_capacity(most),
            density: vec![0.0; most.next_multiple_of(4) * V::N],
        }
    }

    /// All columns of the first `count` lanes.
    #[inline(always)]
    fn evaluate(&mut self, task: &PerUnit, count: usize, sink: &mut Sink) {
        let near = V::splat(FAR) - self.batch.zz;
        let sound = near.min(self.batch.fragile).to_array();
        self.doubtful = !sound[..V::N].iter().all(|v| *v >= 0.0);
        let at_zero = V::splat(-0.5).mul_add(self.batch.zz, self.batch.constant);
        if let Some(column) = task.columns.null {
            self.put(column, None, at_zero, (count, false), sink);
        }
        for &k in &task.plan.zeros {
            for &(_, column) in &task.columns.scales[k] {
                self.put(column, None, at_zero, (count, false), sink);
            }
        }
        if !task.plan.singletons.is_empty() {
            self.batch.precision(&mut self.diagonal, &mut self.product);
        }
        for &(k, r, variance) in &task.plan.singletons {
            let (g, h) = (self.diagonal[r], self.product[r]);
            self.rank_one(task, k, (g, h * h, variance), (count, at_zero), sink);
        }
        for (ks, factor) in &task.plan.rank_ones {
            let (g, h) = self.batch.rank_ones(factor, &mut self.whitened);
            for (c, &k) in ks.iter().enumerate() {
                self.rank_one(task, k, (g[c], h[c] * h[c], 1.0), (count, at_zero), sink);
            }
        }
        for (k, factor) in &task.plan.others {
            self.reduce(factor);
            self.scales.clear();
            self.scales.extend(task.columns.scales[*k].iter().map(|s| s.0));
            let rest = (!factor.near_full_rank(self.batch.np)).then_some(self.batch.zz);
            let lost = self.tridiagonal.log_density(&self.scales, rest, &mut self.density, V::N);
            self.doubtful |= lost;
            for (l, &(w, column)) in task.columns.scales[*k].iter().enumerate() {
                let value = self.batch.constant + V::load(&self.density[l * V::N..]);
                self.put(column, Some((*k, w)), value, (count, rest.is_some()), sink);
            }
        }
    }

    /// `log p = log p_0 - 1/2 [log(1 + wg) - w h^2 / (1 + wg)]` for a matrix of rank one.
    #[inline(always)]
    fn rank_one(
        &mut self,
        task: &PerUnit,
        k: usize,
        (g, h2, variance): (V, V, f64),
        (count, at_zero): (usize, V),
        sink: &mut Sink,
    ) {
        for &(scale, column) in &task.columns.scales[k] {
            let w = V::splat(scale * variance);
            let t = w.mul_add(g, V::splat(1.0));
            let gain = (w * h2).mul_add(t.recip(), log(t).neg());
            let value = V::splat(0.5).mul_add(gain, at_zero);
            self.put(column, Some((k, scale)), value, (count, true), sink);
        }
    }

    /// Into a column, noting it if a value has lost its digits: where V is nearly singular; where it
    /// is a small difference of large squares, if `difference`; and where it is not finite.
    #[inline(always)]
    fn put(
        &mut self,
        column: usize,
        component: Option<(usize, f64)>,
        value: V,
        (count, difference): (usize, bool),
        sink: &mut Sink,
    ) {
        if !self.doubtful {
            return sink.put(column, value);
        }
        let nan = V::splat(f64::NAN);
        let mut kept = self.batch.fragile.select_negative(nan, value);
        if difference {
            let size = value.abs().max(V::splat(1.0));
            let above = V::splat(1.0 / FAR).neg_mul_add(self.batch.zz, size);
            kept = above.select_negative(nan, kept);
        }
        if kept.to_array()[..count].iter().any(|v| !v.is_finite()) {
            self.lost.push((component, column));
        }
        sink.put(column, kept);
    }

    /// The values that lost their digits anew. Returns a lane whose noise is not positive definite.
    #[inline(always)]
    fn mend(&mut self, task: &PerUnit, positions: &[usize], sink: &mut Sink) -> Option<usize> {
        if self.lost.is_empty() {
            return None;
        }
        self.rescue.begin();
        for (component, column) in std::mem::take(&mut self.lost) {
            let of = component.map(|(k, w)| (&task.plan.factors[k], w));
            let value = sink.get(column);
            let value: V = self.rescue.log_density(task.means, positions, of, value);
            let lanes = value.to_array();
            if let Some(lane) = lanes[..positions.len()].iter().position(|v| v.is_nan()) {
                return Some(lane);
            }
            sink.put(column, value);
        }
        None
    }

    /// Bring one matrix to tridiagonal form: `MM'` bordered by `z`, or `M'M` bordered by `M'z`.
    #[inline(always)]
    fn reduce(&mut self, factor: &PackedFactor) {
        let np = self.batch.np;
        let t = &mut self.tridiagonal;
        if factor.near_full_rank(np) {
            t.resize(np);
            self.batch.whiten_outer(factor, &mut self.whitened, &mut t.matrix);
            t.x[..np].copy_from_slice(&self.batch.z);
        } else {
            t.resize(factor.rank);
            self.batch.whiten(factor, &mut self.whitened);
            let m = &self.whitened;
            inner_gram(np, factor.columns, m, &self.batch.z, &mut t.matrix, &mut t.x);
        }
        t.reduce();
    }
}
