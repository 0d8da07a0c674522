//! Shares of pairs of conditions whose effects are alike.

use extendr_api::prelude::*;
use mnmash_core::mash::{Alike, PairCount, pairwise_sharing, sampled_sharing};

use crate::boundary::{Run, arguments};
use crate::read::{Field, Outcome};
use crate::write::table;

/// What is alike, and what counts: `list(factor, lfsr_thresh)`.
fn alike(control: &Field, conditions: usize) -> Outcome<Alike> {
    control.read(|c| {
        let (factor, lfsr_thresh) = (c.number("factor")?, c.number("lfsr_thresh")?);
        Ok(Alike { conditions, factor, lfsr_thresh })
    })
}

/// The share, as R would say it: NaN without significant units, NA when a ratio is not defined.
fn share(count: PairCount) -> f64 {
    if count.undefined > 0 {
        Rfloat::na().0
    } else {
        count.similar as f64 / count.significant as f64
    }
}

/// Where the count of a pair is.
fn pair(a: usize, b: usize) -> usize {
    let (low, high) = (a.min(b), a.max(b));
    high * (high + 1) / 2 + low
}

// The R x R matrix of shares, from J x R matrices `posterior$mean` and `posterior$lfsr`.
#[extendr]
fn rust_pairwise_sharing(posterior: Robj, control: Robj, run: Robj) -> Outcome<RMatrix<f64>> {
    arguments!(posterior, control);
    let (mean, lfsr) = posterior.read(|p| {
        let mean = p.get("mean")?.matrix()?;
        Ok((mean, p.get("lfsr")?.matrix_of(mean.rows, mean.cols)?.values))
    })?;
    let n = mean.cols;
    let alike = alike(&control, n)?;
    let counts =
        Run::new(&run)?.with(|monitor| pairwise_sharing(mean.values, lfsr, alike, monitor))?;
    Ok(table(n, n, |a, b| share(counts[pair(a, b)])))
}

// The same from `posterior$samples`, J x R x M. A ratio that is not defined is not similar.
#[extendr]
fn rust_sampled_sharing(posterior: Robj, control: Robj, run: Robj) -> Outcome<RMatrix<f64>> {
    arguments!(posterior, control);
    let (samples, lfsr) = posterior.read(|p| {
        let lfsr = p.get("lfsr")?.matrix()?;
        Ok((p.get("samples")?.array_of(lfsr.rows, lfsr.cols)?, lfsr))
    })?;
    let n = lfsr.cols;
    let alike = alike(&control, n)?;
    let (cells, values) = (lfsr.values, samples.values);
    let counts = Run::new(&run)?.with(|monitor| sampled_sharing(values, cells, alike, monitor))?;
    Ok(table(n, n, |a, b| {
        let count = counts[pair(a, b)];
        count.similar as f64 / (count.significant as f64 * samples.dim[2] as f64)
    }))
}

extendr_module! {
    mod sharing;
    fn rust_pairwise_sharing;
    fn rust_sampled_sharing;
}
