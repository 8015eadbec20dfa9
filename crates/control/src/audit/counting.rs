//! What is only counted: one event a minute for each source and kind, however many calls there were.
//!
//! A count is in memory while its minute runs, so a crash costs that minute's counts at most. There may be so many counts
//! a minute for each kind; what comes beyond shares one.

use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map};

use domain::audit::Counted;
use serde::{Deserialize, Serialize};
use wire::Timestamp;

use super::event::Event;
use crate::limits::{AUDIT_COUNT_NAMES, AUDIT_COUNTS, AUDIT_REFUSAL_KINDS, AUDIT_REFUSALS_AN_HOUR};

/// What counts share when there are too many of them, and names when one count has too many.
const OTHERS: &str = "others";

/// What an event tells that stands for more than one call.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are those of the event")]
pub(crate) struct Count {
    /// How many calls.
    pub(crate) count: u64,
    /// When the first of them was.
    pub(crate) first_time: String,
    /// When the last of them was.
    pub(crate) last_time: String,
    /// How many of each: `sts:GetCallerIdentity`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) calls: BTreeMap<String, u64>,
    /// The access keys that the calls said they were signed with.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) access_key_ids: BTreeSet<String>,
}

impl Count {
    /// One call.
    fn of(event: &Event) -> Self {
        let mut count = Self::default();
        count.add(event);
        count
    }

    pub(super) fn add(&mut self, event: &Event) {
        if self.count == 0 {
            self.first_time.clone_from(&event.event_time);
        }
        self.count += 1;
        self.last_time.clone_from(&event.event_time);
        let service = event.event_source.trim_end_matches(".amazonaws.com");
        let name = format!("{service}:{}", event.event_name);
        let is_known = self.calls.contains_key(&name) || self.calls.len() < AUDIT_COUNT_NAMES;
        *self.calls.entry(if is_known { name } else { OTHERS.to_owned() }).or_default() += 1;
        if let Some(key) = event.access_key_id()
            && self.access_key_ids.len() < AUDIT_COUNT_NAMES
        {
            self.access_key_ids.insert(key.to_owned());
        }
    }
}

/// Whose calls are counted together: the kind, the source or caller, the error.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    kind: Counted,
    who: String,
    error: String,
}

/// The counts of the minute that runs, and how often each refusal was kept in this hour.
#[derive(Default)]
pub(super) struct Counting {
    minute: i64,
    /// The first call of each, and the count.
    running: HashMap<Key, (Event, Count)>,
    hour: i64,
    kept_refusals: HashMap<(String, String), u32>,
}

impl Counting {
    /// Counts a call; answers the events of the minute before if it is over.
    pub(super) fn count(&mut self, kind: Counted, event: Event, now: Timestamp) -> Vec<Event> {
        let over = self.ended(now);
        let who = match kind {
            Counted::Unauthenticated => event.source_ip_address.clone(),
            Counted::Console => event.access_key_id().unwrap_or_default().to_owned(),
            Counted::Refused => event.caller_name().to_owned(),
        };
        let key = Key { kind, who, error: event.error_code.clone().unwrap_or_default() };
        let of_kind = self.running.keys().filter(|key| key.kind == kind).count();
        let key = if self.running.contains_key(&key) || of_kind < AUDIT_COUNTS {
            key
        } else {
            Key { kind, who: OTHERS.to_owned(), error: OTHERS.to_owned() }
        };
        match self.running.entry(key) {
            hash_map::Entry::Occupied(mut entry) => entry.get_mut().1.add(&event),
            hash_map::Entry::Vacant(entry) => {
                let count = Count::of(&event);
                entry.insert((event, count));
            }
        }
        over
    }

    /// The events of the minute that was counted, if it is over.
    pub(super) fn ended(&mut self, now: Timestamp) -> Vec<Event> {
        let minute = now.seconds().div_euclid(60);
        if minute == self.minute {
            return Vec::new();
        }
        self.minute = minute;
        self.take()
    }

    /// The events of all that was counted, which is forgotten.
    pub(super) fn take(&mut self) -> Vec<Event> {
        let events = self.running();
        self.running.clear();
        events
    }

    /// The events of what has been counted so far, the oldest first.
    pub(super) fn running(&self) -> Vec<Event> {
        let mut events: Vec<Event> =
            self.running.iter().map(|(key, (first, count))| event(key, first, count)).collect();
        events.sort_by(|one, other| one.event_time.cmp(&other.event_time));
        events
    }

    /// Whether a refusal is one of those of its kind that are kept whole. So many an hour are, for each caller, call and
    /// error.
    pub(super) fn is_kept(&mut self, event: &Event) -> bool {
        let hour = Timestamp::from_rfc3339(&event.event_time).unwrap_or_default().seconds().div_euclid(3600);
        if hour != self.hour {
            self.hour = hour;
            self.kept_refusals.clear();
        }
        let what = format!("{}:{} {}", event.event_source, event.event_name, event.error_code.as_deref().unwrap_or(""));
        let mut key = (event.caller_name().to_owned(), what);
        if !self.kept_refusals.contains_key(&key) && self.kept_refusals.len() >= AUDIT_REFUSAL_KINDS {
            key = (OTHERS.to_owned(), OTHERS.to_owned());
        }
        let kept = self.kept_refusals.entry(key).or_default();
        *kept += 1;
        *kept <= AUDIT_REFUSALS_AN_HOUR
    }
}

/// The event that stands for all calls of a count: who and from where as in the first of them.
fn event(key: &Key, first: &Event, count: &Count) -> Event {
    let mut event = first.clone();
    key.kind.event_name().clone_into(&mut event.event_name);
    api::tidegate::SERVICE.name.clone_into(&mut event.event_source);
    "AwsServiceEvent".clone_into(&mut event.event_type);
    event.event_time.clone_from(&count.last_time);
    event.request_parameters = None;
    event.response_elements = None;
    event.resources.clear();
    event.additional_event_data.decisions.clear();
    event.additional_event_data.counted = Some(count.clone());
    if count.access_key_ids.len() > 1
        && let Some(identity) = event.user_identity.as_object_mut()
    {
        identity.remove("accessKeyId");
    }
    if key.who == OTHERS {
        OTHERS.clone_into(&mut event.source_ip_address);
        event.user_identity = serde_json::json!({"type": "Unknown"});
        event.user_agent = None;
        event.error_code = None;
        event.error_message = None;
    }
    event
}
