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

mod posterior;

use faer::{Mat, MatRef};
use rayon::prelude::*;

use crate::linalg::lanes::kernel;
use crate::linalg::{psd, special};
use crate::{Error, Monitor, memory};
use posterior::posteriors;
pub use posterior::{Posteriors, posteriors_of};

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

/// The measurements of all units, and what the models need of them.
pub struct Statistics<'a> {
    /// z-scores, units by conditions.
    pub z: MatRef<'a, f64>,
    /// Residual correlation of the conditions.
    pub v: MatRef<'a, f64>,
    /// Number of samples of each unit.
    pub n: &'a [f64],
    /// `variance` of each unit: 1, or that of its genotype.
    pub variance: &'a [f64],
}

/// Bayes factors of any unit.
struct Factors<'a> {
    statistics: Statistics<'a>,
    sigma: &'a [f64],
    prepared: Vec<Model>,
    direct: Vec<f64>,
}

impl<'a> Factors<'a> {
    fn new(
        statistics: Statistics<'a>,
        sigma: &'a [f64],
        models: &[Vec<Role>],
    ) -> Result<Self, Error> {
        let v = statistics.v;
        let prepared: Vec<Model> =
            models.par_iter().map(|m| Model::new(m, v)).collect::<Result<_, _>>()?;
        let direct = prepared.iter().map(|m| m.count_direct as f64).collect();
        Ok(Self { statistics, sigma, prepared, direct })
    }

    /// Those of unit `i`, one slice of models for each scale.
    fn of(&self, i: usize, out: &mut [&mut [f64]]) -> Result<(), Error> {
        let Statistics { z, n, variance, .. } = &self.statistics;
        let (d, n, variance) = (z.ncols(), n[i], variance[i]);
        let s: Vec<f64> = (0..d).map(|r| z[(i, r)] * (variance / n).sqrt()).collect();
        let models = self.prepared.iter();
        let left: Vec<f64> =
            models.clone().map(|m| variance - squared_norm(&m.explained, &s)).collect();
        let share: Vec<f64> =
            models.clone().zip(&left).map(|(m, c)| squared_norm(&m.direct, &s) / c).collect();
        let most = n + d as f64 - 1.0;
        let power: Vec<f64> = models.map(|m| most - m.count_indirect as f64).collect();
        let lowest = factors_over_scales(&left, &share, &self.direct, &power, n, self.sigma, out);
        if left.iter().any(|&c| c <= 0.0) || lowest <= -1.0 {
            let why = format!("of row {} are impossible for `n` samples", i + 1);
            return Err(Error::Value { name: "Z", why });
        }
        Ok(())
    }
}

/// Natural logarithms of Bayes factors: models by units by scales, in that order. `sigma` are the
/// scales of effects in standard deviations.
pub fn log_bayes_factors(
    statistics: Statistics<'_>,
    sigma: &[f64],
    models: &[Vec<Role>],
    monitor: &Monitor,
) -> Result<Vec<f64>, Error> {
    let (units, count) = (statistics.z.nrows(), models.len());
    let factors = Factors::new(statistics, sigma, models)?;
    let mut out = memory::zeros(count * units * sigma.len())?;
    by_unit(&mut out, count, units).par_iter_mut().enumerate().try_for_each(|(i, out)| {
        monitor.advance(1)?;
        factors.of(i, out)
    })?;
    Ok(out)
}

/// Posteriors of models, given their weights at each scale (models by scales), without an array of
/// all Bayes factors: of the order of `models scales` operations and numbers for each unit.
pub fn associate(
    statistics: Statistics<'_>,
    sigma: &[f64],
    models: &[Vec<Role>],
    weights: MatRef<'_, f64>,
    monitor: &Monitor,
) -> Result<Posteriors, Error> {
    let units = statistics.z.nrows();
    let factors = Factors::new(statistics, sigma, models)?;
    posteriors(units, models, weights, |i, out| {
        monitor.advance(1)?;
        factors.of(i, &mut out.chunks_exact_mut(models.len()).collect::<Vec<_>>())
    })
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
        let statistics = || Statistics { z: z.as_ref(), v: v.as_ref(), n: &n, variance: &f };
        let got = log_bayes_factors(statistics(), &sigma, &models, &Monitor::default()).unwrap();
        // One unit at a time: the same.
        let weights = Mat::from_fn(models.len(), 2, |m, t| 0.01 * (1 + m + 3 * t) as f64);
        let alone = associate(statistics(), &sigma, &models, weights.as_ref(), &Monitor::default())
            .unwrap();
        let of_array = posteriors_of(&got, 5, &models, weights.as_ref()).unwrap();
        assert_eq!(alone.probability, of_array.probability);
        assert_eq!(alone.marginal, of_array.marginal);
        for (place, got) in got.iter().enumerate() {
            let (m, i) = (place % models.len(), place / models.len() % 5);
            let s: Vec<f64> = (0..3).map(|r| z[(i, r)] * (f[i] / n[i]).sqrt()).collect();
            let t = place / models.len() / 5;
            let want = slow(&s, &v, &models[m], n[i], f[i], sigma[t]);
            assert!((got - want).abs() < 1e-9 * (1.0 + want.abs()), "{place}: {got} {want}");
        }
    }
}
