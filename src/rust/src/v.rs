//! Correlations of errors: moments of pairs, cuts undone, shrinkage, the nearest matrix.

use extendr_api::prelude::*;
use mnmash_core::Monitor;
use mnmash_core::v::{Moments, nearest, pairwise_moments, repair, shrunken, step, untruncated};

use crate::boundary::{Run, arguments};
use crate::read::{Field, Outcome};
use crate::write::matrix;

/// Moments as they came from [`rust_pairwise_moments`]: `list(n, cov, var)`.
fn moments(list: &Field) -> Outcome<Moments> {
    list.read(|m| {
        let n = m.get("n")?.matrix()?;
        let square = |name| m.get(name)?.matrix_of(n.rows, n.rows).map(|m| m.view().to_owned());
        Ok(Moments { n: square("n")?, covariance: square("cov")?, variance: square("var")? })
    })
}

// list(n, cov, var) of the cells of `cells$z` where `cells$inside` is one.
#[extendr]
fn rust_pairwise_moments(cells: Robj) -> Outcome<List> {
    arguments!(cells);
    let found = cells.read(|c| {
        let z = c.get("z")?.matrix()?;
        let inside = c.get("inside")?.matrix_of(z.rows, z.cols)?;
        Ok(pairwise_moments(z.view(), inside.view())?)
    })?;
    let Moments { n, covariance, variance } = &found;
    let (cov, var) = (matrix(covariance.as_ref()), matrix(variance.as_ref()));
    Ok(list!(n = matrix(n.as_ref()), cov = cov, var = var))
}

// The covariance which, cut to |z| < `control$t`, has these moments; `unit`: with variances of one.
#[extendr]
fn rust_untruncated(moments: Robj, control: Robj, run: Robj) -> Outcome<RMatrix<f64>> {
    arguments!(moments, control);
    let moments = self::moments(&moments)?;
    let (t, unit) = control.read(|c| Ok((c.number("t")?, c.flag("unit")?)))?;
    let found = Run::new(&run)?.with(|monitor| untruncated(&moments, t, unit, monitor))?;
    Ok(matrix(found.as_ref()))
}

// Correlations shrunk together; of pairs with fewer units than `control$fewest`, the mean of the
// prior.
#[extendr]
fn rust_shrunken_correlation(moments: Robj, control: Robj, run: Robj) -> Outcome<RMatrix<f64>> {
    arguments!(moments, control);
    let moments = self::moments(&moments)?;
    let (fewest, null) = control.read(|c| Ok((c.number("fewest")?, c.number("nullweight")?)))?;
    let found = Run::new(&run)?.with(|monitor| shrunken(&moments, fewest, null, monitor))?;
    Ok(matrix(found.as_ref()))
}

// The nearest correlation matrix with eigenvalues of at least `control$smallest`.
#[extendr]
fn rust_nearest_correlation(v: Robj, control: Robj) -> Outcome<RMatrix<f64>> {
    arguments!(v, control);
    let smallest = control.read(|c| c.number("smallest"))?;
    let found = nearest(v.matrix()?.view(), smallest, &Monitor::default())?;
    Ok(matrix(found.as_ref()))
}

// list(V, lowest): correlations made to fit together, and their smallest eigenvalue before.
#[extendr]
fn rust_repair_correlation(v: Robj, control: Robj) -> Outcome<List> {
    arguments!(v, control);
    let smallest = control.read(|c| c.number("smallest"))?;
    let (fixed, lowest) = repair(v.matrix()?.view(), smallest, &Monitor::default())?;
    Ok(list!(V = matrix(fixed.as_ref()), lowest = lowest))
}

// list(V, lowest): the point at `control$share` of the way from `v` to `moment`, and the smallest
// eigenvalue of its correlations; `unit`: V is a correlation matrix.
#[extendr]
fn rust_v_step(v: Robj, moment: Robj, control: Robj) -> Outcome<List> {
    arguments!(v, moment, control);
    let v = v.matrix()?;
    let moment = moment.matrix_of(v.rows, v.rows)?;
    let (share, unit) = control.read(|c| Ok((c.number("share")?, c.flag("unit")?)))?;
    let (there, lowest) = step(v.view(), moment.view(), share, unit)?;
    Ok(list!(V = matrix(there.as_ref()), lowest = lowest))
}

extendr_module! {
    mod v;
    fn rust_pairwise_moments;
    fn rust_untruncated;
    fn rust_shrunken_correlation;
    fn rust_nearest_correlation;
    fn rust_repair_correlation;
    fn rust_v_step;
}
