//! A file that cannot be written for now: why, and when it is tried again.

use std::io;

/// From one attempt to the next, in milliseconds.
const RETRY: u64 = 500;

/// Why something could not be written, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stuck {
    /// The kernel's number for the reason.
    pub(super) errno: i32,
    at: u64,
}

impl Stuck {
    /// An attempt failed just now. `now` is in milliseconds of a clock that never goes back.
    pub(super) fn new(error: &io::Error, now: u64) -> Self {
        Self { errno: error.raw_os_error().unwrap_or(nix::libc::EIO), at: now }
    }

    /// When to try again.
    pub(super) fn retry_at(&self) -> u64 {
        self.at + RETRY
    }
}
