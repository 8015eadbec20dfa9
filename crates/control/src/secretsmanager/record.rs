//! What the store holds of Secrets Manager. Values are sealed under data keys of KMS.

use std::collections::BTreeMap;

use domain::secrets::Stages;
use serde::{Deserialize, Serialize};
use wire::{Blob, Timestamp};

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
    /// The resource policy.
    #[serde(default)]
    pub policy: Option<String>,
    /// Versions by id.
    #[serde(default)]
    pub versions: BTreeMap<String, VersionRecord>,
    /// Which staging label is attached to which version.
    #[serde(default)]
    pub stages: Stages,
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

impl SecretRecord {
    /// Whether the secret is gone: its deletion's time has come, though nobody has swept it away yet.
    pub fn is_gone(&self, now: Timestamp) -> bool {
        self.deletion_at.is_some_and(|at| at <= now)
    }
}
