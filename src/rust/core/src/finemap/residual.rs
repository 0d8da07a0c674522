//! What the update of the residual covariance needs.

use faer::Mat;

use super::model::Effect;
use crate::Error;
use crate::predictors::{Part, Region};

/// The expected cross-product of the residuals given the effects,
/// ```text
///   G = (R'R + sum_l (sum_j d_j alpha_lj E[b_lj b_lj'] - B_l' X'X B_l)) / n,
/// ```
/// of which the second part is there if the effects have second moments.
///
/// # Errors
/// Outcomes are missing.
pub fn cross_product(
    design: &dyn Region,
    residual: &Mat<f64>,
    effects: &[&Effect],
) -> Result<Mat<f64>, Error> {
    let parts: Vec<Part<'_>> = effects.iter().map(|e| e.part()).collect();
    let Some(mut sum) = design.squares(residual, &parts) else {
        let why = "cannot be estimated where outcomes are missing".into();
        return Err(Error::Value { name: "V", why });
    };
    for effect in effects {
        if let Some(second) = &effect.second {
            sum += second;
        }
    }
    let root = &design.noise().root;
    let v = root * sum * root.transpose();
    let n = design.samples();
    Ok(Mat::from_fn(v.nrows(), v.ncols(), |i, c| 0.5 * (v[(i, c)] + v[(c, i)]) / n))
}
