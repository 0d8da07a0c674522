//! The predictors as a coordinate ascent sees them: `x_j'r`, and `r - delta x_j`.
//!
//! Three forms, all with the covariates (the intercept among them) regressed out and, if asked,
//! with predictors scaled to standard deviation one:
//! - [`Dense`]: columns of numbers; the residual is one;
//! - [`Sparse`]: only what is not zero. A predictor without its covariates is no longer sparse, so
//!   the residual is kept as `r = s + Q a` with `Q` an orthonormal basis of the covariates: because
//!   `r` is orthogonal to `Q`, `x_j'r` needs `x_j` as it is, and an update changes `s` where `x_j`
//!   is not zero, and `a`;
//! - [`Gram`](super::gram::Gram): cross-products `X'X` and `X'y`, from summary statistics or
//!   because there are many more samples than predictors. The "residual" is `X'r`, one number for
//!   each predictor.

use rayon::prelude::*;

use crate::linalg::columns::{add, dot};
use crate::linalg::lanes::{Kernel, Lanes, dispatch};
use crate::{Error, Monitor};

/// Predictors with less than this share of their sum of squares left, once the covariates are
/// regressed out, are linear functions of the covariates.
const NOTHING_LEFT: f64 = 1e-20;

/// A response with the covariates regressed out.
#[derive(Debug, Clone)]
pub struct Response {
    /// The residual of a regression without predictors, in the form of the design.
    pub start: Vec<f64>,
    /// Its sum of squares.
    pub total: f64,
}

/// Predictors, as columns that can be multiplied with a residual and subtracted from it.
pub trait Design: Sync {
    /// Sums of squares of the predictors; zero for those that the covariates explain.
    fn norms(&self) -> &[f64];
    /// The number of samples.
    fn samples(&self) -> f64;
    /// What each predictor was divided by; none if nothing.
    fn scales(&self) -> Option<&[f64]>;
    /// `x_j'r`.
    fn product<V: Lanes>(&self, j: usize, residual: &[f64]) -> f64;
    /// `r <- r - delta x_j`.
    fn subtract<V: Lanes>(&self, j: usize, delta: f64, residual: &mut [f64]);
    /// `||r||^2`, of the residual that coefficients `b` leave.
    fn sum_of_squares(&self, response: &Response, b: &[f64], residual: &[f64]) -> f64;
    /// Operations of one product, to know how often to look for an interrupt.
    fn cost(&self) -> usize;
}

/// The residual that coefficients `b` (in the units of the design) leave.
pub fn residual_of<D: Design>(design: &D, response: &Response, b: &[f64]) -> Vec<f64> {
    struct Subtract<'a, D>(&'a D, &'a [f64], &'a mut [f64]);
    impl<D: Design> Kernel for Subtract<'_, D> {
        type Output = ();
        #[inline(always)]
        fn run<V: Lanes>(self) {
            for (j, &b) in self.1.iter().enumerate() {
                if b != 0.0 {
                    self.0.subtract::<V>(j, b, self.2);
                }
            }
        }
    }
    let mut residual = response.start.clone();
    dispatch(Subtract(design, b, &mut residual));
    residual
}

struct Dot<'a>(&'a [f64], &'a [f64]);
impl Kernel for Dot<'_> {
    type Output = f64;
    #[inline(always)]
    fn run<V: Lanes>(self) -> f64 {
        dot::<V>(self.0, self.1)
    }
}

/// `y <- y - delta x`.
struct Axpy<'a>(f64, &'a [f64], &'a mut [f64]);
impl Kernel for Axpy<'_> {
    type Output = ();
    #[inline(always)]
    fn run<V: Lanes>(self) {
        add::<V>(-self.0, self.1, self.2);
    }
}

/// Subtract from `x` its projection on the columns of `basis` (orthonormal, `x.len()` rows), twice,
/// because rounding leaves a trace of a large mean the first time.
fn regress_out(basis: &[f64], x: &mut [f64]) {
    for _ in 0..2 {
        for q in basis.chunks_exact(x.len()) {
            let along = dispatch(Dot(q, x));
            dispatch(Axpy(along, q, x));
        }
    }
}

fn check_basis(basis: &[f64], n: usize) -> Result<(), Error> {
    if n == 0 {
        return Err(Error::Value { name: "X", why: "has no rows".into() });
    }
    if basis.len() % n != 0 {
        let expected = basis.len().next_multiple_of(n);
        return Err(Error::Shape { name: "basis", expected, found: basis.len() });
    }
    Ok(())
}

