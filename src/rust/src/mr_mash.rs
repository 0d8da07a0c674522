//! Regressions of many responses on many predictors.

use extendr_api::prelude::*;
use faer::{Mat, MatRef};
use mnmash_core::noise::{Residual, Structure};
use mnmash_core::predictors::{self, Gram, Responses};
use mnmash_core::regression::mr_mash::summary::{Rows, summarise};
use mnmash_core::regression::mr_mash::{Fit, Options, Start, fit, log_bayes_factors};
use mnmash_core::{Error, Monitor, Prior};

use crate::boundary::{Run, arguments};
use crate::nouns::{Mixture, Noise};
use crate::predictors::{Predictors, Work};
use crate::read::{Field, Outcome, Table, refuse};
use crate::words::{WEIGHT_UPDATES, structures};
use crate::write::{Moments, ended, matrix, nullable, table};

type Result<T> = std::result::Result<T, Error>;

/// The prior of the coefficients and what is known of the residuals.
struct Model<'a> {
    prior: Prior,
    noise: Noise<'a, Structure>,
}

impl<'a> Model<'a> {
    fn read(prior: &Field<'a>, noise: &Field<'a>, r: usize) -> Outcome<Self> {
        let prior = prior.read(|p| Mixture::read(p, r))?.weighted()?;
        Ok(Self { prior, noise: noise.read(|n| Noise::read(n, r, structures))? })
    }

    fn start<'b>(
        &'b self,
        design: &mut Responses<impl predictors::Predictors>,
        coefficients: Option<MatRef<'b, f64>>,
    ) -> Result<Start<'b>> {
        let zero = Mat::zeros(self.prior.conditions, design.norms().len());
        let v = match &self.noise.v {
            Some(v) => v.view().to_owned(),
            None => design.covariance(coefficients.unwrap_or(zero.as_ref()))?,
        };
        let residual = Residual::start(self.noise.structure, v.as_ref());
        Ok(Start { residual, coefficients })
    }
}

/// The predictors in the order of updates, and the way back to their own.
struct Order(Vec<usize>);

impl Order {
    /// Rows of `values`, r by p in the order of updates, as a p by r matrix of R.
    fn by_predictor(&self, values: &Mat<f64>) -> RMatrix<f64> {
        let mut place = vec![0; self.0.len()];
        self.0.iter().enumerate().for_each(|(at, &p)| place[p] = at);
        table(values.ncols(), values.nrows(), |p, i| values[(i, place[p])])
    }

    /// A p by r matrix of R the other way round.
    fn arrange(&self, values: MatRef<'_, f64>) -> Mat<f64> {
        Mat::from_fn(values.ncols(), self.0.len(), |i, at| values[(self.0[at], i)])
    }

    /// Numbers of the predictors, in their own order.
    fn place(&self, values: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.0.len()];
        self.0.iter().zip(values).for_each(|(&p, v)| out[p] = *v);
        out
    }
}

/// What a fit comes back with.
struct Found {
    fit: Fit,
    norms: Vec<f64>,
    data: Option<OfSamples>,
}

/// What only samples have.
struct OfSamples {
    scales: Option<Vec<f64>>,
    residuals: Mat<f64>,
    level: Mat<f64>,
}

fn describe(found: Found, order: &Order) -> List {
    let Found { fit, norms, data } = found;
    let loadings = fit.residual.loadings.as_ref().map(|w| matrix(w.as_ref()));
    let of_samples = data.map(|OfSamples { scales, residuals, level }| {
        list!(
            scale = nullable(scales.map(|s| order.place(&s))),
            residuals = matrix(residuals.as_ref()),
            level = matrix(level.as_ref())
        )
    });
    list!(
        mean = order.by_predictor(&fit.mean),
        statistics = order.by_predictor(&fit.products),
        precision = order.place(&norms),
        weights = fit.weights,
        responsibilities = fit.responsibilities,
        V = matrix(fit.residual.covariance.as_ref()),
        loadings = nullable(loadings),
        unique = fit.residual.unique,
        elbo = fit.elbo,
        rise = fit.rise,
        weight_change = fit.weight_change,
        coefficient_change = fit.coefficient_change,
        proposals = fit.proposals.map(|n| n as i32).to_vec(),
        samples = nullable(of_samples),
        ended = ended(&fit.ended)
    )
}

/// Fit the responses to predictors of either kind.
struct FitTo<'a> {
    model: &'a Model<'a>,
    options: &'a Options<'a>,
    basis: Table<'a>,
    y: MatRef<'a, f64>,
    /// r by p, for predictors as given.
    coefficients: Option<Mat<f64>>,
    monitor: &'a Monitor,
}

impl Work for FitTo<'_> {
    type Output = Found;

    fn run<X: predictors::Predictors>(self, x: X) -> Result<Found> {
        let scales = x.scales().map(<[f64]>::to_vec);
        let coefficients = self.coefficients.map(|mut b| {
            for (p, scale) in scales.iter().flatten().enumerate() {
                b.col_mut(p).iter_mut().for_each(|b| *b *= scale);
            }
            b
        });
        let b = coefficients.as_ref().map(Mat::as_ref);
        let mut design = Responses::new(x, self.basis.values, self.y, b);
        let start = self.model.start(&mut design, b)?;
        let fit = fit(&mut design, &self.model.prior, start, self.options, self.monitor)?;
        let (residuals, level) = (design.residuals().into_owned(), design.level().to_owned());
        let data = Some(OfSamples { scales, residuals, level });
        Ok(Found { fit, norms: design.norms().to_vec(), data })
    }
}

