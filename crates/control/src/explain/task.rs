//! `ExplainTask`: why a task is where it is.

use std::sync::Arc;

use api::tidegate::{ExplainTaskInput, ExplainTaskOutput, Failure as FailureView, Link as LinkView};
use domain::explain::{chain, road};
use domain::failure::{Failure, Link};
use domain::iam::Caller;
use serde::Serialize;

use crate::{Access, App, Authorized, Request, ServiceError};

/// `ExplainTask`
pub(super) async fn run(app: Arc<App>, request: Request<ExplainTaskInput>) -> Result<ExplainTaskOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let arn = task_arn(&app, caller, input);
        let cluster = cluster_arn(&app, caller, input);
        Ok(Access::to("ecs:DescribeTasks", arn).with_context("ecs:cluster", cluster))
    })?;
    let arn = task_arn(&app, &caller, &input);
    let id = arn.rsplit('/').next().unwrap_or_default();
    let state = app.store.read();
    let task = state
        .tasks
        .get(id)
        .filter(|task| task.spec.task_arn == arn && task.spec.account == caller.account)
        .ok_or_else(|| {
            let message = format!("The task {} does not exist in the cluster.", input.task);
            ServiceError::new("ResourceNotFoundException", message)
        })?;
    let failures = task.failure.iter().map(|failure| failure_view(failure, &chain(task, failure)));
    let road = if task.failure.is_some() { Vec::new() } else { road(task) };
    Ok(ExplainTaskOutput {
        task_arn: task.spec.task_arn.clone(),
        last_status: task.last_status.as_str().to_owned(),
        stop_code: task.stop_code.map(|code| code.as_str().to_owned()),
        stopped_reason: task.stopped_reason.clone(),
        failures: failures.collect(),
        road: road.iter().map(link_view).collect(),
    })
}

fn cluster_arn(app: &App, caller: &Caller, input: &ExplainTaskInput) -> String {
    match input.cluster.as_deref() {
        Some(arn) if arn.starts_with("arn:") => arn.to_owned(),
        name => {
            let name = name.unwrap_or("default");
            format!("arn:aws:ecs:{}:{}:cluster/{name}", app.settings.region, caller.account)
        }
    }
}

/// The ARN that the input means; it names a task by its ARN or by its id in a cluster.
fn task_arn(app: &App, caller: &Caller, input: &ExplainTaskInput) -> String {
    if input.task.starts_with("arn:") {
        return input.task.clone();
    }
    format!("{}/{}", cluster_arn(app, caller, input).replacen(":cluster/", ":task/", 1), input.task)
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
    }
}

/// The word under which a value is stored, which is also its word on the wire.
pub(crate) fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
