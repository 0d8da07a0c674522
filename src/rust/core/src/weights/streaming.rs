//! The same problem for a matrix that is too large to hold: column generation over blocks of rows.
//!
//! The weights start from a sample of the rows. Then, in rounds:
//! 1. *price*: one pass over all rows, block by block, evaluates every column and drops it again;
//!    with `u_j = sum_p pi_p exp(l_jp)` it yields the objective and the certificate,
//!    `g_p = [sum_j exp(l_jp) / u_j + c_p / pi_p] / N` of all columns;
//! 2. stop if no column outside the held ones has `g_p > 1`;
//! 3. *hold*: the support and the columns of largest `g_p` are kept for all rows, J x |C| numbers,
//!    and the problem on them is solved by [`mixture_weights`].
//!
//! A held column is `exp(l_jp - t_j)`, where `t_j` is the largest of the columns held so far: a
//! column that raises it rescales the others. Sums run over fixed groups of blocks.

mod price;

use std::ops::Range;

use rayon::prelude::*;

use super::mixture_weights;
use super::passes::penalise;
use super::problem::{normalise, violation};
use super::scale::{self, scale_block, scale_by};
use super::{Likelihoods, Mixture, Options, check_dirichlet, check_positive};
use crate::{Ended, Error, Monitor, Stop, memory};

pub use price::{Point, Sums};

/// Log-likelihoods that are computed when they are needed.
pub trait LogLikelihoods: Sync {
    /// Some of the columns, prepared.
    type Subset: Sync;

    /// The number of columns.
    fn columns(&self) -> usize;

    /// Consecutive ranges that cover the rows.
    fn blocks(&self) -> Vec<Range<usize>>;

    /// Prepare some columns, in this order.
    fn subset(&self, columns: &[usize]) -> Result<Self::Subset, Error>;

    /// The rows of one block, by columns without gaps.
    fn block(&self, subset: &Self::Subset, block: usize, out: &mut [f64]) -> Result<(), Error>;
}

/// The smallest sample of rows.
const SMALLEST_SAMPLE: usize = 500;
/// A sample that is worth its time on any problem; with more rows, one in sixteen.
const SAMPLE: usize = 50_000;
/// Columns within this of violating optimality are held before they do.
const NEAR: f64 = 1e-2;
/// Room beside the support for columns to enter, however small the memory.
const ROOM: usize = 16;
/// Most rounds; a handful is usual.
const ROUNDS: usize = 60;

/// Estimate the proportions as [`mixture_weights`] does, holding about `memory` bytes of columns:
/// the support and the penalised columns always, of others as many as fit.
///
/// The objective is that of the log-likelihoods themselves.
///
/// # Errors
/// As for [`mixture_weights`]; and what `source` returns.
pub fn mixture_weights_by_blocks<S: LogLikelihoods>(
    source: &S,
    dirichlet: &[f64],
    start: Option<&[f64]>,
    options: Options,
    memory: usize,
    monitor: &Monitor,
) -> Result<Mixture, Error> {
    check_dirichlet(dirichlet, source.columns())?;
    check_positive("start", start, source.columns())?;
    let stream = Stream::new(source, dirichlet, monitor)?;
    let mut x = match start {
        Some(start) => start.to_vec(),
        None => stream.solve_sample(memory)?,
    };
    for (x, a) in x.iter_mut().zip(dirichlet) {
        *x = x.max((a - 1.0) / stream.total);
    }
    normalise(&mut x);
    let mut held = Held::new(stream.rows, memory);
    let (mut trace, mut iterations, mut inner) = (Vec::new(), 0, Stop::Stalled);
    for round in 0.. {
        let here = stream.price(&x)?;
        trace.pop();
        trace.push(here.value);
        let kkt = violation(&here.g);
        let violated = |&p: &usize| here.g[p] > 1.0 + 0.1 * options.tol && !held.has(p);
        let violators = (0..x.len()).filter(violated).count();
        let left = options.max_iter.saturating_sub(iterations);
        // Where the held columns leave nothing to do, theirs was the last word.
        let settled = match round {
            0 => kkt <= options.tol && violators == 0,
            _ => violators == 0 || round == ROUNDS,
        };
        if settled || left == 0 {
            let stop = match kkt <= options.tol {
                true => Stop::Converged,
                false if left == 0 => Stop::Iterations,
                false if inner == Stop::Converged => Stop::Stalled,
                false => inner,
            };
            return Ok(stream.finish(x, kkt, Ended::new(stop, iterations, trace)));
        }
        let wanted = held.wanted(&x, &here.g, dirichlet);
        stream.hold(&mut held, wanted)?;
        let fit = stream.solve(&held, &x, Options { max_iter: left, ..options })?;
        x.fill(0.0);
        held.columns.iter().zip(&fit.pi).for_each(|(&p, &pi)| x[p] = pi);
        iterations += fit.ended.iterations;
        inner = fit.ended.stop;
        trace.pop();
        trace.extend(&fit.ended.trace);
    }
    unreachable!("the loop ends by returning")
}

