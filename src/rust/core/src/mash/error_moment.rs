//! The step that raises the likelihood in V, the correlation of measurement errors.
//!
//! With errors `e_j = (x_j - b_j) / s_j ~ N(0, V)`, expectation maximisation replaces V by the mean of
//! `E[e_j e_j' | x_j]`. Of the observed cells o of a unit,
//! ```text
//!   m_o = (x_o - E b_o) / s_o,   E[e_o e_o'] = m_o m_o' + Cov(b_o) / (s_o s_o'),
//! ```
//! and the cells u that are missing follow their regression on these, with `B = V_uo V_oo^{-1}`:
//! ```text
//!   E[e_u e_o'] = B E[e_o e_o'],   E[e_u e_u'] = B E[e_o e_o'] B' + V_uu - B V_ou.
//! ```
//! Posterior covariances are held for a block of units at a time.

use std::collections::BTreeMap;

use faer::linalg::solvers::Solve;
use faer::{Mat, MatRef, Side};

use crate::normal_means::posterior::{Posterior, Weights};
use crate::normal_means::{Correlation, Data, NormalMeans, posterior};
use crate::{Error, Monitor, Prior};

/// Posterior covariances of a block have at most so many elements.
const CELLS: usize = 4_000_000;

/// The mean of `E[e_j e_j']` over all units, given the posterior weights of the components.
///
/// # Errors
/// Data without a common V; those of [`posterior`]; `Error::Interrupted`.
pub fn error_moment(
    data: Data,
    prior: &Prior,
    weights: Weights,
    monitor: &Monitor,
) -> Result<Mat<f64>, Error> {
    let size = (CELLS / (data.conditions * data.conditions)).max(1);
    by_blocks(size, data, prior, weights, monitor)
}

/// The same, so many units at a time.
fn by_blocks(
    size: usize,
    data: Data,
    prior: &Prior,
    weights: Weights,
    monitor: &Monitor,
) -> Result<Mat<f64>, Error> {
    let (j, r) = (data.units, data.conditions);
    let identity = Mat::identity(r, r);
    let v = match data.v {
        Correlation::Identity => identity.as_ref(),
        Correlation::Common(v) => MatRef::from_column_major_slice(v, r, r),
        _ => return Err(Error::Value { name: "V", why: "must be the same for all units".into() }),
    };
    let mut total = Mat::zeros(r, r);
    for first in (0..j).step_by(size) {
        let rows = first..(first + size).min(j);
        let part = |table: &[f64]| -> Vec<f64> {
            table.chunks_exact(j).flat_map(|column| column[rows.clone()].iter().copied()).collect()
        };
        let (x, s, values) = (part(data.x), part(data.s), part(weights.values));
        let block = Data { units: rows.len(), x: &x, s: &s, ..data };
        let weights = Weights { active: weights.active, values: &values };
        total += of_block(block, v, prior, weights, monitor)?;
    }
    Ok(total * faer::Scale(1.0 / j as f64))
}

/// The sum over the units of a block.
fn of_block(
    data: Data,
    v: MatRef<'_, f64>,
    prior: &Prior,
    weights: Weights,
    monitor: &Monitor,
) -> Result<Mat<f64>, Error> {
    let (n, r) = (data.units, data.conditions);
    let mut tables = vec![vec![0.0; n * r]; 6];
    let mut covariance = vec![0.0; n * r * r];
    let [mean, sd, lfdr, negative, positive, lfsr] = &mut tables[..] else {
        return Err(Error::Shape { name: "tables", expected: 6, found: 0 });
    };
    let out =
        Posterior { mean, sd, lfdr, negative, positive, lfsr, covariance: Some(&mut covariance) };
    posterior(&NormalMeans::new(data)?, prior, weights, None, None, out, monitor)?;
    // Units with the same observed cells are completed together.
    let mut patterns: BTreeMap<Vec<usize>, (usize, Mat<f64>)> = BTreeMap::new();
    let mut e = vec![0.0; r];
    for unit in 0..n {
        let at = |c: usize| c * n + unit;
        let observed: Vec<usize> = (0..r).filter(|&c| !data.x[at(c)].is_nan()).collect();
        for &c in &observed {
            e[c] = (data.x[at(c)] - tables[0][at(c)]) / data.s[at(c)];
        }
        let o = observed.len();
        let (count, sum) = patterns.entry(observed).or_insert_with(|| (0, Mat::zeros(o, o)));
        *count += 1;
        let observed = (0..r).filter(|&c| !data.x[at(c)].is_nan());
        for (k, b) in observed.clone().enumerate() {
            for (i, a) in observed.clone().enumerate() {
                let spread = covariance[(unit * r + b) * r + a] / (data.s[at(a)] * data.s[at(b)]);
                sum[(i, k)] += e[a] * e[b] + spread;
            }
        }
    }
    let mut total = Mat::zeros(r, r);
    for (observed, (count, sum)) in &patterns {
        add_completed(&mut total, sum, observed, v, *count as f64)?;
    }
    Ok(total)
}

