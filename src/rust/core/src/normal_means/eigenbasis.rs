//! Units whose noise is one covariance over a number, `N / d_j`: mixtures of many prior matrices in the
//! eigenbasis of `N`, one unit at a time.
//!
//! A unit is its precision `d` and `c = d x`, so that `log p(x | b) = c'N^{-1}b - d/2 b'N^{-1}b + const`.
//! With the thin singular value decomposition `WF = Q diag(sigma) P'` of [`SharedBasis`], `y = Q'Wc`,
//! `lambda_i = w sigma_i^2` for the scale `w` and `f_i = lambda_i / (1 + d lambda_i)`,
//! ```text
//!   log BF    = 1/2 sum_i [f_i y_i^2 - log(1 + d lambda_i)]      against b = 0,
//!   E[b|x]    = B (f y),     Var[b|x] = B diag(f) B',     B = FP diag(1 / sigma) (= W^{-1}Q),
//!   E[b|x]' N^{-1} c = sum_i f_i y_i^2.
//! ```
//! A zero matrix has rank zero: its Bayes factor is one and its effect zero, exactly. Per unit with R
//! conditions: `2R rank` operations for each matrix and `2 rank` for each scale; those with a posterior
//! weight above [`NEGLIGIBLE`] take as many again for the moments.
//!
//! Everything is `#[inline(always)]` over lanes, to be called inside [`dispatch`]: a loop over units
//! belongs in the same kernel.

mod second;
#[cfg(test)]
mod tests;

use super::problem::SharedNoise;
use super::shared::SharedBasis;
use crate::linalg::lanes::{Kernel, Lanes, MAX_LANES, dispatch};
use crate::linalg::psd::Factor;
use crate::linalg::special;
pub use second::SecondMoments;

/// Components with a posterior weight up to this do not enter the moments. Their weights do count: for
/// what is left out, a moment changes by at most this times the number of components, relatively to the
/// largest moment of a component.
pub const NEGLIGIBLE: f64 = 1e-13;

/// One matrix with its scales.
#[derive(Debug, Clone, Copy)]
struct Matrix {
    rank: usize,
    /// Where its eigenvalues begin, among those of all matrices.
    first: usize,
    /// Its first component, and how many it has: one for each scale.
    component: usize,
    scales: usize,
    /// Where its scales, and its gains, begin (padded).
    padded: usize,
    gains: usize,
}

impl Matrix {
    /// Scales, padded to whole lanes.
    #[inline(always)]
    fn width(&self) -> usize {
        self.scales.next_multiple_of(MAX_LANES)
    }
}

/// Prior matrices, each with its scales, against one noise covariance. Components are numbered matrix
/// by matrix, and by scale within it.
#[derive(Debug, Clone)]
pub struct Eigenbasis {
    conditions: usize,
    components: usize,
    gains: usize,
    matrices: Vec<Matrix>,
    /// `sigma^2` of all matrices.
    lambda: Vec<f64>,
    /// The (squared) scales of all matrices, each padded with zeros.
    scales: Vec<f64>,
    /// `Q'W` of all matrices, rows in groups of eight: `[group][condition][8]`.
    project: Vec<f64>,
    /// `B` of all matrices: a column of `rows` for each eigenvalue.
    back: Vec<f64>,
    rows: usize,
}

