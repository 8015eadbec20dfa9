//! What a shim and the server say to each other, and what a shim writes down: one JSON value per line.
//!
//! Records are facts, appended to the task's journal before anyone hears of them; a connection begins with all of them.
//! The journal alone tells a server that was away everything; a connection only tells it sooner. Only when the journal
//! cannot be written (the disk is full) is a fact told first.

use domain::compute::Health;
use domain::failure::Failure;
use serde::{Deserialize, Serialize};
use wire::Timestamp;

/// A fact with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// When it happened.
    pub(crate) at: Timestamp,
    /// What happened.
    pub(crate) event: Event,
}

/// The facts of a task's run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Event {
    /// The container's process executes the program.
    Started {
        /// Its name.
        container: String,
        /// The process outside the container.
        pid: i32,
    },
    /// The container has no process and will not get one.
    NotStarted {
        /// Its name.
        container: String,
        /// Why; absent when the task was stopped before its turn came.
        failure: Option<Failure>,
    },
    /// The container's end was forced and it is still there.
    NotStopped {
        /// Its name.
        container: String,
        /// What survives.
        failure: Failure,
    },
    /// The container's process ended.
    Exited {
        /// Its name.
        container: String,
        /// The code, 128 + n for a signal n.
        exit_code: i32,
        /// Why it was ended, when the kernel did it.
        failure: Option<Failure>,
        /// Whether its policy starts it again.
        next: AfterExit,
    },
    /// The container's health is now this.
    Health {
        /// Its name.
        container: String,
        /// The result.
        health: Health,
    },
    /// No container has a process, and none will get one.
    Finished,
}

/// What follows an exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AfterExit {
    /// It stays stopped.
    Stopped,
    /// The restart policy starts it again.
    Restarted,
}

/// From the shim to the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Notice {
    /// A fact, durable but in a [`Trouble::Journal`].
    Record(Record),
    /// There is more in this container's output file.
    Output(String),
    /// Something is not as it should be, for the server's log.
    Trouble(Trouble),
}

/// What goes wrong beside a task that goes on nevertheless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Trouble {
    /// Facts cannot be written down; it is tried again and again.
    Journal {
        /// The kernel's number for the reason.
        errno: i32,
    },
    /// Output cannot be written to its file; it is tried again and again.
    OutputStuck {
        /// Whose.
        container: String,
        /// The kernel's number for the reason.
        errno: i32,
    },
    /// Output could not be kept.
    OutputLost {
        /// Whose.
        container: String,
        /// How much of this container's output, since it first started.
        lost: Count,
        /// Why the newest of it.
        cause: LossCause,
    },
}

/// An amount of output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Count {
    /// In lines.
    pub(crate) lines: u64,
    /// In bytes, without the ends of the lines.
    pub(crate) bytes: u64,
}

impl std::fmt::Display for Count {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let noun = if self.lines == 1 { "line" } else { "lines" };
        write!(out, "{} {noun} ({} bytes)", self.lines, self.bytes)
    }
}

/// Why output could not be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LossCause {
    /// Its file could not be written: the kernel's number for the reason.
    File(i32),
    /// More was unread than `max-buffer-size` permits (`mode` `non-blocking`).
    BufferFull,
}

impl std::fmt::Display for LossCause {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(nix::libc::ENOSPC | nix::libc::EDQUOT) => out.write_str("there was no room on the disk"),
            Self::File(errno) => write!(out, "the output file could not be written: {}", nix::Error::from_raw(*errno)),
            Self::BufferFull => out.write_str("the buffer of unread lines was full (max-buffer-size)"),
        }
    }
}

/// From the server to the shim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Stop signals in reverse dependency order, SIGKILL after each container's timeout.
    Stop,
    /// What of a container's output file has been taken over.
    TakenOver {
        /// Whose.
        container: String,
        /// Up to which byte of the file.
        offset: u64,
    },
}
