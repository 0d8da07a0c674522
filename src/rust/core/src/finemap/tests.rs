use std::borrow::Cow;

use faer::prelude::*;
use faer::{Mat, Side};

use super::*;
use crate::linalg::psd;
use crate::noise::Structure;
use crate::normal_means::problem::LOG_2_PI;
use crate::predictors::{Complete, Gram, Incomplete, Region, Symmetric, region};
use crate::testing::{STRUCTURES, random};
use crate::{Monitor, Prior};

/// Data with an effect at variable 2 (and at 5, if there is one), and a prior with components of rank
/// zero, one and full.
pub(super) struct Case {
    pub x: Mat<f64>,
    pub y: Mat<f64>,
    pub v: Mat<f64>,
    pub us: Vec<Mat<f64>>,
    pub weights: Vec<f64>,
    pub place: Vec<f64>,
}

pub(super) fn case(seed: u64, n: usize, p: usize, r: usize) -> Case {
    let u = random(seed, n * p + n * r + 2 * r * r);
    let mut x = Mat::from_fn(n, p, |i, j| u[i * p + j]);
    // Neighbours are correlated, and columns have mean zero.
    for j in 1..p {
        for i in 0..n {
            x[(i, j)] += 0.7 * x[(i, j - 1)];
        }
    }
    for j in 0..p {
        let mean = x.col(j).iter().sum::<f64>() / n as f64;
        x.col_mut(j).iter_mut().for_each(|x| *x -= mean);
    }
    let f = Mat::from_fn(r, r, |i, c| u[n * (p + r) + i * r + c]);
    let v = &f * f.transpose() + Mat::<f64>::identity(r, r) * Scale(0.4);
    let effect = |i: usize| 1.2 * x[(i, 2.min(p - 1))] - if p > 5 { 0.9 * x[(i, 5)] } else { 0.0 };
    let y = Mat::from_fn(n, r, |i, c| effect(i) * (1.0 + c as f64) / 2.0 + u[n * p + i * r + c]);
    let g = Mat::from_fn(r, r, |i, c| u[n * (p + r) + r * r + i * r + c]);
    let us = vec![Mat::from_fn(r, r, |_, _| 1.0), Mat::zeros(r, r), &g * g.transpose()];
    let place: Vec<f64> = (0..p).map(|j| 1.0 + (j % 3) as f64).collect();
    let sum: f64 = place.iter().sum();
    Case {
        x,
        y,
        v,
        us,
        weights: vec![0.5, 0.2, 0.3],
        place: place.iter().map(|w| w / sum).collect(),
    }
}

impl Case {
    pub fn prior(&self) -> EffectPrior {
        let factor = |u: &Mat<f64>| {
            let r = u.nrows();
            let values: Vec<f64> = (0..r * r).map(|k| u[(k % r, k / r)]).collect();
            psd::factor(r, &values, "U").unwrap()
        };
        let factors: Vec<_> = self.us.iter().map(factor).collect();
        let scales = vec![vec![1.0]; factors.len()];
        let size = Prior::scaled(self.v.nrows(), factors, scales, false).unwrap();
        EffectPrior::new(size.with_weights(&self.weights).unwrap(), &self.place).unwrap()
    }

    pub fn rows(&self) -> Box<dyn Region> {
        region(columns(&self.x), self.y.as_ref(), self.v.clone()).unwrap()
    }

    pub fn incomplete(&self, y: &Mat<f64>, intercept: bool, memory: f64) -> Box<dyn Region> {
        let factors = self.prior().size.factors;
        let (x, v) = (columns(&self.x), self.v.clone());
        Box::new(Incomplete::new(x, y.as_ref(), v, intercept, &factors, memory).unwrap())
    }

    pub fn fit(&self, design: Box<dyn Region + '_>, options: &Options) -> (Fit, Mat<f64>) {
        self.fit_from(design, options, &[])
    }

    pub fn fit_from(
        &self,
        mut design: Box<dyn Region + '_>,
        options: &Options,
        starts: &[Start],
    ) -> (Fit, Mat<f64>) {
        let (prior, monitor) = (self.prior(), Monitor::default());
        let design = &mut *design;
        let found = fit(design, &prior, options, starts, &monitor).unwrap();
        let design = &*design;
        let one = |e| marginals(design, &prior, e, &monitor).unwrap();
        let all: Vec<_> = found.effects.iter().map(one).collect();
        let b = coefficients(design, &found.effects, &all);
        (found, b)
    }

