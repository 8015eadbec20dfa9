//! What a shim and the server say to each other, and what a shim writes down: one JSON value per line.
//!
//! Records are facts, appended to the task's journal before anyone hears of them; a connection begins with all of them.
//! The journal alone tells a server that was away everything; a connection only tells it sooner.

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
    /// A fact, already durable.
    Record(Record),
    /// There is more in this container's output file.
    Output(String),
}

/// From the server to the shim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Stop signals in reverse dependency order, SIGKILL after each container's timeout.
    Stop,
}
