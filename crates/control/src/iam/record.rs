//! What the store holds of IAM: users, roles, managed policies and access keys.
//!
//! Users, roles and policies are kept by account and name in lower case (`123456789012/ecsexec`), because their names are
//! unique ignoring case; an ARN leads there by its last part. Access keys are kept by their id, their secrets sealed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wire::{Blob, Timestamp};

/// What users, groups and roles have in common.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entity {
    /// The name as given.
    pub name: String,
    /// `/` or `/…/`
    pub path: String,
    /// `AIDA…`, `AGPA…`, `AROA…`
    pub id: String,
    /// The ARN with the path.
    pub arn: String,
    /// When it was made, in whole seconds.
    pub created: Timestamp,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Inline policies: name and document.
    #[serde(default)]
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached managed policies, in the order of attaching.
    #[serde(default)]
    pub attached: Vec<String>,
    /// The ARN of the permissions boundary.
    #[serde(default)]
    pub boundary: Option<String>,
}

/// A user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserRecord {
    /// What it has in common.
    #[serde(flatten)]
    pub entity: Entity,
    /// The keys of its groups' records.
    #[serde(default)]
    pub groups: BTreeSet<String>,
}

/// A group. Who is in it stands with the users, because every call of a user asks for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GroupRecord {
    /// What it has in common; a group has no tags and no boundary.
    #[serde(flatten)]
    pub entity: Entity,
}

/// An instance profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InstanceProfileRecord {
    /// The name as given.
    pub name: String,
    /// `/` or `/…/`
    pub path: String,
    /// `AIPA…`
    pub id: String,
    /// The ARN with the path.
    pub arn: String,
    /// When it was made, in whole seconds.
    pub created: Timestamp,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The key of its role's record.
    #[serde(default)]
    pub role: Option<String>,
}

/// What IAM knows of an account as a whole.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AccountRecord {
    /// The account's alias.
    #[serde(default)]
    pub alias: Option<String>,
}

/// A role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RoleRecord {
    /// What it has in common.
    #[serde(flatten)]
    pub entity: Entity,
    /// The description.
    #[serde(default)]
    pub description: Option<String>,
    /// The trust policy.
    pub trust: String,
    /// The longest session in seconds.
    pub max_session_seconds: i32,
}

/// A managed policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// The name as given.
    pub name: String,
    /// `/` or `/…/`
    pub path: String,
    /// `ANPA…`
    pub id: String,
    /// The ARN with the path.
    pub arn: String,
    /// The description.
    #[serde(default)]
    pub description: Option<String>,
    /// When it was made, in whole seconds.
    pub created: Timestamp,
    /// When its default version last changed.
    pub updated: Timestamp,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The versions, oldest first.
    pub versions: Vec<PolicyVersionRecord>,
    /// The number of the default version.
    pub default_version: u32,
    /// The number of the newest version that ever was.
    pub last_version: u32,
}

/// A version of a managed policy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PolicyVersionRecord {
    /// The 3 of `v3`.
    pub number: u32,
    /// The document as given.
    pub document: String,
    /// When it was made.
    pub created: Timestamp,
}

impl PolicyRecord {
    /// The version of this number.
    pub fn version(&self, number: u32) -> Option<&PolicyVersionRecord> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// The document that counts.
    pub fn document(&self) -> Option<&str> {
        self.version(self.default_version).map(|version| version.document.as_str())
    }
}

/// An access key of a user or of the account's root user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessKeyRecord {
    /// The account's 12 digits.
    pub account: String,
    /// The key of its user's record; `None` for the account's root user.
    pub user: Option<String>,
    /// The secret key under the root key.
    pub sealed_secret: Blob,
    /// Whether it may be used.
    pub active: bool,
    /// When it was made.
    pub created: Timestamp,
}
