//! The records: a typed map in memory, a journal on disk.
//!
//! [`Store::read`] gives an immutable snapshot and never blocks. [`Store::write`] runs a plain closure on the newest
//! state; the records it changed go to the [`Journal`], and the call returns when they are durable. Writers run one
//! after another, their journal writes are committed in groups. Readers only ever see durable state.

mod journal;
mod sqlite;
mod state;
mod table;

use std::sync::{Arc, Mutex, RwLock};
use std::thread;

use tokio::sync::{mpsc, oneshot, watch};

use journal::NoJournal;
pub use journal::{Change, Journal};
pub use sqlite::SqliteJournal;
pub use state::State;
pub use table::{Record, Table};

use crate::limits::GROUP_COMMIT_BATCHES;

/// Why the store cannot go on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The journal could not be read, written or made durable.
    #[error("the journal failed: {0}")]
    Journal(String),
    /// A record on disk is not what this version writes.
    #[error("the record {key} of table {table} cannot be read: {reason}")]
    Record {
        /// Its table.
        table: String,
        /// Its key.
        key: String,
        /// What serde says.
        reason: String,
    },
    /// An earlier write failed; the server must be started again.
    #[error("the store is closed after an earlier failure")]
    Closed,
}

struct Commit {
    changes: Vec<Change>,
    state: Arc<State>,
    done: oneshot::Sender<Result<(), StoreError>>,
}

/// The newest state, which may not be durable yet, and the way to the journal. `None` once a write has failed.
struct Head {
    state: Arc<State>,
    commits: mpsc::UnboundedSender<Commit>,
}

/// The one store of a server.
pub struct Store {
    head: Mutex<Option<Head>>,
    durable: Arc<RwLock<Arc<State>>>,
    revision: watch::Receiver<u64>,
}

impl Store {
    /// Loads everything the journal holds and starts its writer thread.
    pub fn open(mut journal: impl Journal) -> Result<Self, StoreError> {
        let mut state = State::default();
        journal.load(&mut |table, key, value| state.load(table, key, value))?;
        Self::start(Arc::new(state), journal)
    }

    /// A store of its own that begins with the durable records and keeps nothing: what is written to it is gone with it.
    pub fn rehearsal(&self) -> Result<Self, StoreError> {
        Self::start(self.read(), NoJournal)
    }

    fn start(state: Arc<State>, journal: impl Journal) -> Result<Self, StoreError> {
        let durable = Arc::new(RwLock::new(Arc::clone(&state)));
        let (commits, receiver) = mpsc::unbounded_channel();
        let (revision_sender, revision) = watch::channel(0);
        let published = Arc::clone(&durable);
        thread::Builder::new()
            .name("journal".into())
            .spawn(move || write_journal(journal, receiver, &published, &revision_sender))
            .map_err(|error| StoreError::Journal(error.to_string()))?;
        Ok(Self { head: Mutex::new(Some(Head { state, commits })), durable, revision })
    }

    /// A snapshot of the durable state.
    pub fn read(&self) -> Arc<State> {
        let guard = self.durable.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(&guard)
    }

    /// Runs `decide` on the newest state. If it answers `Ok`, the records it changed are made durable before this
    /// returns; if it answers `Err`, nothing changed. `decide` must not wait.
    pub async fn write<T, E: From<StoreError>>(&self, decide: impl FnOnce(&mut State) -> Result<T, E>) -> Result<T, E> {
        let (value, done) = {
            let mut guard = self.head.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let head = guard.as_mut().ok_or(StoreError::Closed)?;
            let mut state = State::clone(&head.state);
            let value = decide(&mut state)?;
            let changes = state.take_changes()?;
            if changes.is_empty() {
                return Ok(value);
            }
            let state = Arc::new(state);
            let (done, receiver) = oneshot::channel();
            let commit = Commit { changes, state: Arc::clone(&state), done };
            if head.commits.send(commit).is_err() {
                *guard = None;
                return Err(StoreError::Closed.into());
            }
            head.state = state;
            (value, receiver)
        };
        done.await.unwrap_or(Err(StoreError::Closed))?;
        Ok(value)
    }

    /// Changes after every commit: "look again".
    pub fn revision(&self) -> watch::Receiver<u64> {
        self.revision.clone()
    }
}

/// The writer thread: takes what has gathered, appends it in one durable commit, publishes, answers.
fn write_journal(
    mut journal: impl Journal,
    mut receiver: mpsc::UnboundedReceiver<Commit>,
    durable: &RwLock<Arc<State>>,
    revision: &watch::Sender<u64>,
) {
    let mut group = Vec::new();
    while receiver.blocking_recv_many(&mut group, GROUP_COMMIT_BATCHES) > 0 {
        let result = journal.append(group.iter().flat_map(|commit| commit.changes.iter()));
        if result.is_ok()
            && let Some(last) = group.last()
        {
            *durable.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::clone(&last.state);
            revision.send_modify(|revision| *revision += 1);
        }
        for commit in group.drain(..) {
            // A caller that went away needs no answer.
            let _ = commit.done.send(result.clone());
        }
        if let Err(error) = result {
            // What the head holds is not durable: no later write may build on it.
            tracing::error!(%error, "the journal failed; the store is closed");
            return;
        }
    }
}

#[cfg(test)]
mod tests;
