//! What the store holds of ECS. A task definition is kept in the form ECS shows it in, which AWS only ever adds to.

use serde::{Deserialize, Serialize};
use wire::Timestamp;

pub use domain::ecs::Task as TaskRecord;

/// A family of task definitions. Its key is the ARN of a definition without the revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FamilyRecord {
    /// The newest revision ever registered; numbers are never used again.
    pub latest_revision: i32,
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

/// An account setting of one principal. Its key is the account, a space, the principal's ARN (`default` for the
/// account's own), a space, the setting's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSettingRecord {
    /// Its value.
    pub value: String,
}
