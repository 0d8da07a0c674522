//! Samples as they are drawn: by columns, a block of units at once.

use crate::linalg::lanes::Lanes;

/// Samples of the units, units by R by M, by columns.
pub struct Table {
    pub units: usize,
    pub conditions: usize,
    pub values: Vec<f64>,
}

impl Table {
    pub fn new(units: usize, conditions: usize, samples: usize) -> Self {
        Self { units, conditions, values: vec![0.0; units * conditions * samples] }
    }

    /// Where a sample's number for a condition is.
    #[inline(always)]
    pub fn at(&self, unit: usize, sample: u32, condition: usize) -> usize {
        (sample as usize * self.conditions + condition) * self.units + unit
    }

    /// One condition of some samples of a unit.
    #[inline(always)]
    pub fn put<V: Lanes>(&mut self, unit: usize, samples: &[u32], condition: usize, value: V) {
        let value = value.to_array();
        for (&sample, &value) in samples.iter().zip(&value) {
            let at = self.at(unit, sample, condition);
            self.values[at] = value;
        }
    }
}
