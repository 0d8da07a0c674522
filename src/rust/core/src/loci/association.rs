//! Bayes factors of models in which each condition is unassociated, directly or indirectly
//! associated with a unit, from z-scores of `n` samples (Stephens 2013).
//!
//! Let `V` be the residual correlation, `f = 1` or the variance `2 maf (1 - maf)` of the unit, and
//! `s = sqrt(f) z / sqrt(n)` its covariance with the conditions. With U unassociated, D directly
//! and I indirectly associated conditions,
//! ```text
//!   C = f - s_U' V_UU^{-1} s_U,   u = s_D - V_DU V_UU^{-1} s_U,   S = V_DD - V_DU V_UU^{-1} V_UD,
//!   k = 1 / (1 + 1 / (sigma^2 n C)),
//!   log BF = |D| / 2 log(1 - k) - (n + d - 1 - |I|) / 2 log(1 - k u' S^{-1} u / C).
//! ```
//! The residual covariance is integrated out: that is the difference, of order 1 / n, to a
//! normal-means problem with known V.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use crate::linalg::lanes::kernel;
use crate::linalg::scalar::LogSum;
use crate::linalg::{psd, special};
use crate::{Error, Monitor, memory};

/// A condition in a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// No effect.
    Unassociated,
    /// An effect of its own.
    Direct,
    /// An effect that follows from others.
    Indirect,
}

/// What a model needs of V: matrices whose product with `s` has the squared norms `s_U' V_UU^{-1}
/// s_U` and `u' S^{-1} u`, row after row.
struct Model {
    explained: Vec<f64>,
    direct: Vec<f64>,
    count_direct: usize,
    count_indirect: usize,
}

impl Model {
    fn new(roles: &[Role], v: MatRef<'_, f64>) -> Result<Self, Error> {
        let all: Vec<usize> = (0..roles.len()).collect();
        let of = |role| all.iter().copied().filter(|&i| roles[i] == role).collect::<Vec<_>>();
        let (u, d) = (of(Role::Unassociated), of(Role::Direct));
        let part =
            |a: &[usize], b: &[usize]| Mat::from_fn(a.len(), b.len(), |i, j| v[(a[i], b[j])]);
        let pick =
            |a: &[usize]| Mat::from_fn(a.len(), all.len(), |i, j| f64::from(u8::from(a[i] == j)));
        let whiten = |m: &Mat<f64>| match m.nrows() {
            0 => Ok(Mat::zeros(0, 0)),
            _ => psd::whitener(m.as_ref())
                .map(|(w, _)| w)
                .ok_or(Error::NotPsd { name: "`V`".into(), eigenvalue: f64::NAN }),
        };
        let white_u = whiten(&part(&u, &u))?;
        // V_DU V_UU^{-1/2}'
        let cross = part(&d, &u) * white_u.transpose();
        let explained = white_u * pick(&u);
        let white_d = whiten(&(part(&d, &d) - &cross * cross.transpose()))?;
        let direct = white_d * (pick(&d) - cross * &explained);
        let rows = |m: &Mat<f64>| {
            (0..m.nrows()).flat_map(|i| (0..m.ncols()).map(move |j| m[(i, j)])).collect()
        };
        Ok(Self {
            explained: rows(&explained),
            direct: rows(&direct),
            count_direct: d.len(),
            count_indirect: of(Role::Indirect).len(),
        })
    }
}

/// `|A s|^2` for `A` with its rows one after the other.
fn squared_norm(a: &[f64], s: &[f64]) -> f64 {
    let dot = |row: &[f64]| row.iter().zip(s).map(|(a, s)| a * s).sum::<f64>();
    a.chunks_exact(s.len()).map(|row| dot(row).powi(2)).sum()
}

/// Natural logarithms of Bayes factors: models by units by scales, in that order. `variance` of
/// each unit, number of samples `n` of each unit, `sigma` the scales of effects in standard
/// deviations.
pub fn log_bayes_factors(
    z: MatRef<'_, f64>,
    v: MatRef<'_, f64>,
    n: &[f64],
    variance: &[f64],
    sigma: &[f64],
    models: &[Vec<Role>],
    monitor: &Monitor,
) -> Result<Vec<f64>, Error> {
    let (units, d, count) = (z.nrows(), z.ncols(), models.len());
    let prepared: Vec<Model> =
        models.par_iter().map(|m| Model::new(m, v)).collect::<Result<_, _>>()?;
    let direct: Vec<f64> = prepared.iter().map(|m| m.count_direct as f64).collect();
    let mut out = memory::zeros(count * units * sigma.len())?;
    let fill = |i: usize, out: &mut [&mut [f64]]| {
        monitor.advance(1)?;
        let s: Vec<f64> = (0..d).map(|r| z[(i, r)] * (variance[i] / n[i]).sqrt()).collect();
        let left: Vec<f64> =
            prepared.iter().map(|m| variance[i] - squared_norm(&m.explained, &s)).collect();
        let share: Vec<f64> =
            prepared.iter().zip(&left).map(|(m, c)| squared_norm(&m.direct, &s) / c).collect();
        let most = n[i] + d as f64 - 1.0;
        let power: Vec<f64> = prepared.iter().map(|m| most - m.count_indirect as f64).collect();
        let lowest = factors_over_scales(&left, &share, &direct, &power, n[i], sigma, out);
        if left.iter().any(|&c| c <= 0.0) || lowest <= -1.0 {
            let why = format!("of row {} are impossible for `n` samples", i + 1);
            return Err(Error::Value { name: "Z", why });
        }
        Ok(())
    };
    by_unit(&mut out, count, units)
        .par_iter_mut()
        .enumerate()
        .try_for_each(|(i, out)| fill(i, out))?;
    Ok(out)
}

