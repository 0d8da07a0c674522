//! The samples of a few units: components in lanes of units, their samples in lanes of samples.

use std::ops::Range;

use super::Draw;
use super::component::Assignment;
use super::linear::Linear;
use super::table::Table;
use crate::Error;
use crate::linalg::lanes::{Kernel, Lanes, MAX_LANES};
use crate::normal_means::NormalMeans;
use crate::normal_means::batch::Batch;
use crate::normal_means::posterior::Weights;
use crate::normal_means::posterior::eliminate::Elimination;
use crate::normal_means::posterior::mend::Mend;
use crate::normal_means::posterior::panels::Panels;
use crate::normal_means::posterior::plan::{Dense, Line, Plan, Scaled};
use crate::normal_means::problem::GroupNoise;
use crate::random::Stream;

/// Units at arranged positions of one group.
pub struct Tile<'a> {
    pub means: &'a NormalMeans<'a>,
    pub plan: &'a Plan,
    pub weights: Weights<'a>,
    pub draw: Draw,
    pub noise: &'a GroupNoise,
    pub range: Range<usize>,
    /// Functions of the effects that are the results.
    pub linear: Option<&'a Linear<'a>>,
}

impl Kernel for Tile<'_> {
    /// Units by R by M, by columns.
    type Output = Result<Vec<f64>, Error>;

    #[inline(always)]
    fn run<V: Lanes>(self) -> Self::Output {
        let Self { means, plan, weights, draw, noise, range, linear } = self;
        let units = range.len();
        let mut table = Table::new(units, means.conditions, draw.samples);
        let mut mapped = linear.map(|l| (l, Table::new(units, l.a.nrows(), draw.samples)));
        let mut sampler = Sampler::<V>::new(means, noise, plan);
        for first in (0..units).step_by(V::N) {
            let members = first..(first + V::N).min(units);
            let positions: Vec<usize> = members.map(|unit| range.start + unit).collect();
            let assign = |&position: &usize| {
                let row = means.row(position);
                let stream = Stream::new(draw.seed, draw.first_row + row as u64);
                Assignment::new(stream, weights, means.units, row, draw.samples)
            };
            let drawn = positions.iter().map(assign).collect::<Result<Vec<_>, _>>()?;
            sampler.run(means, plan, &positions, Drawn { first, units: &drawn }, &mut table)?;
            if let Some((linear, mapped)) = &mut mapped {
                for (lane, drawn) in drawn.iter().enumerate() {
                    let row = means.row(positions[lane]);
                    linear.map(
                        means.units,
                        row,
                        weights.active,
                        drawn,
                        first + lane,
                        &table,
                        mapped,
                    );
                }
            }
        }
        Ok(mapped.map_or(table.values, |(_, mapped)| mapped.values))
    }
}

/// The units in the lanes, of which the first is number `first` of the tile.
#[derive(Clone, Copy)]
struct Drawn<'a> {
    first: usize,
    units: &'a [Assignment],
}

impl Drawn<'_> {
    fn has(&self, column: usize) -> bool {
        self.units.iter().any(|unit| !unit.of(column).is_empty())
    }

    fn any(&self, scaled: &Scaled) -> bool {
        scaled.scales.iter().any(|&(_, column)| self.has(column))
    }
}

/// Workspace for the batches of one tile.
struct Sampler<V> {
    batch: Batch<V>,
    elimination: Elimination<V>,
    mend: Mend<V>,
    m: Vec<V>,
    mean: Vec<V>,
    variance: Vec<V>,
    /// `(W'W)_rr` and `(W'z)_r`, for components with one condition.
    diagonal: Vec<V>,
    product: Vec<V>,
    /// Normals of some samples, and the effects made of them.
    normals: Vec<V>,
    effects: Vec<V>,
    entries: Vec<f64>,
}

impl<V: Lanes> Sampler<V> {
    #[inline(always)]
    fn new(means: &NormalMeans, noise: &GroupNoise, plan: &Plan) -> Self {
        let batch = Batch::new(means, noise);
        let (np, widest) = (batch.np, plan.widest().max(4));
        let of = |len: usize| vec![V::splat(0.0); len];
        Self {
            elimination: Elimination::new(np, widest, true),
            mend: Mend::new(),
            m: of(np * widest),
            mean: of(np),
            variance: of(np),
            diagonal: of(np),
            product: of(np),
            normals: of(widest + 2),
            effects: of(np.div_ceil(8) * 8),
            entries: vec![0.0; np * (widest + 1) * MAX_LANES],
            batch,
        }
    }

    #[inline(always)]
    fn run(
        &mut self,
        means: &NormalMeans,
        plan: &Plan,
        positions: &[usize],
        drawn: Drawn,
        table: &mut Table,
    ) -> Result<(), Error> {
        self.batch.load(means, positions);
        if let Some(lane) = self.batch.singular(positions.len()) {
            return Err(Error::SingularNoise { unit: means.row(positions[lane]) });
        }
        self.mend.begin(&self.batch, positions.len());
        self.components(means, plan, positions, drawn, table)
            .map_err(|lane| Error::SingularNoise { unit: means.row(positions[lane]) })
    }

