//! Face of `mnmash_core::finemap`.

use std::borrow::Cow;

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use faer::{Mat, MatRef};
use mnmash_core::finemap::{
    Effect, EffectPrior, Fit, Marginals, Options, ScaleRule, Update, candidates, coefficients,
    credible_set, fit, marginals, purity,
};
use mnmash_core::linalg::psd::{Factor, asymmetry, check_nearly_psd};
use mnmash_core::loci::consistency::{consistency, repair};
use mnmash_core::noise::Structure;
use mnmash_core::predictors::{Complete, Gram, Incomplete, Region, Symmetric, centred, region};
use mnmash_core::{Error, Monitor};

use crate::boundary::{Failure, Outcome, run};
use crate::problem::{prior, view};

/// What a fit returns, before it is written as R objects.
struct Answer {
    fit: Fit,
    marginals: Vec<Marginals>,
    coefficients: Mat<f64>,
    covariance: Mat<f64>,
    near: Vec<(Vec<usize>, Vec<f64>)>,
    leads: Vec<Vec<f64>>,
}

/// What a fit needs besides data: list(U, weights, place, options, n_threads, progress), where options
/// are list(L, rule, scale, entry, update, residual, tol, max_iter, mass, most).
struct Task {
    prior: EffectPrior,
    options: Options,
    mass: f64,
    most: usize,
}

fn field(list: &List, name: &str) -> Robj {
    list.iter().find(|(n, _)| *n == name).map_or_else(|| ().into(), |(_, x)| x)
}

impl Task {
    fn read(r: usize, task: &List) -> Outcome<Self> {
        let part = |name: &str| List::try_from(field(task, name)).unwrap_or_default();
        let numbers = |name: &str| field(task, name).as_real_slice().unwrap_or(&[]).to_vec();
        let (weights, place) = (numbers("weights"), numbers("place"));
        let options = part("options");
        let number = |name: &str| field(&options, name).as_real().unwrap_or(f64::NAN);
        let word = |name: &str| field(&options, name).as_str().unwrap_or_default().to_string();
        let found = Options {
            effects: number("L") as usize,
            scale_rule: match word("rule").as_str() {
                "em" => ScaleRule::Em,
                "fixed" => ScaleRule::Fixed,
                _ => ScaleRule::Optim,
            },
            scale: number("scale"),
            entry: number("entry"),
            update: if word("update") == "compat" { Update::Compat } else { Update::Direct },
            residual: match word("residual").as_str() {
                "diag" => Structure::Diagonal,
                "full" => Structure::Full,
                _ => Structure::Known,
            },
            tol: number("tol"),
            max_iter: number("max_iter") as usize,
        };
        let size = prior(r, &part("U"), &[1.0], false);
        let prior = size
            .and_then(|size| EffectPrior::new(size.with_weights(&weights)?, &place))
            .map_err(Failure)?;
        Ok(Self { prior, options: found, mass: number("mass"), most: number("most") as usize })
    }

    /// Fit what `design` makes of the data, given the factors of the prior; with what else it returns.
    fn run<'a, T: Send>(
        r: usize,
        task: &List,
        design: impl FnOnce(&[Factor]) -> std::result::Result<(Box<dyn Region + 'a>, T), Error> + Send,
    ) -> Outcome<(List, T)> {
        let new = Self::read(r, task)?;
        let progress = Nullable::<Function>::try_from(field(task, "progress"));
        let progress = progress.unwrap_or(Nullable::Null);
        let threads = field(task, "n_threads").as_integer().unwrap_or(1);
        let monitor = Monitor::default();
        let (answer, more) = run(threads, &progress, &monitor, || {
            let (mut design, more) = design(&new.prior.size.factors)?;
            Ok((new.solve(&mut *design, &monitor)?, more))
        })?;
        Ok((answer.list(r), more))
    }

