//! Regions with an infinitesimal background: `Y = XB + XG + E`, with rows of `G` that are
//! `N(0, Omega / p)` beside the rows `N(0, V)` of `E`.
//!
//! With `X'X = W D W'` and `T` that makes V the identity and Omega `diag(w)`, direction i of transformed
//! condition t has precision `e_it = 1 / (1 + D_i w_t / p)`, and effects in transformed condition t see
//! ```text
//!   h_t = W [(W'X'Y T')_t o e_t],     A_t = W diag(D o e_t) W':
//! ```
//! the generalised least squares of one effect. The precision of `b_j` is `T' diag(A_tjj) T`. Effects
//! and scores are not whitened here: a score is `T'h`. None of this divides by `D`; what does is the
//! constant, and the update of the covariances (`variances`).

use faer::{Mat, MatRef, Side};
use rayon::prelude::*;

use super::precisions::Precisions;
use super::variances::{Diagonal, Squares};
use super::{Part, Region};
use crate::linalg::dense::symmetric;
use crate::linalg::psd::Factor;
use crate::noise::Whitened;
use crate::normal_means::eigenbasis::{Coordinates, Eigenbasis};
use crate::normal_means::problem::LOG_2_PI;
use crate::{Error, memory};

/// Products of complete data, and the covariances.
#[derive(Debug)]
pub struct Background {
    /// The eigenvalues of `X'X` that are not zero, over p, and the eigenvectors.
    c: Vec<f64>,
    vectors: Mat<f64>,
    /// `W'X'Y`.
    turned: Mat<f64>,
    /// `Y'Y` without what is in these directions.
    rest: Mat<f64>,
    samples: f64,
    /// Whether V is known.
    known: bool,
    factors: Vec<Factor>,
    memory: f64,
    /// The diagonal of `X'X`.
    sizes: Vec<f64>,
    ones: Vec<f64>,
    noise: Whitened,
    omega: Mat<f64>,
    diagonal: Diagonal,
    /// `e`, directions by conditions.
    share: Mat<f64>,
    start: Mat<f64>,
    constant: f64,
    precisions: Precisions,
}

/// `X'X`, `X'Y` and `Y'Y` of centred data, and the number of samples: zero where only `X'Y` counts.
#[derive(Debug)]
pub struct Products {
    /// `X'X`.
    pub xtx: Mat<f64>,
    /// `X'Y`.
    pub xty: Mat<f64>,
    /// `Y'Y`.
    pub yty: Mat<f64>,
    /// n.
    pub samples: f64,
}

impl Background {
    /// Without a background yet. Eigenvalues of `X'X` below `least` times their mean are zero.
    ///
    /// # Errors
    /// `v` is not positive definite, or `X'X` has no eigenvalues.
    pub fn new(
        products: &Products,
        least: f64,
        noise: (Mat<f64>, bool),
        factors: &[Factor],
        memory: f64,
    ) -> Result<Self, Error> {
        let Products { xtx, xty, yty, samples } = products;
        let (p, r) = (xtx.nrows(), xty.ncols());
        memory::room(2 * p * p + p * r * (r + 3))?;
        let why = || Error::Value { name: "X'X", why: "has no eigenvalues".into() };
        let eigen = xtx.self_adjoint_eigen(Side::Lower).map_err(|_| why())?;
        let values: Vec<f64> = eigen.S().column_vector().iter().copied().collect();
        let mean = (0..p).map(|j| xtx[(j, j)]).sum::<f64>() / p as f64;
        let kept: Vec<usize> = (0..p).filter(|&i| values[i] > least * mean).collect();
        let vectors = Mat::from_fn(p, kept.len(), |j, i| eigen.U()[(j, kept[i])]);
        let c: Vec<f64> = kept.iter().map(|&i| values[i] / p as f64).collect();
        let turned = vectors.transpose() * xty;
        let d = |i: usize| c[i] * p as f64;
        let outcomes = Mat::from_fn(c.len(), r, |i, q| turned[(i, q)] / d(i).sqrt());
        let mut rest = symmetric((yty - outcomes.transpose() * &outcomes).as_ref());
        if *samples > 0.0 {
            rest = not_negative(&rest)?;
        }
        let empty = Precisions::new(Vec::new(), factors, 0.0)?;
        let (v, known) = noise;
        let omega = Mat::zeros(r, r);
        let singular = || Error::NotPsd { name: "`V`".into(), eigenvalue: f64::NAN };
        let mut new = Self {
            diagonal: Diagonal::new(&v, &omega).ok_or_else(singular)?,
            noise: Whitened::new(v)?,
            sizes: (0..p).map(|j| xtx[(j, j)]).collect(),
            ones: vec![1.0; p],
            share: Mat::full(c.len(), r, 1.0),
            start: Mat::zeros(p, r),
            constant: 0.0,
            precisions: empty,
            factors: factors.to_vec(),
            samples: *samples,
            c,
            vectors,
            turned,
            rest,
            known,
            memory,
            omega,
        };
        new.refresh()?;
        Ok(new)
    }

