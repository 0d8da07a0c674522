//! What every call shares: R objects as values, errors as R sees them, progress and interrupts.

use std::cell::Cell;

use extendr_api::Rany;
use extendr_api::prelude::*;
use mnmash_core::memory::room;
use mnmash_core::{Error, Monitor, with_threads};

use crate::read::{Content, Failure, Field, Fields, Outcome, Value};

unsafe extern "C" {
    /// In `entrypoint.c`.
    safe fn mnmash_go_on(done: f64, stage: i32) -> i32;
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
        Rany::Raw(_) => Content::Bytes(x.as_raw_slice().unwrap_or(&[])),
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

/// Numbers that many small buffers may take together: the process ends where one of them fails.
const RESERVE: usize = 1 << 23;

/// How to run: `list(n_threads)`.
pub struct Run {
    threads: usize,
    stage: Cell<i32>,
}

impl Run {
    pub fn new(run: &Robj) -> Outcome<Self> {
        let count = |run: &Fields<'_>| run.count("n_threads");
        let threads = Field::new("run", &value(run)).read(count)?.max(1);
        Ok(Self { threads, stage: Cell::new(0) })
    }

    /// Do `work`, the next stage, on the threads while R's own thread reports progress and asks
    /// whether to go on: not after an error or an interrupt in R.
    pub fn with<T: Send>(
        &self,
        work: impl FnOnce(&Monitor) -> std::result::Result<T, Error> + Send,
    ) -> Outcome<T> {
        self.stage.set(self.stage.get() + 1);
        let (monitor, stage) = (&Monitor::default(), self.stage.get());
        let go_on = |monitor: &Monitor| mnmash_go_on(monitor.done() as f64, stage) != 0;
        room(RESERVE)?;
        Ok(with_threads(self.threads, monitor, go_on, || work(monitor))?)
    }
}