/// The places of each unit, one slice of models for each scale.
fn by_unit(x: &mut [f64], models: usize, units: usize) -> Vec<Vec<&mut [f64]>> {
    let mut places: Vec<Vec<&mut [f64]>> = (0..units).map(|_| Vec::new()).collect();
    for scale in x.chunks_exact_mut(models * units) {
        for (place, part) in places.iter_mut().zip(scale.chunks_exact_mut(models)) {
            place.push(part);
        }
    }
    places
}

kernel!(
    /// The Bayes factors of one unit, models on lanes. Returns the least `-k u' S^{-1} u / C`: at or
    /// below -1 there is no such unit.
    fn factors_over_scales<'a, 'b, V: Lanes>(
        // `C` of each model.
        left: &'a [f64],
        // `u' S^{-1} u / C`.
        share: &'a [f64],
        // `|D|`.
        direct: &'a [f64],
        // `n + d - 1 - |I|`.
        power: &'a [f64],
        n: f64,
        sigma: &'a [f64],
        out: &'a mut [&'b mut [f64]],
    ) -> f64 {
        let (zero, one, half) = (V::splat(0.0), V::splat(1.0), V::splat(-0.5));
        let mut lowest = zero;
        for at in (0..left.len()).step_by(V::N) {
            let (c, share) = (V::load_part(left, at, 0.0), V::load_part(share, at, 0.0));
            let (direct, power) = (V::load_part(direct, at, 0.0), V::load_part(power, at, 0.0));
            for (sigma, out) in sigma.iter().zip(out.iter_mut()) {
                let precision = c * V::splat(sigma * sigma * n);
                let rest = (zero - precision * share).div(one + precision);
                lowest = lowest.min(rest);
                let spread = direct * special::log_one_plus(precision);
                let fit = power * special::log_one_plus(rest);
                (half * (spread + fit)).store_part(out, at);
            }
        }
        lowest.to_array()[..V::N].iter().copied().fold(0.0, f64::min)
    }
);

/// Averages over scales of `log_bf`, as [`log_bayes_factors`] gives it: with equal weights, and the
/// sums with `weights`, models by scales. Natural logarithms, models by units.
pub fn over_scales(log_bf: &[f64], units: usize, weights: MatRef<'_, f64>) -> [Vec<f64>; 2] {
    let (models, scales) = (weights.nrows(), weights.ncols());
    let equal = vec![0.0; models * scales];
    let log_weights: Vec<f64> =
        (0..scales).flat_map(|t| (0..models).map(move |m| weights[(m, t)].ln())).collect();
    let sums = |added: &[f64], minus: f64| {
        let mut out = vec![0.0; models * units];
        out.par_chunks_mut(models).enumerate().for_each(|(i, out)| {
            let rows: Vec<&[f64]> = (0..scales)
                .map(|t| &log_bf[(t * units + i) * models..(t * units + i + 1) * models])
                .collect();
            log_sums(&rows, added, out);
            out.iter_mut().for_each(|sum| *sum -= minus);
        });
        out
    };
    [sums(&equal, (scales as f64).ln()), sums(&log_weights, 0.0)]
}

