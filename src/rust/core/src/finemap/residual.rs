//! The update of the residual covariance.

use faer::Mat;

use super::design::Design;
use super::effect::Effect;

/// The covariance that maximises the evidence bound given the effects,
/// ```text
///   V = (R'R + sum_l (sum_j d_j alpha_lj E[b_lj b_lj'] - B_l' X'X B_l)) / n,
/// ```
/// or, unless `full`, its diagonal.
pub fn next_covariance(
    design: &Design,
    residual: &Mat<f64>,
    effects: &[&Effect],
    full: bool,
) -> Mat<f64> {
    let mut sum = design.residual_square(residual, effects);
    for effect in effects {
        if let Some(second) = &effect.second {
            sum += second - design.fitted_square(effect);
        }
    }
    let root = &design.noise.root;
    let v = root * sum * root.transpose();
    let n = design.samples;
    Mat::from_fn(v.nrows(), v.ncols(), |i, c| match (full, i == c) {
        (false, false) => 0.0,
        _ => 0.5 * (v[(i, c)] + v[(c, i)]) / n,
    })
}
