//! Fits of several responses on the same predictors.

use extendr_api::prelude::*;
use faer::{Mat, MatRef};
use mnmash_core::loci::consistency::{Slack, of_products};
use mnmash_core::noise::Whitened;
use mnmash_core::predictors::{Gram, Predictors, Response, response_of};
use mnmash_core::regression::mr_ash;
use mnmash_core::regression::mr_ash::{Fit, Grid, Options, Step, fit_all, norms_as_given};
use mnmash_core::{Error, Monitor};

use crate::consistency::{Check, slack};
use crate::nouns::predictors::Work;
use crate::nouns::{Scalars, Variances};
use crate::read::{Field, Outcome, Table};
use crate::words::WEIGHT_UPDATES;
use crate::write::{ended, nullable};

/// All but the predictors.
pub struct Task<'a> {
    pub y: Table<'a>,
    prior: Scalars<'a>,
    noise: Variances<'a>,
    start: Option<Table<'a>>,
    penalty: Option<&'a [f64]>,
    order: Vec<usize>,
    options: Options,
    pub standardize: bool,
    slack: Option<Slack>,
}

/// Sums of squares of the predictors as given, and the fits.
pub type Found = (Vec<f64>, Vec<Fit>);

impl<'a> Task<'a> {
    /// For `p` predictors and the columns of `y`. `start`: p by r coefficients, or NULL. `control`:
    /// `list(update_pi, penalty, order, standardize, tol, max_iter, slack)`.
    pub fn read(
        (prior, noise, start, control): (&Field<'a>, &Field<'a>, Field<'a>, &Field<'a>),
        p: usize,
        y: Table<'a>,
    ) -> Outcome<Self> {
        let prior = prior.read(|f| Scalars::read(f, y.cols))?;
        let noise = noise.read(|f| Variances::read(f, y.cols))?;
        let start = start.given().map(|b| b.matrix_of(p, y.cols)).transpose()?;
        control.read(|c| {
            let options = Options {
                weights: c.one_of("update_pi", WEIGHT_UPDATES)?,
                update_sigma2: !noise.known,
                slab: prior.slab,
                tol: c.number("tol")?,
                max_iter: c.count("max_iter")?,
            };
            let penalty = c.maybe("penalty", |a| a.numbers_of(prior.variances.rows))?;
            let order = c.get("order")?.permutation(p)?;
            let standardize = c.flag("standardize")?;
            let slack = slack(c)?;
            Ok(Self { y, prior, noise, start, penalty, order, options, standardize, slack })
        })
    }

    fn one(&self, j: usize, response: Response) -> mr_ash::Task {
        let grid = self.prior.variances.column(j).to_vec();
        mr_ash::Task {
            response,
            grid: if self.prior.relative { Grid::Relative(grid) } else { Grid::Absolute(grid) },
            pi: self.prior.weights.map(|w| w.column(j).to_vec()),
            sigma2: self.noise.values[j],
            b: self.start.map(|b| b.column(j).to_vec()),
        }
    }

    /// The fits of all columns of `y`, of which `make` makes responses.
    pub fn fit<X: Predictors>(
        &self,
        x: &X,
        make: impl Fn(usize, &[f64]) -> Response,
        monitor: &Monitor,
    ) -> std::result::Result<Found, Error> {
        let one = |j: usize| self.one(j, make(j, self.y.column(j)));
        let tasks: Vec<mr_ash::Task> = (0..self.y.cols).map(one).collect();
        let fits = fit_all(x, &tasks, self.penalty, &self.order, self.options, monitor)?;
        Ok((norms_as_given(x), fits))
    }
}

impl Task<'_> {
    /// Whether products, and what a fit of each column of `y` leaves of them, contradict each other;
    /// nothing if that is not asked for.
    pub fn checks(
        &self,
        x: &Gram<'_>,
        make: impl Fn(usize, &[f64]) -> Response,
        fits: &[Fit],
    ) -> std::result::Result<Vec<Check>, Error> {
        let Some(slack) = self.slack else { return Ok(Vec::new()) };
        let column = |x: &[f64]| MatRef::from_column_major_slice(x, x.len(), 1).to_owned();
        let scales = x.scales();
        let one = |(j, fit): (usize, &Fit)| -> std::result::Result<Check, Error> {
            let b = Mat::from_fn(fit.b.len(), 1, |j, _| fit.b[j] * scales.map_or(1.0, |s| s[j]));
            let noise = Whitened::new(Mat::full(1, 1, fit.sigma2))?;
            let start = column(&make(j, self.y.column(j)).start);
            let (start, left) = (start.as_ref(), column(&fit.residual));
            let pairs = of_products(x, start, left.as_ref(), b.as_ref(), &noise, slack);
            Ok(Check { left: (!fit.left.is_nan()).then(|| vec![fit.left]), pairs })
        };
        fits.iter().enumerate().map(one).collect()
    }
}

/// The fits to samples, of predictors of either kind.
pub struct ToSamples<'a> {
    pub task: &'a Task<'a>,
    pub basis: Table<'a>,
    pub monitor: &'a Monitor,
}

impl Work for ToSamples<'_> {
    type Output = Found;

    fn run<X: Predictors>(self, x: X) -> std::result::Result<Found, Error> {
        self.task.fit(&x, |_, y| response_of(&x, self.basis.values, y), self.monitor)
    }
}

/// A fit as R has it.
pub fn list_of(fit: &Fit, check: Option<Check>) -> List {
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
        check = nullable(check.map(|c| c.list(|j| j))),
        ended = ended(&fit.ended)
    )
}
