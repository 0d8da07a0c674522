//! Fine-mapping: effects of few variables among many that are correlated.

use std::borrow::Cow;

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use faer::{Mat, MatRef};
use mnmash_core::finemap::{
    Effect, EffectPrior, Fit, Marginals, Options, candidates, coefficients, credible_set, fit,
    marginals, purity,
};
use mnmash_core::linalg::psd::{Factor, asymmetry, check_nearly_psd};
use mnmash_core::loci::consistency::{consistency, repair};
use mnmash_core::predictors::{Complete, Gram, Incomplete, Region, Symmetric, centred, region};
use mnmash_core::{Error, Monitor};

use crate::boundary::{Run, arguments};
use crate::nouns::{Mixture, Noise};
use crate::read::{Field, Outcome, Table};
use crate::words::{SCALE_RULES, UPDATES, plain_structures};
use crate::write::{ended, matrix, places, table};

type Result<T> = std::result::Result<T, Error>;

/// What a fit returns, before it is written as R objects.
struct Answer {
    fit: Fit,
    marginals: Vec<Marginals>,
    coefficients: Mat<f64>,
    covariance: Mat<f64>,
    near: Vec<(Vec<usize>, Vec<f64>)>,
    leads: Vec<Vec<f64>>,
}

/// What a fit needs besides data.
struct Task {
    prior: EffectPrior,
    options: Options,
    v: Mat<f64>,
    mass: f64,
    most: usize,
}

impl Task {
    /// `noise` and `prior` are those of `r` conditions; `control`: `list(place, L, rule, scale,
    /// entry, update, tol, max_iter, mass, most)`, with `place` the prior probabilities of the `p`
    /// variables.
    fn read(noise: &Field, prior: &Field, control: &Field, p: usize, r: usize) -> Outcome<Self> {
        let noise = noise.read(|n| Noise::read(n, r, plain_structures))?;
        let size = prior.read(|f| Mixture::read(f, r))?.weighted()?;
        control.read(|c| {
            let prior = EffectPrior::new(size, c.get("place")?.numbers_of(p)?)?;
            let options = Options {
                effects: c.count("L")?,
                scale_rule: c.one_of("rule", SCALE_RULES)?,
                scale: c.number("scale")?,
                entry: c.number("entry")?,
                update: c.one_of("update", UPDATES)?,
                residual: noise.structure,
                tol: c.number("tol")?,
                max_iter: c.count("max_iter")?,
            };
            let (mass, most) = (c.number("mass")?, c.count("most")?);
            Ok(Self { prior, options, v: noise.known()?.view().to_owned(), mass, most })
        })
    }

    /// Fit what `design` makes of the data, given the factors of the prior; with what else it
    /// returns.
    fn run<'a, T: Send>(
        &self,
        run: &Robj,
        design: impl FnOnce(&[Factor]) -> Result<(Box<dyn Region + 'a>, T)> + Send,
    ) -> Outcome<(List, T)> {
        let (answer, more) = Run::new(run)?.with(|monitor| {
            let (mut design, more) = design(&self.prior.size.factors)?;
            Ok((self.solve(&mut *design, monitor)?, more))
        })?;
        Ok((answer.list(self.v.nrows()), more))
    }

    fn solve(&self, design: &mut dyn Region, monitor: &Monitor) -> Result<Answer> {
        let fit = fit(design, &self.prior, &self.options, monitor)?;
        let design = &*design;
        let one = |e| marginals(design, &self.prior, e, monitor);
        let marginals = fit.effects.iter().map(one).collect::<Result<Vec<_>>>()?;
        let coefficients = coefficients(design, &fit.effects, &marginals);
        let live = || fit.effects.iter().filter(|e| e.scale > 0.0);
        let near = live().map(|e| candidates(design, &e.alpha, self.mass, self.most)).collect();
        let lead = |alpha: &[f64]| {
            let better = |best: usize, j: usize| if alpha[j] > alpha[best] { j } else { best };
            let lead = (0..alpha.len()).fold(0, better);
            (0..alpha.len()).map(|j| design.correlation(lead, j)).collect()
        };
        let leads = live().map(|e| lead(&e.alpha)).collect();
        let covariance = design.noise().covariance.clone();
        Ok(Answer { fit, marginals, coefficients, covariance, near, leads })
    }
}

impl Answer {
    fn list(self, conditions: usize) -> List {
        let Self { fit, marginals, coefficients, covariance, near, leads } = self;
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
            effects = List::from_values(lists),
            near = List::from_values(near),
            ended = ended(&fit.ended),
            lead_ld = table(p, leads.len(), |j, l| leads[l][j])
        )
    }
}

