//! What the models of this crate leave, as residuals to be compared.

use faer::{Mat, MatRef};

use super::residuals::{Pairs, Residuals, Slack, pairs};
use crate::noise::Whitened;
use crate::predictors::{Part, Predictors, Region};

/// Of effects in a region, and the residual without them.
pub fn of_region(
    region: &dyn Region,
    residual: &Mat<f64>,
    effects: &[Part<'_>],
    slack: Slack,
) -> Pairs {
    let mut b = Mat::<f64>::zeros(region.variables(), region.conditions());
    for Part { active, mean, .. } in effects {
        for (a, &j) in active.iter().enumerate() {
            (0..b.ncols()).for_each(|r| b[(j, r)] += mean[(a, r)]);
        }
    }
    let size = sizes(b.as_ref(), region.norms());
    let (scores, left) = (region.scores(region.start()), region.scores(residual));
    pairs(&Residuals { scores, left, size, correlation: &|i, j| region.correlation(i, j) }, slack)
}

/// Of coefficients (p by R) of predictors that are known by their products: those with the responses,
/// and with the residuals (p by R each).
pub fn of_products(
    x: &impl Predictors,
    responses: MatRef<'_, f64>,
    residuals: MatRef<'_, f64>,
    coefficients: MatRef<'_, f64>,
    noise: &Whitened,
    slack: Slack,
) -> Pairs {
    let d = x.norms();
    let whitened = |m: MatRef<'_, f64>| m * noise.whitener.transpose();
    let scores = |m: MatRef<'_, f64>| {
        let m = whitened(m);
        let root = |j: usize| if d[j] > 0.0 { d[j].sqrt() } else { f64::INFINITY };
        Mat::from_fn(m.nrows(), m.ncols(), |j, r| m[(j, r)] / root(j))
    };
    let size = sizes(whitened(coefficients).as_ref(), d);
    let correlation = |i: usize, j: usize| {
        let d = d[i] * d[j];
        if d > 0.0 { x.inner(i, j) / d.sqrt() } else { 0.0 }
    };
    let (scores, left) = (scores(responses), scores(residuals));
    pairs(&Residuals { scores, left, size, correlation: &correlation }, slack)
}

/// `d_j |b_j|^2`.
fn sizes(b: MatRef<'_, f64>, d: &[f64]) -> Vec<f64> {
    d.iter().enumerate().map(|(j, d)| d * b.row(j).squared_norm_l2()).collect()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::predictors::{Complete, Gram, Symmetric};
    use crate::testing::random;

    #[test]
    fn a_region_and_a_regression_with_the_same_coefficients_leave_the_same() {
        let (n, p) = (40, 12);
        let u = random(1, n * p);
        // Neighbours are alike.
        let at = |i: usize, j: usize| u[j * n + i] + 2.0 * u[(j / 4) * n + i];
        let x = Mat::from_fn(n, p, at);
        let y = Mat::from_fn(n, 2, |i, r| x[(i, 3 + r)] + u[(i * 7 + r) % (n * p)]);
        let (xtx, xty, yty) = (x.transpose() * &x, x.transpose() * &y, y.transpose() * &y);
        let values: Vec<f64> = (0..p * p).map(|k| xtx[(k % p, k / p)]).collect();
        let gram = || {
            let matrix = Symmetric::Dense(Cow::Borrowed(&values));
            Gram::scaled(matrix, vec![1.0; p], n as f64).unwrap()
        };
        let v = Mat::from_fn(2, 2, |i, j| if i == j { 1.5 } else { 0.4 });
        let noise = Whitened::new(v.clone()).unwrap();
        let b = Mat::from_fn(p, 2, |j, r| if j == 3 { 0.8 - 0.3 * r as f64 } else { 0.0 });
        let residual = &xty - &xtx * &b;
        let slack = Slack { samples: 300.0, relative: 0.01 };
        let (left, given) = (residual.as_ref(), xty.as_ref());
        let one = of_products(&gram(), given, left, b.as_ref(), &noise, slack);

        let sums = [yty[(0, 0)], yty[(1, 1)]];
        let region = Complete::products(gram(), given, yty.as_ref(), &sums, v).unwrap();
        let w = noise.whitener.transpose();
        let mean = Mat::from_fn(1, 2, |_, r| b[(3, r)]) * w;
        let fitted = region.fitted(&[3], mean.as_ref());
        let part = Part { active: &[3], mean: &mean, fitted: &fitted };
        let residual = region.start() - &fitted;
        let other = of_region(&region, &residual, &[part], slack);
        assert!(one.compared >= 3 && one.compared == other.compared);
        assert!((one.p - other.p).abs() < 1e-10);
        for (a, b) in one.worst.iter().zip(&other.worst) {
            assert_eq!((a.variable, a.lead, a.swapped), (b.variable, b.lead, b.swapped));
            assert!((a.statistic - b.statistic).abs() < 1e-10 * (1.0 + a.statistic));
        }
        // What is left of the sums of squares.
        let e = &y - &x * &b;
        let found = region.shares_left(&residual, &[part]).unwrap();
        for (r, share) in found.iter().enumerate() {
            assert!((share - e.col(r).squared_norm_l2() / sums[r]).abs() < 1e-12);
        }
    }
}
