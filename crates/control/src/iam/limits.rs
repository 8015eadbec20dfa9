//! IAM's quotas (IAM User Guide, "IAM and AWS STS quotas").

/// Characters of a managed policy, white space not counted.
pub(super) const MANAGED_POLICY_CHARACTERS: usize = 6144;
/// Characters of all inline policies of a role.
pub(super) const ROLE_INLINE_CHARACTERS: usize = 10_240;
/// Characters of all inline policies of a user.
pub(super) const USER_INLINE_CHARACTERS: usize = 2048;
/// Characters of all inline policies of a group.
pub(super) const GROUP_INLINE_CHARACTERS: usize = 5120;
/// Groups of a user.
pub(super) const GROUPS_OF_USER: usize = 10;
/// Characters of a trust policy.
pub(super) const TRUST_POLICY_CHARACTERS: usize = 2048;
/// Managed policies on one user, group or role.
pub(super) const ATTACHED_POLICIES: usize = 10;
/// Versions of a managed policy.
pub(super) const POLICY_VERSIONS: usize = 5;
/// Access keys of a user.
pub(super) const ACCESS_KEYS: usize = 2;
/// Virtual MFA devices of a user.
pub(super) const MFA_DEVICES: usize = 8;
/// Credentials of a user for one service.
pub(super) const SERVICE_CREDENTIALS: usize = 2;
/// OpenID Connect providers of an account.
pub(super) const OIDC_PROVIDERS: usize = 100;
/// Audiences of an OpenID Connect provider.
pub(super) const OIDC_CLIENT_IDS: usize = 100;
/// Thumbprints of an OpenID Connect provider.
pub(super) const OIDC_THUMBPRINTS: usize = 5;
/// Rounds of PBKDF2 with HMAC-SHA-256 (OWASP's Password Storage Cheat Sheet).
pub(super) const PASSWORD_ITERATIONS: u32 = 600_000;
/// Earlier passwords that are kept: the most that a password policy can ask for.
pub(super) const EARLIER_PASSWORDS: usize = 24;
/// How long a credential report is good, in seconds.
pub(super) const REPORT_SECONDS: i64 = 4 * 3600;
/// Tags on one thing.
pub(super) const TAGS: usize = 50;
/// Items of a list when the caller does not say.
pub(super) const PAGE_ITEMS: usize = 100;
/// Parsed policy documents that are kept; past it the cache starts anew.
pub(super) const CACHED_DOCUMENTS: usize = 8192;

/// Characters of a role's name.
pub(super) const ROLE_NAME_CHARACTERS: usize = 64;
