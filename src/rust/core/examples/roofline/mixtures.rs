//! Likelihoods, posteriors, deconvolution steps and mixture weights.

use faer::Mat;
use mnmash_core::deconvolution::ed::{self, Fixed};
use mnmash_core::deconvolution::{EStep, Mixture, Observations};
use mnmash_core::normal_means::posterior::{Posterior, Weights, posterior};
use mnmash_core::normal_means::{Correlation, Data, Likelihood, NormalMeans};
use mnmash_core::weights::{self, Likelihoods, Method};
use mnmash_core::{Error, Monitor, Prior, with_threads};

use crate::Row;
use crate::data::{correlation, errors, gram, random};
use crate::machine::least;

/// Conditions, scales.
const R: usize = 44;
const L: usize = 20;

/// Noise, the rank of the matrices, and operations: for a matrix with all scales (likelihood), and
/// for a component (posterior; what it is measured at is a matrix with four scales).
struct Case {
    name: &'static str,
    varying: bool,
    correlated: bool,
    rank: usize,
    likelihood: fn(f64) -> f64,
    posterior: fn(f64) -> f64,
}

const CASES: [Case; 4] = [
    // In the basis where noise and matrix are diagonal: a rotation, then R multiply-adds a scale.
    // Posterior: a product with R x R, and the moments and tail probabilities of R normals.
    Case {
        name: "common errors",
        varying: false,
        correlated: true,
        rank: R,
        likelihood: |r| 2.0 * r * r + 2.0 * r * L as f64,
        posterior: |r| 2.0 * r * r + 40.0 * r,
    },
    // A reduction to tridiagonal form for each unit, then O(R) for each scale.
    // Posterior: a factorisation and the inverse's diagonal.
    Case {
        name: "errors by cell",
        varying: true,
        correlated: false,
        rank: R,
        likelihood: |r| 4.0 / 3.0 * r * r * r,
        posterior: |r| 4.0 / 3.0 * r * r * r,
    },
    // Two triangular products more, for the whitened matrix.
    Case {
        name: "errors by cell, correlated",
        varying: true,
        correlated: true,
        rank: R,
        likelihood: |r| 2.0 * r * r * r,
        posterior: |r| 4.0 / 3.0 * r * r * r,
    },
    // A triangular product for the factor; then the rank-one update.
    Case {
        name: "errors by cell, correlated, rank 1",
        varying: true,
        correlated: true,
        rank: 1,
        likelihood: |r| r * r,
        posterior: |r| r * r + 40.0 * r,
    },
];

pub fn rows() -> Result<Vec<Row>, Error> {
    let monitor = Monitor::default();
    with_threads(
        1,
        &monitor,
        |_| true,
        || {
            let mut rows = Vec::new();
            for case in &CASES {
                rows.push(likelihood(case, if case.varying { 1000 } else { 20_000 })?);
            }
            for case in &CASES {
                rows.push(moments(case, if case.varying { 500 } else { 5000 })?);
            }
            rows.push(deconvolution("common errors", &vec![1.0; 4000 * R], 2.0)?);
            rows.push(deconvolution("errors by cell", &errors(1000 * R), 4.0 / 3.0)?);
            rows.extend(proportions(100_000, 400)?);
            Ok(rows)
        },
    )
}

fn with_noise<T>(
    case: &Case,
    units: usize,
    work: impl FnOnce(&NormalMeans) -> Result<T, Error>,
) -> Result<T, Error> {
    let x: Vec<f64> = random(units * R, 1).iter().map(|x| 3.0 * x).collect();
    let s = if case.varying { errors(units * R) } else { vec![1.0; units * R] };
    let v = correlation(R);
    let v = if case.correlated { Correlation::Common(&v) } else { Correlation::Identity };
    work(&NormalMeans::new(Data { units, conditions: R, x: &x, s: &s, v })?)
}

fn prior(rank: usize, matrices: u64, scales: usize) -> Result<Prior, Error> {
    let matrices: Vec<_> = (0..matrices).map(|k| gram(R, rank, 10 + k)).collect();
    let named: Vec<_> = matrices.iter().map(|m| ("U", &m[..])).collect();
    let grid: Vec<f64> = (0..scales).map(|l| 0.05 * 2_f64.powf(l as f64 * 0.5)).collect();
    Prior::new(R, &named, &grid, true)
}

