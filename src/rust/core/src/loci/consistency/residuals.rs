//! What a fit leaves of z-scores. If they and the correlations are of the same data, the residuals of
//! two variables that are correlated by r are, under no matter which effects that the fit has found,
//! `e_k - r e_l ~ N(0, 1 - r^2)` in each condition (whitened). Statistics of swapped alleles, or
//! correlations of another population, leave differences far beyond that, because no effects of
//! variables can make two that are alike differ.
//!
//! A fit may have found too few effects (it was told to, or its prior does not allow them). So before
//! differences count, more variables are taken out one by one, the strongest given the others first
//! (orthogonal matching pursuit), until nothing differs or as many are out as a region may have.

use faer::{Mat, MatRef};

use crate::linalg::special::erfc;

/// What is looked at.
pub struct Residuals<'a> {
    /// What each variable says alone, whitened and in units of its noise: p by R.
    pub scores: Mat<f64>,
    /// What the fit leaves of that.
    pub left: Mat<f64>,
    /// The squared coefficients of the variables, whitened and in units of their noise.
    pub size: Vec<f64>,
    /// The correlation of two variables.
    pub correlation: &'a dyn Fn(usize, usize) -> f64,
}

/// How far correlations may be off.
#[derive(Debug, Clone, Copy)]
pub struct Slack {
    /// The number of samples that they are from, if these are not those of the statistics; otherwise
    /// infinite.
    pub samples: f64,
    /// Relative errors of what variables say of one another, for other reasons.
    pub relative: f64,
}

/// A variable that differs from another.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// The variable.
    pub variable: usize,
    /// What it is compared with: a variable with an effect, or the strongest.
    pub lead: usize,
    /// The squared difference over its variance.
    pub statistic: f64,
    /// Whether they would agree if the sign of one were the other.
    pub swapped: bool,
}

/// What pairs say.
#[derive(Debug, Clone)]
pub struct Pairs {
    /// Each variable's largest statistic in what the fit left, the largest of all first.
    pub worst: Vec<Pair>,
    /// How many pairs were compared.
    pub compared: usize,
    /// The probability of so large a statistic among so many, with the effects that the fit missed.
    pub p: f64,
}

/// Pairs with absolute correlations between these are compared. Those above say much only if the
/// correlations are exact to the last digits.
const ALIKE: (f64, f64) = (0.6, 0.995);

/// A probability below this calls for the effects that a fit may have missed.
pub const ALARM: f64 = 1e-4;

/// Most variables that pairs are compared with, and most that may have effects.
const LEADS: usize = 10;

/// Effects that are looked for, however many there are already.
const MORE: usize = 6;

/// Variables with an effect are distinct if they are correlated less.
const DISTINCT: f64 = 0.9;

/// An effect that a fit may have missed says at most this many times what any variable says alone.
/// Where wrong signs are to be explained by effects, these must be far larger, and cancel.
const PLAUSIBLE: f64 = 4.0;

/// Squared coefficients from which on a variable has an effect.
const EFFECT: f64 = 4.0;

/// With the other sign, swapped variables agree: their squared distance falls to less than this share.
const AGREE: f64 = 0.05;

/// Variables of which less than this share is left by others cannot be taken out with them.
const SHARE: f64 = 0.02;

/// Compare the residuals of variables that are correlated with those that have effects.
pub fn pairs(residuals: &Residuals<'_>, slack: Slack) -> Pairs {
    let mut state = Pursuit::new(residuals);
    let leads = leads(residuals);
    let effects = leads.iter().filter(|&&l| residuals.size[l] >= EFFECT).count();
    let columns: Vec<(usize, Vec<f64>)> = leads.iter().map(|&l| (l, state.column(l))).collect();
    let mut found = state.compare(&columns, slack);
    for _ in 0..MORE.max(LEADS.saturating_sub(effects)) {
        if found.p >= ALARM || !state.take_out() {
            break;
        }
        // What differs is named as the fit left it.
        found.p = state.compare(&columns, slack).p;
    }
    found
}

/// The variables with the largest coefficients, and that with the largest score.
fn leads(residuals: &Residuals<'_>) -> Vec<usize> {
    let Residuals { scores, size, correlation, .. } = residuals;
    let mut order: Vec<usize> = (0..size.len()).filter(|&j| size[j] >= EFFECT).collect();
    order.sort_by(|&a, &b| size[b].total_cmp(&size[a]));
    let mut leads: Vec<usize> = Vec::new();
    for j in order {
        if leads.len() < LEADS && leads.iter().all(|&l| correlation(j, l).abs() < DISTINCT) {
            leads.push(j);
        }
    }
    let squares: Vec<f64> = (0..size.len()).map(|j| scores.row(j).squared_norm_l2()).collect();
    let better = |best: usize, j: usize| if squares[j] > squares[best] { j } else { best };
    let strongest = (0..size.len()).fold(0, better);
    if !leads.contains(&strongest) {
        leads.push(strongest);
    }
    leads
}

