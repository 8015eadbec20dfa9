//! GetLogEvents: one stream, forward or backward, with tokens that can be asked again and again.

use std::cmp::Reverse;
use std::sync::Arc;

use api::logs::{GetLogEventsInput, GetLogEventsOutput, OutputLogEvent};
use domain::logs::page::{PAGE_EVENTS, Token};
use domain::logs::{Direction, Page, Position};

use super::files::LogFiles;
use super::record::{named_group, stream_arn};
use super::{blocking, group, invalid, no_stream};
use crate::page;
use crate::{Access, App, Authorized, Request, ServiceError};

/// What is asked of one stream: events from `from` up to, not including, `until`.
struct Range {
    from: Position,
    until: Position,
    /// Where the forward token stands when there are no events.
    empty_forward: Position,
    direction: Direction,
    limit: usize,
}

/// GetLogEvents.
pub(super) async fn run(
    app: Arc<App>,
    request: Request<GetLogEventsInput>,
) -> Result<GetLogEventsOutput, ServiceError> {
    let stream_of = |input: &GetLogEventsInput, caller: &_| {
        let group = named_group(caller, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
        Ok::<_, ServiceError>((stream_arn(&group, &input.log_stream_name), group))
    };
    let Authorized { input, caller, .. } =
        request.authorize(&app, |input, _, caller| Ok(Access::to("logs:GetLogEvents", stream_of(input, caller)?.0)))?;
    let (stream_arn, group_arn) = stream_of(&input, &caller)?;
    let state = app.store.read();
    let shown_from = group(&state, &group_arn)?.shown_from(app.now());
    let stream = state.log_streams.get(&stream_arn).ok_or_else(no_stream)?.id.clone();
    drop(state);
    let range = range(&input, shown_from)?;
    blocking(move || read(&app.logs, &stream, &range)).await
}

fn range(input: &GetLogEventsInput, shown_from: i64) -> Result<Range, ServiceError> {
    let token = match &input.next_token {
        Some(text) => Some(Token::parse(text).ok_or_else(|| invalid("The specified nextToken is invalid."))?),
        None => None,
    };
    let mut from = Position::at(input.start_time.unwrap_or(0).max(shown_from));
    let mut until = Position::at(input.end_time.unwrap_or(i64::MAX));
    let mut direction = match input.start_from_head {
        Some(true) => Direction::Forward,
        _ => Direction::Backward,
    };
    if let Some(token) = token {
        direction = token.direction;
        match direction {
            Direction::Forward => from = from.max(token.position),
            Direction::Backward => until = until.min(token.position),
        }
    }
    // Reading on forward from an empty answer: from its beginning, or, when that is the stream's, from where it came.
    let empty_forward = if token.is_some() && direction == Direction::Backward { until } else { from };
    let limit = page::size(input.limit, PAGE_EVENTS);
    Ok(Range { from, until, empty_forward, direction, limit })
}

fn read(logs: &LogFiles, stream: &str, range: &Range) -> Result<GetLogEventsOutput, ServiceError> {
    let mut segments: Vec<_> = logs
        .segments(stream)?
        .into_iter()
        .filter_map(|segment| segment.times().map(|(first, last)| (first, last, segment)))
        .filter(|(first, last, _)| *last >= range.from.time && *first <= range.until.time)
        .collect();
    let mut page = Page::new(range.direction, range.limit);
    match range.direction {
        Direction::Forward => segments.sort_by_key(|(first, ..)| *first),
        Direction::Backward => segments.sort_by_key(|(_, last, _)| Reverse(*last)),
    }
    for (first, last, segment) in &segments {
        let nearest = match range.direction {
            Direction::Forward => Position::at(*first),
            Direction::Backward => Position { time: *last, number: u64::MAX },
        };
        if !page.wants(&nearest) {
            break;
        }
        logs.read(stream, segment, |event| {
            let position = Position { time: event.time, number: event.number };
            if position >= range.from && position < range.until && page.wants(&position) {
                page.offer(position, event.message.len(), (event.message.to_owned(), event.ingested_at));
            }
        })?;
    }
    let events: Vec<_> = page.into_events().collect();
    // Without events the token of the direction asked for stays where it stood, so that asking again goes on there.
    let empty_backward = match range.direction {
        Direction::Forward => range.from,
        Direction::Backward => range.until,
    };
    let forward = events.last().map_or(range.empty_forward, |(position, _)| position.next());
    let backward = events.first().map_or(empty_backward, |(position, _)| *position);
    let token = |direction, position| Some(Token { direction, position }.to_string());
    Ok(GetLogEventsOutput {
        next_forward_token: token(Direction::Forward, forward),
        next_backward_token: token(Direction::Backward, backward),
        events: Some(
            events
                .into_iter()
                .map(|(position, (message, ingested_at))| OutputLogEvent {
                    timestamp: Some(position.time),
                    message: Some(message),
                    ingestion_time: Some(ingested_at),
                })
                .collect(),
        ),
    })
}
