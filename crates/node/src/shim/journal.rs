//! The shim's journal: what happened to a task's containers, one line per fact, durable before anyone is told.
//!
//! Written by the shim alone, read by whoever adopts the task. A torn last line (the machine lost power, or the disk had no
//! room, while it was written) is ignored. A fact that cannot be written waits here, in its place, and is written as soon
//! as that is possible; meanwhile it is told, because an exit that nobody hears of helps nobody.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::protocol::Record;
use super::stuck::Stuck;

/// The journal's name in the task's directory.
pub(crate) const FILE_NAME: &str = "events";

/// The writing end.
pub(super) struct Journal {
    file: File,
    /// How much of the file is whole and durable, in bytes.
    length: u64,
    records: Vec<Record>,
    /// How many of the records are durable.
    written: usize,
    stuck: Option<Stuck>,
}

impl Journal {
    /// Opens a new journal in the task's directory.
    pub(super) fn create(directory: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(directory.join(FILE_NAME))?;
        let length = file.metadata()?.len();
        Ok(Self { file, length, records: Vec::new(), written: 0, stuck: None })
    }

    /// Takes a fact in; when this returns it is durable, or [`Self::stuck`] says why it is not yet.
    pub(super) fn append(&mut self, record: Record, now: u64) {
        self.records.push(record);
        self.settle(now);
    }

    /// Tries again what could not be written, when it is time to. `now` is in milliseconds of a clock that never goes back.
    pub(super) fn settle(&mut self, now: u64) {
        if self.is_written() || self.stuck.is_some_and(|stuck| now < stuck.retry_at()) {
            return;
        }
        self.stuck = self.write().err().map(|error| Stuck::new(&error, now));
    }

    fn write(&mut self) -> io::Result<()> {
        if self.stuck.is_some() {
            // What the last attempt left of these records.
            self.file.set_len(self.length)?;
        }
        let mut lines = Vec::new();
        for record in &self.records[self.written..] {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
        }
        self.file.write_all(&lines)?;
        self.file.sync_data()?;
        self.length += lines.len() as u64;
        self.written = self.records.len();
        Ok(())
    }

    /// Everything so far.
    pub(super) fn records(&self) -> &[Record] {
        &self.records
    }

    /// Whether everything so far is durable.
    pub(super) fn is_written(&self) -> bool {
        self.written == self.records.len()
    }

    /// Why something is not durable, and when it is tried again.
    pub(super) fn stuck(&self) -> Option<Stuck> {
        self.stuck
    }
}

/// Reads a task's journal; a missing one is empty.
pub(crate) fn read(directory: &Path) -> io::Result<Vec<Record>> {
    let bytes = match std::fs::read(directory.join(FILE_NAME)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    Ok(bytes
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| line.ends_with(b"\n"))
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shim::protocol::Event;
    use crate::test_support::SmallDisk;
    use wire::Timestamp;

    fn record(number: i64) -> Record {
        let container = format!("container-{number:0>100}");
        Record { at: Timestamp::from_milliseconds(number), event: Event::NotStarted { container, failure: None } }
    }

    #[test]
    fn a_torn_last_line_is_ignored() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut journal = Journal::create(directory.path()).expect("a journal");
        journal.append(record(1), 0);
        assert!(journal.is_written());
        journal.file.write_all(b"{\"at\":17").expect("a torn line");
        assert_eq!(read(directory.path()).expect("read"), vec![record(1)]);
    }

    #[test]
    fn what_finds_no_room_is_written_later_each_record_once_and_in_order() {
        let disk = SmallDisk::new(1 << 20);
        let mut journal = Journal::create(disk.path()).expect("a journal");
        journal.append(record(0), 0);
        disk.fill();
        let mut number = 0;
        // The last block still has room for a few.
        while journal.is_written() {
            number += 1;
            assert!(number < 1000, "the disk never becomes full");
            journal.append(record(number), 0);
        }
        assert_eq!(journal.stuck().map(|stuck| stuck.errno), Some(nix::libc::ENOSPC));
        let durable: Vec<Record> = (0..number).map(record).collect();
        assert_eq!(read(disk.path()).expect("read"), durable, "what was torn is no record");
        number += 1;
        journal.append(record(number), 1);
        assert_eq!(journal.records().last(), Some(&record(number)), "whoever listens hears it nevertheless");
        disk.make_room();
        journal.settle(1);
        assert!(!journal.is_written(), "it waits between two attempts");
        journal.settle(10_000);
        assert!(journal.is_written() && journal.stuck().is_none());
        let all: Vec<Record> = (0..=number).map(record).collect();
        assert_eq!(read(disk.path()).expect("read"), all);
    }
}
