//! A fit, from samples or from products.

use faer::{Mat, MatRef};
use mnmash_core::loci::consistency::{Slack, of_products};
use mnmash_core::noise::Whitened;
use mnmash_core::predictors::{Gram, Predictors, Responses};
use mnmash_core::regression::mr_mash::{Fit, Options, fit};
use mnmash_core::{Error, Monitor};

use super::found::{Found, OfSamples};
use super::model::{Model, options};
use super::order::Order;
use crate::consistency::{Check, slack};
use crate::nouns::predictors::Work;
use crate::read::{Field, Outcome, Table};

/// All but the data.
pub struct Task<'a> {
    model: Model<'a>,
    options: Options<'a>,
    pub order: Order,
    pub standardize: bool,
    /// r by p coefficients in the order of updates, for predictors as given.
    start: Option<Mat<f64>>,
    slack: Option<Slack>,
}

impl<'a> Task<'a> {
    /// For `p` predictors and `r` responses. `start`: p by r coefficients, or NULL. `control`:
    /// `list(order, standardize, slack, ...)`, with the options of the fit.
    pub fn read(
        (prior, noise, start, control): (&Field<'a>, &Field<'a>, Field<'a>, &Field<'a>),
        p: usize,
        r: usize,
    ) -> Outcome<Self> {
        let model = Model::read(prior, noise, r)?;
        let (order, standardize, options, slack) = control.read(|c| {
            let order = Order(c.get("order")?.permutation(p)?);
            let options = options(c, model.prior.len())?;
            Ok((order, c.flag("standardize")?, options, slack(c)?))
        })?;
        let start = start.given().map(|b| b.matrix_of(p, r)).transpose()?;
        let start = start.map(|b| order.arrange(b.view()));
        Ok(Self { model, options, order, standardize, start, slack })
    }

    fn fit(
        &self,
        design: &mut Responses<impl Predictors>,
        b: Option<MatRef<'_, f64>>,
        monitor: &Monitor,
    ) -> Result<Fit, Error> {
        let start = self.model.start(design, b)?;
        fit(design, &self.model.prior, start, &self.options, monitor)
    }

    /// Whether products, and what a fit leaves of them, contradict each other.
    fn check(&self, design: &Responses<Gram<'_>>, fit: &Fit) -> Result<Option<Check>, Error> {
        let (Some(slack), Some((xty, _))) = (self.slack, design.products()) else {
            return Ok(None);
        };
        let noise = Whitened::new(fit.residual.covariance.clone())?;
        let (x, b, left) = (design.predictors(), fit.mean.transpose(), design.residuals());
        let pairs = of_products(x, xty.as_ref(), left.as_ref().as_ref(), b, &noise, slack);
        Ok(Some(Check { left: fit.left.clone(), pairs }))
    }

    /// From `x`, whose predictors are in the order of updates, and their products with the
    /// responses and of these.
    pub fn products(
        &self,
        x: Gram<'_>,
        xty: MatRef<'_, f64>,
        yty: MatRef<'_, f64>,
        monitor: &Monitor,
    ) -> Result<Found, Error> {
        let xty = Mat::from_fn(xty.nrows(), xty.ncols(), |i, c| xty[(self.order.0[i], c)]);
        let b = self.start.as_ref().map(Mat::as_ref);
        let mut design = Responses::of_products(x, xty, yty.to_owned(), b);
        let fit = self.fit(&mut design, b, monitor)?;
        let check = self.check(&design, &fit)?;
        Ok(Found { fit, norms: design.norms().to_vec(), data: None, check })
    }
}

/// The fit to samples, of predictors of either kind.
pub struct ToSamples<'a> {
    pub task: &'a Task<'a>,
    pub basis: Table<'a>,
    pub y: Table<'a>,
    pub monitor: &'a Monitor,
}

impl Work for ToSamples<'_> {
    type Output = Found;

    fn run<X: Predictors>(self, x: X) -> Result<Found, Error> {
        let scales = x.scales().map(<[f64]>::to_vec);
        let b = self.task.start.clone().map(|mut b| {
            for (p, scale) in scales.iter().flatten().enumerate() {
                b.col_mut(p).iter_mut().for_each(|b| *b *= scale);
            }
            b
        });
        let b = b.as_ref().map(Mat::as_ref);
        let mut design = Responses::new(x, self.basis.values, self.y.view(), b);
        let fit = self.task.fit(&mut design, b, self.monitor)?;
        let (residuals, level) = (design.residuals().into_owned(), design.level().to_owned());
        let data = Some(OfSamples { scales, residuals, level });
        Ok(Found { fit, norms: design.norms().to_vec(), data, check: None })
    }
}
