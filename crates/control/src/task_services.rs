//! What a compute asks for while it runs a task: registry credentials, secret environment, role credentials, log streams.
//!
//! Everything is asked as the session of the task's role, through the same handlers that clients call, so role policies,
//! resource policies, boundaries and key policies all count. No value is cached and nothing is written down; a failure
//! carries ECS's sentence and the chain of links from the role to the key, with the mend.

mod parameters;
mod registry;
mod rehearsal;
mod road;
mod secret_environment;
mod sessions;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use api::secretsmanager::{GetSecretValueInput, GetSecretValueOutput, op};
use domain::compute::{BoxFuture, LogLine, LogTarget, RegistryCredentials, RoleCredentials, TaskServices};
use domain::ecs::{Task, TaskContainer};
use domain::failure::{Failure, FailureName};
use domain::iam::Caller;
use domain::secrets::region_of;
use wire::Sensitive;

use self::sessions::Sessions;
use crate::iam::sessions::TASK_SERVICE;
use crate::secretsmanager::values;
use crate::{App, ServiceError, audit, logs};

/// The control plane, as a compute sees it.
pub struct AppTaskServices {
    app: Arc<App>,
    sessions: Sessions,
}

impl AppTaskServices {
    /// The services of this app.
    pub fn new(app: Arc<App>) -> Self {
        Self { app, sessions: Sessions::default() }
    }

    fn task(&self, task_id: &str) -> Result<Arc<Task>, Failure> {
        let unknown = || Failure::new(FailureName::ResourceInitializationError, format!("task {task_id} is not known"));
        self.app.store.read().tasks.get(task_id).cloned().ok_or_else(unknown)
    }

    /// The awslogs stream of a container, with the session that writes to it.
    async fn log(&self, task_id: &str, container: &str) -> Result<Option<(Caller, LogTarget)>, Failure> {
        let task = self.task(task_id)?;
        let spec = task.spec.containers.iter().find(|spec| spec.name == container);
        let Some(target) = spec.and_then(|spec| spec.log.clone()) else { return Ok(None) };
        let missing = || {
            let message = "failed to validate logger args: the task has no execution role to write logs with";
            Failure::new(FailureName::ResourceInitializationError, message).with_link(road::no_role(&task))
        };
        let caller = self.execution_role(&task).await.ok_or_else(missing)??;
        Ok(Some((Caller { region: target.region.clone(), ..caller }, target)))
    }
}

/// The container of a task by name.
fn container_of<'a>(task: &'a Task, name: &str) -> Result<&'a TaskContainer, Failure> {
    let unknown = || {
        let message = format!("container {name} is not part of task {}", task.id());
        Failure::new(FailureName::ResourceInitializationError, message)
    };
    task.container(name).ok_or_else(unknown)
}

/// The role's session in the region of a secret: ECS asks each secret where it is.
fn in_region_of(secret_id: &str, caller: Caller) -> Caller {
    let region = if secret_id.starts_with("arn:") { region_of(secret_id).to_owned() } else { caller.region };
    Caller { region, ..caller }
}

/// GetSecretValue as ECS asks it; the request id is part of the agent's texts.
async fn read_secret(
    app: &Arc<App>,
    caller: &Caller,
    input: &GetSecretValueInput,
    request_id: &str,
) -> Result<GetSecretValueOutput, ServiceError> {
    let request = (input.clone(), caller.clone(), request_id.to_owned());
    audit::call::<op::GetSecretValue, _, _>(app, TASK_SERVICE, request, values::get).await
}

impl TaskServices for AppTaskServices {
    fn registry_auth<'a>(
        &'a self,
        task_id: &'a str,
        container: &'a str,
    ) -> BoxFuture<'a, Result<Option<RegistryCredentials>, Failure>> {
        Box::pin(self.registry_credentials(task_id, container))
    }

    fn secret_environment<'a>(
        &'a self,
        task_id: &'a str,
        container: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(String, Sensitive)>, Failure>> {
        Box::pin(self.secret_variables(task_id, container))
    }

    fn task_role_credentials<'a>(
        &'a self,
        task_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<RoleCredentials>, Failure>> {
        Box::pin(async move {
            let task = self.task(task_id)?;
            self.task_role(&task).await
        })
    }

    fn open_log<'a>(&'a self, task_id: &'a str, container: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            match self.log(task_id, container).await? {
                Some((caller, target)) => logs::task::open(&self.app, &caller, &target)
                    .await
                    .map_err(|failure| failure.of_container(container)),
                None => Ok(()),
            }
        })
    }

    fn log_offset(&self, task_id: &str, container: &str) -> Result<u64, Failure> {
        let task = self.task(task_id)?;
        let spec = task.spec.containers.iter().find(|spec| spec.name == container);
        let Some(target) = spec.and_then(|spec| spec.log.as_ref()) else { return Ok(0) };
        logs::task::offset(&self.app, &task.spec.account, target).map_err(|error| {
            let message = format!("cannot tell how far the log stream {} goes: {error}", target.stream);
            Failure::new(FailureName::ResourceInitializationError, message).of_container(container)
        })
    }

    fn put_log<'a>(
        &'a self,
        task_id: &'a str,
        container: &'a str,
        lines: Vec<LogLine>,
        next_offset: u64,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            match self.log(task_id, container).await? {
                Some((caller, target)) => logs::task::put(&self.app, &caller, &target, lines, next_offset)
                    .await
                    .map_err(|failure| failure.of_container(container)),
                None => Ok(()),
            }
        })
    }
}
