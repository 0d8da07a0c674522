//! Two variables in the place of one effect.
//!
//! Of what the other effects leave, `h_j = f'X'r` in the direction `f` of the effect (a unit vector,
//! whitened), the log Bayes factor of effects of variance `v` at two variables, with `g = A_jj + 1/v`,
//! ```text
//!   1/2 [g_j h_i^2 + g_i h_j^2 - 2 a_ij h_i h_j] / (g_i g_j - a_ij^2) - 1/2 log[(g_i g_j - a_ij^2) v^2].
//! ```

use faer::Mat;
use rayon::prelude::*;

use crate::predictors::Region;

/// Expected squares of the scores of effects that are looked for.
const SQUARES: [f64; 4] = [4.0, 16.0, 64.0, 256.0];

/// Pairs have one of so many variables at most: those with the largest scores.
const FIRST: usize = 1500;

/// Two variables.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// The variables.
    pub at: [usize; 2],
    /// Their log Bayes factor.
    pub log_bayes: f64,
    /// Their effects in the direction.
    pub effects: [f64; 2],
}

/// The best pair for `h`; none if the region has not one `X'X`.
pub fn best_pair(design: &dyn Region, h: &[f64]) -> Option<Pair> {
    design.gram_column(0)?;
    let d = design.norms();
    let mut order: Vec<usize> = (0..h.len()).filter(|j| d[*j] > 0.0).collect();
    let square = |j: &usize| h[*j] * h[*j] / d[*j];
    order.sort_by(|a, b| square(b).total_cmp(&square(a)).then(a.cmp(b)));
    order.truncate(FIRST);
    let largest = d.iter().copied().fold(0.0, f64::max);
    let of = |&i: &usize| {
        let column = design.gram_column(i)?;
        let best = |s: f64| with(i, &column, h, d, s / largest);
        SQUARES.iter().filter_map(|s| best(*s)).max_by(|a, b| a.log_bayes.total_cmp(&b.log_bayes))
    };
    let found: Vec<Option<Pair>> = order.par_iter().map(of).collect();
    let better = |a: &Pair, b: &Pair| a.log_bayes.total_cmp(&b.log_bayes).then(b.at.cmp(&a.at));
    found.into_iter().flatten().max_by(better)
}

/// The best partner of variable `i`, of which `column` is the column of `X'X`.
fn with(i: usize, column: &[f64], h: &[f64], d: &[f64], v: f64) -> Option<Pair> {
    let gi = d[i] + 1.0 / v;
    let mut best: Option<Pair> = None;
    let mut most = f64::NEG_INFINITY;
    for (j, &a) in column.iter().enumerate() {
        let gj = d[j] + 1.0 / v;
        let det = gi * gj - a * a;
        let square = (gj * h[i] * h[i] + gi * h[j] * h[j] - 2.0 * a * h[i] * h[j]) / det;
        // The determinant is at least one, in units of v.
        if j == i || d[j] <= 0.0 || 0.5 * square <= most {
            continue;
        }
        let log_bayes = 0.5 * square - 0.5 * (det * v * v).ln();
        if log_bayes > most {
            most = log_bayes;
            let effects = [(gj * h[i] - a * h[j]) / det, (gi * h[j] - a * h[i]) / det];
            best = Some(Pair { at: [i, j], log_bayes, effects });
        }
    }
    best
}

/// `f'X'r` of all variables, of what is left (whitened scores), for a unit vector `f`.
pub fn along(design: &dyn Region, scores: &Mat<f64>, f: &[f64]) -> Vec<f64> {
    let d = design.norms();
    let one = |j: usize| f.iter().enumerate().map(|(r, f)| scores[(j, r)] * f).sum::<f64>();
    (0..d.len()).map(|j| one(j) * d[j].sqrt()).collect()
}

#[cfg(test)]
mod tests {
    use faer::Side;
    use faer::prelude::*;

    use super::*;
    use crate::testing::random;

    #[test]
    fn a_pair_has_the_evidence_of_its_joint_covariance() {
        let (n, p, v) = (30, 6, 0.3);
        let u = random(4, n * (p + 1));
        let x = Mat::from_fn(n, p, |i, j| u[j * n + i] + 0.8 * u[(j / 2) * n + i]);
        let y = Mat::from_fn(n, 1, |i, _| x[(i, 1)] - 0.7 * x[(i, 4)] + u[p * n + i]);
        let (a, h) = (x.transpose() * &x, x.transpose() * &y);
        let (h, d): (Vec<f64>, Vec<f64>) = (0..p).map(|j| (h[(j, 0)], a[(j, j)])).unzip();
        let log_density = |c: &Mat<f64>| {
            let llt = c.llt(Side::Lower).unwrap();
            let log_det: f64 = (0..n).map(|i| 2.0 * llt.L()[(i, i)].ln()).sum();
            -0.5 * (log_det + (y.transpose() * llt.solve(&y))[(0, 0)])
        };
        let noise = Mat::<f64>::identity(n, n);
        for i in 0..p {
            let column: Vec<f64> = a.col(i).iter().copied().collect();
            let found = with(i, &column, &h, &d, v).unwrap();
            let of = |j: usize| {
                let two = Mat::from_fn(n, 2, |r, c| x[(r, if c == 0 { i } else { j })]);
                log_density(&(&noise + &two * two.transpose() * Scale(v))) - log_density(&noise)
            };
            let best = (0..p).filter(|j| *j != i).map(of).fold(f64::NEG_INFINITY, f64::max);
            assert!((found.log_bayes - best).abs() < 1e-9 * best.abs(), "{i}");
            assert!((of(found.at[1]) - best).abs() < 1e-9 * best.abs(), "{i}");
        }
    }
}