// From rows of `responses$y`, some of which may be missing (NA); then `predictors$memory` is for
// eigenvectors, in bytes. list(columns, fit).
#[extendr]
fn rust_finemap_rows(
    predictors: Robj,
    responses: Robj,
    noise: Robj,
    prior: Robj,
    control: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(predictors, responses, noise, prior, control);
    let (x, intercept, standardize, memory) = predictors.read(|p| {
        let (intercept, standardize) = (p.flag("intercept")?, p.flag("standardize")?);
        Ok((p.get("x")?.matrix()?, intercept, standardize, p.number("memory")?))
    })?;
    let y = responses.read(|r| r.get("y")?.matrix_with(x.rows))?;
    let task = Task::read(&noise, &prior, &control, x.cols, y.cols)?;
    let missing = y.values.iter().any(|y| y.is_nan());
    let (fit, (mean, scale, centre)) = task.run(&run, |factors| {
        let (x, y, v) = (centred(x.view(), intercept, standardize)?, y.view(), task.v.clone());
        if missing {
            let design = Incomplete::new(x.values, y, v, intercept, factors, memory)?;
            return Ok((Box::new(design), (x.mean, x.scale, Vec::new())));
        }
        let (n, r) = (y.nrows(), y.ncols());
        let y = centred(y, intercept, false)?;
        let values = MatRef::from_column_major_slice(&y.values, n, r);
        Ok((region(x.values, values, v)?, (x.mean, x.scale, y.mean)))
    })?;
    let found = list!(x_mean = mean, x_scale = scale, y_mean = centre);
    Ok(list!(columns = found, fit = fit))
}

// From products: X'X = diag(scale) M diag(scale), with `predictors`: `list(gram, scale, samples)`,
// and X'Y and Y'Y as `responses`: `list(y, total)`.
#[extendr]
fn rust_finemap_products(
    predictors: Robj,
    responses: Robj,
    noise: Robj,
    prior: Robj,
    control: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(predictors, responses, noise, prior, control);
    let (gram, scale, samples) = predictors.read(|p| {
        let gram = p.get("gram")?.matrix()?;
        Ok((gram, p.get("scale")?.numbers_of(gram.cols)?, p.number("samples")?))
    })?;
    let (xty, yty) = responses.read(|r| {
        let xty = r.get("y")?.matrix_with(gram.rows)?;
        Ok((xty.view(), r.get("total")?.matrix_of(xty.cols, xty.cols)?.view()))
    })?;
    let task = Task::read(&noise, &prior, &control, gram.cols, xty.ncols())?;
    let (fit, ()) = task.run(&run, |_| {
        let gram = Symmetric::Dense(Cow::Borrowed(gram.values));
        let gram = Gram::scaled(gram, scale.to_vec(), samples)?;
        Ok((Box::new(Complete::products(gram, xty, yty, task.v.clone())?), ()))
    })?;
    Ok(fit)
}

// For each row of `alpha`, the variables of its credible set, most probable first.
#[extendr]
fn rust_credible_sets(alpha: Robj, control: Robj) -> Outcome<List> {
    arguments!(alpha, control);
    let alpha = alpha.matrix()?.view();
    let coverage = control.read(|c| c.number("coverage"))?;
    let row = |l: usize| alpha.row(l).iter().copied().collect::<Vec<f64>>();
    let set = |l| places(&credible_set(&row(l), coverage));
    Ok(List::from_values((0..alpha.nrows()).map(set)))
}

// c(min, mean, median) of the absolute correlations between variables.
#[extendr]
fn rust_purity(correlation: Robj) -> Outcome<Vec<f64>> {
    arguments!(correlation);
    let correlation = correlation.matrix()?.view();
    let found = purity(correlation.nrows(), |i, j| correlation[(i, j)]);
    Ok(vec![found.min, found.mean, found.median])
}

// The position (from 1) of the first entry of a square matrix that its mirror image differs from,
// or NULL if it is symmetric.
#[extendr]
fn rust_asymmetry(x: Robj) -> Outcome<Nullable<f64>> {
    arguments!(x);
    let Table { rows, .. } = x.matrix()?;
    let at = asymmetry(x.matrix_of(rows, rows)?.view());
    Ok(at.map_or(Nullable::Null, |(i, j)| Nullable::NotNull((j * rows + i + 1) as f64)))
}

// Nothing, or an error if `x + slack I` is not positive definite; `control`: `list(slack, name)`.
#[extendr]
fn rust_check_psd(x: Robj, control: Robj) -> Outcome<()> {
    arguments!(x, control);
    let (slack, name) = control.read(|c| Ok((c.number("slack")?, c.get("name")?.word()?)))?;
    Ok(check_nearly_psd(x.matrix()?.view(), slack, name)?)
}

// For each column of z-scores `s`, and what the others say of each; and the repaired correlations.
#[extendr]
fn rust_qc(statistics: Robj, run: Robj) -> Outcome<List> {
    arguments!(statistics);
    let (z, ld) = statistics.read(|s| {
        let z = s.get("z")?.matrix()?;
        Ok((z, s.get("LD")?.matrix_of(z.rows, z.rows)?.view()))
    })?;
    let (found, fixed, least) = Run::new(&run)?.with(|_| {
        let (fixed, least) = repair(ld)?;
        let found = (0..z.cols).map(|c| consistency(z.column(c), fixed.as_ref()));
        Ok((found.collect::<Result<Vec<_>>>()?, fixed, least))
    })?;
    let cells = |f: &dyn Fn(usize, usize) -> f64| table(z.rows, z.cols, f);
    Ok(list!(
        s = found.iter().map(|f| f.s).collect::<Vec<f64>>(),
        expected = cells(&|i, c| found[c].expected[i]),
        variance = cells(&|i, c| found[c].variance[i]),
        LD = matrix(fixed.as_ref()),
        least = least
    ))
}

extendr_module! {
    mod finemap;
    fn rust_qc;
    fn rust_asymmetry;
    fn rust_check_psd;
    fn rust_finemap_rows;
    fn rust_finemap_products;
    fn rust_credible_sets;
    fn rust_purity;
}
