//! The tables of the caller: their shapes, and the caller's scale.

use std::sync::{Mutex, PoisonError};

use super::Posterior;
use super::batch::Local;
use crate::Error;
use crate::normal_means::NormalMeans;
use crate::normal_means::columns::Columns;
use crate::normal_means::problem::Block;

/// The caller's tables.
pub struct Output<'a> {
    columns: Columns<'a>,
    covariance: Option<Mutex<&'a mut [f64]>>,
    scale: Option<&'a [f64]>,
}

impl<'a> Output<'a> {
    /// Check the shapes: `units` and `conditions` must be positive.
    pub fn new(
        units: usize,
        conditions: usize,
        tables: Posterior<'a>,
        scale: Option<&'a [f64]>,
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
        if let Some(scale) = scale {
            shape("scale", cells, scale.len())?;
        }
        Ok(Self { columns, covariance: covariance.map(Mutex::new), scale })
    }

    pub fn wants_covariance(&self) -> bool {
        self.covariance.is_some()
    }

    /// A finished block; means and standard deviations are put on the caller's scale.
    pub fn write(&self, means: &NormalMeans, block: &Block, mut local: Local) {
        let (j, units) = (means.units, local.units);
        if let Some(scale) = self.scale {
            let of = 2 * means.conditions * units; // mean and sd come first
            for (at, value) in local.values[..of].iter_mut().enumerate() {
                let (unit, condition) = (at % units, at / units % means.conditions);
                *value *= scale[condition * j + means.row(block.range.start + unit)];
            }
        }
        self.columns.write(means, block, &local.values);
    }

    /// Covariance matrices of the units at these positions, one after another.
    pub fn write_covariance(&self, means: &NormalMeans, positions: &[usize], from: &mut [f64]) {
        let Some(covariance) = &self.covariance else { return };
        let r = means.conditions;
        for (&position, matrix) in positions.iter().zip(from.chunks_exact_mut(r * r)) {
            let row = means.row(position);
            if let Some(scale) = self.scale {
                for (at, value) in matrix.iter_mut().enumerate() {
                    *value *= scale[at / r * means.units + row] * scale[at % r * means.units + row];
                }
            }
            let mut to = covariance.lock().unwrap_or_else(PoisonError::into_inner);
            to[row * r * r..(row + 1) * r * r].copy_from_slice(matrix);
        }
    }
}
