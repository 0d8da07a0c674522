//! The predictors.

/// The predictors: n by p, by columns.
#[derive(Debug, Clone, Copy)]
pub struct Design<'a> {
    /// The number of samples.
    pub n: usize,
    /// The number of predictors.
    pub p: usize,
    /// The values, by columns.
    pub x: &'a [f64],
}

impl<'a> Design<'a> {
    /// Predictor `j`.
    pub fn column(&self, j: usize) -> &'a [f64] {
        &self.x[j * self.n..(j + 1) * self.n]
    }
}
