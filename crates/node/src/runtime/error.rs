//! Why a runtime does not start a container, or a command inside one.

use std::io;
use std::path::PathBuf;

use libcontainer::error::LibcontainerError;
use nix::errno::Errno;

use super::confinement::ConfinementError;

/// What failed of a runtime's work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RuntimeError {
    /// A file of the runtime's own cannot be read or written.
    #[error("cannot use {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A bundle's configuration is none.
    #[error("cannot understand {}", .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The file system that keeps secrets off the disk.
    #[error("cannot make a private memory file system")]
    PrivateMemory(#[source] Errno),
    /// A pipe, or a message over one.
    #[error("cannot talk to the container's process")]
    Pipe(#[source] Errno),
    /// The linked runtime.
    #[error(transparent)]
    Linked(#[from] LibcontainerError),
    /// The command cannot be executed.
    #[error("cannot execute {command}")]
    Execute {
        /// The runtime's command.
        command: String,
        /// Why.
        source: io::Error,
    },
    /// The command was executed and failed; its own words.
    #[error("{0}")]
    Said(String),
    /// A created container must not start.
    #[error(transparent)]
    Confinement(#[from] ConfinementError),
    /// The runtime says that it worked, and names no process.
    #[error("{0} names no process")]
    NoProcess(String),
    /// A terminal was asked for.
    #[error("the container handed out no terminal")]
    NoTerminal,
    /// What only the linked runtime has.
    #[error("{0} is only served by the libcontainer runtime")]
    OnlyLinked(&'static str),
}

impl RuntimeError {
    /// A file that cannot be used.
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        |source| Self::File { path, source }
    }
}

/// An error with all its sources, each once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = error.source();
    }
    text
}
