//! Face of `mnmash_core::ebmf`.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::Monitor;
use mnmash_core::ebmf::{Data, Factor, Family, Options, Side, factorise};

use crate::boundary::{Outcome, run};

// A factorisation of `y` (NA where missing) with standard errors `se`, or none; `nonneg`: weights
// of columns are not negative. `max_iter` and `tol` (per cell): of the greedy part, and of the
// second.
#[extendr]
fn rust_factorise(
    y: RMatrix<f64>,
    se: Nullable<RMatrix<f64>>,
    estimate: bool,
    nonneg: bool,
    max_factors: f64,
    max_iter: &[f64],
    tol: &[f64],
    backfit: bool,
    progress: Nullable<Function>,
) -> Outcome<List> {
    let se = match &se {
        Nullable::NotNull(se) => Some(se.data()),
        Nullable::Null => None,
    };
    let (rows, cols) = (y.nrows(), y.ncols());
    let data = Data { values: y.data(), rows, se, estimate };
    let options = Options {
        loadings: Family::Normal,
        weights: if nonneg { Family::Exponential } else { Family::Normal },
        max_factors: max_factors as usize,
        max_iter: [max_iter[0] as usize, max_iter[1] as usize],
        tol: [tol[0], tol[1]],
        backfit,
    };
    let monitor = Monitor::default();
    let found = run(1, &progress, &monitor, || factorise(data, &options, &monitor))?;
    let row_sides: Vec<&Side> = found.factors.iter().map(|f: &Factor| &f.rows).collect();
    let col_sides: Vec<&Side> = found.factors.iter().map(|f: &Factor| &f.cols).collect();
    Ok(list!(
        L_pm = means(&row_sides, rows),
        L_psd = sds(&row_sides, rows),
        F_pm = means(&col_sides, cols),
        F_psd = sds(&col_sides, cols),
        L_prior = priors(&row_sides),
        F_prior = priors(&col_sides),
        precision = found.precision.as_slice(),
        elbo = found.objective,
        trace = found.ended.trace.as_slice(),
        n_greedy = found.greedy as f64,
        iterations = found.ended.iterations as f64,
        converged = found.ended.converged()
    ))
}

fn means(sides: &[&Side], rows: usize) -> RMatrix<f64> {
    RMatrix::new_matrix(rows, sides.len(), |i, k| sides[k].mean[i])
}

fn sds(sides: &[&Side], rows: usize) -> RMatrix<f64> {
    RMatrix::new_matrix(rows, sides.len(), |i, k| {
        let (mean, second) = (sides[k].mean[i], sides[k].second[i]);
        (second - mean * mean).max(0.0).sqrt()
    })
}

/// Weight of the slab, and log of its variance or rate, of each factor.
fn priors(sides: &[&Side]) -> RMatrix<f64> {
    RMatrix::new_matrix(sides.len(), 2, |k, column| {
        sides[k].prior.map_or(0.0, |p| if column == 0 { p.weight() } else { p.scale })
    })
}

extendr_module! {
    mod ebmf;
    fn rust_factorise;
}
