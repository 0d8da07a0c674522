//! X, Y and the noise together, as single effects see them.

use faer::{Mat, MatRef};

use crate::Error;
use crate::linalg::psd::Factor;
use crate::noise::Whitened;
use crate::normal_means::eigenbasis::{Coordinates, Eigenbasis};

/// What the coefficients of a few variables are, and what they take from the residual.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The variables.
    pub active: &'a [usize],
    /// Their coefficients: a row for each, in the coordinates of the region.
    pub mean: &'a Mat<f64>,
    /// What [`Region::fitted`] makes of them.
    pub fitted: &'a Mat<f64>,
}

/// Data with their noise. Complete data are whitened: with `W V W' = I`, `Y` becomes `Y W'`, and
/// effects are `B W'`. The residual is in the form of the predictors, as [`Region::start`] has it.
pub trait Region: Sync {
    /// The number of variables, p.
    fn variables(&self) -> usize {
        self.norms().len()
    }
    /// The number of conditions, R.
    fn conditions(&self) -> usize {
        self.noise().covariance.nrows()
    }
    /// `x_j'x_j`; one where each variable has a noise of its own.
    fn norms(&self) -> &[f64];
    /// Rows, for the constant of the evidence and the residual covariance; zero if they do not
    /// count.
    fn samples(&self) -> f64;
    /// The residual covariance.
    fn noise(&self) -> &Whitened;
    /// Whiten by a new residual covariance. Returns `T`, by which whitened rows are multiplied:
    /// `T'` from the right.
    ///
    /// # Errors
    /// `v` is not positive definite, or outcomes are missing.
    fn set_noise(&mut self, v: Mat<f64>) -> Result<Mat<f64>, Error>;
    /// The covariances of residuals and of a background, if they move together with the effects.
    fn variances(&self) -> Option<(Mat<f64>, Mat<f64>)> {
        None
    }
    /// Put them there. What was fitted before is not any longer.
    ///
    /// # Errors
    /// A residual covariance that is not positive definite.
    fn set_variances(&mut self, _v: Mat<f64>, _background: Mat<f64>) -> Result<(), Error> {
        Ok(())
    }
    /// Raise the bound by them, given effects, and of each `E[b b']` times the probabilities: R by R for
    /// each of its variables.
    ///
    /// # Errors
    /// As of `set_variances`.
    fn renew(&mut self, _parts: &[Part<'_>], _second: &[Vec<f64>]) -> Result<(), Error> {
        Ok(())
    }
    /// What the evidence bound has besides its sums: the normalising constants of all rows.
    fn constant(&self) -> f64;

    /// The residual without effects.
    fn start(&self) -> &Mat<f64>;
    /// `X'R / sqrt(x_j'x_j)`, p by R: the effects that the variables would have alone, in units of
    /// their noise.
    fn scores(&self, residual: &Mat<f64>) -> Mat<f64>;
    /// What coefficients of some variables (rows) take from the residual.
    fn fitted(&self, active: &[usize], mean: MatRef<'_, f64>) -> Mat<f64>;
    /// The trace of `B'X'XB`, whitened.
    fn fitted_norm(&self, part: Part<'_>) -> f64;
    /// The trace of `R'R`, whitened; `parts` are what the residual is without.
    fn residual_norm(&self, residual: &Mat<f64>, parts: &[Part<'_>]) -> f64;
    /// `R'R - sum_l B_l'X'XB_l`, whitened, of the residual without all `parts`; none where outcomes
    /// are missing.
    fn squares(&self, residual: &Mat<f64>, parts: &[Part<'_>]) -> Option<Mat<f64>>;
    /// Of each condition, the share of its sum of squares that the residual, without all `parts`, has
    /// left: below zero of cross-products that are not of any data. None where it cannot be, or where
    /// the sum is not known.
    fn shares_left(&self, _residual: &Mat<f64>, _parts: &[Part<'_>]) -> Option<Vec<f64>> {
        None
    }

    /// The components of a prior in the eigenbasis of the noise, whitened.
    fn basis(&self, factors: &[Factor]) -> Eigenbasis {
        Eigenbasis::whitened(self.noise().whitener.as_ref(), factors)
    }
    /// Room for the coordinates of all variables in the directions of a basis.
    fn coordinates(&self, basis: &Eigenbasis) -> Coordinates;
    /// Put scores into coordinates.
    fn fill(&self, to: &mut Coordinates, scores: &Mat<f64>, basis: &Eigenbasis);
    /// Effects of variables, in the coordinates of the region, from coefficients of the directions.
    fn lift(&self, variables: &[usize], c: MatRef<'_, f64>, basis: &Eigenbasis) -> Mat<f64>;
    /// What some variables say, each alone, by their scores: estimates and standard errors (variables
    /// by conditions, by columns), and their correlation: one for all, or one for each.
    ///
    /// # Errors
    /// A noise that is singular.
    fn observations(&self, active: &[usize], scores: &Mat<f64>) -> Result<[Vec<f64>; 3], Error>;
    /// The intercepts, given coefficients of all variables (rows), that were not taken out before.
    fn level(&self, _: MatRef<'_, f64>) -> Option<Vec<f64>> {
        None
    }
    /// Effects (rows) in the coordinates of the region.
    fn in_coordinates(&self, b: MatRef<'_, f64>) -> Mat<f64> {
        b * self.noise().whitener.transpose()
    }
    /// `X'x_j`, if it is that of all conditions and their noise is the identity.
    fn gram_column(&self, _j: usize) -> Option<Vec<f64>> {
        None
    }
    /// Correlation of two variables.
    fn correlation(&self, i: usize, j: usize) -> f64;
}