impl Eigenbasis {
    /// From the decompositions of the matrices and their scales (multipliers of the covariance).
    pub fn new(conditions: usize, bases: &[SharedBasis], scales: &[Vec<f64>]) -> Self {
        let rows = conditions.next_multiple_of(MAX_LANES);
        let total: usize = bases.iter().map(|b| b.sigma.len()).sum();
        let groups = total.div_ceil(MAX_LANES);
        let mut out = Self {
            conditions,
            components: 0,
            gains: 0,
            matrices: Vec::with_capacity(bases.len()),
            lambda: Vec::with_capacity(total + MAX_LANES),
            scales: Vec::new(),
            project: vec![0.0; groups * conditions * MAX_LANES],
            back: vec![0.0; total * rows],
            rows,
        };
        for (basis, scales) in bases.iter().zip(scales) {
            let matrix = Matrix {
                rank: basis.sigma.len(),
                first: out.lambda.len(),
                component: out.components,
                scales: scales.len(),
                padded: out.scales.len(),
                gains: out.gains,
            };
            for (i, &sigma) in basis.sigma.iter().enumerate() {
                let at = matrix.first + i;
                out.lambda.push(sigma * sigma);
                let group = &mut out.project[at / MAX_LANES * conditions * MAX_LANES..];
                for p in 0..conditions {
                    group[p * MAX_LANES + at % MAX_LANES] = basis.project[(i, p)];
                    // A direction that the noise hides altogether has no share in the moments.
                    let lift = if sigma > 0.0 { basis.lift[(p, i)] / sigma } else { 0.0 };
                    out.back[at * rows + p] = lift;
                }
            }
            out.scales.extend_from_slice(scales);
            out.scales.resize(matrix.padded + matrix.width(), 0.0);
            out.components += scales.len();
            out.gains += matrix.rank * matrix.width();
            out.matrices.push(matrix);
        }
        // Room to load whole lanes from anywhere.
        out.lambda.resize(total + MAX_LANES, 0.0);
        out
    }

    /// Decompose factors of prior matrices and put them together.
    pub fn of(noise: &SharedNoise, factors: &[Factor], scales: &[Vec<f64>]) -> Self {
        let bases: Vec<_> = factors.iter().map(|f| SharedBasis::new(noise, f)).collect();
        Self::new(noise.whitener.ncols(), &bases, scales)
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

    /// Log-weights with the padding that [`Unit::weigh`] expects.
    pub fn log_weights(&self, weights: &[f64]) -> Vec<f64> {
        let mut out: Vec<f64> = weights.iter().map(|w| w.ln()).collect();
        out.resize(self.components.next_multiple_of(MAX_LANES), f64::NEG_INFINITY);
        out
    }
}

/// What depends on the precision of a unit only: the same for all units of the same precision.
#[derive(Debug, Clone)]
pub struct Shrinkage {
    /// The precision `d`.
    pub precision: f64,
    /// `f_i / 2` by eigenvalue and scale: `[matrix][i][scale]`, scales padded.
    gain: Vec<f64>,
    /// `-1/2 sum_i log(1 + d lambda_i)` by component.
    log_det: Vec<f64>,
}

impl Shrinkage {
    /// For units of precision `d`.
    pub fn new(basis: &Eigenbasis, d: f64) -> Self {
        let gain = vec![0.0; basis.gains];
        let log_det = vec![0.0; basis.components + MAX_LANES];
        let mut out = Self { precision: f64::NAN, gain, log_det };
        dispatch(Set { basis, d, out: &mut out });
        out
    }

    /// Change to precision `d`, if it is another.
    #[inline(always)]
    pub fn set<V: Lanes>(&mut self, basis: &Eigenbasis, d: f64) {
        if self.precision == d {
            return;
        }
        self.precision = d;
        let one = V::splat(1.0);
        let d = V::splat(d);
        for m in &basis.matrices {
            let width = m.width();
            for l in (0..m.scales).step_by(V::N) {
                let scale = V::load(&basis.scales[m.padded + l..]);
                // The product of 1 + d lambda_i as mantissa and exponent: it may be beyond 1e308.
                let (mut product, mut exponent) = (one, V::splat(0.0));
                for i in 0..m.rank {
                    let lambda = scale * V::splat(basis.lambda[m.first + i]);
                    let inflation = d.mul_add(lambda, one);
                    let gain = (lambda * V::splat(0.5)).div(inflation);
                    gain.store(&mut self.gain[m.gains + i * width + l..]);
                    let (p, e) = (product * inflation).split_exponent();
                    (product, exponent) = (p, exponent + e);
                }
                let log_det = special::log_split(product, exponent) * V::splat(-0.5);
                // What is past the last scale is overwritten by the next matrix.
                log_det.store(&mut self.log_det[m.component + l..]);
            }
        }
    }
}

struct Set<'a> {
    basis: &'a Eigenbasis,
    d: f64,
    out: &'a mut Shrinkage,
}

impl Kernel for Set<'_> {
    type Output = ();
    #[inline(always)]
    fn run<V: Lanes>(self) {
        self.out.set::<V>(self.basis, self.d);
    }
}

