//! Maximum-likelihood mixture proportions: one convex problem, solved to a certificate.
//!
//! ```text
//! maximise  sum_j w_j log(sum_p L_jp pi_p) + sum_p (a_p - 1) log pi_p   over the simplex
//! ```
//! with row weights `w_j` (default 1) and Dirichlet parameters `a_p >= 1`. The two entries are
//! [`scale_rows`], which turns a buffer of log-likelihoods into `L` in place, and
//! [`mixture_weights`]. Every result carries `kkt = max_p g_p - 1` over *all* columns, with
//! `g_p = [sum_j w_j L_jp / u_j + (a_p - 1) / pi_p] / N` and `N = sum_j w_j + sum_p (a_p - 1)`: no
//! weights are better by more than `N log(1 + kkt)`.
//!
//! ```text
//! scale_rows(loglik: &mut [f64], rows, cols, stride, &Monitor) -> Result<Vec<f64>, Error>
//! Likelihoods::new(values: &[f64], rows, cols, stride) -> Result<Likelihoods, Error>
//! mixture_weights(Likelihoods, dirichlet: &[f64], row_weights: Option<&[f64]>,
//!                 start: Option<&[f64]>, Options, &Monitor) -> Result<Mixture, Error>
//! ```
//! `kernels` are the loops over rows, `rows` the fixed pieces in which they run, `problem` value
//! and derivatives, `sqp` and `qp` the solver, `em` the slow alternative. Beyond the buffer, memory
//! is a few numbers a row and the square of the columns that matter. `streaming` solves the same
//! problem, [`mixture_weights_by_blocks`], without the buffer, and `passes`,
//! [`mixture_weights_by_passes`], from sums over rows that somebody else reads; `proposal` is a step of
//! it in the course of a coordinate ascent.

mod em;
mod kernels;
mod passes;
mod problem;
mod proposal;
mod qp;
mod rows;
mod scale;
mod sqp;
mod streaming;
#[cfg(test)]
mod tests;

use crate::{Ended, Error, Monitor};
pub use passes::{Pass, mixture_weights_by_passes};
use problem::Problem;
pub use proposal::{
    Pace, Proposal, ROUNDING, WeightUpdate, expectation, largest_difference, log_dirichlet,
};
use rows::Rows;
pub use scale::scale_rows;
use sqp::Limits;
pub use streaming::mixture_sums;
pub use streaming::{LogLikelihoods, Point, Sums, mixture_weights_by_blocks};

/// A `rows` x `cols` matrix of likelihoods, each row scaled by its maximum: column-major, columns
/// `stride` apart.
#[derive(Debug, Clone, Copy)]
pub struct Likelihoods<'a> {
    values: &'a [f64],
    rows: usize,
    cols: usize,
    stride: usize,
}

impl<'a> Likelihoods<'a> {
    /// A view of `values`, which [`scale_rows`] made: finite, not negative, largest of a row one.
    pub fn new(values: &'a [f64], rows: usize, cols: usize, stride: usize) -> Result<Self, Error> {
        check_extent(values.len(), rows, cols, stride)?;
        Ok(Self { values, rows, cols, stride })
    }

    fn piece(&self, col: usize, row: usize, len: usize) -> &'a [f64] {
        &self.values[col * self.stride + row..][..len]
    }

    /// The first of the columns where a row is likeliest.
    fn best_column(&self, row: usize) -> usize {
        let mut best = 0;
        let mut largest = -1.0;
        for p in 0..self.cols {
            let l = self.values[p * self.stride + row];
            if l > largest {
                (best, largest) = (p, l);
            }
        }
        best
    }
}

/// Columns start on their own cache line, and not all in the same cache set.
pub(crate) fn stride(rows: usize) -> usize {
    let stride = rows.next_multiple_of(8);
    if stride % 512 == 0 { stride + 8 } else { stride }
}

fn check_extent(len: usize, rows: usize, cols: usize, stride: usize) -> Result<(), Error> {
    let wrong = |why: &str| Err(Error::Value { name: "loglik", why: why.into() });
    if rows == 0 {
        return wrong("has no rows");
    }
    if cols == 0 {
        return wrong("has no columns");
    }
    if stride < rows {
        return wrong("has columns that overlap");
    }
    let expected = stride * (cols - 1) + rows;
    if len < expected {
        return Err(Error::Shape { name: "loglik", expected, found: len });
    }
    Ok(())
}

/// Which algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Active-set Newton with column generation.
    Convex,
    /// Plain expectation maximisation.
    Em,
}

/// How exactly, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Largest KKT residual.
    pub tol: f64,
    /// Most iterations; zero only evaluates the start.
    pub max_iter: usize,
    /// The algorithm.
    pub method: Method,
}

impl Default for Options {
    fn default() -> Self {
        Self { tol: 1e-8, max_iter: 200, method: Method::Convex }
    }
}

/// Estimated mixture proportions and what is known about them.
#[derive(Debug, Clone)]
pub struct Mixture {
    /// The proportions: not negative, sum one, exactly zero off their support.
    pub pi: Vec<f64>,
    /// The penalised log-likelihood of the scaled rows: add `sum_j w_j max_p loglik_jp`.
    pub objective: f64,
    /// The largest violation of the optimality conditions over all columns.
    pub kkt: f64,
    /// No weights have an objective better by more than this: `N log(1 + kkt)`.
    pub gap: f64,
    /// Iterations on all rows, and the objective before each and at the end: it never falls, up to
    /// rounding.
    pub ended: Ended,
}

