//! `s_k = a_k / (1 + d a_k)` and `-log(1 + d a_k) / 2` of every predictor and component.

use crate::linalg::lanes::MAX_LANES;

/// Rows of components, padded to whole lanes; one row for all predictors where all have one norm.
pub(super) struct Table {
    shrink: Vec<f64>,
    half_log: Vec<f64>,
    /// Components with padding.
    width: usize,
    /// Zero if one row serves all.
    stride: usize,
}

/// Components with padding.
pub(super) fn padded(components: usize) -> usize {
    components.next_multiple_of(MAX_LANES)
}

impl Table {
    pub fn new(norms: &[f64], a: &[f64]) -> Self {
        let width = padded(a.len());
        let common = norms.windows(2).all(|w| w[0] == w[1]);
        let rows = if common { &norms[..norms.len().min(1)] } else { norms };
        let mut shrink = vec![0.0; rows.len() * width];
        let mut half_log = shrink.clone();
        for (i, &d) in rows.iter().enumerate() {
            for (k, &a) in a.iter().enumerate() {
                shrink[i * width + k] = a / (1.0 + d * a);
                half_log[i * width + k] = -0.5 * (d * a).ln_1p();
            }
        }
        Self { shrink, half_log, width, stride: if common { 0 } else { width } }
    }

    /// `s` and `-log(1 + d a) / 2` of predictor `j`.
    #[inline(always)]
    pub fn row(&self, j: usize) -> (&[f64], &[f64]) {
        let at = j * self.stride..j * self.stride + self.width;
        (&self.shrink[at.clone()], &self.half_log[at])
    }
}
