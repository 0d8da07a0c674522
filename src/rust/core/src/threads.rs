use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rayon::ThreadPoolBuilder;

use crate::{Error, Monitor};

const POLL: Duration = Duration::from_millis(50);

/// Run `work` on a pool of `n_threads`, calling `poll` on this thread every 50 ms until it is done.
///
/// The pool lives only as long as the call: a forked R process never inherits one, and the global
/// pool (as many threads as the machine has cores) is never started. When `poll` returns `false`
/// the workers are asked to stop, and are waited for.
pub fn with_threads<T: Send>(
    n_threads: usize,
    monitor: &Monitor,
    mut poll: impl FnMut(&Monitor) -> bool,
    work: impl FnOnce() -> Result<T, Error> + Send,
) -> Result<T, Error> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(n_threads)
        .thread_name(|i| format!("mnmash-{i}"))
        .build()
        .map_err(|e| Error::Threads(e.to_string()))?;
    let (send, receive) = channel();
    pool.in_place_scope(|scope| {
        // `send` moves there: if the work panics it is dropped, and this thread stops waiting.
        scope.spawn(move |_| {
            let _ = send.send(work());
        });
        loop {
            match receive.recv_timeout(POLL) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Timeout) => {
                    if !poll(monitor) {
                        monitor.request_stop();
                    }
                }
                // The worker panicked: its panic resumes here when the scope closes.
                Err(RecvTimeoutError::Disconnected) => return Err(Error::Interrupted),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_panic_of_the_work_comes_back_to_the_caller_and_the_next_call_works() {
        let monitor = Monitor::default();
        let run = |broken: bool| {
            with_threads(2, &monitor, |_| true, || if broken { panic!("broken") } else { Ok(7) })
        };
        let caught = catch_unwind(AssertUnwindSafe(|| run(true)));
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"broken"));
        assert_eq!(run(false).unwrap(), 7);
    }

    #[test]
    fn work_that_is_told_to_stop_is_waited_for() {
        let monitor = Monitor::default();
        let found = with_threads(
            2,
            &monitor,
            |_| false,
            || {
                loop {
                    monitor.advance(1)?;
                    std::thread::sleep(Duration::from_millis(1));
                }
                #[allow(unreachable_code)]
                Ok(())
            },
        );
        assert!(matches!(found, Err(Error::Interrupted)));
    }
}
