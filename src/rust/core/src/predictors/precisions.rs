//! Variables whose noise is their own: `x_j` says of `b_j` that it is `N(N_j h_j, N_j)`, with precision
//! `N_j^{-1}` (R by R) and score `h_j`.
//!
//! A component of the prior, `U = FF'`, has for each variable the eigenvalues and eigenvectors of
//! `F'N_j^{-1}F`. No inverse of U is needed, and its zeros stay zeros.

use faer::{Mat, MatRef, Side};
use rayon::prelude::*;

use super::observed::alone;
use crate::linalg::psd::Factor;
use crate::normal_means::eigenbasis::{Coordinates, Lambda, block_range, padded};
use crate::normal_means::problem::BLOCK;
use crate::{Error, memory};

/// The precisions of all variables, and what the components of a prior make of them.
#[derive(Debug)]
pub(super) struct Precisions {
    each: Vec<Mat<f64>>,
    factors: Vec<Factor>,
    /// Of each variable the eigenvectors, one component after another, if there is room for them.
    vectors: Vec<Vec<Mat<f64>>>,
}

impl Precisions {
    /// At most `most` bytes are used for eigenvectors; beyond, they are found again when they are
    /// needed.
    pub fn new(each: Vec<Mat<f64>>, factors: &[Factor], most: f64) -> Result<Self, Error> {
        let p = each.len();
        let size: usize = factors.iter().map(|f| f.rank * f.rank).sum();
        let kept = (p * size * 8) as f64 <= most;
        memory::room(if kept { p * size } else { 0 })?;
        let mut new = Self { each, factors: factors.to_vec(), vectors: Vec::new() };
        if kept {
            let eigen = |j: usize| new.eigen(j).into_iter().map(|(_, q)| q).collect();
            new.vectors = (0..p).into_par_iter().map(eigen).collect();
        }
        Ok(new)
    }

    fn conditions(&self) -> usize {
        self.each.first().map_or(0, Mat::nrows)
    }

    /// Eigenvalues and eigenvectors of `F'N_j^{-1}F` for each component.
    fn eigen(&self, j: usize) -> Vec<(Vec<f64>, Mat<f64>)> {
        let one = |factor: &Factor| {
            if factor.rank == 0 {
                return (Vec::new(), Mat::zeros(0, 0));
            }
            let f = factor.to_mat();
            let g = f.transpose() * &self.each[j] * &f;
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
        let vectors: Vec<Mat<f64>> = self.eigen(j).into_iter().map(|(_, q)| q).collect();
        use_them(&vectors)
    }

    /// Room for coordinates, with the eigenvalues; `starts` are where the directions of each component
    /// start.
    pub fn coordinates(&self, starts: &[usize]) -> Coordinates {
        let (p, m) = (self.each.len(), starts[starts.len() - 1]);
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
        Coordinates::new(p, starts.to_vec(), Lambda::ByUnit(blocks))
    }

    /// `y = lambda^{-1/2} E'F' score` of all variables; zero in directions without information.
    pub fn fill(&self, to: &mut Coordinates, scores: &Mat<f64>) {
        let units = to.units;
        let Coordinates { starts, lambda, blocks, .. } = to;
        let Lambda::ByUnit(lambda) = &*lambda else { return };
        let starts = &*starts;
        let factors: Vec<Mat<f64>> = self.factors.iter().map(Factor::to_mat).collect();
        blocks.par_iter_mut().zip(lambda).enumerate().for_each(|(b, (y, lambda))| {
            let range = block_range(units, b);
            let rows = padded(range.len());
            for (row, j) in range.enumerate() {
                let score = scores.row(j).transpose();
                self.with_vectors(j, |vectors| {
                    for (k, (factor, q)) in factors.iter().zip(vectors).enumerate() {
                        let h = factor.transpose() * score;
                        let h = q.transpose() * h;
                        for i in 0..factor.ncols() {
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
    pub fn lift(&self, variables: &[usize], c: MatRef<'_, f64>) -> Mat<f64> {
        let mut out = Mat::zeros(variables.len(), self.conditions());
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

    /// What some variables say, each alone: estimates, standard errors, and their correlations.
    ///
    /// # Errors
    /// A variable that says nothing of a condition.
    pub fn observations(
        &self,
        active: &[usize],
        scores: &Mat<f64>,
    ) -> Result<[Vec<f64>; 3], Error> {
        let (n, r) = (active.len(), self.conditions());
        let mut out = [vec![0.0; n * r], vec![0.0; n * r], Vec::with_capacity(n * r * r)];
        for (a, &j) in active.iter().enumerate() {
            let score: Vec<f64> = scores.row(a).iter().copied().collect();
            let found = alone(&self.each[j], &score);
            let [x, s, v] = found.ok_or(Error::SingularNoise { unit: j })?;
            for c in 0..r {
                (out[0][c * n + a], out[1][c * n + a]) = (x[c], s[c]);
            }
            out[2].extend(v);
        }
        Ok(out)
    }
}
