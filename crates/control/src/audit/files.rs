//! The JSON lines of one budget on disk: `D/audit/changes/2026-11-23-0000.jsonl`, readable by the owner only.
//!
//! A new file begins each day and whenever one is full; what is older than the retention, or too much, goes file by file.
//! A line is one `write`, so a crash of the server leaves whole lines; a power cut or a full disk may tear the last one,
//! which is closed before the next line and passed over by readers.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::audit::Budget;
use wire::Timestamp;

use super::keeper::Retention;
use crate::limits::AUDIT_FILE_BYTES;

const EXTENSION: &str = "jsonl";

/// The files of one budget.
pub(super) struct Shelf {
    /// What events are of it.
    pub(super) budget: Budget,
    root: PathBuf,
    days: u32,
    bytes: u64,
    /// A file takes no further event beyond this size, in bytes.
    file_bytes: u64,
    current: Mutex<Option<Current>>,
}

struct Current {
    day: String,
    file: File,
    bytes: u64,
}

impl Shelf {
    /// The files under this directory, which is made when the first event comes.
    pub(super) fn new(audit: &Path, budget: Budget, retention: Retention) -> Self {
        let bytes = budget.share(retention.bytes);
        Self {
            budget,
            root: audit.join(budget.name()),
            days: retention.days,
            bytes,
            file_bytes: AUDIT_FILE_BYTES.min(bytes / 4),
            current: Mutex::default(),
        }
    }

    /// Hands a line to the operating system.
    pub(super) fn append(&self, day: &str, line: &[u8]) -> io::Result<()> {
        let mut current = self.current();
        let written = self.write(&mut current, day, line);
        if written.is_err() {
            // The file is looked at anew: its last line may be torn.
            *current = None;
        }
        written
    }

    fn write(&self, current: &mut Option<Current>, day: &str, line: &[u8]) -> io::Result<()> {
        let is_open = current.as_ref().is_some_and(|open| open.day == day && open.bytes < self.file_bytes);
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
            if bytes < self.file_bytes {
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
    pub(super) fn sweep(&self, now: Timestamp) -> io::Result<()> {
        let _writer_waits = self.current();
        self.sweep_locked(now.to_rfc3339().get(..10).unwrap_or_default())
    }

    fn sweep_locked(&self, today: &str) -> io::Result<()> {
        let midnight = Timestamp::from_rfc3339(&format!("{today}T00:00:00Z")).unwrap_or_default();
        let oldest_kept = midnight.plus_seconds(-i64::from(self.days) * 86_400).to_rfc3339();
        let mut paths = self.paths()?;
        // The newest file counts as full, which it will be.
        paths.pop();
        let mut bytes = self.file_bytes;
        for path in paths.into_iter().rev() {
            bytes += fs::metadata(&path)?.len();
            if bytes > self.bytes || day_of(&path) < oldest_kept.get(..10).unwrap_or_default() {
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
