//! Looking back: the newest events first, until there are enough of them or enough has been read.
//!
//! One file is read at a time and from its end. A line that does not hold the words that are sought is not parsed.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use wire::Timestamp;

use super::event::Event;
use super::files::{AuditFiles, day_of};
use crate::limits::{AUDIT_CLOCK_SECONDS, AUDIT_SEARCH_BYTES};
use crate::page::{marker_of, place_of};
use crate::{App, ServiceError};

/// What is sought.
pub(crate) struct Search {
    /// Text that the line of every wanted event holds, as JSON writes it; empty for none.
    pub(crate) words: Vec<String>,
    /// Nothing before this.
    pub(crate) from: Timestamp,
    /// Nothing after this.
    pub(crate) until: Timestamp,
    /// At most so many.
    pub(crate) limit: usize,
    /// Where an earlier search ended.
    pub(crate) before: Option<Place>,
    /// Whether an event is wanted.
    pub(crate) wanted: Box<dyn Fn(&Event) -> bool + Send>,
}

/// What was found.
pub(crate) struct Found {
    /// The events with their lines, the newest first.
    pub(crate) events: Vec<(Event, String)>,
    /// Where to go on; `None` when everything has been looked at.
    pub(crate) next: Option<Place>,
}

/// A place between two lines: what stands before it has not been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    file: String,
    bytes: usize,
}

impl Place {
    /// The place as a token for clients.
    pub(crate) fn token(&self) -> String {
        marker_of(&format!("{}:{}", self.file, self.bytes))
    }

    /// Reads a token; `None` if it is not ours.
    pub(crate) fn of_token(token: &str) -> Option<Self> {
        let text = place_of(token)?;
        let (file, bytes) = text.rsplit_once(':')?;
        let is_name = file.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') && file.len() > 11;
        is_name.then_some(Self { file: file.to_owned(), bytes: bytes.parse().ok()? })
    }
}

/// Text as it stands between the quotes of a JSON string.
pub(crate) fn as_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

/// Searches, away from the threads that answer.
///
/// # Errors
/// `InternalFailure` when a file cannot be read.
pub(crate) async fn run(app: &Arc<App>, search: Search) -> Result<Found, ServiceError> {
    let reader = Arc::clone(app);
    let found = tokio::task::spawn_blocking(move || backwards(&reader.audit, &search)).await;
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "the audit files could not be read");
        ServiceError::new("InternalFailure", "The audit files could not be read; see the server's log.")
            .with_status(500)
    };
    found.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}

fn backwards(files: &AuditFiles, search: &Search) -> io::Result<Found> {
    let mut found = Found { events: Vec::new(), next: None };
    let mut left = AUDIT_SEARCH_BYTES;
    let (from, until) = (search.from.to_rfc3339(), search.until.to_rfc3339());
    for path in files.paths()?.into_iter().rev() {
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let end = match &search.before {
            Some(place) if is_after(&name, &place.file) => continue,
            Some(place) if name == place.file => Some(place.bytes),
            _ => None,
        };
        if day_of(&path) > until.get(..10).unwrap_or_default() {
            continue;
        }
        if day_of(&path) < from.get(..10).unwrap_or_default() {
            return Ok(found);
        }
        if left == 0 {
            found.next = Some(Place { file: name, bytes: end.unwrap_or(usize::MAX) });
            return Ok(found);
        }
        let Some(bytes) = content(&path, end)? else { continue };
        left = left.saturating_sub(bytes.len());
        match in_file(&bytes, search, &mut found.events) {
            End::File => {}
            End::Search => return Ok(found),
            End::Page(bytes) => {
                found.next = Some(Place { file: name, bytes });
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// Whether the first file was begun after the second; their numbers within a day may have different lengths.
fn is_after(name: &str, other: &str) -> bool {
    let key = |name: &str| {
        let (day, number) = name.split_at_checked(10).unwrap_or_default();
        (day.to_owned(), number.get(1..).and_then(|number| number.parse::<u32>().ok()))
    };
    key(name) > key(other)
}

/// A file up to a place; `None` when it has been deleted meanwhile.
fn content(path: &PathBuf, end: Option<usize>) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(end.map_or(u64::MAX, |end| end as u64)).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Where a file's search ended.
enum End {
    /// At its beginning; an older file may have more.
    File,
    /// At an event that is too old, as everything before it is.
    Search,
    /// With as many events as are wanted, in front of this byte.
    Page(usize),
}

/// Looks through one file from its end.
fn in_file(bytes: &[u8], search: &Search, events: &mut Vec<(Event, String)>) -> End {
    // Events know their second only.
    let from = Timestamp::from_seconds(search.from.seconds());
    let mut end = bytes.len();
    while end > 0 {
        let text = bytes.get(..end).unwrap_or_default();
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let begin = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if let Some((event, line)) = text.get(begin..).and_then(|line| read(line, search)) {
            let time = event.time();
            if time < from.plus_seconds(-AUDIT_CLOCK_SECONDS) {
                return End::Search;
            }
            if time >= from && time <= search.until && (search.wanted)(&event) {
                if events.len() == search.limit {
                    return End::Page(end);
                }
                events.push((event, line.to_owned()));
            }
        }
        end = begin;
    }
    End::File
}

/// The event of a line that may be wanted. A torn line is none.
fn read<'a>(line: &'a [u8], search: &Search) -> Option<(Event, &'a str)> {
    let line = std::str::from_utf8(line).ok()?;
    let may_be = search.words.iter().all(|word| line.contains(word.as_str()));
    may_be.then(|| serde_json::from_str(line).ok()).flatten().map(|event| (event, line))
}
