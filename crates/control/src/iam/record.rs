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
    /// Its password, if it has one.
    #[serde(default)]
    pub login: Option<LoginRecord>,
    /// Its credentials for single services, by their id.
    #[serde(default)]
    pub service_credentials: BTreeMap<String, ServiceCredentialRecord>,
}

/// The password of a user: what is needed to recognise it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoginRecord {
    /// Its hash.
    pub hash: PasswordHash,
    /// When the user first had one, in whole seconds.
    pub created: Timestamp,
    /// When it last changed, in whole seconds.
    pub changed: Timestamp,
    /// Whether the user must choose another one when signing in.
    #[serde(default)]
    pub reset_required: bool,
    /// The hashes of earlier passwords, newest first, as many as a password policy can ask for.
    #[serde(default)]
    pub earlier: Vec<PasswordHash>,
}

/// A password under PBKDF2 with HMAC-SHA-256 (RFC 8018).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    /// Its salt.
    pub salt: Blob,
    /// How often the function ran.
    pub iterations: u32,
    /// What came out.
    pub hash: Blob,
}

/// A credential for one service (`codecommit.amazonaws.com`). Nothing served here asks for one, so its password is
/// told once and not kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceCredentialRecord {
    /// The service's principal name.
    pub service: String,
    /// The user name for the service.
    pub user_name: String,
    /// Whether it may be used.
    pub active: bool,
    /// When it was made, in whole seconds.
    pub created: Timestamp,
}

/// A virtual MFA device, by its serial number (an ARN).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MfaDeviceRecord {
    /// The account's 12 digits.
    pub account: String,
    /// The seed of its codes under the root key.
    pub sealed_seed: Blob,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Whose it is, since when, and which code came last; `None` until it is enabled.
    #[serde(default)]
    pub enabled: Option<EnabledMfa>,
}

/// A virtual MFA device in use.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnabledMfa {
    /// The key of its user's record.
    pub user: String,
    /// Since when, in whole seconds.
    pub since: Timestamp,
    /// The time step of the last code that was taken; no code is taken twice.
    pub last_step: u64,
}

/// An OpenID Connect provider, by its ARN.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OidcProviderRecord {
    /// The issuer's URL as given.
    pub url: String,
    /// The audiences that are taken.
    pub client_ids: Vec<String>,
    /// SHA-1 fingerprints of certificates, kept for whoever reads them: the system's certificate authorities decide.
    #[serde(default)]
    pub thumbprints: Vec<String>,
    /// When it was made, in whole seconds.
    pub created: Timestamp,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
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
    /// What the passwords of its users must be like; `None` for IAM's default.
    #[serde(default)]
    pub password_policy: Option<PasswordPolicyRecord>,
    /// The last credential report.
    #[serde(default)]
    pub credential_report: Option<CredentialReportRecord>,
}

/// An account's password policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordPolicyRecord {
    /// The least number of characters.
    pub minimum_length: i32,
    /// Whether a symbol must be there.
    pub require_symbols: bool,
    /// Whether a digit must be there.
    pub require_numbers: bool,
    /// Whether a capital letter must be there.
    pub require_uppercase: bool,
    /// Whether a small letter must be there.
    pub require_lowercase: bool,
    /// Whether users may change their own password without a policy that says so.
    pub users_may_change: bool,
    /// Days after which a password is too old.
    pub maximum_age_days: Option<i32>,
    /// How many earlier passwords must not come again.
    pub reuse_prevention: Option<i32>,
    /// Whether a user whose password is too old must ask an administrator.
    pub hard_expiry: Option<bool>,
}

/// A credential report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CredentialReportRecord {
    /// When it was made.
    pub generated: Timestamp,
    /// The CSV text.
    pub content: String,
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
