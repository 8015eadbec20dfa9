//! ListTasks.

use std::sync::Arc;

use api::ecs::{ListTasksInput, ListTasksOutput};
use domain::ecs::Task;

use super::page::page_from;
use super::{arn, cluster};
use crate::page::Order;
use crate::{Access, App, Authorized, Request, ServiceError};

/// The most tasks of one page.
const PAGE_ITEMS: usize = 100;

/// ListTasks.
pub(super) async fn list(app: Arc<App>, request: Request<ListTasksInput>) -> Result<ListTasksOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, _, caller| {
        let cluster_arn = arn::cluster(caller, input.cluster.as_deref());
        Ok(Access::to_any("ecs:ListTasks").with_context("ecs:cluster", cluster_arn))
    })?;
    let cluster_arn = arn::cluster(&caller, input.cluster.as_deref());
    let state = app.store.read();
    cluster::find(&state, &cluster_arn)?;
    if input.service_name.is_some() {
        return Err(ServiceError::new("ServiceNotFoundException", "Service not found."));
    }
    let tasks = |after: Option<String>| {
        let tasks = state.tasks.behind("", Order::Rising, after.as_deref());
        let wanted = tasks.filter(|(_, task)| task.spec.cluster_arn == cluster_arn && matches(&input, task));
        wanted.map(|(id, task)| (id, task.spec.task_arn.clone()))
    };
    let (task_arns, next_token) = page_from(tasks, input.next_token.as_deref(), input.max_results, PAGE_ITEMS)?;
    Ok(ListTasksOutput { task_arns: Some(task_arns), next_token })
}

fn matches(input: &ListTasksInput, task: &Task) -> bool {
    let is = |wanted: Option<&str>, value: Option<&str>| wanted.is_none() || wanted == value;
    // No task lies on a container instance or belongs to a daemon.
    input.container_instance.is_none()
        && input.daemon_name.is_none()
        && task.desired_status.as_str() == input.desired_status.as_deref().unwrap_or("RUNNING")
        && is(input.family.as_deref(), Some(&task.spec.family))
        && is(input.started_by.as_deref(), task.started_by.as_deref())
        && is(input.launch_type.as_deref(), Some(&task.spec.launch_type))
}
