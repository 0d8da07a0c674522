//! Face of `mnmash_core::regression::mr_mash`.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use faer::{Mat, MatRef};
use mnmash_core::linalg::psd;
use mnmash_core::noise::{Residual, Structure};
use mnmash_core::normal_means::posterior::Posterior;
use mnmash_core::predictors::{Gram, Predictors, Responses};
use mnmash_core::regression::mr_mash::summary::{Rows, summarise};
use mnmash_core::regression::mr_mash::{Fit, Options, Start, fit, log_bayes_factors};
use mnmash_core::weights::WeightUpdate;
use mnmash_core::{Error, Monitor, Prior};

use crate::boundary::{Failure, Outcome, run};
use crate::design::{Columns, Elements, Work};
use crate::problem::view;

type Result<T> = std::result::Result<T, Error>;

/// What every fit is told beside the data.
struct Arguments {
    prior: Prior,
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
    fn new(r: usize, prior: &List, residual: &List, update: &str, control: &[f64]) -> Result<Self> {
        let element = |list: &List, i: usize| list.as_slice()[i].clone();
        let matrices = element(prior, 0).as_list().unwrap_or_default();
        let names: Vec<&str> = matrices.names().map(Iterator::collect).unwrap_or_default();
        let factor = |(k, u): (usize, &Robj)| {
            let name = names.get(k).copied().unwrap_or("");
            psd::factor(r, u.as_real_slice().unwrap_or(&[]), &format!("prior covariance '{name}'"))
        };
        let factors =
            matrices.as_slice().iter().enumerate().map(factor).collect::<Result<Vec<_>>>()?;
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
            prior: Prior::scaled(r, factors, scales, false)?
                .with_weights(&numbers(&prior.as_slice()[2]))?,
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

    /// A fit from `coefficients` (r by p, as the design uses them) or zero.
    fn fit(
        &self,
        design: &mut Responses<impl Predictors>,
        coefficients: Option<MatRef<'_, f64>>,
        monitor: &Monitor,
    ) -> Result<Fit> {
        let Numbers { threshold, tol, tol_weights, max_iter } = self.numbers;
        let penalty = &self.penalty;
        let weights = self.update;
        let options = Options { weights, penalty, threshold, tol, tol_weights, max_iter };
        let start = self.start(design, coefficients)?;
        fit(design, &self.prior, start, &options, monitor)
    }

    fn start<'a>(
        &'a self,
        design: &mut Responses<impl Predictors>,
        coefficients: Option<MatRef<'a, f64>>,
    ) -> Result<Start<'a>> {
        let zero = Mat::zeros(self.prior.conditions, design.norms().len());
        let v = match &self.covariance {
            Some(v) => v.clone(),
            None => design.covariance(coefficients.unwrap_or(zero.as_ref()))?,
        };
        let residual = Residual::start(self.structure, v.as_ref());
        Ok(Start { residual, coefficients })
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
fn in_order(values: MatRef<'_, f64>, order: &[usize]) -> Mat<f64> {
    Mat::from_fn(values.ncols(), order.len(), |i, at| values[(order[at], i)])
}

fn matrix(m: MatRef<'_, f64>) -> RMatrix<f64> {
    RMatrix::new_matrix(m.nrows(), m.ncols(), |i, p| m[(i, p)])
}

fn from_one(order: &[i32]) -> Vec<usize> {
    order.iter().map(|p| usize::try_from(p - 1).unwrap_or(usize::MAX)).collect()
}

/// Numbers of the predictors in the order of updates, in their own order.
fn place(values: &[f64], order: &[usize]) -> Vec<f64> {
    let mut out = vec![0.0; order.len()];
    for (&p, v) in order.iter().zip(values) {
        out[p] = *v;
    }
    out
}

/// What a fit comes back with.
struct Found {
    fit: Fit,
    norms: Vec<f64>,
    data: Option<OfData>,
}

/// What only individual data have.
struct OfData {
    scales: Option<Vec<f64>>,
    residuals: Mat<f64>,
    level: Mat<f64>,
}

fn describe(found: Found, order: &[usize]) -> List {
    let Found { fit, norms, data } = found;
    let loadings = fit.residual.loadings.as_ref();
    let mut out: Vec<(&str, Robj)> = vec![
        ("mean", by_predictor(&fit.mean, order).into()),
        ("statistics", by_predictor(&fit.products, order).into()),
        ("precision", place(&norms, order).into()),
        ("weights", fit.weights.into()),
        ("responsibilities", fit.responsibilities.into()),
        ("V", matrix(fit.residual.covariance.as_ref()).into()),
        ("loadings", loadings.map_or(().into(), |w| matrix(w.as_ref()).into())),
        ("unique", fit.residual.unique.into()),
        ("converged", fit.ended.converged().into()),
        ("trace", fit.ended.trace.into()),
        ("elbo", fit.elbo.into()),
        ("rise", fit.rise.into()),
        ("weight_change", fit.weight_change.into()),
        ("coefficient_change", fit.coefficient_change.into()),
        ("proposals", fit.proposals.map(|n| n as i32).to_vec().into()),
    ];
    if let Some(OfData { scales, residuals, level }) = data {
        out.push(("scale", scales.map_or(().into(), |s| place(&s, order).into())));
        out.push(("residuals", matrix(residuals.as_ref()).into()));
        out.push(("level", matrix(level.as_ref()).into()));
    }
    List::from_pairs(out)
}

/// Fit Y to predictors of either kind.
struct FitTo<'a> {
    arguments: &'a Arguments,
    basis: &'a [f64],
    y: MatRef<'a, f64>,
    /// r by p, for predictors as given.
    coefficients: Option<Mat<f64>>,
    monitor: &'a Monitor,
}