    /// Omega.
    pub fn omega(&self) -> &Mat<f64> {
        &self.omega
    }

    /// The share of one variable's variance, of a sample, that all of `X'X` has: what Omega is
    /// multiplied by to be the covariance of `XG`.
    pub fn per_sample(&self) -> f64 {
        let n = if self.samples > 0.0 { self.samples - 1.0 } else { self.sizes.len() as f64 };
        self.c.iter().sum::<f64>() / n
    }

    /// The posterior mean of `G`, given effects of all variables (rows).
    pub fn effects(&self, b: MatRef<'_, f64>) -> Mat<f64> {
        let p = self.sizes.len() as f64;
        let along = self.vectors.transpose() * b;
        let left = Mat::from_fn(along.nrows(), along.ncols(), |i, r| {
            self.turned[(i, r)] - self.c[i] * p * along[(i, r)]
        });
        let mut left = left * self.diagonal.to.transpose();
        for (r, w) in self.diagonal.w.iter().enumerate() {
            for i in 0..left.nrows() {
                left[(i, r)] *= self.share[(i, r)] * w / p;
            }
        }
        &self.vectors * (left * self.diagonal.back.transpose())
    }

    /// All that V and Omega say.
    fn refresh(&mut self) -> Result<(), Error> {
        let (p, m, r) = (self.sizes.len(), self.c.len(), self.omega.nrows());
        let w = &self.diagonal.w;
        self.share = Mat::from_fn(m, r, |i, t| 1.0 / (1.0 + self.c[i] * w[t]));
        let t = &self.diagonal.to;
        let turned = &self.turned * t.transpose();
        let weighted = Mat::from_fn(m, r, |i, q| turned[(i, q)] * self.share[(i, q)]);
        self.start = &self.vectors * (weighted * t);
        let mut sum = self.noise.trace(&self.rest);
        for i in 0..m {
            let d = self.c[i] * p as f64;
            for q in 0..r {
                let e = self.share[(i, q)];
                sum += turned[(i, q)].powi(2) / d * e - e.ln();
            }
        }
        let rows = self.samples * (r as f64 * LOG_2_PI + self.noise.log_det);
        self.constant = -0.5 * (rows + sum);
        let precision = |j: usize| {
            let mut diagonal = vec![0.0; r];
            for (i, c) in self.c.iter().enumerate() {
                let square = self.vectors[(j, i)].powi(2) * c * p as f64;
                (0..r).for_each(|q| diagonal[q] += square * self.share[(i, q)]);
            }
            let cell = |a: usize, b: usize| {
                (0..r).map(|q| t[(q, a)] * diagonal[q] * t[(q, b)]).sum::<f64>()
            };
            Mat::from_fn(r, r, |a, b| cell(a.min(b), a.max(b)))
        };
        let each = (0..p).into_par_iter().map(precision).collect();
        self.precisions = Precisions::new(each, &self.factors, self.memory)?;
        Ok(())
    }

