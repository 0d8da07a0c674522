//! Prior covariances by penalised maximum likelihood.

use extendr_api::prelude::*;
use faer::Mat;
use mnmash_core::deconvolution::correlations::shrunk;
use mnmash_core::deconvolution::ud::{Fit, Options, Shape, Start, fit};
use mnmash_core::deconvolution::{EStep, Mixture, Observations};

use crate::boundary::{Run, arguments};
use crate::nouns::Measurements;
use crate::read::{Field, Fields, Outcome};
use crate::words::{UD_STEPS, penalties};
use crate::write::{ended, matrices, matrix, nullable};

/// One component: `list(kind, rank, U)`, where `U` is a matrix, or NULL for a random one, and
/// `rank` is NULL but for kind "low rank".
fn start(component: &Field, conditions: usize) -> Outcome<Start> {
    component.read(|c| {
        let rank = c.maybe("rank", |r| r.count())?.unwrap_or(conditions);
        let kinds = [
            ("unconstrained", Shape::Free),
            ("low rank", Shape::LowRank(rank)),
            ("scaled", Shape::Scaled),
            ("fixed", Shape::Fixed),
        ];
        let u = c.maybe("U", |u| u.matrix_of(conditions, conditions))?;
        Ok(Start { shape: c.one_of("kind", &kinds)?, u: u.map(|u| u.view().to_owned()) })
    })
}

fn options(control: &Fields) -> Outcome<Options> {
    let (lambda, alpha) = (control.number("lambda")?, control.number("alpha")?);
    Ok(Options {
        step: control.one_of("update", UD_STEPS)?,
        penalty: control.one_of("penalty", &penalties(lambda, alpha))?,
        warmup: control.count("warmup")?,
        max_iter: control.count("max_iter")?,
        tol: control.number("tol")?,
        starts: control.count("starts")?,
        trial: control.count("trial")?,
        seed: control.get("seed")?.seed()?,
        residual: control.flag("estimate_V")?,
        weights: control.flag("estimate_w")?,
        scale: control.maybe("scale", |s| s.number())?,
    })
}

// The fit of a mixture. `control$scale` is that of every penalty, or NULL for the best.
#[extendr]
fn rust_ud_fit(
    measurements: Robj,
    components: Robj,
    weights: Robj,
    control: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(measurements, components, weights, control);
    let data = measurements.read(Measurements::read)?;
    let starts: Outcome<Vec<Start>> =
        components.items()?.iter().map(|(_, c)| start(c, data.conditions)).collect();
    let (starts, options) = (starts?, control.read(options)?);
    let weights = weights.numbers_of(starts.len())?;
    let found = Run::new(&run)?
        .with(|monitor| fit(data.data(), &starts, Some(weights), &options, monitor))?;
    Ok(describe(&found))
}

fn describe(found: &Fit) -> List {
    let scale: Vec<f64> = found.components.iter().map(|c| c.scale).collect();
    list!(
        u = matrices(found.components.iter().map(|c| &c.u)),
        w = &found.weights,
        scale = scale,
        responsibility = &found.responsibility,
        metric = matrix(found.metric.as_ref()),
        noise = nullable(found.noise.as_ref().map(|m| matrix(m.as_ref()))),
        loglik = &found.loglik,
        starts = &found.starts,
        rejected = found.rejected as i32,
        ended = ended(&found.ended)
    )
}

// The covariances `U` and weights `pi` of a mixture after `control$iterations` steps that hold
// correlations back by `control$lambda` units.
#[extendr]
fn rust_ud_shrunk(measurements: Robj, start: Robj, control: Robj, run: Robj) -> Outcome<List> {
    arguments!(measurements, start, control);
    let data = measurements.read(Measurements::read)?;
    let mixture = start.read(|s| {
        let u = s.get("U")?.items()?;
        let (k, r) = (u.len(), data.conditions);
        let u = u.iter().map(|(_, u)| Ok(u.matrix_of(r, r)?.view().to_owned()));
        let covariances = u.collect::<Outcome<Vec<Mat<f64>>>>()?;
        Ok(Mixture {
            weights: s.get("pi")?.numbers_of(k)?.to_vec(),
            means: Vec::new(),
            covariances,
        })
    })?;
    let (lambda, iterations) =
        control.read(|c| Ok((c.number("lambda")?, c.count("iterations")?)))?;
    let means = data.means()?;
    let found = Run::new(&run)?.with(|monitor| {
        let step = EStep::new(Observations::Direct(&means), None)?;
        shrunk(&step, mixture, lambda, iterations, monitor)
    })?;
    Ok(list!(U = matrices(&found.covariances), pi = found.weights))
}

extendr_module! {
    mod ud;
    fn rust_ud_fit;
    fn rust_ud_shrunk;
}