/// Residuals given some variables.
struct Pursuit<'a> {
    residuals: &'a Residuals<'a>,
    left: Mat<f64>,
    /// The largest squared score.
    strongest: f64,
    /// The variances that the variables have left.
    variance: Vec<f64>,
    /// What is taken out, and its columns, each of variance one given those before.
    out: Vec<usize>,
    columns: Vec<Vec<f64>>,
}

impl<'a> Pursuit<'a> {
    fn new(residuals: &'a Residuals<'a>) -> Self {
        let p = residuals.size.len();
        let (left, variance) = (residuals.left.clone(), vec![1.0; p]);
        let squares = (0..p).map(|j| residuals.scores.row(j).squared_norm_l2());
        let strongest = squares.fold(0.0, f64::max);
        Self { residuals, left, strongest, variance, out: Vec::new(), columns: Vec::new() }
    }

    /// Correlations with a variable.
    fn column(&self, j: usize) -> Vec<f64> {
        let r = |i: usize| if i == j { 1.0 } else { (self.residuals.correlation)(i, j) };
        (0..self.variance.len()).map(r).map(|r| if r.is_finite() { r } else { 0.0 }).collect()
    }

    /// Covariances with a variable, of which `column` has the correlations, given what is out.
    fn given(&self, j: usize, column: &[f64]) -> Vec<f64> {
        let mut c = column.to_vec();
        for out in &self.columns {
            c.iter_mut().zip(out).for_each(|(c, x)| *c -= x * out[j]);
        }
        c
    }

    /// Take out the variable that says most; false if there is none, or none that can be an effect.
    fn take_out(&mut self) -> bool {
        let p = self.variance.len();
        let gain = |j: usize| self.left.row(j).squared_norm_l2() / self.variance[j];
        let free = (0..p).filter(|&j| self.variance[j] > SHARE);
        let Some(best) = free.max_by(|&a, &b| gain(a).total_cmp(&gain(b))) else { return false };
        if gain(best) > PLAUSIBLE * self.strongest {
            return false;
        }
        let root = self.variance[best].sqrt();
        let mut column = self.given(best, &self.column(best));
        column.iter_mut().for_each(|c| *c /= root);
        for r in 0..self.left.ncols() {
            let by = self.left[(best, r)] / root;
            (0..p).for_each(|i| self.left[(i, r)] -= by * column[i]);
        }
        self.variance.iter_mut().zip(&column).for_each(|(v, c)| *v = (*v - c * c).max(0.0));
        self.out.push(best);
        self.columns.push(column);
        true
    }

    fn compare(&self, leads: &[(usize, Vec<f64>)], slack: Slack) -> Pairs {
        let p = self.variance.len();
        let scores = self.residuals.scores.as_ref();
        let explained = |j: usize| (scores.row(j) - self.left.row(j)).squared_norm_l2();
        let fitted: Vec<f64> = (0..p).map(explained).collect();
        let mut worst: Vec<Option<Pair>> = vec![None; p];
        let mut compared = 0;
        for (l, r) in leads {
            let l = *l;
            let c = self.given(l, r);
            let rest = self.variance[l];
            for k in (0..p).filter(|&k| r[k].abs() > ALIKE.0 && r[k].abs() < ALIKE.1) {
                if self.out.contains(&k) {
                    continue;
                }
                compared += 1;
                // A lead that is out says nothing more.
                let slope = if rest > 1e-3 { c[k] / rest } else { 0.0 };
                let known = self.variance[k] - slope * c[k];
                let sizes = fitted[k] + fitted[l];
                let scaled = fitted[k] + r[k] * r[k] * fitted[l];
                let variance = known.max(1.0 - ALIKE.1) * (1.0 + sizes / slack.samples)
                    + 1.0 / slack.samples
                    + slack.relative * slack.relative * scaled;
                let distance = squared_distance(self.left.as_ref(), k, slope, l);
                let statistic = distance / variance;
                if worst[k].is_none_or(|w| statistic > w.statistic) {
                    let [same, other] = [r[k], -r[k]].map(|r| squared_distance(scores, k, r, l));
                    let swapped = other < AGREE * same;
                    worst[k] = Some(Pair { variable: k, lead: l, statistic, swapped });
                }
            }
        }
        let mut worst: Vec<Pair> = worst.into_iter().flatten().collect();
        worst.sort_by(|a, b| b.statistic.total_cmp(&a.statistic));
        let tail = |w: &Pair| chi_squared_tail(w.statistic, self.left.ncols());
        let p = worst.first().map_or(1.0, |w| (tail(w) * compared as f64).min(1.0));
        Pairs { worst, compared, p }
    }
}

/// `|x_k - by x_l|^2`.
fn squared_distance(x: MatRef<'_, f64>, k: usize, by: f64, l: usize) -> f64 {
    (0..x.ncols()).map(|c| (x[(k, c)] - by * x[(l, c)]).powi(2)).sum()
}

