//! The chain of a secret that could not be read: role, policy, secret, key, each good, broken or not reached.

use api::secretsmanager::GetSecretValueInput;
use domain::ecs::Task;
use domain::failure::{Link, LinkKind, Outcome};
use domain::iam::{Caller, Identity};

use crate::secretsmanager::values;
use crate::{App, ServiceError};

/// A reading of a secret by a role's session.
pub(super) struct Road<'a> {
    pub(super) app: &'a App,
    pub(super) caller: &'a Caller,
    pub(super) input: &'a GetSecretValueInput,
}

impl Road<'_> {
    /// The chain of a reading that these links of an error broke.
    pub(super) fn broken_by(&self, links: Vec<Link>) -> Vec<Link> {
        let broken_at = |kind| links.iter().any(|link| link.kind == kind);
        let (at_policy, at_secret) = (broken_at(LinkKind::Policy), broken_at(LinkKind::Secret));
        let names = self.names();
        let mut chain = vec![self.role()];
        if !at_policy {
            chain.extend(names.policy);
            if !at_secret {
                let detail = "The secret is there, with the version that is asked for.";
                chain.push(good(LinkKind::Secret, &names.secret, detail));
            }
        }
        chain.extend(links);
        if at_policy {
            chain.push(not_reached(LinkKind::Secret, &names.secret, "The secret was not opened."));
        }
        if at_policy || at_secret {
            chain.push(not_reached(LinkKind::Key, &names.key, "The key of the secret was not asked."));
        }
        chain
    }

    /// The chain of a secret that was read, but is not what it should be. Its form is known only after the key opened
    /// it, so here the secret stands last.
    pub(super) fn malformed(&self, detail: impl Into<String>, mend: &str) -> Vec<Link> {
        let names = self.names();
        let mut chain = vec![self.role()];
        chain.extend(names.policy);
        chain.push(good(LinkKind::Key, &names.key, "The key opened the secret."));
        chain.push(Link {
            kind: LinkKind::Secret,
            subject: names.secret,
            outcome: Outcome::Broken,
            detail: detail.into(),
            mend: mend.to_owned(),
        });
        chain
    }

    /// What the reading meets; what is not there is called by the name that was asked for.
    fn names(&self) -> Names {
        let reading = values::explain_reading(self.app, self.caller, self.input).ok();
        let asked = self.input.secret_id.clone();
        let Some(reading) = reading else { return Names { policy: None, secret: asked.clone(), key: asked } };
        let secret = reading.secret_arn.unwrap_or(asked);
        Names {
            policy: Some(reading.policy).filter(|link| link.outcome == Outcome::Good),
            key: reading.key_arn.unwrap_or_else(|| secret.clone()),
            secret,
        }
    }

    fn role(&self) -> Link {
        let role = match &self.caller.identity {
            Identity::Role { role_arn, .. } => role_arn.clone(),
            _ => self.caller.arn(),
        };
        good(LinkKind::Role, &role, &format!("ECS assumed the execution role as {}.", self.caller.arn()))
    }
}

struct Names {
    /// The statement that allowed the reading.
    policy: Option<Link>,
    secret: String,
    key: String,
}

fn good(kind: LinkKind, subject: &str, detail: &str) -> Link {
    Link { kind, subject: subject.to_owned(), outcome: Outcome::Good, detail: detail.to_owned(), mend: String::new() }
}

/// A step that was not reached.
pub(super) fn not_reached(kind: LinkKind, subject: &str, detail: &str) -> Link {
    Link { outcome: Outcome::NotReached, ..good(kind, subject, detail) }
}

/// A task without an execution role.
pub(super) fn no_role(task: &Task) -> Link {
    Link {
        outcome: Outcome::Broken,
        mend: "Register the task definition with an executionRoleArn.".into(),
        ..good(LinkKind::Role, &task.definition_arn, "The task definition names no execution role.")
    }
}

/// An error of Secrets Manager as the agent's SDK tells it. Errors of the service's model stand by themselves, others
/// are said to come from the API.
pub(super) fn sdk_text(error: &ServiceError, request_id: &str) -> String {
    let modelled = api::secretsmanager::SERVICE.status_of(&error.code).is_some();
    let origin = if modelled { "" } else { "api error " };
    format!(
        "operation error Secrets Manager: GetSecretValue, https response error StatusCode: {}, RequestID: {request_id}, \
         {origin}{error}",
        error.status
    )
}
