//! Posteriors of the rows of a fit.

use extendr_api::prelude::*;
use mnmash_core::regression::mr_mash::summary::{Rows, summarise};

use super::model::Model;
use crate::boundary::{Run, arguments};
use crate::read::Outcome;
use crate::write::Moments;

// The posterior of the rows of a fit: list(mean, sd, lfdr, negative, positive, lfsr, covariance).
#[extendr]
fn rust_mr_mash_posterior(
    rows: Robj,
    prior: Robj,
    noise: Robj,
    task: Robj,
    run: Robj,
) -> Outcome<List> {
    arguments!(rows, prior, noise, task);
    let (statistics, precision) = rows.read(|r| {
        let statistics = r.get("statistics")?.matrix()?;
        Ok((statistics, r.get("precision")?.numbers_of(statistics.rows)?))
    })?;
    let model = Model::read(&prior, &noise, statistics.cols)?;
    let covariance = model.noise.known()?.view();
    let full = task.read(|t| t.flag("covariance"))?;
    let mut moments = Moments::new(statistics.rows, statistics.cols, full);
    let out = moments.out();
    let rows = Rows { products: statistics.values, norms: precision, covariance };
    Run::new(&run)?.with(|monitor| summarise(&model.prior, rows, out, monitor))?;
    Ok(moments.into())
}

extendr_module! {
    mod rows;
    fn rust_mr_mash_posterior;
}
