//! What libcontainer says while it fails.
//!
//! Its errors tell which step failed and its trace tells why. So its error events go, through a descriptor that no program
//! inherits, to the end of the shim's log, and what a start added there is appended to the failure. Nothing below an error
//! is formatted, which keeps starts fast.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// The longest diagnosis of one failure, in bytes.
const LIMIT: usize = 500;

/// The shim's log, as far as it concerns failures.
pub(super) struct Diagnosis {
    reader: File,
}

impl Diagnosis {
    /// Sends error events to standard error's file.
    pub(super) fn install() -> io::Result<Self> {
        let log: OwnedFd = io::stderr().as_fd().try_clone_to_owned()?;
        let log = File::from(log);
        // The inherited descriptor can only write.
        let reader = File::open("/proc/self/fd/2")?;
        tracing::subscriber::set_global_default(Collector { log }).map_err(io::Error::other)?;
        Ok(Self { reader })
    }

    /// Where the log ends now.
    pub(super) fn mark(&self) -> u64 {
        self.reader.metadata().map_or(0, |metadata| metadata.len())
    }

    /// The first thing said since a mark.
    pub(super) fn since(&self, mark: u64) -> Option<String> {
        let mut buffer = vec![0; LIMIT];
        let count = self.reader.read_at(&mut buffer, mark).ok()?;
        let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
        text.lines().next().map(str::to_owned).filter(|line| !line.is_empty())
    }
}

struct Collector {
    log: File,
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(tracing::level_filters::LevelFilter::ERROR)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        line.0.push('\n');
        // Who cannot write a log can only go on.
        let _ = (&self.log).write_all(line.0.as_bytes());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let separator = if self.0.is_empty() { "" } else { ", " };
        let written = match field.name() {
            "message" => write!(self.0, "{separator}{value:?}"),
            name => write!(self.0, "{separator}{name}={value:?}"),
        };
        debug_assert!(written.is_ok(), "a string takes everything");
    }
}
