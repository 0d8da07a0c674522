//! The nouns that calls share, as R passes them: measurements, priors and noise (`predictors` has a
//! file of its own).

use std::borrow::Cow;

use mnmash_core::linalg::psd;
use mnmash_core::normal_means::{Contrast, Correlation, Data, NormalMeans};
use mnmash_core::{Error, Prior};

use crate::read::{Field, Fields, Outcome, Table, refuse};

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

/// A mixture of normals: `list(U, grid, scales, weights, null)`.
pub struct Mixture<'a> {
    pub prior: Prior,
    /// Of the components, in their order.
    pub weights: Option<&'a [f64]>,
}

impl<'a> Mixture<'a> {
    /// `U`: matrices of `conditions`, perhaps with names. Either `grid`: numbers whose squares
    /// multiply each matrix, or `scales`: for each matrix what it is multiplied by. `weights`: one
    /// for each component, or NULL. `null`: whether the first component is the point zero.
    pub fn read(list: &Fields<'a>, conditions: usize) -> Outcome<Self> {
        let named = matrices(&list.get("U")?, conditions)?;
        let null = list.flag("null")?;
        let grid = list.maybe("grid", |g| g.numbers())?;
        let scales = list.maybe("scales", |s| {
            s.items()?.iter().map(|(_, s)| Ok(s.numbers()?.to_vec())).collect::<Outcome<Vec<_>>>()
        })?;
        let named: Vec<(&str, &[f64])> = named.iter().map(|(n, u)| (n.as_str(), *u)).collect();
        let prior = match (grid, scales) {
            (Some(grid), None) => Prior::new(conditions, &named, grid, null)?,
            (None, Some(scales)) => {
                let factor = |(name, u): &(&str, &[f64])| psd::factor(conditions, u, name);
                let factors = named.iter().map(factor).collect::<Result<_, _>>()?;
                Prior::scaled(conditions, factors, scales, null)?
            }
            _ => return refuse("prior must have either grid or scales"),
        };
        let weights = list.maybe("weights", |w| w.numbers_of(prior.len()))?;
        Ok(Self { prior, weights })
    }

    /// For a function that needs the weights.
    pub fn weighted(self) -> Outcome<Prior> {
        match self.weights {
            Some(weights) => Ok(self.prior.with_weights(weights)?),
            None => refuse("prior$weights must be given; it is NULL"),
        }
    }
}

/// Covariance matrices, and what to call them.
fn matrices<'a>(list: &Field<'a>, conditions: usize) -> Outcome<Vec<(String, &'a [f64])>> {
    let named = |(k, (name, u)): (usize, &(&str, Field<'a>))| {
        let label = match *name {
            "" | "NA" => format!("prior covariance {}", k + 1),
            name => format!("prior covariance '{name}'"),
        };
        Ok((label, u.matrix_of(conditions, conditions)?.values))
    };
    list.items()?.iter().enumerate().map(named).collect()
}

/// What is known of the covariance of residuals: `list(structure, rank, V)`, where `rank` is NULL
/// but for structures that have one, and `V` is NULL if there is no matrix to start from.
pub struct Noise<'a, T> {
    pub structure: T,
    pub v: Option<Table<'a>>,
}

impl<'a, T: Copy> Noise<'a, T> {
    /// `words` are the structures, given the rank.
    pub fn read<const N: usize>(
        list: &Fields<'a>,
        conditions: usize,
        words: impl Fn(usize) -> [(&'static str, T); N],
    ) -> Outcome<Self> {
        let rank = list.maybe("rank", |r| r.count())?.unwrap_or(0);
        let v = list.maybe("V", |v| v.matrix_of(conditions, conditions))?;
        Ok(Self { structure: list.one_of("structure", &words(rank))?, v })
    }

    /// The matrix, for a function that needs it.
    pub fn known(&self) -> Outcome<Table<'a>> {
        self.v.map_or_else(|| refuse("noise$V must be given; it is NULL"), Ok)
    }
}
