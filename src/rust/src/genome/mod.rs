//! Regressions of many regions under one prior.

mod found;
mod region;

use extendr_api::prelude::*;
use mnmash_core::Prior;
use mnmash_core::genome::{Restart, Task, each};

use crate::boundary::{Run, arguments};
use crate::nouns::{Mixture, Noise};
use crate::read::{Field, Fields, Outcome};
use crate::words::structures;
use region::Region;

/// `list(tol, max_iter, threshold, posterior, restart)`; `restart`: `list(weights, sweeps)`, or
/// NULL.
fn task<'a>(control: &Fields<'_>, prior: &'a Prior, noise: &Field<'_>) -> Outcome<Task<'a>> {
    let restart = control.maybe("restart", |restart| {
        restart.read(|r| {
            let weights = r.get("weights")?.numbers_of(prior.len())?;
            let prior = prior.clone().with_weights(weights)?;
            Ok(Restart { prior, sweeps: r.count("sweeps")? })
        })
    })?;
    Ok(Task {
        prior,
        structure: noise.read(|n| Noise::read(n, prior.conditions, structures))?.structure,
        tol: control.number("tol")?,
        max_iter: control.count("max_iter")?,
        restart,
        threshold: control.number("threshold")?,
        posterior: control.flag("posterior")?,
    })
}

fn read<'a>(region: &Field<'a>, r: usize) -> Outcome<Region<'a>> {
    region.read(|region| Region::read(region, r))
}

// The regression of each of `regions`, a list with names, in as many conditions as `size` says: a
// list of what was found, or of `list(kind, message)` where a region failed.
#[extendr]
fn rust_mnm_regress(
    regions: Robj,
    prior: Robj,
    noise: Robj,
    size: Robj,
    control: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(regions, prior, noise, size, control);
    let r = size.count()?;
    let prior = prior.read(|p| Mixture::read(p, r))?.weighted()?;
    let task = control.read(|c| task(c, &prior, &noise))?;
    let items = regions.items()?;
    let regions = items.iter().map(|(_, region)| read(region, r));
    let regions = regions.collect::<Outcome<Vec<_>>>()?;
    let found = Run::new(&run)?
        .with(|monitor| each(regions.len(), monitor, |i| regions[i].regress(&task, monitor)))?;
    Ok(List::from_values(found.into_iter().map(found::list)))
}

extendr_module! {
    mod genome;
    fn rust_mnm_regress;
}
