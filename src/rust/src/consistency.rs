//! Whether z-scores and correlations of variables go together.

use extendr_api::prelude::*;
use mnmash_core::Error;
use mnmash_core::loci::consistency::{consistency, repair};

use crate::boundary::{Run, arguments};
use crate::read::Outcome;
use crate::write::{matrix, table};

// For each column of z-scores `s`, and what the others say of each; and the repaired correlations.
#[extendr]
fn rust_qc(statistics: Robj, run: Robj) -> Outcome<List> {
    arguments!(statistics);
    let (z, ld) = statistics.read(|s| {
        let z = s.get("z")?.matrix()?;
        Ok((z, s.get("LD")?.matrix_of(z.rows, z.rows)?.view()))
    })?;
    let (found, fixed, least) = Run::new(&run)?.with(|_| {
        let (fixed, least) = repair(ld)?;
        let found = (0..z.cols).map(|c| consistency(z.column(c), fixed.as_ref()));
        Ok((found.collect::<std::result::Result<Vec<_>, Error>>()?, fixed, least))
    })?;
    let cells = |f: &dyn Fn(usize, usize) -> f64| table(z.rows, z.cols, f);
    Ok(list!(
        s = found.iter().map(|f| f.s).collect::<Vec<f64>>(),
        expected = cells(&|i, c| found[c].expected[i]),
        variance = cells(&|i, c| found[c].variance[i]),
        LD = matrix(fixed.as_ref()),
        least = least
    ))
}

extendr_module! {
    mod consistency;
    fn rust_qc;
}
