//! The awslogs driver's side: what a task's containers print goes through the same operations that clients call, as the
//! session of the execution role. Making a stream or a group is an event of the audit; taking lines over is none, as with
//! AWS, where PutLogEvents is no management event.

use std::sync::Arc;

use api::logs::{CreateLogGroupInput, CreateLogStreamInput, PutLogEventsInput, op};
use domain::compute::{LogLine, LogTarget};
use domain::failure::{Failure, FailureName, Link, LinkKind};
use domain::iam::Caller;
use domain::logs::batch::{BATCH_BYTES, EVENT_OVERHEAD_BYTES};
use domain::mend::Fault;

use super::files::{Append, LogFileError, NewEvent};
use super::record::{group_arn, stream_arn};
use super::{group, put_events, stream};
use crate::iam::authorization::authorize;
use crate::iam::sessions::TASK_SERVICE;
use crate::{App, Rehearsal, ServiceError, audit};

const EVENT_BYTES: usize = BATCH_BYTES - EVENT_OVERHEAD_BYTES;

/// Makes the stream of a container, and its group where the definition says `awslogs-create-group`. `caller` is the
/// execution role's session in the log's region. A stream that is there already is used.
///
/// # Errors
/// The failure that stops the task, in ECS's words.
pub async fn open(app: &Arc<App>, caller: &Caller, target: &LogTarget) -> Result<(), Failure> {
    if !domain::regions::is_known(&caller.region, &app.settings.region) {
        let message = format!("awslogs-region: '{}' is not a region of AWS", caller.region);
        let error = ServiceError::new("InvalidParameterException", message);
        return Err(failure(caller, target, "stream", error));
    }
    match create_stream(app, caller, target).await {
        Err(error) if error.code == "ResourceNotFoundException" && target.create_group => {
            let input = CreateLogGroupInput { log_group_name: target.group.clone(), ..CreateLogGroupInput::default() };
            let request = (input, caller.clone(), app.uuid());
            let created = audit::call::<op::CreateLogGroup, _, _>(app, TASK_SERVICE, request, group::create).await;
            if let Err(error) = created.map(drop).or_else(unless_there) {
                return Err(failure(caller, target, "group", error));
            }
            create_stream(app, caller, target).await
        }
        other => other,
    }
    .map_err(|error| failure(caller, target, "stream", error))
}

/// What the logs of a container would meet: opens its stream on the copy of the records, and asks whether the role may write
/// to it.
///
/// # Errors
/// As [`open`].
pub(crate) async fn rehearse(rehearsal: &Rehearsal, role: &Caller, target: &LogTarget) -> Result<Link, Failure> {
    let app = rehearsal.app();
    let caller = &Caller { region: target.region.clone(), ..role.clone() };
    let arn = group_arn(caller, &target.group);
    let is_there = app.store.read().log_groups.contains(&arn);
    open(app, caller, target).await?;
    let access = put_events::access(&put_input(target), caller);
    if let Err(error) = authorize(app, &app.store.read(), caller, &access) {
        return Err(failure(caller, target, "stream", error));
    }
    let group = if is_there { "The group is there" } else { "The group will be created" };
    let detail = format!("{group}, and {} may create the stream and write to it.", caller.arn());
    Ok(Link::good(LinkKind::Logs, arn, detail))
}

fn put_input(target: &LogTarget) -> PutLogEventsInput {
    PutLogEventsInput {
        log_group_name: target.group.clone(),
        log_stream_name: target.stream.clone(),
        ..PutLogEventsInput::default()
    }
}

/// Takes lines over, durably, with the offset of the container's output up to which they go. `caller` is the execution
/// role's session, which needs `logs:PutLogEvents`. Empty lines are left out, as CloudWatch Logs has none.
///
/// # Errors
/// The role may not write to the stream, the stream is gone, or the disk failed: nothing was taken over.
pub async fn put(
    app: &Arc<App>,
    caller: &Caller,
    target: &LogTarget,
    lines: Vec<LogLine>,
    next_offset: u64,
) -> Result<(), Failure> {
    put_lines(app, caller, target, lines, next_offset).await.map_err(|error| {
        let message = format!("failed to put events to the Cloudwatch log stream: {error}");
        broken(caller, target, message, error)
    })
}

