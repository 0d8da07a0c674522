//! Results of blocks straight into the caller's memory, in the caller's order.
//!
//! Blocks finish in any order and, when units were rearranged, write to scattered rows: each column
//! has a lock, held for one short copy, and blocks start at different columns. Every cell is written
//! once, so the result does not depend on the number of threads.

use std::sync::{Mutex, PoisonError};

use super::NormalMeans;
use super::problem::Block;

/// Columns of J numbers, of one table or of several, each behind its lock.
#[derive(Debug, Default)]
pub struct Columns<'a>(Vec<Mutex<&'a mut [f64]>>);

impl<'a> Columns<'a> {
    /// Add the columns of a table of `units` rows.
    pub fn push(&mut self, units: usize, table: &'a mut [f64]) {
        self.0.extend(table.chunks_exact_mut(units.max(1)).map(Mutex::new));
    }

    /// The rows of a block, by columns in arranged order.
    pub fn write(&self, means: &NormalMeans, block: &Block, values: &[f64]) {
        let (units, count) = (block.range.len(), self.0.len());
        let first = block.range.start / units.max(1) * 7 % count.max(1);
        for column in (first..count).chain(0..first) {
            let from = &values[column * units..(column + 1) * units];
            let mut to = self.0[column].lock().unwrap_or_else(PoisonError::into_inner);
            match &means.order {
                None => to[block.range.clone()].copy_from_slice(from),
                Some(order) => {
                    for (&row, &value) in order[block.range.clone()].iter().zip(from) {
                        to[row] = value;
                    }
                }
            }
        }
    }
}
