//! Sums of second moments over units, kept in the eigenbasis of each matrix.

use std::ops::Range;

use faer::{Mat, MatRef};

use super::{Eigenbasis, Grid};
use crate::linalg::aligned::Aligned;
use crate::linalg::lanes::MAX_LANES;
use crate::linalg::square::add_squares;

/// Means that wait to be squared together.
const WAITING: usize = 64;

/// `sum_j weight_j E[b_j b_j' | x_j]`.
#[derive(Debug, Clone)]
pub struct SecondMoments {
    matrices: Vec<Sum>,
    /// The diagonal parts of all matrices, and padding.
    diagonal: Vec<f64>,
}

#[derive(Debug, Clone)]
struct Sum {
    directions: Range<usize>,
    /// Columns of `stride` numbers.
    waiting: Aligned,
    stride: usize,
    columns: usize,
    /// Lower triangle of the sum of squares, by columns of `stride`; nothing at rank one, where the
    /// diagonal has it.
    square: Aligned,
}

impl SecondMoments {
    /// Nothing yet, of the matrices of a grid.
    pub fn of_grid(grid: &Grid) -> Self {
        Self::new(grid.matrices.iter().map(|m| m.first..m.first + m.rank))
    }

    /// Nothing yet, of all matrices.
    pub fn of_basis(basis: &Eigenbasis) -> Self {
        Self::new(basis.starts.windows(2).map(|s| s[0]..s[1]))
    }

    fn new(matrices: impl Iterator<Item = Range<usize>>) -> Self {
        let sum = |directions: Range<usize>| {
            let rank = directions.len();
            let dense = if rank > 1 { rank } else { 0 };
            let stride = dense.next_multiple_of(MAX_LANES);
            let waiting = Aligned::zeros(stride * WAITING);
            let square = Aligned::zeros(stride * stride);
            Sum { directions, waiting, stride, columns: 0, square }
        };
        let matrices: Vec<Sum> = matrices.map(sum).collect();
        let directions = matrices.last().map_or(0, |m| m.directions.end);
        Self { matrices, diagonal: vec![0.0; directions + MAX_LANES] }
    }

    /// The diagonal part of some directions: variances, and squares of matrices of rank one.
    #[inline(always)]
    pub(super) fn diagonal(&mut self, first: usize, len: usize) -> &mut [f64] {
        &mut self.diagonal[first..first + len]
    }

    /// The next mean of matrix `k`, of rank two or more, goes here, padded with zeros.
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

    /// `weight` times the moment of a unit under matrix `k`, given the mean and the variance in each of its
    /// directions.
    pub(super) fn add(&mut self, k: usize, weight: f64, direction: impl Fn(usize) -> (f64, f64)) {
        let (first, rank) = (self.matrices[k].directions.start, self.matrices[k].directions.len());
        if weight == 0.0 || rank == 0 {
            return;
        }
        for i in 0..rank {
            let (mean, variance) = direction(i);
            let square = if rank == 1 { mean * mean } else { 0.0 };
            self.diagonal[first + i] += weight * (variance + square);
            if rank > 1 {
                self.column(k)[i] = weight.sqrt() * mean;
            }
        }
        if rank > 1 {
            self.pushed(k);
        }
    }

    /// The sum, R by R, with the directions as columns of `lift`.
    pub fn total(&mut self, lift: MatRef<'_, f64>) -> Mat<f64> {
        let r = lift.nrows();
        let mut out = Mat::<f64>::zeros(r, r);
        for sum in &mut self.matrices {
            sum.flush();
            let (first, rank) = (sum.directions.start, sum.directions.len());
            let moment = |i: usize, p: usize| {
                let square =
                    if rank > 1 { sum.square[i.min(p) * sum.stride + i.max(p)] } else { 0.0 };
                square + if i == p { self.diagonal[first + i] } else { 0.0 }
            };
            let middle = Mat::from_fn(rank, rank, moment);
            let lift = lift.subcols(first, rank);
            out += lift * &middle * lift.transpose();
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
        add_squares(self.stride, used, &mut self.square);
        self.columns = 0;
    }
}
