//! Rows whose outcomes are observed in part: the likelihood of a row is that of its observed cells.
//!
//! A row with observed cells `o` has precision `P_o = (V_oo)^{-1}`, zero elsewhere. With intercepts
//! integrated out (a flat prior), what the data say of an effect `b` at variable `j` is
//! ```text
//!   score_j = sum_i x_ij P_i (r_i - m),           m = (sum_i P_i)^{-1} sum_i P_i r_i,
//!   N_j^{-1} = sum_i x_ij^2 P_i - B_j (sum_i P_i)^{-1} B_j,    B_j = sum_i x_ij P_i.
//! ```
//! Rows with the same cells share `P`, so that each variable needs two sums for each pattern. The
//! noise of a variable is its own: a component has for each the eigenvalues and eigenvectors of
//! `F'N_j^{-1}F`.

use std::collections::BTreeMap;

use faer::{Mat, MatRef, Side};
use rayon::prelude::*;

use super::{Dense, Part, Predictors, Region};
use crate::Error;
use crate::linalg::dense::spd_inverse;
use crate::linalg::psd::{self, Factor};
use crate::noise::Whitened;
use crate::normal_means::eigenbasis::{Coordinates, Eigenbasis, Lambda, block_range, padded};
use crate::normal_means::problem::{BLOCK, LOG_2_PI};

/// Rows with the same observed cells.
#[derive(Debug)]
struct Pattern {
    rows: Vec<usize>,
    precision: Mat<f64>,
}

/// What variable `j` and all components need: eigenvectors, one component after another.
type Vectors = Vec<Mat<f64>>;

/// Incomplete outcomes.
#[derive(Debug)]
pub struct Incomplete {
    x: Dense<'static>,
    y: Mat<f64>,
    patterns: Vec<Pattern>,
    /// `(sum_i P_i)^{-1}`, if there are intercepts.
    centre: Option<Mat<f64>>,
    /// `N_j^{-1}`.
    precisions: Vec<Mat<f64>>,
    factors: Vec<Factor>,
    /// For each variable, if there is room for them.
    vectors: Vec<Vectors>,
    noise: Whitened,
    constant: f64,
    /// The norms of variables whose precisions have them.
    ones: Vec<f64>,
}

