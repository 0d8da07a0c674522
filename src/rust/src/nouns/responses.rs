//! What predictors are to explain.

use faer::MatRef;

use super::Predictors;
use crate::read::{Field, Fields, Outcome, Table, refuse};

/// `list(y, total)`: of samples, a row for each, and NULL; of products, the products of each
/// predictor (a row) with the responses, and those of the responses themselves.
pub struct Responses<'a> {
    pub y: Table<'a>,
    /// Empty for samples.
    pub total: &'a [f64],
}

impl<'a> Responses<'a> {
    /// Responses of one fit: `total` is r by r.
    pub fn together(list: &Fields<'a>, predictors: &Predictors) -> Outcome<Self> {
        Self::read(list, predictors, |total, r| Ok(total.matrix_of(r, r)?.values))
    }

    /// Responses that have a fit each: `total` has r sums of squares.
    pub fn apart(list: &Fields<'a>, predictors: &Predictors) -> Outcome<Self> {
        Self::read(list, predictors, |total, r| total.numbers_of(r))
    }

    fn read(
        list: &Fields<'a>,
        predictors: &Predictors,
        total: impl FnOnce(&Field<'a>, usize) -> Outcome<&'a [f64]>,
    ) -> Outcome<Self> {
        let y = list.get("y")?.matrix_with(predictors.columns().rows())?;
        match (predictors, list.maybe("total", |t| total(t, y.cols))?) {
            (Predictors::Samples { .. }, None) => Ok(Self { y, total: &[] }),
            (Predictors::Products { .. }, Some(total)) => Ok(Self { y, total }),
            (Predictors::Samples { .. }, _) => {
                refuse("responses$total must be NULL where predictors$form is samples")
            }
            (Predictors::Products { .. }, _) => refuse("responses$total must be given; it is NULL"),
        }
    }

    /// The products of responses that are fitted together.
    pub fn products(&self) -> MatRef<'a, f64> {
        MatRef::from_column_major_slice(self.total, self.y.cols, self.y.cols)
    }
}
