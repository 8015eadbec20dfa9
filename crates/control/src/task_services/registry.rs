//! `repositoryCredentials`: the registry's user name and password, from a secret read with the execution role.

use api::secretsmanager::GetSecretValueInput;
use domain::compute::RegistryCredentials;
use domain::ecs::Task;
use domain::failure::{Failure, FailureName, Link};
use domain::mend::Fault;
use domain::secrets::registry_credentials;
use wire::Sensitive;

use super::road::{self, Road, Thing};
use super::{AppTaskServices, container_of, in_region_of, read_secret};

const PREFIX: &str = "unable to pull secrets or registry auth: execution resource retrieval failed: unable to get \
                      registry auth from asm: service call has been retried 1 time(s)";

impl AppTaskServices {
    /// The credentials of a container's registry; `None` when the container names no secret.
    pub(super) async fn registry_credentials(
        &self,
        task_id: &str,
        container: &str,
    ) -> Result<Option<RegistryCredentials>, Failure> {
        let task = self.task(task_id)?;
        let Some(parameter) = container_of(&task, container)?.credentials_parameter.clone() else { return Ok(None) };
        self.read_credentials(&task, parameter)
            .await
            .map(Some)
            .map_err(|failure| failure.with_link(not_asked(&task, container)).of_container(container))
    }

    async fn read_credentials(&self, task: &Task, parameter: String) -> Result<RegistryCredentials, Failure> {
        let missing = || {
            let message = "asm resource: unable to find execution role credentials";
            failure(message).with_link(road::no_role(task))
        };
        let caller = in_region_of(&parameter, self.execution_role(task).await.ok_or_else(missing)??);
        let request_id = self.app.uuid();
        let input = GetSecretValueInput { secret_id: parameter.clone(), ..GetSecretValueInput::default() };
        let road = Road { app: &self.app, caller: &caller, thing: Thing::Secret(&input) };
        let value = read_secret(&self.app, &caller, &input, &request_id).await.map_err(|error| {
            let error_text = road::secret_text(&error, &request_id);
            let mut failure = failure(&format!("asm fetching secret from the service for {parameter}: {error_text}"));
            failure.chain = road.broken_by(error.chain);
            failure
        })?;
        registry_credentials(value.secret_string.as_ref().map(Sensitive::expose)).map_err(|error| {
            let mut failure = failure(&error.to_string());
            failure.chain = road.malformed(error.detail(), error.mend(), Some(Fault::NoLoginInSecret));
            failure
        })
    }
}

fn failure(text: &str) -> Failure {
    Failure::new(FailureName::ResourceInitializationError, format!("{PREFIX}: {text}"))
}

/// The registry comes after the key, and was not asked.
fn not_asked(task: &Task, container: &str) -> Link {
    let spec = task.spec.containers.iter().find(|spec| spec.name == container);
    road::not_reached(
        domain::failure::LinkKind::Registry,
        spec.map_or(container, |spec| &spec.image),
        "The registry was not asked, because there are no credentials for it.",
    )
}
