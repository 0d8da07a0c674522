//! Log-likelihoods `log N(x_j; 0, N_j + w_l^2 U_k)` of all units under all components, by blocks.
//!
//! Per unit and matrix one reduction serves the whole grid. Operations per (unit, matrix), R
//! conditions, rank r, L scales:
//! - shared noise: `2Rr + 2rL`;
//! - rank one: `R^2` (a single condition: none of its own), then a logarithm per scale;
//! - low rank: `R^2 r + R r^2 + 4/3 r^3`, then O(r) per scale;
//! - full rank: `4/3 R^3` for diagonal V, `2 R^3` otherwise, then O(R) per scale.

mod per_unit;
mod tile;

use faer::prelude::*;
use rayon::prelude::*;

use super::problem::{Block, Group, GroupNoise, NormalMeans};
use super::shared::SharedBasis;
use crate::linalg::lanes::dispatch;
use crate::{Error, Monitor, Prior};

use per_unit::{PerUnit, Plan};
use tile::{Shared, Table};

/// The components to evaluate, and all that is worked out once about them.
pub struct Likelihood<'a> {
    means: &'a NormalMeans<'a>,
    columns: Columns,
    plan: Plan,
    /// For each group, the table of each matrix if the group's noise is shared.
    tables: Vec<Vec<Option<Table>>>,
    bases: Vec<Vec<Option<SharedBasis>>>,
    /// Groups of shared noise that are worked out unit by unit, since their tables have lost digits.
    lost: Vec<bool>,
}

/// Which components are wanted, and the column of the output that each goes to.
#[derive(Debug, Clone)]
pub struct Columns {
    /// The point mass.
    pub null: Option<usize>,
    /// For each matrix, its wanted scales: `(w_l^2, column)`.
    pub scales: Vec<Vec<(f64, usize)>>,
    /// How many there are.
    pub count: usize,
}

impl Columns {
    fn new(prior: &Prior, wanted: impl Iterator<Item = usize>) -> Self {
        let mut columns =
            Self { null: None, scales: vec![Vec::new(); prior.factors.len()], count: 0 };
        for p in wanted {
            match prior.locate(p) {
                None => columns.null = Some(columns.count),
                Some((k, l)) => columns.scales[k].push((prior.scales[k][l], columns.count)),
            }
            columns.count += 1;
        }
        columns
    }
}

impl<'a> Likelihood<'a> {
    /// All components, in the prior's order.
    pub fn new(means: &'a NormalMeans<'a>, prior: &Prior) -> Result<Self, Error> {
        Self::build(means, prior, Columns::new(prior, 0..prior.len()))
    }

    /// Only some components, in the order given.
    pub fn of(means: &'a NormalMeans<'a>, prior: &Prior, p: &[usize]) -> Result<Self, Error> {
        Self::build(means, prior, Columns::new(prior, p.iter().copied()))
    }

    fn build(means: &'a NormalMeans<'a>, prior: &Prior, columns: Columns) -> Result<Self, Error> {
        if prior.conditions != means.conditions {
            let (expected, found) = (means.conditions, prior.conditions);
            return Err(Error::Shape { name: "prior covariance", expected, found });
        }
        let plan = Plan::new(prior, &columns);
        let bases: Vec<Vec<Option<SharedBasis>>> = means
            .groups
            .iter()
            .map(|group| match &group.noise {
                GroupNoise::Shared(noise) => (0..prior.factors.len())
                    .into_par_iter()
                    .map(|k| {
                        let wanted = !columns.scales[k].is_empty();
                        wanted.then(|| SharedBasis::new(noise.whitener.as_ref(), &prior.factors[k]))
                    })
                    .collect(),
                _ => Vec::new(),
            })
            .collect();
        let lost = |(group, bases): (&Group, &Vec<Option<SharedBasis>>)| match &group.noise {
            GroupNoise::Shared(noise) => {
                let scaled = bases.iter().zip(&columns.scales);
                let loses = |(basis, scales): (&Option<SharedBasis>, &Vec<(f64, usize)>)| {
                    let largest = scales.iter().map(|s| s.0).fold(0.0, f64::max);
                    basis.as_ref().is_some_and(|basis| !basis.trusted(largest))
                };
                !noise.trusted || scaled.into_iter().any(loses)
            }
            _ => false,
        };
        let lost = means.groups.iter().zip(&bases).map(lost).collect();
        let table = |(basis, scales): (&Option<SharedBasis>, &Vec<(f64, usize)>)| {
            basis.as_ref().map(|basis| Table::new(basis, scales))
        };
        let tables = bases
            .iter()
            .map(|bases| bases.iter().zip(&columns.scales).map(table).collect())
            .collect();
        Ok(Self { means, columns, plan, tables, bases, lost })
    }

