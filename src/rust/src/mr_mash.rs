//! Face of `mnmash_core::regression::mr_mash`.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use faer::{Mat, MatRef};
use mnmash_core::linalg::psd;
use mnmash_core::normal_means::posterior::Posterior;
use mnmash_core::regression::mr_mash::design::{CrossProducts, Design, Summaries};
use mnmash_core::regression::mr_mash::summary::{Rows, summarise};
use mnmash_core::regression::mr_mash::{
    Fit, Individual, Layout, MatrixPrior, Options, Residual, Start, Stop, Structure, WeightUpdate,
    fit, log_bayes_factors,
};
use mnmash_core::{Error, Monitor};

use crate::boundary::{Failure, Outcome, run};
use crate::problem::view;

/// What every fit is told beside the data.
struct Arguments {
    prior: MatrixPrior,
    weights: Vec<f64>,
    penalty: Vec<f64>,
    structure: Structure,
    covariance: Option<Mat<f64>>,
    update: WeightUpdate,
    numbers: Numbers,
}

struct Numbers {
    threshold: f64,
    tol: f64,
    tol_weights: f64,
    max_iter: usize,
}

impl Arguments {
    /// `prior`: `list(matrices, scales, weights, penalty)`; `residual`: `list(structure, rank, V)`;
    /// `control`: `c(threshold, tol, tol_weights, max_iter)`.
    fn new(
        r: usize,
        prior: &List,
        residual: &List,
        update: &str,
        control: &[f64],
    ) -> std::result::Result<Self, Error> {
        let element = |list: &List, i: usize| list.as_slice()[i].clone();
        let matrices = element(prior, 0).as_list().unwrap_or_default();
        let names: Vec<&str> = matrices.names().map(Iterator::collect).unwrap_or_default();
        let factor = |(k, u): (usize, &Robj)| {
            let name = names.get(k).copied().unwrap_or("");
            psd::factor(r, u.as_real_slice().unwrap_or(&[]), &format!("prior covariance '{name}'"))
        };
        let factors =
            matrices.as_slice().iter().enumerate().map(factor).collect::<Result<Vec<_>, _>>()?;
        let numbers = |x: &Robj| x.as_real_slice().unwrap_or(&[]).to_vec();
        let scales = element(prior, 1).as_list().unwrap_or_default();
        let scales = scales.as_slice().iter().map(numbers).collect();
        let rank = element(residual, 1).as_integer().unwrap_or(0).max(0) as usize;
        let structure = match element(residual, 0).as_str().unwrap_or("") {
            "diagonal" => Structure::Diagonal,
            "full" => Structure::Full,
            "lowrank" => Structure::LowRank { rank, plugin: false },
            "plugin" => Structure::LowRank { rank, plugin: true },
            "factor" => Structure::Factors { rank },
            _ => Structure::Known,
        };
        let covariance = element(residual, 2);
        let covariance =
            covariance.as_real_slice().map(|v| MatRef::from_column_major_slice(v, r, r).to_owned());
        Ok(Self {
            prior: MatrixPrior { conditions: r, factors, scales },
            weights: numbers(&prior.as_slice()[2]),
            penalty: numbers(&prior.as_slice()[3]),
            structure,
            covariance,
            update: match update {
                "em" => WeightUpdate::Em,
                "fixed" => WeightUpdate::Fixed,
                _ => WeightUpdate::Convex,
            },
            numbers: Numbers {
                threshold: control[0],
                tol: control[1],
                tol_weights: control[2],
                max_iter: control[3].max(0.0) as usize,
            },
        })
    }

    fn start<'a>(&'a self, v: MatRef<'_, f64>, coefficients: Option<&'a Mat<f64>>) -> Start<'a> {
        let residual = Residual::start(self.structure, v);
        let coefficients = coefficients.map(Mat::as_ref);
        Start { weights: &self.weights, residual, coefficients }
    }

    fn fit(
        &self,
        design: &mut impl Design,
        start: Start<'_>,
        monitor: &Monitor,
    ) -> std::result::Result<Fit, Error> {
        let Numbers { threshold, tol, tol_weights, max_iter } = self.numbers;
        let penalty = &self.penalty;
        let weights = self.update;
        let options = Options { weights, penalty, threshold, tol, tol_weights, max_iter };
        fit(design, &self.prior, start, &options, monitor)
    }
}

/// Rows of `values`, r by p in the order of updates, as a p by r matrix of R.
fn by_predictor(values: &Mat<f64>, order: &[usize]) -> RMatrix<f64> {
    let mut place = vec![0; order.len()];
    for (at, &p) in order.iter().enumerate() {
        place[p] = at;
    }
    RMatrix::new_matrix(values.ncols(), values.nrows(), |p, i| values[(i, place[p])])
}

