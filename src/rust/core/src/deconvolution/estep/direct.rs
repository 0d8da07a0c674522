//! One chunk of units that are observed directly.

use super::super::Mixture;
use super::components::Component;
use super::mend::Mend;
use super::responsibility::responsibilities;
use super::shared::Table;
use super::{EStep, Part, Sums};
use crate::linalg::blocks::{sum_len, sum_offset};
use crate::linalg::cross::{Packed, add_products, weigh};
use crate::linalg::lanes::{Kernel, Lanes, MAX_LANES};
use crate::linalg::tridiagonal::padded;
use crate::normal_means::NormalMeans;
use crate::normal_means::direct::{Batch, Solved};
use crate::normal_means::problem::{Block, GroupNoise};
use crate::{Error, Monitor};

/// Bytes of factors that are kept for a batch: what a second cache holds.
const KEEP: usize = 1 << 20;

/// A chunk of blocks.
pub(super) struct Chunk<'a> {
    pub step: &'a EStep<'a>,
    pub means: &'a NormalMeans<'a>,
    pub blocks: &'a [Block],
    pub mixture: &'a Mixture,
    pub components: &'a [Component],
    pub tables: &'a [(usize, Vec<Table>)],
    pub monitor: &'a Monitor,
}

impl Kernel for Chunk<'_> {
    type Output = Result<Part, Error>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Self::Output {
        let mut work = Work::<V>::new(&self);
        let mut start = 0;
        while start < self.blocks.len() {
            let group = self.blocks[start].group;
            let same = self.blocks[start..].iter().take_while(|b| b.group == group).count();
            let blocks = &self.blocks[start..start + same];
            match &self.means.groups[group].noise {
                GroupNoise::Shared(_) => work.shared(&self, group, blocks)?,
                noise => work.varying(&self, noise, blocks)?,
            }
            start += same;
        }
        Ok(work.part)
    }
}

/// Sums by lanes for one component.
struct LaneSums<V> {
    q: f64,
    /// Of precisions; empty if the noise is shared.
    a: Vec<V>,
    c: Vec<V>,
    y: Vec<V>,
}

impl<V: Lanes> LaneSums<V> {
    #[inline(always)]
    fn new(r: usize, precisions: bool) -> Self {
        let zero = V::splat(0.0);
        let a = vec![zero; if precisions { sum_len(r) } else { 0 }];
        Self { q: 0.0, a, c: vec![zero; sum_len(r)], y: vec![zero; padded(r)] }
    }

    /// The sums over the lanes.
    #[inline(always)]
    fn add_to(&self, out: &mut Sums) {
        out.q += self.q;
        let r = out.y.len();
        for i in 0..r {
            out.y[i] += self.y[i].sum();
            for c in 0..=i {
                let at = sum_offset(i, c);
                let value = self.c[at].sum();
                out.c[(i, c)] += value;
                if c < i {
                    out.c[(c, i)] += value;
                }
                if let Some(a) = self.a.get(at) {
                    let value = a.sum();
                    out.a[(i, c)] += value;
                    if c < i {
                        out.a[(c, i)] += value;
                    }
                }
            }
        }
    }
}

/// One thread's workspace.
struct Work<V> {
    part: Part,
    /// Log densities, then responsibilities, of a block: a column for each component in use.
    logs: Vec<f64>,
    /// Positions in the block where a component matters, and the responsibilities there.
    active: Vec<usize>,
    q: Vec<V>,
    x: Packed<V>,
    residuals: Packed<V>,
    weighted: Packed<V>,
}

impl<V: Lanes> Work<V> {
    #[inline(always)]
    fn new(chunk: &Chunk) -> Self {
        let sums = vec![Sums::zero(chunk.means.conditions); chunk.mixture.len()];
        Self {
            part: Part { sums, raw: Vec::new(), loglik: 0.0 },
            logs: Vec::new(),
            active: Vec::new(),
            q: Vec::new(),
            x: Packed::new(),
            residuals: Packed::new(),
            weighted: Packed::new(),
        }
    }

    /// Responsibilities from `logs`, with the weights of the units of the block.
    #[inline(always)]
    fn normalise(&mut self, chunk: &Chunk, block: &Block, rows: usize) {
        let weights = chunk.step.weights.as_ref().map(|w| &w[block.range.clone()]);
        self.part.loglik += responsibilities::<V>(&mut self.logs, rows, block.range.len(), weights);
    }

    /// Find where component `number` matters in the block: `active` and `q` are set, and the sum of
    /// all its responsibilities is returned.
    #[inline(always)]
    fn select(&mut self, number: usize, floor: f64, rows: usize, count: usize) -> f64 {
        let column = &self.logs[number * rows..number * rows + count];
        self.active.clear();
        self.active.extend((0..count).filter(|&j| column[j] > floor));
        self.q.clear();
        let mut lanes = [0.0; MAX_LANES];
        for active in self.active.chunks(V::N) {
            for lane in 0..V::N {
                lanes[lane] = active.get(lane).map_or(0.0, |&j| column[j]);
            }
            self.q.push(V::load(&lanes));
        }
        column.iter().sum()
    }

