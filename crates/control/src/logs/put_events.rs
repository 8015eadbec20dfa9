//! PutLogEvents.

use std::sync::Arc;

use api::logs::{PutLogEventsInput, PutLogEventsOutput, RejectedLogEventsInfo};
use domain::iam::Caller;
use domain::logs::batch::{BATCH_EVENTS, examine};

use super::files::{Append, NewEvent};
use super::record::{LogStream, group_arn, stream_arn};
use super::{group, invalid, no_stream};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// PutLogEvents. The sequence token is ignored, as CloudWatch Logs has done since 2023.
pub(super) async fn run(
    app: Arc<App>,
    request: Request<PutLogEventsInput>,
) -> Result<PutLogEventsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| Ok(access(input, caller)))?;
    let now = app.now().milliseconds();
    let state = app.store.read();
    let group_arn = group_arn(&caller, &input.log_group_name);
    let retention = group(&state, &group_arn)?.retention_days;
    let stream = stream(&state, &caller, &input)?;
    if input.log_events.len() > BATCH_EVENTS {
        return Err(invalid(format!("A batch of log events can hold {BATCH_EVENTS} events at most.")));
    }
    let sizes: Vec<(i64, usize)> =
        input.log_events.iter().map(|event| (event.timestamp, event.message.len())).collect();
    let taken = examine(&sizes, now, retention).map_err(invalid)?;
    let events: Vec<NewEvent> = input
        .log_events
        .into_iter()
        .take(taken.end)
        .skip(taken.first)
        .map(|event| (event.timestamp, event.message))
        .collect();
    if !events.is_empty() {
        app.logs.append(Append { stream: stream.id.clone(), at: now, events, cursor: None }).await?;
    }
    let index = |index: Option<usize>| index.and_then(|index| i32::try_from(index).ok());
    let rejected = RejectedLogEventsInfo {
        too_new_log_event_start_index: index(taken.too_new_start),
        too_old_log_event_end_index: index(taken.too_old_end),
        expired_log_event_end_index: index(taken.expired_end),
    };
    Ok(PutLogEventsOutput {
        next_sequence_token: Some(format!("{now:056}")),
        rejected_log_events_info: (rejected != RejectedLogEventsInfo::default()).then_some(rejected),
        rejected_entity_info: None,
    })
}

/// What PutLogEvents asks for.
pub(super) fn access(input: &PutLogEventsInput, caller: &Caller) -> Access {
    let group = group_arn(caller, &input.log_group_name);
    Access::to("logs:PutLogEvents", stream_arn(&group, &input.log_stream_name))
}

/// The stream that the input names.
pub(super) fn stream(
    state: &State,
    caller: &Caller,
    input: &PutLogEventsInput,
) -> Result<Arc<LogStream>, ServiceError> {
    let group_arn = group_arn(caller, &input.log_group_name);
    group(state, &group_arn)?;
    state.log_streams.get(&stream_arn(&group_arn, &input.log_stream_name)).cloned().ok_or_else(no_stream)
}
