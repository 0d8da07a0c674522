//! Checks of large square matrices.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::linalg::psd::{asymmetry, check_nearly_psd};

use crate::boundary::arguments;
use crate::read::{Outcome, Table};

// The position (from 1) of the first entry of a square matrix that its mirror image differs from,
// or NULL if it is symmetric.
#[extendr]
fn rust_asymmetry(x: Robj) -> Outcome<Nullable<f64>> {
    arguments!(x);
    let Table { rows, .. } = x.matrix()?;
    let at = asymmetry(x.matrix_of(rows, rows)?.view());
    Ok(at.map_or(Nullable::Null, |(i, j)| Nullable::NotNull((j * rows + i + 1) as f64)))
}

// Nothing, or an error if `x + slack I` is not positive definite; `control`: `list(slack, name)`.
#[extendr]
fn rust_check_psd(x: Robj, control: Robj) -> Outcome<()> {
    arguments!(x, control);
    let (slack, name) = control.read(|c| Ok((c.number("slack")?, c.get("name")?.word()?)))?;
    Ok(check_nearly_psd(x.matrix()?.view(), slack, name)?)
}

extendr_module! {
    mod square;
    fn rust_asymmetry;
    fn rust_check_psd;
}
