//! Log streams.

use std::sync::Arc;

use api::logs::{
    CreateLogStreamInput, CreateLogStreamOutput, DeleteLogStreamInput, DeleteLogStreamOutput, DescribeLogStreamsInput,
    DescribeLogStreamsOutput, LogStream as LogStreamView,
};

use super::files::StreamSummary;
use super::record::{LogStream, group_arn, named_group, stream_arn};
use super::{PAGE_ITEMS, blocking, group, invalid, no_stream, place_of, token_of};
use crate::page;
use crate::{Access, App, Authorized, Request, ServiceError};

/// CreateLogStream.
pub(super) async fn create(
    app: Arc<App>,
    request: Request<CreateLogStreamInput>,
) -> Result<CreateLogStreamOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arn = stream_arn(&group_arn(caller, &input.log_group_name), &input.log_stream_name);
        Ok(Access::to("logs:CreateLogStream", arn))
    })?;
    let group_arn = group_arn(&caller, &input.log_group_name);
    let arn = stream_arn(&group_arn, &input.log_stream_name);
    let id = format!("{:016x}", u64::from_be_bytes(app.random_bytes()));
    let stream = LogStream { name: input.log_stream_name, arn: arn.clone(), id, created_at: app.now() };
    app.store
        .write(|state| {
            group(state, &group_arn)?;
            if state.log_streams.contains(&arn) {
                let message = "The specified log stream already exists";
                return Err(ServiceError::new("ResourceAlreadyExistsException", message));
            }
            state.log_streams.put(&arn, stream);
            Ok(CreateLogStreamOutput {})
        })
        .await
}

/// DeleteLogStream: with its events.
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteLogStreamInput>,
) -> Result<DeleteLogStreamOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arn = stream_arn(&group_arn(caller, &input.log_group_name), &input.log_stream_name);
        Ok(Access::to("logs:DeleteLogStream", arn))
    })?;
    let group_arn = group_arn(&caller, &input.log_group_name);
    let arn = stream_arn(&group_arn, &input.log_stream_name);
    let stream = app
        .store
        .write(|state| {
            group(state, &group_arn)?;
            state.log_streams.remove(&arn).ok_or_else(no_stream)
        })
        .await?;
    app.logs.remove(&stream.id).await?;
    Ok(DeleteLogStreamOutput {})
}

/// DescribeLogStreams, by name or by the time of the last event.
pub(super) async fn describe(
    app: Arc<App>,
    request: Request<DescribeLogStreamsInput>,
) -> Result<DescribeLogStreamsOutput, ServiceError> {
    let group_of = |input: &DescribeLogStreamsInput, caller: &_| {
        named_group(caller, input.log_group_name.as_deref(), input.log_group_identifier.as_deref())
    };
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        Ok(Access::to("logs:DescribeLogStreams", stream_arn(&group_of(input, caller)?, "")))
    })?;
    let group_arn = group_of(&input, &caller)?;
    let by_time = input.order_by.as_deref() == Some("LastEventTime");
    if by_time && input.log_stream_name_prefix.is_some() {
        return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
    }
    let after: Option<(i64, String)> = match &input.next_token {
        Some(token) => Some(place_of(token)?),
        None => None,
    };
    let state = app.store.read();
    group(&state, &group_arn)?;
    let prefix = stream_arn(&group_arn, input.log_stream_name_prefix.as_deref().unwrap_or_default());
    let streams: Vec<Arc<LogStream>> =
        state.log_streams.with_prefix(&prefix).map(|(_, stream)| Arc::clone(stream)).collect();
    drop(state);
    let descending = input.descending == Some(true);
    let limit = page::size(input.limit, PAGE_ITEMS);
    blocking(move || {
        let mut places = Vec::with_capacity(streams.len());
        for stream in streams {
            let last = if by_time { app.logs.summary(&stream.id)?.times.map_or(-1, |(_, last)| last) } else { 0 };
            places.push(((last, stream.name.clone()), stream));
        }
        places.sort_by(|(left, _), (right, _)| left.cmp(right));
        if descending {
            places.reverse();
        }
        let passed =
            |place: &(i64, String)| after.as_ref().is_none_or(|a| if descending { place < a } else { place > a });
        let mut rest = places.into_iter().filter(|(place, _)| passed(place));
        let page: Vec<_> = rest.by_ref().take(limit).collect();
        let next_token = rest.next().and_then(|_| page.last()).map(|(place, _)| token_of(place));
        let mut views = Vec::with_capacity(page.len());
        for (_, stream) in &page {
            views.push(view(stream, app.logs.summary(&stream.id)?));
        }
        Ok(DescribeLogStreamsOutput { log_streams: Some(views), next_token })
    })
    .await
}

fn view(stream: &LogStream, summary: StreamSummary) -> LogStreamView {
    LogStreamView {
        log_stream_name: Some(stream.name.clone()),
        creation_time: Some(stream.created_at.milliseconds()),
        first_event_timestamp: summary.times.map(|(first, _)| first),
        last_event_timestamp: summary.times.map(|(_, last)| last),
        last_ingestion_time: summary.appended_at,
        upload_sequence_token: None,
        arn: Some(stream.arn.clone()),
        // CloudWatch Logs has answered zero since 2019; the group's number is the true one.
        stored_bytes: Some(0),
    }
}
