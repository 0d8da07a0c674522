//! Linear functions `A b` of the samples in place of the effects themselves.
//!
//! Which functions a component of the prior does not touch is judged by its factor, `A diag(s) F`
//! (`posterior::map`): they are exactly zero in its samples.

use faer::{Mat, MatRef};

use super::component::Assignment;
use super::table::Table;
use crate::Prior;
use crate::normal_means::posterior::map::Map;

/// `A`, Q by R, of effects multiplied by a scale (J by R in the caller's order) if there is one.
pub struct Linear<'a> {
    pub a: MatRef<'a, f64>,
    pub scale: Option<&'a [f64]>,
    pub prior: &'a Prior,
}

impl Linear<'_> {
    /// The samples of one unit: the caller's row `row` of `units`, `unit` in the tables.
    pub fn map(
        &self,
        units: usize,
        row: usize,
        active: &[usize],
        drawn: &Assignment,
        unit: usize,
        from: &Table,
        to: &mut Table,
    ) {
        let scale = |r: usize| self.scale.map_or(1.0, |scale| scale[r * units + row]);
        let a = Mat::from_fn(self.a.nrows(), self.a.ncols(), |q, r| self.a[(q, r)] * scale(r));
        let map = Map::Fixed(a.clone());
        for (column, &component) in active.iter().enumerate() {
            let samples = drawn.of(column);
            // The samples of the point mass are zero, and stay so.
            let Some((k, _)) = self.prior.locate(component).filter(|_| !samples.is_empty()) else {
                continue;
            };
            for q in map.apply(&self.prior.factors[k]).support {
                for &sample in samples {
                    let term = |r: usize| a[(q, r)] * from.values[from.at(unit, sample, r)];
                    let at = to.at(unit, sample, q);
                    to.values[at] = (0..a.ncols()).map(term).sum();
                }
            }
        }
    }
}
