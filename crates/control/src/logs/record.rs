//! What the store holds of CloudWatch Logs, and the ARNs of it.

use std::collections::BTreeMap;

use domain::iam::Caller;
use serde::{Deserialize, Serialize};
use wire::Timestamp;

use crate::ServiceError;

/// A log group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogGroup {
    /// `/ecs/web`
    pub name: String,
    /// `arn:aws:logs:…:log-group:/ecs/web`, without `:*`.
    pub arn: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// After how many days events are deleted; never when absent.
    #[serde(default)]
    pub retention_days: Option<u32>,
    /// `STANDARD`, `INFREQUENT_ACCESS` or `DELIVERY`.
    pub class: String,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Whether it must not be deleted.
    #[serde(default)]
    pub deletion_protected: bool,
}

impl LogGroup {
    /// The time before which events are not shown any more, in milliseconds.
    pub fn shown_from(&self, now: Timestamp) -> i64 {
        let days = self.retention_days.map(i64::from);
        days.map_or(0, |days| now.milliseconds() - days * 24 * 3600 * 1000)
    }
}

/// A log stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogStream {
    /// `web/container/0123456789abcdef`
    pub name: String,
    /// `<ARN of the group>:log-stream:<name>`
    pub arn: String,
    /// The name of its directory: 16 hexadecimal digits, never used again for a stream of the same name.
    pub id: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// The ARN of a group of the caller's account.
pub(super) fn group_arn(caller: &Caller, name: &str) -> String {
    format!("arn:aws:logs:{}:{}:log-group:{name}", caller.region, caller.account)
}

/// The ARN of a stream; with an empty name, what every stream's ARN begins with.
///
/// With an empty name it is also the resource that IAM is asked about for what concerns a whole group, so that a policy
/// on `…:log-group:NAME:*` allows it, as on AWS.
pub(super) fn stream_arn(group_arn: &str, name: &str) -> String {
    format!("{group_arn}:log-stream:{name}")
}

/// An ARN of a group with or without the `:*` that DescribeLogGroups writes; it must be of the caller's account.
pub(super) fn own_group<'a>(caller: &Caller, arn: &'a str) -> Result<&'a str, ServiceError> {
    let arn = arn.strip_suffix(":*").unwrap_or(arn);
    if arn.starts_with(&group_arn(caller, "")) { Ok(arn) } else { Err(super::no_group()) }
}

/// The ARN of the group that an input names, by `logGroupName` or by `logGroupIdentifier` (a name or an ARN).
pub(super) fn named_group(
    caller: &Caller,
    name: Option<&str>,
    identifier: Option<&str>,
) -> Result<String, ServiceError> {
    match (name, identifier) {
        (None, Some(arn)) if arn.starts_with("arn:") => own_group(caller, arn).map(str::to_owned),
        (Some(name), None) | (None, Some(name)) => Ok(group_arn(caller, name)),
        (Some(_), Some(_)) => {
            let message = "LogGroup name and LogGroup ARN are mutually exclusive parameters.";
            Err(ServiceError::new("ValidationException", message))
        }
        (None, None) => Err(super::invalid("Either logGroupName or logGroupIdentifier must be given.")),
    }
}
