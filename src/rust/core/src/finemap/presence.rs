//! Whether effects are there at all.

use crate::linalg::scalar::logistic;

/// The probabilities that effects with log Bayes factors `log_bayes` are not there; of those that are
/// not `live`, one.
///
/// How many of the L there are is beta-binomial: each is there with a probability that has itself a
/// Beta(1, 2) distribution. Given that `k` others are there, the prior odds of one are
/// `(1 + k) / (2 + L - 1 - k)`; in place of `k` stands its expectation, until it stands still.
pub fn absence(log_bayes: &[f64], live: &[bool]) -> Vec<f64> {
    const SWEEPS: usize = 100;
    let all = log_bayes.len() as f64;
    let mut absent: Vec<f64> = live.iter().map(|&l| f64::from(!l)).collect();
    for _ in 0..SWEEPS {
        let mut change = 0.0_f64;
        for l in (0..live.len()).filter(|&l| live[l]) {
            let others = (0..live.len()).filter(|&m| m != l).map(|m| 1.0 - absent[m]).sum::<f64>();
            let odds = ((1.0 + others) / (1.0 + all - others)).ln() + log_bayes[l];
            let new = logistic(-odds);
            change = change.max((new - absent[l]).abs());
            absent[l] = new;
        }
        if change < 1e-10 {
            break;
        }
    }
    absent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_effect_has_a_prior_probability_of_a_third() {
        for b in [-1.0_f64, 0.0, 3.0, 700.0] {
            let want = 2.0 / (2.0 + b.exp());
            assert!((absence(&[b], &[true])[0] - want).abs() <= 1e-12 * want, "{b}");
        }
        assert_eq!(absence(&[5.0], &[false]), [1.0]);
    }

    #[test]
    fn others_that_are_there_make_one_more_likely() {
        let weak = absence(&[0.5, 0.0, 0.0], &[true, false, false])[0];
        let beside = absence(&[0.5, 60.0, 60.0], &[true; 3])[0];
        // With k others of L = 3: odds (1 + k) / (4 - k).
        assert!((weak - 1.0 / (1.0 + 0.25 * 0.5_f64.exp())).abs() < 1e-9);
        assert!((beside - 1.0 / (1.0 + 1.5 * 0.5_f64.exp())).abs() < 1e-9);
    }
}