/// A response of a [`Dense`] or [`Sparse`] design: `y` minus its projection on the covariates.
pub fn response(basis: &[f64], y: &[f64]) -> Response {
    let mut start = y.to_vec();
    regress_out(basis, &mut start);
    let total = dispatch(Dot(&start, &start));
    Response { start, total }
}

/// Scales of predictors with sums of squares `norms` over `n` samples; one where there is nothing.
fn scale_of(norm: f64, n: usize) -> f64 {
    if norm > 0.0 { (norm / (n as f64 - 1.0)).sqrt() } else { 1.0 }
}

/// Predictors as columns of numbers.
#[derive(Debug, Clone)]
pub struct Dense {
    x: Vec<f64>,
    n: usize,
    norms: Vec<f64>,
    scales: Option<Vec<f64>>,
}

impl Dense {
    /// Take `x` (`n` rows, column-major), regress out `basis` (orthonormal columns), and scale.
    pub fn new(
        mut x: Vec<f64>,
        n: usize,
        basis: &[f64],
        standardize: bool,
        monitor: &Monitor,
    ) -> Result<Self, Error> {
        check_basis(basis, n)?;
        if x.len() % n != 0 {
            let expected = x.len().next_multiple_of(n);
            return Err(Error::Shape { name: "X", expected, found: x.len() });
        }
        let (norms, scales): (Vec<f64>, Vec<f64>) = x
            .par_chunks_mut(n)
            .map(|x| {
                monitor.advance(0)?;
                let before = dispatch(Dot(x, x));
                regress_out(basis, x);
                let mut norm = dispatch(Dot(x, x));
                if norm <= NOTHING_LEFT * before {
                    norm = 0.0;
                    x.fill(0.0);
                }
                if !standardize {
                    return Ok((norm, 1.0));
                }
                let scale = scale_of(norm, n);
                x.iter_mut().for_each(|x| *x /= scale);
                Ok((if norm > 0.0 { n as f64 - 1.0 } else { 0.0 }, scale))
            })
            .collect::<Result<Vec<_>, Error>>()?
            .into_iter()
            .unzip();
        Ok(Self { x, n, norms, scales: standardize.then_some(scales) })
    }

    /// A column.
    pub fn column(&self, j: usize) -> &[f64] {
        &self.x[j * self.n..(j + 1) * self.n]
    }
}

impl Design for Dense {
    fn norms(&self) -> &[f64] {
        &self.norms
    }
    fn samples(&self) -> f64 {
        self.n as f64
    }
    fn scales(&self) -> Option<&[f64]> {
        self.scales.as_deref()
    }
    #[inline(always)]
    fn product<V: Lanes>(&self, j: usize, residual: &[f64]) -> f64 {
        dot::<V>(self.column(j), residual)
    }
    #[inline(always)]
    fn subtract<V: Lanes>(&self, j: usize, delta: f64, residual: &mut [f64]) {
        add::<V>(-delta, self.column(j), residual);
    }
    fn sum_of_squares(&self, _: &Response, _: &[f64], residual: &[f64]) -> f64 {
        dispatch(Dot(residual, residual))
    }
    fn cost(&self) -> usize {
        4 * self.n
    }
}

/// A matrix by compressed columns, as R's `dgCMatrix` has it.
#[derive(Debug, Clone, Copy)]
pub struct Compressed<'a> {
    /// Where each column starts, and where the last one ends.
    pub starts: &'a [usize],
    /// The row of each value (0-based).
    pub rows: &'a [usize],
    /// The values.
    pub values: &'a [f64],
}

impl Compressed<'_> {
    pub(super) fn check(&self, name: &'static str, n: usize) -> Result<(), Error> {
        let ordered = self.starts.first() == Some(&0)
            && self.starts.windows(2).all(|w| w[0] <= w[1])
            && self.starts.last() == Some(&self.values.len())
            && self.rows.len() == self.values.len()
            && self.rows.iter().all(|&i| i < n);
        match ordered {
            true => Ok(()),
            false => Err(Error::Value { name, why: "is not a valid sparse matrix".into() }),
        }
    }
}

