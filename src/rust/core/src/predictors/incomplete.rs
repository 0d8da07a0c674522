//! Regions whose outcomes are observed in part (see `observed`), with intercepts integrated out.

use faer::{Mat, MatRef};
use rayon::prelude::*;

use super::observed::Observed;
use super::precisions::Precisions;
use super::{Dense, Part, Predictors, Region};
use crate::linalg::psd::Factor;
use crate::noise::Whitened;
use crate::normal_means::eigenbasis::{Coordinates, Eigenbasis};
use crate::{Error, memory};

/// Incomplete outcomes.
#[derive(Debug)]
pub struct Incomplete {
    x: Dense<'static>,
    y: Mat<f64>,
    cells: Observed,
    precisions: Precisions,
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
        memory::room(p * r * r)?;
        let precision = |j| cells.precision(x.column(j));
        let each = (0..p).into_par_iter().map(precision).collect();
        let precisions = Precisions::new(each, factors, most)?;
        Ok(Self { x, y, cells, precisions, noise: Whitened::new(v)?, ones: vec![1.0; p] })
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
