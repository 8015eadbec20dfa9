//! The form of an event: CloudTrail's record, with the decisions in its `additionalEventData`.
//!
//! See the CloudTrail User Guide, "CloudTrail record contents for management, data, and network activity events".

use domain::iam::Ruling;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use wire::Timestamp;

use super::counting::Count;
use super::identity;
use super::resources::Resource;

/// The version of CloudTrail's record that this is.
pub(super) const VERSION: &str = "1.11";

/// One call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are CloudTrail's")]
pub(crate) struct Event {
    pub(crate) event_version: String,
    pub(crate) user_identity: Value,
    pub(crate) event_time: String,
    pub(crate) event_source: String,
    pub(crate) event_name: String,
    pub(crate) aws_region: String,
    #[serde(rename = "sourceIPAddress")]
    pub(crate) source_ip_address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user_agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error_message: Option<String>,
    #[serde(default)]
    pub(crate) request_parameters: Option<Value>,
    #[serde(default)]
    pub(crate) response_elements: Option<Value>,
    #[serde(default)]
    pub(crate) additional_event_data: Decisions,
    #[serde(rename = "requestID")]
    pub(crate) request_id: String,
    #[serde(rename = "eventID")]
    pub(crate) event_id: String,
    pub(crate) read_only: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) resources: Vec<Resource>,
    pub(crate) event_type: String,
    pub(crate) management_event: bool,
    pub(crate) recipient_account_id: String,
    pub(crate) event_category: String,
}

/// What AWS does not tell.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names are those of the event")]
pub(crate) struct Decisions {
    /// What was decided about the call, in the order of the decisions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) decisions: Vec<Ruling>,
    /// The ARN of the task that made the call, or for which it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) task: Option<String>,
    /// What an event counts that stands for more than one call.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub(crate) counted: Option<Count>,
}

impl Event {
    /// When it happened.
    pub(crate) fn time(&self) -> Timestamp {
        Timestamp::from_rfc3339(&self.event_time).unwrap_or_default()
    }

    /// Whether it is an event of this name, or counts calls of this name.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        let calls = self.additional_event_data.counted.iter().flat_map(|counted| counted.calls.keys());
        self.event_name == name || calls.filter_map(|call| call.split(':').nth(1)).any(|call| call == name)
    }

    /// Whether it was signed with this key, or counts calls that say they were.
    pub(crate) fn is_signed_with(&self, key: &str) -> bool {
        let counted = self.additional_event_data.counted.as_ref();
        self.access_key_id() == Some(key) || counted.is_some_and(|counted| counted.access_key_ids.contains(key))
    }

    /// The name by which `LookupEvents` finds its caller.
    pub(crate) fn user_name(&self) -> Option<&str> {
        identity::user_name(&self.user_identity)
    }

    /// The key it was signed with.
    pub(crate) fn access_key_id(&self) -> Option<&str> {
        self.user_identity["accessKeyId"].as_str()
    }

    /// The caller: its ARN, else a service's name, else the key of a request that is nobody's.
    pub(crate) fn caller_name(&self) -> &str {
        let named = ["arn", "invokedBy", "accessKeyId"].into_iter().find_map(|name| self.user_identity[name].as_str());
        named.unwrap_or("anonymous")
    }

    /// Whether this is its caller: the ARN of the user, the session or its role, the name of the user, the session or
    /// the role, or the task.
    pub(crate) fn is_of(&self, caller: &str) -> bool {
        let issuer = &self.user_identity["sessionContext"]["sessionIssuer"];
        let task = self.additional_event_data.task.as_deref();
        self.caller_name() == caller
            || self.user_name() == Some(caller)
            || [&issuer["arn"], &issuer["userName"]].into_iter().any(|name| name.as_str() == Some(caller))
            || task.is_some_and(|task| task == caller || task.rsplit('/').next() == Some(caller))
    }

    /// `allowed`, `denied` by a policy, or `failed` for another reason.
    pub(crate) fn outcome(&self) -> &'static str {
        let was_refused = || self.additional_event_data.decisions.last().is_some_and(|ruling| !ruling.is_allowed());
        match self.error_code.as_deref() {
            None => "allowed",
            Some(code) if code.starts_with("AccessDenied") || was_refused() => "denied",
            Some(_) => "failed",
        }
    }
}
