//! Noise of regressions: what is known of residuals, in many dimensions and in one.

use crate::read::{Fields, Outcome, Table, refuse};
use crate::words::VARIANCES;

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

/// The same in one dimension, for several fits: `rank` is NULL, and `V` one variance for each.
pub struct Variances<'a> {
    /// Whether they stay as they are.
    pub known: bool,
    pub values: &'a [f64],
}

impl<'a> Variances<'a> {
    pub fn read(list: &Fields<'a>, fits: usize) -> Outcome<Self> {
        if let Some(rank) = list.get("rank")?.given() {
            return rank.wrong("NULL");
        }
        let known = list.one_of("structure", VARIANCES)?;
        Ok(Self { known, values: list.get("V")?.numbers_of(fits)? })
    }
}
