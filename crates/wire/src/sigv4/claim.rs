//! What a request says of its signature: in its `Authorization` header, or, presigned, in its query string.

use super::{ALGORITHM, Request, Scope, SignatureError, TERMINATOR, time_of};
use crate::Timestamp;
use crate::form::Form;

/// The longest life of a presigned request, in seconds: seven days.
const LONGEST_LIFE_SECONDS: i64 = 7 * 24 * 60 * 60;
/// The most headers a signature may cover.
const SIGNED_HEADERS: usize = 128;

/// A signature that is claimed and not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose key it says it was made with.
    pub access_key_id: String,
    /// The session's token, for keys of a session.
    pub session_token: Option<String>,
    /// When it says it was made.
    pub signed_at: Timestamp,
    pub(super) time: String,
    pub(super) date: String,
    /// The region it is made for.
    pub region: String,
    pub(super) service: String,
    pub(super) signed_headers: Vec<String>,
    pub(super) signature: [u8; 32],
    pub(super) life: Life,
}

/// How long a signature counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// As long as clocks may differ.
    Sent,
    /// So many seconds.
    Presigned(i64),
}

impl Claim {
    /// Reads it.
    pub fn of(request: &Request<'_>) -> Result<Self, SignatureError> {
        let mut authorizations = request.headers.iter().filter(|(name, _)| *name == "authorization");
        let header = authorizations.next().map(|(_, value)| *value);
        if authorizations.next().is_some() {
            return Err(incomplete("The request has more than one Authorization header."));
        }
        let is_presigned = request.query.contains("X-Amz-Algorithm") || request.query.contains("X-Amz-Signature");
        match (header, is_presigned) {
            (Some(_), true) => Err(incomplete("Only one way of signing is allowed: the header, or the query string.")),
            (Some(header), false) => Self::of_header(request, header),
            (None, true) => Self::of_query(request),
            (None, false) => Err(SignatureError::Missing),
        }
    }