/// Predictors with few values that are not zero.
#[derive(Debug, Clone)]
pub struct Sparse {
    starts: Vec<usize>,
    rows: Vec<usize>,
    values: Vec<f64>,
    n: usize,
    basis: Vec<f64>,
    /// `Q'x_j`, by predictors.
    along: Vec<f64>,
    norms: Vec<f64>,
    scales: Option<Vec<f64>>,
}

impl Sparse {
    /// The columns of `x` (`n` rows), with `basis` (orthonormal columns) regressed out, and scaled.
    pub fn new(x: Compressed, n: usize, basis: &[f64], standardize: bool) -> Result<Self, Error> {
        check_basis(basis, n)?;
        x.check("X", n)?;
        let q = basis.len() / n;
        let p = x.starts.len() - 1;
        let mut values = x.values.to_vec();
        let (mut along, mut norms) = (Vec::with_capacity(p * q), Vec::with_capacity(p));
        let mut scales = Vec::with_capacity(p);
        for column in x.starts.windows(2) {
            let (rows, values) = (&x.rows[column[0]..column[1]], &mut values[column[0]..column[1]]);
            let first = along.len();
            for basis in basis.chunks_exact(n) {
                along.push(rows.iter().zip(&*values).map(|(&i, x)| basis[i] * x).sum::<f64>());
            }
            let before: f64 = values.iter().map(|x| x * x).sum();
            let mut norm = before - along[first..].iter().map(|a| a * a).sum::<f64>();
            // The difference of two sums is good to rounding of the first only.
            if norm <= 1e-12 * before {
                norm = 0.0;
            }
            let mut scale = 1.0;
            if standardize {
                scale = scale_of(norm, n);
                values.iter_mut().for_each(|x| *x /= scale);
                along[first..].iter_mut().for_each(|a| *a /= scale);
                norm = if norm > 0.0 { n as f64 - 1.0 } else { 0.0 };
            }
            norms.push(norm);
            scales.push(scale);
        }
        Ok(Self {
            starts: x.starts.to_vec(),
            rows: x.rows.to_vec(),
            values,
            n,
            basis: basis.to_vec(),
            along,
            norms,
            scales: standardize.then_some(scales),
        })
    }

    /// A response, with room for the part of the residual along the covariates.
    pub fn response(&self, y: &[f64]) -> Response {
        let mut found = response(&self.basis, y);
        found.start.resize(self.n + self.basis.len() / self.n, 0.0);
        found
    }

    fn column(&self, j: usize) -> (&[usize], &[f64]) {
        let range = self.starts[j]..self.starts[j + 1];
        (&self.rows[range.clone()], &self.values[range])
    }
}

impl Design for Sparse {
    fn norms(&self) -> &[f64] {
        &self.norms
    }
    fn samples(&self) -> f64 {
        self.n as f64
    }
    fn scales(&self) -> Option<&[f64]> {
        self.scales.as_deref()
    }
    #[inline(always)]
    fn product<V: Lanes>(&self, j: usize, residual: &[f64]) -> f64 {
        let (rows, values) = self.column(j);
        let (s, a) = residual.split_at(self.n);
        let here: f64 = rows.iter().zip(values).map(|(&i, x)| x * s[i]).sum();
        let along = &self.along[j * a.len()..(j + 1) * a.len()];
        here + along.iter().zip(a).map(|(q, a)| q * a).sum::<f64>()
    }
    #[inline(always)]
    fn subtract<V: Lanes>(&self, j: usize, delta: f64, residual: &mut [f64]) {
        let (rows, values) = self.column(j);
        let (s, a) = residual.split_at_mut(self.n);
        for (&i, x) in rows.iter().zip(values) {
            s[i] -= delta * x;
        }
        let along = &self.along[j * a.len()..(j + 1) * a.len()];
        for (a, q) in a.iter_mut().zip(along) {
            *a += delta * q;
        }
    }
    fn sum_of_squares(&self, _: &Response, _: &[f64], residual: &[f64]) -> f64 {
        let (s, a) = residual.split_at(self.n);
        let mut whole = s.to_vec();
        for (q, &a) in self.basis.chunks_exact(self.n).zip(a) {
            dispatch(Axpy(-a, q, &mut whole));
        }
        dispatch(Dot(&whole, &whole))
    }
    fn cost(&self) -> usize {
        4 * (self.values.len() / self.norms.len().max(1) + 1)
    }
}
