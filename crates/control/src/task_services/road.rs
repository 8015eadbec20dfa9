//! The chain of a secret or parameter that could not be read: role, policy, secret, key, each good, broken or not reached.

use api::secretsmanager::GetSecretValueInput;
use domain::ecs::Task;
use domain::failure::{Link, LinkKind, Outcome};
use domain::iam::{Caller, Identity};
use domain::mend::Fault;

use crate::secretsmanager::values;
use crate::ssm::reading;
use crate::{App, ServiceError};

/// A reading of a secret or parameter by a role's session.
pub(super) struct Road<'a> {
    pub(super) app: &'a App,
    pub(super) caller: &'a Caller,
    pub(super) thing: Thing<'a>,
}

/// What is read.
#[derive(Clone, Copy)]
pub(super) enum Thing<'a> {
    /// A secret of Secrets Manager.
    Secret(&'a GetSecretValueInput),
    /// An SSM parameter, by name or ARN.
    Parameter(&'a str),
}

impl Thing<'_> {
    fn noun(self) -> &'static str {
        match self {
            Self::Secret(_) => "secret",
            Self::Parameter(_) => "parameter",
        }
    }
}

impl Road<'_> {
    /// The chain of a reading that these links of an error broke.
    pub(super) fn broken_by(&self, links: Vec<Link>) -> Vec<Link> {
        let broken_at = |kind| links.iter().any(|link| link.kind == kind);
        let (at_policy, at_secret) = (broken_at(LinkKind::Policy), broken_at(LinkKind::Secret));
        let names = self.names();
        let mut chain = vec![self.role()];
        let noun = self.thing.noun();
        if !at_policy {
            chain.extend(names.policy);
            if !at_secret {
                let detail = format!("The {noun} is there, with the version that is asked for.");
                chain.push(good(LinkKind::Secret, &names.secret, &detail));
            }
        }
        chain.extend(links);
        if at_policy {
            chain.push(not_reached(LinkKind::Secret, &names.secret, &format!("The {noun} was not opened.")));
        }
        if at_policy || at_secret {
            let detail = format!("The key of the {noun} was not asked.");
            chain.extend(names.key.map(|key| not_reached(LinkKind::Key, &key, &detail)));
        }
        chain
    }

    /// The chain of a secret that was read and is what it should be.
    pub(super) fn opened(&self, detail: &str) -> Vec<Link> {
        let names = self.names();
        let mut chain = vec![self.role()];
        chain.extend(names.policy);
        chain.push(good(LinkKind::Secret, &names.secret, detail));
        let key = "The role may decrypt with it, and it opened the value.";
        chain.extend(names.key.map(|arn| good(LinkKind::Key, &arn, key)));
        chain
    }

    /// The chain of a secret that was read, but is not what it should be. Its form is known only after the key opened
    /// it, so here the secret stands last.
    pub(super) fn malformed(&self, detail: impl Into<String>, mend: &str, fault: Option<Fault>) -> Vec<Link> {
        let names = self.names();
        let mut chain = vec![self.role()];
        chain.extend(names.policy);
        chain.extend(names.key.map(|key| good(LinkKind::Key, &key, "The key opened the secret.")));
        chain.push(Link::broken(LinkKind::Secret, names.secret, detail, mend).with_fault(fault));
        chain
    }

    /// What the reading meets; what is not there is called by the name that was asked for.
    fn names(&self) -> Names {
        let is_good = |policy: &Link| policy.outcome == Outcome::Good;
        match self.thing {
            Thing::Secret(input) => {
                let asked = input.secret_id.clone();
                match values::explain_reading(self.app, self.caller, input) {
                    Ok(reading) => {
                        let secret = reading.secret_arn.unwrap_or(asked);
                        let key = reading.key_arn.unwrap_or_else(|| secret.clone());
                        Names { policy: Some(reading.policy).filter(is_good), secret, key: Some(key) }
                    }
                    Err(_) => Names { policy: None, key: Some(asked.clone()), secret: asked },
                }
            }
            Thing::Parameter(name) => match reading::explain_reading(self.app, self.caller, name) {
                Ok(reading) => {
                    Names { policy: Some(reading.policy).filter(is_good), secret: reading.arn, key: reading.key_arn }
                }
                Err(_) => Names { policy: None, secret: name.to_owned(), key: None },
            },
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
    /// Only parameters may have none.
    key: Option<String>,
}

fn good(kind: LinkKind, subject: &str, detail: &str) -> Link {
    Link::good(kind, subject, detail)
}

/// A step that was not reached.
pub(super) fn not_reached(kind: LinkKind, subject: &str, detail: &str) -> Link {
    Link { outcome: Outcome::NotReached, ..good(kind, subject, detail) }
}

/// A task without an execution role.
pub(super) fn no_role(task: &Task) -> Link {
    Link::broken(
        LinkKind::Role,
        &task.definition_arn,
        "The task definition names no execution role.",
        "Register the task definition with an executionRoleArn.",
    )
}

/// An error as the agent's SDK tells it (`call` is its operation, `SSM: GetParameters`). Errors that the operation's model
/// knows stand by themselves, others are said to come from the API.
pub(super) fn sdk_text(
    call: &str,
    is_modelled: impl FnOnce(&str) -> bool,
    error: &ServiceError,
    request_id: &str,
) -> String {
    let origin = if is_modelled(&error.code) { "" } else { "api error " };
    format!(
        "operation error {call}, https response error StatusCode: {}, RequestID: {request_id}, {origin}{error}",
        error.status
    )
}

/// The same of a secret that was asked for.
pub(super) fn secret_text(error: &ServiceError, request_id: &str) -> String {
    let is_modelled = |code: &str| api::secretsmanager::SERVICE.status_of(code).is_some();
    sdk_text("Secrets Manager: GetSecretValue", is_modelled, error, request_id)
}