kernel!(
    /// For each model `log sum_t exp(rows_t + added_t)` over scales `t`.
    fn log_sums<'a, V: Lanes>(rows: &'a [&'a [f64]], added: &'a [f64], out: &'a mut [f64]) {
        let models = out.len();
        for at in (0..models).step_by(V::N) {
            let mut total = LogSum::<V>::new();
            for (row, added) in rows.iter().zip(added.chunks_exact(models)) {
                total.see(V::load_part(row, at, 0.0) + V::load_part(added, at, 0.0));
            }
            for (row, added) in rows.iter().zip(added.chunks_exact(models)) {
                total.add(V::load_part(row, at, 0.0) + V::load_part(added, at, 0.0));
            }
            for (lane, out) in out[at..].iter_mut().take(V::N).enumerate() {
                *out = total.lane(lane);
            }
        }
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    /// The formulas of the head of the file, matrix by matrix.
    fn slow(s: &[f64], v: &Mat<f64>, roles: &[Role], n: f64, f: f64, sigma: f64) -> f64 {
        use faer::linalg::solvers::Solve;
        let of = |r| (0..s.len()).filter(|&i| roles[i] == r).collect::<Vec<_>>();
        let (u, d) = (of(Role::Unassociated), of(Role::Direct));
        let part =
            |a: &[usize], b: &[usize]| Mat::from_fn(a.len(), b.len(), |i, j| v[(a[i], b[j])]);
        let pick = |a: &[usize]| Mat::from_fn(a.len(), 1, |i, _| s[a[i]]);
        let solve = |m: Mat<f64>, b: Mat<f64>| match m.nrows() {
            0 => b,
            _ => m.full_piv_lu().solve(b),
        };
        let c = f - (pick(&u).transpose() * solve(part(&u, &u), pick(&u)))[(0, 0)];
        let rest = pick(&d) - part(&d, &u) * solve(part(&u, &u), pick(&u));
        let spread = part(&d, &d) - part(&d, &u) * solve(part(&u, &u), part(&u, &d));
        let square = (rest.transpose() * solve(spread, rest.clone()))[(0, 0)];
        let k = 1.0 / (1.0 + 1.0 / (sigma * sigma * n * c));
        let indirect = of(Role::Indirect).len() as f64;
        let power = n + s.len() as f64 - 1.0 - indirect;
        0.5 * d.len() as f64 * (1.0 - k).ln() - 0.5 * power * (-k * square / c).ln_1p()
    }

    fn roles(d: usize) -> Vec<Vec<Role>> {
        let role = |g| [Role::Unassociated, Role::Direct, Role::Indirect][g % 3];
        (0..3usize.pow(d as u32))
            .map(|m| (0..d).map(|r| role(m / 3usize.pow(r as u32))).collect())
            .filter(|m: &Vec<Role>| m.contains(&Role::Direct))
            .collect()
    }

    #[test]
    fn all_models_agree_with_the_formulas() {
        let v = Mat::from_fn(3, 3, |i, j| if i == j { 1.0 } else { 0.2 * (i + j) as f64 - 0.3 });
        let z = Mat::from_fn(5, 3, |i, r| 3.0 * ((i * 3 + r) as f64 * 1.7).sin());
        let (n, f, sigma) = ([400.0, 1e3, 5e4, 1e6, 90.0], [1.0, 0.5, 0.1, 0.3, 0.42], [0.01, 0.2]);
        let models = roles(3);
        let got =
            log_bayes_factors(z.as_ref(), v.as_ref(), &n, &f, &sigma, &models, &Monitor::default())
                .unwrap();
        for (place, got) in got.iter().enumerate() {
            let (m, i) = (place % models.len(), place / models.len() % 5);
            let s: Vec<f64> = (0..3).map(|r| z[(i, r)] * (f[i] / n[i]).sqrt()).collect();
            let t = place / models.len() / 5;
            let want = slow(&s, &v, &models[m], n[i], f[i], sigma[t]);
            assert!((got - want).abs() < 1e-9 * (1.0 + want.abs()), "{place}: {got} {want}");
        }
    }

    #[test]
    fn scales_are_averaged_also_where_exponentials_overflow_or_a_weight_is_zero() {
        let (models, units) = (3, 2);
        // models by units by scales
        let log_bf = [1.0, 2.0, -900.0, 3.0, 900.0, 0.0, 2.0, -1.0, -901.0, 3.0, -900.0, 0.0];
        let weights = Mat::from_fn(3, 2, |m, t| [[0.3, 0.0], [0.0, 0.2], [0.0, 0.0]][m][t]);
        let [mean, joint] = over_scales(&log_bf, units, weights.as_ref());
        let ln = f64::ln;
        let half = |a: f64, b: f64| a.max(b) + ((-(a - b).abs()).exp() / 2.0 + 0.5).ln();
        let want =
            [half(1.0, 2.0), half(2.0, -1.0), half(-900.0, -901.0), 3.0, 900.0 - ln(2.0), 0.0];
        for (got, want) in mean.iter().zip(want) {
            assert!((got - want).abs() < 1e-13 * (1.0 + want.abs()), "{got} {want}");
        }
        let none = f64::NEG_INFINITY;
        let want = [1.0 + ln(0.3), -1.0 + ln(0.2), none, 3.0 + ln(0.3), -900.0 + ln(0.2), none];
        for (place, (got, want)) in joint.iter().zip(want).enumerate() {
            let m = place % models;
            assert!(*got == want || (got - want).abs() < 1e-13 * want.abs(), "{m}: {got} {want}");
        }
    }
}
