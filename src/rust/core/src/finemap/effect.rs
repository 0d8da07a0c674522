//! The posterior of one effect.

use faer::Mat;

use crate::normal_means::eigenbasis::Sums;

/// The posterior of one effect.
#[derive(Debug, Clone)]
pub struct Effect {
    /// Where it is: p probabilities.
    pub alpha: Vec<f64>,
    /// Log Bayes factors of the variables.
    pub log_bayes: Vec<f64>,
    /// Log Bayes factor of the effect.
    pub total: f64,
    /// The scale of its prior from now on: zero if there is no effect.
    pub scale: f64,
    /// The scale at which this posterior was computed.
    pub scale_used: f64,
    /// Posterior sums.
    pub sums: Sums,
    /// The variables that take part, ascending.
    pub active: Vec<usize>,
    /// Their posterior weights of components: active by components, by columns.
    pub weights: Vec<f64>,
    /// Their scores: the effects they would have alone, whitened, in units of their noise.
    pub scores: Mat<f64>,
    /// Their means times `alpha`, in the coordinates of the design.
    pub mean: Mat<f64>,
    /// What the design makes of the means.
    pub fitted: Mat<f64>,
    /// `sum_j alpha_j E[b_j b_j'] d_j`, whitened, if it is wanted.
    pub second: Option<Mat<f64>>,
}

impl Default for Effect {
    fn default() -> Self {
        Self {
            alpha: Vec::new(),
            log_bayes: Vec::new(),
            total: 0.0,
            scale: 0.0,
            scale_used: 0.0,
            sums: Sums::default(),
            active: Vec::new(),
            weights: Vec::new(),
            scores: Mat::new(),
            mean: Mat::new(),
            fitted: Mat::new(),
            second: None,
        }
    }
}
