//! Face of `mnmash_core::v`.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use faer::Mat;
use mnmash_core::v::{Moments, nearest, pairwise_moments, repair, shrunken, untruncated};
use mnmash_core::{Error, Monitor};

use crate::boundary::{Failure, Outcome, run};
use crate::problem::view;

fn matrix(m: &Mat<f64>) -> RMatrix<f64> {
    RMatrix::new_matrix(m.nrows(), m.ncols(), |i, k| m[(i, k)])
}

/// Moments as they came from [`rust_pairwise_moments`].
fn moments(n: &RMatrix<f64>, cov: &RMatrix<f64>, var: &RMatrix<f64>) -> Outcome<Moments> {
    let size = n.nrows();
    for m in [n, cov, var] {
        if m.nrows() != size || m.ncols() != size {
            let (expected, found) = (size * size, m.data().len());
            return Err(Failure(Error::Shape { name: "moments", expected, found }));
        }
    }
    let [n, covariance, variance] = [n, cov, var].map(|m| view(m).to_owned());
    Ok(Moments { n, covariance, variance })
}

fn on_threads<T: Send>(
    n_threads: i32,
    work: impl FnOnce(&Monitor) -> std::result::Result<T, Error> + Send,
) -> Outcome<T> {
    let monitor = Monitor::default();
    run(n_threads, &Nullable::Null, &monitor, || work(&monitor))
}

// list(n, cov, var) of the cells of `z` where `inside` is one.
#[extendr]
fn rust_pairwise_moments(z: RMatrix<f64>, inside: RMatrix<f64>) -> Outcome<List> {
    let found = pairwise_moments(view(&z), view(&inside)).map_err(Failure)?;
    let Moments { n, covariance, variance } = &found;
    Ok(list!(n = matrix(n), cov = matrix(covariance), var = matrix(variance)))
}

// The covariance which, cut to |z| < t, has these moments; `unit`: with variances of one.
#[extendr]
fn rust_untruncated(
    n: RMatrix<f64>,
    cov: RMatrix<f64>,
    var: RMatrix<f64>,
    t: f64,
    unit: bool,
    n_threads: i32,
) -> Outcome<RMatrix<f64>> {
    let moments = moments(&n, &cov, &var)?;
    let found = on_threads(n_threads, |monitor| untruncated(&moments, t, unit, monitor))?;
    Ok(matrix(&found))
}

// Correlations shrunk together; of pairs with fewer units than `fewest`, the mean of the prior.
#[extendr]
fn rust_shrunken_correlation(
    n: RMatrix<f64>,
    cov: RMatrix<f64>,
    var: RMatrix<f64>,
    fewest: f64,
    nullweight: f64,
    n_threads: i32,
) -> Outcome<RMatrix<f64>> {
    let moments = moments(&n, &cov, &var)?;
    let work = |monitor: &Monitor| shrunken(&moments, fewest, nullweight, monitor);
    Ok(matrix(&on_threads(n_threads, work)?))
}

// The nearest correlation matrix with eigenvalues of at least `smallest`.
#[extendr]
fn rust_nearest_correlation(a: RMatrix<f64>, smallest: f64) -> Outcome<RMatrix<f64>> {
    let a = view(&a);
    Ok(matrix(&on_threads(1, |monitor| nearest(a, smallest, monitor))?))
}

// list(V, lowest): correlations made to fit together, and their smallest eigenvalue before.
#[extendr]
fn rust_repair_correlation(v: RMatrix<f64>, smallest: f64) -> Outcome<List> {
    let v = view(&v);
    let (fixed, lowest) = on_threads(1, |monitor| repair(v, smallest, monitor))?;
    Ok(list!(V = matrix(&fixed), lowest = lowest))
}

extendr_module! {
    mod v;
    fn rust_pairwise_moments;
    fn rust_untruncated;
    fn rust_shrunken_correlation;
    fn rust_nearest_correlation;
    fn rust_repair_correlation;
}
