//! Variables that explain much together: matching pursuit, with swaps.
//!
//! `h` are the whitened products with the outcomes and `A = X'X`. Variables come in one at a time,
//! where the residual of the regression on those before is largest in units of its noise (orthogonal
//! matching pursuit, Pati, Rezaiifar and Krishnaprasad 1993). Then each in turn is exchanged for the
//! variable that, given the others, explains most: `|g_j|^2 / D_j` with
//! ```text
//!   g = h - A_w A_ww^{-1} h_w,     D_j = A_jj - a_jw A_ww^{-1} a_wj.
//! ```

use std::collections::BTreeMap;

use faer::prelude::*;
use faer::{Mat, Side};

use crate::predictors::Region;

/// Rounds of exchanges.
const ROUNDS: usize = 3;

/// Added to the diagonal of `A_ww`, relatively: variables that are alike can both be in.
const RIDGE: f64 = 1e-6;

/// The smallest `D_j`, relatively to `A_jj`.
const LEAST: f64 = 0.01;

/// Regressions of the outcomes on few variables.
pub struct Pursuit<'a> {
    design: &'a dyn Region,
    /// Whitened `X'Y`.
    h: Mat<f64>,
    /// What a variable costs that is in: minus the logarithm of its prior probability.
    cost: Vec<f64>,
    columns: BTreeMap<usize, Vec<f64>>,
}

/// A regression on few variables.
pub struct Regression {
    /// The variables.
    pub variables: Vec<usize>,
    /// Their coefficients, whitened: a row for each.
    pub coefficients: Mat<f64>,
    /// `A_ww^{-1}`.
    inverse: Mat<f64>,
    /// Half the sum of squares that it explains.
    explained: f64,
}

impl Regression {
    /// Half the sum of squares that is lost without one of them.
    fn loss(&self, i: usize) -> f64 {
        0.5 * self.coefficients.row(i).squared_norm_l2() / self.inverse[(i, i)]
    }
}

impl<'a> Pursuit<'a> {
    /// None if the region has not one `X'X`.
    pub fn new(design: &'a dyn Region, log_place: &[f64]) -> Option<Self> {
        let first = design.gram_column(0)?;
        let d = design.norms();
        let scores = design.scores(design.start());
        let h = Mat::from_fn(d.len(), scores.ncols(), |j, r| scores[(j, r)] * d[j].sqrt());
        let cost = log_place.iter().map(|p| -p).collect();
        Some(Self { design, h, cost, columns: BTreeMap::from([(0, first)]) })
    }

    fn need(&mut self, variables: &[usize]) {
        for &j in variables {
            if !self.columns.contains_key(&j) {
                let column = self.design.gram_column(j).unwrap_or_default();
                self.columns.insert(j, column);
            }
        }
    }

    /// The regression on some variables; none where rounding leaves none.
    pub fn regression(&mut self, variables: &[usize]) -> Option<Regression> {
        self.need(variables);
        let (k, d) = (variables.len(), self.design.norms());
        let a = Mat::from_fn(k, k, |i, c| {
            let ridge = if i == c { RIDGE * d[variables[i]] } else { 0.0 };
            self.columns[&variables[c]][variables[i]] + ridge
        });
        let h = Mat::from_fn(k, self.h.ncols(), |i, r| self.h[(variables[i], r)]);
        let llt = a.llt(Side::Lower).ok()?;
        let (coefficients, inverse) = (llt.solve(&h), llt.solve(&Mat::<f64>::identity(k, k)));
        let columns = coefficients.col_iter().zip(h.col_iter());
        let sum = columns.map(|(b, h)| b.transpose() * h).sum::<f64>();
        Some(Regression {
            variables: variables.to_vec(),
            coefficients,
            inverse,
            explained: 0.5 * sum,
        })
    }

    /// The variable that explains most besides `variables`.
    pub(super) fn next(&mut self, variables: &[usize]) -> Option<usize> {
        let found = self.regression(variables)?;
        let d = self.design.norms();
        let mut g = self.h.clone();
        let mut free = d.to_vec();
        let columns: Vec<&Vec<f64>> = variables.iter().map(|j| &self.columns[j]).collect();
        for (i, a) in columns.iter().enumerate() {
            for r in 0..g.ncols() {
                let b = found.coefficients[(i, r)];
                g.col_mut(r).iter_mut().zip(a.iter()).for_each(|(g, a)| *g -= a * b);
            }
            for (c, other) in columns.iter().enumerate() {
                let q = found.inverse[(i, c)];
                for ((f, a), b) in free.iter_mut().zip(a.iter()).zip(other.iter()) {
                    *f -= q * a * b;
                }
            }
        }
        let gain = |j: usize| 0.5 * g.row(j).squared_norm_l2() / free[j].max(LEAST * d[j]);
        let outside = (0..d.len()).filter(|j| d[*j] > 0.0 && self.cost[*j].is_finite());
        let outside = outside.filter(|j| !variables.contains(j)).map(|j| (j, gain(j)));
        outside.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))).map(|(j, _)| j)
    }

    /// At most `most` variables that explain much together.
    pub fn pursue(&mut self, most: usize) -> Vec<usize> {
        let mut variables = Vec::new();
        while variables.len() < most {
            let Some(j) = self.next(&variables) else { break };
            variables.push(j);
        }
        for _ in 0..ROUNDS {
            let before = variables.clone();
            for i in 0..variables.len() {
                let others: Vec<usize> =
                    variables.iter().copied().filter(|j| *j != variables[i]).collect();
                if let Some(j) = self.next(&others) {
                    variables[i] = j;
                }
            }
            if variables == before {
                break;
            }
        }
        variables
    }

    /// What the i-th variable of a regression must explain to be worth its place: about minus the
    /// log Bayes factor of an effect of the best size that explains nothing.
    fn price(&self, found: &Regression, i: usize) -> f64 {
        let r = self.h.ncols() as f64;
        let square = (2.0 * found.loss(i) / r).max(1.0);
        self.cost[found.variables[i]] + 0.5 * r * (1.0 + square.ln())
    }

    /// Those that are worth their place, and what they explain beyond that.
    pub fn worth(&mut self, variables: &[usize]) -> (Option<Regression>, f64) {
        let mut left = variables.to_vec();
        while let Some(found) = self.regression(&left) {
            let surplus = |i: usize| found.loss(i) - self.price(&found, i);
            let each = (0..left.len()).map(|i| (i, surplus(i)));
            match each.min_by(|a, b| a.1.total_cmp(&b.1)) {
                Some((i, least)) if least < 0.0 => drop(left.remove(i)),
                None => break,
                Some(_) => {
                    let price: f64 = (0..left.len()).map(|i| self.price(&found, i)).sum();
                    let score = found.explained - price;
                    return (Some(found), score);
                }
            }
        }
        (None, 0.0)
    }
}
