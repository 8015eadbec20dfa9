//! Log events on disk: append-only segment files, one directory per stream under `D/logs`.
//!
//! One thread writes. It takes together what has gathered and makes it durable with one `fdatasync` per stream, so a
//! container that prints much waits for few of them. Readers see only what is durable; they never wait for the writer's
//! disk. Which streams exist is decided by the records in the store: a directory without a record is an orphan.

mod frame;
mod segment;
mod writer;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, mpsc};

use tokio::sync::oneshot;

pub(crate) use frame::{Event, NewEvent};
pub(crate) use segment::Segment;
use segment::Segments;

/// Why the log files cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogFileError {
    /// An operation on a file failed.
    #[error("cannot {operation} ({path}): {source}")]
    File {
        /// What was tried.
        operation: &'static str,
        /// Where.
        path: PathBuf,
        /// What the operating system says.
        source: Arc<io::Error>,
    },
    /// An append is larger than a frame may be.
    #[error("the log events of one append are larger than {} bytes", crate::limits::LOG_APPEND_BYTES)]
    TooLarge,
    /// The writer thread is gone.
    #[error("the log writer has ended")]
    Closed,
}

impl LogFileError {
    fn new(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { operation, path: path.to_owned(), source: Arc::new(source) }
    }
}

/// Some events for one stream.
#[derive(Clone, Debug)]
pub(crate) struct Append {
    /// The id of the stream's record.
    pub(crate) stream: String,
    /// Now, in milliseconds.
    pub(crate) at: i64,
    /// The events.
    pub(crate) events: Vec<NewEvent>,
    /// How far the producer's output has been taken over with them.
    pub(crate) cursor: Option<u64>,
}

/// What is known of a stream without reading its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamSummary {
    /// The times of the first and last event, in milliseconds.
    pub(crate) times: Option<(i64, i64)>,
    /// When the last append came, in milliseconds.
    pub(crate) appended_at: Option<i64>,
    /// Bytes of all messages, as CloudWatch Logs counts them.
    pub(crate) stored_bytes: u64,
    /// How far the producer's output has been taken over.
    pub(crate) cursor: Option<u64>,
}

/// A stream whose directory is looked at when it is first needed.
type Stream = RwLock<Option<Segments>>;
type Done = oneshot::Sender<Result<(), LogFileError>>;

enum Command {
    Append(Append, Done),
    Expire { stream: String, before: i64, done: Done },
    Remove { stream: String, done: Done },
}

/// The log files of a server.
pub struct LogFiles {
    shared: Arc<Shared>,
    writer: OnceLock<mpsc::Sender<Command>>,
}

struct Shared {
    root: PathBuf,
    streams: Mutex<HashMap<String, Arc<Stream>>>,
}

impl LogFiles {
    /// The files under this directory, which is made when the first event comes.
    pub fn new(root: PathBuf) -> Self {
        Self { shared: Arc::new(Shared { root, streams: Mutex::default() }), writer: OnceLock::new() }
    }

    /// Takes events over; returns when they are durable.
    pub(crate) async fn append(&self, append: Append) -> Result<(), LogFileError> {
        self.command(|done| Command::Append(append, done)).await
    }

    /// Deletes what is wholly older than this time, in milliseconds.
    pub(crate) async fn expire(&self, stream: &str, before: i64) -> Result<(), LogFileError> {
        let stream = stream.to_owned();
        self.command(|done| Command::Expire { stream, before, done }).await
    }

    /// Deletes a stream's directory.
    pub(crate) async fn remove(&self, stream: &str) -> Result<(), LogFileError> {
        let stream = stream.to_owned();
        self.command(|done| Command::Remove { stream, done }).await
    }

    /// What is known of a stream. Reads its directory when it is asked first after a start.
    pub(crate) fn summary(&self, stream: &str) -> Result<StreamSummary, LogFileError> {
        self.shared.with(stream, |segments| {
            let mut summary = StreamSummary::default();
            for segment in &segments.all {
                summary.stored_bytes += segment.stored_bytes;
                summary.appended_at = segment.appended_at;
                summary.cursor = segment.cursor;
                if let Some((first, last)) = segment.times {
                    let (earliest, latest) = summary.times.unwrap_or((first, last));
                    summary.times = Some((earliest.min(first), latest.max(last)));
                }
            }
            summary
        })
    }

    /// The segments of a stream that have events.
    pub(crate) fn segments(&self, stream: &str) -> Result<Vec<Segment>, LogFileError> {
        self.shared
            .with(stream, |segments| segments.all.iter().filter(|segment| segment.times.is_some()).cloned().collect())
    }

    /// Calls `each` with the events of a segment in order of arrival. A segment that has been deleted since has none.
    pub(crate) fn read(
        &self,
        stream: &str,
        segment: &Segment,
        mut each: impl FnMut(Event<'_>),
    ) -> Result<(), LogFileError> {
        let path = segment.path(&self.shared.directory(stream));
        let mut bytes = Vec::with_capacity(usize::try_from(segment.bytes).unwrap_or(0));
        match fs::File::open(&path).and_then(|file| file.take(segment.bytes).read_to_end(&mut bytes)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(|error| LogFileError::new("read a segment", &path, error))?,
        };
        let mut rest = bytes.as_slice();
        while let Some((frame, length)) = frame::decode(rest) {
            frame.events().for_each(&mut each);
            rest = &rest[length..];
        }
        Ok(())
    }

    /// The ids of all streams that have a directory.
    pub(crate) fn stream_ids(&self) -> Result<HashSet<String>, LogFileError> {
        let root = &self.shared.root;
        let entries = match fs::read_dir(root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashSet::new()),
            other => other.map_err(|error| LogFileError::new("list the streams", root, error))?,
        };
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<_>>()
            .map_err(|error| LogFileError::new("list the streams", root, error))
    }

    async fn command(&self, command: impl FnOnce(Done) -> Command) -> Result<(), LogFileError> {
        let (done, answer) = oneshot::channel();
        let sender = self.writer.get_or_init(|| writer::start(Arc::clone(&self.shared)));
        sender.send(command(done)).map_err(|_| LogFileError::Closed)?;
        answer.await.unwrap_or(Err(LogFileError::Closed))
    }
}

impl Shared {
    fn directory(&self, stream: &str) -> PathBuf {
        self.root.join(stream)
    }

    fn stream(&self, stream: &str) -> Arc<Stream> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = streams.get(stream) {
            return Arc::clone(known);
        }
        let new = Arc::new(Stream::default());
        streams.insert(stream.to_owned(), Arc::clone(&new));
        new
    }

    fn with<T>(&self, stream: &str, look: impl FnOnce(&Segments) -> T) -> Result<T, LogFileError> {
        let cell = self.stream(stream);
        if let Some(segments) = &*cell.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(look(segments));
        }
        let mut slot = cell.write().unwrap_or_else(PoisonError::into_inner);
        let segments = match &mut *slot {
            Some(segments) => segments,
            empty => empty.insert(Segments::load(&self.directory(stream))?),
        };
        Ok(look(segments))
    }
}

fn sync_directory(directory: &Path) -> Result<(), LogFileError> {
    fs::File::open(directory)
        .and_then(|file| file.sync_all())
        .map_err(|error| LogFileError::new("make a directory durable", directory, error))
}

#[cfg(test)]
mod tests;
