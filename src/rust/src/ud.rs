//! Prior covariances by penalised maximum likelihood.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use faer::Mat;
use mnmash_core::deconvolution::ud::{Fit, Options, Shape, Start, Step, fit};
use mnmash_core::deconvolution::updates::Penalty;
use mnmash_core::{Error, Monitor, Stop};

use crate::boundary::{Failure, Outcome, run};
use crate::problem::Problem;

// The fit of a mixture. `shapes`: 0 free, r > 0 of rank r, -1 scaled, -2 fixed; `ulist`: a matrix,
// or NULL for a random one; `choices`: step, penalty; `numbers`: lambda, alpha, warmup, max_iter,
// tol, starts, trial, seed, scale (0: the best); `flags`: residual, weights.
#[extendr]
fn rust_ud_fit(
    x: RMatrix<f64>,
    s: RMatrix<f64>,
    missing: Nullable<Logicals>,
    v: Nullable<List>,
    ulist: List,
    shapes: &[i32],
    weights: &[f64],
    choices: Strings,
    numbers: &[f64],
    flags: &[Rbool],
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<List> {
    let problem = Problem::new(&x, &s, &missing, &v)?;
    let starts = starts(x.ncols(), &ulist, shapes).map_err(Failure)?;
    let options = options(&choices, numbers, flags).map_err(Failure)?;
    let monitor = Monitor::default();
    let found = run(n_threads, &progress, &monitor, || {
        fit(problem.data(), &starts, Some(weights), &options, &monitor)
    })?;
    Ok(describe(&found))
}

fn starts(r: usize, ulist: &List, shapes: &[i32]) -> std::result::Result<Vec<Start>, Error> {
    let matrices = ulist.as_slice().iter().zip(shapes);
    let start = |(u, shape): (&Robj, &i32)| {
        let shape = match shape {
            0 => Shape::Free,
            -1 => Shape::Scaled,
            -2 => Shape::Fixed,
            rank => Shape::LowRank(rank.unsigned_abs() as usize),
        };
        let u = match u.as_real_slice() {
            None => None,
            Some(u) if u.len() == r * r => Some(Mat::from_fn(r, r, |i, p| u[p * r + i])),
            Some(u) => {
                let name = "prior covariance";
                return Err(Error::Shape { name, expected: r * r, found: u.len() });
            }
        };
        Ok(Start { shape, u })
    };
    matrices.map(start).collect()
}

fn options(
    choices: &Strings,
    numbers: &[f64],
    flags: &[Rbool],
) -> std::result::Result<Options, Error> {
    let (&[lambda, alpha, warmup, max_iter, tol, starts, trial, seed, scale], [residual, weights]) =
        (numbers, flags)
    else {
        return Err(Error::Shape { name: "numbers", expected: 9, found: numbers.len() });
    };
    let step = match choices.elt(0).as_ref() {
        "ed" => Step::Ed,
        "fa" => Step::Fa,
        _ => Step::Eigenvalues,
    };
    let penalty = match choices.elt(1).as_ref() {
        "iw" => Penalty::InverseWishart { lambda },
        "nu" => Penalty::Nuclear { lambda, alpha },
        _ => Penalty::None,
    };
    Ok(Options {
        step,
        penalty,
        warmup: warmup as usize,
        max_iter: max_iter as usize,
        tol,
        starts: starts as usize,
        trial: trial as usize,
        seed: seed as u64,
        residual: residual.is_true(),
        weights: weights.is_true(),
        scale: (scale > 0.0).then_some(scale),
    })
}

fn describe(found: &Fit) -> List {
    let matrix = |m: &Mat<f64>| RMatrix::new_matrix(m.nrows(), m.ncols(), |i, p| m[(i, p)]);
    let scale: Vec<f64> = found.components.iter().map(|c| c.scale).collect();
    let noise: Robj = found.noise.as_ref().map_or_else(|| ().into(), |m| matrix(m).into());
    list!(
        u = List::from_values(found.components.iter().map(|c| matrix(&c.u))),
        w = &found.weights,
        scale = scale,
        responsibility = &found.responsibility,
        metric = matrix(&found.metric),
        noise = noise,
        loglik = &found.loglik,
        objective = &found.ended.trace,
        starts = &found.starts,
        iterations = found.ended.iterations as i32,
        rejected = found.rejected as i32,
        stop = match found.ended.stop {
            Stop::Converged => "converged",
            Stop::Stalled => "no_ascent",
            Stop::Iterations | Stop::Fell => "iterations",
        }
    )
}

extendr_module! {
    mod ud;
    fn rust_ud_fit;
}
