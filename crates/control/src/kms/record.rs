//! What the store holds of KMS. Key material is sealed under the root key.

use std::collections::BTreeMap;

use domain::kms::{KeyState, Rotation};
use serde::{Deserialize, Serialize};
use wire::{Blob, Timestamp};

/// A grant; its key is the ARN of the KMS key, `/grant/`, the grant's id.
pub use domain::kms::Grant as GrantRecord;

/// A KMS key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyRecord {
    /// `arn:aws:kms:<region>:<account>:key/<id>`
    pub arn: String,
    /// A UUID, or `mrk-…` for a multi-Region key.
    pub id: String,
    /// The account's 12 digits.
    pub account: String,
    /// What the key is for, in its owner's words.
    pub description: String,
    /// `SYMMETRIC_DEFAULT`.
    pub spec: String,
    /// `ENCRYPT_DECRYPT`.
    pub usage: String,
    /// Whose key it is.
    pub manager: KeyManager,
    /// A primary multi-Region key.
    #[serde(default)]
    pub multi_region: bool,
    /// Its state.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it will be gone; only while its deletion is pending.
    #[serde(default)]
    pub deletion_at: Option<Timestamp>,
    /// The key policy.
    pub policy: String,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Automatic rotation, when it is on.
    #[serde(default)]
    pub rotation: Option<Rotation>,
    /// All material it ever had, the current one last.
    pub materials: Vec<MaterialRecord>,
}

/// Who manages a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyManager {
    /// The account.
    Customer,
    /// An AWS service, for the account.
    Aws,
}

/// One version of a key's material.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MaterialRecord {
    /// 64 hexadecimal digits.
    pub id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The 32 bytes, sealed under the root key.
    pub sealed: Blob,
}

/// An alias. Its key is its ARN.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AliasRecord {
    /// `arn:aws:kms:<region>:<account>:alias/<name>`
    pub arn: String,
    /// `alias/<name>`
    pub name: String,
    /// The ARN of the key it stands for.
    pub target_arn: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last got another target.
    pub updated_at: Timestamp,
}

impl KeyRecord {
    /// Whether the key is gone: its deletion's time has come, though nobody has swept it away yet.
    pub fn is_gone(&self, now: Timestamp) -> bool {
        self.deletion_at.is_some_and(|at| at <= now)
    }
}