    fn of_header(request: &Request<'_>, header: &str) -> Result<Self, SignatureError> {
        let Some((algorithm, fields)) = header.trim().split_once(' ') else {
            return Err(incomplete("The Authorization header has no fields."));
        };
        if algorithm != ALGORITHM {
            return Err(incomplete("Unsupported signing algorithm: only AWS4-HMAC-SHA256 is known."));
        }
        let (mut credential, mut headers, mut signature) = (None, None, None);
        for field in fields.split(',') {
            let slot = match field.trim().split_once('=') {
                Some(("Credential", value)) => (&mut credential, value),
                Some(("SignedHeaders", value)) => (&mut headers, value),
                Some(("Signature", value)) => (&mut signature, value),
                _ => return Err(incomplete("The Authorization header has a field that is not known.")),
            };
            if slot.0.replace(slot.1).is_some() {
                return Err(incomplete("The Authorization header has a field twice."));
            }
        }
        let missing = |name| incomplete(&format!("Authorization header requires '{name}' parameter."));
        let date = request
            .header("x-amz-date")
            .ok_or_else(|| incomplete("Authorization header requires existence of an 'X-Amz-Date' header."))?;
        let claim = Self::of_parts(
            credential.ok_or_else(|| missing("Credential"))?,
            headers.ok_or_else(|| missing("SignedHeaders"))?,
            signature.ok_or_else(|| missing("Signature"))?,
            date,
        )?;
        let session_token = request.header("x-amz-security-token").map(str::to_owned);
        // What decides who calls what must not be changeable on the way.
        for name in ["x-amz-date", "x-amz-target", "x-amz-security-token", "x-amz-content-sha256"] {
            if request.header(name).is_some() && !claim.signed_headers.iter().any(|signed| signed == name) {
                return Err(incomplete(&format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")));
            }
        }
        Ok(Self { session_token, ..claim })
    }

    fn of_query(request: &Request<'_>) -> Result<Self, SignatureError> {
        let form = Form::parse(request.query.as_bytes()).map_err(|error| incomplete(&error.to_string()))?;
        // Sorted, because this is before any authentication and a stranger's query string may have thousands of them.
        let mut names: Vec<&str> =
            form.iter().map(|(name, _)| name).filter(|name| name.starts_with("X-Amz-")).collect();
        names.sort_unstable();
        if let Some((name, _)) = names.iter().zip(names.iter().skip(1)).find(|(name, next)| name == next) {
            return Err(incomplete(&format!("The query string has '{name}' twice.")));
        }
        let get = |name: &str| {
            form.get(name).ok_or_else(|| incomplete(&format!("AWS query-string parameters must include '{name}'.")))
        };
        if get("X-Amz-Algorithm")? != ALGORITHM {
            return Err(incomplete("Unsupported signing algorithm: only AWS4-HMAC-SHA256 is known."));
        }
        let life = get("X-Amz-Expires")?.parse::<i64>().ok().filter(|life| (1..=LONGEST_LIFE_SECONDS).contains(life));
        let life = life.ok_or_else(|| incomplete("X-Amz-Expires must be a number of seconds from 1 to 604800."))?;
        let claim = Self::of_parts(
            get("X-Amz-Credential")?,
            get("X-Amz-SignedHeaders")?,
            get("X-Amz-Signature")?,
            get("X-Amz-Date")?,
        )?;
        let session_token = form.get("X-Amz-Security-Token").map(str::to_owned);
        if request.header("x-amz-target").is_some() && !claim.signed_headers.iter().any(|name| name == "x-amz-target") {
            return Err(incomplete("'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."));
        }
        Ok(Self { session_token, life: Life::Presigned(life), ..claim })
    }

    fn of_parts(credential: &str, headers: &str, signature: &str, time: &str) -> Result<Self, SignatureError> {
        let parts: Vec<&str> = credential.split('/').collect();
        let [access_key_id, date, region, service, terminator] = parts.as_slice() else {
            return Err(incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
            ));
        };
        if *terminator != TERMINATOR {
            return Err(SignatureError::Scope(String::from(
                "Credential should be scoped with a valid terminator: 'aws4_request'",
            )));
        }
        let signed_headers = signed_headers(headers)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(signature, &mut bytes)
            .map_err(|_| incomplete("Signature must be 64 hexadecimal digits."))?;
        let signed_at = time_of(time)
            .ok_or_else(|| incomplete("Date must be in ISO-8601 'basic format'; it has the form yyyymmddThhmmssZ."))?;
        Ok(Self {
            access_key_id: (*access_key_id).to_owned(),
            session_token: None,
            signed_at,
            time: time.to_owned(),
            date: (*date).to_owned(),
            region: (*region).to_owned(),
            service: (*service).to_owned(),
            signed_headers,
            signature: bytes,
            life: Life::Sent,
        })
    }

    pub(super) fn scope(&self) -> Scope<'_> {
        Scope { date: &self.date, region: &self.region, service: &self.service }
    }
}

fn signed_headers(text: &str) -> Result<Vec<String>, SignatureError> {
    let names: Vec<String> = text.split(';').map(str::to_owned).collect();
    if names.len() > SIGNED_HEADERS {
        return Err(incomplete("SignedHeaders names too many headers."));
    }
    if names.iter().any(|name| name.is_empty() || name.chars().any(|letter| letter.is_ascii_uppercase())) {
        return Err(incomplete("SignedHeaders must name headers in small letters, separated by ';'."));
    }
    if (1..names.len()).any(|index| names[..index].contains(&names[index])) {
        return Err(incomplete("SignedHeaders names a header twice."));
    }
    if !names.iter().any(|name| name == "host") {
        return Err(incomplete("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."));
    }
    Ok(names)
}

fn incomplete(message: &str) -> SignatureError {
    SignatureError::Incomplete(message.to_owned())
}
