//! The R face of `mnmash-core`: reads R objects, calls the core, writes R objects. No mathematics.

#![allow(missing_docs)] // the exported functions are documented where R calls them

mod boundary;
mod deconvolution;
mod design;
mod ebmf;
mod enrich;
mod factored;
mod finemap;
mod likelihood;
mod logistic;
mod mash;
mod mixture;
mod mr_ash;
mod mr_mash;
mod posterior;
mod problem;
mod samples;
mod sharing;
mod ud;
mod v;
mod weights;

use extendr_api::prelude::*;

// The number of cores this process may use.
#[extendr]
fn rust_cores() -> i32 {
    std::thread::available_parallelism().map_or(1, |n| n.get() as i32)
}

extendr_module! {
    mod mnmash;
    use deconvolution;
    use ebmf;
    use enrich;
    use finemap;
    use factored;
    use likelihood;
    use logistic;
    use mash;
    use mixture;
    use mr_ash;
    use mr_mash;
    use posterior;
    fn rust_cores;
    use samples;
    use sharing;
    use ud;
    use v;
    use weights;
}
