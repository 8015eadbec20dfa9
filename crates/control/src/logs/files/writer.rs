//! The one thread that writes log files.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, PoisonError, mpsc};
use std::thread;

use super::segment::{Segment, Segments};
use super::{Append, Command, Done, LogFileError, Shared, frame, sync_directory};
use crate::limits::{GROUP_COMMIT_BATCHES, LOG_SEGMENT_BYTES};

/// Starts the thread. It ends when the sender is dropped.
pub(super) fn start(shared: Arc<Shared>) -> mpsc::Sender<Command> {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::Builder::new().name("logs".into()).spawn(move || run(&shared, &receiver));
    if let Err(error) = thread {
        // The receiver is gone, so every append answers that the writer has ended.
        tracing::error!(%error, "the log writer could not be started");
    }
    sender
}

fn run(shared: &Shared, receiver: &mpsc::Receiver<Command>) {
    while let Ok(first) = receiver.recv() {
        let mut appends: BTreeMap<String, Vec<(Append, Done)>> = BTreeMap::new();
        let mut others = Vec::new();
        let gathered = std::iter::once(first).chain(receiver.try_iter().take(GROUP_COMMIT_BATCHES));
        for command in gathered {
            match command {
                Command::Append(append, done) => {
                    appends.entry(append.stream.clone()).or_default().push((append, done));
                }
                other => others.push(other),
            }
        }
        for (stream, batch) in appends {
            let (batch, dones): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let result = append(shared, &stream, &batch);
            if let Err(error) = &result {
                tracing::error!(%error, "log events could not be written");
            }
            for done in dones {
                // Nobody waits any more when the caller was dropped; the events are written all the same.
                let _ = done.send(result.clone());
            }
        }
        for command in others {
            match command {
                Command::Expire { stream, before, done } => {
                    let _ = done.send(expire(shared, &stream, before));
                }
                Command::Remove { stream, done } => {
                    let _ = done.send(remove(shared, &stream));
                }
                Command::Append(..) => {}
            }
        }
    }
}

/// Writes what has gathered for one stream and makes it durable, then lets readers see it.
fn append(shared: &Shared, stream: &str, batch: &[Append]) -> Result<(), LogFileError> {
    let directory = shared.directory(stream);
    let mut segments = shared.with(stream, Segments::clone)?;
    if segments.open().bytes >= LOG_SEGMENT_BYTES {
        segments.roll(&directory)?;
    }
    let open = segments.open();
    let result = write(&directory, open, batch);
    if result.is_err() && directory.exists() {
        // What is in the file beyond the good bytes is unknown now: nothing may follow it there.
        segments.roll(&directory)?;
    }
    publish(shared, stream, segments);
    result
}

fn write(directory: &Path, segment: &mut Segment, batch: &[Append]) -> Result<(), LogFileError> {
    let mut bytes = Vec::new();
    let mut after = segment.clone();
    for append in batch {
        let start = bytes.len();
        if !frame::encode(&mut bytes, append.at, append.cursor, after.next_number, &append.events) {
            return Err(LogFileError::TooLarge);
        }
        if let Some((frame, length)) = frame::decode(&bytes[start..]) {
            after.count(frame, length);
        }
    }
    let path = segment.path(directory);
    let failed = |error| LogFileError::new("append to a segment", &path, error);
    let begins = segment.bytes == 0;
    if begins {
        fs::create_dir_all(directory).map_err(|error| LogFileError::new("make a stream", directory, error))?;
    }
    let mut file = fs::OpenOptions::new().append(true).create(true).open(&path).map_err(failed)?;
    file.write_all(&bytes).map_err(failed)?;
    file.sync_data().map_err(failed)?;
    if begins {
        sync_directory(directory)?;
        if let Some(root) = directory.parent() {
            sync_directory(root)?;
        }
    }
    *segment = after;
    Ok(())
}

fn expire(shared: &Shared, stream: &str, before: i64) -> Result<(), LogFileError> {
    let mut segments = shared.with(stream, Segments::clone)?;
    let result = segments.expire(&shared.directory(stream), before);
    publish(shared, stream, segments);
    result
}

fn remove(shared: &Shared, stream: &str) -> Result<(), LogFileError> {
    shared.streams.lock().unwrap_or_else(PoisonError::into_inner).remove(stream);
    let directory = shared.directory(stream);
    match fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LogFileError::new("delete a stream", &directory, error))
        }
        _ => Ok(()),
    }
}

fn publish(shared: &Shared, stream: &str, segments: Segments) {
    let cell = shared.stream(stream);
    *cell.write().unwrap_or_else(PoisonError::into_inner) = Some(segments);
}
