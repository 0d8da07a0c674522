//! What a fit returns: effects, and where each may be.

use extendr_api::prelude::*;
use faer::{Mat, Scale};
use mnmash_core::finemap::{
    Effect, Fit, Marginals, Start, candidates, coefficients, fit, fit_background, marginals,
    starts_of,
};
use mnmash_core::loci::consistency::of_region;
use mnmash_core::noise::Structure;
use mnmash_core::predictors::{Background, Part, Products, Region};
use mnmash_core::{Error, Monitor, Stop};

use super::task::Task;
use crate::consistency::Check;
use crate::write::{ended, matrix, nullable, places, table};

type Result<T> = std::result::Result<T, Error>;

/// The most probable variables of an effect, their correlations, and what they say of it, each alone
/// and given the other effects: estimates, standard errors and their correlation.
struct Known {
    variables: Vec<usize>,
    correlation: Vec<f64>,
    observed: [Vec<f64>; 3],
    /// What multiplied the prior.
    scale: f64,
}

impl Known {
    fn of(design: &dyn Region, effect: &Effect, task: &Task) -> Result<Self> {
        let (variables, correlation) = candidates(design, &effect.alpha, task.mass, task.most);
        let row = |j: &usize| effect.active.binary_search(j).unwrap_or(0);
        let rows: Vec<usize> = variables.iter().map(row).collect();
        let scores =
            Mat::from_fn(rows.len(), design.conditions(), |a, r| effect.scores[(rows[a], r)]);
        let observed = design.observations(&variables, &scores)?;
        Ok(Self { variables, correlation, observed, scale: effect.scale_used })
    }

    fn list(self, conditions: usize) -> List {
        let (n, r) = (self.variables.len(), conditions);
        let [x, s, v] = self.observed;
        let v: Robj = if v.len() == r * r {
            table(r, r, |i, j| v[j * r + i]).into()
        } else {
            let mut all = RArray::<f64, 3>::new_array([r, r, n]);
            all.data_mut().copy_from_slice(&v);
            all.into()
        };
        list!(
            variable = places(&self.variables),
            correlation = table(n, n, |i, j| self.correlation[j * n + i]),
            x = table(n, r, |i, j| x[j * n + i]),
            s = table(n, r, |i, j| s[j * n + i]),
            V = v,
            scale = self.scale
        )
    }
}

/// What a fit returns, before it is written as R objects.
pub struct Answer {
    fit: Fit,
    marginals: Vec<Marginals>,
    coefficients: Mat<f64>,
    level: Option<Vec<f64>>,
    covariance: Mat<f64>,
    near: Vec<Known>,
    leads: Vec<Vec<f64>>,
    check: Option<Check>,
    starts: Vec<Start>,
    background: Option<Beside>,
}

/// What a fit has beside its effects.
struct Beside {
    /// The covariance of a sample's background.
    covariance: Mat<f64>,
    /// Its effects.
    effects: Mat<f64>,
    /// What the bound gained by it.
    gain: f64,
}

impl Beside {
    fn list(self) -> List {
        list!(
            covariance = matrix(self.covariance.as_ref()),
            effects = matrix(self.effects.as_ref()),
            gain = self.gain
        )
    }
}

impl Answer {
    /// Fit a region, and say what follows.
    pub fn of(task: &Task, design: &mut dyn Region, monitor: &Monitor) -> Result<Self> {
        let fit = fit(design, &task.prior, &task.options, &task.starts, monitor)?;
        let mut answer = Self::about(task, design, fit, monitor)?;
        answer.check = task.slack.map(|slack| {
            let fit = &answer.fit;
            let parts: Vec<Part<'_>> = fit.effects.iter().map(Effect::part).collect();
            let pairs = of_region(design, &fit.residual, &parts, slack);
            Check { left: fit.left.clone(), pairs }
        });
        Ok(answer)
    }

    /// The fit goes on beside a background, and is as it was if that does not raise the bound.
    pub fn beside(mut self, task: &Task, data: &Products, monitor: &Monitor) -> Result<Self> {
        let Some(least) = task.background else { return Ok(self) };
        if self.fit.ended.stop == Stop::Contradicted {
            return Ok(self);
        }
        let known = task.options.residual == Structure::Known;
        let (v, factors) = (self.covariance.clone(), &task.prior.size.factors);
        let mut region = Background::new(data, least, (v, known), factors, task.samples.memory)?;
        let fit = fit_background(&mut region, &task.prior, &task.options, &self.starts, monitor)?;
        let gain = fit.ended.last() - self.fit.ended.last();
        if gain <= 0.0 {
            let (p, r) = (self.coefficients.nrows(), self.coefficients.ncols());
            let (covariance, effects) = (Mat::zeros(r, r), Mat::zeros(p, r));
            self.background = Some(Beside { covariance, effects, gain: 0.0 });
            return Ok(self);
        }
        let mut answer = Self::about(task, &region, fit, monitor)?;
        let effects = region.effects(answer.coefficients.as_ref());
        let covariance = region.omega() * Scale(region.per_sample());
        answer.background = Some(Beside { covariance, effects, gain });
        answer.check = self.check;
        Ok(answer)
    }

    /// What follows from a fit.
    fn about(task: &Task, design: &dyn Region, fit: Fit, monitor: &Monitor) -> Result<Self> {
        let one = |e| marginals(design, &task.prior, e, monitor);
        let marginals = fit.effects.iter().map(one).collect::<Result<Vec<_>>>()?;
        let coefficients = coefficients(design, &fit.effects, &marginals);
        let live = || fit.effects.iter().filter(|e| e.scale > 0.0);
        let near = live().map(|e| Known::of(design, e, task)).collect::<Result<Vec<_>>>()?;
        let lead = |alpha: &[f64]| {
            let better = |best: usize, j: usize| if alpha[j] > alpha[best] { j } else { best };
            let lead = (0..alpha.len()).fold(0, better);
            (0..alpha.len()).map(|j| design.correlation(lead, j)).collect()
        };
        let leads = live().map(|e| lead(&e.alpha)).collect();
        let covariance = design.noise().covariance.clone();
        let level = design.level(coefficients.as_ref());
        let starts = starts_of(design, &fit.effects);
        Ok(Self {
            fit,
            marginals,
            coefficients,
            level,
            covariance,
            near,
            leads,
            starts,
            check: None,
            background: None,
        })
    }

    /// With the `columns`: what was taken from samples, and divided by; NULL for products.
    pub fn list(self, columns: Option<List>) -> List {
        let Self { fit, marginals, coefficients, level, covariance, near, leads, .. } = self;
        let (check, background) = (self.check, self.background);
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
                not_positive = cells(&m.not_positive),
                not_negative = cells(&m.not_negative),
                weights = weights
            )
        };
        let lists: Vec<List> = effects.iter().zip(&marginals).map(effect).collect();
        let near: Vec<List> = near.into_iter().map(|k| k.list(conditions)).collect();
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
            columns = nullable(columns),
            background = nullable(background.map(Beside::list))
        )
    }
}