    /// All components. Fails with the lane of a unit whose noise is singular.
    #[inline(always)]
    fn components(
        &mut self,
        means: &NormalMeans,
        plan: &Plan,
        positions: &[usize],
        drawn: Drawn,
        table: &mut Table,
    ) -> Result<(), usize> {
        if plan.singletons.iter().any(|(line, ..)| drawn.any(&line.scaled)) {
            self.batch.precision(&mut self.diagonal, &mut self.product);
        }
        for (line, r, f) in &plan.singletons {
            let f = V::splat(*f);
            let (mut g, mut h) = (f * f * self.diagonal[*r], f * self.product[*r]);
            self.mend.line(means, positions, &line.factor, &mut g, &mut h)?;
            sample_line(line, g, h, drawn, table);
        }
        for (lines, factor) in &plan.lines {
            if !lines.iter().any(|line| drawn.any(&line.scaled)) {
                continue;
            }
            let (mut g, mut h) = self.batch.rank_ones(factor, &mut self.m);
            for (c, line) in lines.iter().enumerate() {
                self.mend.line(means, positions, &line.factor, &mut g[c], &mut h[c])?;
                sample_line(line, g[c], h[c], drawn, table);
            }
        }
        for dense in plan.dense.iter().filter(|dense| drawn.any(&dense.scaled)) {
            self.dense(means, dense, positions, drawn, table)?;
        }
        Ok(())
    }

    #[inline(always)]
    fn dense(
        &mut self,
        means: &NormalMeans,
        dense: &Dense,
        positions: &[usize],
        drawn: Drawn,
        table: &mut Table,
    ) -> Result<(), usize> {
        let (packed, columns) = (&dense.packed, dense.packed.columns);
        let m = &mut self.m[..self.batch.np * columns];
        self.batch.whiten(&dense.factor, m);
        self.elimination.prepare(columns, m, &self.batch.z);
        let largest = self.elimination.largest(columns);
        let (support, rank) = (&packed.support, dense.factor.rank);
        for &(w, column) in dense.scaled.scales.iter().filter(|(_, column)| drawn.has(*column)) {
            self.elimination.factor(columns, w);
            self.elimination.moments(packed, w, &mut self.mean, &mut self.variance);
            // [root, mean], to be multiplied by [normals; 1]; by rows, each entry for all lanes.
            let root = V::splat(w.sqrt());
            let entries = self.entries.chunks_exact_mut(MAX_LANES);
            for (at, entry) in entries.enumerate().take(support.len() * (rank + 1)) {
                let (at, c) = (at / (rank + 1), at % (rank + 1));
                let value = match c < rank {
                    true => root * self.elimination.root(packed, at, columns - 1 - c),
                    false => self.mean[at],
                };
                value.store(entry);
            }
            let lost = self.mend.lost(&self.elimination, (columns, w, largest));
            self.mend.component(means, positions, dense, (w, lost))?;
            for (lane, moments) in self.mend.moments() {
                for (at, entries) in
                    self.entries.chunks_exact_mut((rank + 1) * MAX_LANES).enumerate()
                {
                    let Some(mean) = moments.mean.get(at) else { break };
                    let root = moments.root[at * rank..(at + 1) * rank].iter().chain([mean]);
                    for (entry, value) in entries.chunks_exact_mut(MAX_LANES).zip(root) {
                        entry[*lane] = *value;
                    }
                }
            }
            for (lane, unit) in drawn.units.iter().enumerate() {
                let samples = unit.of(column);
                if samples.is_empty() {
                    continue;
                }
                let entries = &self.entries;
                let map = Panels::new(support.len(), rank + 1, |at, c| {
                    entries[(at * (rank + 1) + c) * MAX_LANES + lane]
                });
                for samples in samples.chunks(V::N) {
                    for pair in 0..rank.div_ceil(2) {
                        let (a, b) = unit.stream.normals::<V>(samples, pair as u32);
                        self.normals[2 * pair] = a;
                        self.normals[2 * pair + 1] = b;
                    }
                    self.normals[rank] = V::splat(1.0);
                    map.multiply(&self.normals[..rank + 1], &mut self.effects);
                    for (&condition, &effect) in support.iter().zip(&self.effects) {
                        table.put(drawn.first + lane, samples, condition, effect);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The samples of a component of rank one, `b = f a`: with `g = m'm` and `h = m'z`, `a` has mean
/// `w h / (1 + wg)` and variance `w / (1 + wg)`.
#[inline(always)]
fn sample_line<V: Lanes>(line: &Line, g: V, h: V, drawn: Drawn, table: &mut Table) {
    for &(w, column) in line.scaled.scales.iter().filter(|(_, column)| drawn.has(*column)) {
        let variance = V::splat(w).div(V::splat(w).mul_add(g, V::splat(1.0)));
        let (mean, sd) = ((variance * h).to_array(), variance.sqrt().to_array());
        for (lane, unit) in drawn.units.iter().enumerate() {
            for samples in unit.of(column).chunks(V::N) {
                let (normal, _) = unit.stream.normals::<V>(samples, 0);
                let a = V::splat(sd[lane]).mul_add(normal, V::splat(mean[lane]));
                for (condition, &f) in line.f.iter().enumerate().filter(|(_, f)| **f != 0.0) {
                    table.put(drawn.first + lane, samples, condition, V::splat(f) * a);
                }
            }
        }
    }
}