/// A p by r matrix of R the other way round.
fn in_order(values: &Nullable<RMatrix<f64>>, order: &[usize]) -> Option<Mat<f64>> {
    let Nullable::NotNull(values) = values else { return None };
    let values = view(values);
    Some(Mat::from_fn(values.ncols(), order.len(), |i, at| values[(order[at], i)]))
}

fn matrix(m: MatRef<'_, f64>) -> RMatrix<f64> {
    RMatrix::new_matrix(m.nrows(), m.ncols(), |i, p| m[(i, p)])
}

fn from_one(order: &[i32]) -> Vec<usize> {
    order.iter().map(|p| usize::try_from(p - 1).unwrap_or(usize::MAX)).collect()
}

fn describe(found: &Fit, design: &impl Design, order: &[usize]) -> Vec<(&'static str, Robj)> {
    let mut precision = vec![0.0; order.len()];
    for (&p, d) in order.iter().zip(design.precision()) {
        precision[p] = *d;
    }
    let loadings = found.residual.loadings.as_ref();
    vec![
        ("mean", by_predictor(&found.mean, order).into()),
        ("statistics", by_predictor(&found.statistics, order).into()),
        ("precision", precision.into()),
        ("weights", found.weights.clone().into()),
        ("responsibilities", found.responsibilities.clone().into()),
        ("V", matrix(found.residual.covariance.as_ref()).into()),
        ("loadings", loadings.map_or(().into(), |w| matrix(w.as_ref()).into())),
        ("unique", found.residual.unique.clone().into()),
        ("trace", found.trace.clone().into()),
        ("elbo", found.elbo.into()),
        ("rise", found.rise.into()),
        ("weight_change", found.weight_change.into()),
        ("coefficient_change", found.coefficient_change.into()),
        ("proposals", found.proposals.map(|n| n as i32).to_vec().into()),
        ("converged", (found.stop == Stop::Converged).into()),
    ]
}

