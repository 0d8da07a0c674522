//! Small weights that matter where everything is small: far in the tails.
//!
//! A component of weight below 1e-20 changes no mean. But the probability of a sign that is as good as
//! excluded, or of no effect at all, may be made of nothing else. What is found without them tells
//! which of them could change it by more than its share of [`CHANGE`].

use super::accumulate::Accumulator;
use crate::linalg::lanes::{Lanes, MAX_LANES};

/// The relative change of a probability that all weights left out make together, at most.
const CHANGE: f64 = 1e-7;

/// The small weights of a block.
pub struct Tails<'a> {
    units: usize,
    /// By columns; zero where they are not small.
    small: &'a [f64],
    /// Whether components of columns have no variance in some result; nothing if in none.
    partial: &'a [Option<bool>],
    any_partial: bool,
    /// The largest of each unit, of components with some variance.
    largest: Vec<f64>,
    /// Those that matter, of the units of one batch.
    pub matter: Vec<f64>,
}

impl<'a> Tails<'a> {
    pub fn new(units: usize, small: &'a [f64], partial: &'a [Option<bool>]) -> Self {
        let mut largest = vec![0.0; units];
        let columns = small.chunks_exact(units.max(1)).zip(partial);
        for (column, _) in columns.filter(|(_, partial)| partial.is_some()) {
            largest.iter_mut().zip(column).for_each(|(most, g)| *most = g.max(*most));
        }
        let any = small.iter().any(|g| *g > 0.0);
        let matter = vec![0.0; if any { small.len() } else { 0 }];
        let any_partial = partial.contains(&Some(true));
        Self { units, small, partial, any_partial, largest, matter }
    }

    /// Take in those of columns of components without any variance, and find which of the others matter.
    /// Returns whether any does.
    #[inline(always)]
    pub fn find<V: Lanes>(
        &mut self,
        members: &[usize],
        null: &[usize],
        sums: &mut Accumulator<V>,
    ) -> bool {
        if self.matter.is_empty() {
            return false;
        }
        let mut lanes = [0.0; MAX_LANES];
        for &column in null {
            for (lane, &unit) in lanes.iter_mut().zip(members) {
                *lane = self.small[column * self.units + unit];
            }
            sums.add_null(V::load(&lanes));
        }
        let share = CHANGE / self.partial.len() as f64;
        let (wrong, zero) = sums.least();
        let (wrong, zero) = (wrong.to_array(), zero.to_array());
        let limit = |lane: usize, partial: bool| match partial {
            true => share * wrong[lane].min(zero[lane]),
            false => share * wrong[lane],
        };
        let beyond =
            |(lane, &unit): (usize, &usize)| self.largest[unit] > limit(lane, self.any_partial);
        if !members.iter().enumerate().any(beyond) {
            return false;
        }
        let mut any = false;
        for (column, &partial) in self.partial.iter().enumerate() {
            let Some(partial) = partial else { continue };
            for (lane, &unit) in members.iter().enumerate() {
                let g = self.small[column * self.units + unit];
                let matters = g > limit(lane, partial);
                self.matter[column * self.units + unit] = if matters { g } else { 0.0 };
                any |= matters;
            }
        }
        any
    }
}
