//! What every call shares: R objects as values, errors as R sees them, progress and interrupts.

use std::cell::Cell;

use extendr_api::Rany;
use extendr_api::prelude::*;
use mnmash_core::{Error, Monitor, with_threads};

use crate::read::{Content, Failure, Field, Outcome, Value};

unsafe extern "C" {
    /// In `entrypoint.c`.
    safe fn mnmash_interrupted() -> i32;
}

impl From<Failure> for Robj {
    /// `list(kind, message)`, which `R/aaa-conditions.R` turns into a condition.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Core(error) => list!(kind = error.kind(), message = error.to_string()),
            Failure::Arguments(message) => list!(kind = "internal", message = message),
        }
        .into()
    }
}

/// An R object as the reader takes it: vectors of numbers are borrowed.
pub fn value(x: &Robj) -> Value<'_> {
    let content = match x.as_any() {
        Rany::Null(_) => Content::Null,
        Rany::Logicals(_) => {
            let flag = |x: &Rbool| if x.is_na() { None } else { Some(x.is_true()) };
            Content::Flags(x.as_logical_slice().unwrap_or(&[]).iter().map(flag).collect())
        }
        Rany::Integers(_) => Content::Integers(x.as_integer_slice().unwrap_or(&[])),
        Rany::Doubles(_) => Content::Numbers(x.as_real_slice().unwrap_or(&[])),
        Rany::Strings(_) => Content::Words(x.as_str_vector().unwrap_or_default()),
        Rany::List(list) => {
            let mut names = list.names().into_iter().flatten();
            let element = |x| (names.next().unwrap_or(""), value(x));
            Content::List(list.as_slice().iter().map(element).collect())
        }
        Rany::Function(_) => Content::Function,
        _ => Content::Other(format!("{:?}", x.rtype())),
    };
    let size = |d: Integers| d.iter().map(|d| d.0.max(0) as usize).collect();
    let dim = x.dim().map_or_else(Vec::new, size);
    Value { content, dim }
}

/// Each argument as a [`Field`] of its name.
macro_rules! arguments {
    ($($name:ident),+) => {$(
        let $name = &$crate::boundary::value(&$name);
        let $name = $crate::read::Field::new(stringify!($name), $name);
    )+};
}
pub(crate) use arguments;

/// How to run: `list(n_threads, progress)`, where `progress` is NULL or a function of the number of
/// units done, and of the stage that they are of.
pub struct Run {
    threads: usize,
    progress: Option<Function>,
    stage: Cell<i32>,
}

impl Run {
    pub fn new(run: &Robj) -> Outcome<Self> {
        let (threads, reports) = Field::new("run", &value(run)).read(|run| {
            let reports = run.maybe("progress", |p| p.function())?.is_some();
            Ok((run.count("n_threads")?.max(1), reports))
        })?;
        let progress = if reports { run.dollar("progress").ok() } else { None };
        let progress = progress.and_then(|p| p.as_function());
        Ok(Self { threads, progress, stage: Cell::new(0) })
    }

    /// Do `work`, the next stage, on the threads while R's own thread reports progress and looks
    /// for Ctrl-C.
    pub fn with<T: Send>(
        &self,
        work: impl FnOnce(&Monitor) -> std::result::Result<T, Error> + Send,
    ) -> Outcome<T> {
        self.stage.set(self.stage.get() + 1);
        let (progress, monitor, stage) = (&self.progress, &Monitor::default(), self.stage.get());
        let poll = |monitor: &Monitor| poll(monitor, progress, stage);
        Ok(with_threads(self.threads, monitor, poll, || work(monitor))?)
    }
}

/// Report progress to R, and tell whether to go on: not after an error or an interrupt in R.
///
/// Runs on R's own thread only.
fn poll(monitor: &Monitor, progress: &Option<Function>, stage: i32) -> bool {
    let report = |f: &Function| f.call(pairlist!(monitor.done() as f64, stage)).is_ok();
    progress.as_ref().is_none_or(report) && mnmash_interrupted() == 0
}
