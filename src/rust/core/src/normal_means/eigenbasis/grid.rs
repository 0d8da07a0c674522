//! Matrices with their scales, laid out for one unit at a time.

use faer::MatRef;

use super::Eigenbasis;
use crate::linalg::aligned::Aligned;
use crate::linalg::lanes::MAX_LANES;

/// Directions that are projected together: as many sums as it takes to keep two multipliers busy.
pub(super) const TILE: usize = 8 * MAX_LANES;

/// One matrix with its scales.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix {
    pub rank: usize,
    /// Its first direction among those of all matrices.
    pub first: usize,
    /// Its first component, and how many it has: one for each scale.
    pub component: usize,
    pub scales: usize,
    /// Where its padded scales, its padded eigenvalues, and its two tables of a [`super::Shrinkage`]
    /// begin.
    pub padded: usize,
    pub lambda: usize,
    pub gains: usize,
    pub shrunk: usize,
}

impl Matrix {
    /// Scales, padded to whole lanes.
    #[inline(always)]
    pub fn width(&self) -> usize {
        self.scales.next_multiple_of(MAX_LANES)
    }

    /// Directions, padded to whole lanes.
    #[inline(always)]
    pub fn height(&self) -> usize {
        self.rank.next_multiple_of(MAX_LANES)
    }
}

/// Prior matrices, each with its scales (multipliers of the covariance). Components are numbered matrix
/// by matrix, and by scale within it.
#[derive(Debug, Clone)]
pub struct Grid {
    pub(super) conditions: usize,
    pub(super) components: usize,
    pub(super) directions: usize,
    pub(super) matrices: Vec<Matrix>,
    /// `sigma^2` of all matrices, each padded with zeros.
    pub(super) lambda: Vec<f64>,
    /// The scales of all matrices, each padded with zeros.
    pub(super) scales: Vec<f64>,
    /// `Q'W`, [`TILE`] directions at a time (the last may have fewer, in whole lanes):
    /// `[tile][condition][direction]`.
    pub(super) project: Aligned,
    /// `B`: a column of `rows` for each direction.
    pub(super) back: Aligned,
    pub(super) rows: usize,
}

impl Grid {
    /// The matrices of these numbers, each with its own scales.
    pub fn new(basis: &Eigenbasis, matrices: &[usize], scales: &[Vec<f64>]) -> Self {
        let r = basis.conditions;
        let rows = r.next_multiple_of(MAX_LANES);
        let mut out = Self {
            conditions: r,
            components: 0,
            directions: 0,
            matrices: Vec::with_capacity(matrices.len()),
            lambda: Vec::new(),
            scales: Vec::new(),
            project: Aligned::zeros(0),
            back: Aligned::zeros(0),
            rows,
        };
        let (mut gains, mut shrunk) = (0, 0);
        let mut origin = Vec::new();
        for (&k, scales) in matrices.iter().zip(scales) {
            let directions = basis.starts[k]..basis.starts[k + 1];
            let matrix = Matrix {
                rank: directions.len(),
                first: origin.len(),
                component: out.components,
                scales: scales.len(),
                padded: out.scales.len(),
                lambda: out.lambda.len(),
                gains,
                shrunk,
            };
            origin.extend(directions.clone());
            out.lambda.extend_from_slice(&basis.lambda[directions]);
            out.lambda.resize(matrix.lambda + matrix.height(), 0.0);
            out.scales.extend_from_slice(scales);
            out.scales.resize(matrix.padded + matrix.width(), 0.0);
            out.components += matrix.scales;
            gains += matrix.rank * matrix.width();
            shrunk += matrix.height() * matrix.scales;
            out.matrices.push(matrix);
        }
        out.directions = origin.len();
        let padded = out.directions.next_multiple_of(MAX_LANES);
        out.project = Aligned::zeros(padded * r);
        out.back = Aligned::zeros(out.directions * rows);
        for (at, &from) in origin.iter().enumerate() {
            let tile = at / TILE * TILE;
            let width = TILE.min(padded - tile);
            for p in 0..r {
                out.project[tile * r + p * width + at - tile] = basis.project[(from, p)];
                out.back[at * rows + p] = basis.lift[(p, from)];
            }
        }
        out
    }

    /// The number of conditions, R.
    pub fn conditions(&self) -> usize {
        self.conditions
    }

    /// The number of components.
    pub fn len(&self) -> usize {
        self.components
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.components == 0
    }

    /// The length of a vector of means: R, padded.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// `B` of all matrices, R by directions.
    pub fn lift(&self) -> MatRef<'_, f64> {
        let all = MatRef::from_column_major_slice(&self.back, self.rows, self.directions);
        all.subrows(0, self.conditions)
    }

    /// Log-weights with the padding that [`super::Unit::weigh`] expects.
    pub fn log_weights(&self, weights: &[f64]) -> Vec<f64> {
        let mut out: Vec<f64> = weights.iter().map(|w| w.ln()).collect();
        out.resize(self.components.next_multiple_of(MAX_LANES), f64::NEG_INFINITY);
        out
    }
}
