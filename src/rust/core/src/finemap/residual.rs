//! What the update of the residual covariance needs.

use faer::Mat;

use super::design::Design;
use super::effect::Effect;

/// The expected cross-product of the residuals given the effects,
/// ```text
///   G = (R'R + sum_l (sum_j d_j alpha_lj E[b_lj b_lj'] - B_l' X'X B_l)) / n,
/// ```
/// of which the second part is there if the effects have second moments.
pub fn cross_product(design: &Design, residual: &Mat<f64>, effects: &[&Effect]) -> Mat<f64> {
    let mut sum = design.residual_square(residual, effects);
    for effect in effects {
        if let Some(second) = &effect.second {
            sum += second - design.fitted_square(effect);
        }
    }
    let root = &design.noise.root;
    let v = root * sum * root.transpose();
    let n = design.samples;
    Mat::from_fn(v.nrows(), v.ncols(), |i, c| 0.5 * (v[(i, c)] + v[(c, i)]) / n)
}
