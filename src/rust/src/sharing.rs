//! Face of `mnmash_core::sharing`.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::Monitor;
use mnmash_core::mash::{PairCount, pairwise_sharing, sampled_sharing};

use crate::boundary::{Outcome, run};

/// The share, as R would say it: NaN without significant units, NA when a ratio is not defined.
fn share(count: PairCount) -> Rfloat {
    if count.undefined > 0 {
        Rfloat::na()
    } else {
        Rfloat::from(count.similar as f64 / count.significant as f64)
    }
}

// The R x R matrix of shares, from two J x R matrices.
#[extendr]
fn rust_pairwise_sharing(
    pm: RMatrix<f64>,
    lfsr: RMatrix<f64>,
    factor: f64,
    lfsr_thresh: f64,
    n_threads: i32,
) -> Outcome<RMatrix<Rfloat>> {
    let n = pm.ncols();
    let (pm, lfsr) = (pm.data(), lfsr.data());
    let monitor = Monitor::default();
    let counts = run(n_threads, &Nullable::Null, &monitor, || {
        pairwise_sharing(pm, lfsr, n, factor, lfsr_thresh, &monitor)
    })?;
    Ok(RMatrix::new_matrix(n, n, |a, b| share(counts[pair(a, b)])))
}

/// Where the count of a pair is.
fn pair(a: usize, b: usize) -> usize {
    let (low, high) = (a.min(b), a.max(b));
    high * (high + 1) / 2 + low
}

// The same from samples, J x R x M. A ratio that is not defined is not similar.
#[extendr]
fn rust_sampled_sharing(
    samples: &[f64],
    lfsr: RMatrix<f64>,
    factor: f64,
    lfsr_thresh: f64,
    n_threads: i32,
    progress: Nullable<Function>,
) -> Outcome<RMatrix<f64>> {
    let n = lfsr.ncols();
    let lfsr = lfsr.data();
    let monitor = Monitor::default();
    let counts = run(n_threads, &progress, &monitor, || {
        sampled_sharing(samples, lfsr, n, factor, lfsr_thresh, &monitor)
    })?;
    let draws = samples.len() as f64 / lfsr.len() as f64;
    Ok(RMatrix::new_matrix(n, n, |a, b| {
        let count = counts[pair(a, b)];
        count.similar as f64 / (count.significant as f64 * draws)
    }))
}

extendr_module! {
    mod sharing;
    fn rust_pairwise_sharing;
    fn rust_sampled_sharing;
}
