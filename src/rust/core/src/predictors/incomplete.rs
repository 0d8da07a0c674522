//! Regions whose outcomes are observed in part (see `observed`), with intercepts integrated out.
//!
//! The noise of a variable is its own: a component has for each the eigenvalues and eigenvectors of
//! `F'N_j^{-1}F`.

use faer::{Mat, MatRef, Side};
use rayon::prelude::*;

use super::observed::{Observed, alone};
use super::{Dense, Part, Predictors, Region};
use crate::linalg::psd::Factor;
use crate::noise::Whitened;
use crate::normal_means::eigenbasis::{Coordinates, Eigenbasis, Lambda, block_range, padded};
use crate::normal_means::problem::BLOCK;
use crate::{Error, memory};

/// What variable `j` and all components need: eigenvectors, one component after another.
type Vectors = Vec<Mat<f64>>;

/// Incomplete outcomes.
#[derive(Debug)]
pub struct Incomplete {
    x: Dense<'static>,
    y: Mat<f64>,
    cells: Observed,
    /// `N_j^{-1}`.
    precisions: Vec<Mat<f64>>,
    factors: Vec<Factor>,
    /// For each variable, if there is room for them.
    vectors: Vec<Vectors>,
    noise: Whitened,
    /// The norms of variables whose precisions have them.
    ones: Vec<f64>,
}

impl Incomplete {
    /// From centred and scaled variables (by columns) and outcomes with NaN where they are not
    /// observed; `factors` are those of the prior. V stays as it is. At most `most` bytes are used
    /// for eigenvectors; beyond, they are found again when they are needed.
    ///
    /// # Errors
    /// `v` is not positive definite; a condition without observations, if there are intercepts.
    pub fn new(
        x: Vec<f64>,
        y: MatRef<'_, f64>,
        v: Mat<f64>,
        intercept: bool,
        factors: &[Factor],
        most: f64,
    ) -> Result<Self, Error> {
        let (n, r) = (y.nrows(), y.ncols());
        let basis = Mat::full(n, usize::from(intercept), 1.0);
        let cells = Observed::new(y, v.as_ref(), basis)?;
        let y = Mat::from_fn(n, r, |i, c| if y[(i, c)].is_nan() { 0.0 } else { y[(i, c)] });
        let x = Dense::as_given(x, n);
        let p = x.norms().len();
        let mut new = Self {
            x,
            y,
            cells,
            precisions: Vec::new(),
            factors: factors.to_vec(),
            vectors: Vec::new(),
            noise: Whitened::new(v)?,
            ones: vec![1.0; p],
        };
        let each: usize = factors.iter().map(|f| f.rank * f.rank).sum();
        let kept = (p * each * 8) as f64 <= most;
        memory::room(p * r * r + if kept { p * each } else { 0 })?;
        let precision = |j| new.cells.precision(new.x.column(j));
        new.precisions = (0..p).into_par_iter().map(precision).collect();
        if kept {
            let eigen = |j: usize| new.eigen(j).into_iter().map(|(_, q)| q).collect();
            new.vectors = (0..p).into_par_iter().map(eigen).collect();
        }
        Ok(new)
    }

    /// Eigenvalues and eigenvectors of `F'N_j^{-1}F` for each component.
    fn eigen(&self, j: usize) -> Vec<(Vec<f64>, Mat<f64>)> {
        let one = |factor: &Factor| {
            if factor.rank == 0 {
                return (Vec::new(), Mat::zeros(0, 0));
            }
            let f = factor.to_mat();
            let g = f.transpose() * &self.precisions[j] * &f;
            match g.self_adjoint_eigen(Side::Lower) {
                Ok(eigen) => {
                    let values = eigen.S().column_vector().iter().map(|l| l.max(0.0)).collect();
                    (values, eigen.U().to_owned())
                }
                Err(_) => (vec![f64::NAN; factor.rank], Mat::identity(factor.rank, factor.rank)),
            }
        };
        self.factors.iter().map(one).collect()
    }

    fn with_vectors<T>(&self, j: usize, use_them: impl FnOnce(&[Mat<f64>]) -> T) -> T {
        if let Some(vectors) = self.vectors.get(j) {
            return use_them(vectors);
        }
        let vectors: Vectors = self.eigen(j).into_iter().map(|(_, q)| q).collect();
        use_them(&vectors)
    }

    /// The squared length of rows, in units of their noise, after centring.
    fn norm(&self, rows: &Mat<f64>) -> f64 {
        let weighted = self.cells.weighted(rows);
        let columns = rows.col_iter().zip(weighted.col_iter());
        columns.map(|(a, b)| a.iter().zip(b.iter()).map(|(a, b)| a * b).sum::<f64>()).sum()
    }
}

impl Region for Incomplete {
    fn norms(&self) -> &[f64] {
        &self.ones
    }
    fn samples(&self) -> f64 {
        self.x.samples()
    }
    fn noise(&self) -> &Whitened {
        &self.noise
    }

    fn set_noise(&mut self, _: Mat<f64>) -> Result<Mat<f64>, Error> {
        let why = "cannot be estimated where outcomes are missing".into();
        Err(Error::Value { name: "V", why })
    }

