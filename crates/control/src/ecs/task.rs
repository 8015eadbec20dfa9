//! DescribeTasks and StopTask.

use std::sync::Arc;

use api::ecs::{DescribeTasksInput, DescribeTasksOutput, Failure, StopTaskInput, StopTaskOutput};
use domain::ecs::life_cycle::request_stop;
use domain::ecs::{StopCode, Task, TaskStatus};

use super::error::parameter;
use super::show::{show, show_with_tags};
use super::{arn, cluster};
use crate::store::State;
use crate::{Access, App, Authorized, Request, ServiceError};

/// The most tasks of one DescribeTasks.
const TASKS: usize = 100;

/// DescribeTasks. Unknown tasks are failures of the answer, not errors.
pub(super) async fn describe(
    app: Arc<App>,
    request: Request<DescribeTasksInput>,
) -> Result<DescribeTasksOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let cluster_arn = arn::cluster(caller, input.cluster.as_deref());
        let arns = input.tasks.iter().map(|task| task_arn(&cluster_arn, task)).collect();
        let access = Access { resources: arns, ..Access::to_any("ecs:DescribeTasks") };
        Ok(with_tags_of(access, state, &input.tasks).with_context("ecs:cluster", cluster_arn))
    })?;
    if input.tasks.is_empty() {
        return Err(parameter("Tasks cannot be empty."));
    }
    if input.tasks.len() > TASKS {
        return Err(parameter(format!("Tasks cannot have more than {TASKS} elements.")));
    }
    let cluster_arn = arn::cluster(&caller, input.cluster.as_deref());
    let state = app.store.read();
    cluster::find(&state, &cluster_arn)?;
    let with_tags = input.include.iter().flatten().any(|what| what == "TAGS");
    let mut tasks = Vec::new();
    let mut failures = Vec::new();
    for named in &input.tasks {
        let id = checked_id(named)?;
        match find(&state, &cluster_arn, named, id) {
            Some(task) if with_tags => tasks.push(show_with_tags(task)),
            Some(task) => tasks.push(show(task)),
            None => failures.push(Failure {
                arn: Some(task_arn(&cluster_arn, named)),
                reason: Some("MISSING".to_owned()),
                detail: None,
            }),
        }
    }
    Ok(DescribeTasksOutput { tasks: Some(tasks), failures: Some(failures) })
}

/// StopTask. A task that is over, or ends already, stays as it is.
pub(super) async fn stop(app: Arc<App>, request: Request<StopTaskInput>) -> Result<StopTaskOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let cluster_arn = arn::cluster(caller, input.cluster.as_deref());
        let access = Access::to("ecs:StopTask", task_arn(&cluster_arn, &input.task));
        let named = std::slice::from_ref(&input.task);
        Ok(with_tags_of(access, state, named).with_context("ecs:cluster", cluster_arn))
    })?;
    let cluster_arn = arn::cluster(&caller, input.cluster.as_deref());
    let id = checked_id(&input.task)?;
    let reason = input.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or("Task stopped by user");
    let task = app
        .store
        .write(|state| {
            cluster::find(state, &cluster_arn)?;
            let known = find(state, &cluster_arn, &input.task, id)
                .ok_or_else(|| parameter("The referenced task was not found."))?;
            let mut task = known.clone();
            if task.last_status != TaskStatus::Stopped {
                request_stop(&mut task, StopCode::UserInitiated, reason);
            }
            if task != *known {
                state.tasks.put(id, task.clone());
            }
            Ok::<_, ServiceError>(task)
        })
        .await?;
    Ok(StopTaskOutput { task: Some(show_with_tags(&task)) })
}

/// The last part of a task's ARN or the id itself.
fn task_id(named: &str) -> &str {
    named.rsplit('/').next().unwrap_or(named)
}

fn task_arn(cluster_arn: &str, named: &str) -> String {
    if named.starts_with("arn:") { named.to_owned() } else { arn::task(cluster_arn, named) }
}

fn checked_id(named: &str) -> Result<&str, ServiceError> {
    let id = task_id(named);
    if matches!(id.len(), 32 | 36) { Ok(id) } else { Err(parameter("taskId length should be one of [32,36]")) }
}

fn find<'a>(state: &'a State, cluster_arn: &str, named: &str, id: &str) -> Option<&'a Task> {
    let task = state.tasks.get(id).filter(|task| task.spec.cluster_arn == cluster_arn)?;
    (!named.starts_with("arn:") || named == task.spec.task_arn).then_some(&**task)
}

/// The access with the tags of a task, when it is about one alone.
fn with_tags_of(access: Access, state: &State, named: &[String]) -> Access {
    match named {
        [one] => match state.tasks.get(task_id(one)) {
            Some(task) => arn::tagged(access, &task.tags),
            None => access,
        },
        _ => access,
    }
}
