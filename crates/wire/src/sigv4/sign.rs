//! Signing a request of our own, as the command line and the tests need it.

use sha2::{Digest as _, Sha256};

use super::{ALGORITHM, Request, Scope, canonical, signature, time_text};
use crate::{Sensitive, Timestamp};

/// Whose request it is, and for whom.
#[derive(Clone, Debug)]
pub struct Signer<'a> {
    /// The access key.
    pub access_key_id: &'a str,
    /// Its secret.
    pub secret_access_key: &'a Sensitive,
    /// The session's token, for keys of a session.
    pub session_token: Option<&'a str>,
    /// The region it is sent to.
    pub region: &'a str,
    /// The signing name of the service it is sent to.
    pub service: &'a str,
}

/// The headers that must be added to a request so that it is signed. The request must have its `host` header; every
/// header it has is signed.
pub fn signed_headers(request: &Request<'_>, signer: &Signer<'_>, now: Timestamp) -> Vec<(&'static str, String)> {
    let time = time_text(now);
    let mut added = vec![("x-amz-date", time.clone())];
    added.extend(signer.session_token.map(|token| ("x-amz-security-token", token.to_owned())));
    let mut headers = request.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    let mut names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    let complete = Request { headers: &headers, ..*request };
    let payload_hash = hex::encode(Sha256::digest(request.body));
    let canonical = canonical::request(&complete, &names, &payload_hash).unwrap_or_default();
    let scope = Scope { date: time.get(..8).unwrap_or_default(), region: signer.region, service: signer.service };
    let signature = hex::encode(signature(signer.secret_access_key.expose(), &time, &scope, &canonical));
    let authorization = format!(
        "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={signature}",
        signer.access_key_id,
        scope.text(),
        names.join(";")
    );
    added.push(("authorization", authorization));
    added
}
