//! The tables of the caller: their shapes, and the caller's scale.

use std::sync::{Mutex, PoisonError};

use super::Posterior;
use super::accumulate::Accumulator;
use crate::Error;
use crate::linalg::lanes::{Lanes, MAX_LANES};
use crate::normal_means::NormalMeans;
use crate::normal_means::columns::Columns;
use crate::normal_means::problem::Block;

/// Results of a block: six tables, by columns.
pub struct Local {
    units: usize,
    values: Vec<f64>,
    /// The total weight of each unit, as its inverse.
    shares: Vec<f64>,
}

/// How many tables there are: mean, sd, lfdr, negative, positive, lfsr.
const TABLES: usize = 6;

impl Local {
    pub fn new(units: usize, conditions: usize) -> Self {
        let values = vec![0.0; TABLES * conditions * units];
        Self { units, values, shares: vec![0.0; units] }
    }

    /// The finished numbers of one batch.
    #[inline(always)]
    pub fn take<V: Lanes>(&mut self, members: &[usize], sums: &Accumulator<V>) {
        let t = sums.reciprocal_total();
        let r = sums.cells.len();
        for (&unit, &share) in members.iter().zip(&t.to_array()) {
            self.shares[unit] = share;
        }
        for (i, cell) in sums.cells.iter().enumerate() {
            let [zero, negative, positive] = [cell.zero * t, cell.negative * t, cell.positive * t];
            let lfsr = (zero + negative.min(positive)).min(V::splat(1.0));
            let finished = [cell.mean, (cell.spread * t).sqrt(), zero, negative, positive, lfsr];
            for (table, value) in finished.into_iter().enumerate() {
                let value = value.to_array();
                let column = (table * r + i) * self.units;
                for (&unit, &value) in members.iter().zip(&value) {
                    self.values[column + unit] = value;
                }
            }
        }
    }

    /// More components, of weights so small that only probabilities change.
    #[inline(always)]
    pub fn add<V: Lanes>(&mut self, members: &[usize], sums: &Accumulator<V>) {
        let size = sums.cells.len() * self.units;
        for (i, cell) in sums.cells.iter().enumerate() {
            let more = [cell.zero, cell.negative, cell.positive].map(V::to_array);
            for (lane, &unit) in members.iter().enumerate() {
                let at = |table: usize| table * size + i * self.units + unit;
                let share = self.shares[unit];
                let [zero, negative, positive] = [0, 1, 2].map(|probability: usize| {
                    let value = &mut self.values[at(2 + probability)];
                    *value += more[probability][lane] * share;
                    *value
                });
                self.values[at(5)] = (zero + negative.min(positive)).min(1.0);
            }
        }
    }
}

/// The caller's tables.
pub struct Output<'a> {
    columns: Columns<'a>,
    covariance: Option<Mutex<&'a mut [f64]>>,
    scale: Option<&'a [f64]>,
    /// Whether results are put on that scale here.
    rescale: bool,
    conditions: usize,
}

impl<'a> Output<'a> {
    /// Check the shapes: `units` and `conditions` must be positive, the latter the number of results
    /// per unit. Those that are functions of the effects are not put on the caller's scale here.
    pub fn new(
        units: usize,
        conditions: usize,
        tables: Posterior<'a>,
        scale: Option<&'a [f64]>,
        rescale: bool,
    ) -> Result<Self, Error> {
        let shape = |name, expected, found| match expected == found {
            true => Ok(()),
            false => Err(Error::Shape { name, expected, found }),
        };
        let cells = units * conditions;
        let Posterior { mean, sd, lfdr, negative, positive, lfsr, covariance } = tables;
        let mut columns = Columns::default();
        let all = [
            ("mean", mean),
            ("sd", sd),
            ("lfdr", lfdr),
            ("negative", negative),
            ("positive", positive),
            ("lfsr", lfsr),
        ];
        for (name, table) in all {
            shape(name, cells, table.len())?;
            columns.push(units, table);
        }
        if let Some(covariance) = &covariance {
            shape("covariance", cells * conditions, covariance.len())?;
        }
        let covariance = covariance.map(Mutex::new);
        Ok(Self { columns, covariance, scale, rescale, conditions })
    }

    pub fn wants_covariance(&self) -> bool {
        self.covariance.is_some()
    }

    /// The scales of the units at these positions, one per lane.
    #[inline(always)]
    pub fn load_scale<V: Lanes>(&self, means: &NormalMeans, positions: &[usize], out: &mut [V]) {
        let Some(scale) = self.scale else { return };
        for (out, scale) in out.iter_mut().zip(scale.chunks_exact(means.units)) {
            let mut lanes = [1.0; MAX_LANES];
            for (lane, &position) in lanes.iter_mut().zip(positions) {
                *lane = scale[means.row(position)];
            }
            *out = V::load(&lanes);
        }
    }

    /// A finished block; means and standard deviations are put on the caller's scale.
    pub fn write(&self, means: &NormalMeans, block: &Block, mut local: Local) {
        let (j, units) = (means.units, local.units);
        if let (Some(scale), true) = (self.scale, self.rescale) {
            let of = 2 * self.conditions * units; // mean and sd come first
            for (at, value) in local.values[..of].iter_mut().enumerate() {
                let (unit, condition) = (at % units, at / units % self.conditions);
                *value *= scale[condition * j + means.row(block.range.start + unit)];
            }
        }
        self.columns.write(means, block, &local.values);
    }

    /// Covariance matrices of the units at these positions, one after another.
    pub fn write_covariance(&self, means: &NormalMeans, positions: &[usize], from: &mut [f64]) {
        let Some(covariance) = &self.covariance else { return };
        let r = self.conditions;
        for (&position, matrix) in positions.iter().zip(from.chunks_exact_mut(r * r)) {
            let row = means.row(position);
            if let (Some(scale), true) = (self.scale, self.rescale) {
                for (at, value) in matrix.iter_mut().enumerate() {
                    *value *= scale[at / r * means.units + row] * scale[at % r * means.units + row];
                }
            }
            let mut to = covariance.lock().unwrap_or_else(PoisonError::into_inner);
            to[row * r * r..(row + 1) * r * r].copy_from_slice(matrix);
        }
    }
}
