//! Posterior moments and signs of all effects.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::normal_means::posterior::{Posterior, Weights};
use mnmash_core::{Error, Monitor, normal_means};

use crate::boundary::{Failure, Outcome, run};
use crate::problem::{Problem, prior, view};

/// Numbers of components, from 1 in R.
pub fn zero_based(active: &Robj) -> std::result::Result<Vec<usize>, Error> {
    let numbers: Vec<f64> = match (active.as_integer_slice(), active.as_real_slice()) {
        (Some(i), _) => i.iter().map(|&i| f64::from(i)).collect(),
        (_, Some(x)) => x.to_vec(),
        _ => Vec::new(),
    };
    let from_zero = |&p: &f64| match p >= 1.0 {
        true => Ok(p as usize - 1),
        false => Err(Error::Value { name: "active", why: "must be component numbers".into() }),
    };
    numbers.iter().map(from_zero).collect()
}

// list(mean, sd, lfdr, negative, positive, lfsr, covariance): J x R each; R x R x J or NULL. Of `a`
// times the effects, if it is given: then R is its number of rows.
#[extendr]
fn rust_posterior(
    x: RMatrix<f64>,
    s: RMatrix<f64>,
    missing: Nullable<Logicals>,
    v: Nullable<List>,
    scale: Nullable<RMatrix<f64>>,
    a: Nullable<RMatrix<f64>>,
    ulist: List,
    grid: &[f64],
    pointmass: bool,
    active: Robj,
    weights: RMatrix<f64>,
    covariance: bool,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<List> {
    let (j, r) = (x.nrows(), x.ncols());
    let problem = Problem::new(&x, &s, &missing, &v)?;
    let prior = prior(r, &ulist, grid, pointmass).map_err(Failure)?;
    let active = zero_based(&active).map_err(Failure)?;
    let weights = Weights { active: &active, values: weights.data() };
    let scale = match &scale {
        Nullable::NotNull(scale) => Some(scale.data()),
        Nullable::Null => None,
    };
    let a = match &a {
        Nullable::NotNull(a) => Some(view(a)),
        Nullable::Null => None,
    };
    let q = a.map_or(r, |a| a.nrows());
    let table = || RMatrix::<f64>::new(j, q);
    let mut tables = [table(), table(), table(), table(), table(), table()];
    let mut array = covariance.then(|| RArray::<f64, 3>::new_array([q, q, j]));
    let [mean, sd, lfdr, negative, positive, lfsr] = &mut tables;
    let out = Posterior {
        mean: mean.data_mut(),
        sd: sd.data_mut(),
        lfdr: lfdr.data_mut(),
        negative: negative.data_mut(),
        positive: positive.data_mut(),
        lfsr: lfsr.data_mut(),
        covariance: array.as_mut().map(|a| a.data_mut()),
    };
    let monitor = Monitor::default();
    run(n_threads, &progress, &monitor, || {
        normal_means::posterior(&problem.means()?, &prior, weights, scale, a, out, &monitor)
    })?;
    let [mean, sd, lfdr, negative, positive, lfsr] = tables;
    Ok(list!(
        mean = mean,
        sd = sd,
        lfdr = lfdr,
        negative = negative,
        positive = positive,
        lfsr = lfsr,
        covariance = array.map_or_else(|| ().into(), Robj::from)
    ))
}

extendr_module! {
    mod posterior;
    fn rust_posterior;
}
