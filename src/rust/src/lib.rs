//! The R face of `mnmash-core`: reads R objects, calls the core, writes R objects. No mathematics.
//!
//! Every function takes a few lists of named values (`read`, `nouns`, `words`) and, if it takes
//! long, `run` (`boundary`); results are written by `write`. `R/core.R` is the only caller.
//!
//! Nothing is kept between calls, on purpose: an R object that pointed here could not be saved by
//! `saveRDS()`, would be empty in the workers of `future` and shared with a forked one, and would
//! outlive a change of the data. What belongs together, such as the weights of mash and what
//! follows from them, is one call: the factors of the prior and the arrangement of the units serve
//! all of it.

#![allow(missing_docs)] // the exported functions are documented where R calls them

mod boundary;
mod consistency;
mod deconvolution;
mod ebmf;
mod enrich;
mod finemap;
mod fqtl;
mod genome;
mod likelihood;
mod logistic;
mod mash;
mod mr_ash;
mod mr_mash;
mod nouns;
mod product;
mod read;
mod sharing;
mod square;
mod ud;
mod v;
mod weights;
mod words;
mod write;

use std::fs::OpenOptions;
use std::io::ErrorKind;

use extendr_api::prelude::*;

use crate::boundary::arguments;
use crate::read::Outcome;
use crate::words::STOPS;

// The number of cores this process may use.
#[extendr]
fn rust_cores() -> i32 {
    std::thread::available_parallelism().map_or(1, |n| n.get() as i32)
}

// Sees to it that the bytes of a file have left the memory of the machine: NULL, or why they have
// not. `path` are the bytes of its name.
#[extendr]
fn rust_flush_file(path: Robj) -> Robj {
    let path = String::from_utf8_lossy(path.as_raw_slice().unwrap_or(&[])).into_owned();
    let flushed = OpenOptions::new().write(true).open(path).and_then(|file| file.sync_all());
    // A name that is not UTF-8 is not found; some file systems cannot be asked.
    let skipped = [ErrorKind::NotFound, ErrorKind::InvalidInput, ErrorKind::Unsupported];
    let failed = flushed.err().filter(|e| !skipped.contains(&e.kind()));
    write::nullable(failed.map(|e| e.to_string()))
}

// Why an iteration ended, in words.
#[extendr]
fn rust_reason(stop: Robj) -> Outcome<&'static str> {
    arguments!(stop);
    Ok(stop.one_of(STOPS)?.reason())
}

extendr_module! {
    mod mnmash;
    use consistency;
    use deconvolution;
    use ebmf;
    use enrich;
    use finemap;
    use fqtl;
    use genome;
    use likelihood;
    use logistic;
    use mash;
    use mr_ash;
    use mr_mash;
    use product;
    fn rust_cores;
    fn rust_flush_file;
    fn rust_reason;
    use sharing;
    use square;
    use ud;
    use v;
    use weights;
}
