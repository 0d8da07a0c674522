//! A prior component as the elimination wants it.

use crate::linalg::psd::Factor;

/// The rows of a factor `F` that are not zero, in groups of four, their columns in reverse.
///
/// In reverse, row `i` of the lower trapezoidal `F` starts with zeros, and so does its solution
/// `L^{-1} f_i`: the triangular solves for all rows cost R^3 / 3 instead of R^3.
#[derive(Debug, Clone)]
pub struct Packed {
    /// The number of columns, rounded up to four; those added come first, and are zero.
    pub columns: usize,
    /// The conditions with non-zero prior variance, ascending.
    pub support: Vec<usize>,
    /// For each group of four rows, column by column, four values.
    pub values: Vec<f64>,
    /// For each group, the first block of four columns that is not zero.
    pub first: Vec<usize>,
}

impl Packed {
    pub fn new(factor: &Factor) -> Self {
        let columns = factor.rank.div_ceil(4) * 4;
        let groups = factor.support.len().div_ceil(4);
        let mut values = vec![0.0; groups * 4 * columns];
        let mut first = vec![columns / 4; groups];
        for (at, &i) in factor.support.iter().enumerate() {
            let group = at / 4;
            for (c, &f) in factor.row(i).iter().enumerate().filter(|(_, f)| **f != 0.0) {
                let reversed = columns - 1 - c;
                values[(group * columns + reversed) * 4 + at % 4] = f;
                first[group] = first[group].min(reversed / 4);
            }
        }
        Self { columns, support: factor.support.clone(), values, first }
    }

    /// The number of groups of four rows.
    pub fn groups(&self) -> usize {
        self.first.len()
    }
}

/// The lower triangle of a symmetric matrix by rows: where entry `(i, p)`, `p <= i`, is.
#[inline(always)]
pub fn triangle(i: usize, p: usize) -> usize {
    i * (i + 1) / 2 + p
}