    fn constant(&self) -> f64 {
        self.cells.constant()
    }

    fn start(&self) -> &Mat<f64> {
        &self.y
    }

    fn scores(&self, residual: &Mat<f64>) -> Mat<f64> {
        self.x.products(&self.cells.weighted(residual)).into_owned()
    }

    fn fitted(&self, active: &[usize], mean: MatRef<'_, f64>) -> Mat<f64> {
        self.x.fitted(active, mean)
    }

    fn fitted_norm(&self, part: Part<'_>) -> f64 {
        self.norm(part.fitted)
    }

    fn residual_norm(&self, residual: &Mat<f64>, _: &[Part<'_>]) -> f64 {
        self.norm(residual)
    }

    fn squares(&self, _: &Mat<f64>, _: &[Part<'_>]) -> Option<Mat<f64>> {
        None
    }

    /// With the eigenvalues.
    fn coordinates(&self, basis: &Eigenbasis) -> Coordinates {
        let (p, starts) = (self.variables(), basis.starts.clone());
        let m = starts[starts.len() - 1];
        let block = |b: usize| {
            let range = block_range(p, b);
            let rows = padded(range.len());
            let mut out = vec![0.0; rows * m];
            for (row, j) in range.enumerate() {
                let values = self.eigen(j).into_iter().flat_map(|(values, _)| values);
                for (i, l) in values.enumerate() {
                    out[i * rows + row] = l;
                }
            }
            out
        };
        let blocks = (0..p.div_ceil(BLOCK)).into_par_iter().map(block).collect();
        Coordinates::new(p, starts, Lambda::ByUnit(blocks))
    }

    /// `y = lambda^{-1/2} E'F' score` of all variables; zero in directions without information.
    fn fill(&self, to: &mut Coordinates, scores: &Mat<f64>, _: &Eigenbasis) {
        let units = to.units;
        let Coordinates { starts, lambda, blocks, .. } = to;
        let Lambda::ByUnit(lambda) = &*lambda else { return };
        let starts = &*starts;
        blocks.par_iter_mut().zip(lambda).enumerate().for_each(|(b, (y, lambda))| {
            let range = block_range(units, b);
            let rows = padded(range.len());
            for (row, j) in range.enumerate() {
                let score = scores.row(j).transpose();
                self.with_vectors(j, |vectors| {
                    for (k, (factor, q)) in self.factors.iter().zip(vectors).enumerate() {
                        let h = factor.to_mat().transpose() * score;
                        let h = q.transpose() * h;
                        for i in 0..factor.rank {
                            let at = (starts[k] + i) * rows + row;
                            let l = lambda[at];
                            y[at] = if l > 0.0 { h[i] / l.sqrt() } else { 0.0 };
                        }
                    }
                });
            }
        });
    }

    /// Effects from coefficients of the directions: `sum_k F E lambda^{-1/2} c`.
    fn lift(&self, variables: &[usize], c: MatRef<'_, f64>, _: &Eigenbasis) -> Mat<f64> {
        let mut out = Mat::zeros(variables.len(), self.y.ncols());
        for (a, &j) in variables.iter().enumerate() {
            let eigen = self.eigen(j);
            let mut start = 0;
            for (factor, (values, q)) in self.factors.iter().zip(eigen) {
                let u = Mat::from_fn(factor.rank, 1, |i, _| {
                    if values[i] > 0.0 { c[(a, start + i)] / values[i].sqrt() } else { 0.0 }
                });
                let b = factor.to_mat() * (q * u);
                (0..out.ncols()).for_each(|r| out[(a, r)] += b[(r, 0)]);
                start += factor.rank;
            }
        }
        out
    }

    fn observations(&self, active: &[usize], scores: &Mat<f64>) -> Result<[Vec<f64>; 3], Error> {
        let (n, r) = (active.len(), self.conditions());
        let mut out = [vec![0.0; n * r], vec![0.0; n * r], Vec::with_capacity(n * r * r)];
        for (a, &j) in active.iter().enumerate() {
            let score: Vec<f64> = scores.row(a).iter().copied().collect();
            let found = alone(&self.precisions[j], &score);
            let [x, s, v] = found.ok_or(Error::SingularNoise { unit: j })?;
            for c in 0..r {
                (out[0][c * n + a], out[1][c * n + a]) = (x[c], s[c]);
            }
            out[2].extend(v);
        }
        Ok(out)
    }

    fn level(&self, b: MatRef<'_, f64>) -> Option<Vec<f64>> {
        let all: Vec<usize> = (0..b.nrows()).collect();
        let residual = &self.y - self.x.fitted(&all, b);
        Some(self.cells.level(&residual).row_iter().flat_map(|m| m.iter().copied()).collect())
    }

    fn in_coordinates(&self, b: MatRef<'_, f64>) -> Mat<f64> {
        b.to_owned()
    }

    fn correlation(&self, i: usize, j: usize) -> f64 {
        let d = self.x.norms();
        (self.x.inner(i, j) / (d[i] * d[j]).sqrt()).clamp(-1.0, 1.0)
    }
}
