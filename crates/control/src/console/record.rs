//! What the store holds of the web console.

use serde::{Deserialize, Serialize};
use wire::Timestamp;

/// A session of the console, by the id of its temporary key (`ASIA…`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConsoleSessionRecord {
    /// The account's 12 digits.
    pub account: String,
    /// The ARN of who signed in.
    pub principal: String,
    /// The id of the access key with which the session began, or whose link began it; without that key it is over.
    pub access_key_id: String,
    /// The address from which it began.
    pub source_ip: Option<String>,
    /// When it began.
    pub began: Timestamp,
    /// When it ends by itself.
    pub ends: Timestamp,
}

/// A link that begins one session, by the SHA-256 of its token (hexadecimal). The token itself is nowhere.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConsoleLinkRecord {
    /// The id of the access key that asked for the link; the session is its owner's.
    pub access_key_id: String,
    /// When it is too late.
    pub ends: Timestamp,
}
