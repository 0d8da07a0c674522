//! Data and priors as R passes them, and as the core takes them.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::Error;
use mnmash_core::normal_means::{Correlation, Data, NormalMeans, Prior};

use crate::boundary::{Failure, Outcome};

/// The data arguments of a call: `x`, `s`, `missing`, `v`. Nothing is copied unless a cell is missing.
pub struct Problem<'a> {
    units: usize,
    conditions: usize,
    x: std::borrow::Cow<'a, [f64]>,
    s: &'a [f64],
    v: &'a [f64],
}

impl<'a> Problem<'a> {
    /// Read the arguments, which R has checked.
    pub fn new(
        x: &'a RMatrix<f64>,
        s: &'a RMatrix<f64>,
        missing: &Nullable<Logicals>,
        v: &'a Nullable<Doubles>,
    ) -> Outcome<Self> {
        let x_data = x.data();
        let x_data = match missing {
            Nullable::Null => x_data.into(),
            Nullable::NotNull(mask) => {
                let mask = mask.as_robj().as_logical_slice().unwrap_or(&[]);
                if mask.len() != x_data.len() {
                    let (expected, found) = (x_data.len(), mask.len());
                    return Err(Failure(Error::Shape { name: "missing", expected, found }));
                }
                let cell = |(x, m): (&f64, &Rbool)| if m.is_true() { f64::NAN } else { *x };
                x_data.iter().zip(mask).map(cell).collect::<Vec<_>>().into()
            }
        };
        let v: &[f64] = match v {
            Nullable::Null => &[],
            Nullable::NotNull(v) => doubles(v),
        };
        Ok(Self { units: x.nrows(), conditions: x.ncols(), x: x_data, s: s.data(), v })
    }

    /// Check and arrange.
    pub fn means(&self) -> std::result::Result<NormalMeans<'_>, Error> {
        let r = self.conditions;
        let v = match self.v.len() {
            0 => Correlation::Identity,
            n if n == r * r => Correlation::Common(self.v),
            _ => Correlation::PerUnit(self.v),
        };
        let Self { units, conditions, s, .. } = *self;
        NormalMeans::new(Data { units, conditions, x: &self.x, s, v })
    }
}

/// A numeric vector as a slice: R stores NA as a NaN, so nothing is converted.
fn doubles(x: &Doubles) -> &[f64] {
    x.as_robj().as_real_slice().unwrap_or(&[])
}

/// The prior arguments of a call: `ulist`, `grid`, `pointmass`.
pub fn prior(
    conditions: usize,
    ulist: &List,
    grid: &[f64],
    pointmass: bool,
) -> std::result::Result<Prior, Error> {
    let names: Vec<&str> = ulist.names().map(Iterator::collect).unwrap_or_default();
    let label = |k: usize| match names.get(k) {
        None | Some(&"" | &"NA") => format!("matrix {} of `Ulist`", k + 1),
        Some(name) => format!("matrix '{name}' of `Ulist`"),
    };
    let labels: Vec<String> = (0..ulist.len()).map(label).collect();
    let matrices = ulist.as_slice().iter().map(|u| u.as_real_slice().unwrap_or(&[]));
    let named: Vec<(&str, &[f64])> = labels.iter().map(String::as_str).zip(matrices).collect();
    Prior::new(conditions, &named, grid, pointmass)
}

/// A J by P buffer view of R memory.
pub fn columns(data: &mut [f64], rows: usize, cols: usize) -> faer::MatMut<'_, f64> {
    faer::MatMut::from_column_major_slice_mut(data, rows, cols)
}