    fn solve(
        &self,
        design: &mut dyn Region,
        monitor: &Monitor,
    ) -> std::result::Result<Answer, Error> {
        let fit = fit(design, &self.prior, &self.options, monitor)?;
        let design = &*design;
        let one = |e| marginals(design, &self.prior, e, monitor);
        let marginals = fit.effects.iter().map(one).collect::<std::result::Result<Vec<_>, _>>()?;
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

fn matrix(x: &Mat<f64>) -> RMatrix<f64> {
    RMatrix::new_matrix(x.nrows(), x.ncols(), |i, j| x[(i, j)])
}

fn numbers(x: &[usize]) -> Vec<i32> {
    x.iter().map(|i| *i as i32 + 1).collect()
}

impl Answer {
    fn list(self, conditions: usize) -> List {
        let Self { fit, marginals, coefficients, covariance, near, leads } = self;
        let effects = &fit.effects;
        let p = effects[0].alpha.len();
        let effect = |(e, m): (&Effect, &Marginals)| {
            let n = e.active.len();
            let table = |x: &[f64]| RMatrix::new_matrix(n, conditions, |i, j| x[j * n + i]);
            let weights =
                RMatrix::new_matrix(n, e.weights.len() / n.max(1), |i, k| e.weights[k * n + i]);
            list!(
                variable = numbers(&e.active),
                mean = table(&m.mean),
                sd = table(&m.sd),
                lfsr = table(&m.lfsr),
                weights = weights
            )
        };
        let lists: Vec<List> = effects.iter().zip(&marginals).map(effect).collect();
        let near: Vec<List> = near
            .iter()
            .map(|(variables, r)| {
                let n = variables.len();
                let r = RMatrix::new_matrix(n, n, |i, j| r[j * n + i]);
                list!(variable = numbers(variables), correlation = r)
            })
            .collect();
        list!(
            alpha = RMatrix::new_matrix(effects.len(), p, |l, j| effects[l].alpha[j]),
            lbf_variable = RMatrix::new_matrix(effects.len(), p, |l, j| effects[l].log_bayes[j]),
            lbf = effects.iter().map(|e| e.total).collect::<Vec<f64>>(),
            scale = effects.iter().map(|e| e.scale).collect::<Vec<f64>>(),
            elbo = &fit.ended.trace,
            converged = fit.ended.converged(),
            decrease = fit.decrease,
            V = matrix(&covariance),
            coef = matrix(&coefficients),
            effects = List::from_values(lists),
            near = List::from_values(near),
            lead_ld = RMatrix::new_matrix(p, leads.len(), |j, l| leads[l][j])
        )
    }
}

// From rows, some of whose outcomes may be missing (NA); then `memory` is for eigenvectors, in bytes.
#[extendr]
fn rust_finemap_rows(
    x: RMatrix<f64>,
    y: RMatrix<f64>,
    v: RMatrix<f64>,
    intercept: bool,
    standardize: bool,
    memory: f64,
    task: List,
) -> Outcome<List> {
    let missing = y.data().iter().any(|y| y.is_nan());
    let (x, y, v) = (view(&x), view(&y), view(&v).to_owned());
    let (fit, (mean, scale, centre)) = Task::run(y.ncols(), &task, |factors| {
        let x = centred(x, intercept, standardize)?;
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

// From products: X'X = diag(scale) M diag(scale).
#[extendr]
fn rust_finemap_products(
    gram: RMatrix<f64>,
    scale: &[f64],
    xty: RMatrix<f64>,
    yty: RMatrix<f64>,
    samples: f64,
    v: RMatrix<f64>,
    task: List,
) -> Outcome<List> {
    let (gram, xty, yty, v) = (Cow::Borrowed(gram.data()), view(&xty), view(&yty), view(&v));
    let (fit, ()) = Task::run(xty.ncols(), &task, |_| {
        let gram = Gram::scaled(Symmetric::Dense(gram), scale.to_vec(), samples)?;
        Ok((Box::new(Complete::products(gram, xty, yty, v.to_owned())?), ()))
    })?;
    Ok(fit)
}

// For each row of `alpha`, the variables of its credible set, most probable first.
#[extendr]
fn rust_credible_sets(alpha: RMatrix<f64>, coverage: f64) -> List {
    let (rows, p) = (alpha.nrows(), alpha.ncols());
    let row = |l: usize| -> Vec<f64> { (0..p).map(|j| alpha.data()[j * rows + l]).collect() };
    List::from_values((0..rows).map(|l| numbers(&credible_set(&row(l), coverage))))
}

// c(min, mean, median) of the absolute correlations between variables.
#[extendr]
fn rust_purity(correlation: RMatrix<f64>) -> Vec<f64> {
    let n = correlation.nrows();
    let found = purity(n, |i, j| correlation.data()[j * n + i]);
    vec![found.min, found.mean, found.median]
}

// The position (from 1) of the first entry of a square matrix that its mirror image differs from; 0
// if
// it is symmetric.
#[extendr]
fn rust_asymmetry(x: RMatrix<f64>) -> f64 {
    asymmetry(view(&x)).map_or(0.0, |(i, j)| (j * x.nrows() + i + 1) as f64)
}

// Nothing, or an error if `x + slack I` is not positive definite.
#[extendr]
fn rust_check_psd(x: RMatrix<f64>, slack: f64, name: &str) -> Outcome<()> {
    check_nearly_psd(view(&x), slack, name).map_err(Failure)
}

// For each column of z-scores `s`, and what the others say of each; and the repaired correlations.
#[extendr]
fn rust_qc(z: RMatrix<f64>, ld: RMatrix<f64>, n_threads: i32) -> Outcome<List> {
    let (p, conditions) = (z.nrows(), z.ncols());
    let monitor = Monitor::default();
    let (z, ld) = (z.data(), view(&ld));
    let (found, fixed, least) = run(n_threads, &Nullable::Null, &monitor, || {
        let (fixed, least) = repair(ld)?;
        let columns = z.chunks_exact(p);
        let found = columns.map(|z| consistency(z, fixed.as_ref()));
        Ok((found.collect::<std::result::Result<Vec<_>, _>>()?, fixed, least))
    })?;
    let table = |f: &dyn Fn(usize, usize) -> f64| RMatrix::new_matrix(p, conditions, f);
    Ok(list!(
        s = found.iter().map(|f| f.s).collect::<Vec<f64>>(),
        expected = table(&|i, c| found[c].expected[i]),
        variance = table(&|i, c| found[c].variance[i]),
        LD = matrix(&fixed),
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
