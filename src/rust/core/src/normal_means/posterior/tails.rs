//! Small weights that matter where everything is small: far in the tails.
//!
//! A component of weight below 1e-20 changes no mean. But the probability of a sign that is as good as
//! excluded, or of no effect at all, may be made of nothing else. What is found without them tells
//! which of them could change it by more than its share of [`CHANGE`].

use super::accumulate::Accumulator;
use super::plan::Reach;
use crate::linalg::lanes::{Lanes, MAX_LANES};
use crate::linalg::special::erfc;
use crate::normal_means::NormalMeans;

/// The relative change of a probability that all weights left out make together, at most.
const CHANGE: f64 = 1e-7;

/// The least wrong sign of a unit is about as probable as a normal variable beyond its largest effect
/// in standard errors; sharing makes the effects of some surer by up to this factor.
const SURER: f64 = 1.25;

/// The weight that changes a probability of this size by no more than its share, of so many weights.
pub fn change(weights: usize, probability: f64) -> f64 {
    CHANGE / weights.max(1) as f64 * probability
}

/// A guess of the least probability of a wrong sign, most often below it, so that what matters is
/// taken in at once. What it misses is found afterwards.
pub fn guess(means: &NormalMeans, position: usize) -> f64 {
    let cells = means.x.chunks_exact(means.units).zip(means.s.chunks_exact(means.units));
    let size = cells.map(|(x, s)| (x[position] / s[position]).abs());
    0.5 * erfc(SURER * std::f64::consts::FRAC_1_SQRT_2 * size.fold(0.0, f64::max))
}

/// The small weights of a block.
pub struct Tails<'a> {
    units: usize,
    /// By columns; zero where they are not small.
    small: &'a [f64],
    reach: &'a [Option<Reach>],
    any_partial: bool,
    /// The largest of each unit, of components with some variance.
    largest: Vec<f64>,
    /// Those that matter, and of which units.
    matter: Vec<f64>,
    far: Vec<usize>,
}

impl<'a> Tails<'a> {
    pub fn new(units: usize, small: &'a [f64], reach: &'a [Option<Reach>]) -> Self {
        let mut largest = vec![0.0; units];
        let columns = small.chunks_exact(units.max(1)).zip(reach);
        for (column, _) in columns.filter(|(_, reach)| reach.is_some()) {
            largest.iter_mut().zip(column).for_each(|(most, g)| *most = g.max(*most));
        }
        let any = small.iter().any(|g| *g > 0.0);
        let matter = vec![0.0; if any { small.len() } else { 0 }];
        let partial = |reach: &Reach| reach.by_unit || !reach.zeros.is_empty();
        let any_partial = reach.iter().flatten().any(partial);
        Self { units, small, reach, any_partial, largest, matter, far: Vec::new() }
    }

    /// Take in those of columns of components without any variance, and find which of the others matter.
    #[inline(always)]
    pub fn find<V: Lanes>(&mut self, members: &[usize], null: &[usize], sums: &mut Accumulator<V>) {
        if self.matter.is_empty() {
            return;
        }
        let mut lanes = [0.0; MAX_LANES];
        for &column in null {
            for (lane, &unit) in lanes.iter_mut().zip(members) {
                *lane = self.small[column * self.units + unit];
            }
            sums.add_null(V::load(&lanes));
        }
        let share = change(self.reach.len(), 1.0);
        let (wrong, zero) = sums.least();
        let (wrong, zero) = (wrong.to_array(), zero.to_array());
        for (lane, &unit) in members.iter().enumerate() {
            let (of_sign, of_zero) = (share * wrong[lane], share * wrong[lane].min(zero[lane]));
            if self.largest[unit] <= if self.any_partial { of_zero } else { of_sign } {
                continue;
            }
            let mut any = false;
            for (column, reach) in self.reach.iter().enumerate() {
                let Some(reach) = reach else { continue };
                let at = column * self.units + unit;
                let g = self.small[at];
                if g > if reach.by_unit { of_zero } else { of_sign } {
                    self.matter[at] = g;
                    any = true;
                } else if g > of_zero {
                    reach.zeros.iter().for_each(|&r| sums.add_zero(r, lane, g));
                }
            }
            if any {
                self.far.push(unit);
            }
        }
    }

    /// Those of the other columns that matter, with zeros for all else, and the units they are of; none
    /// if there are none.
    pub fn that_matter(&self) -> Option<(&[f64], &[usize])> {
        (!self.far.is_empty()).then_some((&self.matter, &self.far))
    }
}
