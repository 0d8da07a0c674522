//! What is known of X and Y, and what an effect does to the residual.
//!
//! Complete data are whitened: with `W V W' = I`, `Y` becomes `Y W'`, and effects are `B W'`. The
//! residual is kept as `X'R` where `X'X` is at hand, and as the rows `R` where it is not; `X'R / d`
//! are the effects that the variables would have alone.

use std::borrow::Cow;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

use super::effect::Effect;
use super::gram::Gram;
use super::incomplete::Incomplete;
use super::rows::{inner, times, transpose_times};
use crate::Error;
use crate::linalg::psd::Factor;
use crate::noise::Whitened;
use crate::normal_means::eigenbasis::{Coordinates, Eigenbasis, Lambda, block_range, padded};
use crate::normal_means::problem::{BLOCK, LOG_2_PI};

/// Where the residual is.
#[derive(Debug)]
enum Form<'a> {
    /// `X'X`, `X'Y` and `Y'Y`.
    Products { gram: Gram<'a>, xty: Mat<f64>, yty: Mat<f64> },
    /// The rows.
    Rows { x: Mat<f64>, y: Mat<f64> },
    /// Rows with missing outcomes, not whitened.
    Incomplete(Incomplete),
}

/// Data of a fit.
#[derive(Debug)]
pub struct Design<'a> {
    /// The number of variables, p.
    pub variables: usize,
    /// The number of conditions, R.
    pub conditions: usize,
    /// Rows, for the constant of the evidence and the residual covariance; zero if they do not
    /// count.
    pub samples: f64,
    /// `x_j'x_j`.
    pub d: Vec<f64>,
    /// The residual covariance.
    pub noise: Whitened,
    /// Whether all variables have the same `d`, to rounding.
    common: bool,
    form: Form<'a>,
}

impl<'a> Design<'a> {
    /// From rows: `x` (n by p) and `y` (n by R) centred and scaled as they are to be analysed.
    pub fn rows(x: Mat<f64>, y: MatRef<'_, f64>, v: Mat<f64>) -> Result<Self, Error> {
        let noise = Whitened::new(v)?;
        let (n, p, r) = (x.nrows(), x.ncols(), y.ncols());
        let square = |j: usize| x.col(j).iter().map(|x| x * x).sum();
        let d: Vec<f64> = (0..p).map(square).collect();
        let y = y * noise.whitener.transpose();
        // X'X costs n p^2 once, and saves n p R for each effect at each visit.
        let form = if p <= 2 * n {
            let xty = x.transpose() * &y;
            let yty = y.transpose() * &y;
            Form::Products { gram: Gram::of(&x), xty, yty }
        } else {
            Form::Rows { x, y }
        };
        let samples = n as f64;
        Ok(Self { variables: p, conditions: r, samples, common: equal(&d), d, noise, form })
    }

    /// From `X'X = diag(scale) M diag(scale)`, `X'Y`, `Y'Y`, of `samples` rows.
    pub fn products(
        gram: Cow<'a, [f64]>,
        scale: Vec<f64>,
        xty: MatRef<'_, f64>,
        yty: MatRef<'_, f64>,
        samples: f64,
        v: Mat<f64>,
    ) -> Result<Self, Error> {
        let noise = Whitened::new(v)?;
        let (p, r) = (xty.nrows(), xty.ncols());
        let gram = Gram::new(p, gram, scale);
        let d: Vec<f64> = (0..p).map(|j| gram.entry(j, j)).collect();
        let w = &noise.whitener;
        let (xty, yty) = (xty * w.transpose(), w * yty * w.transpose());
        let form = Form::Products { gram, xty, yty };
        Ok(Self { variables: p, conditions: r, samples, common: equal(&d), d, noise, form })
    }

    /// From rows of `y` with NaN where they are not observed; `factors` are those of the prior. V
    /// stays as it is. See `incomplete`.
    pub fn incomplete(
        x: Mat<f64>,
        y: MatRef<'_, f64>,
        v: Mat<f64>,
        intercept: bool,
        factors: &[Factor],
        memory: f64,
    ) -> Result<Self, Error> {
        let (p, r) = (x.ncols(), y.ncols());
        let samples = x.nrows() as f64;
        let form = Form::Incomplete(Incomplete::new(x, y, &v, intercept, factors, memory)?);
        let d = vec![1.0; p];
        let noise = Whitened::new(v)?;
        Ok(Self { variables: p, conditions: r, samples, common: false, d, noise, form })
    }

    /// The residual without effects.
    pub fn start(&self) -> Mat<f64> {
        match &self.form {
            Form::Products { xty, .. } => xty.clone(),
            Form::Rows { y, .. } => y.clone(),
            Form::Incomplete(data) => data.start(),
        }
    }

