//! One factor: `f_i v_t`, with `f = weight * g` and sparse `v`.

use super::families::Quadratics;
use super::left::Left;
use super::slab::Slab;
use crate::linalg::lanes::kernel;
use crate::predictors::Dense;

/// A factor.
#[derive(Debug, Clone)]
pub struct Factor {
    /// The sample side.
    pub left: Left,
    /// The outcomes' loadings.
    pub right: Slab,
    /// Which column of the sample weights multiplies it.
    pub weight: Option<usize>,
}

/// The sample weights: n by K, by columns.
#[derive(Debug, Clone, Copy)]
pub struct SampleWeights<'a> {
    /// The values.
    pub values: &'a [f64],
    /// The number of columns.
    pub count: usize,
}

/// The column of weights that a factor uses, or all one.
pub fn weight_of<'a>(
    weights: Option<SampleWeights<'a>>,
    k: Option<usize>,
    n: usize,
) -> Option<&'a [f64]> {
    Some(&weights?.values[k? * n..(k? + 1) * n])
}

impl Factor {
    /// `E f_i`.
    fn mean(&self, weight: Option<&[f64]>) -> Vec<f64> {
        match weight {
            None => self.left.mean.clone(),
            Some(w) => self.left.mean.iter().zip(w).map(|(g, w)| g * w).collect(),
        }
    }

    /// `E f_i` and `E f_i^2`.
    pub fn moments(&self, weight: Option<&[f64]>) -> (Vec<f64>, Vec<f64>) {
        let mean = self.mean(weight);
        let second = (0..mean.len())
            .map(|i| {
                let w = weight.map_or(1.0, |w| w[i]);
                mean[i] * mean[i] + w * w * self.left.variance[i]
            })
            .collect();
        (mean, second)
    }

    /// Add `sign` times this factor to the mean of the linear predictor.
    pub fn add(&self, weight: Option<&[f64]>, sign: f64, mean: &mut [f64]) {
        let f = self.mean(weight);
        for (t, column) in mean.chunks_exact_mut(f.len()).enumerate() {
            let v = sign * self.right.mean(t);
            if v != 0.0 {
                column.iter_mut().zip(&f).for_each(|(m, f)| *m += v * f);
            }
        }
    }

    /// Add the variance of this factor to that of the linear predictor.
    pub fn add_variance(&self, weight: Option<&[f64]>, variance: &mut [f64]) {
        let (mean, second) = self.moments(weight);
        for (t, column) in variance.chunks_exact_mut(mean.len()).enumerate() {
            let (v, v2) = (self.right.mean(t), self.right.second(t));
            for i in 0..mean.len() {
                column[i] += second[i] * v2 - (mean[i] * v).powi(2);
            }
        }
    }

    /// Update the sample side; `mean` is the linear predictor without this factor.
    pub fn update_left(
        &mut self,
        design: &Dense<'_>,
        weight: Option<&[f64]>,
        quadratics: &Quadratics,
        mean: &[f64],
        full: bool,
    ) {
        let n = self.left.mean.len();
        let (mut omega, mut b) = (vec![0.0; n], vec![0.0; n]);
        for t in 0..self.right.len() {
            let loading = [self.right.mean(t), self.right.second(t)];
            if loading[1] > 0.0 {
                let column = Column::of(t, n, quadratics, mean);
                add_outcome(column, loading, &mut omega, &mut b);
            }
        }
        if let Some(weight) = weight {
            for i in 0..n {
                omega[i] *= weight[i] * weight[i];
                b[i] *= weight[i];
            }
        }
        self.left.update(design, &omega, &b, full);
    }

    /// Update the loadings; `mean` is the linear predictor without this factor.
    pub fn update_right(&mut self, weight: Option<&[f64]>, quadratics: &Quadratics, mean: &[f64]) {
        let moments = self.moments(weight);
        for t in 0..self.right.len() {
            let (d, b) = of_loading(t, (&moments.0, &moments.1), quadratics, mean);
            self.right.set(t, d, b);
        }
    }
}

/// The quadratic `b v - d v^2 / 2` of the loading of outcome `t` on a factor with first and second
/// moments `f`; `mean` is the linear predictor without it.
pub fn of_loading(
    t: usize,
    (f, f2): (&[f64], &[f64]),
    quadratics: &Quadratics,
    mean: &[f64],
) -> (f64, f64) {
    let column = Column::of(t, f.len(), quadratics, mean);
    sum_samples(column, f, f2)
}

/// One outcome: its quadratics, and the linear predictor without the factor.
#[derive(Clone, Copy)]
struct Column<'a> {
    w: &'a [f64],
    h: &'a [f64],
    rest: &'a [f64],
}

impl<'a> Column<'a> {
    fn of(t: usize, n: usize, quadratics: &'a Quadratics, mean: &'a [f64]) -> Self {
        let at = t * n..(t + 1) * n;
        Self { w: &quadratics.w[at.clone()], h: &quadratics.h[at.clone()], rest: &mean[at] }
    }
}

kernel!(
    /// What an outcome with these moments of its loading adds to the quadratics of the samples.
    fn add_outcome<'a, V: Lanes>(
        column: Column<'a>,
        loading: [f64; 2],
        omega: &'a mut [f64],
        b: &'a mut [f64],
    ) {
        let (Column { w, h, rest }, [v, v2]) = (column, loading);
        let n = omega.len();
        let (w, h, rest, b) = (&w[..n], &h[..n], &rest[..n], &mut b[..n]);
        let (first, second) = (V::splat(v), V::splat(v2));
        let mut i = 0;
        while i + V::N <= n {
            let weight = V::load(&w[i..]);
            weight.mul_add(second, V::load(&omega[i..])).store(&mut omega[i..]);
            let slope = weight.neg_mul_add(V::load(&rest[i..]), V::load(&h[i..]));
            slope.mul_add(first, V::load(&b[i..])).store(&mut b[i..]);
            i += V::N;
        }
        while i < n {
            omega[i] += v2 * w[i];
            b[i] += v * (h[i] - w[i] * rest[i]);
            i += 1;
        }
    }
);

kernel!(
    /// The quadratic of an outcome's loading: `sum_i w_i E f_i^2` and `sum_i (h_i - w_i rest_i) E f_i`.
    fn sum_samples<'a, V: Lanes>(column: Column<'a>, f: &'a [f64], f2: &'a [f64]) -> (f64, f64) {
        let Column { w, h, rest } = column;
        let n = f.len();
        let (w, h, rest, f2) = (&w[..n], &h[..n], &rest[..n], &f2[..n]);
        let (mut d, mut b) = ([V::splat(0.0); 2], [V::splat(0.0); 2]);
        let mut i = 0;
        while i + 2 * V::N <= n {
            for c in 0..2 {
                let at = i + c * V::N;
                let weight = V::load(&w[at..]);
                d[c] = weight.mul_add(V::load(&f2[at..]), d[c]);
                let slope = weight.neg_mul_add(V::load(&rest[at..]), V::load(&h[at..]));
                b[c] = slope.mul_add(V::load(&f[at..]), b[c]);
            }
            i += 2 * V::N;
        }
        let (mut total, mut slope) = ((d[0] + d[1]).sum(), (b[0] + b[1]).sum());
        while i < n {
            total += w[i] * f2[i];
            slope += f[i] * (h[i] - w[i] * rest[i]);
            i += 1;
        }
        (total, slope)
    }
);