/// What one pass over the rows of `source` says about the point `x`, for callers with more rows
/// than one source has: sums of several sources add up. See
/// [`mixture_weights_by_passes`](super::mixture_weights_by_passes).
pub fn mixture_sums<S: LogLikelihoods>(
    source: &S,
    point: Point<'_>,
    monitor: &Monitor,
) -> Result<Sums, Error> {
    check_positive("pi", Some(point.x), source.columns())?;
    if let Some(&p) = point.columns.iter().find(|&&p| p >= source.columns()) {
        let why = format!("has number {}, but there are {}", p + 1, source.columns());
        return Err(Error::Value { name: "columns", why });
    }
    let all = source.subset(&(0..source.columns()).collect::<Vec<_>>())?;
    price::sum(source, &source.blocks(), &all, point, monitor)
}

/// The whole problem, by blocks.
struct Stream<'a, S: LogLikelihoods> {
    source: &'a S,
    dirichlet: &'a [f64],
    blocks: Vec<Range<usize>>,
    /// All columns.
    all: S::Subset,
    rows: usize,
    /// `N`.
    total: f64,
    monitor: &'a Monitor,
}

impl<'a, S: LogLikelihoods> Stream<'a, S> {
    fn new(source: &'a S, dirichlet: &'a [f64], monitor: &'a Monitor) -> Result<Self, Error> {
        let blocks = source.blocks();
        let rows = blocks.last().map_or(0, |block| block.end);
        if rows == 0 || source.columns() == 0 {
            let why = "has no rows or no columns".into();
            return Err(Error::Value { name: "loglik", why });
        }
        let all = source.subset(&(0..source.columns()).collect::<Vec<_>>())?;
        let total = rows as f64 + dirichlet.iter().map(|a| a - 1.0).sum::<f64>();
        Ok(Self { source, dirichlet, blocks, all, rows, total, monitor })
    }

    /// The objective and `g` at `x`.
    fn price(&self, x: &[f64]) -> Result<Sums, Error> {
        let point = Point { x, columns: &[], floor: 0.0 };
        let mut sums = price::sum(self.source, &self.blocks, &self.all, point, self.monitor)?;
        penalise(&mut sums, x, &[], self.dirichlet, self.total);
        Ok(sums)
    }

    /// The weights that suit a sample of the blocks, spread evenly.
    fn solve_sample(&self, memory: usize) -> Result<Vec<f64>, Error> {
        let cols = self.source.columns();
        let most = SAMPLE.max(self.rows / 16);
        let wanted = (memory / (32 * cols)).clamp(SMALLEST_SAMPLE, most);
        let sample: Vec<usize> =
            (0..self.blocks.len()).step_by(self.rows.div_ceil(wanted)).collect();
        let mut rows = 0;
        let ranges: Vec<Range<usize>> = sample
            .iter()
            .map(|&b| {
                rows += self.blocks[b].len();
                rows - self.blocks[b].len()..rows
            })
            .collect();
        let mut values = memory::zeros(rows * cols)?;
        let pieces = by_blocks(&mut values, rows, &ranges);
        pieces.into_par_iter().zip(&sample).try_for_each(|(mut columns, &b)| {
            let n = self.blocks[b].len();
            self.monitor.advance(n)?;
            let mut buffer = vec![0.0; n * cols];
            self.source.block(&self.all, b, &mut buffer)?;
            columns.iter_mut().zip(buffer.chunks_exact(n)).for_each(|(c, l)| c.copy_from_slice(l));
            let mut top = vec![f64::NEG_INFINITY; n];
            match scale_block(&mut columns, &mut top) {
                true => Ok(()),
                false => Err(scale::complain(&columns, &top, self.blocks[b].start)),
            }
        })?;
        let share = rows as f64 / self.rows as f64;
        let dirichlet: Vec<f64> = self.dirichlet.iter().map(|a| 1.0 + (a - 1.0) * share).collect();
        let view = Likelihoods::new(&values, rows, cols, rows)?;
        let rough = Options { tol: 1e-5, max_iter: 50, ..Options::default() };
        Ok(mixture_weights(view, &dirichlet, None, None, rough, self.monitor)?.pi)
    }

    /// Hold these columns: let others go, and fill in those that are new.
    fn hold(&self, held: &mut Held, wanted: Vec<usize>) -> Result<(), Error> {
        held.keep_only(&wanted);
        let new: Vec<usize> = wanted.into_iter().filter(|&p| !held.has(p)).collect();
        let (old, subset) = (held.columns.len(), self.source.subset(&new)?);
        held.columns.extend(&new);
        let needed = held.columns.len() * held.stride;
        if held.values.len() < needed {
            let more = needed - held.values.len();
            let bytes = size_of::<f64>() * needed;
            held.values.try_reserve_exact(more).map_err(|_| Error::Memory { bytes })?;
            held.values.resize(needed, 0.0);
        }
        let pieces = by_blocks(&mut held.values[..needed], held.stride, &self.blocks);
        let tops = split(&mut held.top, &self.blocks);
        pieces.into_par_iter().zip(tops).enumerate().try_for_each(|(b, (mut columns, top))| {
            let n = self.blocks[b].len();
            self.monitor.advance(n)?;
            let mut buffer = vec![0.0; n * new.len()];
            self.source.block(&subset, b, &mut buffer)?;
            let before = top.to_vec();
            for column in buffer.chunks_exact(n) {
                top.iter_mut().zip(column).for_each(|(t, l)| *t = if l > t { *l } else { *t });
            }
            let (old, new) = columns.split_at_mut(old);
            rescale(old, &before, top);
            for (column, loglik) in new.iter_mut().zip(buffer.chunks_exact(n)) {
                column.copy_from_slice(loglik);
                scale_by(column, top);
            }
            Ok(())
        })
    }

