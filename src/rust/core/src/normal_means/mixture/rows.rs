//! Log-sum-exps along the rows of a block of log-likelihoods; rows in lanes.

use faer::MatRef;

use super::{Part, WeightedPrior};
use crate::linalg::lanes::{MAX_LANES, kernel};
use crate::linalg::scalar::{LogSum, log_add};

kernel!(
    /// One block.
    pub fn sum_rows<'a, V: Lanes>(
        prior: &'a WeightedPrior,
        // A column for each part.
        loglik: MatRef<'a, f64>,
        // By columns: vloglik, null and alternative if there is a point mass, active weights.
        out: &'a mut [f64],
    ) {
        let n = loglik.nrows();
        let null = usize::from(prior.null);
        let uniform = prior.log_alternative == f64::NEG_INFINITY;
        let column =
            |at: usize| loglik.col(at).try_as_col_major().map_or(&[][..], |c| c.as_slice());
        let columns: Vec<(&Part, &[f64])> =
            prior.parts.iter().enumerate().map(|(at, part)| (part, column(at))).collect();
        let (others, first_weight) = (&columns[null..], 1 + 2 * null);
        for row in (0..n).step_by(V::N) {
            // Components with a column of weights, and the others.
            let (mut active, mut rest) = (LogSum::<V>::new(), LogSum::<V>::new());
            for (part, column) in others {
                let term = V::load_part(column, row, 0.0) + V::splat(part.log_weight);
                let set = if part.active.is_some() { &mut active } else { &mut rest };
                set.see(term);
            }
            for (part, column) in others {
                let term = V::load_part(column, row, 0.0) + V::splat(part.log_weight);
                if let Some(a) = part.active {
                    let e = active.add(term);
                    let at = (first_weight + a) * n;
                    e.store_part(&mut out[at..at + n], row);
                } else {
                    rest.add(term);
                }
            }
            let null_part = columns[..null].first();
            let mut factor = [0.0; MAX_LANES];
            for lane in 0..V::N.min(n - row) {
                let at = row + lane;
                let mut explained = active.lane(lane);
                let alternative = log_add(explained, rest.lane(lane));
                let mut all = if uniform { f64::NEG_INFINITY } else { alternative };
                if let Some((part, column)) = null_part {
                    let term = column[at] + part.log_weight;
                    all = log_add(all, term);
                    let log_weight = if uniform { 0.0 } else { prior.log_alternative };
                    out[n + at] = column[at];
                    out[2 * n + at] = alternative - log_weight;
                    if let Some(a) = part.active {
                        explained = log_add(explained, term);
                        out[(first_weight + a) * n + at] = (term - explained).exp();
                    }
                }
                out[at] = all;
                factor[lane] = (active.top.to_array()[lane] - explained).exp();
            }
            let factor = V::load(&factor);
            for a in others.iter().filter_map(|(part, _)| part.active) {
                let at = (first_weight + a) * n;
                let weight = V::load_part(&out[at..at + n], row, 0.0) * factor;
                weight.store_part(&mut out[at..at + n], row);
            }
        }
    }
);