    /// The number of components evaluated.
    pub fn len(&self) -> usize {
        self.columns.count
    }

    /// Whether no component is evaluated.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The matrices in the eigenbasis of each shared group: `[group][k]`.
    pub fn bases(&self) -> &[Vec<Option<SharedBasis>>] {
        &self.bases
    }

    /// One block of units: `out` has a row for each, in arranged order, and a column for each
    /// component. Fails if the noise of a unit is not positive definite.
    pub fn block(&self, block: &Block, mut out: MatMut<'_, f64>) -> Result<(), Error> {
        let noise = match &self.means.groups[block.group].noise {
            GroupNoise::Shared(noise) if !self.lost[block.group] => noise,
            _ => return self.unit_by_unit(block, out),
        };
        let tables = &self.tables[block.group];
        let (means, columns) = (self.means, &self.columns);
        let far = {
            let out = out.rb_mut();
            dispatch(Shared { means, block, noise, tables, columns, out })
        };
        far.into_iter().try_for_each(|row| {
            let position = block.range.start + row;
            let one = Block { group: block.group, range: position..position + 1 };
            self.unit_by_unit(&one, out.rb_mut().subrows_mut(row, 1))
        })
    }

    /// The same without what units of a group share.
    fn unit_by_unit(&self, block: &Block, out: MatMut<'_, f64>) -> Result<(), Error> {
        let (means, columns, plan) = (self.means, &self.columns, &self.plan);
        let noise = &means.unit_noise(block.group);
        match dispatch(PerUnit { means, block, noise, plan, columns, out }) {
            None => Ok(()),
            Some(position) => Err(Error::SingularNoise { unit: means.row(position) }),
        }
    }

    /// All units, in the caller's order: J rows, a column for each component.
    pub fn all(&self, mut out: MatMut<'_, f64>, monitor: &Monitor) -> Result<(), Error> {
        self.arranged(out.rb_mut(), monitor)?;
        if self.means.order.is_some() {
            out.par_columns(|column| self.means.restore(column));
        }
        Ok(())
    }

    /// All units, in arranged order.
    pub fn arranged(&self, out: MatMut<'_, f64>, monitor: &Monitor) -> Result<(), Error> {
        let mut rows = Vec::new();
        let mut rest = out;
        for block in self.means.blocks() {
            let (top, below) = rest.split_at_row_mut(block.range.len());
            rows.push((block, top));
            rest = below;
        }
        rows.into_par_iter().try_for_each(|(block, out)| {
            monitor.advance(block.range.len())?;
            self.block(&block, out)
        })
    }
}

/// Work on the columns of a column-major matrix in parallel.
trait ParColumns {
    fn par_columns(self, work: impl Fn(&mut [f64]) + Sync);
}

impl ParColumns for MatMut<'_, f64> {
    fn par_columns(self, work: impl Fn(&mut [f64]) + Sync) {
        let mut columns = Vec::with_capacity(self.ncols());
        let mut rest = self;
        while rest.ncols() > 0 {
            let (first, others) = rest.split_at_col_mut(1);
            columns.push(first);
            rest = others;
        }
        columns.into_par_iter().for_each(|column| {
            if let Some(column) = column.col_mut(0).try_as_col_major_mut() {
                work(column.as_slice_mut());
            }
        });
    }
}

/// Rows `0..values.len()` of a column of a block.
fn write_column(out: &mut MatMut<'_, f64>, column: usize, row: usize, values: &[f64]) {
    if let Some(column) = out.rb_mut().col_mut(column).try_as_col_major_mut() {
        column.as_slice_mut()[row..row + values.len()].copy_from_slice(values);
    }
}

#[cfg(test)]
mod tests;
