//! What a fit returns: effects, and where each may be.

use extendr_api::prelude::*;
use faer::Mat;
use mnmash_core::finemap::{Effect, Fit, Marginals, candidates, coefficients, fit, marginals};
use mnmash_core::loci::consistency::of_region;
use mnmash_core::predictors::{Part, Region};
use mnmash_core::{Error, Monitor};

use super::task::Task;
use crate::consistency::Check;
use crate::write::{ended, matrix, nullable, places, table};

type Result<T> = std::result::Result<T, Error>;

/// What a fit returns, before it is written as R objects.
pub struct Answer {
    fit: Fit,
    marginals: Vec<Marginals>,
    coefficients: Mat<f64>,
    level: Option<Vec<f64>>,
    covariance: Mat<f64>,
    near: Vec<(Vec<usize>, Vec<f64>)>,
    leads: Vec<Vec<f64>>,
    check: Option<Check>,
}

impl Answer {
    /// Fit a region, and say what follows.
    pub fn of(task: &Task, design: &mut dyn Region, monitor: &Monitor) -> Result<Self> {
        let fit = fit(design, &task.prior, &task.options, monitor)?;
        let design = &*design;
        let one = |e| marginals(design, &task.prior, e, monitor);
        let marginals = fit.effects.iter().map(one).collect::<Result<Vec<_>>>()?;
        let coefficients = coefficients(design, &fit.effects, &marginals);
        let live = || fit.effects.iter().filter(|e| e.scale > 0.0);
        let near = live().map(|e| candidates(design, &e.alpha, task.mass, task.most)).collect();
        let lead = |alpha: &[f64]| {
            let better = |best: usize, j: usize| if alpha[j] > alpha[best] { j } else { best };
            let lead = (0..alpha.len()).fold(0, better);
            (0..alpha.len()).map(|j| design.correlation(lead, j)).collect()
        };
        let leads = live().map(|e| lead(&e.alpha)).collect();
        let covariance = design.noise().covariance.clone();
        let level = design.level(coefficients.as_ref());
        let check = task.slack.map(|slack| {
            let parts: Vec<Part<'_>> = fit.effects.iter().map(Effect::part).collect();
            let pairs = of_region(design, &fit.residual, &parts, slack);
            Check { left: fit.left.clone(), pairs }
        });
        Ok(Self { fit, marginals, coefficients, level, covariance, near, leads, check })
    }

    /// With the `columns`: what was taken from samples, and divided by; NULL for products.
    pub fn list(self, columns: Option<List>) -> List {
        let Self { fit, marginals, coefficients, level, covariance, near, leads, check } = self;
        let conditions = covariance.nrows();
        let effects = &fit.effects;
        let p = effects[0].alpha.len();
        let effect = |(e, m): (&Effect, &Marginals)| {
            let n = e.active.len();
            let cells = |x: &[f64]| table(n, conditions, |i, j| x[j * n + i]);
            let weights = table(n, e.weights.len() / n.max(1), |i, k| e.weights[k * n + i]);
            list!(
                variable = places(&e.active),
                mean = cells(&m.mean),
                sd = cells(&m.sd),
                lfsr = cells(&m.lfsr),
                weights = weights
            )
        };
        let lists: Vec<List> = effects.iter().zip(&marginals).map(effect).collect();
        let near: Vec<List> = near
            .iter()
            .map(|(variables, r)| {
                let n = variables.len();
                let r = table(n, n, |i, j| r[j * n + i]);
                list!(variable = places(variables), correlation = r)
            })
            .collect();
        list!(
            alpha = table(effects.len(), p, |l, j| effects[l].alpha[j]),
            lbf_variable = table(effects.len(), p, |l, j| effects[l].log_bayes[j]),
            lbf = effects.iter().map(|e| e.total).collect::<Vec<f64>>(),
            scale = effects.iter().map(|e| e.scale).collect::<Vec<f64>>(),
            decrease = fit.decrease,
            V = matrix(covariance.as_ref()),
            coef = matrix(coefficients.as_ref()),
            level = nullable(level),
            effects = List::from_values(lists),
            near = List::from_values(near),
            ended = ended(&fit.ended),
            lead_ld = table(p, leads.len(), |j, l| leads[l][j]),
            check = nullable(check.map(|c| c.list(|j| j))),
            columns = nullable(columns)
        )
    }
}
