//! Which document a path names.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use domain::compute::{ContainerSpec, RoleCredentials};
use hyper::StatusCode;
use serde_json::{Value, json};

use super::{documents, statistics};
use crate::runtime::process::credentials_id;
use crate::tasks::{Inner, Task};

/// What one task's endpoint answers from.
pub(super) struct Context {
    pub(super) task: Weak<Task>,
    pub(super) node: Arc<Inner>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Answer {
    fn json(status: StatusCode, value: &Value) -> Self {
        Self { status, body: Bytes::from(value.to_string()) }
    }

    /// The agent answers errors as a JSON string.
    pub(super) fn text(status: StatusCode, text: &str) -> Self {
        Self::json(status, &json!(text))
    }

    /// An error of the credentials endpoint.
    fn credentials_error(status: StatusCode, code: &str, message: &str) -> Self {
        let value = json!({"code": code, "message": message, "HTTPErrorCode": status.as_u16()});
        Self::json(status, &value)
    }
}

impl Context {
    pub(super) async fn answer(&self, path: &str, query: &str) -> Answer {
        let Some(task) = self.task.upgrade() else {
            return Answer::text(StatusCode::INTERNAL_SERVER_ERROR, "the task is gone");
        };
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        match parts.as_slice() {
            ["v4" | "v3", id, rest @ ..] => self.metadata(&task, parts[0], id, rest),
            ["v2", "credentials", id] => self.credentials(&task, id).await,
            ["v2", "credentials"] => no_id(),
            ["v1", "credentials"] => match query.split('&').find_map(|pair| pair.strip_prefix("id=")) {
                Some(id) if !id.is_empty() => self.credentials(&task, id).await,
                _ => no_id(),
            },
            _ => Answer::text(StatusCode::NOT_FOUND, "404 page not found"),
        }
    }

    fn metadata(&self, task: &Task, version: &str, id: &str, rest: &[&str]) -> Answer {
        let Some(container) = task.spec.containers.iter().find(|container| container.runtime_id == id) else {
            let text = format!(
                "{} container metadata handler: unable to get container ID from request: unable to find a container with endpoint ID {id}",
                version.to_uppercase()
            );
            return Answer::text(StatusCode::NOT_FOUND, &text);
        };
        let observation = task.observation();
        let facts = documents::Facts {
            spec: &task.spec,
            observation: &observation,
            image: &|name: &str| task.image(name),
            storage: task.storage(),
        };
        let value = match rest {
            [] => documents::container(&facts, container),
            ["task"] => documents::task(&facts),
            ["taskWithTags"] if version == "v4" => documents::task_with_tags(&facts),
            ["stats"] => self.statistics(task, container),
            ["task", "stats"] => Value::Object(
                task.spec
                    .containers
                    .iter()
                    .map(|container| (container.runtime_id.clone(), self.statistics(task, container)))
                    .collect(),
            ),
            _ => return Answer::text(StatusCode::NOT_FOUND, "404 page not found"),
        };
        Answer::json(StatusCode::OK, &value)
    }

    /// `null` while there is no process.
    fn statistics(&self, task: &Task, container: &ContainerSpec) -> Value {
        let Some(pid) = task.process(&container.name) else { return Value::Null };
        let usage = self.node.cgroups.usage(&task.spec.task_id, &container.name);
        statistics::document(container, &usage, pid)
    }

    async fn credentials(&self, task: &Task, id: &str) -> Answer {
        if id != credentials_id(&task.spec.task_id) || task.spec.task_role_arn.is_none() {
            return Answer::credentials_error(
                StatusCode::BAD_REQUEST,
                "InvalidIdInRequest",
                "CredentialsV2Request: Credentials not found",
            );
        }
        match self.node.services.task_role_credentials(&task.spec.task_id).await {
            Ok(Some(credentials)) => Answer::json(StatusCode::OK, &credentials_document(&credentials)),
            Ok(None) => Answer::credentials_error(
                StatusCode::SERVICE_UNAVAILABLE,
                "CredentialsUninitialized",
                "CredentialsV2Request: Credentials uninitialized for ID",
            ),
            Err(failure) => Answer::credentials_error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalServerError",
                &failure.to_string(),
            ),
        }
    }
}

fn no_id() -> Answer {
    Answer::credentials_error(
        StatusCode::BAD_REQUEST,
        "NoIdInRequest",
        "CredentialsV2Request: No Credential ID in the request",
    )
}

fn credentials_document(credentials: &RoleCredentials) -> Value {
    json!({
        "RoleArn": credentials.role_arn,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key.expose(),
        "Token": credentials.session_token.expose(),
        "Expiration": credentials.expiration.to_rfc3339(),
    })
}
