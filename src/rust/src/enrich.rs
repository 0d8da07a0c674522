//! Priors from annotations, and models of association.

use extendr_api::prelude::*;
use mnmash_core::Error;
use mnmash_core::loci::association::{
    Posteriors, Statistics, associate, log_bayes_factors, posteriors_of,
};
use mnmash_core::loci::enrichment::{
    EmOptions, Interval, Loci, intervals, place_probabilities, places, single_signal,
};

use crate::boundary::{Run, arguments};
use crate::read::{Field, Outcome, Table};
use crate::words::ROLES;
use crate::write::{ended, nullable};

/// Variables of loci: `list(starts, annotations, penalty)`, where `starts` counts the variables
/// before each locus, and all.
struct Variables<'a> {
    starts: Vec<usize>,
    annotations: Table<'a>,
    penalty: f64,
}

impl<'a> Variables<'a> {
    fn read(list: &Field<'a>) -> Outcome<Self> {
        list.read(|l| {
            let annotations = l.get("annotations")?.matrix()?;
            let starts = l.get("starts")?.starts(annotations.rows)?;
            Ok(Self { starts, annotations, penalty: l.number("penalty")? })
        })
    }

    fn loci(&self) -> Loci<'_> {
        let Self { starts, annotations, penalty } = self;
        Loci { starts, annotations: annotations.view(), penalty: *penalty }
    }
}

// One causal variable per locus. `control`: `list(start, tol, max_iter, level)`; intervals are of
// this level, or none if it is NULL.
#[extendr]
fn rust_enrich_single(loci: Robj, evidence: Robj, control: Robj, run: Robj) -> Outcome<List> {
    arguments!(loci, evidence, control);
    let variables = Variables::read(&loci)?;
    let Table { rows, cols, .. } = variables.annotations;
    let log_bf = evidence.read(|e| e.get("log_bf")?.numbers_of(rows))?;
    let (start, options, level) = control.read(|c| {
        let options = EmOptions { tol: c.number("tol")?, max_iter: c.count("max_iter")? };
        let level = c.maybe("level", |l| l.number())?;
        Ok((c.get("start")?.numbers_of(cols)?, options, level))
    })?;
    let (fit, ends) = Run::new(&run)?.with(|monitor| {
        let loci = variables.loci();
        let fit = single_signal(&loci, log_bf, start, options, monitor)?;
        let of = |level| intervals(&loci, log_bf, &fit, level, options.max_iter, monitor);
        let ends = level.map(of).transpose()?;
        Ok::<_, Error>((fit, ends))
    })?;
    let written = |ends: Vec<Interval>| {
        let column = |f: fn(&Interval) -> f64| ends.iter().map(f).collect::<Vec<f64>>();
        let (lower, upper) = (column(|i| i.lower), column(|i| i.upper));
        list!(lower = lower, upper = upper, p_value = column(|i| i.p_value))
    };
    Ok(list!(
        coef = fit.a,
        intervals = nullable(ends.map(written)),
        pip = fit.pip,
        prior = fit.prior,
        null = fit.null,
        ended = ended(&fit.ended)
    ))
}

// Coefficients of the places of effects, of which `evidence$weight` are expected at each variable
// (NULL: those of `control$start`), and the prior probabilities of the places.
#[extendr]
fn rust_enrich_places(loci: Robj, evidence: Robj, control: Robj, run: Robj) -> Outcome<List> {
    arguments!(loci, evidence, control);
    let variables = Variables::read(&loci)?;
    let Table { rows, cols, .. } = variables.annotations;
    let weight = evidence.read(|e| e.maybe("weight", |w| w.numbers_of(rows)))?;
    let start = control.read(|c| c.get("start")?.numbers_of(cols))?;
    let (coef, place) = Run::new(&run)?.with(|monitor| {
        let loci = variables.loci();
        let coef = match weight {
            Some(weight) => places(&loci, weight, start, monitor)?,
            None => start.to_vec(),
        };
        let place = place_probabilities(&loci, &coef)?;
        Ok::<_, Error>((coef, place))
    })?;
    Ok(list!(coef = coef, prior = place))
}

/// `list(z, V, n, variance)`: z-scores (units by conditions) and their residual correlation; samples
/// and variance of each unit.
fn read_statistics<'a>(list: &Field<'a>) -> Outcome<Statistics<'a>> {
    list.read(|s| {
        let z = s.get("z")?.matrix()?;
        let each = |name| s.get(name)?.numbers_of(z.rows);
        Ok(Statistics {
            z: z.view(),
            v: s.get("V")?.matrix_of(z.cols, z.cols)?.view(),
            n: each("n")?,
            variance: each("variance")?,
        })
    })
}

// Bayes factors of `models` (by conditions, in the words of ROLES), natural logarithms, models by
// units by scales.
#[extendr]
fn rust_association(statistics: Robj, models: Robj, scales: Robj, run: Robj) -> Outcome<Vec<f64>> {
    arguments!(statistics, models, scales);
    let statistics = read_statistics(&statistics)?;
    let roles = models.table_of(Some(statistics.z.ncols()), ROLES)?;
    let sigma = scales.numbers()?;
    Run::new(&run)?.with(|monitor| log_bayes_factors(statistics, sigma, &roles, monitor))
}

// Posteriors of the models, with `weights` of models by scales.
#[extendr]
fn rust_associate(
    statistics: Robj,
    models: Robj,
    scales: Robj,
    weights: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(statistics, models, scales, weights);
    let statistics = read_statistics(&statistics)?;
    let roles = models.table_of(Some(statistics.z.ncols()), ROLES)?;
    let sigma = scales.numbers()?;
    let weights = weights.matrix_of(roles.len(), sigma.len())?.view();
    let found =
        Run::new(&run)?.with(|monitor| associate(statistics, sigma, &roles, weights, monitor))?;
    Ok(association_posteriors(&found))
}

// The same of Bayes factors, models by units by scales.
#[extendr]
fn rust_associate_factors(log_bf: Robj, models: Robj, weights: Robj, run: Robj) -> Outcome<List> {
    arguments!(log_bf, models, weights);
    let log_bf = log_bf.array()?;
    let [count, units, scales] = log_bf.dim;
    let roles = models.table_of(None, ROLES)?;
    let weights = weights.matrix_of(count, scales)?.view();
    let found = Run::new(&run)?.with(|_| posteriors_of(log_bf.values, units, &roles, weights))?;
    Ok(association_posteriors(&found))
}

fn association_posteriors(found: &Posteriors) -> List {
    let best: Vec<f64> = found.best.iter().map(|m| (m + 1) as f64).collect();
    list!(
        mean = found.mean.as_slice(),
        probability = found.probability.as_slice(),
        average = found.average.as_slice(),
        best = best,
        marginal = found.marginal.as_slice()
    )
}

extendr_module! {
    mod enrich;
    fn rust_enrich_single;
    fn rust_enrich_places;
    fn rust_association;
    fn rust_associate;
    fn rust_associate_factors;
}
