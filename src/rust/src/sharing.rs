//! Face of `mnmash_core::sharing`.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::Monitor;
use mnmash_core::sharing::{PairCount, pairwise_sharing};

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
    Ok(RMatrix::new_matrix(n, n, |a, b| {
        let (low, high) = (a.min(b), a.max(b));
        share(counts[high * (high + 1) / 2 + low])
    }))
}

extendr_module! {
    mod sharing;
    fn rust_pairwise_sharing;
}
