//! What the store holds of ECS. A task definition is kept in the form ECS shows it in, which AWS only ever adds to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wire::Timestamp;

pub use domain::ecs::Task as TaskRecord;

use crate::store::SortKey;

/// A cluster. Its key is its ARN. A deleted one stays, INACTIVE, until it is created again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterRecord {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Whether tasks can be run in it.
    pub status: ClusterStatus,
    /// `containerInsights` and its like: name to value.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// ExecuteCommand and storage configuration, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<api::ecs::ClusterConfiguration>,
    /// The namespace of Service Connect, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_connect_namespace: Option<String>,
    /// `FARGATE`, `FARGATE_SPOT`.
    #[serde(default)]
    pub capacity_providers: Vec<String>,
    /// Used when RunTask names neither launch type nor strategy.
    #[serde(default)]
    pub default_strategy: Vec<api::ecs::CapacityProviderStrategyItem>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// ECS's status of a cluster, as far as it occurs here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClusterStatus {
    /// Tasks can be run in it.
    Active,
    /// It was deleted.
    Inactive,
}

/// A family of task definitions. Its key is the ARN of a definition without the revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FamilyRecord {
    /// The newest revision ever registered; numbers are never used again.
    pub latest_revision: i32,
}

/// A revision of a task definition. Its key is its ARN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskDefinitionRecord {
    /// As ECS shows it.
    pub definition: api::ecs::TaskDefinition,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A client token that RunTask was called with. Its key is the cluster's ARN, a space, the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientTokenRecord {
    /// SHA-256 of the request, hexadecimal.
    pub request_digest: String,
    /// The tasks it made.
    pub task_ids: Vec<String>,
    /// When.
    pub created_at: Timestamp,
}

/// An account setting of one principal. Its key is account, slash, region, a space, the principal's ARN (`default` for the
/// account's own), a space, the setting's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSettingRecord {
    /// Its value.
    pub value: String,
}

/// The order of ListTaskDefinitions, among [`TASK_DEFINITION_ORDERS`].
pub(super) const BY_FAMILY: usize = 0;

/// The orders of task definitions: by status, family and number.
pub const TASK_DEFINITION_ORDERS: [SortKey<TaskDefinitionRecord>; 1] = [|record| {
    let definition = &record.definition;
    let status = definition.status.as_deref().unwrap_or_default();
    let arn = definition.task_definition_arn.as_deref().unwrap_or_default();
    let family = arn.rsplit_once(':').map_or(arn, |(family, _)| family);
    format!("{status} {family}:{:010}", definition.revision.unwrap_or_default())
}];
