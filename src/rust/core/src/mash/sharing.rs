//! How often two conditions share an effect: by sign and within a factor in size.
//!
//! For conditions a and b, over the units whose lfsr is below a threshold in a or in b:
//! the share with `factor < pm_a / pm_b < 1 / factor`.

use rayon::prelude::*;

use crate::{Error, Monitor};

/// The units of one pair of conditions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PairCount {
    /// Significant in either condition.
    pub significant: usize,
    /// Of these, similar in both.
    pub similar: usize,
    /// Of the significant, those whose ratio is not a number (0 / 0 or missing).
    pub undefined: usize,
}

/// What is alike, and what counts.
#[derive(Debug, Clone, Copy)]
pub struct Alike {
    /// The number of conditions, R.
    pub conditions: usize,
    /// The smallest ratio of similar effects, the smaller to the larger.
    pub factor: f64,
    /// Units with a smaller lfsr are significant.
    pub lfsr_thresh: f64,
}

impl Alike {
    /// The number of pairs a <= b.
    fn pairs(&self) -> usize {
        self.conditions * (self.conditions + 1) / 2
    }
}

/// Count every pair a <= b; element `b * (b + 1) / 2 + a` of the result.
///
/// `pm` and `lfsr` are J x R by columns; a missing lfsr is not significant.
pub fn pairwise_sharing(
    pm: &[f64],
    lfsr: &[f64],
    alike: Alike,
    monitor: &Monitor,
) -> Result<Vec<PairCount>, Error> {
    if pm.len() != lfsr.len() {
        return Err(Error::Shape { name: "lfsr", expected: pm.len(), found: lfsr.len() });
    }
    let Alike { conditions, factor, lfsr_thresh } = alike;
    if conditions == 0 || pm.len() % conditions != 0 {
        return Err(Error::Shape { name: "pm", expected: conditions, found: pm.len() });
    }
    let n_units = pm.len() / conditions;
    if n_units == 0 {
        return Ok(vec![PairCount::default(); alike.pairs()]);
    }
    let significant: Vec<bool> = lfsr.iter().map(|&x| x < lfsr_thresh).collect();
    let by_column: Vec<Vec<PairCount>> = (0..conditions)
        .into_par_iter()
        .map(|b| {
            monitor.advance(1)?;
            let at_b = b * n_units..(b + 1) * n_units;
            let row = (0..=b).map(|a| {
                let at_a = a * n_units..(a + 1) * n_units;
                count_pair(
                    (&pm[at_a.clone()], &significant[at_a]),
                    (&pm[at_b.clone()], &significant[at_b.clone()]),
                    factor,
                )
            });
            Ok(row.collect())
        })
        .collect::<Result<_, Error>>()?;
    Ok(by_column.concat())
}

/// The counts of [`pairwise_sharing`] with samples of the effects (J x R x M by columns) in the place
/// of their means: units that are similar or undefined are counted once for each sample in which they
/// are, significant ones once.
pub fn sampled_sharing(
    samples: &[f64],
    lfsr: &[f64],
    alike: Alike,
    monitor: &Monitor,
) -> Result<Vec<PairCount>, Error> {
    if lfsr.is_empty() || samples.len() % lfsr.len() != 0 {
        return Err(Error::Shape { name: "samples", expected: lfsr.len(), found: samples.len() });
    }
    let mut total = vec![PairCount::default(); alike.pairs()];
    for sample in samples.chunks_exact(lfsr.len()) {
        let counts = pairwise_sharing(sample, lfsr, alike, monitor)?;
        for (total, count) in total.iter_mut().zip(counts) {
            total.significant = count.significant;
            total.similar += count.similar;
            total.undefined += count.undefined;
        }
    }
    Ok(total)
}

/// Two conditions: posterior means, and whether each is significant.
fn count_pair(a: (&[f64], &[bool]), b: (&[f64], &[bool]), factor: f64) -> PairCount {
    let limit = 1.0 / factor;
    let units = a.0.iter().zip(a.1).zip(b.0.iter().zip(b.1));
    units.fold(PairCount::default(), |count, ((&x, &in_a), (&y, &in_b))| {
        let counted = in_a | in_b;
        let ratio = x / y;
        PairCount {
            significant: count.significant + usize::from(counted),
            similar: count.similar + usize::from(counted & (ratio > factor) & (ratio < limit)),
            undefined: count.undefined + usize::from(counted & ratio.is_nan()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIKE: Alike = Alike { conditions: 2, factor: 0.5, lfsr_thresh: 0.05 };

    #[test]
    fn counts_units_significant_in_either_and_similar_in_both() {
        // Two conditions, five units: similar; too different; opposite; not significant; 0 / 0.
        let pm = [1.0, 4.0, 1.0, 1.0, 0.0, 1.5, 1.0, -1.0, 1.0, 0.0];
        let lfsr = [0.01, 0.2, 0.01, 0.2, 0.01, 0.2, 0.01, 0.2, f64::NAN, 0.2];
        let counts = pairwise_sharing(&pm, &lfsr, ALIKE, &Monitor::default()).unwrap();
        let (first, cross, second) = (counts[0], counts[1], counts[2]);
        assert_eq!(first, PairCount { significant: 3, similar: 2, undefined: 1 });
        assert_eq!(cross, PairCount { significant: 4, similar: 1, undefined: 1 });
        assert_eq!(second, PairCount { significant: 1, similar: 1, undefined: 0 });
    }

    #[test]
    fn samples_are_counted_one_by_one() {
        // Two conditions, two units, three samples: ratios (1.5, 4), (1, 0 / 0) and (-1, 1).
        let samples = [1.5, 4.0, 1.0, 1.0, 2.0, 0.0, 2.0, 0.0, -1.0, 3.0, 1.0, 3.0];
        let lfsr = [0.01, 0.2, 0.2, 0.01];
        let monitor = Monitor::default();
        let counts = sampled_sharing(&samples, &lfsr, ALIKE, &monitor).unwrap();
        assert_eq!(counts[1], PairCount { significant: 2, similar: 3, undefined: 1 });
        assert_eq!(counts[0], PairCount { significant: 1, similar: 3, undefined: 0 });
        assert!(sampled_sharing(&samples[1..], &lfsr, ALIKE, &monitor).is_err());
    }

    #[test]
    fn shapes_that_disagree_are_errors() {
        let monitor = Monitor::default();
        assert!(pairwise_sharing(&[0.0; 4], &[0.0; 3], ALIKE, &monitor).is_err());
        assert!(pairwise_sharing(&[0.0; 3], &[0.0; 3], ALIKE, &monitor).is_err());
        assert!(pairwise_sharing(&[], &[], Alike { conditions: 0, ..ALIKE }, &monitor).is_err());
    }
}
