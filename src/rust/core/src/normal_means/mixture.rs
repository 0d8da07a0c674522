//! Units under a mixture with known weights: log-likelihoods, and posterior weights of components.
//!
//! With `l_t = log p(x_j | t)`, everything is a log-sum-exp over a set of components, whose largest
//! term is taken out first; nothing is exponentiated that is not at most zero:
//! ```text
//! vloglik = log sum_t pi_t exp(l_t),       alternative = log sum_{t > 0} pi_t exp(l_t) / (1 - pi_0),
//! null    = l_0,                           weight_t    = pi_t exp(l_t) / sum over active components
//! ```
//! The weights have a maximum of their own, over the active components, so that they are proper also
//! for units that only an inactive component explains. If `pi_0 = 1` the alternative is uniform.

use faer::{MatMut, MatRef};
use rayon::prelude::*;

use super::columns::Columns;
use super::likelihood::Likelihood;
use super::problem::NormalMeans;
use crate::{Error, Monitor, Prior};

mod rows;
use rows::sum_rows;

/// The components of a prior that sums go over, with the logarithms of their weights.
#[derive(Debug, Clone)]
pub struct WeightedPrior {
    /// Components in this order: the point mass if it is there, and others.
    parts: Vec<Part>,
    /// Whether the first of them is the point mass.
    null: bool,
    /// `log sum_{t > 0} pi_t`: minus infinity if the point mass has all the weight.
    log_alternative: f64,
    active: Vec<usize>,
}

/// A component that takes part.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// Its number in the prior.
    component: usize,
    log_weight: f64,
    /// The column of the posterior weights, if it is active.
    active: Option<usize>,
}

/// Where the results go, in the caller's order.
#[derive(Debug)]
pub struct Summary<'a> {
    /// J log-likelihoods of the mixture.
    pub vloglik: &'a mut [f64],
    /// J of the point mass; for a prior that has one.
    pub null: Option<&'a mut [f64]>,
    /// J of the mixture without its point mass; for a prior that has one.
    pub alternative: Option<&'a mut [f64]>,
    /// Posterior weights of the active components: J by their number, by columns.
    pub weights: &'a mut [f64],
}

impl WeightedPrior {
    /// Components with weights above `threshold` are active.
    pub fn new(prior: &Prior, threshold: f64) -> Self {
        let pi = &prior.weights;
        let active: Vec<usize> = (0..pi.len()).filter(|&p| pi[p] > threshold).collect();
        let others: f64 = pi[usize::from(prior.null)..].iter().sum();
        let uniform = prior.null && others == 0.0;
        let share = 1.0 / (pi.len() as f64 - 1.0);
        let parts = (0..pi.len()).filter_map(|p| {
            let point_mass = prior.null && p == 0;
            let weight = if uniform && !point_mass { share } else { pi[p] };
            let active = active.binary_search(&p).ok();
            let part = Part { component: p, log_weight: weight.ln(), active };
            (weight > 0.0 || point_mass).then_some(part)
        });
        let log_alternative = others.ln();
        Self { parts: parts.collect(), null: prior.null, log_alternative, active }
    }

    /// The active components, ascending.
    pub fn active(&self) -> &[usize] {
        &self.active
    }

    /// The columns of results per unit: vloglik, null, alternative, weights.
    fn width(&self) -> usize {
        1 + 2 * usize::from(self.null) + self.active.len()
    }

    /// The results, checked, as columns.
    fn columns<'a>(&self, units: usize, summary: Summary<'a>) -> Result<Columns<'a>, Error> {
        let Summary { vloglik, null, alternative, weights } = summary;
        let mut columns = Columns::default();
        let mut push = |name, width: usize, table: Option<&'a mut [f64]>| {
            let (expected, found) = (units * width, table.as_ref().map_or(0, |t| t.len()));
            if expected != found {
                return Err(Error::Shape { name, expected, found });
            }
            if let Some(table) = table {
                columns.push(units, table);
            }
            Ok(())
        };
        push("vloglik", 1, Some(vloglik))?;
        push("null_loglik", usize::from(self.null), null)?;
        push("alt_loglik", usize::from(self.null), alternative)?;
        push("weights", self.active.len(), Some(weights))?;
        Ok(columns)
    }

    /// Likelihoods are computed by blocks and only summarised: memory does not depend on J times P.
    pub fn summarise(
        &self,
        means: &NormalMeans,
        prior: &Prior,
        summary: Summary,
        monitor: &Monitor,
    ) -> Result<(), Error> {
        let wanted: Vec<usize> = self.parts.iter().map(|part| part.component).collect();
        let likelihood = Likelihood::of(means, prior, &wanted)?;
        let out = self.columns(means.units, summary)?;
        means.blocks().par_iter().try_for_each(|block| {
            monitor.advance(block.range.len())?;
            let n = block.range.len();
            let mut loglik = vec![0.0; n * wanted.len()];
            let view = MatMut::from_column_major_slice_mut(&mut loglik, n, wanted.len());
            likelihood.block(block, view)?;
            let view = MatRef::from_column_major_slice(&loglik, n, wanted.len());
            out.write(means, block, &self.rows(view));
            Ok(())
        })
    }

    /// The results of some units, by columns, from their log-likelihoods: a column for each part.
    fn rows(&self, loglik: MatRef<'_, f64>) -> Vec<f64> {
        let mut out = vec![0.0; self.width() * loglik.nrows()];
        sum_rows(self, loglik, &mut out);
        out
    }
}

#[cfg(test)]
mod tests;
