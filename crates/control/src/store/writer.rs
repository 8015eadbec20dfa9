//! The journal's thread: takes what has gathered, appends it in one durable commit, publishes, answers.
//!
//! When an append fails, everything that was built on it fails with it: what waits for the journal, and the newest
//! state, which goes back to the durable one in the same step. If there was no room, the thread looks for room until
//! there is some; after any other failure it ends.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::{Change, Head, Health, Journal, JournalError, State, StoreError, lock};
use crate::limits::{GROUP_COMMIT_BATCHES, JOURNAL_PROBE_MILLISECONDS};

/// What one write changed; nothing, when it only waits for what it has seen to be durable.
pub(super) struct Commit {
    pub(super) changes: Vec<Change>,
    pub(super) state: Arc<State>,
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
}

pub(super) struct Writer<J> {
    pub(super) journal: J,
    pub(super) commits: Receiver<Commit>,
    pub(super) head: Arc<Mutex<Head>>,
    pub(super) durable: Arc<RwLock<Arc<State>>>,
    pub(super) revision: watch::Sender<u64>,
    pub(super) health: watch::Sender<Health>,
}

impl<J: Journal> Writer<J> {
    /// Runs until the store is dropped, or what is durable is not known any more.
    pub(super) fn run(mut self) {
        while let Ok(first) = self.commits.recv() {
            let mut group = vec![first];
            group.extend(self.commits.try_iter().take(GROUP_COMMIT_BATCHES - 1));
            match self.append(&group) {
                Ok(()) => self.publish(group),
                Err(error @ JournalError::NoRoom { .. }) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "nothing can be written; make room");
                    self.go_back(group, Health::NoRoom, &error.into());
                    if !self.wait_for_room() {
                        return;
                    }
                }
                Err(error) => return self.close(group, error),
            }
        }
    }

    fn append(&mut self, group: &[Commit]) -> Result<(), JournalError> {
        let mut changes = group.iter().flat_map(|commit| commit.changes.iter()).peekable();
        if changes.peek().is_none() { Ok(()) } else { self.journal.append(changes) }
    }

    fn publish(&self, group: Vec<Commit>) {
        if let Some(last) = group.last() {
            *self.durable.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::clone(&last.state);
        }
        if group.iter().any(|commit| !commit.changes.is_empty()) {
            self.revision.send_modify(|revision| *revision += 1);
        }
        answer(group, &Ok(()));
    }

    /// Takes the newest state back to the durable one and refuses what was built on it, and every later write.
    fn go_back(&self, mut group: Vec<Commit>, health: Health, error: &StoreError) {
        {
            let mut head = lock(&self.head);
            head.refusal = Some(match &health {
                Health::Failed(_) => StoreError::Closed,
                Health::Well | Health::NoRoom => error.clone(),
            });
            head.state = Arc::clone(&self.durable.read().unwrap_or_else(std::sync::PoisonError::into_inner));
            // Commits are sent under the lock: what waits now was built on what failed, and nothing comes any more.
            group.extend(self.commits.try_iter());
        }
        self.health.send_replace(health);
        answer(group, &Err(error.clone()));
    }

    fn close(&self, group: Vec<Commit>, error: JournalError) {
        let error = StoreError::from(error);
        self.go_back(group, Health::Failed(error.clone()), &error);
    }

    /// Whether there is room again; if not, the store is dropped or the journal failed otherwise.
    fn wait_for_room(&mut self) -> bool {
        loop {
            let pause = Duration::from_millis(JOURNAL_PROBE_MILLISECONDS);
            if let Err(RecvTimeoutError::Disconnected) = self.commits.recv_timeout(pause) {
                return false;
            }
            match self.journal.probe() {
                Ok(()) => break,
                Err(JournalError::NoRoom { .. }) => {}
                Err(error) => {
                    self.close(Vec::new(), error);
                    return false;
                }
            }
        }
        lock(&self.head).refusal = None;
        self.health.send_replace(Health::Well);
        // Whoever could not write what it saw looks again.
        self.revision.send_modify(|revision| *revision += 1);
        tracing::info!("there is room on the disk again; records are written");
        true
    }
}

fn answer(group: Vec<Commit>, result: &Result<(), StoreError>) {
    for commit in group {
        // A caller that went away needs no answer.
        let _ = commit.done.send(result.clone());
    }
}