async fn put_lines(
    app: &App,
    caller: &Caller,
    target: &LogTarget,
    lines: Vec<LogLine>,
    next_offset: u64,
) -> Result<(), ServiceError> {
    let input = put_input(target);
    let state = app.store.read();
    authorize(app, &state, caller, &put_events::access(&input, caller))?;
    let stream = put_events::stream(&state, caller, &input)?;
    let mut events: Vec<NewEvent> = Vec::with_capacity(lines.len());
    for line in lines {
        split(line, &mut events);
    }
    let append = Append { stream: stream.id.clone(), at: app.now().milliseconds(), events, cursor: Some(next_offset) };
    Ok(app.logs.append(append).await?)
}

/// How many bytes of the container's output have been taken over durably; 0 when there is no such stream.
///
/// # Errors
/// The stream's files cannot be read.
pub fn offset(app: &App, account: &str, target: &LogTarget) -> Result<u64, LogFileError> {
    let group = format!("arn:aws:logs:{}:{account}:log-group:{}", target.region, target.group);
    let state = app.store.read();
    let Some(stream) = state.log_streams.get(&stream_arn(&group, &target.stream)) else { return Ok(0) };
    Ok(app.logs.summary(&stream.id)?.cursor.unwrap_or(0))
}

async fn create_stream(app: &Arc<App>, caller: &Caller, target: &LogTarget) -> Result<(), ServiceError> {
    let input = CreateLogStreamInput { log_group_name: target.group.clone(), log_stream_name: target.stream.clone() };
    let request = (input, caller.clone(), app.uuid());
    let created = audit::call::<op::CreateLogStream, _, _>(app, TASK_SERVICE, request, stream::create).await;
    created.map(drop).or_else(unless_there)
}

fn unless_there(error: ServiceError) -> Result<(), ServiceError> {
    if error.code == "ResourceAlreadyExistsException" { Ok(()) } else { Err(error) }
}

/// An event per line; a line that is longer than an event may be becomes several.
fn split(line: LogLine, events: &mut Vec<NewEvent>) {
    let time = line.at.milliseconds();
    let mut rest = line.message;
    while rest.len() > EVENT_BYTES {
        let tail = rest.split_off(rest.floor_char_boundary(EVENT_BYTES));
        events.push((time, std::mem::replace(&mut rest, tail)));
    }
    if !rest.is_empty() {
        events.push((time, rest));
    }
}

fn failure(caller: &Caller, target: &LogTarget, what: &str, error: ServiceError) -> Failure {
    let message = format!(
        "failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log \
         {what}: {error} : exit status 1"
    );
    broken(caller, target, message, error)
}

/// The failure with its chain: what IAM said, then the log group.
fn broken(caller: &Caller, target: &LogTarget, message: String, error: ServiceError) -> Failure {
    let mend = match &*error.code {
        "ResourceNotFoundException" => {
            "Create the log group (aws logs create-log-group), or set awslogs-create-group to \"true\" in the container's \
             log options."
        }
        "AccessDeniedException" => {
            "Allow logs:CreateLogStream and logs:PutLogEvents (and logs:CreateLogGroup with awslogs-create-group) in a \
             policy of the execution role."
        }
        _ => "Correct the container's logConfiguration.",
    };
    let detail = format!("{} asked for the log stream {}; the answer was {error}", caller.arn(), target.stream);
    let fault = (error.code == "ResourceNotFoundException")
        .then(|| Fault::NoLogGroup { group: target.group.clone(), region: caller.region.clone() });
    let link = Link::broken(LinkKind::Logs, group_arn(caller, &target.group), detail, mend).with_fault(fault);
    let mut failure = Failure::new(FailureName::ResourceInitializationError, message);
    failure.chain = error.chain;
    failure.with_link(link)
}
