//! What the store holds of Secrets Manager. Values are sealed under data keys of KMS.

use std::collections::BTreeMap;

use domain::secrets::{Stages, region_of};
use serde::{Deserialize, Serialize};
use wire::{Blob, Timestamp};

use crate::store::SortKey;

/// A secret. Its key is its ARN.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SecretRecord {
    /// `arn:aws:secretsmanager:<region>:<account>:secret:<name>-<six characters>`
    pub arn: String,
    /// The name.
    pub name: String,
    /// The account's 12 digits.
    pub account: String,
    /// What it is for, in its owner's words.
    #[serde(default)]
    pub description: Option<String>,
    /// The key that new versions are sealed with, as it was given; the account's default key when absent.
    #[serde(default)]
    pub kms_key_id: Option<String>,
    /// The kind of secret (`Type`), as it was given.
    #[serde(default)]
    pub kind: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed in any way.
    pub changed_at: Timestamp,
    /// The day on which a value was last read (midnight UTC).
    #[serde(default)]
    pub accessed_on: Option<Timestamp>,
    /// When it will be gone; only while its deletion is scheduled.
    #[serde(default)]
    pub deletion_at: Option<Timestamp>,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Whether it ever had tags: answers then have the list, though it is empty.
    #[serde(default)]
    pub was_tagged: bool,
    /// The resource policy.
    #[serde(default)]
    pub policy: Option<String>,
    /// Versions by id.
    #[serde(default)]
    pub versions: BTreeMap<String, VersionRecord>,
    /// Which staging label is attached to which version.
    #[serde(default)]
    pub stages: Stages,
    /// How it is rotated; absent if that was never said.
    #[serde(default)]
    pub rotation: Option<RotationRecord>,
    /// Its replicas by region.
    #[serde(default)]
    pub replicas: BTreeMap<String, ReplicaRecord>,
    /// The ARN of the secret that this one is a replica of.
    #[serde(default)]
    pub primary_arn: Option<String>,
}

/// How a secret is rotated.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RotationRecord {
    /// Whether it is turned on.
    pub enabled: bool,
    /// The ARN of the Lambda function for which the operator's command stands, as it was given.
    #[serde(default)]
    pub lambda_arn: Option<String>,
    /// `AutomaticallyAfterDays`.
    #[serde(default)]
    pub automatically_after_days: Option<i64>,
    /// `Duration`.
    #[serde(default)]
    pub duration: Option<String>,
    /// `ScheduleExpression`.
    #[serde(default)]
    pub schedule_expression: Option<String>,
    /// When it was last rotated.
    #[serde(default)]
    pub rotated_at: Option<Timestamp>,
    /// When the next window opens.
    #[serde(default)]
    pub next_opens_at: Option<Timestamp>,
    /// When the next window closes: `NextRotationDate`.
    #[serde(default)]
    pub next_closes_at: Option<Timestamp>,
    /// The rotation that was begun.
    #[serde(default)]
    pub under_way: Option<RotationUnderWay>,
}

/// A rotation that was begun and is not finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationUnderWay {
    /// The id of the version that it makes.
    pub version_id: String,
    /// How often it failed.
    #[serde(default)]
    pub failures: u32,
    /// Not to be tried before.
    pub retry_at: Timestamp,
    /// What it is for.
    #[serde(default)]
    pub purpose: Purpose,
}

/// What the rotation command is run for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To make a new version current, in all four steps.
    #[default]
    Rotate,
    /// To try the rotation's configuration: `testSecret` alone, once.
    Test,
}

/// What a secret knows of its replica in another region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaRecord {
    /// The key there, as it was given; the account's default key when absent.
    #[serde(default)]
    pub kms_key_id: Option<String>,
    /// Why the replica is not, or no longer, what the secret is; absent while it is.
    #[serde(default)]
    pub failure: Option<String>,
}

/// One version of a secret's value, sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VersionRecord {
    /// When it was made.
    pub created_at: Timestamp,
    /// The day on which it was last read (midnight UTC).
    #[serde(default)]
    pub accessed_on: Option<Timestamp>,
    /// The ARN of the KMS key.
    pub key_arn: String,
    /// The data key, encrypted by the KMS key.
    pub data_key: Blob,
    /// The value, sealed under the data key.
    pub sealed: Blob,
    /// Whether the value is text or bytes.
    pub form: ValueForm,
}

/// How a value was given, and is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ValueForm {
    /// `SecretString`.
    Text,
    /// `SecretBinary`.
    Binary,
}

/// What ListSecrets sorts by: the places in [`SECRET_ORDERS`].
#[derive(Clone, Copy)]
pub(super) enum Order {
    Created,
    Accessed,
    Changed,
    Name,
}

/// The orders of secrets, each within a region and account. The day of the last access is the saved one.
pub const SECRET_ORDERS: [SortKey<SecretRecord>; 4] = [
    |secret| by_time(secret, Some(secret.created_at)),
    |secret| by_time(secret, secret.accessed_on),
    |secret| by_time(secret, Some(secret.changed_at)),
    |secret| format!("{} {} {}", place_of(&secret.arn), secret.name, secret.arn),
];

fn by_time(secret: &SecretRecord, time: Option<Timestamp>) -> String {
    format!("{} {:020} {}", place_of(&secret.arn), time.unwrap_or_default().milliseconds(), secret.arn)
}

/// Region and account of an ARN.
fn place_of(arn: &str) -> &str {
    arn.find(":secret:").map_or(arn, |end| &arn[..end])
}

impl SecretRecord {
    /// Whether the secret is gone: its deletion's time has come, though nobody has swept it away yet.
    pub fn is_gone(&self, now: Timestamp) -> bool {
        self.deletion_at.is_some_and(|at| at <= now)
    }

    /// The region of the primary secret, of a secret that is in several regions.
    pub fn primary_region(&self) -> Option<&str> {
        match &self.primary_arn {
            Some(primary) => Some(region_of(primary)),
            None if self.replicas.is_empty() => None,
            None => Some(region_of(&self.arn)),
        }
    }
}
