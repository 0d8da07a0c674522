//! Regions without missing outcomes, in any form of the predictors.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

use super::{Dense, Gram, Part, Predictors, Region};
use crate::linalg::dense::symmetric;
use crate::noise::Whitened;
use crate::normal_means::eigenbasis::{Coordinates, Eigenbasis, Lambda, block_range, padded};
use crate::normal_means::problem::{BLOCK, LOG_2_PI};
use crate::{Error, memory};

/// X, the whitened residual without effects, and `Y'Y`.
#[derive(Debug)]
pub struct Complete<X> {
    x: X,
    start: Mat<f64>,
    total: Mat<f64>,
    /// The diagonal of `Y'Y` before it was whitened, where X and Y are not known themselves.
    sums: Option<Vec<f64>>,
    noise: Whitened,
    /// Whether all variables have the same norm, to rounding.
    common: bool,
}

impl<'a> Complete<Gram<'a>> {
    /// From `X'X`, `X'Y` and `Y'Y`, and the sums of squares of Y (zero if they are not known).
    ///
    /// # Errors
    /// `v` is not positive definite.
    pub fn products(
        x: Gram<'a>,
        xty: MatRef<'_, f64>,
        yty: MatRef<'_, f64>,
        sums: &[f64],
        v: Mat<f64>,
    ) -> Result<Self, Error> {
        let noise = Whitened::new(v)?;
        let w = &noise.whitener;
        let (start, total) = (xty * w.transpose(), w * yty * w.transpose());
        let sums = sums.iter().all(|s| *s > 0.0).then(|| sums.to_vec());
        Ok(Self { sums, ..Self::new(x, start, total, noise) })
    }
}

/// A region from `x` (n by p, by columns) and `y` (n by R), centred and scaled as they are to be
/// analysed.
///
/// # Errors
/// `v` is not positive definite.
pub fn region(x: Vec<f64>, y: MatRef<'_, f64>, v: Mat<f64>) -> Result<Box<dyn Region>, Error> {
    let noise = Whitened::new(v)?;
    let n = y.nrows();
    let y = y * noise.whitener.transpose();
    let total = y.transpose() * &y;
    // X'X costs n p^2 once, and saves n p R for each effect at each visit.
    if x.len() <= 2 * n * n {
        memory::room((x.len() / n).pow(2))?;
        let xty = MatRef::from_column_major_slice(&x, n, x.len() / n).transpose() * &y;
        return Ok(Box::new(Complete::new(Gram::of(&x, n), xty, total, noise)));
    }
    Ok(Box::new(Complete::new(Dense::as_given(x, n), y, total, noise)))
}

impl<X: Predictors> Complete<X> {
    fn new(x: X, start: Mat<f64>, total: Mat<f64>, noise: Whitened) -> Self {
        let d = x.norms();
        let common = d.iter().all(|x| (x - d[0]).abs() <= 1e-9 * d[0]);
        Self { x, start, total, sums: None, noise, common }
    }
}

impl<X: Predictors> Region for Complete<X> {
    fn norms(&self) -> &[f64] {
        self.x.norms()
    }
    fn samples(&self) -> f64 {
        self.x.samples()
    }
    fn noise(&self) -> &Whitened {
        &self.noise
    }

    fn set_noise(&mut self, v: Mat<f64>) -> Result<Mat<f64>, Error> {
        let noise = Whitened::new(v)?;
        let t = &noise.whitener * &self.noise.root;
        self.start = &self.start * t.transpose();
        self.total = &t * &self.total * t.transpose();
        self.noise = noise;
        Ok(t)
    }

    fn constant(&self) -> f64 {
        -0.5 * self.samples() * (self.conditions() as f64 * LOG_2_PI + self.noise.log_det)
    }

    fn start(&self) -> &Mat<f64> {
        &self.start
    }

    fn scores(&self, residual: &Mat<f64>) -> Mat<f64> {
        let mut scores = self.x.products(residual).into_owned();
        divide(&mut scores, |j| self.norms()[j].sqrt());
        scores
    }

    fn fitted(&self, active: &[usize], mean: MatRef<'_, f64>) -> Mat<f64> {
        self.x.fitted(active, mean)
    }

    fn fitted_norm(&self, part: Part<'_>) -> f64 {
        match self.x.by_sample(part.fitted) {
            Some(fitted) => fitted.squared_norm_l2(),
            None => dot_rows(part.mean, part.fitted, part.active),
        }
    }

    fn residual_norm(&self, residual: &Mat<f64>, parts: &[Part<'_>]) -> f64 {
        if let Some(residual) = self.x.by_sample(residual) {
            return residual.squared_norm_l2();
        }
        // Y'Y - B'X'Y - B'X'R, as B'X'XB = B'X'Y - B'X'R.
        let total: f64 = (0..self.conditions()).map(|r| self.total[(r, r)]).sum();
        let explained = |p: &Part<'_>| {
            dot_rows(p.mean, &self.start, p.active) + dot_rows(p.mean, residual, p.active)
        };
        total - parts.iter().map(explained).sum::<f64>()
    }

