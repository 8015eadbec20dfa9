//! FilterLogEvents: the streams of a group together, in order of time, through a pattern.
//!
//! One call reads a bounded number of bytes. When it stops before everything is read it answers what it has, perhaps
//! nothing, with a token, as CloudWatch Logs does.

use std::sync::Arc;

use api::logs::{FilterLogEventsInput, FilterLogEventsOutput, FilteredLogEvent};
use domain::logs::page::{AcrossStreams, PAGE_EVENTS};
use domain::logs::{Direction, Page, Pattern};

use super::files::{LogFiles, Segment};
use super::record::{LogStream, named_group, stream_arn};
use super::{blocking, group, invalid, no_stream, place_of, token_of};
use crate::limits::LOG_SEARCH_BYTES;
use crate::page;
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// What is asked: events from this place on, up to and including `until`.
struct Search {
    streams: Vec<Arc<LogStream>>,
    from: AcrossStreams,
    until: i64,
    pattern: Pattern,
    limit: usize,
}

/// FilterLogEvents.
pub(super) async fn run(
    app: Arc<App>,
    request: Request<FilterLogEventsInput>,
) -> Result<FilterLogEventsOutput, ServiceError> {
    let group_of = |input: &FilterLogEventsInput, caller: &_| {
        named_group(caller, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())
    };
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        Ok(Access::to("logs:FilterLogEvents", stream_arn(&group_of(input, caller)?, "")))
    })?;
    let group_arn = group_of(&input, &caller)?;
    let state = app.store.read();
    let shown_from = group(&state, &group_arn)?.shown_from(app.now());
    let pattern = Pattern::parse(input.filter_pattern.as_deref().unwrap_or_default());
    let mut from: AcrossStreams = (input.start_time.unwrap_or(0).max(shown_from), Arc::from(""), 0);
    if let Some(token) = &input.next_token {
        from = from.max(place_of(token)?);
    }
    let search = Search {
        streams: streams(&state, &group_arn, &input)?,
        from,
        until: input.end_time.unwrap_or(i64::MAX),
        pattern: pattern.map_err(|error| invalid(error.to_string()))?,
        limit: page::size(input.limit, PAGE_EVENTS),
    };
    drop(state);
    blocking(move || read(&app.logs, &search)).await
}

fn streams(state: &State, group_arn: &str, input: &FilterLogEventsInput) -> Result<Vec<Arc<LogStream>>, ServiceError> {
    match (&input.log_stream_names, &input.log_stream_name_prefix) {
        (Some(_), Some(_)) => Err(invalid("logStreamNames and logStreamNamePrefix are mutually exclusive parameters.")),
        (Some(names), None) => names
            .iter()
            .map(|name| state.log_streams.get(&stream_arn(group_arn, name)).cloned().ok_or_else(no_stream))
            .collect(),
        (None, prefix) => {
            let prefix = stream_arn(group_arn, prefix.as_deref().unwrap_or_default());
            Ok(state.log_streams.with_prefix(&prefix).map(|(_, stream)| Arc::clone(stream)).collect())
        }
    }
}

fn read(logs: &LogFiles, search: &Search) -> Result<FilterLogEventsOutput, ServiceError> {
    let mut segments: Vec<(i64, Arc<LogStream>, Segment)> = Vec::new();
    for stream in &search.streams {
        for segment in logs.segments(&stream.id)? {
            if let Some((first, last)) = segment.times()
                && last >= search.from.0
                && first <= search.until
            {
                segments.push((first, Arc::clone(stream), segment));
            }
        }
    }
    segments.sort_by_key(|(first, ..)| *first);
    let mut page: Page<AcrossStreams, FilteredLogEvent> = Page::new(Direction::Forward, search.limit);
    let mut read_bytes = 0;
    for (first, stream, segment) in &segments {
        let nearest: AcrossStreams = (*first, Arc::from(""), 0);
        if !page.wants(&nearest) {
            break;
        }
        if read_bytes >= LOG_SEARCH_BYTES && nearest > search.from {
            page.cut(nearest);
            break;
        }
        read_bytes += segment.bytes();
        let name: Arc<str> = Arc::from(stream.name.as_str());
        logs.read(&stream.id, segment, |event| {
            let key = (event.time, Arc::clone(&name), event.number);
            if key >= search.from && key.0 <= search.until && page.wants(&key) && search.pattern.matches(event.message)
            {
                let found = FilteredLogEvent {
                    log_stream_name: Some(stream.name.clone()),
                    timestamp: Some(event.time),
                    message: Some(event.message.to_owned()),
                    ingestion_time: Some(event.ingested_at),
                    event_id: Some(event_id(&stream.id, event.time, event.number)),
                };
                page.offer(key, event.message.len(), found);
            }
        })?;
    }
    let next_token = page.edge().map(token_of);
    let events = page.into_events().map(|(_, event)| event).collect();
    Ok(FilterLogEventsOutput { events: Some(events), searched_log_streams: Some(Vec::new()), next_token })
}

/// 56 digits: the time, the stream, the event's number in it.
fn event_id(stream_id: &str, time: i64, number: u64) -> String {
    let stream = u64::from_str_radix(stream_id, 16).unwrap_or_default();
    format!("{:016}{stream:020}{number:020}", time.max(0))
}
