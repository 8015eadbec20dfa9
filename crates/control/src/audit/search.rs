//! Looking back: the newest events first, until there are enough of them or enough has been read.
//!
//! All budgets are read at once, from their ends, in the order of time; what is being counted is the newest of all. A line
//! that does not hold the words that are sought is not parsed.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::audit::Budget;
use wire::Timestamp;

use super::event::Event;
use super::files::{Shelf, day_of};
use super::keeper::AuditFiles;
use super::lines::Lines;
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

/// A place between lines: of each budget what stands before it has not been looked at. A budget that is not in it has
/// been looked through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place(BTreeMap<&'static str, (String, u64)>);

impl Place {
    /// The place as a token for clients.
    pub(crate) fn token(&self) -> String {
        let parts = self.0.iter().map(|(budget, (file, bytes))| format!("{budget}/{file}:{bytes}"));
        marker_of(&parts.collect::<Vec<_>>().join(" "))
    }

    /// Reads a token; `None` if it is not ours.
    pub(crate) fn of_token(token: &str) -> Option<Self> {
        let text = place_of(token)?;
        let part = |part: &str| {
            let (budget, place) = part.split_once('/')?;
            let budget = Budget::ALL.into_iter().find(|known| known.name() == budget)?;
            let (file, bytes) = place.rsplit_once(':')?;
            let is_name = file.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') && file.len() > 11;
            is_name.then_some((budget.name(), (file.to_owned(), bytes.parse().ok()?)))
        };
        text.split(' ').map(part).collect::<Option<_>>().map(Self)
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
    let (from, until) = (second(search.from), second(search.until));
    // Clocks step back a little.
    let too_old = second(Timestamp::from_seconds(search.from.seconds()).plus_seconds(-AUDIT_CLOCK_SECONDS));
    let mut streams = files.shelves().iter().map(|shelf| Stream::of(shelf, search)).collect::<io::Result<Vec<_>>>()?;
    if search.before.is_none() {
        streams.push(Stream::of_running_counts(files));
    }
    let mut found = Found { events: Vec::new(), next: None };
    let mut left = AUDIT_SEARCH_BYTES;
    loop {
        let newest =
            streams.iter_mut().filter(|stream| stream.head.is_some()).max_by(|one, other| one.time().cmp(other.time()));
        let Some(stream) = newest else { return Ok(found) };
        if stream.time() < too_old.as_str() {
            stream.end();
            continue;
        }
        let is_in_time = stream.time() >= from.as_str() && stream.time() <= until.as_str();
        let event = stream.head.as_ref().filter(|_| is_in_time).and_then(|head| head.event(search));
        if left == 0 || (event.is_some() && found.events.len() == search.limit) {
            found.next = Some(Place(streams.iter().filter_map(Stream::place).collect()));
            return Ok(found);
        }
        found.events.extend(event);
        left = left.saturating_sub(stream.advance()?);
    }
}

/// A moment as events know it, to the second.
fn second(at: Timestamp) -> String {
    Timestamp::from_seconds(at.seconds()).to_rfc3339()
}

/// The lines of one budget, the newest first.
struct Stream {
    budget: &'static str,
    /// The files that have not been begun, the newest last.
    paths: Vec<PathBuf>,
    /// The name of the file that is being read, and what is left of it.
    file: Option<(String, Lines)>,
    /// Lines that are in no file yet, the newest last.
    running: Vec<String>,
    /// The newest line that has not been looked at.
    head: Option<Head>,
}

struct Head {
    text: String,
    /// Its time: `2026-11-23T12:00:00Z`.
    time: String,
    /// Where it ends in its file.
    end: u64,
}

impl Head {
    /// `None` for a line that was torn.
    fn of(text: String, end: u64) -> Option<Self> {
        let (_, rest) = text.split_once(r#""eventTime":""#)?;
        let time = rest.get(..second(Timestamp::default()).len())?.to_owned();
        Some(Self { text, time, end })
    }

    /// The event if it is wanted.
    fn event(&self, search: &Search) -> Option<(Event, String)> {
        if !search.words.iter().all(|word| self.text.contains(word.as_str())) {
            return None;
        }
        let event = serde_json::from_str(&self.text).ok().filter(|event| (search.wanted)(event))?;
        Some((event, self.text.clone()))
    }
}

impl Stream {
    fn of(shelf: &Shelf, search: &Search) -> io::Result<Self> {
        let budget = shelf.budget.name();
        let mut stream = Self { budget, paths: Vec::new(), file: None, running: Vec::new(), head: None };
        let begin = match &search.before {
            None => None,
            Some(place) => match place.0.get(budget) {
                Some(begin) => Some(begin),
                None => return Ok(stream),
            },
        };
        let (from, until) = (second(search.from), second(search.until));
        let is_wanted = |path: &PathBuf| {
            let day = day_of(path);
            day >= from.get(..10).unwrap_or_default() && day <= until.get(..10).unwrap_or_default()
        };
        stream.paths = shelf.paths()?.into_iter().filter(is_wanted).collect();
        if let Some((file, bytes)) = begin {
            stream.paths.retain(|path| !is_after(&stem(path), file));
            if let Some(path) = stream.paths.pop_if(|path| stem(path) == *file) {
                stream.file = Lines::open(&path, Some(*bytes))?.map(|lines| (stem(&path), lines));
            }
        }
        stream.advance()?;
        Ok(stream)
    }

    fn of_running_counts(files: &AuditFiles) -> Self {
        let running = files.running_counts().iter().filter_map(|event| serde_json::to_string(event).ok()).collect();
        let mut stream = Self { budget: "", paths: Vec::new(), file: None, running, head: None };
        stream.head = stream.next_running();
        stream
    }

    fn time(&self) -> &str {
        self.head.as_ref().map_or("", |head| &head.time)
    }

    /// Where a search goes on that ends before the head.
    fn place(&self) -> Option<(&'static str, (String, u64))> {
        let (file, _) = self.file.as_ref()?;
        Some((self.budget, (file.clone(), self.head.as_ref()?.end)))
    }

    fn end(&mut self) {
        *self = Self { budget: self.budget, paths: Vec::new(), file: None, running: Vec::new(), head: None };
    }

    /// Goes to the next line, and answers how many bytes were read for it.
    fn advance(&mut self) -> io::Result<usize> {
        let mut bytes = 0;
        self.head = self.next_running();
        while self.head.is_none() {
            let Some((_, lines)) = &mut self.file else {
                let Some(path) = self.paths.pop() else { break };
                self.file = Lines::open(&path, None)?.map(|lines| (stem(&path), lines));
                continue;
            };
            match lines.back()? {
                Some(line) => {
                    bytes += line.bytes.len() + 1;
                    self.head = String::from_utf8(line.bytes).ok().and_then(|text| Head::of(text, line.end));
                }
                None => self.file = None,
            }
        }
        Ok(bytes)
    }

    fn next_running(&mut self) -> Option<Head> {
        Head::of(self.running.pop()?, 0)
    }
}

/// A file's name without its ending: `2026-11-23-0000`.
fn stem(path: &Path) -> String {
    path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned()
}

/// Whether the first file was begun after the second; their numbers within a day may have different lengths.
fn is_after(name: &str, other: &str) -> bool {
    let key = |name: &str| {
        let (day, number) = name.split_at_checked(10).unwrap_or_default();
        (day.to_owned(), number.get(1..).and_then(|number| number.parse::<u32>().ok()))
    };
    key(name) > key(other)
}
