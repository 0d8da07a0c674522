//! One region, as R passes it: `list(predictors, packed, responses, start)`, where the predictors
//! are NULL if they are packed.

use faer::Mat;
use mnmash_core::genome::{Found, Packed, Start, Task, regress};
use mnmash_core::predictors::{self, Dense};
use mnmash_core::{Error, Monitor};

use crate::nouns::predictors::Work;
use crate::nouns::{Predictors, Responses};
use crate::read::{Failure, Fields, Outcome, Table, refuse};

/// What the responses are regressed on.
enum X<'a> {
    Given(Predictors<'a>, Responses<'a>),
    Packed { bytes: &'a [u8], samples: usize, rows: Vec<usize>, basis: Table<'a>, y: Table<'a> },
}

pub struct Region<'a> {
    x: X<'a>,
    /// r by p.
    coefficients: Option<Mat<f64>>,
    covariance: Option<Table<'a>>,
    level: Option<Table<'a>>,
}

impl<'a> Region<'a> {
    /// In `r` conditions. `packed`: `list(bytes, samples, rows, basis)`, with the samples of the
    /// file that are used, from 1. `start`: `list(B, V, level)`, p by r, r by r, and a row for each
    /// covariate; each perhaps NULL.
    pub fn read(list: &Fields<'a>, r: usize) -> Outcome<Self> {
        let given = list.maybe("predictors", |p| p.read(Predictors::read))?;
        let packed = list.maybe("packed", |p| {
            p.read(|p| {
                let (bytes, samples) = (p.get("bytes")?.bytes()?, p.count("samples")?);
                let rows = p.get("rows")?.places(samples)?;
                Ok((bytes, samples, p.get("basis")?.matrix_with(rows.len())?, rows))
            })
        })?;
        let responses = list.get("responses")?;
        let (x, p) = match (given, packed) {
            (Some(given), None) => {
                let responses = responses.read(|y| Responses::together(y, &given))?;
                let p = given.columns().count();
                (X::Given(given, responses), p)
            }
            (None, Some((bytes, samples, basis, rows))) => {
                let y = responses.read(|l| {
                    l.maybe("total", |t| t.wrong::<()>("NULL"))?;
                    l.get("y")?.matrix_with(rows.len())
                })?;
                let p = Packed::new(bytes, samples, &rows)?.count();
                (X::Packed { bytes, samples, rows, basis, y }, p)
            }
            _ => return refuse("a region must have either predictors or packed"),
        };
        let (coefficients, covariance, level) = list.get("start")?.read(|s| {
            let b = s.maybe("B", |b| b.matrix_of(p, r))?;
            let b = b.map(|b| Mat::from_fn(r, p, |c, j| b.values[c * p + j]));
            let level = s.maybe("level", |l| l.matrix_by(r))?;
            Ok((b, s.maybe("V", |v| v.matrix_of(r, r))?, level))
        })?;
        let covariates = match (&x, level) {
            (X::Given(Predictors::Samples { basis, .. }, _), Some(_)) => basis.cols,
            (X::Packed { basis, .. }, Some(_)) => basis.cols,
            _ => 0,
        };
        if level.is_some_and(|l| l.rows != covariates) {
            return refuse(format!("start$level must have {covariates} rows"));
        }
        let region = Self { x, coefficients, covariance, level };
        if region.y().cols != r {
            return refuse(format!("a region must have {r} responses, not {}", region.y().cols));
        }
        Ok(region)
    }

    fn y(&self) -> Table<'a> {
        match &self.x {
            X::Given(_, responses) => responses.y,
            X::Packed { y, .. } => *y,
        }
    }

    fn start(&self) -> Start<'_> {
        let coefficients = self.coefficients.as_ref().map(Mat::as_ref);
        let [covariance, level] = [self.covariance, self.level].map(|m| m.map(|m| m.view()));
        Start { coefficients, covariance, level }
    }

    pub fn regress(&self, task: &Task<'_>, monitor: &Monitor) -> Result<Found, Error> {
        match &self.x {
            X::Given(Predictors::Samples { x, basis }, responses) => {
                let order: Vec<usize> = (0..x.count()).collect();
                let work = Fit { region: self, basis: *basis, y: responses.y, task, monitor };
                x.with(&order, *basis, true, monitor, work)
            }
            X::Given(products, responses) => {
                let x = products.gram(false).map_err(|failure| match failure {
                    Failure::Core(error) => error,
                    Failure::Arguments(why) => Error::Value { name: "predictors", why },
                })?;
                let (xty, yty) = (responses.y.view(), responses.products());
                let (xty, yty) = (xty.to_owned(), yty.to_owned());
                let design = predictors::Responses::of_products(x, xty, yty, None);
                regress(design, self.start(), task, monitor)
            }
            X::Packed { bytes, samples, rows, basis, y } => {
                let x = Packed::new(bytes, *samples, rows)?.dosages();
                let x = Dense::new(x, y.rows, basis.values, true, monitor)?;
                Fit { region: self, basis: *basis, y: *y, task, monitor }.run(x)
            }
        }
    }
}

/// A fit to samples, of predictors of any kind.
struct Fit<'a> {
    region: &'a Region<'a>,
    basis: Table<'a>,
    y: Table<'a>,
    task: &'a Task<'a>,
    monitor: &'a Monitor,
}

impl Work for Fit<'_> {
    type Output = Found;

    fn run<X: predictors::Predictors>(self, x: X) -> Result<Found, Error> {
        let design = predictors::Responses::new(x, self.basis.values, self.y.view(), None);
        regress(design, self.region.start(), self.task, self.monitor)
    }
}
