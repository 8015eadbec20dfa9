//! How the store fails. Two kinds are told apart, because they are mended differently: when there was no room, nothing
//! was written and the store goes on once there is; after anything else nobody in this process can know what is on
//! disk.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// What lies below a failure of a journal; one failure is told to all writes that it took along.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Why a journal could not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk is full. Nothing of the append was written, and that is known.
    #[error("there is no room on the disk of {}", path.display())]
    NoRoom {
        /// The journal's file.
        path: PathBuf,
        /// What the journal's library says.
        source: Cause,
    },
    /// Anything else. What of the append is on disk is not known.
    #[error("{} cannot be {operation}", path.display())]
    Failed {
        /// What was tried: `opened`, `read`, `written`.
        operation: &'static str,
        /// The journal's file.
        path: PathBuf,
        /// What the journal's library says.
        source: Cause,
    },
}

/// Why the store could not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The journal could not be read, written or made durable.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A record is not what this version reads or writes.
    #[error("the record {key} of table {table} cannot be read or written")]
    Record {
        /// Its table.
        table: &'static str,
        /// Its key.
        key: String,
        /// What serde says.
        source: Arc<serde_json::Error>,
    },
    /// There is no thread for the journal.
    #[error("the journal's thread cannot be started")]
    Thread(#[source] Arc<io::Error>),
    /// An earlier write failed, and it is not known what of it is durable; the server must be started again.
    #[error("the store is closed after an earlier failure")]
    Closed,
}

/// Whether records can be written.
#[derive(Clone, Debug, Default)]
pub enum Health {
    /// They can.
    #[default]
    Well,
    /// There is no room on the disk. It is tried again by itself.
    NoRoom,
    /// What is durable is not known any more: this process writes nothing, and should end.
    Failed(StoreError),
}
