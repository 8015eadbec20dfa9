//! Waiting for what the kernel does not announce: looking again, soon and often, until a deadline.
//!
//! For blocking code only, and only where there is nothing to wait on: a control group that becomes empty, a lock that a
//! dying process holds.

use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_micros(500);

/// Looks until there is an answer; `None` when the patience has run out.
pub(crate) fn until<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = look() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        #[expect(clippy::disallowed_methods, reason = "the one place that looks again instead of waiting for a word")]
        std::thread::sleep(PAUSE);
    }
}
