//! One pass over the predictors: each row of coefficients given all others.

use faer::{Mat, MatMut, MatRef};

use super::model::Packed;
use crate::linalg::lanes::{Kernel, Lanes, dispatch, kernel};
use crate::normal_means::eigenbasis::{Grid, SecondMoments, Shrinkage, Unit};
use crate::predictors::{BLOCK, Predictors, Responses, blocks};
use crate::{Error, Monitor};

/// The approximation `q`, one column for each predictor.
#[derive(Debug, Clone)]
pub struct Coefficients {
    /// Posterior means, r by p.
    pub mean: Mat<f64>,
    /// `c_p`, r by p: what the mean was computed from.
    pub products: Mat<f64>,
}

/// What a sweep adds up.
#[derive(Debug)]
pub struct Sums {
    /// `sum_p log Z_p - r_p'Sigma^{-1}c_p`.
    pub evidence: f64,
    /// The posterior weights, summed over predictors, by component.
    pub weights: Vec<f64>,
    /// `sum_p d_p E[beta_p beta_p']`, if asked for.
    pub second: Option<Mat<f64>>,
    /// The largest change of a coefficient.
    pub change: f64,
}

/// A sweep under `packed`. `log_bf`, if wanted, takes the log Bayes factors: a column for each component
/// of the prior, a row for each predictor.
pub fn sweep(
    design: &mut Responses<impl Predictors>,
    packed: &Packed,
    q: &mut Coefficients,
    second: bool,
    mut log_bf: Option<&mut [f64]>,
    monitor: &Monitor,
) -> Result<Sums, Error> {
    let (r, p) = (q.mean.nrows(), q.mean.ncols());
    let components = packed.components.len();
    let mut sums = BlockSums {
        evidence: 0.0,
        weights: vec![0.0; components],
        second: second.then(|| SecondMoments::of_grid(&packed.grid)),
        change: 0.0,
    };
    let mut unit = Unit::new(&packed.grid);
    let norm = design.norms().first().copied().unwrap_or(0.0);
    let mut shrinkage = Shrinkage::new(&packed.grid, norm);
    let mut mean = vec![0.0; packed.grid.rows()];
    let mut change = Mat::<f64>::zeros(r, BLOCK);
    let mut kept = vec![0.0; log_bf.as_ref().map_or(0, |_| BLOCK * components)];
    for (b, range) in blocks(p).enumerate() {
        monitor.advance(range.len())?;
        let m = range.len();
        design.gather(range.clone(), q.products.as_mut().subcols_mut(range.start, m));
        dispatch(Update {
            packed,
            shrinkage: &mut shrinkage,
            unit: &mut unit,
            norms: &design.norms()[range.clone()],
            gram: design.gram(b),
            products: q.products.as_mut().subcols_mut(range.start, m),
            means: q.mean.as_mut().subcols_mut(range.start, m),
            change: change.as_mut().subcols_mut(0, m),
            mean: &mut mean,
            sums: &mut sums,
            log_bf: &mut kept,
        });
        design.change(range.clone(), change.as_ref().subcols(0, m));
        if let Some(log_bf) = log_bf.as_deref_mut() {
            for (t, &column) in packed.components.iter().enumerate() {
                let column = &mut log_bf[column * p..(column + 1) * p];
                for (i, to) in column[range.clone()].iter_mut().enumerate() {
                    *to = kept[i * components + t];
                }
            }
        }
    }
    let BlockSums { evidence, weights, second, change } = sums;
    let second = second.map(|mut s| s.total(packed.grid.lift()));
    Ok(Sums { evidence, weights, second, change })
}

struct BlockSums {
    evidence: f64,
    weights: Vec<f64>,
    second: Option<SecondMoments>,
    change: f64,
}

/// The rows of one block in turn. `products` come as those with the residuals.
struct Update<'a> {
    packed: &'a Packed,
    shrinkage: &'a mut Shrinkage,
    unit: &'a mut Unit,
    norms: &'a [f64],
    gram: MatRef<'a, f64>,
    products: MatMut<'a, f64>,
    means: MatMut<'a, f64>,
    change: MatMut<'a, f64>,
    /// Room for one mean.
    mean: &'a mut [f64],
    sums: &'a mut BlockSums,
    /// `[predictor][component]`, or empty.
    log_bf: &'a mut [f64],
}

