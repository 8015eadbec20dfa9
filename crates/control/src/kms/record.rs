//! What the store holds of KMS. Key material is sealed under the root key.

use std::collections::BTreeMap;

use domain::kms::{KeySpec, KeyState, KeyUsage, Rotation};
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
    /// What it is made of.
    pub spec: KeySpec,
    /// What it does.
    pub usage: KeyUsage,
    /// Whose key it is.
    pub manager: KeyManager,
    /// Where its material comes from.
    #[serde(default)]
    pub origin: Origin,
    /// A multi-Region key, primary or replica.
    #[serde(default)]
    pub multi_region: bool,
    /// The primary key's ARN; only of a replica.
    #[serde(default)]
    pub primary_arn: Option<String>,
    /// Its state.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it will be gone; only while its deletion is pending.
    #[serde(default)]
    pub deletion_at: Option<Timestamp>,
    /// How long its deletion will wait when its replicas are gone, in days; only while it waits for that.
    #[serde(default)]
    pub deletion_window_days: Option<i64>,
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
    /// Imported material that becomes the current one at the next rotation.
    #[serde(default)]
    pub next_material: Option<MaterialRecord>,
}

/// Who manages a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyManager {
    /// The account.
    Customer,
    /// An AWS service, for the account.
    Aws,
}

/// Where key material comes from (`Origin`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// It was made here.
    #[default]
    AwsKms,
    /// It was imported.
    External,
}

/// One version of a key's material.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MaterialRecord {
    /// 64 hexadecimal digits.
    pub id: String,
    /// When it was made or imported.
    pub created_at: Timestamp,
    /// The secret bytes, or the private key in PKCS #8, sealed under the root key. Empty when imported material was
    /// deleted or has expired.
    pub sealed: Blob,
    /// The ARN in whose name it was sealed, when it is not the key's own: replicas share the primary key's material.
    #[serde(default)]
    pub sealed_for: Option<String>,
    /// The public key (SubjectPublicKeyInfo) of asymmetric material.
    #[serde(default)]
    pub public_key: Option<Blob>,
    /// When it became the current one by RotateKeyOnDemand.
    #[serde(default)]
    pub on_demand_at: Option<Timestamp>,
    /// When imported material expires.
    #[serde(default)]
    pub valid_to: Option<Timestamp>,
    /// What its importer says of it.
    #[serde(default)]
    pub description: Option<String>,
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

impl Origin {
    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::AwsKms => "AWS_KMS",
            Self::External => "EXTERNAL",
        }
    }
}

impl MaterialRecord {
    /// Whether the secret is there.
    pub fn is_present(&self) -> bool {
        !self.sealed.0.is_empty()
    }

    /// Forgets the secret; its name stays, so that only the same material can be imported in its place.
    pub fn forget(&mut self) {
        self.sealed = Blob(Vec::new());
        self.public_key = None;
        self.valid_to = None;
    }

    fn has_expired(&self, now: Timestamp) -> bool {
        self.is_present() && self.valid_to.is_some_and(|at| at <= now)
    }
}

impl KeyRecord {
    /// Whether the key is gone: its deletion's time has come, though nobody has swept it away yet.
    pub fn is_gone(&self, now: Timestamp) -> bool {
        self.deletion_at.is_some_and(|at| at <= now)
    }

    /// Whether imported material has expired that nobody has taken away yet.
    pub fn has_expired_material(&self, now: Timestamp) -> bool {
        self.materials.iter().chain(&self.next_material).any(|material| material.has_expired(now))
    }

    /// Takes away the material that has expired.
    pub fn expire_material(&mut self, now: Timestamp) {
        for material in self.materials.iter_mut().chain(&mut self.next_material) {
            if material.has_expired(now) {
                material.forget();
            }
        }
        self.settle_import();
    }

    /// The state that follows from what is there of imported material: all that ever was current must be.
    pub fn settle_import(&mut self) {
        let complete = !self.materials.is_empty() && self.materials.iter().all(MaterialRecord::is_present);
        match self.state {
            KeyState::PendingImport if complete => self.state = KeyState::Enabled,
            KeyState::Enabled | KeyState::Disabled if !complete => self.state = KeyState::PendingImport,
            _ => {}
        }
    }

    /// The current material, if it is there.
    pub fn current(&self) -> Option<&MaterialRecord> {
        self.materials.last().filter(|material| material.is_present())
    }

    /// The id of the current material, of a symmetric encryption key; others show none. Material that was imported and
    /// deleted is still shown, so that its owner knows what to import again.
    pub fn current_material_id(&self) -> Option<String> {
        let shown = self.materials.last().filter(|_| self.spec == KeySpec::SymmetricDefault);
        shown.map(|material| material.id.clone())
    }
}
