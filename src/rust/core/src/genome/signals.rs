//! Signals: predictors in linkage that share the posterior mass of an effect.

use crate::predictors::Predictors;

/// A signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signal {
    /// The predictor that is most likely to have the effect.
    pub lead: usize,
    /// Posterior probabilities of an effect, summed over the predictors in linkage with it.
    pub mass: f64,
}

/// Predictors that are less likely to have an effect than this are in no signal.
const LEAST: f64 = 0.005;
/// Squared correlation with the lead of a signal.
const LINKED: f64 = 0.5;
/// Mass of a signal.
const MASS: f64 = 0.5;

/// From the probabilities that predictors have no effect, the strongest first.
pub fn signals(x: &impl Predictors, none: &[f64]) -> Vec<Signal> {
    let mut left: Vec<usize> = (0..none.len()).filter(|&j| 1.0 - none[j] > LEAST).collect();
    // The first of equal ones.
    left.sort_by(|a, b| none[*a].total_cmp(&none[*b]).then(a.cmp(b)));
    let d = x.norms();
    let mut found = Vec::new();
    while let Some(&lead) = left.first() {
        let linked = |j: usize| {
            let product = x.inner(lead, j);
            j == lead || product * product > LINKED * d[lead] * d[j]
        };
        let (clump, others): (Vec<_>, Vec<_>) = left.iter().partition(|&&j| linked(j));
        let mass: f64 = clump.iter().map(|&j| 1.0 - none[j]).sum();
        if mass >= MASS {
            found.push(Signal { lead, mass });
        }
        left = others;
    }
    found
}
