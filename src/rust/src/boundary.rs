//! What every call shares: errors as R sees them, progress and interrupts, borrowed views.

use extendr_api::prelude::*;
use extendr_api::wrapper::Nullable;
use mnmash_core::{Error, Monitor, with_threads};

unsafe extern "C" {
    /// In `entrypoint.c`.
    safe fn mnmash_interrupted() -> i32;
}

/// An error as R sees it: `list(kind, message)`, which `R/aaa-conditions.R` turns into a condition.
#[derive(Debug)]
pub struct Failure(pub Error);

impl From<Failure> for Robj {
    fn from(failure: Failure) -> Self {
        list!(kind = failure.0.kind(), message = failure.0.to_string()).into()
    }
}

/// What an exported function returns: a value, or a condition for R to raise.
pub type Outcome<T> = std::result::Result<T, Failure>;

/// Report progress to R, and tell whether to go on: not after an error or an interrupt in R.
///
/// Runs on R's own thread only.
fn poll(monitor: &Monitor, progress: &Nullable<Function>) -> bool {
    let reported = match progress {
        Nullable::NotNull(report) => report.call(pairlist!(monitor.done() as f64)).is_ok(),
        Nullable::Null => true,
    };
    reported && mnmash_interrupted() == 0
}

/// Run `work` on `n_threads` threads while R's own thread reports progress and looks for Ctrl-C.
pub fn run<T: Send>(
    n_threads: i32,
    progress: &Nullable<Function>,
    monitor: &Monitor,
    work: impl FnOnce() -> std::result::Result<T, Error> + Send,
) -> Outcome<T> {
    with_threads(n_threads.max(1) as usize, monitor, |m| poll(m, progress), work).map_err(Failure)
}
