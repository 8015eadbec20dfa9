//! What the store holds of SSM. A `SecureString` is there only as KMS encrypted it.

use std::collections::BTreeMap;

use domain::ssm::{Kind, ParameterPolicy, Tier};
use serde::{Deserialize, Serialize};
use wire::{Blob, Sensitive, Timestamp};

/// A parameter. Its key is its ARN.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ParameterRecord {
    /// `arn:aws:ssm:<region>:<account>:parameter/<name>`
    pub arn: String,
    /// The name as it was given first, with or without a slash before it.
    pub name: String,
    /// Tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The newest version.
    pub latest: VersionRecord,
    /// The versions before it, oldest first.
    #[serde(default)]
    pub earlier: Vec<VersionRecord>,
}

/// One version of a parameter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VersionRecord {
    /// 1, 2, …
    pub version: i64,
    /// The kind of value.
    pub kind: Kind,
    /// The value.
    pub value: StoredValue,
    /// The key as it was given, or the default key's alias; only of a `SecureString`.
    #[serde(default)]
    pub key_id: Option<String>,
    /// What it is for, in its owner's words.
    #[serde(default)]
    pub description: Option<String>,
    /// What values must match.
    #[serde(default)]
    pub allowed_pattern: Option<String>,
    /// The tier.
    pub tier: Tier,
    /// Parameter policies.
    #[serde(default)]
    pub policies: Vec<ParameterPolicy>,
    /// `text`, `aws:ec2:image`.
    pub data_type: String,
    /// When it was made.
    pub modified_at: Timestamp,
    /// The ARN of who made it.
    pub modified_by: String,
    /// Its labels.
    #[serde(default)]
    pub labels: Vec<String>,
}

/// A value as it lies in the store.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum StoredValue {
    /// Text that is no secret.
    Plain(Sensitive),
    /// Text that KMS encrypted: of standard parameters.
    Encrypted {
        /// The ARN of the KMS key.
        key_arn: String,
        /// KMS's ciphertext.
        ciphertext: Blob,
    },
    /// Text under a data key, which KMS encrypted: of advanced parameters.
    Enveloped {
        /// The ARN of the KMS key.
        key_arn: String,
        /// The data key, encrypted.
        data_key: Blob,
        /// The text, sealed under the data key.
        sealed: Blob,
    },
}

impl StoredValue {
    /// The ARN of the key that opens it.
    pub fn key_arn(&self) -> Option<&str> {
        match self {
            Self::Plain(_) => None,
            Self::Encrypted { key_arn, .. } | Self::Enveloped { key_arn, .. } => Some(key_arn),
        }
    }
}

impl ParameterRecord {
    /// Whether its time is over, though nobody has swept it away yet.
    pub fn is_gone(&self, now: Timestamp) -> bool {
        self.latest.policies.iter().filter_map(|policy| policy.expires_at).any(|at| at <= now)
    }

    /// All versions, oldest first.
    pub fn versions(&self) -> impl Iterator<Item = &VersionRecord> {
        self.earlier.iter().chain([&self.latest])
    }

    /// All versions, to be changed.
    pub fn versions_mut(&mut self) -> impl Iterator<Item = &mut VersionRecord> {
        self.earlier.iter_mut().chain([&mut self.latest])
    }

    /// The version that a selector (a number or a label) names; the newest without one.
    pub fn version(&self, selector: Option<&str>) -> Option<&VersionRecord> {
        let Some(selector) = selector else { return Some(&self.latest) };
        match selector.parse::<i64>() {
            Ok(number) => self.versions().find(|version| version.version == number),
            Err(_) => self.versions().find(|version| version.labels.iter().any(|label| label == selector)),
        }
    }
}
