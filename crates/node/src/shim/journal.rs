//! The shim's journal: what happened to a task's containers, one line per fact, durable before anyone is told.
//!
//! Written by the shim alone, read by whoever adopts the task. A torn last line (the machine lost power while it was
//! written) was never told to anyone and is ignored.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::protocol::Record;

/// The journal's name in the task's directory.
pub(crate) const FILE_NAME: &str = "events";

/// The writing end.
pub(super) struct Journal {
    file: File,
    records: Vec<Record>,
}

impl Journal {
    /// Opens a new journal in the task's directory.
    pub(super) fn create(directory: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(directory.join(FILE_NAME))?;
        Ok(Self { file, records: Vec::new() })
    }

    /// Writes a fact down; returns when it is durable.
    pub(super) fn append(&mut self, record: Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(&record)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.file.sync_data()?;
        self.records.push(record);
        Ok(())
    }

    /// Everything written so far.
    pub(super) fn records(&self) -> &[Record] {
        &self.records
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
    use wire::Timestamp;

    #[test]
    fn a_torn_last_line_is_ignored() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut journal = Journal::create(directory.path()).expect("a journal");
        let record = Record { at: Timestamp::from_milliseconds(1500), event: Event::Finished };
        journal.append(record.clone()).expect("append");
        journal.file.write_all(b"{\"at\":17").expect("a torn line");
        assert_eq!(read(directory.path()).expect("read"), vec![record]);
    }
}
