//! Predictors by their cross-products, from summary statistics.

use crate::Error;
use crate::linalg::lanes::Lanes;
use crate::regression::design::{Compressed, Design, Frame, Response};

/// Columns of a symmetric matrix.
#[derive(Debug, Clone)]
pub enum Symmetric<'a> {
    /// All of it, column-major.
    Dense(&'a [f64]),
    /// What is not zero, both triangles.
    Sparse(Compressed<'a>),
}

/// Cross-products of predictors: `X'X = D^{1/2} R D^{1/2}`.
#[derive(Debug, Clone)]
pub struct Gram<'a> {
    correlation: Symmetric<'a>,
    roots: Vec<f64>,
    frame: Frame,
}

impl<'a> Gram<'a> {
    /// From correlations of predictors (unit diagonal) and their sums of squares. With
    /// `standardize` the sums of squares, where not zero, become `samples - 1`.
    pub fn new(
        correlation: Symmetric<'a>,
        norms: &[f64],
        samples: f64,
        standardize: bool,
    ) -> Result<Self, Error> {
        let p = norms.len();
        match &correlation {
            Symmetric::Dense(r) if r.len() != p * p => {
                return Err(Error::Shape { name: "R", expected: p * p, found: r.len() });
            }
            Symmetric::Sparse(r) if r.starts.len() != p + 1 => {
                return Err(Error::Shape { name: "R", expected: p, found: r.starts.len() - 1 });
            }
            Symmetric::Sparse(r) => r.check("R", p)?,
            Symmetric::Dense(_) => (),
        }
        let frame = Frame::new(samples, norms.to_vec(), standardize);
        let mut out = Self { correlation, roots: Vec::new(), frame };
        out.roots = out.norms().iter().map(|d| d.sqrt()).collect();
        Ok(out)
    }

    /// `X'y` (in the units before scaling) and `y'y`.
    pub fn response(&self, products: &[f64], total: f64) -> Response {
        let mut start = products.to_vec();
        if let Some(scales) = self.scales() {
            start.iter_mut().zip(scales).for_each(|(x, s)| *x /= s);
        }
        Response { start, total }
    }
}

impl Design for Gram<'_> {
    fn frame(&self) -> &Frame {
        &self.frame
    }
    #[inline(always)]
    fn product<V: Lanes>(&self, j: usize, residual: &[f64]) -> f64 {
        residual[j]
    }
    #[inline(always)]
    fn subtract<V: Lanes>(&self, j: usize, delta: f64, residual: &mut [f64]) {
        let by = delta * self.roots[j];
        match &self.correlation {
            Symmetric::Dense(r) => {
                let p = self.roots.len();
                let r = &r[j * p..(j + 1) * p];
                let times = V::splat(by);
                let rest = p - p % V::N;
                let lanes = residual.chunks_exact_mut(V::N).zip(r.chunks_exact(V::N));
                for ((y, r), d) in lanes.zip(self.roots.chunks_exact(V::N)) {
                    (V::load(r) * V::load(d)).neg_mul_add(times, V::load(y)).store(y);
                }
                for i in rest..p {
                    residual[i] -= by * r[i] * self.roots[i];
                }
            }
            Symmetric::Sparse(r) => {
                let range = r.starts[j]..r.starts[j + 1];
                for (&i, x) in r.rows[range.clone()].iter().zip(&r.values[range]) {
                    residual[i] -= by * x * self.roots[i];
                }
            }
        }
    }
    fn sum_of_squares(&self, response: &Response, b: &[f64], residual: &[f64]) -> f64 {
        let explained: f64 =
            b.iter().zip(&response.start).zip(residual).map(|((b, y), r)| b * (y + r)).sum();
        response.total - explained
    }
    fn cost(&self) -> usize {
        match &self.correlation {
            Symmetric::Dense(_) => 3 * self.roots.len(),
            Symmetric::Sparse(r) => 4 * (r.values.len() / self.roots.len().max(1) + 1),
        }
    }
}
