//! Sums of second moments over units, kept in the eigenbasis of each matrix.

use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, Mat, MatRef, Par};

use super::Eigenbasis;
use crate::linalg::lanes::MAX_LANES;

/// Means that wait to be squared together.
const WAITING: usize = 128;

/// `sum_j weight_j E[b_j b_j' | x_j]`.
#[derive(Debug, Clone)]
pub struct SecondMoments {
    matrices: Vec<Sum>,
    /// The diagonal parts of all matrices.
    diagonal: Vec<f64>,
}

#[derive(Debug, Clone)]
struct Sum {
    first: usize,
    rank: usize,
    /// Columns of `stride` numbers.
    waiting: Vec<f64>,
    stride: usize,
    columns: usize,
    /// Lower triangle of the sum of squares.
    square: Mat<f64>,
}

impl SecondMoments {
    /// Nothing yet.
    pub fn new(basis: &Eigenbasis) -> Self {
        let sum = |m: &super::Matrix| {
            let stride = m.rank.next_multiple_of(MAX_LANES);
            let dense = if m.rank > 1 { m.rank } else { 0 };
            let waiting = vec![0.0; if m.rank > 1 { stride * WAITING } else { 0 }];
            let square = Mat::zeros(dense, dense);
            Sum { first: m.first, rank: m.rank, waiting, stride, columns: 0, square }
        };
        let matrices = basis.matrices.iter().map(sum).collect();
        Self { matrices, diagonal: vec![0.0; basis.lambda.len()] }
    }

    /// The moment of a matrix of rank one.
    #[inline(always)]
    pub(super) fn add_line(&mut self, first: usize, moment: f64) {
        self.diagonal[first] += moment;
    }

    /// The variances of a matrix.
    #[inline(always)]
    pub(super) fn add_diagonal(&mut self, first: usize, weight: f64, variances: &[f64]) {
        for (sum, v) in self.diagonal[first..].iter_mut().zip(variances) {
            *sum += weight * v;
        }
    }

    /// The next mean of a matrix goes here, padded with zeros.
    #[inline(always)]
    pub(super) fn column(&mut self, k: usize) -> &mut [f64] {
        let sum = &mut self.matrices[k];
        &mut sum.waiting[sum.columns * sum.stride..(sum.columns + 1) * sum.stride]
    }

    /// It is there.
    #[inline(always)]
    pub(super) fn pushed(&mut self, k: usize) {
        let sum = &mut self.matrices[k];
        sum.columns += 1;
        if sum.columns == WAITING {
            sum.flush();
        }
    }

    /// The sum, R by R.
    pub fn total(&mut self, basis: &Eigenbasis) -> Mat<f64> {
        let r = basis.conditions;
        let mut out = Mat::<f64>::zeros(r, r);
        for sum in &mut self.matrices {
            sum.flush();
            let rows = &basis.back[sum.first * basis.rows..(sum.first + sum.rank) * basis.rows];
            let back = MatRef::from_column_major_slice(rows, basis.rows, sum.rank);
            let back = back.subrows(0, r);
            let moment = |i: usize, p: usize| {
                let square = if sum.rank > 1 { sum.square[(i.max(p), i.min(p))] } else { 0.0 };
                square + if i == p { self.diagonal[sum.first + i] } else { 0.0 }
            };
            let middle = Mat::from_fn(sum.rank, sum.rank, moment);
            out += back * &middle * back.transpose();
        }
        // Symmetric to the last bit.
        Mat::from_fn(r, r, |i, p| out[(i.max(p), i.min(p))])
    }
}

impl Sum {
    fn flush(&mut self) {
        if self.columns == 0 {
            return;
        }
        let used = &self.waiting[..self.columns * self.stride];
        let m = MatRef::from_column_major_slice(used, self.stride, self.columns);
        let m = m.subrows(0, self.rank);
        let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        let to = self.square.as_mut();
        matmul(to, lower, Accum::Add, m, full, m.transpose(), full, 1.0, Par::Seq);
        self.columns = 0;
    }
}
