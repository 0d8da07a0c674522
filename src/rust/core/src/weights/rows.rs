//! Which rows a pass visits, and in which fixed pieces, so that sums never depend on the threads.

use rayon::prelude::*;

use crate::Error;

/// Rows of a strip: columns of this length stay in the first-level cache, a few at a time.
const STRIP: usize = 512;
/// Rows of a strip of a sample: short, so that a sample is spread over the whole matrix.
const SAMPLE_STRIP: usize = 64;
/// Most groups of strips; each group is one task with its own partial sums.
const MAX_GROUPS: usize = 64;

/// A run of consecutive rows: the first one's place in the matrix, and among the rows visited.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strip {
    pub row: usize,
    pub at: usize,
    pub len: usize,
}

/// The rows of one pass: strips of equal length (the last may be shorter), put into groups.
#[derive(Debug)]
pub(super) struct Rows {
    strips: Vec<Strip>,
    strip_len: usize,
    count: usize,
}

impl Rows {
    /// All `n` rows.
    pub fn all(n: usize) -> Self {
        Self::every(n, STRIP, 1)
    }

    /// About one row in `every`, in short strips spread evenly.
    pub fn sample(n: usize, every: usize) -> Self {
        Self::every(n, SAMPLE_STRIP, every)
    }

    fn every(n: usize, strip_len: usize, every: usize) -> Self {
        let mut strips = Vec::with_capacity(n.div_ceil(strip_len * every));
        let mut at = 0;
        for row in (0..n).step_by(strip_len * every) {
            let len = strip_len.min(n - row);
            strips.push(Strip { row, at, len });
            at += len;
        }
        Self { strips, strip_len, count: at }
    }

    /// The number of rows visited.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The strips in order.
    pub fn strips(&self) -> &[Strip] {
        &self.strips
    }

    fn strips_per_group(&self, groups: usize) -> usize {
        self.strips.len().div_ceil(groups.clamp(1, MAX_GROUPS)).max(1)
    }

    /// `task` on each of at most `groups` groups of strips; what it returns, in the groups' order.
    pub fn map<T: Send>(
        &self,
        groups: usize,
        task: impl Fn(&[Strip]) -> Result<T, Error> + Sync + Send,
    ) -> Result<Vec<T>, Error> {
        self.strips.par_chunks(self.strips_per_group(groups)).map(task).collect()
    }

    /// The same, handing each group its piece of a vector with one element for each row visited.
    /// The strips' `at` then counts from the start of that piece.
    pub fn map_with<T: Send>(
        &self,
        out: &mut [f64],
        task: impl Fn(&[Strip], &mut [f64]) -> Result<T, Error> + Sync + Send,
    ) -> Result<Vec<T>, Error> {
        let per_group = self.strips_per_group(MAX_GROUPS);
        self.strips
            .par_chunks(per_group)
            .zip(out.par_chunks_mut(per_group * self.strip_len))
            .map(|(strips, piece)| task(strips, piece))
            .collect()
    }
}

impl Strip {
    /// The elements of a vector over all rows of the matrix that belong to this strip.
    pub fn matrix<'a>(&self, x: &'a [f64]) -> &'a [f64] {
        &x[self.row..self.row + self.len]
    }

    /// The elements of a vector over the rows visited that belong to this strip.
    pub fn of<'a>(&self, x: &'a [f64]) -> &'a [f64] {
        &x[self.at..self.at + self.len]
    }

    /// The same in a group's piece, whose first strip is `first`.
    pub fn within<'a>(&self, first: &Strip, piece: &'a mut [f64]) -> &'a mut [f64] {
        let from = self.at - first.at;
        &mut piece[from..from + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_cover_the_rows_once_whatever_the_count() {
        for n in [1, 63, 64, 65, 511, 513, 40_000, 70_001] {
            for rows in [Rows::all(n), Rows::sample(n, 16)] {
                let mut seen = vec![0.0; rows.count()];
                let lengths = rows
                    .map_with(&mut seen, |strips, piece| {
                        for s in strips {
                            for x in s.within(&strips[0], piece) {
                                *x += 1.0;
                            }
                        }
                        Ok(piece.len())
                    })
                    .unwrap();
                assert_eq!(lengths.iter().sum::<usize>(), rows.count(), "{n}");
                assert!(seen.iter().all(|&x| x == 1.0), "{n}");
                assert!(rows.strips().iter().all(|s| s.row + s.len <= n));
            }
        }
    }
}
