//! Empirical-Bayes matrix factorisation (Wang and Stephens 2021).
//!
//! ```text
//! y_ij = sum_k l_ik f_jk + e_ij,   l_ik ~ point-and-slab prior of k,   f_jk ~ the same,
//! e_ij ~ N(0, 1 / (tau_j c_ij))
//! ```
//! The posterior is taken to factorise over all `l` and `f`; the priors, `tau` and the posteriors
//! maximise the lower bound of the marginal log-likelihood that follows,
//! `E log p(y | l, f) - sum KL(posterior || prior)`. Factors enter one at a time for as long as the
//! bound rises (greedy), then all are updated in turn until it stops rising (backfit).
//!
//! `shrink` is the fit of a slab and a point to a vector of observations, `factor` the
//! update of one factor, `sweep` that of all where no cell is missing, `noise` the errors, `fit` the
//! two loops. Sums go by parts that do not depend on the threads: the result is a function of the data.

mod factor;
mod fit;
mod noise;
mod normal_slab;
mod shrink;
mod sweep;
#[cfg(test)]
mod tests;

pub use crate::normal_means::scalar::Family;
use crate::{Ended, Error, Monitor, Stop};
pub use factor::{Factor, Side};
use fit::Task;
use noise::Noise;
pub use shrink::{PointSlab, Shrunk, shrink};

/// The data: a matrix by columns.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    /// The values, NaN where missing.
    pub values: &'a [f64],
    /// The number of rows.
    pub rows: usize,
    /// Standard errors of the values, of the same shape.
    pub se: Option<&'a [f64]>,
    /// Estimate a variance for each column: of the errors, or its ratio to `se^2`.
    pub estimate: bool,
}

/// How to fit.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Prior of the loadings of rows.
    pub loadings: Family,
    /// Prior of the weights of columns.
    pub weights: Family,
    /// Most factors.
    pub max_factors: usize,
    /// Most iterations for each new factor, and of the second part.
    pub max_iter: [usize; 2],
    /// Gain in the objective, per cell, below which the two have converged.
    pub tol: [f64; 2],
    /// Go over all factors again after the greedy part.
    pub backfit: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            loadings: Family::Normal,
            weights: Family::Normal,
            max_factors: 100,
            max_iter: [500; 2],
            tol: [f64::EPSILON.sqrt(); 2],
            backfit: true,
        }
    }
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Factorisation {
    /// The factors, in the order in which they were found.
    pub factors: Vec<Factor>,
    /// `tau`: the precision of each column, or its ratio to `1 / se^2`.
    pub precision: Vec<f64>,
    /// The lower bound of the marginal log-likelihood.
    pub objective: f64,
    /// Number of factors that the greedy part found.
    pub greedy: usize,
    /// Iterations are the sweeps of the second part; the trace is the objective without factors,
    /// after each one added, and after each sweep.
    pub ended: Ended,
}

/// Factorise a matrix.
pub fn factorise(
    data: Data<'_>,
    options: &Options,
    monitor: &Monitor,
) -> Result<Factorisation, Error> {
    let n = data.values.len();
    if data.rows == 0 || n == 0 || n % data.rows != 0 {
        return Err(Error::Shape { name: "values", expected: data.rows, found: n });
    }
    if let Some(se) = data.se.filter(|se| se.len() != n) {
        return Err(Error::Shape { name: "se", expected: n, found: se.len() });
    }
    if let Some(at) = data.values.iter().position(|y| y.is_infinite()) {
        let why =
            format!("is infinite in row {}, column {}", at % data.rows + 1, at / data.rows + 1);
        return Err(Error::Value { name: "values", why });
    }
    let noise = Noise::new(data.values, data.rows, data.se, data.estimate)?;
    let y: Vec<f64> = data.values.iter().map(|y| if y.is_nan() { 0.0 } else { *y }).collect();
    let cells = data.values.iter().filter(|y| !y.is_nan()).count() as f64;
    let tol = options.tol.map(|tol| tol * cells);
    if y.iter().all(|y| *y == 0.0) {
        return Ok(nothing(data.values.len() / data.rows));
    }
    let task = Task { y: &y, rows: data.rows, options, tol, monitor };
    let mut state = task.nothing(noise);
    let mut trace = vec![state.objective];
    while state.factors.len() < options.max_factors {
        match task.add(&state, &mut trace)? {
            Some(more) => state = more,
            None => break,
        }
    }
    let greedy = state.factors.len();
    let (mut iterations, mut converged) = (0, true);
    if options.backfit && greedy > 0 {
        (iterations, converged) = task.backfit(&mut state, &mut trace)?;
    }
    Ok(Factorisation {
        precision: state.noise.tau().to_vec(),
        objective: state.objective,
        factors: state.factors,
        greedy,
        ended: Ended::new(Stop::at(converged), iterations, trace),
    })
}

/// Nothing to explain: no factor, no error, no likelihood.
fn nothing(cols: usize) -> Factorisation {
    Factorisation {
        factors: Vec::new(),
        precision: vec![f64::INFINITY; cols],
        objective: f64::INFINITY,
        greedy: 0,
        ended: Ended::new(Stop::Converged, 0, Vec::new()),
    }
}