impl Kernel for Update<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(mut self) {
        let grid: &Grid = &self.packed.grid;
        let r = grid.conditions();
        let components = grid.len();
        for i in 0..self.norms.len() {
            let d = self.norms[i];
            let c = column(self.products.as_mut(), i);
            let old = column(self.means.as_mut(), i);
            for (c, old) in c.iter_mut().zip(old.iter()) {
                *c += d * old;
            }
            self.shrinkage.set::<V>(grid, d);
            self.unit.log_bayes_factors::<V>(grid, self.shrinkage, c);
            if !self.log_bf.is_empty() {
                let to = &mut self.log_bf[i * components..(i + 1) * components];
                to.copy_from_slice(self.unit.log_bf());
            }
            let log_z = self.unit.weigh::<V>(&self.packed.log_weights);
            let second = self.sums.second.as_mut();
            let product = self.unit.moments::<V>(grid, self.shrinkage, self.mean, d, second);
            self.sums.evidence += log_z - product;
            for (sum, g) in self.sums.weights.iter_mut().zip(self.unit.weights()) {
                *sum += g;
            }
            let change = column(self.change.as_mut(), i);
            let mut largest = self.sums.change;
            for q in 0..r {
                change[q] = self.mean[q] - old[q];
                old[q] = self.mean[q];
                largest = largest.max(change[q].abs());
            }
            self.sums.change = largest;
            for later in i + 1..self.norms.len() {
                let g = self.gram[(later, i)];
                let to = column(self.products.as_mut(), later);
                for (to, change) in to.iter_mut().zip(change.iter()) {
                    *to -= g * change;
                }
            }
        }
    }
}

/// Column `i` as a slice.
#[inline(always)]
fn column(m: MatMut<'_, f64>, i: usize) -> &mut [f64] {
    let column = m.col_mut(i).try_as_col_major_mut();
    column.map_or(&mut [], |c| c.as_slice_mut())
}

/// The log Bayes factors of all predictors given the residuals as they are, at the coefficients
/// `mean` that they belong to (none: zero): a column for each component, a row for each predictor.
pub fn at_rest(
    design: &Responses<impl Predictors>,
    packed: &Packed,
    mean: Option<MatRef<'_, f64>>,
) -> Vec<f64> {
    let r = packed.grid.conditions();
    let p = design.norms().len();
    let mut log_bf = vec![0.0; p * packed.of];
    let mut c = Mat::<f64>::zeros(r, BLOCK);
    for range in blocks(p) {
        let m = range.len();
        let mut c = c.as_mut().subcols_mut(0, m);
        design.gather(range.clone(), c.as_mut());
        let norms = &design.norms()[range.clone()];
        if let Some(mean) = mean {
            for (i, d) in norms.iter().enumerate() {
                for q in 0..r {
                    c[(q, i)] += d * mean[(q, range.start + i)];
                }
            }
        }
        block_at_rest(packed, norms, c, range.start, &mut log_bf, p);
    }
    log_bf
}

/// The same of rows whose products (r by p) with the residuals of all others are known.
pub fn of_products(packed: &Packed, norms: &[f64], products: MatRef<'_, f64>) -> Vec<f64> {
    let (r, p) = (products.nrows(), norms.len());
    let mut log_bf = vec![0.0; p * packed.of];
    let mut c = Mat::<f64>::zeros(r, BLOCK);
    for range in blocks(p) {
        let mut c = c.as_mut().subcols_mut(0, range.len());
        c.copy_from(products.subcols(range.start, range.len()));
        block_at_rest(packed, &norms[range.clone()], c, range.start, &mut log_bf, p);
    }
    log_bf
}

kernel!(
    fn block_at_rest<'a, V: Lanes>(
        packed: &'a Packed,
        norms: &'a [f64],
        c: MatMut<'a, f64>,
        first: usize,
        log_bf: &'a mut [f64],
        p: usize,
    ) {
        let grid = &packed.grid;
        let (mut c, mut unit) = (c, Unit::new(grid));
        let mut shrinkage = Shrinkage::new(grid, norms[0]);
        for (i, &d) in norms.iter().enumerate() {
            shrinkage.set::<V>(grid, d);
            unit.log_bayes_factors::<V>(grid, &shrinkage, column(c.as_mut(), i));
            for (t, found) in packed.components.iter().zip(unit.log_bf()) {
                log_bf[t * p + first + i] = *found;
            }
        }
    }
);
