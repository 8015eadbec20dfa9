//! `ExplainTask`: why a task is where it is.

use std::sync::Arc;

use api::tidegate::{
    ExplainTaskInput, ExplainTaskOutput, Failure as FailureView, Guard as GuardView, Link as LinkView, Step as StepView,
};
use domain::ecs::{Task, TaskStatus};
use domain::explain::{chain, road};
use domain::failure::{Failure, Link};
use domain::iam::Caller;
use domain::mend::{self, Step};
use serde::Serialize;
use wire::arn::Arn;

use crate::{Access, App, Authorized, Request, ServiceError};

/// `ExplainTask`
pub(super) async fn run(app: Arc<App>, request: Request<ExplainTaskInput>) -> Result<ExplainTaskOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        Ok(access("ecs:DescribeTasks", caller, input.cluster.as_deref(), &input.task))
    })?;
    let task = find(&app, &caller, input.cluster.as_deref(), &input.task)?;
    let failures = task.failure.iter().map(|failure| failure_view(failure, &chain(&task, failure)));
    let road = if task.failure.is_some() { Vec::new() } else { road(&task) };
    Ok(ExplainTaskOutput {
        task_arn: task.spec.task_arn.clone(),
        last_status: task.last_status.as_str().to_owned(),
        stop_code: task.stop_code.map(|code| code.as_str().to_owned()),
        stopped_reason: task.stopped_reason.clone(),
        failures: failures.collect(),
        road: road.iter().map(link_view).collect(),
        run_again: (task.last_status == TaskStatus::Stopped).then(|| step_view(&mend::again(&task))),
    })
}

/// What it takes to ask about a task.
pub(crate) fn access(action: &'static str, caller: &Caller, cluster: Option<&str>, task: &str) -> Access {
    let cluster_arn = cluster_arn(caller, cluster);
    Access::to(action, task_arn(caller, cluster, task)).with_context("ecs:cluster", cluster_arn)
}

/// The task that is meant: by its ARN, or by its id in a cluster.
pub(crate) fn find(app: &App, caller: &Caller, cluster: Option<&str>, task: &str) -> Result<Arc<Task>, ServiceError> {
    let arn = task_arn(caller, cluster, task);
    let id = arn.rsplit('/').next().unwrap_or_default();
    let found = app.store.read().tasks.get(id).cloned();
    found.filter(|task| task.spec.task_arn == arn && task.spec.account == caller.account).ok_or_else(|| {
        let message = format!("The task {task} does not exist in the cluster.");
        ServiceError::new("ResourceNotFoundException", message)
    })
}

fn cluster_arn(caller: &Caller, cluster: Option<&str>) -> String {
    match cluster {
        Some(arn) if arn.starts_with("arn:") => arn.to_owned(),
        name => {
            let name = name.unwrap_or("default");
            Arn::new("ecs", &caller.region, &caller.account, format!("cluster/{name}")).to_string()
        }
    }
}

fn task_arn(caller: &Caller, cluster: Option<&str>, task: &str) -> String {
    if task.starts_with("arn:") {
        return task.to_owned();
    }
    format!("{}/{task}", cluster_arn(caller, cluster).replacen(":cluster/", ":task/", 1))
}

fn failure_view(failure: &Failure, chain: &[Link]) -> FailureView {
    FailureView {
        container: failure.container.clone(),
        name: word(failure.name),
        message: failure.message.clone(),
        links: chain.iter().map(link_view).collect(),
    }
}

pub(crate) fn link_view(link: &Link) -> LinkView {
    LinkView {
        kind: word(link.kind),
        subject: link.subject.clone(),
        outcome: word(link.outcome),
        detail: link.detail.clone(),
        mend: Some(link.mend.clone()).filter(|mend| !mend.is_empty()),
        mends: None,
    }
}

/// An operation that is offered, with the AWS CLI's command for it.
pub(crate) fn step_view(step: &Step) -> StepView {
    StepView {
        service: step.service.to_owned(),
        operation: step.operation.to_owned(),
        region: step.region.clone(),
        input: step.input.to_string(),
        guard: step.guard.as_ref().map(|guard| GuardView {
            operation: guard.operation.to_owned(),
            input: guard.input.to_string(),
            path: guard.path.to_owned(),
            expected: guard.expected.to_string(),
        }),
        command: step.command(),
    }
}

/// The word under which a value is stored, which is also its word on the wire.
pub(crate) fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