fn likelihood(case: &Case, units: usize) -> Result<Row, Error> {
    let matrices = if case.rank == 1 { 32 } else { 8 };
    let prior = prior(case.rank, matrices, L)?;
    let mut out = Mat::<f64>::zeros(units, prior.len());
    let seconds = with_noise(case, units, |means| {
        Ok(least(|| {
            let likelihood = Likelihood::new(means, &prior)?;
            let mut rest = out.as_mut();
            for block in means.blocks() {
                let (top, below) = rest.split_at_row_mut(block.range.len());
                likelihood.block(&block, top)?;
                rest = below;
            }
            Ok::<(), Error>(())
        }))
    })?;
    Ok(Row {
        kernel: format!("likelihood: {}", case.name),
        per: "unit and matrix; 20 scales",
        items: (units as u64 * matrices) as f64,
        flops: (case.likelihood)(R as f64),
        bytes: 8.0 * L as f64,
        seconds,
    })
}

fn moments(case: &Case, units: usize) -> Result<Row, Error> {
    let prior = prior(case.rank, 4, 4)?;
    let active: Vec<usize> = (1..prior.len()).collect();
    let values = vec![1.0 / active.len() as f64; units * active.len()];
    let weights = Weights { active: &active, values: &values };
    let mut tables = vec![vec![0.0; units * R]; 6];
    let monitor = Monitor::default();
    let seconds = with_noise(case, units, |means| {
        Ok(least(|| {
            let [mean, sd, lfdr, negative, positive, lfsr] = &mut tables[..] else {
                unreachable!()
            };
            let out = Posterior { mean, sd, lfdr, negative, positive, lfsr, covariance: None };
            posterior(means, &prior, weights, None, None, out, &monitor)
        }))
    })?;
    Ok(Row {
        kernel: format!("posterior: {}", case.name),
        per: "unit and component",
        items: (units * active.len()) as f64,
        flops: (case.posterior)(R as f64),
        bytes: 0.0,
        seconds,
    })
}

/// Steps of extreme deconvolution: `J K R^3` times `cube`, or `3 J K R^2` if the noise is common.
fn deconvolution(name: &str, s: &[f64], cube: f64) -> Result<Row, Error> {
    let (k, units, r) = (10, s.len() / R, R as f64);
    let x: Vec<f64> = random(units * R, 1).iter().map(|x| 4.0 * x).collect();
    let v = correlation(R);
    let v = Correlation::Common(&v);
    let means = NormalMeans::new(Data { units, conditions: R, x: &x, s, v })?;
    let step = EStep::new(Observations::Direct(&means), None)?;
    let matrix = |c| {
        let u = gram(R, R, 2000 + c);
        Mat::from_fn(R, R, |i, j| u[j * R + i])
    };
    let start = Mixture {
        weights: vec![1.0 / k as f64; k],
        means: Vec::new(),
        covariances: (0..k as u64).map(matrix).collect(),
    };
    let monitor = Monitor::default();
    let fit = |max_iter| {
        let options = ed::Options { tol: -1.0, max_iter, regularisation: 0.0 };
        least(|| ed::fit(&step, start.clone(), &Fixed::default(), options, &monitor))
    };
    let common = s.iter().all(|s| *s == 1.0);
    Ok(Row {
        kernel: format!("deconvolution step: {name}"),
        per: "unit and matrix",
        items: (units * k) as f64,
        flops: if common { 3.0 * r * r } else { cube * r * r * r },
        bytes: 0.0,
        seconds: (fit(5) - fit(1)) / 4.0,
    })
}

/// A pass of expectation maximisation reads the likelihoods once; the solver needs some passes.
fn proportions(rows: usize, columns: usize) -> Result<[Row; 2], Error> {
    let mut likelihoods = vec![0.0; rows * columns];
    let z: Vec<f64> = random(rows, 1).iter().map(|u| 4.0 * u * u * u).collect();
    for (p, column) in likelihoods.chunks_exact_mut(rows).enumerate() {
        let sd = 1.0 + 5.0 * p as f64 / columns as f64;
        for (l, z) in column.iter_mut().zip(&z) {
            *l = (-0.5 * (z / sd).powi(2)).exp() / sd;
        }
    }
    let likelihoods = Likelihoods::new(&likelihoods, rows, columns, rows)?;
    let monitor = Monitor::default();
    let uniform = vec![1.0; columns];
    let fit = |method, max_iter| {
        let options = weights::Options { method, max_iter, ..weights::Options::default() };
        least(|| weights::mixture_weights(likelihoods, &uniform, None, None, options, &monitor))
    };
    let row = |kernel: &str, seconds| Row {
        kernel: kernel.into(),
        per: "likelihood",
        items: (rows * columns) as f64,
        flops: 4.0,
        bytes: 8.0,
        seconds,
    };
    let defaults = weights::Options::default();
    Ok([
        row("weights: a pass of EM", (fit(Method::Em, 9) - fit(Method::Em, 1)) / 8.0),
        row(
            "weights: all of the convex solver (as one pass)",
            fit(Method::Convex, defaults.max_iter),
        ),
    ])
}