/// What is known of the unit at hand, in this order: [`log_bayes_factors`](Self::log_bayes_factors),
/// [`weigh`](Self::weigh), [`moments`](Self::moments).
#[derive(Debug, Clone)]
pub struct Unit {
    components: usize,
    y: Vec<f64>,
    /// `y_i^2`.
    square: Vec<f64>,
    log_bf: Vec<f64>,
    weights: Vec<f64>,
    /// `sum_l g_l f_il` of one matrix, and that times `y_i`.
    shrunk: Vec<f64>,
    mean: Vec<f64>,
}

impl Unit {
    /// Room for the units of this basis.
    pub fn new(basis: &Eigenbasis) -> Self {
        let eigenvalues = basis.lambda.len();
        let components = basis.components.next_multiple_of(MAX_LANES) + MAX_LANES;
        let rank = basis.matrices.iter().map(|m| m.rank).max().unwrap_or(0) + MAX_LANES;
        Self {
            components: basis.components,
            y: vec![0.0; eigenvalues],
            square: vec![0.0; eigenvalues],
            log_bf: vec![0.0; components],
            weights: vec![0.0; components],
            shrunk: vec![0.0; rank],
            mean: vec![0.0; rank],
        }
    }

    /// The log Bayes factors of the components against no effect.
    #[inline(always)]
    pub fn log_bf(&self) -> &[f64] {
        &self.log_bf[..self.components]
    }

    /// The posterior weights of the components.
    #[inline(always)]
    pub fn weights(&self) -> &[f64] {
        &self.weights[..self.components]
    }

    /// From `c`, R numbers, and what belongs to the precision of the unit.
    #[inline(always)]
    pub fn log_bayes_factors<V: Lanes>(
        &mut self,
        basis: &Eigenbasis,
        shrinkage: &Shrinkage,
        c: &[f64],
    ) {
        self.project::<V>(basis, c);
        for m in &basis.matrices {
            let mut l = 0;
            while l < m.scales {
                let left = (m.scales - l).div_ceil(V::N);
                l += V::N
                    * match left {
                        1 => self.tile::<V, 1, 4>(m, shrinkage, l),
                        2 => self.tile::<V, 2, 2>(m, shrinkage, l),
                        3 => self.tile::<V, 3, 2>(m, shrinkage, l),
                        _ => self.tile::<V, 4, 2>(m, shrinkage, l),
                    };
            }
        }
    }

    /// `y = Q'Wc` of all matrices.
    #[inline(always)]
    fn project<V: Lanes>(&mut self, basis: &Eigenbasis, c: &[f64]) {
        let total = basis.project.len() / basis.conditions.max(1) / V::N;
        let mut at = 0;
        while at < total {
            at += match total - at {
                1 => self.project_tile::<V, 1>(basis, c, at),
                2 | 3 => self.project_tile::<V, 2>(basis, c, at),
                4..8 => self.project_tile::<V, 4>(basis, c, at),
                _ => self.project_tile::<V, 8>(basis, c, at),
            };
        }
    }

    /// `T` vectors of lanes of `y`, the first being number `at`.
    #[inline(always)]
    fn project_tile<V: Lanes, const T: usize>(
        &mut self,
        basis: &Eigenbasis,
        c: &[f64],
        at: usize,
    ) -> usize {
        let r = basis.conditions;
        let group = |t: usize| {
            let lane = (at + t) * V::N;
            let start = lane / MAX_LANES * r * MAX_LANES;
            &basis.project[start..start + r * MAX_LANES]
        };
        let from: [&[f64]; T] = std::array::from_fn(group);
        let shift: [usize; T] = std::array::from_fn(|t| (at + t) * V::N % MAX_LANES);
        let mut y = [V::splat(0.0); T];
        for (p, &c) in c[..r].iter().enumerate() {
            let c = V::splat(c);
            for t in 0..T {
                y[t] = V::load(&from[t][p * MAX_LANES + shift[t]..]).mul_add(c, y[t]);
            }
        }
        for t in 0..T {
            y[t].store(&mut self.y[(at + t) * V::N..]);
            (y[t] * y[t]).store(&mut self.square[(at + t) * V::N..]);
        }
        T
    }

