//! Where events go: into the files of their budget, or into a count. And what becomes of those that cannot be written.
//!
//! An event that a full or broken disk does not take is lost, and that is not kept secret: it is counted, the log and the
//! server's health tell it, and so does an event of its own as soon as there is room. Only where a call is about to give
//! somebody the value of a secret, the value is withheld instead: a reading that nobody can find later is what an audit
//! is there to prevent, while everything else has been done already when its event is written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::audit::{Budget, Counted, Keeping};
use serde_json::json;
use wire::Timestamp;

use super::counting::{Count, Counting};
use super::event::{Decisions, Event, VERSION};
use super::files::Shelf;
use crate::App;
use crate::limits::{AUDIT_COUNT_CHECK_SECONDS, AUDIT_LOST_WARNING_SECONDS, AUDIT_SWEEP_SECONDS};

/// How long events are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// In days.
    pub days: u32,
    /// At most so many bytes of events, divided among the budgets.
    pub bytes: u64,
}

impl Default for Retention {
    /// 90 days, as CloudTrail's event history, and at most one GiB.
    fn default() -> Self {
        Self { days: 90, bytes: 1 << 30 }
    }
}

/// An event was not written.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// It has no JSON.
    #[error("the event {event} has no JSON")]
    Json {
        /// Its name.
        event: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The disk does not take it.
    #[error("an event cannot be written to {directory}")]
    Write {
        /// The audit's directory.
        directory: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The audit files of a server.
pub struct AuditFiles {
    root: PathBuf,
    shelves: [Shelf; 5],
    counting: Mutex<Counting>,
    lost: Mutex<Lost>,
    is_kept: bool,
}

/// The events that were not written since the last one that was.
#[derive(Default)]
struct Lost {
    count: Count,
    /// The last of them.
    last: Option<Event>,
    /// When the log told it, in seconds.
    told: Option<i64>,
}

impl AuditFiles {
    /// The files under this directory, which is made when the first event comes.
    pub fn new(root: PathBuf, retention: Retention) -> Self {
        if let Err(error) = adopt(&root) {
            tracing::error!(%error, directory = %root.display(), "older audit events could not be put in their place");
        }
        Self::kept_in(root, retention)
    }

    /// No files: what is tried out with rights that nobody has is no evidence of anything.
    pub(crate) fn nowhere() -> Self {
        Self { is_kept: false, ..Self::kept_in(PathBuf::new(), Retention::default()) }
    }

    fn kept_in(root: PathBuf, retention: Retention) -> Self {
        let shelves = Budget::ALL.map(|budget| Shelf::new(&root, budget, retention));
        Self { root, shelves, counting: Mutex::default(), lost: Mutex::default(), is_kept: true }
    }

    /// Keeps an event, whole or as a part of a count.
    ///
    /// # Errors
    /// It could not be written; that is noted here and told elsewhere.
    pub(super) fn keep(&self, event: Event, keeping: Keeping, now: Timestamp) -> Result<(), AuditError> {
        if !self.is_kept {
            return Ok(());
        }
        let keeping = match keeping {
            Keeping::Whole(Budget::Refusals) if !self.counting().is_kept(&event) => Keeping::Counted(Counted::Refused),
            keeping => keeping,
        };
        match keeping {
            Keeping::Whole(budget) => self.append(&event, budget),
            Keeping::Counted(kind) => {
                let over = self.counting().count(kind, event, now);
                self.write_counts(&over);
                Ok(())
            }
        }
    }

    /// Writes the counts of the minute before, if it is over, and how many events were lost, if there is room again.
    pub(super) fn write_ended_counts(&self, now: Timestamp) {
        let over = self.counting().ended(now);
        self.write_counts(&over);
        self.tell_lost_events();
    }

    /// Writes what has been counted so far: the server ends.
    pub fn write_all_counts(&self) {
        let counted = self.counting().take();
        self.write_counts(&counted);
    }

    fn write_counts(&self, events: &[Event]) {
        for event in events {
            // Who is told of it has been told.
            let _ = self.append(event, Budget::Counts);
        }
    }

    /// The events of what is being counted, the oldest first.
    pub(super) fn running_counts(&self) -> Vec<Event> {
        self.counting().running()
    }

    /// How many events were lost and are not told by an event yet.
    pub(crate) fn lost(&self) -> u64 {
        self.lost_events().count.count
    }

    /// Hands an event to the operating system.
    pub(super) fn append(&self, event: &Event, budget: Budget) -> Result<(), AuditError> {
        let written = self.write(event, budget);
        match &written {
            Ok(()) => self.tell_lost_events(),
            Err(error) => self.note_lost_event(event, error),
        }
        written
    }

    fn write(&self, event: &Event, budget: Budget) -> Result<(), AuditError> {
        let mut line =
            serde_json::to_vec(event).map_err(|source| AuditError::Json { event: event.event_name.clone(), source })?;
        line.push(b'\n');
        let day = event.event_time.get(..10).unwrap_or_default();
        let place = self.shelves.iter().find(|shelf| shelf.budget == budget);
        let written = place.map_or(Ok(()), |shelf| shelf.append(day, &line));
        written.map_err(|source| AuditError::Write { directory: self.root.clone(), source })
    }

    fn note_lost_event(&self, event: &Event, error: &AuditError) {
        let mut lost = self.lost_events();
        lost.count.add(event);
        lost.last = Some(event.clone());
        let now = event.time().seconds();
        if lost.told.is_none_or(|told| now - told >= AUDIT_LOST_WARNING_SECONDS) {
            lost.told = Some(now);
            let source = std::error::Error::source(error).map(ToString::to_string);
            let (count, name) = (lost.count.count, &event.event_name);
            tracing::error!(%error, source, count, event = name, "AUDIT EVENTS ARE LOST");
        }
    }

    /// Writes how many events were lost, if there is room again. The health is bad until it is written, so that this must
    /// not wait for another event.
    fn tell_lost_events(&self) {
        let mut lost = self.lost_events();
        let Some(newest) = &lost.last else { return };
        let event = event_of_lost(&lost.count, newest);
        if self.write(&event, Budget::Changes).is_ok() {
            tracing::warn!(count = lost.count.count, "audit events were lost; an event tells which");
            *lost = Lost::default();
        }
    }

    /// The budgets' files.
    pub(super) fn shelves(&self) -> &[Shelf] {
        &self.shelves
    }

    /// Deletes what is too old or too much; the newest file of each budget stays.
    ///
    /// # Errors
    /// A file could not be looked at or deleted.
    pub fn sweep(&self, now: Timestamp) -> io::Result<()> {
        self.shelves.iter().try_for_each(|shelf| shelf.sweep(now))
    }

    fn counting(&self) -> MutexGuard<'_, Counting> {
        self.counting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lost_events(&self) -> MutexGuard<'_, Lost> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Files that an older server wrote for all kinds together hold changes before all else.
fn adopt(root: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let changes = root.join(Budget::Changes.name());
            fs::create_dir_all(&changes)?;
            fs::rename(entry.path(), changes.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// The event that tells of events that were not written; about the account and region of the last of them.
fn event_of_lost(count: &Count, last: &Event) -> Event {
    let service = api::tidegate::SERVICE.name;
    Event {
        event_version: VERSION.to_owned(),
        user_identity: json!({"type": "AWSService", "invokedBy": service}),
        event_time: last.event_time.clone(),
        event_source: service.to_owned(),
        event_name: "AuditEventsLost".to_owned(),
        aws_region: last.aws_region.clone(),
        source_ip_address: service.to_owned(),
        user_agent: None,
        error_code: None,
        error_message: None,
        request_parameters: None,
        response_elements: None,
        additional_event_data: Decisions { counted: Some(count.clone()), ..Decisions::default() },
        request_id: last.request_id.clone(),
        event_id: format!("{}-lost", last.event_id),
        read_only: false,
        resources: Vec::new(),
        event_type: "AwsServiceEvent".to_owned(),
        management_event: true,
        recipient_account_id: last.recipient_account_id.clone(),
        event_category: "Management".to_owned(),
    }
}

/// Deletes what is too old, now and from time to time. Never returns.
pub(crate) async fn keep_retention(app: Arc<App>) {
    loop {
        let sweeper = Arc::clone(&app);
        let swept = tokio::task::spawn_blocking(move || sweeper.audit.sweep(sweeper.now())).await;
        match swept {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "audit events that are too old could not be deleted"),
            Err(error) => tracing::error!(%error, "the deletion of audit events broke off"),
        }
        tokio::time::sleep(Duration::from_secs(AUDIT_SWEEP_SECONDS)).await;
    }
}

/// Writes counts when their minute is over, and what was lost when there is room again. Never returns.
pub(crate) async fn keep_counts(app: Arc<App>) {
    loop {
        tokio::time::sleep(Duration::from_secs(AUDIT_COUNT_CHECK_SECONDS)).await;
        let writer = Arc::clone(&app);
        let written = tokio::task::spawn_blocking(move || writer.audit.write_ended_counts(writer.now())).await;
        if let Err(error) = written {
            tracing::error!(%error, "the writing of audit counts broke off");
        }
    }
}
