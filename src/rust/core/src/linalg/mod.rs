//! Small dense kernels that run several units in lock step, one per SIMD lane.
//!
//! Matrices of 2 to 60 rows are too small for one-at-a-time factorisations to use a core well, so
//! the hot kernels are written once over a lane type and compiled for each instruction set:
//! - `aligned`: numbers that begin on a cache line;
//! - `lanes`: the lane types (AVX-512, AVX2, portable) and the run-time choice among them;
//! - `special`: exp, log and erfc on lanes;
//! - `tridiagonal`: Householder reduction of a symmetric matrix bordered by a vector;
//! - `blocks`: the 4 by 4 products that the next three are made of;
//! - `cholesky`: factorisation and triangular solution, one matrix per lane;
//! - `inverse`: inverses from Cholesky factors, and weighted sums of them, one matrix per lane;
//! - `cross`: weighted sums of cross products of vectors, one vector per lane;
//! - `columns`: products and sums of long columns;
//! - `gamma`: log-gamma and its derivatives;
//! - `gram`: products of a matrix with its transpose, as the reduction wants them;
//! - `square`: sums of `xx'` of single vectors;
//! - `scalar`: log-sum-exps, logistic functions;
//! - `search`: the maximum of a function of one variable, and its root;
//! - `normal_tail`: the normal distribution cut to positive values, one number at a time;
//! - `orthant`: two normal variables that are both positive, or alike;
//! - `dense`: products and eigenvalues of one matrix;
//! - `twofold`: numbers of twice the digits;
//! - `psd`: factors of one positive semi-definite matrix, and the check that it is one;
//! - `quadrature`: integrals over an interval;
//! - `tiled`: the Cholesky factor of one large matrix, on all threads;
//! - `band`: one large symmetric matrix turned into a band, and normal densities of that;
//! - `pieces`: the parts of a matrix that are tasks of threads.

pub mod aligned;
pub mod band;
pub mod blocks;
pub mod cholesky;
pub mod columns;
pub mod cross;
pub mod dense;
pub mod gamma;
pub mod gram;
pub mod inverse;
pub mod lanes;
pub mod normal_tail;
pub mod orthant;
pub mod pieces;
pub mod psd;
pub mod quadrature;
pub mod scalar;
pub mod search;
pub mod special;
pub mod square;
pub mod tiled;
pub mod tridiagonal;
pub mod twofold;