// A fit of `responses$y` (NA where missing): of samples; or of products with the predictors (these
// in the order of updates), and then with the responses' own products `total`. `start`: p x r
// coefficients, or NULL.
#[extendr]
fn rust_mr_mash(
    predictors: Robj,
    responses: Robj,
    prior: Robj,
    noise: Robj,
    start: Robj,
    control: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(predictors, responses, prior, noise, start, control);
    let predictors = predictors.read(Predictors::read)?;
    let (y, total) = responses.read(|r| {
        let y = r.get("y")?.matrix_with(predictors.rows())?;
        Ok((y, r.maybe("total", |t| t.matrix_of(y.cols, y.cols))?))
    })?;
    let p = predictors.columns().count();
    let model = Model::read(&prior, &noise, y.cols)?;
    let (order, standardize, options) = control.read(|c| {
        let options = Options {
            weights: c.one_of("update", WEIGHT_UPDATES)?,
            penalty: c.get("penalty")?.numbers_of(model.prior.len())?,
            threshold: c.number("threshold")?,
            tol: c.number("tol")?,
            tol_weights: c.number("tol_weights")?,
            max_iter: c.count("max_iter")?,
        };
        let order = Order(c.get("order")?.permutation(p)?);
        Ok((order, c.flag("standardize")?, options))
    })?;
    let coefficients = start.given().map(|b| b.matrix_of(p, y.cols)).transpose()?;
    let coefficients = coefficients.map(|b| order.arrange(b.view()));
    let run = Run::new(&run)?;
    let found = match (&predictors, total) {
        (Predictors::Samples { x, basis }, _) => run.with(|monitor| {
            let (model, options, y, basis) = (&model, &options, y.view(), *basis);
            let work = FitTo { model, options, basis, y, coefficients, monitor };
            x.with(&order.0, basis, standardize, monitor, work)
        }),
        (Predictors::Products { x, samples, .. }, Some(total)) => run.with(|monitor| {
            let y = y.view();
            let xty = Mat::from_fn(p, y.ncols(), |i, c| y[(order.0[i], c)]);
            let yty = total.view().to_owned();
            let b = coefficients.as_ref().map(Mat::as_ref);
            let x = Gram::scaled(x.symmetric(), vec![1.0; p], *samples)?;
            let mut design = Responses::of_products(x, xty, yty, b);
            let start = model.start(&mut design, b)?;
            let fit = fit(&mut design, &model.prior, start, &options, monitor)?;
            Ok(Found { fit, norms: design.norms().to_vec(), data: None })
        }),
        (Predictors::Products { .. }, None) => refuse("responses$total must be given; it is NULL"),
    }?;
    Ok(describe(found, &order))
}

/// The Bayes factors of each predictor alone.
struct LogBayesFactors<'a> {
    model: &'a Model<'a>,
    basis: Table<'a>,
    y: MatRef<'a, f64>,
}

impl Work for LogBayesFactors<'_> {
    type Output = Vec<f64>;

    fn run<X: predictors::Predictors>(self, x: X) -> Result<Vec<f64>> {
        let mut design = Responses::new(x, self.basis.values, self.y, None);
        let start = self.model.start(&mut design, None)?;
        log_bayes_factors(&design, &self.model.prior, &start)
    }
}

// The log Bayes factors of the predictors of samples, each alone.
#[extendr]
fn rust_mr_mash_log_bf(
    predictors: Robj,
    responses: Robj,
    prior: Robj,
    noise: Robj,
    control: Robj,
    run: Robj,
) -> Outcome<Vec<f64>> {
    arguments!(predictors, responses, prior, noise, control);
    let Predictors::Samples { x, basis } = predictors.read(Predictors::read)? else {
        return refuse("predictors$form must be samples");
    };
    let y = responses.read(|r| r.get("y")?.matrix_with(x.rows()))?;
    let model = Model::read(&prior, &noise, y.cols)?;
    let standardize = control.read(|c| c.flag("standardize"))?;
    let order: Vec<usize> = (0..x.count()).collect();
    Run::new(&run)?.with(|monitor| {
        let work = LogBayesFactors { model: &model, basis, y: y.view() };
        x.with(&order, basis, standardize, monitor, work)
    })
}

// The posterior of the rows of a fit: list(mean, sd, lfdr, negative, positive, lfsr, covariance).
#[extendr]
fn rust_mr_mash_posterior(
    rows: Robj,
    prior: Robj,
    noise: Robj,
    task: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(rows, prior, noise, task);
    let (statistics, precision) = rows.read(|r| {
        let statistics = r.get("statistics")?.matrix()?;
        Ok((statistics, r.get("precision")?.numbers_of(statistics.rows)?))
    })?;
    let model = Model::read(&prior, &noise, statistics.cols)?;
    let covariance = model.noise.known()?.view();
    let full = task.read(|t| t.flag("covariance"))?;
    let mut moments = Moments::new(statistics.rows, statistics.cols, full);
    let out = moments.out();
    let rows = Rows { products: statistics.values, norms: precision, covariance };
    Run::new(&run)?.with(|monitor| summarise(&model.prior, rows, out, monitor))?;
    Ok(moments.into())
}

extendr_module! {
    mod mr_mash;
    fn rust_mr_mash;
    fn rust_mr_mash_log_bf;
    fn rust_mr_mash_posterior;
}