    /// `log p(Y_observed)` of an effect `N(0, u)` at variable `j`, cell by cell; and `E[b]`.
    fn dense(&self, y: &Mat<f64>, j: usize, u: &Mat<f64>) -> (f64, Mat<f64>) {
        let (n, r) = (y.nrows(), y.ncols());
        let cells: Vec<(usize, usize)> =
            (0..n * r).map(|k| (k / r, k % r)).filter(|&c| !y[c].is_nan()).collect();
        let m = cells.len();
        let covariance = Mat::from_fn(m, m, |a, b| {
            let ((i, c), (q, d)) = (cells[a], cells[b]);
            let noise = if i == q { self.v[(c, d)] } else { 0.0 };
            noise + self.x[(i, j)] * self.x[(q, j)] * u[(c, d)]
        });
        let values = Mat::from_fn(m, 1, |a, _| y[cells[a]]);
        let across = Mat::from_fn(r, m, |c, a| self.x[(cells[a].0, j)] * u[(c, cells[a].1)]);
        let llt = covariance.llt(Side::Lower).unwrap();
        let log_det: f64 = (0..m).map(|i| 2.0 * llt.L()[(i, i)].ln()).sum();
        let solved = llt.solve(&values);
        let square = (values.transpose() * &solved)[(0, 0)];
        (-0.5 * (m as f64 * LOG_2_PI + log_det + square), across * solved)
    }
}

/// The values of a matrix, by columns.
fn columns(x: &Mat<f64>) -> Vec<f64> {
    (0..x.nrows() * x.ncols()).map(|k| x[(k % x.nrows(), k / x.nrows())]).collect()
}

pub(super) fn options(effects: usize, scale_rule: ScaleRule) -> Options {
    Options {
        effects,
        scale_rule,
        scale: 0.6,
        entry: 0.0,
        update: Update::Direct,
        residual: Structure::Known,
        hold_residual: false,
        refine: Refine::Never,
        tol: 1e-9,
        max_iter: 200,
    }
}

fn close(name: &str, got: f64, want: f64, tolerance: f64) {
    assert!((got - want).abs() <= tolerance * (1.0 + want.abs()), "{name}: {got} {want}");
}

fn same(a: &(Fit, Mat<f64>), b: &(Fit, Mat<f64>), tolerance: f64) {
    let last = |f: &Fit| f.ended.last();
    close("bound", last(&a.0), last(&b.0), tolerance);
    for (e, f) in a.0.effects.iter().zip(&b.0.effects) {
        close("scale", e.scale, f.scale, tolerance);
        for (x, y) in e.alpha.iter().zip(&f.alpha) {
            close("alpha", *x, *y, tolerance);
        }
    }
    assert!((&a.1 - &b.1).norm_max() < tolerance);
}

/// Everything about one effect, by enumeration of places and components.
fn enumerate(case: &Case, y: &Mat<f64>, fitted: &(Fit, Mat<f64>)) {
    let (p, r) = (case.x.ncols(), y.ncols());
    let mut joint = Vec::new();
    let mut means = Vec::new();
    for j in 0..p {
        for (u, w) in case.us.iter().zip(&case.weights) {
            let (log_p, mean) = case.dense(y, j, &(u * Scale(0.6)));
            joint.push(log_p + (w * case.place[j]).ln());
            means.push(mean);
        }
    }
    let top = joint.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total = top + joint.iter().map(|l| (l - top).exp()).sum::<f64>().ln();
    let (fit, coefficients) = fitted;
    // With one effect the bound is the evidence.
    close("evidence", fit.ended.last(), total, 1e-10);
    for j in 0..p {
        let (mut alpha, mut mean) = (0.0, Mat::<f64>::zeros(r, 1));
        for k in 0..case.us.len() {
            let q = (joint[j * case.us.len() + k] - total).exp();
            alpha += q;
            mean += &means[j * case.us.len() + k] * Scale(q);
        }
        close("alpha", fit.effects[0].alpha[j], alpha, 1e-9);
        for c in 0..r {
            close("mean", coefficients[(j, c)], mean[(c, 0)], 1e-8);
        }
    }
}

#[test]
fn one_effect_is_exact() {
    // As products, and (p > 2n) as rows.
    for (n, p) in [(7, 6), (4, 11)] {
        let case = case(n as u64, n, p, 2);
        enumerate(&case, &case.y, &case.fit(case.rows(), &options(1, ScaleRule::Fixed)));
    }
}

