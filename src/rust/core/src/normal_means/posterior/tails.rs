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
    /// Those that matter, of the units of one batch.
    pub matter: Vec<f64>,
}

impl<'a> Tails<'a> {
    pub fn new(units: usize, small: &'a [f64], partial: &'a [Option<bool>]) -> Self {
        let any = small.iter().any(|g| *g > 0.0);
        let matter = vec![0.0; if any { small.len() } else { 0 }];
        Self { units, small, partial, matter }
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
        let mut any = false;
        for (column, &partial) in self.partial.iter().enumerate() {
            let Some(partial) = partial else { continue };
            for (lane, &unit) in members.iter().enumerate() {
                let least = if partial { wrong[lane].min(zero[lane]) } else { wrong[lane] };
                let g = self.small[column * self.units + unit];
                let matters = g > share * least;
                self.matter[column * self.units + unit] = if matters { g } else { 0.0 };
                any |= matters;
            }
        }
        any
    }
}