    /// Log Bayes factors of `T` vectors of scales from `l` on, `U` eigenvalues at a time.
    #[inline(always)]
    fn tile<V: Lanes, const T: usize, const U: usize>(
        &mut self,
        m: &Matrix,
        shrinkage: &Shrinkage,
        l: usize,
    ) -> usize {
        let width = m.width();
        let gain = &shrinkage.gain[m.gains..m.gains + m.rank * width];
        let square = &self.square[m.first..m.first + m.rank];
        let mut sum = [[V::splat(0.0); T]; U];
        let whole = m.rank / U * U;
        for i in (0..whole).step_by(U) {
            for u in 0..U {
                let square = V::splat(square[i + u]);
                for t in 0..T {
                    let gain = V::load(&gain[(i + u) * width + l + t * V::N..]);
                    sum[u][t] = gain.mul_add(square, sum[u][t]);
                }
            }
        }
        for i in whole..m.rank {
            let square = V::splat(square[i]);
            for t in 0..T {
                let gain = V::load(&gain[i * width + l + t * V::N..]);
                sum[0][t] = gain.mul_add(square, sum[0][t]);
            }
        }
        for t in 0..T {
            let at = m.component + l + t * V::N;
            let mut total = V::load(&shrinkage.log_det[at..]);
            for u in 0..U {
                total = total + sum[u][t];
            }
            total.store(&mut self.log_bf[at..]);
        }
        T
    }

    /// Posterior weights from the logarithms of prior weights, padded by
    /// [`log_weights`](Eigenbasis::log_weights); returns the log Bayes factor of the mixture.
    #[inline(always)]
    pub fn weigh<V: Lanes>(&mut self, log_weights: &[f64]) -> f64 {
        let padded = log_weights.len();
        self.log_bf[self.components..padded].fill(0.0);
        let mut largest = V::splat(f64::NEG_INFINITY);
        for at in (0..padded).step_by(V::N) {
            let x = V::load(&self.log_bf[at..]) + V::load(&log_weights[at..]);
            x.store(&mut self.weights[at..]);
            largest = largest.max(x);
        }
        let largest = largest.to_array()[..V::N].iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = V::splat(0.0);
        for at in (0..padded).step_by(V::N) {
            let e = special::exp(V::load(&self.weights[at..]) - V::splat(largest));
            e.store(&mut self.weights[at..]);
            sum = sum + e;
        }
        let sum = sum.sum();
        let factor = V::splat(1.0 / sum);
        for at in (0..padded).step_by(V::N) {
            (V::load(&self.weights[at..]) * factor).store(&mut self.weights[at..]);
        }
        largest + sum.ln()
    }

    /// The posterior mean of the effect into `mean` (R numbers and padding, `Eigenbasis::rows` in all);
    /// returns `E[b|x]'N^{-1}c`. `second` takes the second moments, `weight` times.
    #[inline(always)]
    pub fn moments<V: Lanes>(
        &mut self,
        basis: &Eigenbasis,
        shrinkage: &Shrinkage,
        mean: &mut [f64],
        weight: f64,
        mut second: Option<&mut SecondMoments>,
    ) -> f64 {
        mean.fill(0.0);
        let mut product = 0.0;
        for (k, m) in basis.matrices.iter().enumerate() {
            let weights = &self.weights[m.component..m.component + m.scales];
            if m.rank == 0 || weights.iter().all(|g| *g <= NEGLIGIBLE) {
                continue;
            }
            if m.rank == 1 {
                let (y, width) = (self.y[m.first], m.width());
                let (mut shrunk, mut squares) = (0.0, 0.0);
                for (g, gain) in weights.iter().zip(&shrinkage.gain[m.gains..m.gains + width]) {
                    shrunk += g * 2.0 * gain;
                    squares += g * 4.0 * gain * gain;
                }
                product += shrunk * y * y;
                let column = &basis.back[m.first * basis.rows..][..basis.rows];
                for (mean, b) in mean.iter_mut().zip(column) {
                    *mean += shrunk * y * b;
                }
                if let Some(second) = second.as_deref_mut() {
                    second.add_line(m.first, weight * (shrunk + squares * y * y));
                }
                continue;
            }
            self.shrink::<V>(basis, shrinkage.precision, k, weight, second.as_deref_mut());
            let mut sum = V::splat(0.0);
            for i in (0..m.rank).step_by(V::N) {
                // Past the rank the shrinkage is zero.
                let shrunk = V::load(&self.shrunk[i..]);
                sum = shrunk.mul_add(V::load(&self.square[m.first + i..]), sum);
                (shrunk * V::load(&self.y[m.first + i..])).store(&mut self.mean[i..]);
            }
            product += sum.sum();
            lift::<V>(basis, m, &self.mean, mean);
        }
        product
    }