#[test]
fn one_effect_with_missing_outcomes_is_exact() {
    let case = case(3, 8, 5, 3);
    let mut y = case.y.clone();
    for (i, c) in [(0, 0), (0, 1), (0, 2), (3, 1), (4, 1), (6, 0), (6, 2)] {
        y[(i, c)] = f64::NAN;
    }
    // With room for eigenvectors and without.
    for memory in [1e9, 0.0] {
        let design = case.incomplete(&y, false, memory);
        enumerate(&case, &y, &case.fit(design, &options(1, ScaleRule::Fixed)));
    }
}

#[test]
fn nothing_missing_is_the_complete_fit() {
    let mut case = case(11, 40, 9, 3);
    let complete = case.fit(case.rows(), &options(3, ScaleRule::Optim));
    assert!(complete.0.effects[1].scale > 0.0, "two effects are there");
    same(
        &case.fit(case.incomplete(&case.y, false, 1e9), &options(3, ScaleRule::Optim)),
        &complete,
        1e-6,
    );
    // With intercepts integrated out, what is added to a column of Y is of no account.
    for c in 0..3 {
        let mean = case.y.col(c).iter().sum::<f64>() / 40.0;
        case.y.col_mut(c).iter_mut().for_each(|y| *y -= mean);
    }
    let centred = case.fit(case.rows(), &options(3, ScaleRule::Optim));
    let shifted = Mat::from_fn(40, 3, |i, c| case.y[(i, c)] + 5.0 - c as f64);
    same(
        &case.fit(case.incomplete(&shifted, true, 1e9), &options(3, ScaleRule::Optim)),
        &centred,
        1e-6,
    );
}

#[test]
fn products_are_as_good_as_rows() {
    let case = case(12, 30, 8, 2);
    let gram = case.x.transpose() * &case.x;
    let scale: Vec<f64> = (0..8).map(|j| 0.5 + 0.1 * j as f64).collect();
    let values = (0..64).map(|k| gram[(k % 8, k / 8)] / (scale[k % 8] * scale[k / 8])).collect();
    let (xty, yty) = (case.x.transpose() * &case.y, case.y.transpose() * &case.y);
    let v = case.v.clone();
    let gram = Cow::Owned(values);
    let gram = Gram::scaled(Symmetric::Dense(gram), scale, 30.0).unwrap();
    let products =
        Box::new(Complete::products(gram, xty.as_ref(), yty.as_ref(), &[0.0; 2], v).unwrap());
    same(
        &case.fit(products, &options(3, ScaleRule::Optim)),
        &case.fit(case.rows(), &options(3, ScaleRule::Optim)),
        1e-6,
    );
}

#[test]
fn the_order_of_variables_does_not_matter() {
    let case = case(13, 50, 10, 3);
    let order = [3, 0, 7, 5, 9, 1, 8, 2, 6, 4];
    let x = Mat::from_fn(50, 10, |i, j| case.x[(i, order[j])]);
    let place = order.iter().map(|&j| case.place[j]).collect();
    let Case { y, v, us, weights, .. } = &case;
    let (y, v, us, weights) = (y.clone(), v.clone(), us.clone(), weights.clone());
    let turned = Case { x, y, v, us, weights, place };
    let options = options(3, ScaleRule::Optim);
    let want = case.fit(case.rows(), &options);
    let mut got = turned.fit(turned.rows(), &options);
    for effect in &mut got.0.effects {
        let alpha = effect.alpha.clone();
        order.iter().zip(alpha).for_each(|(&j, a)| effect.alpha[j] = a);
    }
    let b = got.1.clone();
    order.iter().enumerate().for_each(|(j, &to)| got.1.row_mut(to).copy_from(b.row(j)));
    same(&got, &want, 1e-5);
}

#[test]
fn the_bound_never_falls() {
    // Start from a member of all structures.
    let case = Case { v: Mat::identity(3, 3), ..case(14, 60, 12, 3) };
    for scale_rule in [ScaleRule::Fixed, ScaleRule::Em, ScaleRule::Optim] {
        for residual in STRUCTURES {
            let options = Options { residual, tol: 1e-6, ..options(4, scale_rule) };
            let (fit, _) = case.fit(case.rows(), &options);
            let falls = fit.ended.trace.windows(2).map(|e| e[0] - e[1]).fold(0.0, f64::max);
            // A scale that is searched for is found to about a thousandth.
            let allowed = if scale_rule == ScaleRule::Optim { 1e-5 } else { 1e-8 };
            assert!(
                falls < allowed,
                "{scale_rule:?}, {residual:?}: {falls}, {:?}",
                fit.ended.trace
            );
            assert!(fit.decrease < allowed, "{scale_rule:?}, {residual:?}: {}", fit.decrease);
            for effect in &fit.effects {
                close("alpha", effect.alpha.iter().sum(), 1.0, 1e-12);
            }
        }
    }
}