    /// `X'R / sqrt(d)`, p by R; of incomplete rows their scores.
    pub fn scores(&self, residual: &Mat<f64>) -> Mat<f64> {
        let root = |j: usize| self.d[j].sqrt();
        match &self.form {
            Form::Products { .. } => {
                Mat::from_fn(self.variables, self.conditions, |j, r| residual[(j, r)] / root(j))
            }
            Form::Rows { x, .. } => {
                let product = transpose_times(x, residual.as_ref());
                Mat::from_fn(self.variables, self.conditions, |j, r| product[(j, r)] / root(j))
            }
            Form::Incomplete(data) => data.scores(residual),
        }
    }

    /// What an effect takes from the residual.
    pub fn fitted(&self, active: &[usize], mean: MatRef<'_, f64>) -> Mat<f64> {
        match &self.form {
            Form::Products { gram, .. } => gram.times(active, mean),
            Form::Rows { x, .. } => times(x, active, mean),
            Form::Incomplete(data) => times(data.x(), active, mean),
        }
    }

    /// Posterior means of one effect from coefficients in units of the noise: `sqrt(d) W b` to `W
    /// b`.
    pub fn rescale(&self, effect: &mut Effect) {
        for (a, &j) in effect.active.iter().enumerate() {
            let root = self.d[j].sqrt();
            effect.mean.row_mut(a).iter_mut().for_each(|b| *b /= root);
        }
    }

    /// `B'X'XB` of one effect, whitened.
    pub fn fitted_square(&self, effect: &Effect) -> Mat<f64> {
        match &self.form {
            Form::Products { .. } => {
                let (mean, fitted) = (&effect.mean, &effect.fitted);
                let rows = Mat::from_fn(effect.active.len(), self.conditions, |a, r| {
                    fitted[(effect.active[a], r)]
                });
                mean.transpose() * rows
            }
            _ => effect.fitted.transpose() * &effect.fitted,
        }
    }

    /// `R'R`, whitened; `effects` are those that the residual is without.
    pub fn residual_square(&self, residual: &Mat<f64>, effects: &[&Effect]) -> Mat<f64> {
        match &self.form {
            Form::Products { xty, yty, .. } => {
                // Y'Y - B'X'Y - (B'X'R)', as B'X'XB = B'X'Y - B'X'R.
                let mut out = yty.clone();
                for effect in effects {
                    let both = Mat::from_fn(effect.active.len(), self.conditions, |a, r| {
                        let j = effect.active[a];
                        xty[(j, r)] + residual[(j, r)]
                    });
                    out -= effect.mean.transpose() * both;
                }
                Mat::from_fn(self.conditions, self.conditions, |i, c| {
                    0.5 * (out[(i, c)] + out[(c, i)])
                })
            }
            _ => residual.transpose() * residual,
        }
    }

    /// The trace of [`fitted_square`](Self::fitted_square).
    pub fn fitted_norm(&self, effect: &Effect) -> f64 {
        match &self.form {
            Form::Products { .. } => dot_rows(&effect.mean, &effect.fitted, &effect.active),
            Form::Rows { .. } => effect.fitted.squared_norm_l2(),
            Form::Incomplete(data) => data.norm(&effect.fitted),
        }
    }

    /// The trace of [`residual_square`](Self::residual_square).
    pub fn residual_norm(&self, residual: &Mat<f64>, effects: &[&Effect]) -> f64 {
        match &self.form {
            Form::Products { xty, yty, .. } => {
                let total: f64 = (0..self.conditions).map(|r| yty[(r, r)]).sum();
                let part = |e: &&Effect| {
                    dot_rows(&e.mean, xty, &e.active) + dot_rows(&e.mean, residual, &e.active)
                };
                total - effects.iter().map(part).sum::<f64>()
            }
            Form::Rows { .. } => residual.squared_norm_l2(),
            Form::Incomplete(data) => data.norm(residual),
        }
    }

    /// What the evidence bound has besides its sums: the normalising constants of all rows.
    pub fn constant(&self) -> f64 {
        match &self.form {
            Form::Incomplete(data) => data.constant(),
            _ => -0.5 * self.samples * (self.conditions as f64 * LOG_2_PI + self.noise.log_det),
        }
    }

    /// Whiten by a new residual covariance. Returns `T`, by which whitened rows are multiplied:
    /// `T'` from the right.
    pub fn set_noise(&mut self, v: Mat<f64>) -> Result<Mat<f64>, Error> {
        let noise = Whitened::new(v)?;
        let t = &noise.whitener * &self.noise.root;
        match &mut self.form {
            Form::Products { xty, yty, .. } => {
                *xty = &*xty * t.transpose();
                *yty = &t * &*yty * t.transpose();
            }
            Form::Rows { y, .. } => *y = &*y * t.transpose(),
            Form::Incomplete(_) => {
                let why = "cannot be estimated where outcomes are missing".into();
                return Err(Error::Value { name: "V", why });
            }
        }
        self.noise = noise;
        Ok(t)
    }

