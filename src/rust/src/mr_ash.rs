//! Regressions of one response on many predictors.

use extendr_api::prelude::*;
use mnmash_core::predictors::{self, Compressed, Dense, Gram, Response, Sparse, response};
use mnmash_core::regression::mr_ash::{Fit, Grid, Options, Step, Task, fit_all, norms_as_given};
use mnmash_core::{Error, Monitor};

use crate::boundary::{Run, arguments};
use crate::predictors::{Columns, Predictors};
use crate::read::{Field, Outcome, Table, refuse};
use crate::words::WEIGHT_UPDATES;
use crate::write::ended;

/// Priors and starts: each has a column (element) for each fit.
struct Starts<'a> {
    /// Prior variances, in units of the residual variance if they are `relative`.
    variances: Table<'a>,
    relative: bool,
    weights: Table<'a>,
    sigma2: &'a [f64],
    b: Option<Table<'a>>,
}

impl<'a> Starts<'a> {
    /// `prior`: `list(variances, relative, weights)`; `start`: `list(sigma2, b)`.
    fn read(prior: &Field<'a>, start: &Field<'a>, p: usize, fits: usize) -> Outcome<Self> {
        let (variances, relative, weights) = prior.read(|f| {
            let variances = f.get("variances")?.matrix_by(fits)?;
            let weights = f.get("weights")?.matrix_of(variances.rows, fits)?;
            Ok((variances, f.flag("relative")?, weights))
        })?;
        start.read(|f| {
            let b = f.maybe("b", |b| b.matrix_of(p, fits))?;
            let sigma2 = f.get("sigma2")?.numbers_of(fits)?;
            Ok(Self { variances, relative, weights, sigma2, b })
        })
    }

    fn task(&self, j: usize, response: Response) -> Task {
        let values = self.variances.column(j).to_vec();
        Task {
            response,
            grid: if self.relative { Grid::Relative(values) } else { Grid::Absolute(values) },
            pi: self.weights.column(j).to_vec(),
            sigma2: self.sigma2[j],
            b: self.b.map(|b| b.column(j).to_vec()),
        }
    }
}

/// What is common to the fits of a call.
struct Common<'a> {
    penalty: Option<&'a [f64]>,
    order: Vec<usize>,
    options: Options,
    starts: Starts<'a>,
    y: Table<'a>,
}

impl Common<'_> {
    /// The fits of all columns of `y`, of which `make` makes responses.
    fn fit<D: predictors::Predictors>(
        &self,
        design: &D,
        make: impl Fn(usize, &[f64]) -> Response,
        monitor: &Monitor,
    ) -> std::result::Result<(Vec<f64>, Vec<Fit>), Error> {
        let task = |j: usize| self.starts.task(j, make(j, self.y.column(j)));
        let tasks: Vec<Task> = (0..self.y.cols).map(task).collect();
        let fits = fit_all(design, &tasks, self.penalty, &self.order, self.options, monitor)?;
        Ok((norms_as_given(design), fits))
    }
}

fn fit_list(fit: &Fit) -> List {
    let column = |f: fn(&Step) -> f64| fit.steps.iter().map(f).collect::<Vec<f64>>();
    list!(
        b = fit.b.as_slice(),
        c = fit.products.as_slice(),
        pi = fit.pi.as_slice(),
        sigma2 = fit.sigma2,
        grid = fit.grid.as_slice(),
        variance = fit.variance,
        sigma2_trace = column(|s| s.sigma2),
        change = column(|s| s.change),
        weights = column(|s| s.weights),
        ended = ended(&fit.ended)
    )
}

// Fits of the columns of `responses$y`: of samples, or of products with the predictors, and then
// with the responses' sums of squares `total`.
#[extendr]
fn rust_mr_ash(
    predictors: Robj,
    responses: Robj,
    prior: Robj,
    start: Robj,
    control: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(predictors, responses, prior, start, control);
    let predictors = predictors.read(Predictors::read)?;
    let (y, total) = responses.read(|r| {
        let y = r.get("y")?.matrix_with(predictors.rows())?;
        Ok((y, r.get("total")?.numbers_of(y.cols)?))
    })?;
    let p = predictors.columns().count();
    let starts = Starts::read(&prior, &start, p, y.cols)?;
    let (common, standardize) = control.read(|c| {
        let options = Options {
            weights: c.one_of("update_pi", WEIGHT_UPDATES)?,
            update_sigma2: c.flag("update_sigma2")?,
            slab: c.maybe("slab", Field::pair)?,
            tol: c.number("tol")?,
            max_iter: c.count("max_iter")?,
        };
        let penalty = c.maybe("penalty", |a| a.numbers_of(starts.variances.rows))?;
        let order = c.get("order")?.permutation(p)?;
        Ok((Common { penalty, order, options, starts, y }, c.flag("standardize")?))
    })?;
    let norms = match &predictors {
        Predictors::Products { norms: None, .. } => {
            return refuse("predictors$norms must be given; it is NULL");
        }
        Predictors::Products { norms, .. } => norms.unwrap_or(&[]),
        Predictors::Samples { .. } => &[],
    };
    let (norms, fits) = Run::new(&run)?.with(|monitor| match &predictors {
        Predictors::Products { x, samples, .. } => {
            let design = Gram::new(x.symmetric(), norms, *samples, standardize)?;
            common.fit(&design, |j, y| design.response(y, total[j]), monitor)
        }
        Predictors::Samples { x: Columns::Dense(x), basis } => {
            let (values, basis) = (x.values.to_vec(), basis.values);
            let design = Dense::new(values, x.rows, basis, standardize, monitor)?;
            common.fit(&design, |_, y| response(basis, y), monitor)
        }
        Predictors::Samples { x: Columns::Sparse { n, starts, rows, values }, basis } => {
            let x = Compressed { starts, rows, values };
            let design = Sparse::new(x, *n, basis.values, standardize)?;
            common.fit(&design, |_, y| design.response(y), monitor)
        }
    })?;
    Ok(list!(norms = norms, fits = List::from_values(fits.iter().map(fit_list))))
}

extendr_module! {
    mod mr_ash;
    fn rust_mr_ash;
}
