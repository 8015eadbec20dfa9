//! One stream on disk: a directory of segment files, each with what must be known to leave it unread.
//!
//! `0000000000.log` holds frames; `0000000000.json` beside it, written when the segment is full, says which times it
//! spans. Only the newest segment has none, so after a restart at most one segment per stream is read to know it all.
//! A segment found torn is closed as it is: nothing is ever cut away, later appends go to a new file.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{LogFileError, frame};

/// A segment that is larger than this when the server starts is closed, so that it is read once and not at every start.
const REOPEN_BYTES: u64 = 64 * 1024;

/// What is known of one segment, and the contents of its summary file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Segment {
    /// Its place in the stream.
    pub(super) sequence: u64,
    /// The good bytes of its file.
    pub(super) bytes: u64,
    /// Bytes of the messages in it, as CloudWatch Logs counts them.
    pub(super) stored_bytes: u64,
    /// The times of its first and last event, in milliseconds; `None` when it has no events.
    pub(super) times: Option<(i64, i64)>,
    /// When the last append came, in milliseconds.
    pub(super) appended_at: Option<i64>,
    /// The number of the next event of the stream.
    pub(super) next_number: u64,
    /// How far the producer's output has been taken over.
    pub(super) cursor: Option<u64>,
}

impl Segment {
    /// The times of its first and last event, in milliseconds.
    pub(crate) fn times(&self) -> Option<(i64, i64)> {
        self.times
    }

    /// The size of its file, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn path(&self, directory: &Path) -> PathBuf {
        directory.join(format!("{:010}.log", self.sequence))
    }

    fn summary_path(&self, directory: &Path) -> PathBuf {
        directory.join(format!("{:010}.json", self.sequence))
    }

    /// An empty segment that goes on where this one ends.
    pub(super) fn next(&self) -> Self {
        Self {
            sequence: self.sequence + 1,
            appended_at: self.appended_at,
            next_number: self.next_number,
            cursor: self.cursor,
            ..Self::default()
        }
    }

    /// Counts a frame in.
    pub(super) fn count(&mut self, frame: frame::Frame<'_>, length: usize) {
        self.bytes += length as u64;
        self.appended_at = Some(frame.appended_at);
        self.cursor = frame.cursor.or(self.cursor);
        self.next_number = self.next_number.max(frame.first_number);
        for event in frame.events() {
            self.next_number = event.number + 1;
            self.stored_bytes += (event.message.len() + domain::logs::batch::EVENT_OVERHEAD_BYTES) as u64;
            let (first, last) = self.times.unwrap_or((event.time, event.time));
            self.times = Some((first.min(event.time), last.max(event.time)));
        }
    }

    /// Writes the summary: the segment is not appended to any more.
    pub(super) fn close(&self, directory: &Path) -> Result<(), LogFileError> {
        let path = self.summary_path(directory);
        let text = serde_json::to_vec(self).unwrap_or_default();
        fs::File::create(&path)
            .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
            .map_err(|error| LogFileError::new("close a segment", &path, error))
    }

    /// Takes its files away.
    pub(super) fn delete(&self, directory: &Path) -> Result<(), LogFileError> {
        for path in [self.path(directory), self.summary_path(directory)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(LogFileError::new("delete a segment", &path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads the file of a segment that has no (good) summary. True when all of it was good.
    fn scan(&mut self, path: &Path) -> Result<bool, LogFileError> {
        let bytes = fs::read(path).map_err(|error| LogFileError::new("read a segment", path, error))?;
        let mut rest = bytes.as_slice();
        while let Some((frame, length)) = frame::decode(rest) {
            self.count(frame, length);
            rest = &rest[length..];
        }
        Ok(rest.is_empty())
    }
}

/// All segments of a stream, oldest first. The last one takes appends.
#[derive(Clone, Debug, Default)]
pub(super) struct Segments {
    pub(super) all: Vec<Segment>,
}

impl Segments {
    /// Looks at a stream's directory; one that is not there is a stream nothing was ever appended to.
    pub(super) fn load(directory: &Path) -> Result<Self, LogFileError> {
        let mut sequences = Vec::new();
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            other => other.map_err(|error| LogFileError::new("list a stream", directory, error))?,
        };
        for entry in entries {
            let entry = entry.map_err(|error| LogFileError::new("list a stream", directory, error))?;
            if let Some(sequence) = entry.file_name().to_str().and_then(|name| name.strip_suffix(".log")?.parse().ok())
            {
                sequences.push(sequence);
            }
        }
        sequences.sort_unstable();
        let mut segments = Self::default();
        let newest = sequences.last().copied();
        for sequence in sequences {
            segments.load_one(directory, sequence, newest == Some(sequence))?;
        }
        Ok(segments)
    }

    fn load_one(&mut self, directory: &Path, sequence: u64, newest: bool) -> Result<(), LogFileError> {
        let mut segment = self.all.last().map(Segment::next).unwrap_or_default();
        segment.sequence = sequence;
        let summary = fs::read(segment.summary_path(directory)).ok();
        let summary = summary.and_then(|text| serde_json::from_slice::<Segment>(&text).ok());
        if let Some(summary) = summary.filter(|summary| summary.sequence == sequence) {
            self.all.push(summary);
        } else {
            let whole = segment.scan(&segment.path(directory))?;
            let stays_open = newest && whole && segment.bytes <= REOPEN_BYTES;
            if !stays_open {
                segment.close(directory)?;
            }
            self.all.push(segment);
            if stays_open {
                return Ok(());
            }
        }
        if newest {
            let next = self.all.last().map(Segment::next).unwrap_or_default();
            self.all.push(next);
        }
        Ok(())
    }

    /// The segment that takes appends.
    pub(super) fn open(&mut self) -> &mut Segment {
        if self.all.is_empty() {
            self.all.push(Segment::default());
        }
        let last = self.all.len() - 1;
        &mut self.all[last]
    }

    /// Closes the open segment and begins the next one. The next one is begun even when the summary could not be
    /// written: nothing may follow in a file whose end is unknown.
    pub(super) fn roll(&mut self, directory: &Path) -> Result<(), LogFileError> {
        let open = self.open();
        let closed = open.close(directory);
        let next = open.next();
        self.all.push(next);
        closed
    }

    /// Deletes the segments whose newest event is before this time. The cursor must outlive them: the newest closed
    /// segment, whose summary carries it, stays, and is an empty one when all events were too old.
    pub(super) fn expire(&mut self, directory: &Path, before: i64) -> Result<(), LogFileError> {
        let expired = |segment: &Segment| segment.times.is_some_and(|(_, last)| last < before);
        if !self.all.iter().any(expired) {
            return Ok(());
        }
        if self.open().bytes > 0 {
            self.roll(directory)?;
        }
        if self.all.iter().nth_back(1).is_some_and(expired) {
            let path = self.open().path(directory);
            fs::write(&path, []).map_err(|error| LogFileError::new("begin a segment", &path, error))?;
            self.roll(directory)?;
        }
        super::sync_directory(directory)?;
        let newest_closed = self.all.iter().nth_back(1).map(|segment| segment.sequence);
        let goes = |segment: &Segment| {
            expired(segment) || (segment.times.is_none() && newest_closed.is_some_and(|it| segment.sequence < it))
        };
        for segment in self.all.iter().filter(|segment| goes(segment)) {
            segment.delete(directory)?;
        }
        self.all.retain(|segment| !goes(segment));
        Ok(())
    }
}