    /// The best weights of the held columns, and the objective of the log-likelihoods themselves.
    fn solve(&self, held: &Held, x: &[f64], options: Options) -> Result<Mixture, Error> {
        let of = |all: &[f64]| held.columns.iter().map(|&p| all[p]).collect::<Vec<f64>>();
        let view = Likelihoods::new(&held.values, self.rows, held.columns.len(), held.stride)?;
        let (dirichlet, start) = (of(self.dirichlet), of(x));
        let fit = mixture_weights(view, &dirichlet, None, Some(&start), options, self.monitor)?;
        Ok(fit.unscale(&held.top, None))
    }

    fn finish(&self, pi: Vec<f64>, kkt: f64, ended: Ended) -> Mixture {
        let kkt = kkt.max(0.0);
        let (objective, gap) = (ended.last(), self.total * kkt.ln_1p());
        Mixture { pi, objective, kkt, gap, ended }
    }
}

/// The columns that are kept for all rows.
struct Held {
    /// Which, in the order of their places.
    columns: Vec<usize>,
    /// `exp(l_jp - top_j)`, by columns `stride` apart.
    values: Vec<f64>,
    /// The largest log-likelihood of each row among the columns ever held.
    top: Vec<f64>,
    stride: usize,
    /// How many columns fit.
    capacity: usize,
}

impl Held {
    fn new(rows: usize, memory: usize) -> Self {
        let stride = super::stride(rows);
        let capacity = memory / (8 * stride);
        Self {
            columns: Vec::new(),
            values: Vec::new(),
            top: vec![f64::NEG_INFINITY; rows],
            stride,
            capacity,
        }
    }

    fn has(&self, p: usize) -> bool {
        self.columns.contains(&p)
    }

    /// The support, the penalised columns, and of those near a violation as many as fit.
    fn wanted(&self, x: &[f64], g: &[f64], dirichlet: &[f64]) -> Vec<usize> {
        let (mut wanted, mut others): (Vec<usize>, Vec<usize>) =
            (0..x.len()).partition(|&p| x[p] > 0.0 || dirichlet[p] > 1.0);
        others.retain(|&p| g[p] > 1.0 - NEAR);
        others.sort_by(|&a, &b| g[b].total_cmp(&g[a]));
        others.truncate(self.capacity.saturating_sub(wanted.len()).max(ROOM));
        wanted.append(&mut others);
        wanted
    }

    /// The last column takes the place of one that goes.
    fn keep_only(&mut self, wanted: &[usize]) {
        let mut at = 0;
        while at < self.columns.len() {
            if wanted.contains(&self.columns[at]) {
                at += 1;
                continue;
            }
            let last = self.columns.len() - 1;
            self.values.copy_within(last * self.stride..(last + 1) * self.stride, at * self.stride);
            self.columns.swap_remove(at);
        }
    }
}

/// Columns relative to larger maxima than before.
fn rescale(columns: &mut [&mut [f64]], before: &[f64], after: &[f64]) {
    for (j, (before, after)) in before.iter().zip(after).enumerate() {
        if before < after {
            let factor = (before - after).exp();
            columns.iter_mut().for_each(|column| column[j] *= factor);
        }
    }
}

/// Consecutive pieces of a vector.
fn split<'a>(mut x: &'a mut [f64], ranges: &[Range<usize>]) -> Vec<&'a mut [f64]> {
    let mut out = Vec::with_capacity(ranges.len());
    for range in ranges {
        let (piece, rest) = x.split_at_mut(range.len());
        out.push(piece);
        x = rest;
    }
    out
}

/// For each block of rows, its pieces of all columns.
fn by_blocks<'a>(
    values: &'a mut [f64],
    stride: usize,
    ranges: &[Range<usize>],
) -> Vec<Vec<&'a mut [f64]>> {
    let cols = values.len().div_ceil(stride);
    let mut out: Vec<Vec<&mut [f64]>> = ranges.iter().map(|_| Vec::with_capacity(cols)).collect();
    for column in values.chunks_mut(stride) {
        for (pieces, piece) in out.iter_mut().zip(split(column, ranges)) {
            pieces.push(piece);
        }
    }
    out
}

#[cfg(test)]
mod tests;