/// The probability that a chi-squared variable with `df` degrees of freedom exceeds `x`.
fn chi_squared_tail(x: f64, df: usize) -> f64 {
    let half = 0.5 * x.max(0.0);
    if half.is_infinite() {
        return 0.0;
    }
    // Q(a + 1, h) = Q(a, h) + h^a e^{-h} / gamma(a + 1).
    let (mut tail, mut a, mut term) = match df % 2 {
        0 => ((-half).exp(), 1.0, half * (-half).exp()),
        _ => {
            let next = 2.0 * (half / std::f64::consts::PI).sqrt() * (-half).exp();
            (erfc(half.sqrt()), 0.5, next)
        }
    };
    while a < 0.5 * df as f64 {
        tail += term;
        a += 1.0;
        term *= half / a;
    }
    tail.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Draws;

    const P: usize = 30;

    /// Correlation 0.9 between neighbours.
    fn correlation(i: usize, j: usize) -> f64 {
        0.9_f64.powi((i as i32 - j as i32).abs())
    }

    /// Scores of an effect at variable 10, with noise; the fit has found it if `known`.
    fn region(seed: u64, effect: f64, known: bool) -> (Mat<f64>, Mat<f64>, Vec<f64>) {
        let mut draws = Draws::new(seed);
        let mut noise = vec![draws.normal()];
        for j in 1..P {
            noise.push(0.9 * noise[j - 1] + 0.19_f64.sqrt() * draws.normal());
        }
        let fit = |j: usize| effect * correlation(j, 10);
        let scores = Mat::from_fn(P, 1, |j, _| fit(j) + noise[j]);
        let left = Mat::from_fn(P, 1, |j, _| scores[(j, 0)] - if known { fit(j) } else { 0.0 });
        let at = |j: usize| if known && j == 10 { effect * effect } else { 0.0 };
        (scores, left, (0..P).map(at).collect())
    }

    fn look(scores: &Mat<f64>, left: &Mat<f64>, size: &[f64], slack: Slack) -> Pairs {
        let (scores, left, size) = (scores.clone(), left.clone(), size.to_vec());
        pairs(&Residuals { scores, left, size, correlation: &correlation }, slack)
    }

    const EXACT: Slack = Slack { samples: f64::INFINITY, relative: 0.0 };

    #[test]
    fn noise_and_effects_pass_found_or_not_and_a_swapped_sign_is_named() {
        for seed in 0..200 {
            for known in [true, false] {
                let (mut scores, mut left, size) = region(seed, 12.0, known);
                assert!(look(&scores, &left, &size, EXACT).p > ALARM, "{seed}");
                left[(12, 0)] -= 2.0 * scores[(12, 0)];
                scores[(12, 0)] *= -1.0;
                let found = look(&scores, &left, &size, EXACT);
                assert!(found.p < ALARM || !known, "{seed}");
                assert!(found.worst[0].variable == 12 && found.worst[0].swapped || !known);
            }
        }
    }

    #[test]
    fn statistics_are_squared_differences_over_their_variance() {
        let (scores, left, size) = region(3, 12.0, true);
        let exact = look(&scores, &left, &size, EXACT);
        assert_eq!(exact.compared, exact.worst.len());
        let wide = look(&scores, &left, &size, Slack { samples: 500.0, relative: 0.1 });
        for pair in &exact.worst {
            assert_eq!(pair.lead, 10);
            let (k, r) = (pair.variable, correlation(pair.variable, 10));
            let difference = left[(k, 0)] - r * left[(10, 0)];
            let want = difference * difference / (1.0 - r * r);
            assert!((pair.statistic - want).abs() < 1e-10 * (1.0 + want));
            let fit = |j: usize| (scores[(j, 0)] - left[(j, 0)]).powi(2);
            let variance = (1.0 - r * r) * (1.0 + (fit(k) + fit(10)) / 500.0)
                + 1.0 / 500.0
                + 0.01 * (fit(k) + r * r * fit(10));
            let other = wide.worst.iter().find(|w| w.variable == k).unwrap();
            let want = difference * difference / variance;
            assert!((other.statistic - want).abs() < 1e-10 * (1.0 + want));
        }
    }

    #[test]
    fn without_pairs_there_is_nothing_to_say() {
        let (scores, left, size) = region(1, 12.0, false);
        let alone = |_: usize, _: usize| 0.1;
        let found = pairs(&Residuals { scores, left, size, correlation: &alone }, EXACT);
        assert!(found.worst.is_empty() && found.p == 1.0);
    }

    #[test]
    fn tails_are_those_of_chi_squared() {
        // From tables, and for two degrees of freedom exactly.
        for (df, x) in [(1, 3.841_458_820_694), (3, 7.814_727_903_251), (4, 9.487_729_036_781)] {
            assert!((chi_squared_tail(x, df) - 0.05).abs() < 1e-10);
        }
        assert!((chi_squared_tail(30.0, 2) / (-15.0_f64).exp() - 1.0).abs() < 1e-12);
        assert_eq!(chi_squared_tail(f64::INFINITY, 5), 0.0);
        assert!((chi_squared_tail(0.0, 5) - 1.0).abs() < 1e-15);
    }
}
