//! What a region comes back with, for R.

use extendr_api::prelude::*;
use mnmash_core::Error;
use mnmash_core::genome::Found;

use crate::write::{matrix, nullable, places, table};

/// Rows are counted from 1. `rows`, `b` and `precision` are those of the kept rows, of the sample of
/// the others, and of the leads.
pub fn list(found: std::result::Result<Found, Error>) -> List {
    let Found { fit, restarted, norms, scales, level, sketch, signals, posterior } = match found {
        Ok(found) => found,
        Err(e) => return list!(kind = e.kind(), message = e.to_string()),
    };
    let (p, r) = (norms.len(), fit.mean.nrows());
    let leads: Vec<usize> = signals.iter().map(|s| s.lead).collect();
    let picked: Vec<usize> = [&sketch.rows[..], &sketch.sample, &leads].concat();
    let estimate = |i: usize, c: usize| {
        let j = picked[i];
        if norms[j] > 0.0 { fit.products[(c, j)] / norms[j] } else { 0.0 }
    };
    let precision: Vec<f64> = picked.iter().map(|&j| norms[j]).collect();
    let components = sketch.mean.len();
    let kept = sketch.rows.len();
    let tables = posterior.map(|[sd, lfsr]| {
        list!(sd = table(p, r, |j, c| sd[c * p + j]), lfsr = table(p, r, |j, c| lfsr[c * p + j]))
    });
    list!(
        mean = table(p, r, |j, c| fit.mean[(c, j)]),
        V = matrix(fit.residual.covariance.as_ref()),
        elbo = fit.elbo,
        counts = fit.responsibilities,
        restarted = restarted,
        stop = fit.ended.stop.word(),
        iterations = fit.ended.iterations as f64,
        scale = nullable(scales),
        level = matrix(level.as_ref()),
        log_bf = table(kept, components, |i, t| sketch.log_bf[t * kept + i]),
        others = sketch.others as f64,
        mean_bf = sketch.mean,
        rows = places(&picked),
        b = table(picked.len(), r, estimate),
        precision = precision,
        sample = sketch.sample.len() as f64,
        mass = signals.iter().map(|s| s.mass).collect::<Vec<f64>>(),
        posterior = nullable(tables)
    )
}
