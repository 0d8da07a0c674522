//! Factored regression: reads the parts of the model, and writes the posterior as lists of matrices.

use std::collections::HashMap;

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::factored::covariates::Covariates;
use mnmash_core::factored::factor::{Factor, SampleWeights};
use mnmash_core::factored::families::Family;
use mnmash_core::factored::families::Outcomes;
use mnmash_core::factored::families::beta::Beta;
use mnmash_core::factored::families::binomial::Binomial;
use mnmash_core::factored::families::dispersion::{Dispersion, Link};
use mnmash_core::factored::families::gaussian::Gaussian;
use mnmash_core::factored::families::negative_binomial::{Mean, NegativeBinomial};
use mnmash_core::factored::families::voom::Voom;
use mnmash_core::factored::hyper::Hyper;
use mnmash_core::factored::left::Kind;
use mnmash_core::factored::sgvb::{self, Stochastic};
use mnmash_core::factored::slab::{Sign, Slab};
use mnmash_core::factored::{Direct, LeftPrior, Options, Problem, fit};
use mnmash_core::predictors::{Dense, Predictors};
use mnmash_core::{Error, Monitor};

use crate::boundary::{Failure, Outcome, run};

/// An argument that R has checked already.
fn bad(name: &'static str) -> Failure {
    Failure(Error::Value { name, why: "is not what R should have made of it".to_string() })
}

fn reals<'a>(list: &'a HashMap<&str, Robj>, name: &'static str) -> Outcome<&'a [f64]> {
    match list.get(name) {
        Some(value) if value.is_null() => Ok(&[]),
        Some(value) => value.as_real_slice().ok_or_else(|| bad(name)),
        None => Ok(&[]),
    }
}

/// The family from list(name, covariates, low, high, start, size, base).
fn read_family(n: usize, list: &List) -> Outcome<Family> {
    let parts: HashMap<&str, Robj> = list.try_into().map_err(|_| bad("family"))?;
    let name = parts.get("name").and_then(Robj::as_str).unwrap_or_default();
    let (low, high) = (reals(&parts, "low")?, reals(&parts, "high")?);
    let start = reals(&parts, "start")?;
    let between = || low.iter().zip(high).map(|(l, h)| Link::Between(*l, *h)).collect();
    let above = || low.iter().map(|l| Link::Above(*l)).collect();
    let covariates = reals(&parts, "covariates")?;
    let model = |link| Dispersion::new(n, covariates, link, start);
    Ok(match name {
        "gaussian" => Family::Gaussian(Gaussian { model: model(between()) }),
        "voom" => {
            let base = reals(&parts, "base")?.to_vec();
            Family::Voom(Voom { model: model(between()), base })
        }
        "nb" => Family::NegativeBinomial(NegativeBinomial::new(Mean::Odds, model(above()))),
        "nb_log" => Family::NegativeBinomial(NegativeBinomial::new(Mean::Log, model(above()))),
        "beta" => Family::Beta(Beta::new(model(above()))),
        "binomial" => Family::Binomial(Binomial { size: reals(&parts, "size")?.to_vec() }),
        _ => return Err(bad("family")),
    })
}

// Outcome-specific effects: predictors (numbers from 1) that may act on each outcome.
fn read_direct(n: usize, masks: &Nullable<List>, start: (f64, f64)) -> Outcome<Vec<Direct>> {
    let Nullable::NotNull(masks) = masks else { return Ok(Vec::new()) };
    let one = |mask: Robj| -> Outcome<Direct> {
        let numbers = mask.as_integer_slice().ok_or_else(|| bad("cis"))?;
        let active: Vec<usize> = numbers.iter().map(|j| *j as usize - 1).collect();
        let slab = Slab::new(active.len(), start.0, start.1, Sign::Any);
        Ok(Direct { active, slab, mean: vec![0.0; n], variance: vec![0.0; n] })
    };
    masks.values().map(one).collect()
}