    /// Blocks of one group of shared noise.
    #[inline(always)]
    fn shared(&mut self, chunk: &Chunk, group: usize, blocks: &[Block]) -> Result<(), Error> {
        let (means, r) = (chunk.means, chunk.means.conditions);
        let spanning = chunk.tables.iter().find(|(g, _)| *g == group).map(|(_, tables)| tables);
        let mut own = Vec::new();
        if spanning.is_none() {
            for component in chunk.components {
                match Table::new(means, group, chunk.mixture, component) {
                    Some(table) => own.push(table),
                    None => return self.varying(chunk, &means.unit_noise(group), blocks),
                }
            }
        }
        let tables = spanning.unwrap_or(&own);
        let mut sums: Vec<LaneSums<V>> =
            chunk.components.iter().map(|_| LaneSums::new(r, false)).collect();
        let tile = if V::N == 8 { 6 } else { 2 };
        for block in blocks {
            chunk.monitor.advance(block.range.len())?;
            let (start, count) = (block.range.start, block.range.len());
            let groups = count.div_ceil(V::N).next_multiple_of(tile);
            let rows = groups * V::N;
            pack(means, start, &Positions::All(count), groups, None, &mut self.x);
            self.logs.resize(rows * tables.len(), 0.0);
            for (table, out) in tables.iter().zip(self.logs.chunks_exact_mut(rows)) {
                match tile {
                    6 => table.log_densities::<V, 6>(&self.x, out),
                    _ => table.log_densities::<V, 2>(&self.x, out),
                }
            }
            self.normalise(chunk, block, rows);
            for (number, component) in chunk.components.iter().enumerate() {
                sums[number].q += self.select(number, component.floor, rows, count);
                if self.active.is_empty() {
                    continue;
                }
                let sum = &mut sums[number];
                let most = 2 * self.active.len() > count;
                if most && component.mean.is_none() {
                    // Every unit, those that do not matter with a weight of zero.
                    self.q.clear();
                    let column = &self.logs[number * rows..(number + 1) * rows];
                    self.q.extend(column.chunks_exact(V::N).map(V::load));
                    weigh(&self.x, &self.q, &mut self.weighted, &mut sum.y);
                    add_products(&self.x, &self.weighted, &mut sum.c);
                } else {
                    let positions = Positions::Some(&self.active);
                    let mean = component.mean.as_deref();
                    pack(means, start, &positions, self.q.len(), mean, &mut self.residuals);
                    weigh(&self.residuals, &self.q, &mut self.weighted, &mut sum.y);
                    add_products(&self.residuals, &self.weighted, &mut sum.c);
                }
            }
        }
        let raw = sums.iter().map(|sum| {
            let mut raw = Sums::zero(r);
            sum.add_to(&mut raw);
            raw
        });
        if spanning.is_some() {
            self.part.raw.push((group, raw.collect()));
            return Ok(());
        }
        let raw: Vec<Sums> = raw.collect();
        for ((component, raw), table) in chunk.components.iter().zip(&raw).zip(tables) {
            self.part.sums[component.k].add(&table.finish(raw));
        }
        Ok(())
    }

