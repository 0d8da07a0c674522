//! Which units share the lanes of a batch.
//!
//! A batch works through the union of its units' components, so units with similar ones belong
//! together. What a unit gets does not depend on its companions: lanes never mix.

use super::plan::Scaled;
use crate::linalg::lanes::{Lanes, MAX_LANES};

/// For each unit, the set of columns in which it has weight, as bits.
#[derive(Debug)]
pub struct Sets {
    words: usize,
    bits: Vec<u64>,
}

impl Sets {
    /// From the weights of `units` units by columns; zero means none.
    pub fn new(units: usize, weights: &[f64]) -> Self {
        let columns = weights.len().checked_div(units).unwrap_or(0);
        let words = columns.div_ceil(64).max(1);
        let mut bits = vec![0; units * words];
        for (c, column) in weights.chunks_exact(units.max(1)).enumerate() {
            for (i, w) in column.iter().enumerate() {
                bits[i * words + c / 64] |= u64::from(*w > 0.0) << (c % 64);
            }
        }
        Self { words, bits }
    }

    fn units(&self) -> usize {
        self.bits.len() / self.words
    }

    fn of(&self, unit: usize) -> &[u64] {
        &self.bits[unit * self.words..(unit + 1) * self.words]
    }

    /// The columns in which any of these units has weight.
    pub fn union(&self, units: &[usize]) -> Vec<u64> {
        let mut union = vec![0; self.words];
        for &unit in units {
            union.iter_mut().zip(self.of(unit)).for_each(|(a, b)| *a |= b);
        }
        union
    }

    /// An order of the units in which every `lanes` successive ones have few columns in their union.
    ///
    /// Greedy: a batch starts with the unit that has most, and takes the one that adds fewest new
    /// columns, of those the one with most.
    pub fn line_up(&self, lanes: usize) -> Vec<usize> {
        self.line_up_of(0..self.units(), lanes)
    }

    /// Of some units.
    pub fn line_up_of(&self, units: impl IntoIterator<Item = usize>, lanes: usize) -> Vec<usize> {
        let count = |set: &[u64]| set.iter().map(|w| w.count_ones()).sum::<u32>();
        let mut left: Vec<(u32, usize)> =
            units.into_iter().map(|i| (count(self.of(i)), i)).collect();
        left.sort_by_key(|&(size, i)| (std::cmp::Reverse(size), i));
        let mut order = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let (_, first) = left.remove(0);
            let mut union = self.of(first).to_vec();
            order.push(first);
            for _ in 1..lanes.min(left.len() + 1) {
                let adds = |unit: usize| -> u32 {
                    self.of(unit).iter().zip(&union).map(|(a, b)| (a & !b).count_ones()).sum()
                };
                // The first least one is the largest, as `left` is sorted by size.
                let mut best = (u32::MAX, 0);
                for (i, &(_, unit)) in left.iter().enumerate() {
                    let new = adds(unit);
                    if new < best.0 {
                        best = (new, i);
                    }
                    if new == 0 {
                        break;
                    }
                }
                let (_, unit) = left.remove(best.1);
                union.iter_mut().zip(self.of(unit)).for_each(|(a, b)| *a |= b);
                order.push(unit);
            }
        }
        order
    }
}

/// The weights of the units of one batch.
pub struct Lineup<'a> {
    /// Weights of the block by columns, and its number of units.
    weights: &'a [f64],
    units: usize,
    /// The units in the lanes, numbered within the block.
    members: &'a [usize],
    union: Vec<u64>,
}

impl<'a> Lineup<'a> {
    /// From the weights of a block by columns.
    pub fn new(weights: &'a [f64], sets: &Sets, members: &'a [usize]) -> Self {
        Self { weights, units: sets.units(), members, union: sets.union(members) }
    }

    /// Whether any scale of a component has weight in any lane.
    pub fn any(&self, scaled: &Scaled) -> bool {
        scaled.scales.iter().any(|&(_, column)| has(&self.union, column))
    }

    /// The lanes' weights in a column; `None` if they are all zero.
    #[inline(always)]
    pub fn weight<V: Lanes>(&self, column: usize) -> Option<V> {
        has(&self.union, column).then(|| self.gather(column))
    }

    /// The lanes' weights in a column.
    #[inline(always)]
    pub fn gather<V: Lanes>(&self, column: usize) -> V {
        let column = &self.weights[column * self.units..(column + 1) * self.units];
        let mut lanes = [0.0; MAX_LANES];
        for (lane, &unit) in lanes.iter_mut().zip(self.members) {
            *lane = column[unit];
        }
        V::load(&lanes)
    }
}

/// Whether a set has a column.
#[inline(always)]
fn has(set: &[u64], column: usize) -> bool {
    set[column / 64] >> (column % 64) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_with_the_same_components_stand_together() {
        // Ten units by 70 columns: even units have columns 0 and 69, odd ones column 3.
        let mut weights = vec![0.0; 10 * 70];
        for i in 0..10 {
            let columns: &[usize] = if i % 2 == 0 { &[0, 69] } else { &[3] };
            columns.iter().for_each(|c| weights[c * 10 + i] = 0.5);
        }
        let sets = Sets::new(10, &weights);
        let order = sets.line_up(5);
        assert_eq!(order, [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]);
        let union = sets.union(&order[..5]);
        assert!(has(&union, 0) && has(&union, 69) && !has(&union, 3));
    }
}