fn hyper(values: &[f64]) -> Hyper {
    Hyper { pi: (values[0], values[1]), tau: (values[2], values[3]) }
}

// `hyper` has four numbers (pi from, to; tau from, to) for the sample side, the loadings, and
// outcome-specific effects; `limits` is c(K, seeds, max_iter, tol, single effects); `seed` is that of
// stochastic gradients, negative for coordinate ascent.
#[extendr]
fn rust_fqtl(
    x: RMatrix<f64>,
    y: RMatrix<f64>,
    covariates: RMatrix<f64>,
    precision: f64,
    offset: Nullable<RMatrix<f64>>,
    weights: Nullable<RMatrix<f64>>,
    masks: Nullable<List>,
    family: List,
    left: &str,
    nonneg: bool,
    hypers: &[f64],
    limits: &[f64],
    seed: f64,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<List> {
    let (n, m) = (y.nrows(), y.ncols());
    let family = read_family(n, &family)?;
    let direct_hyper = hyper(&hypers[8..12]);
    let pi = (1.0 / x.ncols().max(1) as f64).clamp(direct_hyper.pi.0, direct_hyper.pi.1);
    let start = (pi, 1f64.clamp(direct_hyper.tau.0, direct_hyper.tau.1));
    let direct = read_direct(n, &masks, start)?;
    let offset = match &offset {
        Nullable::NotNull(offset) => offset.data(),
        Nullable::Null => &[],
    };
    let weights = match &weights {
        Nullable::NotNull(w) => Some(SampleWeights { values: w.data(), count: w.ncols() }),
        Nullable::Null => None,
    };
    let design = Dense::as_given(x.data(), n);
    let problem = Problem {
        design: &design,
        outcomes: Outcomes { n, m, y: y.data() },
        covariates: Covariates { q: covariates.ncols(), values: covariates.data(), precision },
        offset,
        weights,
        left: hyper(&hypers[0..4]),
        right: hyper(&hypers[4..8]),
        direct: direct_hyper,
    };
    let left = match left {
        "susie" => LeftPrior::SingleEffects(limits[4] as usize),
        "values" => LeftPrior::Values,
        _ => LeftPrior::SpikeSlab,
    };
    let options = Options {
        factors: limits[0] as usize,
        left,
        sign: if nonneg { Sign::Positive } else { Sign::Any },
        seeds: limits[1] as usize,
        max_iter: limits[2] as usize,
        tol: limits[3],
    };
    let monitor = Monitor::default();
    let done = run(n_threads, &progress, &monitor, || {
        if seed < 0.0 {
            let fit = fit(&problem, family, direct, options, &monitor)?;
            return Ok(Stochastic { fit, error: f64::NAN });
        }
        sgvb::fit(&problem, family, direct, options, seed as u64, &monitor)
    })?;
    Ok(write(&problem, &done))
}

/// A matrix by columns, one for each item.
fn columns<T>(rows: usize, items: &[T], column: impl Fn(&T) -> Vec<f64>) -> RMatrix<f64> {
    let values: Vec<Vec<f64>> = items.iter().map(column).collect();
    RMatrix::new_matrix(rows, items.len(), |i, k| values[k][i])
}

fn slab_list(slabs: &[&Slab], rows: usize) -> List {
    let all = |f: &dyn Fn(&Slab, usize) -> f64| {
        columns(rows, slabs, |s: &&Slab| (0..rows).map(|j| f(s, j)).collect())
    };
    list!(
        pip = all(&|s, j| s.alpha[j]),
        mean = all(&|s, j| s.mean(j)),
        sd = all(&|s, j| s.variance(j).sqrt()),
        pi = slabs.iter().map(|s| s.pi).collect::<Vec<f64>>(),
        tau = slabs.iter().map(|s| s.tau).collect::<Vec<f64>>()
    )
}

/// The sample sides, whatever their prior.
fn left_list(factors: &[Factor], n: usize, p: usize) -> Robj {
    let Some(first) = factors.first() else { return slab_list(&[], p).into() };
    match first.left.kind {
        Kind::Sparse(_) => {
            let slabs: Vec<&Slab> = factors
                .iter()
                .filter_map(
                    |f| if let Kind::Sparse(slab) = &f.left.kind { Some(slab) } else { None },
                )
                .collect();
            slab_list(&slabs, p).into()
        }
        Kind::Single(_) => {
            let effects: Vec<_> = factors
                .iter()
                .filter_map(|f| if let Kind::Single(e) = &f.left.kind { Some(e) } else { None })
                .collect();
            let alpha: Vec<RMatrix<f64>> = effects
                .iter()
                .map(|e| {
                    let kept: Vec<_> = e.effects.iter().filter(|l| l.prior > 0.0).collect();
                    columns(p, &kept, |l| l.alpha.clone())
                })
                .collect();
            list!(
                pip = columns(p, &effects, |e| e.pip()),
                mean = columns(p, &effects, |e| (0..p).map(|j| e.moments(j).0).collect()),
                sd = columns(p, &effects, |e| (0..p)
                    .map(|j| e.moments(j).1.max(0.0).sqrt())
                    .collect()),
                alpha = List::from_values(alpha)
            )
            .into()
        }
        Kind::Group(_) => list!(
            pip = columns(1, factors, |f| vec![f.left.inclusion()]),
            mean = columns(n, factors, |f| f.left.mean.clone()),
            sd = columns(n, factors, |f| f.left.variance.iter().map(|v| v.sqrt()).collect())
        )
        .into(),
    }
}

fn write(problem: &Problem<'_>, done: &Stochastic) -> List {
    let (n, m, p) = (problem.outcomes.n, problem.outcomes.m, problem.design.count());
    let Stochastic { fit: done, error } = done;
    let state = &done.state;
    let q = problem.covariates.q;
    let cells = |values: &[f64]| RMatrix::new_matrix(n, m, |i, t| values[t * n + i]);
    let rights: Vec<&Slab> = state.factors.iter().map(|f| &f.right).collect();
    let response: Vec<f64> =
        (0..n * m).map(|at| state.family.mean(at, state.mean[at], state.variance[at])).collect();
    let model = match &state.family {
        Family::Gaussian(f) => Some(&f.model),
        Family::Voom(f) => Some(&f.model),
        Family::NegativeBinomial(f) => Some(&f.model),
        Family::Beta(f) => Some(&f.model),
        Family::Binomial(_) => None,
    };
    let dispersion: Robj = match model {
        None => ().into(),
        Some(model) => {
            list!(value = cells(&model.value), theta = &model.theta, se = &model.se).into()
        }
    };
    let direct: Vec<List> =
        state.direct.iter().map(|d| slab_list(&[&d.slab], d.active.len())).collect();
    list!(
        u = left_list(&state.factors, n, p),
        v = slab_list(&rights, m),
        weight = state
            .factors
            .iter()
            .map(|f| f.weight.map_or(0, |k| k as i32 + 1))
            .collect::<Vec<i32>>(),
        scores = columns(n, &state.factors, |f| f.left.mean.clone()),
        covariates = columns(q, &state.effects, |e| e.theta.clone()),
        covariates_sd = columns(q, &state.effects, |e| {
            (0..q).map(|a| e.covariance[(a, a)].sqrt()).collect()
        }),
        direct = List::from_values(direct),
        dispersion = dispersion,
        eta = cells(&state.mean),
        eta_variance = cells(&state.variance),
        response = cells(&response),
        trace = &done.ended.trace,
        error = *error,
        iterations = done.ended.iterations as i32,
        converged = done.ended.converged()
    )
}

extendr_module! {
    mod factored;
    fn rust_fqtl;
}