    /// Blocks of units with noise of their own.
    #[inline(always)]
    fn varying(
        &mut self,
        chunk: &Chunk,
        noise: &GroupNoise,
        blocks: &[Block],
    ) -> Result<(), Error> {
        let (means, r, count) = (chunk.means, chunk.means.conditions, chunk.components.len());
        let (mut batch, mut mend) = (Batch::<V>::new(means, noise), Mend::default());
        // Factors of a batch are kept for all components if they fit the second cache.
        let keep = count * Solved::<V>::bytes(r) <= KEEP;
        let mut solved: Vec<Solved<V>> =
            (0..if keep { count } else { 1 }).map(|_| Solved::new(r)).collect();
        let mut sums: Vec<LaneSums<V>> =
            chunk.components.iter().map(|_| LaneSums::new(r, true)).collect();
        // Units that share a batch with few others that a component matters for: they wait until
        // there are enough to fill the lanes.
        let mut waiting: Vec<Vec<(usize, f64)>> = vec![Vec::new(); count];
        let mut positions = Vec::with_capacity(V::N);
        self.logs.resize(V::N * count, 0.0);
        for block in blocks {
            chunk.monitor.advance(block.range.len())?;
            let mut loglik = 0.0;
            for first in block.range.clone().step_by(V::N) {
                chunk.monitor.advance(0)?;
                let range = first..(first + V::N).min(block.range.end);
                positions.clear();
                positions.extend(range.clone());
                batch.load(means, &positions);
                mend.begin();
                for (number, component) in chunk.components.iter().enumerate() {
                    let solved = &mut solved[if keep { number } else { 0 }];
                    let (u, mean) = (&component.covariance, component.mean.as_deref());
                    let mut log = batch.density(r, u, mean, solved);
                    if batch.doubtful(component.largest) {
                        let trust = batch.trust(r, u, solved).to_array();
                        let (mut lanes, of) = (log.to_array(), (number, component));
                        for lane in 0..range.len() {
                            if trust[lane] >= 0.0 {
                                continue;
                            }
                            let at = (lane, first + lane);
                            lanes[lane] = mend.density(means, at, of, chunk.mixture);
                        }
                        // Lanes left over repeat the last: what is no number has no weight either.
                        let last = lanes[range.len() - 1];
                        lanes[range.len()..].fill(last);
                        log = V::load(&lanes);
                    }
                    let log = log + V::splat(component.log_weight);
                    log.store(&mut self.logs[number * V::N..]);
                    let lanes = log.to_array();
                    if let Some(lane) = (0..range.len()).find(|&i| lanes[i].is_nan()) {
                        return Err(Error::SingularNoise { unit: means.row(first + lane) });
                    }
                }
                let weights = chunk.step.weights.as_ref().map(|w| &w[range.clone()]);
                loglik += responsibilities::<V>(&mut self.logs, V::N, range.len(), weights);
                for (number, component) in chunk.components.iter().enumerate() {
                    let q = &self.logs[number * V::N..(number + 1) * V::N];
                    let sum = &mut sums[number];
                    sum.q += q.iter().sum::<f64>();
                    mend.add(number, q, &mut self.part.sums[component.k]);
                    let matters =
                        |lane: &usize| q[*lane] > component.floor && !mend.has(number, *lane);
                    if keep
                        && !mend.any(number)
                        && 4 * (0..V::N).filter(matters).count() >= 3 * V::N
                    {
                        let q = V::load(q);
                        let solved = &mut solved[number];
                        batch.add_precision(r, solved, q, &mut sum.a);
                        self.residuals.resize(padded(r), 1);
                        self.residuals.values.copy_from_slice(&solved.residual);
                        weigh(&self.residuals, &[q], &mut self.weighted, &mut sum.y);
                        add_products(&self.residuals, &self.weighted, &mut sum.c);
                    } else {
                        let lanes = (0..V::N).filter(matters);
                        waiting[number].extend(lanes.map(|lane| (first + lane, q[lane])));
                    }
                }
            }
            self.part.loglik += loglik;
            let last = block.range.end == blocks[blocks.len() - 1].range.end;
            for (number, component) in chunk.components.iter().enumerate() {
                let waiting = &mut waiting[number];
                let ready = if last { waiting.len() } else { waiting.len() / V::N * V::N };
                if ready == 0 {
                    continue;
                }
                let sum = &mut sums[number];
                self.q.clear();
                self.residuals.resize(padded(r), ready.div_ceil(V::N));
                for (group, units) in waiting[..ready].chunks(V::N).enumerate() {
                    chunk.monitor.advance(0)?;
                    positions.clear();
                    positions.extend(units.iter().map(|(position, _)| *position));
                    let mut lanes = [0.0; MAX_LANES];
                    lanes.iter_mut().zip(units).for_each(|(lane, (_, q))| *lane = *q);
                    self.q.push(V::load(&lanes));
                    batch.load(means, &positions);
                    let solved = &mut solved[0];
                    batch.density(r, &component.covariance, component.mean.as_deref(), solved);
                    batch.add_precision(r, solved, self.q[group], &mut sum.a);
                    for (i, &residual) in solved.residual.iter().enumerate() {
                        let at = self.residuals.at(i, group);
                        self.residuals.values[at] = residual;
                    }
                }
                waiting.drain(..ready);
                weigh(&self.residuals, &self.q, &mut self.weighted, &mut sum.y);
                add_products(&self.residuals, &self.weighted, &mut sum.c);
            }
        }
        for (component, sum) in chunk.components.iter().zip(&sums) {
            sum.add_to(&mut self.part.sums[component.k]);
        }
        Ok(())
    }
}

/// Units of a block.
enum Positions<'a> {
    /// This many from the start.
    All(usize),
    /// These, counted from the start.
    Some(&'a [usize]),
}

/// `x - mean` of units of a block, in `groups` groups of lanes; zero past the last unit.
#[inline(always)]
fn pack<V: Lanes>(
    means: &NormalMeans,
    start: usize,
    positions: &Positions,
    groups: usize,
    mean: Option<&[f64]>,
    out: &mut Packed<V>,
) {
    let (units, r) = (means.units, means.conditions);
    out.resize(padded(r), groups);
    let mut lanes = [0.0; MAX_LANES];
    for i in 0..r {
        let m = mean.map_or(0.0, |mean| mean[i]);
        let column = &means.x[i * units + start..(i + 1) * units];
        for g in 0..groups {
            let first = g * V::N;
            let value = match positions {
                Positions::All(count) if first + V::N <= *count => V::load(&column[first..]),
                _ => {
                    for lane in 0..V::N {
                        let j = match positions {
                            Positions::All(count) => {
                                (first + lane < *count).then_some(first + lane)
                            }
                            Positions::Some(list) => list.get(first + lane).copied(),
                        };
                        lanes[lane] = j.map_or(m, |j| column[j]);
                    }
                    V::load(&lanes)
                }
            };
            let at = out.at(i, g);
            out.values[at] = value - V::splat(m);
        }
    }
}
