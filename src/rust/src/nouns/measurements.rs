//! Effects with their errors.

use std::borrow::Cow;

use mnmash_core::Error;
use mnmash_core::normal_means::{Contrast, Correlation, Data, NormalMeans};

use crate::read::{Fields, Outcome};

/// Effects with their errors: `list(x, s, missing, V, baseline)`. Nothing is copied unless a cell
/// is missing.
pub struct Measurements<'a> {
    pub units: usize,
    pub conditions: usize,
    x: Cow<'a, [f64]>,
    s: &'a [f64],
    errors: Errors<'a>,
}

/// How the errors of a unit are correlated.
enum Errors<'a> {
    Known(Correlation<'a>),
    /// As those of differences of measurements with errors `s` and correlation `v`.
    Differences {
        s: &'a [f64],
        v: &'a [f64],
        weights: &'a [f64],
        keep: Vec<usize>,
    },
}

impl<'a> Measurements<'a> {
    /// `x`, `s`: J by R. `missing`: where `x` is, or NULL. `V`: NULL (independent), R by R, or R by
    /// R by J. `baseline`: NULL, or for differences `list(s, weights, keep)`: the standard errors
    /// of the underlying measurements (whose correlation `V` is then), the weights of what is
    /// subtracted, and the numbers of the measurements it is subtracted from.
    pub fn read(list: &Fields<'a>) -> Outcome<Self> {
        let x = list.get("x")?.matrix()?;
        let (units, conditions) = (x.rows, x.cols);
        let s = list.get("s")?.matrix_of(units, conditions)?.values;
        let cells = x.values.len();
        let x = match list.maybe("missing", |m| m.flags(cells))? {
            None => x.values.into(),
            Some(missing) => {
                let cell = |(x, missing): (&f64, &bool)| if *missing { f64::NAN } else { *x };
                x.values.iter().zip(&missing).map(cell).collect::<Vec<_>>().into()
            }
        };
        let of = |of: usize| list.maybe("V", |v| v.matrix_or_array(of, units));
        let difference = list.maybe("baseline", |b| b.read(|b| Self::differences(b, units)))?;
        let errors = match difference {
            Some((s, weights, keep)) => {
                let v = of(weights.len())?.map_or(&[][..], |(v, _)| v);
                Errors::Differences { s, v, weights, keep }
            }
            None => Errors::Known(match of(conditions)? {
                None => Correlation::Identity,
                Some((v, false)) => Correlation::Common(v),
                Some((v, true)) => Correlation::PerUnit(v),
            }),
        };
        Ok(Self { units, conditions, x, s, errors })
    }

    fn differences(list: &Fields<'a>, units: usize) -> Outcome<(&'a [f64], &'a [f64], Vec<usize>)> {
        let weights = list.get("weights")?.numbers()?;
        let s = list.get("s")?.matrix_of(units, weights.len())?.values;
        Ok((s, weights, list.get("keep")?.places(weights.len())?))
    }

    /// As the core takes them.
    pub fn data(&self) -> Data<'_> {
        let v = match &self.errors {
            Errors::Known(v) => *v,
            Errors::Differences { s, v, weights, keep } => {
                Correlation::Contrast(Contrast { s, v, baseline: weights, keep })
            }
        };
        let Self { units, conditions, s, .. } = *self;
        Data { units, conditions, x: &self.x, s, v }
    }

    /// Check and arrange.
    pub fn means(&self) -> Result<NormalMeans<'_>, Error> {
        NormalMeans::new(self.data())
    }
}
