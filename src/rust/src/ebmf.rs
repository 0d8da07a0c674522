//! Factorisations of matrices.

use extendr_api::prelude::*;
use mnmash_core::ebmf::{Data, Factor, Family, Options, Side, factorise};

use crate::boundary::{Run, arguments};
use crate::read::{Field, Outcome};
use crate::write::{ended, table};

/// Of one part of the fit: `list(max_iter, tol)`, `tol` per cell.
fn limits(part: &Field) -> Outcome<(usize, f64)> {
    part.read(|p| Ok((p.count("max_iter")?, p.number("tol")?)))
}

// A factorisation of `measurements$x` (NA where missing) with standard errors `s`, or none. With
// `control$estimate` the noise of each column is fitted; with `nonneg` weights of columns are not
// negative.
#[extendr]
fn rust_factorise(measurements: Robj, control: Robj, run: Robj) -> Outcome<List> {
    arguments!(measurements, control);
    let (x, se) = measurements.read(|m| {
        let x = m.get("x")?.matrix()?;
        Ok((x, m.maybe("s", |s| Ok(s.matrix_of(x.rows, x.cols)?.values))?))
    })?;
    let (estimate, options) = control.read(|c| {
        let greedy = limits(&c.get("greedy")?)?;
        let backfit = c.maybe("backfit", limits)?;
        let second = backfit.unwrap_or(greedy);
        let options = Options {
            loadings: Family::Normal,
            weights: if c.flag("nonneg")? { Family::Exponential } else { Family::Normal },
            max_factors: c.count("max_factors")?,
            max_iter: [greedy.0, second.0],
            tol: [greedy.1, second.1],
            backfit: backfit.is_some(),
        };
        Ok((c.flag("estimate")?, options))
    })?;
    let data = Data { values: x.values, rows: x.rows, se, estimate };
    let found = Run::new(&run)?.with(|monitor| factorise(data, &options, monitor))?;
    let row_sides: Vec<&Side> = found.factors.iter().map(|f: &Factor| &f.rows).collect();
    let col_sides: Vec<&Side> = found.factors.iter().map(|f: &Factor| &f.cols).collect();
    Ok(list!(
        L_pm = means(&row_sides, x.rows),
        L_psd = sds(&row_sides, x.rows),
        F_pm = means(&col_sides, x.cols),
        F_psd = sds(&col_sides, x.cols),
        L_prior = priors(&row_sides),
        F_prior = priors(&col_sides),
        precision = found.precision.as_slice(),
        elbo = found.objective,
        n_greedy = found.greedy as f64,
        ended = ended(&found.ended)
    ))
}

fn means(sides: &[&Side], rows: usize) -> RMatrix<f64> {
    table(rows, sides.len(), |i, k| sides[k].mean[i])
}

fn sds(sides: &[&Side], rows: usize) -> RMatrix<f64> {
    table(rows, sides.len(), |i, k| {
        let (mean, second) = (sides[k].mean[i], sides[k].second[i]);
        (second - mean * mean).max(0.0).sqrt()
    })
}

/// Weight of the slab, and log of its variance or rate, of each factor.
fn priors(sides: &[&Side]) -> RMatrix<f64> {
    table(sides.len(), 2, |k, column| {
        sides[k].prior.map_or(0.0, |p| if column == 0 { p.weight() } else { p.scale })
    })
}

extendr_module! {
    mod ebmf;
    fn rust_factorise;
}
