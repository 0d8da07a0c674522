//! Which component each sample of a unit comes from.

use crate::Error;
use crate::normal_means::posterior::Weights;
use crate::random::Stream;

/// The samples of one unit, sorted by component.
#[derive(Debug)]
pub struct Assignment {
    pub stream: Stream,
    /// Samples, those of the first column of the weights first.
    samples: Vec<u32>,
    /// Where the samples of each column start, and where the last ones end.
    start: Vec<usize>,
}

impl Assignment {
    /// Draw the components of `samples` samples from the weights of a row, which need not sum to one.
    pub fn new(
        stream: Stream,
        weights: Weights,
        units: usize,
        row: usize,
        samples: usize,
    ) -> Result<Self, Error> {
        let active = weights.active.len();
        let fail =
            |why: &str| Error::Value { name: "weights", why: format!("{why} row {}", row + 1) };
        // The columns with weight, and the sum of the weights up to each.
        let (mut columns, mut sums, mut total) = (Vec::new(), Vec::new(), 0.0);
        for column in 0..active {
            let weight = weights.values[column * units + row];
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(fail("must be finite and not negative, unlike"));
            }
            if weight > 0.0 {
                total += weight;
                columns.push(column);
                sums.push(total);
            }
        }
        if columns.is_empty() {
            return Err(fail("are all zero in"));
        }
        let mut start = vec![0; active + 1];
        let drawn: Vec<usize> = (0..samples as u32)
            .map(|sample| {
                let u = total * stream.uniform(sample);
                let column = columns[sums.partition_point(|s| *s < u).min(columns.len() - 1)];
                start[column + 1] += 1;
                column
            })
            .collect();
        for column in 0..active {
            start[column + 1] += start[column];
        }
        let mut next = start.clone();
        let mut sorted = vec![0; samples];
        for (sample, &column) in drawn.iter().enumerate() {
            sorted[next[column]] = sample as u32;
            next[column] += 1;
        }
        Ok(Self { stream, samples: sorted, start })
    }

    /// The samples that come from a column.
    pub fn of(&self, column: usize) -> &[u32] {
        &self.samples[self.start[column]..self.start[column + 1]]
    }
}