/// The moment of all conditions, from that of those that are observed in so many units.
fn add_completed(
    total: &mut Mat<f64>,
    sum: &Mat<f64>,
    observed: &[usize],
    v: MatRef<'_, f64>,
    count: f64,
) -> Result<(), Error> {
    let r = v.nrows();
    if observed.is_empty() {
        *total += v * faer::Scale(count);
        return Ok(());
    }
    let missing: Vec<usize> = (0..r).filter(|c| !observed.contains(c)).collect();
    let part = |rows: &[usize], cols: &[usize]| {
        Mat::from_fn(rows.len(), cols.len(), |i, k| v[(rows[i], cols[k])])
    };
    let mut add = |rows: &[usize], cols: &[usize], m: &Mat<f64>| {
        for (k, &b) in cols.iter().enumerate() {
            for (i, &a) in rows.iter().enumerate() {
                total[(a, b)] += m[(i, k)];
            }
        }
    };
    add(observed, observed, sum);
    if missing.is_empty() {
        return Ok(());
    }
    let (vuu, vou) = (part(&missing, &missing), part(observed, &missing));
    let singular = || Error::Value { name: "V", why: "must be positive definite".into() };
    let llt = part(observed, observed).llt(Side::Lower).map_err(|_| singular())?;
    let b = llt.solve(&vou).transpose().to_owned();
    let cross = &b * sum;
    let left = (vuu - &b * &vou) * faer::Scale(count);
    add(&missing, &missing, &(&cross * b.transpose() + left));
    add(&missing, observed, &cross);
    add(observed, &missing, &cross.transpose().to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use faer::linalg::solvers::DenseSolveCore;

    use super::*;
    use crate::testing::random;

    /// `E[ee' | x]`, by conditioning e on the observed cells of x, component by component.
    fn slow(data: &Data, v: &Mat<f64>, us: &[Mat<f64>], weights: &[f64]) -> Mat<f64> {
        let (j, r) = (data.units, data.conditions);
        let mut total = Mat::zeros(r, r);
        for unit in 0..j {
            let o: Vec<usize> = (0..r).filter(|c| !data.x[c * j + unit].is_nan()).collect();
            let s = |i: usize| data.s[o[i] * j + unit];
            let x = Mat::from_fn(o.len(), 1, |i, _| data.x[o[i] * j + unit]);
            for (t, u) in us.iter().enumerate() {
                let of = |m: &Mat<f64>, i: usize, k: usize| m[(o[i], o[k])];
                let noise = |i: usize, k: usize| of(u, i, k) + s(i) * s(k) * of(v, i, k);
                let inverse = Mat::from_fn(o.len(), o.len(), noise).full_piv_lu().inverse();
                let cross = Mat::from_fn(r, o.len(), |a, i| v[(a, o[i])] * s(i));
                let gain = &cross * &inverse;
                let m = &gain * &x;
                let second = &m * m.transpose() + v - &gain * cross.transpose();
                total += second * faer::Scale(weights[t * j + unit] / j as f64);
            }
        }
        total
    }

    #[test]
    fn the_moment_is_that_of_errors_given_the_observed_cells() {
        let (j, r) = (30, 3);
        let draw = random(8, 3 * j * r);
        let us: Vec<Mat<f64>> = [0.0, 0.7, 4.0]
            .iter()
            .map(|&a| Mat::from_fn(r, r, |i, k| if i == k { a } else { 0.6 * a }))
            .collect();
        let v = Mat::from_fn(r, r, |i, k| 0.5f64.powi((i as i32 - k as i32).abs()));
        let columns = |m: &Mat<f64>| (0..r * r).map(|k| m[(k % r, k / r)]).collect::<Vec<_>>();
        let matrices = [columns(&us[1]), columns(&us[2])];
        let named: Vec<(&str, &[f64])> = matrices.iter().map(|m| ("U", &m[..])).collect();
        let prior = Prior::new(r, &named, &[1.0], true).unwrap();
        let weights: Vec<f64> = {
            let raw: Vec<f64> =
                draw[2 * j * r..2 * j * r + 3 * j].iter().map(|w| w.exp()).collect();
            let sum = |unit: usize| (0..3).map(|t| raw[t * j + unit]).sum::<f64>();
            (0..3 * j).map(|k| raw[k] / sum(k % j)).collect()
        };
        let s: Vec<f64> = draw[j * r..2 * j * r].iter().map(|s| (0.3 * s).exp()).collect();
        for missing in [false, true] {
            let gone = |k: usize| {
                missing && (k % 4 == 0 || k % 7 == 3) && (k / j != k % j % r || k % j == 11)
            };
            let x: Vec<f64> =
                (0..j * r).map(|k| if gone(k) { f64::NAN } else { 2.0 * draw[k] }).collect();
            for v in [v.clone(), Mat::identity(r, r)] {
                let common = columns(&v);
                let correlation = match v[(0, 1)] == 0.0 {
                    true => Correlation::Identity,
                    false => Correlation::Common(&common),
                };
                let data = Data { units: j, conditions: r, x: &x, s: &s, v: correlation };
                let given = Weights { active: &[0, 1, 2], values: &weights };
                let found = error_moment(data, &prior, given, &Monitor::default()).unwrap();
                let want = slow(&data, &v, &us, &weights);
                let parts = by_blocks(7, data, &prior, given, &Monitor::default()).unwrap();
                assert!((&found - &parts).norm_max() < 1e-12);
                assert!((&found - &want).norm_max() < 1e-10, "{missing}: {found:?} {want:?}");
            }
        }
    }
}
