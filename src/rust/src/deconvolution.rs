//! Extreme deconvolution, and deconvolved effects of a regression.

use extendr_api::prelude::*;
use faer::{Mat, MatRef};
use mnmash_core::deconvolution::ed::{self, Fit, Fixed, Options};
use mnmash_core::deconvolution::estep::{self, Map};
use mnmash_core::deconvolution::{EStep, Mixture, Observations, Projected};
use mnmash_core::regression::{Deconvolved, deconvolved};
use mnmash_core::{Error, Monitor, predictors};

use crate::boundary::{Run, arguments};
use crate::nouns::predictors::Work;
use crate::nouns::{Measurements, Noise, Predictors, Responses};
use crate::read::{Field, Fields, Outcome};
use crate::words::plain_structures;
use crate::write::{ended, matrices, matrix, nullable, table};

/// The start, what is fixed of it, and the options, as every call has them.
struct Task<'a> {
    start: Mixture,
    fixed: Fixed,
    options: Options,
    weights: Option<&'a [f64]>,
}

impl<'a> Task<'a> {
    /// `start`: `list(U, pi, means, fixed_pi, fixed_means, fixed_U)`, with `means` NULL (zero) or K
    /// by R. `control`: `list(tol, max_iter, w, row_weights)`.
    fn read(start: &Field, control: &Field<'a>, units: usize, effects: usize) -> Outcome<Self> {
        let (start, fixed) = start.read(|s| {
            let u = s.get("U")?.items()?;
            let k = u.len();
            let u = u.iter().map(|(_, u)| Ok(u.matrix_of(effects, effects)?.view().to_owned()));
            let covariances = u.collect::<Outcome<Vec<Mat<f64>>>>()?;
            let means = s.maybe("means", |m| m.matrix_of(k, effects))?.map(|m| m.view());
            let rows = |m: MatRef<f64>| m.row_iter().map(|m| m.iter().copied().collect()).collect();
            let weights = s.get("pi")?.numbers_of(k)?.to_vec();
            let flags = |name| s.get(name)?.flags(k);
            let (pi, means_fixed, u) =
                (flags("fixed_pi")?, flags("fixed_means")?, flags("fixed_U")?);
            let fixed = Fixed { weights: pi, means: means_fixed, covariances: u };
            Ok((Mixture { weights, means: means.map_or_else(Vec::new, rows), covariances }, fixed))
        })?;
        let (options, weights) = control.read(|c| {
            let (tol, max_iter, regularisation) =
                (c.number("tol")?, c.count("max_iter")?, c.number("w")?);
            let weights = c.maybe("row_weights", |w| w.numbers_of(units))?;
            Ok((Options { tol, max_iter, regularisation }, weights))
        })?;
        Ok(Self { start, fixed, options, weights })
    }

    fn fit(
        &self,
        observations: Observations,
        monitor: &Monitor,
    ) -> std::result::Result<Fit, Error> {
        let step = EStep::new(observations, self.weights)?;
        ed::fit(&step, self.start.clone(), &self.fixed, self.options, monitor)
    }
}

fn result(fit: &Fit) -> List {
    let Mixture { weights, means, covariances } = &fit.mixture;
    let means = means.first().map(|m| table(means.len(), m.len(), |k, i| means[k][i]));
    list!(
        U = matrices(covariances),
        pi = weights,
        means = nullable(means),
        loglik = &fit.loglik,
        ended = ended(&fit.ended)
    )
}

// Effects with noise, as mash has them.
#[extendr]
fn rust_ed(measurements: Robj, start: Robj, control: Robj, run: Robj) -> Outcome<List> {
    arguments!(measurements, start, control);
    let data = measurements.read(Measurements::read)?;
    let task = Task::read(&start, &control, data.units, data.conditions)?;
    let found =
        Run::new(&run)?.with(|monitor| task.fit(Observations::Direct(&data.means()?), monitor))?;
    Ok(result(&found))
}

/// Linear functions of effects: `list(x, variances, covariances, map, effects)`. `map`: n by R, n
/// by R by J, or NULL for the effects themselves. Of the noise, J by n `variances`, or else
/// `covariances`, n by n or n by n by J.
fn projected<'a>(list: &Fields<'a>) -> Outcome<Projected<'a>> {
    let x = list.get("x")?.matrix()?;
    let (units, observations) = (x.rows, x.cols);
    let effects = list.count("effects")?;
    let covariances = list.maybe("covariances", |c| c.matrix_or_array(observations, units))?;
    let variances = list.get("variances")?;
    let noise = match covariances {
        Some((values, false)) => estep::Noise::Common(values),
        Some((values, true)) => estep::Noise::PerUnit(values),
        None => estep::Noise::Diagonal(variances.matrix_of(units, observations)?.values),
    };
    let map = list.maybe("map", |m| m.rectangle_or_array(observations, effects, units))?;
    let map = match map {
        None => Map::Identity,
        Some((values, false)) => Map::Common(values),
        Some((values, true)) => Map::PerUnit(values),
    };
    Ok(Projected { units, observations, effects, x: x.values, noise, map })
}

// The same from linear functions of effects.
#[extendr]
fn rust_ed_projected(measurements: Robj, start: Robj, control: Robj, run: Robj) -> Outcome<List> {
    arguments!(measurements, start, control);
    let data = measurements.read(projected)?;
    let task = Task::read(&start, &control, data.units, data.effects)?;
    let found = Run::new(&run)?.with(|monitor| {
        data.check()?;
        task.fit(Observations::Projected(&data), monitor)
    })?;
    Ok(result(&found))
}

/// What the responses of a fit say about each predictor.
struct Deconvolve<'a> {
    basis: MatRef<'a, f64>,
    residuals: MatRef<'a, f64>,
    v: MatRef<'a, f64>,
    coefficients: MatRef<'a, f64>,
    monitor: &'a Monitor,
}

impl Work for Deconvolve<'_> {
    type Output = Deconvolved;

    fn run<X: predictors::Predictors>(self, x: X) -> std::result::Result<Deconvolved, Error> {
        let Self { basis, residuals, v, coefficients, monitor } = self;
        deconvolved(&x, basis, residuals, v, coefficients, monitor)
    }
}

// Of a fit's samples: `responses$y` are the residuals (NA where not observed), `start` the p x r
// coefficients that left them, and `noise$V` their covariance. list(Bhat, Shat, V).
#[extendr]
fn rust_deconvolved(
    predictors: Robj,
    responses: Robj,
    noise: Robj,
    start: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(predictors, responses, noise, start);
    let predictors = predictors.read(Predictors::read)?;
    let (x, basis) = predictors.samples()?;
    let residuals = responses.read(|r| Responses::together(r, &predictors))?.y;
    let r = residuals.cols;
    let coefficients = start.matrix_of(x.count(), r)?.view();
    let v = noise.read(|n| Noise::read(n, r, plain_structures))?.known()?.view();
    let order: Vec<usize> = (0..x.count()).collect();
    let found = Run::new(&run)?.with(|monitor| {
        let (q, residuals) = (basis.view(), residuals.view());
        let work = Deconvolve { basis: q, residuals, v, coefficients, monitor };
        x.with(&order, basis, false, monitor, work)
    })?;
    Ok(list!(
        Bhat = matrix(found.estimates.as_ref()),
        Shat = matrix(found.errors.as_ref()),
        V = matrix(found.correlation.as_ref())
    ))
}

extendr_module! {
    mod deconvolution;
    fn rust_deconvolved;
    fn rust_ed;
    fn rust_ed_projected;
}