// A fit to individual data. `order`: the predictors in the order of updates; `start`: p x r
// coefficients for X as it is used.
#[extendr]
fn rust_mr_mash(
    x: RMatrix<f64>,
    y: RMatrix<f64>,
    order: &[i32],
    intercept: bool,
    standardize: bool,
    start: Nullable<RMatrix<f64>>,
    prior: List,
    residual: List,
    update: &str,
    control: &[f64],
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<List> {
    let order = from_one(order);
    let arguments =
        Arguments::new(y.ncols(), &prior, &residual, update, control).map_err(Failure)?;
    let coefficients = in_order(&start, &order);
    let (x, y) = (view(&x), view(&y));
    let monitor = Monitor::default();
    let (found, design) = run(n_threads, &progress, &monitor, || {
        let layout = Layout { order: &order, intercept, standardize };
        let coefficients = coefficients.as_ref();
        let mut design = Individual::new(x, y, layout, coefficients.map(Mat::as_ref));
        let v = match &arguments.covariance {
            Some(v) => v.clone(),
            None => design.covariance()?,
        };
        let start = arguments.start(v.as_ref(), coefficients);
        let found = arguments.fit(&mut design, start, &monitor)?;
        Ok((found, design))
    })?;
    let mut out = describe(&found, &design, &order);
    let place = |values: &[f64]| {
        let mut by_predictor = vec![0.0; order.len()];
        for (&p, v) in order.iter().zip(values) {
            by_predictor[p] = *v;
        }
        by_predictor
    };
    out.push(("centre", place(&design.centre).into()));
    out.push(("scale", place(&design.scale).into()));
    out.push(("y_mean", design.intercept.clone().into()));
    out.push(("residuals", matrix(design.residuals()).into()));
    Ok(List::from_pairs(out))
}

// The log Bayes factors of the predictors of individual data, each alone.
#[extendr]
fn rust_mr_mash_log_bf(
    x: RMatrix<f64>,
    y: RMatrix<f64>,
    intercept: bool,
    standardize: bool,
    prior: List,
    residual: List,
    n_threads: i32,
) -> Outcome<Vec<f64>> {
    let control = [0.0; 4];
    let arguments =
        Arguments::new(y.ncols(), &prior, &residual, "fixed", &control).map_err(Failure)?;
    let (x, y) = (view(&x), view(&y));
    let order: Vec<usize> = (0..x.ncols()).collect();
    run(n_threads, &Nullable::Null, &Monitor::default(), || {
        let layout = Layout { order: &order, intercept, standardize };
        let mut design = Individual::new(x, y, layout, None);
        let v = match &arguments.covariance {
            Some(v) => v.clone(),
            None => design.covariance()?,
        };
        log_bayes_factors(&design, &arguments.prior, &arguments.start(v.as_ref(), None))
    })
}

// A fit to cross-products: `xtx` is a matrix, or list(starts, rows, values) of a sparse one (numbers
// from 0).
#[extendr]
fn rust_mr_mash_rss(
    n: f64,
    xtx: Robj,
    xty: RMatrix<f64>,
    yty: RMatrix<f64>,
    start: Nullable<RMatrix<f64>>,
    prior: List,
    residual: List,
    update: &str,
    control: &[f64],
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<List> {
    let (p, r) = (xty.nrows(), xty.ncols());
    let order: Vec<usize> = (0..p).collect();
    let arguments = Arguments::new(r, &prior, &residual, update, control).map_err(Failure)?;
    let coefficients = in_order(&start, &order);
    let cross = match xtx.as_list() {
        Some(sparse) => {
            let index = |i: usize| {
                let x = sparse.as_slice()[i].as_integer_slice().unwrap_or(&[]);
                x.iter().map(|v| *v as usize).collect()
            };
            let values = sparse.as_slice()[2].as_real_slice().unwrap_or(&[]).to_vec();
            CrossProducts::Sparse { starts: index(0), rows: index(1), values }
        }
        None => {
            let values = xtx.as_real_slice().unwrap_or(&[]);
            CrossProducts::Dense(MatRef::from_column_major_slice(values, p, p).to_owned())
        }
    };
    let xty = view(&xty).transpose().to_owned();
    let yty = view(&yty).to_owned();
    let monitor = Monitor::default();
    let (found, design) = run(n_threads, &progress, &monitor, || {
        let coefficients = coefficients.as_ref();
        let mut design = Summaries::new(n, cross, xty, yty, coefficients.map(Mat::as_ref));
        let v = match &arguments.covariance {
            Some(v) => v.clone(),
            None => {
                let zero = Mat::zeros(r, p);
                let b = coefficients.unwrap_or(&zero);
                let a = design.cross(b.as_ref());
                Mat::from_fn(r, r, |i, q| a[(i, q)] / (n - 1.0))
            }
        };
        let start = arguments.start(v.as_ref(), coefficients);
        let found = arguments.fit(&mut design, start, &monitor)?;
        Ok((found, design))
    })?;
    Ok(List::from_pairs(describe(&found, &design, &order)))
}

// The posterior of the rows of a fit: list(mean, sd, lfdr, negative, positive, lfsr, covariance).
#[extendr]
fn rust_mr_mash_posterior(
    statistics: RMatrix<f64>,
    precision: &[f64],
    prior: List,
    residual: List,
    covariance: bool,
    n_threads: i32,
) -> Outcome<List> {
    let (p, r) = (statistics.nrows(), statistics.ncols());
    let control = [0.0; 4];
    let arguments = Arguments::new(r, &prior, &residual, "fixed", &control).map_err(Failure)?;
    let sigma = arguments.covariance.unwrap_or_else(|| Mat::identity(r, r));
    let mut tables: Vec<Vec<f64>> = (0..6).map(|_| vec![0.0; p * r]).collect();
    let mut full = covariance.then(|| vec![0.0; p * r * r]);
    let rows = Rows {
        statistics: statistics.data(),
        precision,
        covariance: sigma.as_ref(),
        weights: &arguments.weights,
    };
    let monitor = Monitor::default();
    run(n_threads, &Nullable::Null, &monitor, || {
        let [mean, sd, lfdr, negative, positive, lfsr] = &mut tables[..] else { return Ok(()) };
        let covariance = full.as_deref_mut();
        let out = Posterior { mean, sd, lfdr, negative, positive, lfsr, covariance };
        summarise(&arguments.prior, rows, out, &monitor)
    })?;
    let names = ["mean", "sd", "lfdr", "negative", "positive", "lfsr"];
    let table = |values: &Vec<f64>| RMatrix::new_matrix(p, r, |i, q| values[q * p + i]).into();
    let mut out: Vec<(&str, Robj)> =
        names.iter().zip(&tables).map(|(name, values)| (*name, table(values))).collect();
    out.push(("covariance", full.map_or(().into(), Robj::from)));
    Ok(List::from_pairs(out))
}

extendr_module! {
    mod mr_mash;
    fn rust_mr_mash;
    fn rust_mr_mash_log_bf;
    fn rust_mr_mash_posterior;
    fn rust_mr_mash_rss;
}
