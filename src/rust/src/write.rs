//! What results look like: matrices in memory that R has allocated, lists with names.

use extendr_api::prelude::*;
use faer::{Mat, MatRef};
use mnmash_core::Ended;
use mnmash_core::normal_means::posterior::Posterior;
use mnmash_core::weights::Mixture;

/// A matrix of R.
pub fn matrix(m: MatRef<'_, f64>) -> RMatrix<f64> {
    table(m.nrows(), m.ncols(), |i, j| m[(i, j)])
}

/// A list of matrices.
pub fn matrices<'a>(
    all: impl IntoIterator<Item = &'a Mat<f64>, IntoIter: ExactSizeIterator>,
) -> List {
    List::from_values(all.into_iter().map(|m| matrix(m.as_ref())))
}

/// A matrix by its elements.
pub fn table(rows: usize, cols: usize, element: impl Fn(usize, usize) -> f64) -> RMatrix<f64> {
    let mut out = RMatrix::<f64>::new(rows, cols);
    let cells = out.data_mut().iter_mut();
    for (cell, at) in cells.zip((0..cols).flat_map(|j| (0..rows).map(move |i| (i, j)))) {
        *cell = element(at.0, at.1);
    }
    out
}

/// NULL for none.
pub fn nullable<T: Into<Robj>>(x: Option<T>) -> Robj {
    x.map_or_else(|| ().into(), Into::into)
}

/// How a fit ended, the same for every fit.
pub fn ended(ended: &Ended) -> List {
    list!(
        converged = ended.converged(),
        stop = ended.stop.word(),
        iterations = ended.iterations as f64,
        trace = &ended.trace,
        message = ended.message
    )
}

/// Proportions of a mixture, and how well they solve their problem.
pub fn proportions(fit: &Mixture) -> List {
    list!(
        pi = &fit.pi,
        objective = fit.objective,
        kkt = fit.kkt,
        gap = fit.gap,
        ended = ended(&fit.ended)
    )
}

/// A new vector of R to write into.
pub fn slice(x: &mut Doubles) -> &mut [f64] {
    x.as_robj_mut().as_real_slice_mut().unwrap_or(&mut [])
}

/// Numbers from one.
pub fn places(x: &[usize]) -> Vec<i32> {
    x.iter().map(|i| *i as i32 + 1).collect()
}

/// Posterior moments and signs: J by R each, and R by R by J covariances if they were asked for.
pub struct Moments {
    tables: [RMatrix<f64>; 6],
    covariance: Option<RArray<f64, 3>>,
}

impl Moments {
    pub fn new(units: usize, effects: usize, covariance: bool) -> Self {
        let tables = std::array::from_fn(|_| RMatrix::<f64>::new(units, effects));
        let covariance = covariance.then(|| RArray::new_array([effects, effects, units]));
        Self { tables, covariance }
    }

    /// For the core to write into.
    pub fn out(&mut self) -> Posterior<'_> {
        let [mean, sd, lfdr, negative, positive, lfsr] = &mut self.tables;
        Posterior {
            mean: mean.data_mut(),
            sd: sd.data_mut(),
            lfdr: lfdr.data_mut(),
            negative: negative.data_mut(),
            positive: positive.data_mut(),
            lfsr: lfsr.data_mut(),
            covariance: self.covariance.as_mut().map(|a| a.data_mut()),
        }
    }
}

impl From<Moments> for List {
    fn from(Moments { tables, covariance }: Moments) -> Self {
        let [mean, sd, lfdr, negative, positive, lfsr] = tables;
        list!(
            mean = mean,
            sd = sd,
            lfdr = lfdr,
            negative = negative,
            positive = positive,
            lfsr = lfsr,
            covariance = nullable(covariance)
        )
    }
}
