//! Sets of variables that hold an effect with a given probability, and how alike they are.

use crate::predictors::Region;

/// The smallest set of variables with total probability of at least `coverage`: most probable
/// first; of equals, the first. Empty if all of them do not reach it.
pub fn credible_set(alpha: &[f64], coverage: f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..alpha.len()).collect();
    order.sort_by(|&a, &b| alpha[b].total_cmp(&alpha[a]));
    let mut total = 0.0;
    for (i, &j) in order.iter().enumerate() {
        total += alpha[j];
        // Sums of many rounded terms may stay below one.
        if total >= coverage || (i + 1 == order.len() && total >= coverage - 1e-9) {
            order.truncate(i + 1);
            return order;
        }
    }
    Vec::new()
}

/// The variables that hold an effect with probability `mass`, at most `most` of them, and their
/// correlations by columns: what credible sets of any coverage up to `mass` need.
pub fn candidates(
    design: &dyn Region,
    alpha: &[f64],
    mass: f64,
    most: usize,
) -> (Vec<usize>, Vec<f64>) {
    let mut chosen = credible_set(alpha, mass);
    chosen.truncate(most);
    let n = chosen.len();
    let mut values = vec![1.0; n * n];
    for i in 0..n {
        for j in 0..i {
            let r = design.correlation(chosen[i], chosen[j]);
            values[i * n + j] = r;
            values[j * n + i] = r;
        }
    }
    (chosen, values)
}

/// Absolute correlations between the variables of a set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Purity {
    /// The smallest.
    pub min: f64,
    /// The mean.
    pub mean: f64,
    /// The median.
    pub median: f64,
}

/// The purity of `n` variables; `correlation` of two of them by their place. One variable is pure.
pub fn purity(n: usize, correlation: impl Fn(usize, usize) -> f64) -> Purity {
    let mut values: Vec<f64> = (1..n)
        .flat_map(|i| (0..i).map(move |j| (i, j)))
        .map(|(i, j)| correlation(i, j).abs())
        .collect();
    if values.is_empty() {
        return Purity { min: 1.0, mean: 1.0, median: 1.0 };
    }
    values.sort_by(f64::total_cmp);
    let m = values.len();
    let median = 0.5 * (values[(m - 1) / 2] + values[m / 2]);
    Purity { min: values[0], mean: values.iter().sum::<f64>() / m as f64, median }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_the_smallest_that_reaches_the_coverage() {
        let alpha = [0.1, 0.5, 0.05, 0.3, 0.05];
        assert_eq!(credible_set(&alpha, 0.5), [1]);
        assert_eq!(credible_set(&alpha, 0.8), [1, 3]);
        assert_eq!(credible_set(&alpha, 0.91), [1, 3, 0, 2]);
        assert_eq!(credible_set(&alpha, 1.0), [1, 3, 0, 2, 4]);
        assert_eq!(credible_set(&[0.1; 10], 1.0).len(), 10);
        assert!(credible_set(&[0.2, 0.2], 0.9).is_empty());
    }

    #[test]
    fn purity_is_over_pairs() {
        let r = [[1.0, -0.9, 0.6], [-0.9, 1.0, 0.3], [0.6, 0.3, 1.0]];
        let p = purity(3, |i, j| r[i][j]);
        assert_eq!((p.min, p.median), (0.3, 0.6));
        assert!((p.mean - 0.6).abs() < 1e-15);
        assert_eq!(purity(1, |_, _| 0.0), Purity { min: 1.0, mean: 1.0, median: 1.0 });
    }
}
