//! Data and priors as R passes them, and as the core takes them.

use std::borrow::Cow;

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::normal_means::{Contrast, Correlation, Data, NormalMeans};
use mnmash_core::{Error, Prior};

use crate::boundary::{Failure, Outcome};

/// The data arguments of a call: `x`, `s`, `missing`, `v`. Nothing is copied unless a cell is missing.
pub struct Problem<'a> {
    units: usize,
    conditions: usize,
    x: Cow<'a, [f64]>,
    s: &'a [f64],
    v: &'a [f64],
    baseline: Option<Baseline<'a>>,
}

/// Where `x` are differences from a baseline: what they are differences of.
struct Baseline<'a> {
    s: &'a [f64],
    weights: &'a [f64],
    keep: Vec<usize>,
}

impl<'a> Problem<'a> {
    /// Read the arguments, which R has checked. `v` is NULL (independent measurements), `list(V)`, or,
    /// for differences from a baseline, `list(s, V, baseline, keep)`: standard errors and correlation
    /// (or NULL) of the underlying measurements, the weights of the baseline, and the numbers of the
    /// measurements it is subtracted from.
    pub fn new(
        x: &'a RMatrix<f64>,
        s: &'a RMatrix<f64>,
        missing: &Nullable<Logicals>,
        v: &'a Nullable<List>,
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
        let elements = match v {
            Nullable::Null => &[],
            Nullable::NotNull(v) => v.as_slice(),
        };
        let (v, baseline) = match elements {
            [s, v, weights, keep] => {
                let index = |k: &i32| usize::try_from(k - 1).unwrap_or(usize::MAX);
                let keep = keep.as_integer_slice().unwrap_or(&[]).iter().map(index).collect();
                (doubles(v), Some(Baseline { s: doubles(s), weights: doubles(weights), keep }))
            }
            [v] => (doubles(v), None),
            _ => (&[][..], None),
        };
        let (units, conditions) = (x.nrows(), x.ncols());
        Ok(Self { units, conditions, x: x_data, s: s.data(), v, baseline })
    }

    /// Check and arrange.
    pub fn means(&self) -> std::result::Result<NormalMeans<'_>, Error> {
        NormalMeans::new(self.data())
    }

    /// As the core takes them.
    pub fn data(&self) -> Data<'_> {
        let r = self.conditions;
        let v = match (&self.baseline, self.v.len()) {
            (Some(Baseline { s, weights, keep }), _) => {
                Correlation::Contrast(Contrast { s, v: self.v, baseline: weights, keep })
            }
            (None, 0) => Correlation::Identity,
            (None, n) if n == r * r => Correlation::Common(self.v),
            _ => Correlation::PerUnit(self.v),
        };
        let Self { units, conditions, s, .. } = *self;
        Data { units, conditions, x: &self.x, s, v }
    }
}

/// A numeric vector as a slice, empty for NULL: R stores NA as a NaN, so nothing is converted.
fn doubles(x: &Robj) -> &[f64] {
    x.as_real_slice().unwrap_or(&[])
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

/// An R matrix.
pub fn view(x: &RMatrix<f64>) -> faer::MatRef<'_, f64> {
    faer::MatRef::from_column_major_slice(x.data(), x.nrows(), x.ncols())
}

/// A J by P buffer view of R memory.
pub fn columns(data: &mut [f64], rows: usize, cols: usize) -> faer::MatMut<'_, f64> {
    faer::MatMut::from_column_major_slice_mut(data, rows, cols)
}