impl Incomplete {
    /// From centred and scaled variables (by columns) and outcomes with NaN where they are not
    /// observed; `factors` are those of the prior. V stays as it is. At most `memory` bytes are used
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
        memory: f64,
    ) -> Result<Self, Error> {
        let (n, r) = (y.nrows(), y.ncols());
        let mut found: BTreeMap<Vec<bool>, Vec<usize>> = BTreeMap::new();
        for i in 0..n {
            let seen = (0..r).map(|c| !y[(i, c)].is_nan()).collect();
            found.entry(seen).or_default().push(i);
        }
        let mut constant = 0.0;
        let mut patterns = Vec::new();
        for (seen, rows) in found {
            let o: Vec<usize> = (0..r).filter(|&c| seen[c]).collect();
            let part = Mat::from_fn(o.len(), o.len(), |i, c| v[(o[i], o[c])]);
            let mut precision = Mat::zeros(r, r);
            if !o.is_empty() {
                let Some((w, log_det)) = psd::whitener(part.as_ref()) else {
                    return Err(Error::NotPsd { name: "`V`".into(), eigenvalue: f64::NAN });
                };
                let inverse = w.transpose() * &w;
                for (i, &a) in o.iter().enumerate() {
                    for (c, &b) in o.iter().enumerate() {
                        precision[(a, b)] = inverse[(i, c)];
                    }
                }
                constant -= 0.5 * rows.len() as f64 * (o.len() as f64 * LOG_2_PI + log_det);
            }
            patterns.push(Pattern { rows, precision });
        }
        let mut total = Mat::<f64>::zeros(r, r);
        for p in &patterns {
            total += &p.precision * p.rows.len() as f64;
        }
        let inverse = || spd_inverse(total.as_ref()).ok_or(Error::SingularNoise { unit: 0 });
        let centre = intercept.then(inverse).transpose()?;
        let y = Mat::from_fn(n, r, |i, c| if y[(i, c)].is_nan() { 0.0 } else { y[(i, c)] });
        let x = Dense::as_given(x, n);
        let p = x.norms().len();
        let mut new = Self {
            x,
            y,
            patterns,
            centre,
            precisions: Vec::new(),
            factors: factors.to_vec(),
            vectors: Vec::new(),
            noise: Whitened::new(v)?,
            constant,
            ones: vec![1.0; p],
        };
        new.precisions = (0..p).into_par_iter().map(|j| new.precision(j)).collect();
        let each: usize = factors.iter().map(|f| f.rank * f.rank).sum();
        if (p * each * 8) as f64 <= memory {
            let eigen = |j: usize| new.eigen(j).into_iter().map(|(_, q)| q).collect();
            new.vectors = (0..p).into_par_iter().map(eigen).collect();
        }
        Ok(new)
    }

    /// `N_j^{-1}`.
    fn precision(&self, j: usize) -> Mat<f64> {
        let r = self.y.ncols();
        let (mut square, mut single) = (Mat::<f64>::zeros(r, r), Mat::<f64>::zeros(r, r));
        let x = self.x.column(j);
        for p in &self.patterns {
            let sum: f64 = p.rows.iter().map(|&i| x[i]).sum();
            let squares: f64 = p.rows.iter().map(|&i| x[i] * x[i]).sum();
            square += &p.precision * squares;
            single += &p.precision * sum;
        }
        match &self.centre {
            Some(m) => square - &single * m * &single,
            None => square,
        }
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
        let weighted = self.weighted(rows);
        let columns = rows.col_iter().zip(weighted.col_iter());
        columns.map(|(a, b)| a.iter().zip(b.iter()).map(|(a, b)| a * b).sum::<f64>()).sum()
    }

    /// `P (r - m)`, row by row.
    fn weighted(&self, residual: &Mat<f64>) -> Mat<f64> {
        let r = residual.ncols();
        let mut out = Mat::zeros(residual.nrows(), r);
        let mut sum = vec![0.0; r];
        for pattern in &self.patterns {
            for &i in &pattern.rows {
                for c in 0..r {
                    let dot =
                        |total: f64, b: usize| total + pattern.precision[(c, b)] * residual[(i, b)];
                    out[(i, c)] = (0..r).fold(0.0, dot);
                    sum[c] += out[(i, c)];
                }
            }
        }
        if let Some(centre) = &self.centre {
            let mean: Vec<f64> =
                (0..r).map(|c| (0..r).map(|b| centre[(c, b)] * sum[b]).sum()).collect();
            for pattern in &self.patterns {
                let shift: Vec<f64> = (0..r)
                    .map(|c| (0..r).map(|b| pattern.precision[(c, b)] * mean[b]).sum())
                    .collect();
                for &i in &pattern.rows {
                    (0..r).for_each(|c| out[(i, c)] -= shift[c]);
                }
            }
        }
        out
    }

    /// What a variable says alone: estimates (NaN where it says nothing), standard errors and their
    /// correlation, from its score.
    fn observation(&self, j: usize, score: &[f64]) -> Result<[Vec<f64>; 3], Error> {
        let (r, precision) = (score.len(), &self.precisions[j]);
        let largest = (0..r).map(|c| precision[(c, c)]).fold(0.0, f64::max);
        let o: Vec<usize> = (0..r).filter(|&c| precision[(c, c)] > 1e-12 * largest).collect();
        let part = Mat::from_fn(o.len(), o.len(), |i, c| precision[(o[i], o[c])]);
        let s = spd_inverse(part.as_ref()).ok_or(Error::SingularNoise { unit: j })?;
        let (mut x, mut sd, mut v) = (vec![f64::NAN; r], vec![1.0; r], vec![0.0; r * r]);
        (0..r).for_each(|c| v[c * r + c] = 1.0);
        for (i, &a) in o.iter().enumerate() {
            x[a] = o.iter().enumerate().map(|(c, &b)| s[(i, c)] * score[b]).sum();
            sd[a] = s[(i, i)].sqrt();
            for (c, &b) in o.iter().enumerate() {
                if i != c {
                    v[a * r + b] = s[(i, c)] / (s[(i, i)] * s[(c, c)]).sqrt();
                }
            }
        }
        Ok([x, sd, v])
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
        self.constant
    }

    fn start(&self) -> &Mat<f64> {
        &self.y
    }

    fn scores(&self, residual: &Mat<f64>) -> Mat<f64> {
        self.x.products(&self.weighted(residual)).into_owned()
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
            let [x, s, v] = self.observation(j, &score)?;
            for c in 0..r {
                (out[0][c * n + a], out[1][c * n + a]) = (x[c], s[c]);
            }
            out[2].extend(v);
        }
        Ok(out)
    }

    fn correlation(&self, i: usize, j: usize) -> f64 {
        let d = self.x.norms();
        (self.x.inner(i, j) / (d[i] * d[j]).sqrt()).clamp(-1.0, 1.0)
    }
}