impl Mixture {
    /// Turn the objectives into those of the rows before scaling, whose maxima are given.
    pub fn unscale(mut self, maxima: &[f64], row_weights: Option<&[f64]>) -> Self {
        let shift: f64 = match row_weights {
            Some(w) => w.iter().zip(maxima).map(|(w, m)| w * m).sum(),
            None => maxima.iter().sum(),
        };
        self.objective += shift;
        self.ended.trace.iter_mut().for_each(|f| *f += shift);
        self
    }
}

/// What a solver returns.
struct Solution {
    x: Vec<f64>,
    kkt: f64,
    ended: Ended,
}

/// Estimate the proportions.
///
/// `dirichlet` are the `a_p`; `start` may have zeros, and is scaled to sum one.
///
/// # Errors
/// A `dirichlet` element below one, negative or non-finite weights or start, wrong lengths, all row
/// weights zero; `Error::Interrupted`.
pub fn mixture_weights(
    likelihoods: Likelihoods<'_>,
    dirichlet: &[f64],
    row_weights: Option<&[f64]>,
    start: Option<&[f64]>,
    options: Options,
    monitor: &Monitor,
) -> Result<Mixture, Error> {
    check_dirichlet(dirichlet, likelihoods.cols)?;
    check_positive("row_weights", row_weights, likelihoods.rows)?;
    check_positive("start", start, likelihoods.cols)?;
    let problem = |rows| Problem::new(likelihoods, row_weights, dirichlet, rows, monitor);
    let whole = problem(Rows::all(likelihoods.rows));
    let limits = Limits { tol: options.tol, gain: 1e-9, max_iter: options.max_iter, polish: true };
    let uniform = || vec![1.0; likelihoods.cols];
    let solution = match options.method {
        Method::Em => em::solve(&whole, start.unwrap_or(&uniform()), limits)?,
        Method::Convex => match start {
            Some(start) => sqp::solve(&whole, start, limits)?,
            None => sqp::solve(&whole, &climb(problem, likelihoods.rows)?, limits)?,
        },
    };
    Ok(Mixture {
        pi: solution.x,
        objective: solution.ended.last(),
        kkt: solution.kkt.max(0.0),
        gap: whole.total() * solution.kkt.max(0.0).ln_1p(),
        ended: solution.ended,
    })
}

/// Samples that a cold start climbs through: one row in so many; and the fewest rows of a sample.
const SAMPLES: [usize; 3] = [256, 16, 1];
const SMALLEST_SAMPLE: usize = 250;

/// A start from ever larger samples of the rows, each solved as well as it deserves.
///
/// The first, which may be all rows, starts from the histogram of the rows' best columns, a few
/// steps of expectation maximisation, and the largest proportions only.
fn climb<'a>(problem: impl Fn(Rows) -> Problem<'a>, rows: usize) -> Result<Vec<f64>, Error> {
    let rough = Limits { tol: 0.0, gain: 0.0, max_iter: 4, polish: false };
    let fair = Limits { tol: 1e-4, gain: f64::INFINITY, max_iter: 30, polish: false };
    let mut x = Vec::new();
    for every in SAMPLES {
        let sample = Rows::sample(rows, every);
        if every > 1 && sample.count() < SMALLEST_SAMPLE {
            continue;
        }
        let sample = problem(sample);
        if sample.total() <= 0.0 {
            continue; // only rows without weight
        }
        if x.is_empty() {
            x = em::solve(&sample, &vec![0.0; sample.columns()], rough)?.x;
            sqp::thin(&mut x);
        }
        if every > 1 {
            x = sqp::solve(&sample, &x, fair)?.x;
        }
    }
    Ok(x)
}

fn check_dirichlet(a: &[f64], cols: usize) -> Result<(), Error> {
    check_length("prior", a, cols)?;
    match a.iter().position(|a| !(*a >= 1.0 && a.is_finite())) {
        None => Ok(()),
        Some(p) => Err(Error::Value {
            name: "prior",
            why: format!(
                "is {} in element {}: Dirichlet parameters below one are not supported",
                a[p],
                p + 1
            ),
        }),
    }
}

fn check_positive(name: &'static str, x: Option<&[f64]>, len: usize) -> Result<(), Error> {
    let Some(x) = x else { return Ok(()) };
    check_length(name, x, len)?;
    if let Some(i) = x.iter().position(|x| !(*x >= 0.0 && x.is_finite())) {
        let why = format!("is {} in element {}: it should be finite and not negative", x[i], i + 1);
        return Err(Error::Value { name, why });
    }
    if x.iter().sum::<f64>() > 0.0 {
        return Ok(());
    }
    Err(Error::Value { name, why: "is zero everywhere".into() })
}

fn check_length(name: &'static str, x: &[f64], expected: usize) -> Result<(), Error> {
    if x.len() == expected { Ok(()) } else { Err(Error::Shape { name, expected, found: x.len() }) }
}
