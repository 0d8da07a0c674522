//! Checks of large square matrices.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::linalg::psd::{asymmetry, nearly_psd};
use mnmash_core::loci::consistency::repair;
use mnmash_core::memory::room;

use crate::boundary::{Run, arguments};
use crate::read::{Outcome, Table};
use crate::write::{matrix, nullable};

// The position (from 1) of the first entry of a square matrix that its mirror image differs from,
// or NULL if it is symmetric.
#[extendr]
fn rust_asymmetry(x: Robj) -> Outcome<Nullable<f64>> {
    arguments!(x);
    let Table { rows, .. } = x.matrix()?;
    let at = asymmetry(x.matrix_of(rows, rows)?.view());
    Ok(at.map_or(Nullable::Null, |(i, j)| Nullable::NotNull((j * rows + i + 1) as f64)))
}

// NULL if `x + control$slack I` is positive definite; else list(LD, least), the correlations repaired
// and the smallest eigenvalue they had.
#[extendr]
fn rust_repair_ld(x: Robj, control: Robj, run: Robj) -> Outcome<Robj> {
    arguments!(x, control);
    let (x, slack) = (x.matrix()?.view(), control.read(|c| c.number("slack"))?);
    let found = Run::new(&run)?.with(|_| {
        room(2 * x.nrows() * x.nrows())?;
        Ok(if nearly_psd(x, slack) { None } else { Some(repair(x)?) })
    })?;
    Ok(nullable(found.map(|(fixed, least)| list!(LD = matrix(fixed.as_ref()), least = least))))
}

extendr_module! {
    mod square;
    fn rust_asymmetry;
    fn rust_repair_ld;
}