    /// `sum_l g_l f_il` over the scales that count, into `shrunk`.
    #[inline(always)]
    fn shrink<V: Lanes>(
        &mut self,
        basis: &Eigenbasis,
        d: f64,
        k: usize,
        weight: f64,
        mut second: Option<&mut SecondMoments>,
    ) {
        let m = &basis.matrices[k];
        let (one, d) = (V::splat(1.0), V::splat(d));
        self.shrunk[..m.rank.next_multiple_of(V::N)].fill(0.0);
        for l in 0..m.scales {
            let g = self.weights[m.component + l];
            if g <= NEGLIGIBLE {
                continue;
            }
            let scale = V::splat(basis.scales[m.padded + l]);
            let mut column = second.as_deref_mut().map(|s| s.column(k));
            let root = V::splat((g * weight).sqrt());
            for i in (0..m.rank).step_by(V::N) {
                // The eigenvalues past the rank belong to another matrix.
                let inside = V::splat((m.rank - i) as f64 - 0.5) - V::load(&LANE_NUMBERS);
                let zero = V::splat(0.0);
                let lambda = inside.select_negative(zero, V::load(&basis.lambda[m.first + i..]));
                let lambda = scale * lambda;
                let f = lambda.div(d.mul_add(lambda, one));
                V::splat(g).mul_add(f, V::load(&self.shrunk[i..])).store(&mut self.shrunk[i..]);
                if let Some(column) = column.as_deref_mut() {
                    (root * f * V::load(&self.y[m.first + i..])).store(&mut column[i..]);
                }
            }
            if let Some(second) = second.as_deref_mut() {
                second.pushed(k);
            }
        }
        if let Some(second) = second {
            second.add_diagonal(m.first, weight, &self.shrunk[..m.rank]);
        }
    }
}

const LANE_NUMBERS: [f64; MAX_LANES] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];

/// `mean += B_k x`.
#[inline(always)]
fn lift<V: Lanes>(basis: &Eigenbasis, m: &Matrix, x: &[f64], mean: &mut [f64]) {
    let back = &basis.back[m.first * basis.rows..(m.first + m.rank) * basis.rows];
    let mut row = 0;
    while row < basis.rows {
        row += V::N
            * match (basis.rows - row) / V::N {
                1 => lift_tile::<V, 1, 4>(back, basis.rows, &x[..m.rank], mean, row),
                2 | 3 => lift_tile::<V, 2, 2>(back, basis.rows, &x[..m.rank], mean, row),
                _ => lift_tile::<V, 4, 2>(back, basis.rows, &x[..m.rank], mean, row),
            };
    }
}

#[inline(always)]
fn lift_tile<V: Lanes, const T: usize, const U: usize>(
    back: &[f64],
    rows: usize,
    x: &[f64],
    mean: &mut [f64],
    row: usize,
) -> usize {
    let mut sum = [[V::splat(0.0); T]; U];
    for (i, x) in x.iter().enumerate() {
        let x = V::splat(*x);
        for t in 0..T {
            let b = V::load(&back[i * rows + row + t * V::N..]);
            sum[i % U][t] = b.mul_add(x, sum[i % U][t]);
        }
    }
    for t in 0..T {
        let mut total = V::load(&mean[row + t * V::N..]);
        for u in 0..U {
            total = total + sum[u][t];
        }
        total.store(&mut mean[row + t * V::N..]);
    }
    T
}

impl Eigenbasis {
    /// The length of the vector of means: R, padded.
    pub fn rows(&self) -> usize {
        self.rows
    }
}