    /// Expected squares of what the effects leave; `second` are, of each, its `E[b b']` times the
    /// probabilities, R by R for each variable.
    fn squares(&self, parts: &[Part<'_>], second: &[Vec<f64>]) -> Squares<'_> {
        let (p, r) = (self.sizes.len() as f64, self.omega.nrows());
        let along: Vec<Mat<f64>> = parts.iter().map(|e| self.turn(e.active, e.mean)).collect();
        let one = |i: usize| {
            let d = self.c[i] * p;
            let b = |q: usize| along.iter().map(|a| a[(i, q)]).sum::<f64>();
            let left: Vec<f64> =
                (0..r).map(|q| self.turned[(i, q)] / d.sqrt() - d.sqrt() * b(q)).collect();
            let mut spread = vec![0.0; r * r];
            for ((part, second), mean) in parts.iter().zip(second).zip(&along) {
                for (&j, square) in part.active.iter().zip(second.chunks_exact(r * r)) {
                    let w = self.vectors[(j, i)].powi(2);
                    spread.iter_mut().zip(square).for_each(|(s, x)| *s += w * x);
                }
                for a in 0..r * r {
                    spread[a] -= mean[(i, a % r)] * mean[(i, a / r)];
                }
            }
            Mat::from_fn(r, r, |a, b| left[a] * left[b] + d * spread[b * r + a])
        };
        let along = (0..self.c.len()).into_par_iter().map(one).collect();
        let samples = (!self.known && self.samples > 0.0).then_some(self.samples);
        Squares { c: &self.c, along, rest: &self.rest, samples }
    }

    /// `W'B`.
    fn turn(&self, active: &[usize], mean: &Mat<f64>) -> Mat<f64> {
        let w = Mat::from_fn(self.c.len(), active.len(), |i, a| self.vectors[(active[a], i)]);
        w * mean
    }
}

impl Region for Background {
    fn norms(&self) -> &[f64] {
        &self.ones
    }
    fn samples(&self) -> f64 {
        self.samples
    }
    fn noise(&self) -> &Whitened {
        &self.noise
    }

    fn set_noise(&mut self, v: Mat<f64>) -> Result<Mat<f64>, Error> {
        let omega = self.omega.clone();
        self.set_variances(v, omega)?;
        Ok(Mat::identity(self.omega.nrows(), self.omega.nrows()))
    }

    fn variances(&self) -> Option<(Mat<f64>, Mat<f64>)> {
        Some((self.noise.covariance.clone(), self.omega.clone()))
    }

    fn set_variances(&mut self, v: Mat<f64>, omega: Mat<f64>) -> Result<(), Error> {
        let singular = || Error::NotPsd { name: "`V`".into(), eigenvalue: f64::NAN };
        self.diagonal = Diagonal::new(&v, &omega).ok_or_else(singular)?;
        (self.noise, self.omega) = (Whitened::new(v)?, omega);
        self.refresh()
    }

    fn renew(&mut self, parts: &[Part<'_>], second: &[Vec<f64>]) -> Result<(), Error> {
        let squares = self.squares(parts, second);
        match squares.raise(&self.noise.covariance, &self.omega) {
            Some((v, omega)) => self.set_variances(v, omega),
            None => Ok(()),
        }
    }

    /// With all that does not depend on effects.
    fn constant(&self) -> f64 {
        self.constant
    }

    fn start(&self) -> &Mat<f64> {
        &self.start
    }

    fn scores(&self, residual: &Mat<f64>) -> Mat<f64> {
        residual.clone()
    }

    fn fitted(&self, active: &[usize], mean: MatRef<'_, f64>) -> Mat<f64> {
        let (p, t) = (self.sizes.len() as f64, &self.diagonal.to);
        let mut along = self.turn(active, &(mean * t.transpose()));
        for r in 0..along.ncols() {
            for i in 0..along.nrows() {
                along[(i, r)] *= self.c[i] * p * self.share[(i, r)];
            }
        }
        &self.vectors * (along * t)
    }

    fn fitted_norm(&self, part: Part<'_>) -> f64 {
        dot(part, part.fitted)
    }

    /// Less what does not depend on effects.
    fn residual_norm(&self, residual: &Mat<f64>, parts: &[Part<'_>]) -> f64 {
        -parts.iter().map(|p| dot(*p, &self.start) + dot(*p, residual)).sum::<f64>()
    }

    fn squares(&self, _: &Mat<f64>, _: &[Part<'_>]) -> Option<Mat<f64>> {
        None
    }

    fn coordinates(&self, basis: &Eigenbasis) -> Coordinates {
        self.precisions.coordinates(&basis.starts)
    }

    fn fill(&self, to: &mut Coordinates, scores: &Mat<f64>, _: &Eigenbasis) {
        self.precisions.fill(to, scores);
    }

    fn lift(&self, variables: &[usize], c: MatRef<'_, f64>, _: &Eigenbasis) -> Mat<f64> {
        self.precisions.lift(variables, c)
    }

    fn observations(&self, active: &[usize], scores: &Mat<f64>) -> Result<[Vec<f64>; 3], Error> {
        self.precisions.observations(active, scores)
    }

    fn in_coordinates(&self, b: MatRef<'_, f64>) -> Mat<f64> {
        b.to_owned()
    }

    fn correlation(&self, i: usize, j: usize) -> f64 {
        let p = self.sizes.len() as f64;
        let each = self.c.iter().enumerate();
        let sum: f64 = each.map(|(k, c)| self.vectors[(i, k)] * self.vectors[(j, k)] * c * p).sum();
        (sum / (self.sizes[i] * self.sizes[j]).sqrt()).clamp(-1.0, 1.0)
    }
}

/// Without what makes it negative, which products of the same samples have not.
fn not_negative(m: &Mat<f64>) -> Result<Mat<f64>, Error> {
    let why = || Error::Value { name: "Y'Y", why: "has no eigenvalues".into() };
    let eigen = m.self_adjoint_eigen(Side::Lower).map_err(|_| why())?;
    let values = eigen.S().column_vector();
    if values.iter().all(|l| *l >= 0.0) {
        return Ok(m.clone());
    }
    let u = eigen.U();
    let scaled = Mat::from_fn(m.nrows(), m.nrows(), |i, k| u[(i, k)] * values[k].max(0.0));
    Ok(symmetric((scaled * u.transpose()).as_ref()))
}

/// `sum_a <mean_a, right_{active_a}>`.
fn dot(part: Part<'_>, right: &Mat<f64>) -> f64 {
    let row = |(a, &j): (usize, &usize)| {
        (0..right.ncols()).map(|r| part.mean[(a, r)] * right[(j, r)]).sum::<f64>()
    };
    part.active.iter().enumerate().map(row).sum()
}
