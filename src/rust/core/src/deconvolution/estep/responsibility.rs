//! Responsibilities from logarithms of weighted densities.

use crate::linalg::lanes::Lanes;
use crate::linalg::special::{exp, log};

/// Turn `logs`, a column of `rows` numbers for each component (`rows` a multiple of the lanes),
/// into responsibilities times the weights of the units in place. Rows past `count` become zero.
/// Returns the weighted sum of the log-likelihoods of the units.
#[inline(always)]
pub fn responsibilities<V: Lanes>(
    logs: &mut [f64],
    rows: usize,
    count: usize,
    weights: Option<&[f64]>,
) -> f64 {
    let mut total = V::splat(0.0);
    let mut lanes = [0.0; 8];
    for start in (0..rows).step_by(V::N) {
        let mut largest = V::load(&logs[start..]);
        for column in logs.chunks_exact(rows) {
            largest = largest.max(V::load(&column[start..]));
        }
        let mut sum = V::splat(0.0);
        for column in logs.chunks_exact_mut(rows) {
            let e = exp(V::load(&column[start..]) - largest);
            sum = sum + e;
            e.store(&mut column[start..]);
        }
        for (lane, value) in lanes[..V::N].iter_mut().enumerate() {
            let j = start + lane;
            *value = match weights {
                _ if j >= count => 0.0,
                None => 1.0,
                Some(weights) => weights[j],
            };
        }
        let weight = V::load(&lanes);
        let factor = weight.div(sum);
        for column in logs.chunks_exact_mut(rows) {
            let q = V::load(&column[start..]) * factor;
            q.store(&mut column[start..]);
        }
        total = weight.mul_add(largest + log(sum), total);
    }
    total.sum()
}
