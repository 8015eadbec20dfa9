//! Whether a claimed signature is true: made now, for us, with this secret, of exactly this request.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::claim::Life;
use super::{Claim, Request, SignatureError, canonical, signature, time_text};
use crate::{Sensitive, Timestamp};

/// What a signature must be made for.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The region that is answered for.
    pub region: &'a str,
    /// The service's signing name.
    pub service: &'a str,
    /// Our time.
    pub now: Timestamp,
    /// How far the client's clock may be from ours, in seconds.
    pub skew_seconds: i64,
}

impl Claim {
    /// Refuses what is not scoped to us or not made now. This needs no key.
    pub fn check_scope_and_time(&self, expected: &Expected<'_>) -> Result<(), SignatureError> {
        if expected.region != self.region {
            let region = &self.region;
            return Err(SignatureError::Scope(format!(
                "Credential should be scoped to a valid Region, not '{region}'. "
            )));
        }
        if self.service != expected.service {
            let service = expected.service;
            return Err(SignatureError::Scope(format!(
                "Credential should be scoped to correct service: '{service}'. "
            )));
        }
        if !self.time.starts_with(&self.date) || self.date.len() != 8 {
            return Err(SignatureError::Scope(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', \
                 from '{}'.",
                self.date,
                self.time.get(..8).unwrap_or_default(),
                self.time
            )));
        }
        self.check_time(expected)
    }

    fn check_time(&self, expected: &Expected<'_>) -> Result<(), SignatureError> {
        let Expected { now, skew_seconds, .. } = *expected;
        let minutes = skew_seconds / 60;
        let life = match self.life {
            Life::Sent => skew_seconds,
            Life::Presigned(seconds) => seconds,
        };
        let earliest = now.plus_seconds(-life);
        if self.signed_at < earliest {
            return Err(SignatureError::Expired {
                signed: self.time.clone(),
                earliest: time_text(earliest),
                now: time_text(now),
                minutes: life / 60,
            });
        }
        let latest = now.plus_seconds(skew_seconds);
        if self.signed_at > latest {
            return Err(SignatureError::NotYetCurrent {
                signed: self.time.clone(),
                latest: time_text(latest),
                now: time_text(now),
                minutes,
            });
        }
        Ok(())
    }

    /// Refuses a signature that this secret key does not make of this request.
    pub fn check_signature(&self, request: &Request<'_>, secret: &Sensitive) -> Result<(), SignatureError> {
        let payload_hash = hex::encode(Sha256::digest(request.body));
        // Whoever says what the body hashes to must be right; `UNSIGNED-PAYLOAD` never is.
        if request.header("x-amz-content-sha256").is_some_and(|said| said != payload_hash) {
            return Err(SignatureError::Mismatch);
        }
        let headers: Vec<&str> = self.signed_headers.iter().map(String::as_str).collect();
        let canonical = canonical::request(request, &headers, &payload_hash).ok_or(SignatureError::Mismatch)?;
        let ours = signature(secret.expose(), &self.time, &self.scope(), &canonical);
        if bool::from(ours.ct_eq(&self.signature)) { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
}
