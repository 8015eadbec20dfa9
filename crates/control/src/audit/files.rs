//! JSON lines on disk: `D/audit/2026-11-23-0000.jsonl`, readable by the owner only.
//!
//! A new file begins each day and whenever one is full; what is older than the retention, or too much, goes file by file.
//! A line is one `write`, so a crash of the server leaves whole lines; a power cut may tear the last one, which is closed
//! at the next start and passed over by readers. When writing fails the call is answered all the same, and the log says
//! so each time.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wire::Timestamp;

use super::event::Event;
use crate::App;
use crate::limits::{AUDIT_EVENTS_OF_NOBODY, AUDIT_FILE_BYTES, AUDIT_SWEEP_SECONDS};

const EXTENSION: &str = "jsonl";

/// How long events are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// In days.
    pub days: u32,
    /// At most so many bytes of events.
    pub bytes: u64,
}

impl Default for Retention {
    /// 90 days, as CloudTrail's event history, and at most one GiB.
    fn default() -> Self {
        Self { days: 90, bytes: 1 << 30 }
    }
}

/// The audit files of a server.
pub struct AuditFiles {
    root: PathBuf,
    retention: Retention,
    current: Mutex<Option<Current>>,
    /// The minute, and how many events of nobody it has.
    of_nobody: Mutex<(i64, u32)>,
    /// Whether events are kept at all.
    is_kept: bool,
}

struct Current {
    day: String,
    file: File,
    bytes: u64,
}

impl AuditFiles {
    /// The files under this directory, which is made when the first event comes.
    pub fn new(root: PathBuf, retention: Retention) -> Self {
        Self { root, retention, current: Mutex::default(), of_nobody: Mutex::default(), is_kept: true }
    }

    /// No files: what is tried out with rights that nobody has is no evidence of anything.
    pub(crate) fn nowhere() -> Self {
        Self { is_kept: false, ..Self::new(PathBuf::new(), Retention::default()) }
    }

    /// Hands an event to the operating system.
    pub(super) fn append(&self, event: &Event) {
        if !self.is_kept {
            return;
        }
        let mut line = match serde_json::to_vec(event) {
            Ok(line) => line,
            Err(error) => {
                tracing::error!(%error, event = event.event_name, "an audit event has no JSON");
                return;
            }
        };
        line.push(b'\n');
        let day = event.event_time.get(..10).unwrap_or_default();
        let mut current = self.current();
        if let Err(error) = self.write(&mut current, day, &line) {
            *current = None;
            let directory = self.root.display();
            tracing::error!(%error, %directory, event = event.event_name, "AN AUDIT EVENT COULD NOT BE WRITTEN");
        }
    }

    /// The same for a request that is nobody's. Only so many of them are kept a minute: whoever has no key must not be
    /// able to push other people's events out.
    pub(super) fn append_of_nobody(&self, event: &Event, now: Timestamp) {
        let minute = now.seconds().div_euclid(60);
        {
            let mut counted = self.of_nobody.lock().unwrap_or_else(PoisonError::into_inner);
            if counted.0 != minute {
                *counted = (minute, 0);
            }
            counted.1 += 1;
            if counted.1 > AUDIT_EVENTS_OF_NOBODY {
                if counted.1 == AUDIT_EVENTS_OF_NOBODY + 1 {
                    tracing::warn!("more requests without a good signature than the audit keeps of a minute");
                }
                return;
            }
        }
        self.append(event);
    }

    fn write(&self, current: &mut Option<Current>, day: &str, line: &[u8]) -> io::Result<()> {
        let is_open = current.as_ref().is_some_and(|open| open.day == day && open.bytes < AUDIT_FILE_BYTES);
        if !is_open {
            *current = Some(self.open(day)?);
            self.sweep_locked(day)?;
        }
        if let Some(open) = current {
            open.file.write_all(line)?;
            open.bytes += line.len() as u64;
        }
        Ok(())
    }

    /// The file that goes on with this day: its newest one that has room, else a new one.
    fn open(&self, day: &str) -> io::Result<Current> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.root)?;
        let newest = self.paths()?.into_iter().rfind(|path| day_of(path) == day);
        if let Some(path) = &newest {
            let mut file = OpenOptions::new().read(true).append(true).open(path)?;
            let bytes = file.metadata()?.len();
            if bytes < AUDIT_FILE_BYTES {
                let mut last = [b'\n'];
                if bytes > 0 {
                    file.seek(SeekFrom::End(-1))?;
                    file.read_exact(&mut last)?;
                }
                if last != [b'\n'] {
                    // A power cut tore the last line; the next one must not become part of it.
                    file.write_all(b"\n")?;
                }
                return Ok(Current { day: day.to_owned(), file, bytes });
            }
        }
        let number = newest.as_deref().map_or(0, |path| number_of(path) + 1);
        let path = self.root.join(format!("{day}-{number:04}.{EXTENSION}"));
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
        Ok(Current { day: day.to_owned(), file, bytes: 0 })
    }

    /// The files, the oldest first.
    pub(super) fn paths(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                paths.push(path);
            }
        }
        paths.sort_unstable_by_key(|path| (day_of(path).to_owned(), number_of(path)));
        Ok(paths)
    }

    /// Deletes what is too old or too much; the newest file stays.
    ///
    /// # Errors
    /// A file could not be looked at or deleted.
    pub fn sweep(&self, now: Timestamp) -> io::Result<()> {
        let _writer_waits = self.current();
        self.sweep_locked(now.to_rfc3339().get(..10).unwrap_or_default())
    }

    fn sweep_locked(&self, today: &str) -> io::Result<()> {
        let midnight = Timestamp::from_rfc3339(&format!("{today}T00:00:00Z")).unwrap_or_default();
        let oldest_kept = midnight.plus_seconds(-i64::from(self.retention.days) * 86_400).to_rfc3339();
        let mut paths = self.paths()?;
        // The newest file counts as full, which it will be.
        paths.pop();
        let mut bytes = AUDIT_FILE_BYTES;
        for path in paths.into_iter().rev() {
            bytes += fs::metadata(&path)?.len();
            if bytes > self.retention.bytes || day_of(&path) < oldest_kept.get(..10).unwrap_or_default() {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `2026-11-23` of a file's name.
pub(super) fn day_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).and_then(|name| name.get(..10)).unwrap_or_default()
}

/// The number of a file within its day.
pub(super) fn number_of(path: &Path) -> u32 {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    stem.and_then(|stem| stem.get(11..)?.parse().ok()).unwrap_or_default()
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
