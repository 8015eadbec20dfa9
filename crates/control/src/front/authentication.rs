//! Who signed a request: Signature Version 4 against the keys that IAM knows.

use std::net::IpAddr;

use api::Service;
use domain::iam::{Caller, Identity};
use domain::regions;
use http::header::{HeaderName, REFERER, USER_AGENT};
use http::request::Parts;
use wire::Protocol;
use wire::sigv4::{Claim, Expected, Request, SignatureError};

use crate::iam::credentials::{self, CredentialError};
use crate::{App, ServiceError, limits};

/// The caller of a request to a service, or why the request is nobody's.
pub(super) fn caller(
    app: &App,
    service: &Service,
    head: &Parts,
    body: &[u8],
    peer: IpAddr,
) -> Result<Caller, ServiceError> {
    verified(app, service, head, body, peer).map_err(|error| told(&error, service.protocol))
}

/// Whether an operation of a service is asked for by people who cannot sign: what it brings proves who they are.
pub(super) fn is_unsigned(service: &Service, operation: &str) -> bool {
    (service.name, operation) == ("sts", "AssumeRoleWithWebIdentity")
}

/// The caller of a request that nobody signs.
pub(super) fn anonymous(app: &App, head: &Parts, peer: IpAddr) -> Caller {
    Caller {
        account: String::new(),
        region: app.settings.region.clone(),
        identity: Identity::Anonymous,
        access_key_id: String::new(),
        source_ip: Some(peer),
        user_agent: text_of(head, &USER_AGENT),
        referer: text_of(head, &REFERER),
        via_service: None,
    }
}

/// The access key that a request says it was signed with, whether that is true or not.
pub(super) fn claimed_key(head: &Parts) -> Option<String> {
    let headers = headers(head);
    Claim::of(&request(head, &headers, &[])).ok().map(|claim| claim.access_key_id)
}

/// A header of a request, with replacement characters where it is not text.
pub(super) fn text_of(head: &Parts, name: &HeaderName) -> Option<String> {
    head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// A header that is not text cannot have been signed by any SDK; left out, it breaks the signature if it was.
fn headers(head: &Parts) -> Vec<(&str, &str)> {
    let all = head.headers.iter();
    all.filter_map(|(name, value)| Some((name.as_str(), std::str::from_utf8(value.as_bytes()).ok()?))).collect()
}

fn request<'a>(head: &'a Parts, headers: &'a [(&'a str, &'a str)], body: &'a [u8]) -> Request<'a> {
    Request {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers,
        body,
    }
}

/// The same as [`caller`], with the reason itself.
pub(super) fn verified(
    app: &App,
    service: &Service,
    head: &Parts,
    body: &[u8],
    peer: IpAddr,
) -> Result<Caller, SignatureError> {
    let headers = headers(head);
    let request = request(head, &headers, body);
    let now = app.now();
    let claim = Claim::of(&request)?;
    claim.check_scope_and_time(&Expected {
        region: scope(app, service, &claim.region),
        service: service.signing_name,
        now,
        skew_seconds: limits::CLOCK_SKEW_SECONDS,
    })?;
    let state = app.store.read();
    let session_token = claim.session_token.as_deref();
    let (mut caller, secret) =
        credentials::resolve(app, &state, &claim.access_key_id, session_token, now).map_err(|error| match error {
            CredentialError::Unknown | CredentialError::InvalidToken => SignatureError::UnknownKey,
            CredentialError::Expired => SignatureError::SessionExpired,
        })?;
    claim.check_signature(&request, &secret)?;
    caller.source_ip = Some(peer);
    caller.user_agent = text_of(head, &USER_AGENT);
    caller.referer = text_of(head, &REFERER);
    if claim.region != "aws-global" {
        caller.region = claim.region;
    }
    Ok(caller)
}

/// The region that the scope of a request's signature must have, which is the one it has if there is such a region. IAM, STS
/// and Organizations have one for all (`aws-global` to some SDKs).
fn scope<'a>(app: &'a App, service: &Service, claimed: &'a str) -> &'a str {
    let is_global = claimed == "aws-global" && matches!(service.name, "iam" | "sts" | "organizations");
    if is_global || regions::is_known(claimed, &app.settings.region) { claimed } else { &app.settings.region }
}

fn told(error: &SignatureError, protocol: Protocol) -> ServiceError {
    ServiceError::new(error.code(protocol), error.message(protocol)).with_status(error.status(protocol))
}
