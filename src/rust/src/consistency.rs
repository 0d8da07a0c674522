//! Whether z-scores and correlations belong together: before a fit, and by what it leaves.

use extendr_api::prelude::*;
use mnmash_core::loci::consistency::{Pairs, Slack, agreement};

use crate::boundary::{Run, arguments};
use crate::read::{Fields, Outcome};
use crate::write::{matrix, nullable, places};

/// `control$slack`: how many samples correlations are from (infinitely many: the same), and their
/// relative error. NULL where nothing is checked, since X and Y are known.
pub fn slack(control: &Fields<'_>) -> Outcome<Option<Slack>> {
    control.maybe("slack", |s| {
        let (samples, relative) = s.pair()?;
        Ok(Slack { samples, relative })
    })
}

/// What of a fit tells whether its data contradict each other.
pub struct Check {
    /// The share of each condition's sum of squares that it leaves, where that is known.
    pub left: Option<Vec<f64>>,
    pub pairs: Pairs,
}

impl Check {
    /// For R; variables have the numbers that `own` gives them.
    pub fn list(self, own: impl Fn(usize) -> usize) -> List {
        let worst = &self.pairs.worst;
        let numbers: Vec<usize> = worst.iter().map(|w| own(w.variable)).collect();
        let leads: Vec<usize> = worst.iter().map(|w| own(w.lead)).collect();
        list!(
            left = nullable(self.left),
            variable = places(&numbers),
            lead = places(&leads),
            statistic = worst.iter().map(|w| w.statistic).collect::<Vec<f64>>(),
            swapped = worst.iter().map(|w| w.swapped).collect::<Vec<bool>>(),
            compared = self.pairs.compared as f64,
            p = self.pairs.p
        )
    }
}

// For each column of z-scores `s`, and what the others say of each; the smallest eigenvalue of the
// correlations, and what they are repaired to (NULL where they need not be).
#[extendr]
fn rust_qc(statistics: Robj, run: Robj) -> Outcome<List> {
    arguments!(statistics);
    let (z, ld) = statistics.read(|s| {
        let z = s.get("z")?.matrix()?;
        Ok((z.view(), s.get("LD")?.matrix_of(z.rows, z.rows)?.view()))
    })?;
    let found = Run::new(&run)?.with(|monitor| agreement(z, ld, monitor))?;
    Ok(list!(
        s = found.s,
        expected = matrix(found.expected.as_ref()),
        variance = matrix(found.variance.as_ref()),
        LD = nullable(found.repaired.map(|r| matrix(r.as_ref()))),
        least = found.least
    ))
}

extendr_module! {
    mod consistency;
    fn rust_qc;
}
