//! The posterior of each row of coefficients, from the products of the last sweep.
//!
//! Given the others, row p is the normal-means problem `c_p / d_p` with noise `Sigma / d_p`, so its
//! means, standard deviations and signs are those of `normal_means::posterior`.

use faer::MatRef;

use crate::normal_means::mixture::Summary;
use crate::normal_means::posterior::{Posterior, Weights};
use crate::normal_means::{Correlation, Data, NormalMeans, WeightedPrior, posterior};
use crate::{Error, Monitor, Prior};

/// Rows of a fit.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// `c_p`, p by r, by columns: products with the residuals of the others.
    pub products: &'a [f64],
    /// `x_p'x_p`, all positive.
    pub norms: &'a [f64],
    /// Sigma.
    pub covariance: MatRef<'a, f64>,
}

/// The posterior of all rows into the tables of the caller (p by r, by columns).
pub fn summarise(
    prior: &Prior,
    rows: Rows<'_>,
    out: Posterior<'_>,
    monitor: &Monitor,
) -> Result<(), Error> {
    let (p, r) = (rows.norms.len(), prior.conditions);
    if p == 0 {
        return Ok(());
    }
    let sd: Vec<f64> = (0..r).map(|i| rows.covariance[(i, i)].sqrt()).collect();
    let v: Vec<f64> = (0..r * r)
        .map(|k| {
            let (i, q) = (k % r, k / r);
            if i == q { 1.0 } else { rows.covariance[(i, q)] / (sd[i] * sd[q]) }
        })
        .collect();
    let cell = |k: usize| rows.products[k] / rows.norms[k % p];
    let x: Vec<f64> = (0..p * r).map(cell).collect();
    let s: Vec<f64> = (0..p * r).map(|k| sd[k / p] / rows.norms[k % p].sqrt()).collect();
    let data = Data { units: p, conditions: r, x: &x, s: &s, v: Correlation::Common(&v) };
    let means = NormalMeans::new(data)?;
    let weighted = WeightedPrior::new(prior, 0.0);
    let active = weighted.active();
    let mut table = vec![0.0; p * active.len()];
    let (mut vloglik, mut null, mut alternative) = (vec![0.0; p], vec![0.0; p], vec![0.0; p]);
    let summary = Summary {
        vloglik: &mut vloglik,
        null: prior.null.then_some(&mut null),
        alternative: prior.null.then_some(&mut alternative),
        weights: &mut table,
    };
    weighted.summarise(&means, prior, summary, monitor)?;
    let weights = Weights { active, values: &table };
    posterior(&means, prior, weights, None, None, out, monitor)
}

#[cfg(test)]
mod tests {
    use faer::Mat;
    use faer::linalg::solvers::DenseSolveCore;

    use super::*;
    use crate::linalg::{psd, special};
    use crate::testing::random;

    const ROWS: usize = 6;

    /// Mean, standard deviation, lfdr and negative probability of each condition, component by
    /// component with matrices as they are.
    fn slow(u: &[Mat<f64>], weights: &[f64], rows: Rows<'_>, row: usize) -> [[f64; 4]; 2] {
        let d = rows.norms[row];
        let noise = Mat::from_fn(2, 2, |i, j| rows.covariance[(i, j)] / d);
        let x = Mat::from_fn(2, 1, |i, _| rows.products[i * ROWS + row] / d);
        let each: Vec<(f64, Mat<f64>, Mat<f64>)> = u
            .iter()
            .zip(weights)
            .map(|(u, w)| {
                let inverse = (u + &noise).full_piv_lu().inverse();
                let quad = (x.transpose() * &inverse * &x)[(0, 0)];
                let density = w * (inverse.determinant().ln() * 0.5 - 0.5 * quad).exp();
                (density, u * &inverse * &x, u - u * &inverse * u)
            })
            .collect();
        let total: f64 = each.iter().map(|e| e.0).sum();
        [0, 1].map(|i| {
            let (mut mean, mut square, mut zero, mut negative) = (0.0, 0.0, 0.0, 0.0);
            for (density, m, c) in &each {
                let (w, m, v) = (density / total, m[(i, 0)], c[(i, i)]);
                mean += w * m;
                square += w * (m * m + v);
                match v > 1e-14 {
                    true => negative += w * special::erfc(m / (2.0 * v).sqrt()) / 2.0,
                    false => zero += w,
                }
            }
            [mean, (square - mean * mean).sqrt(), zero, negative]
        })
    }

    #[test]
    fn rows_are_mixtures_whether_or_not_the_matrices_share_scales() {
        let base = [vec![0.0; 4], vec![1.0, 0.6, 0.6, 2.0], vec![1.0, 0.0, 0.0, 0.0]];
        let noise = random(5, 2 * ROWS);
        let products: Vec<f64> = noise.iter().map(|x| 20.0 * x).collect();
        let norms: Vec<f64> = (0..ROWS).map(|p| 8.0 + 5.0 * p as f64).collect();
        let covariance = Mat::from_fn(2, 2, |i, j| if i == j { 1.5 } else { -0.4 });
        let same = vec![vec![1.0], vec![0.1, 2.0], vec![0.1, 2.0]];
        let own = vec![vec![1.0], vec![0.1, 2.0], vec![0.3]];
        for scales in [same, own] {
            let factors = base.iter().map(|u| psd::factor(2, u, "U").unwrap()).collect();
            let prior = Prior::scaled(2, factors, scales.clone(), false).unwrap();
            let matrix = |p: usize| {
                let (k, l) = prior.locate(p).unwrap();
                Mat::from_fn(2, 2, |i, j| scales[k][l] * base[k][i + 2 * j])
            };
            let u: Vec<Mat<f64>> = (0..prior.len()).map(matrix).collect();
            let sizes: Vec<f64> = (1..=u.len()).map(|t| t as f64).collect();
            let weights: Vec<f64> = sizes.iter().map(|t| t / sizes.iter().sum::<f64>()).collect();
            let prior = prior.with_weights(&weights).unwrap();
            let rows = Rows { products: &products, norms: &norms, covariance: covariance.as_ref() };
            let mut tables = vec![vec![0.0; 2 * ROWS]; 6];
            let [mean, sd, lfdr, negative, positive, lfsr] = &mut tables[..] else { panic!() };
            let out = Posterior { mean, sd, lfdr, negative, positive, lfsr, covariance: None };
            summarise(&prior, rows, out, &Monitor::default()).unwrap();
            for row in 0..ROWS {
                for (i, want) in slow(&u, &weights, rows, row).into_iter().enumerate() {
                    let at = i * ROWS + row;
                    for (table, want) in tables.iter().zip(want) {
                        assert!((table[at] - want).abs() < 1e-10, "{row} {i}: {want}");
                    }
                    let [.., zero, negative] = want;
                    let wrong = zero + negative.min(1.0 - zero - negative);
                    assert!((tables[5][at] - wrong).abs() < 1e-10);
                }
            }
        }
    }
}