impl Work for FitTo<'_> {
    type Output = Found;

    fn run<X: Predictors>(self, x: X) -> Result<Found> {
        let scales = x.scales().map(<[f64]>::to_vec);
        let coefficients = self.coefficients.map(|mut b| {
            for (p, scale) in scales.iter().flatten().enumerate() {
                b.col_mut(p).iter_mut().for_each(|b| *b *= scale);
            }
            b
        });
        let b = coefficients.as_ref().map(Mat::as_ref);
        let mut design = Responses::new(x, self.basis, self.y, b);
        let fit = self.arguments.fit(&mut design, b, self.monitor)?;
        let (residuals, level) = (design.residuals().into_owned(), design.level().to_owned());
        let data = Some(OfData { scales, residuals, level });
        Ok(Found { fit, norms: design.norms().to_vec(), data })
    }
}

// A fit of the responses `y`. `design` is list(kind, x, basis) with kind "dense" or "sparse" (then
// also starts, rows: 0-based), or list("gram", x, samples, total), perhaps with starts and rows,
// where x is X'X (in the order of updates), y is X'Y and total Y'Y. `order`: the predictors in the
// order of updates; `start`: p x r coefficients.
#[extendr]
fn rust_mr_mash(
    design: List,
    y: RMatrix<f64>,
    order: &[i32],
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
    let elements = Elements::new(&design);
    let columns = Columns::new(&elements);
    let (basis, total) = (elements.numbers("basis"), elements.numbers("total"));
    let (is_gram, samples) = (elements.kind() == "gram", elements.number("samples"));
    let coefficients = match &start {
        Nullable::NotNull(b) => Some(in_order(view(b), &order)),
        Nullable::Null => None,
    };
    let y = view(&y);
    let products = is_gram.then(|| Mat::from_fn(order.len(), y.ncols(), |i, c| y[(order[i], c)]));
    let monitor = Monitor::default();
    let found = run(n_threads, &progress, &monitor, || {
        let Some(xty) = products else {
            let (n, monitor) = (y.nrows(), &monitor);
            let work = FitTo { arguments: &arguments, basis, y, coefficients, monitor };
            return columns.with(n, &order, basis, standardize, monitor, work);
        };
        let (p, r) = (y.nrows(), y.ncols());
        let yty = MatRef::from_column_major_slice(total, r, r).to_owned();
        let b = coefficients.as_ref().map(Mat::as_ref);
        let x = Gram::scaled(columns.symmetric(), vec![1.0; p], samples)?;
        let mut design = Responses::of_products(x, xty, yty, b);
        let fit = arguments.fit(&mut design, b, &monitor)?;
        Ok(Found { fit, norms: design.norms().to_vec(), data: None })
    })?;
    Ok(describe(found, &order))
}

/// The Bayes factors of each predictor alone.
struct LogBayesFactors<'a> {
    arguments: &'a Arguments,
    basis: &'a [f64],
    y: MatRef<'a, f64>,
}

impl Work for LogBayesFactors<'_> {
    type Output = Vec<f64>;

    fn run<X: Predictors>(self, x: X) -> Result<Vec<f64>> {
        let mut design = Responses::new(x, self.basis, self.y, None);
        let start = self.arguments.start(&mut design, None)?;
        log_bayes_factors(&design, &self.arguments.prior, &start)
    }
}

// The log Bayes factors of the predictors of individual data, each alone.
#[extendr]
fn rust_mr_mash_log_bf(
    design: List,
    y: RMatrix<f64>,
    standardize: bool,
    prior: List,
    residual: List,
    n_threads: i32,
) -> Outcome<Vec<f64>> {
    let arguments =
        Arguments::new(y.ncols(), &prior, &residual, "fixed", &[0.0; 4]).map_err(Failure)?;
    let elements = Elements::new(&design);
    let (columns, basis) = (Columns::new(&elements), elements.numbers("basis"));
    let y = view(&y);
    let monitor = Monitor::default();
    run(n_threads, &Nullable::Null, &monitor, || {
        let order: Vec<usize> = (0..columns.count(y.nrows())).collect();
        let work = LogBayesFactors { arguments: &arguments, basis, y };
        columns.with(y.nrows(), &order, basis, standardize, &monitor, work)
    })
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
    let rows = Rows { products: statistics.data(), norms: precision, covariance: sigma.as_ref() };
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
}