    fn squares(&self, residual: &Mat<f64>, parts: &[Part<'_>]) -> Option<Mat<f64>> {
        let mut out = match self.x.by_sample(residual) {
            Some(residual) => residual.transpose() * &*residual,
            None => self.total.clone(),
        };
        for &Part { active, mean, fitted } in parts {
            out -= match self.x.by_sample(fitted) {
                Some(fitted) => fitted.transpose() * &*fitted,
                None => {
                    let all = Mat::from_fn(active.len(), mean.ncols(), |a, r| {
                        let at = (active[a], r);
                        self.start[at] + residual[at] + fitted[at]
                    });
                    mean.transpose() * all
                }
            };
        }
        Some(symmetric(out.as_ref()))
    }

    fn shares_left(&self, residual: &Mat<f64>, parts: &[Part<'_>]) -> Option<Vec<f64>> {
        let sums = self.sums.as_ref()?;
        // B'X'Y + B'X'R, of which B'X'XB = B'X'Y - B'X'R makes what is explained.
        let mut explained = Mat::zeros(sums.len(), sums.len());
        for &Part { active, mean, .. } in parts {
            let both = Mat::from_fn(active.len(), mean.ncols(), |a, r| {
                self.start[(active[a], r)] + residual[(active[a], r)]
            });
            explained += mean.transpose() * both;
        }
        let root = &self.noise.root;
        let explained = root * explained * root.transpose();
        Some(sums.iter().enumerate().map(|(r, sum)| 1.0 - explained[(r, r)] / sum).collect())
    }

    fn coordinates(&self, basis: &Eigenbasis) -> Coordinates {
        let (starts, d) = (basis.starts.clone(), self.norms());
        if self.common {
            let lambda = basis.lambda.iter().map(|l| l * d[0]).collect();
            return Coordinates::new(d.len(), starts, Lambda::Common(lambda));
        }
        let block = |b: usize| {
            let range = block_range(d.len(), b);
            let rows = padded(range.len());
            let mut out = vec![0.0; rows * basis.lambda.len()];
            for (column, l) in out.chunks_exact_mut(rows).zip(&basis.lambda) {
                for (to, j) in column.iter_mut().zip(range.clone()) {
                    *to = l * d[j];
                }
            }
            out
        };
        let blocks = (0..d.len().div_ceil(BLOCK)).map(block).collect();
        Coordinates::new(d.len(), starts, Lambda::ByUnit(blocks))
    }

    fn fill(&self, to: &mut Coordinates, scores: &Mat<f64>, basis: &Eigenbasis) {
        to.fill(scores.as_ref(), basis.project.as_ref());
    }

    fn lift(&self, variables: &[usize], c: MatRef<'_, f64>, basis: &Eigenbasis) -> Mat<f64> {
        let mut out = Mat::zeros(c.nrows(), self.conditions());
        matmul(out.as_mut(), Accum::Replace, c, basis.project.as_ref(), 1.0, Par::Seq);
        divide(&mut out, |a| self.norms()[variables[a]].sqrt());
        out
    }

    fn observations(&self, active: &[usize], scores: &Mat<f64>) -> Result<[Vec<f64>; 3], Error> {
        let r = self.conditions();
        let d = |j: usize| self.norms()[if self.common { 0 } else { j }];
        let roots: Vec<f64> = active.iter().map(|&j| d(j).sqrt()).collect();
        let v = &self.noise.covariance;
        let sd: Vec<f64> = (0..r).map(|c| v[(c, c)].sqrt()).collect();
        let raw = scores * self.noise.root.transpose();
        let n = roots.len();
        let x = (0..n * r).map(|i| raw[(i % n, i / n)] / roots[i % n]).collect();
        let s = (0..n * r).map(|i| sd[i / n] / roots[i % n]).collect();
        let one = |i: usize, c: usize| if i == c { 1.0 } else { v[(i, c)] / (sd[i] * sd[c]) };
        Ok([x, s, (0..r * r).map(|i| one(i % r, i / r)).collect()])
    }

    fn gram_column(&self, j: usize) -> Option<Vec<f64>> {
        let fitted = self.x.fitted(&[j], Mat::full(1, 1, 1.0).as_ref());
        Some(self.x.products(&fitted).col(0).iter().copied().collect())
    }

    fn correlation(&self, i: usize, j: usize) -> f64 {
        let d = self.norms();
        (self.x.inner(i, j) / (d[i] * d[j]).sqrt()).clamp(-1.0, 1.0)
    }
}

/// Divide the rows of a matrix, each by its own number.
fn divide(m: &mut Mat<f64>, by: impl Fn(usize) -> f64) {
    let by: Vec<f64> = (0..m.nrows()).map(by).collect();
    for c in 0..m.ncols() {
        m.col_mut(c).iter_mut().zip(&by).for_each(|(x, by)| *x /= by);
    }
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