    /// The components of a prior in the eigenbasis of the noise, whitened.
    pub fn basis(&self, factors: &[Factor]) -> Eigenbasis {
        Eigenbasis::whitened(self.noise.whitener.as_ref(), factors)
    }

    /// Put scores into coordinates.
    pub fn fill(&self, to: &mut Coordinates, scores: &Mat<f64>, basis: &Eigenbasis) {
        match &self.form {
            Form::Incomplete(data) => data.fill(to, scores),
            _ => to.fill(scores.as_ref(), basis.project.as_ref()),
        }
    }

    /// Effects of variables, in the coordinates of the design times `sqrt(d)`, from coefficients of
    /// the directions.
    pub fn lift(&self, variables: &[usize], c: MatRef<'_, f64>, basis: &Eigenbasis) -> Mat<f64> {
        if let Form::Incomplete(data) = &self.form {
            return data.lift(variables, c);
        }
        let mut out = Mat::zeros(c.nrows(), self.conditions);
        matmul(out.as_mut(), Accum::Replace, c, basis.project.as_ref(), 1.0, Par::Seq);
        out
    }

    /// What an effect looks like at its active variables alone: estimates and standard errors
    /// (active by conditions, by columns) and their correlation.
    pub fn observations(&self, effect: &Effect) -> Result<[Vec<f64>; 3], Error> {
        let r = self.conditions;
        if let Form::Incomplete(data) = &self.form {
            let n = effect.active.len();
            let mut out = [vec![0.0; n * r], vec![0.0; n * r], Vec::with_capacity(n * r * r)];
            for (a, &j) in effect.active.iter().enumerate() {
                let score: Vec<f64> = effect.scores.row(a).iter().copied().collect();
                let [x, s, v] = data.observation(j, &score)?;
                for c in 0..r {
                    (out[0][c * n + a], out[1][c * n + a]) = (x[c], s[c]);
                }
                out[2].extend(v);
            }
            return Ok(out);
        }
        let d = |j: usize| if self.common { self.d[0] } else { self.d[j] };
        let roots: Vec<f64> = effect.active.iter().map(|&j| d(j).sqrt()).collect();
        let v = &self.noise.covariance;
        let sd: Vec<f64> = (0..r).map(|c| v[(c, c)].sqrt()).collect();
        let raw = &effect.scores * self.noise.root.transpose();
        let cell = |raw: &Mat<f64>, c: usize, a: usize| raw[(a, c)] / roots[a];
        let n = roots.len();
        let x = (0..n * r).map(|i| cell(&raw, i / n, i % n)).collect();
        let s = (0..n * r).map(|i| sd[i / n] / roots[i % n]).collect();
        let one = |i: usize, c: usize| if i == c { 1.0 } else { v[(i, c)] / (sd[i] * sd[c]) };
        Ok([x, s, (0..r * r).map(|i| one(i % r, i / r)).collect()])
    }

    /// Room for the coordinates of all variables in the directions of a basis.
    pub fn coordinates(&self, basis: &Eigenbasis) -> Coordinates {
        let starts = basis.starts.clone();
        if let Form::Incomplete(data) = &self.form {
            return data.coordinates(starts);
        }
        if self.common {
            let lambda = basis.lambda.iter().map(|l| l * self.d[0]).collect();
            return Coordinates::new(self.variables, starts, Lambda::Common(lambda));
        }
        let block = |b: usize| {
            let range = block_range(self.variables, b);
            let rows = padded(range.len());
            let mut out = vec![0.0; rows * basis.lambda.len()];
            for (column, l) in out.chunks_exact_mut(rows).zip(&basis.lambda) {
                for (to, j) in column.iter_mut().zip(range.clone()) {
                    *to = l * self.d[j];
                }
            }
            out
        };
        let blocks = (0..self.variables.div_ceil(BLOCK)).map(block).collect();
        Coordinates::new(self.variables, starts, Lambda::ByUnit(blocks))
    }

    /// Correlation of two variables.
    pub fn correlation(&self, i: usize, j: usize) -> f64 {
        let product = match &self.form {
            Form::Products { gram, .. } => gram.entry(i, j),
            Form::Rows { x, .. } => inner(x, i, j),
            Form::Incomplete(data) => {
                let x = data.x();
                inner(x, i, j) / (inner(x, i, i) * inner(x, j, j)).sqrt()
            }
        };
        (product / (self.d[i] * self.d[j]).sqrt()).clamp(-1.0, 1.0)
    }
}

fn equal(d: &[f64]) -> bool {
    d.iter().all(|x| (x - d[0]).abs() <= 1e-9 * d[0])
}

/// `sum_a <left_a, right_{active_a}>`.
fn dot_rows(left: &Mat<f64>, right: &Mat<f64>, active: &[usize]) -> f64 {
    let mut sum = 0.0;
    for r in 0..left.ncols() {
        for (a, &j) in active.iter().enumerate() {
            sum += left[(a, r)] * right[(j, r)];
        }
    }
    sum
}
