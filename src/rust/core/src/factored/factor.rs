//! One factor: `f_i v_t`, with `f = weight * g` and sparse `v`.

use super::families::Quadratic;
use super::left::{Design, Left};
use super::slab::Slab;

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
        design: &Design<'_>,
        weight: Option<&[f64]>,
        quadratic: &[Quadratic],
        mean: &[f64],
        full: bool,
    ) {
        let n = self.left.mean.len();
        let (mut omega, mut b) = (vec![0.0; n], vec![0.0; n]);
        for t in 0..self.right.len() {
            let (v, v2) = (self.right.mean(t), self.right.second(t));
            if v2 == 0.0 {
                continue;
            }
            let cells = &quadratic[t * n..(t + 1) * n];
            let rest = &mean[t * n..(t + 1) * n];
            for i in 0..n {
                let Quadratic { w, h } = cells[i];
                omega[i] += v2 * w;
                b[i] += v * (h - w * rest[i]);
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
    pub fn update_right(&mut self, weight: Option<&[f64]>, quadratic: &[Quadratic], mean: &[f64]) {
        let (f, f2) = self.moments(weight);
        let n = f.len();
        for t in 0..self.right.len() {
            let cells = &quadratic[t * n..(t + 1) * n];
            let rest = &mean[t * n..(t + 1) * n];
            let (mut d, mut b) = (0.0, 0.0);
            for i in 0..n {
                let Quadratic { w, h } = cells[i];
                d += w * f2[i];
                b += f[i] * (h - w * rest[i]);
            }
            self.right.set(t, d, b);
        }
    }
}
