//! Units that have lost their digits under a component, anew with digits to spare.

use super::super::{Mixture, Sums};
use super::components::Component;
use crate::linalg::psd::{self, Factor};
use crate::normal_means::NormalMeans;
use crate::normal_means::careful::Unit;

/// Those of one batch.
#[derive(Debug, Default)]
pub(super) struct Mend {
    /// Factors of the covariances of components, by their number among those in use.
    factors: Vec<Option<Factor>>,
    lost: Vec<Lost>,
}

/// A unit under a component.
#[derive(Debug)]
struct Lost {
    number: usize,
    lane: usize,
    /// `T^{-1}` by rows, and `T^{-1}(x - m)`: what of them is in the range of the covariance.
    precision: Vec<f64>,
    y: Vec<f64>,
}

impl Mend {
    /// Start a new batch.
    pub fn begin(&mut self) {
        self.lost.clear();
    }

    /// The log-density of the unit in a lane; NaN if its covariance is not positive definite.
    pub fn density(
        &mut self,
        means: &NormalMeans,
        (lane, position): (usize, usize),
        (number, component): (usize, &Component),
        mixture: &Mixture,
    ) -> f64 {
        let r = means.conditions;
        if self.factors.len() <= number {
            self.factors.resize(number + 1, None);
        }
        if self.factors[number].is_none() {
            let u = &mixture.covariances[component.k];
            let columns: Vec<f64> = (0..r * r).map(|k| u[(k % r, k / r)]).collect();
            self.factors[number] = psd::factor(r, &columns, "").ok();
        }
        let unit = Unit::about(means, position, component.mean.as_deref());
        let (Some(unit), Some(factor)) = (unit, &self.factors[number]) else { return f64::NAN };
        let whitened = unit.under(factor);
        let solved = whitened.at(1.0);
        let Some((precision, y)) = solved.precision() else { return f64::NAN };
        self.lost.push(Lost { number, lane, precision, y });
        solved.log_density()
    }

    /// Whether the unit in a lane was lost under a component.
    pub fn has(&self, number: usize, lane: usize) -> bool {
        self.lost.iter().any(|lost| (lost.number, lost.lane) == (number, lane))
    }

    /// Whether any unit was.
    pub fn any(&self, number: usize) -> bool {
        self.lost.iter().any(|lost| lost.number == number)
    }

    /// Add the lost units of a component, with their responsibilities by lane.
    pub fn add(&self, number: usize, q: &[f64], sums: &mut Sums) {
        let r = sums.y.len();
        for lost in self.lost.iter().filter(|lost| lost.number == number) {
            let q = q[lost.lane];
            for i in 0..r {
                sums.y[i] += q * lost.y[i];
                for c in 0..r {
                    sums.a[(i, c)] += q * lost.precision[i * r + c];
                    sums.c[(i, c)] += q * lost.y[i] * lost.y[c];
                }
            }
        }
    }
}
