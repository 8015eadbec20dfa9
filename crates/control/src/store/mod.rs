//! The records: a typed map in memory, a journal on disk.
//!
//! [`Store::read`] gives an immutable snapshot and never blocks. [`Store::write`] runs a plain closure on the newest
//! state; the records it changed go to the [`Journal`], and the call returns when they are durable. Writers run one
//! after another, their journal writes are committed in groups. Readers only ever see durable state.
//!
//! Without room on the disk writes are refused and reads go on; the journal looks for room by itself, and the store goes
//! on when there is some. After any other failure of the journal the store stays closed: see [`Health`].

mod error;
mod journal;
mod sqlite;
mod state;
mod table;
mod writer;

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;

use tokio::sync::{oneshot, watch};

pub use error::{Cause, Health, JournalError, StoreError};
use journal::NoJournal;
pub use journal::{Change, Journal, Loading};
pub use sqlite::SqliteJournal;
pub use state::State;
pub use table::{Record, SortKey, Table};
use writer::{Commit, Writer};

/// The newest state, which may not be durable yet, and why nothing can be written, if so.
struct Head {
    state: Arc<State>,
    refusal: Option<StoreError>,
}

/// The one store of a server.
pub struct Store {
    head: Arc<Mutex<Head>>,
    commits: Sender<Commit>,
    durable: Arc<RwLock<Arc<State>>>,
    revision: watch::Receiver<u64>,
    health: watch::Receiver<Health>,
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
        let head = Arc::new(Mutex::new(Head { state, refusal: None }));
        let (commits, receiver) = mpsc::channel();
        let (revision_sender, revision) = watch::channel(0);
        let (health_sender, health) = watch::channel(Health::Well);
        let writer = Writer {
            journal,
            commits: receiver,
            head: Arc::clone(&head),
            durable: Arc::clone(&durable),
            revision: revision_sender,
            health: health_sender,
        };
        thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run())
            .map_err(|error| StoreError::Thread(Arc::new(error)))?;
        Ok(Self { head, commits, durable, revision, health })
    }

    /// A snapshot of the durable state.
    pub fn read(&self) -> Arc<State> {
        Arc::clone(&self.durable.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `decide` on the newest state. If it answers `Ok`, the records it changed, and those it has seen, are durable
    /// before this returns; if it answers `Err`, nothing changed. `decide` must not wait.
    pub async fn write<T, E: From<StoreError>>(&self, decide: impl FnOnce(&mut State) -> Result<T, E>) -> Result<T, E> {
        let (value, done) = {
            let mut head = lock(&self.head);
            let mut state = State::clone(&head.state);
            let value = decide(&mut state)?;
            let changes = state.take_changes()?;
            if changes.is_empty() && Arc::ptr_eq(&head.state, &self.read()) {
                return Ok(value);
            }
            if let Some(refusal) = &head.refusal {
                return Err(refusal.clone().into());
            }
            let state = if changes.is_empty() { Arc::clone(&head.state) } else { Arc::new(state) };
            let (done, receiver) = oneshot::channel();
            // Under the lock, so that commits come in the order in which they were decided.
            let commit = Commit { changes, state: Arc::clone(&state), done };
            self.commits.send(commit).map_err(|_| StoreError::Closed)?;
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

    /// Whether records can be written.
    pub fn health(&self) -> Health {
        match (&*self.health.borrow(), self.health.has_changed()) {
            // The journal's thread is gone, and has said nothing.
            (Health::Well | Health::NoRoom, Err(_)) => Health::Failed(StoreError::Closed),
            (health, _) => health.clone(),
        }
    }

    /// Resolves when only another process can know what is durable.
    pub async fn failed(&self) -> StoreError {
        let mut health = self.health.clone();
        loop {
            health.mark_unchanged();
            if let Health::Failed(error) = self.health() {
                return error;
            }
            // An error means that the thread is gone, which the next look sees.
            let _ = health.changed().await;
        }
    }
}

fn lock(head: &Mutex<Head>) -> MutexGuard<'_, Head> {
    head.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
