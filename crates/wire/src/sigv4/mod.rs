//! Signature Version 4: who says that a request is theirs, and whether it is.
//!
//! - `claim`: what a request says of its signature, in its header or its query string
//! - `verify`: whether that is true
//! - `canonical`: the one text of a request that is signed
//! - `sign`: signing requests of our own
//! - `error`: the refusals, in each protocol's words
//!
//! Follows <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>. Streaming and unsigned payloads are
//! S3's and are refused.

mod canonical;
mod claim;
mod error;
mod sign;
mod verify;

pub use claim::Claim;
pub use error::SignatureError;
pub use sign::{Signer, signed_headers};
pub use verify::Expected;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};
use zeroize::Zeroizing;

use crate::Timestamp;

/// The only algorithm.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The end of every credential scope.
const TERMINATOR: &str = "aws4_request";

const SECONDS: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");

/// A request as it came over the wire.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `POST`.
    pub method: &'a str,
    /// The path as it was sent, still percent-encoded.
    pub path: &'a str,
    /// What follows the `?`, as it was sent.
    pub query: &'a str,
    /// Names in small letters, in the order they came; a name may come more than once.
    pub headers: &'a [(&'a str, &'a str)],
    /// The whole body.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// Where and for what a signature counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scope<'a> {
    /// `20261123`.
    date: &'a str,
    region: &'a str,
    service: &'a str,
}

impl Scope<'_> {
    fn text(&self) -> String {
        format!("{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

fn signature(secret: &str, time: &str, scope: &Scope<'_>, canonical_request: &str) -> [u8; 32] {
    let digest = hex::encode(Sha256::digest(canonical_request));
    let to_sign = format!("{ALGORITHM}\n{time}\n{}\n{digest}", scope.text());
    let secret = Zeroizing::new(format!("AWS4{secret}"));
    let mut key = Zeroizing::new(keyed_hash(secret.as_bytes(), scope.date));
    for part in [scope.region, scope.service, TERMINATOR] {
        key = Zeroizing::new(keyed_hash(&*key, part));
    }
    keyed_hash(&*key, &to_sign)
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn keyed_hash(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

/// `20261123T120000Z`.
fn time_text(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp(at.seconds())
        .ok()
        .and_then(|at| at.format(SECONDS).ok())
        .unwrap_or_else(|| String::from("19700101T000000Z"))
}

fn time_of(text: &str) -> Option<Timestamp> {
    let at = PrimitiveDateTime::parse(text, SECONDS).ok()?;
    Some(Timestamp::from_seconds(at.assume_utc().unix_timestamp()))
}

#[cfg(test)]
mod tests;
