//! What is beneath `/console/`: the pages, which the binary brings, and sign-in, the console's only private API.
//!
//! Everything else that the console does is a signed AWS call like any other client's. There are no cookies, so there is
//! nothing that another site's page could ride on; `Host` and `Origin` are checked all the same, against names that
//! someone else points at this server.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use domain::iam::Caller;
use http::header::{ALLOW, CACHE_CONTROL, HOST, LOCATION, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use wire::Sensitive;
use wire::sigv4::SignatureError;

use super::authentication;
use super::body;
use super::exchange::origin;
use super::guests::Seat;
use super::refusal::response;
use crate::audit::{Recording, Trail};
use crate::console::{self, SignedIn};
use crate::{App, ServiceError, limits};

/// Answers a GET for a page or one of its files; the text is a nonce, fresh for every answer.
pub type Pages = dyn Fn(&Parts, &str) -> Response<Bytes> + Send + Sync;

const ROOT: &str = "/console/";
const API: &str = "/console/api/";
/// How events name what is done here; the first two are AWS's names.
const SIGN_IN: &str = "ConsoleLogin";
const SIGN_OUT: &str = "ConsoleLogout";
const LINK: &str = "CreateConsoleLink";
const JSON: &str = "application/json";

/// The body of a sign-in by link. A sign-in by key has none; it is the signature.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkToken {
    token: Sensitive,
}

/// What a browser keeps for the length of its session.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Begun<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a Sensitive,
    session_token: &'a Sensitive,
    expiration: String,
    account: &'a str,
    arn: String,
    region: &'a str,
}

/// Whether a path is the console's.
pub(super) fn is_console(path: &str) -> bool {
    path.starts_with(ROOT) || path == "/console"
}

/// Answers a request for the console.
pub(super) async fn answer(
    app: &Arc<App>,
    pages: Option<&Pages>,
    (head, body): (&Parts, Incoming),
    seat: &Seat,
    id: &str,
) -> Response<Full<Bytes>> {
    if !is_own_host(app, &head.headers) {
        let message = "The console is not served under this host name. Open it by address, or start the server with \
                       --console-host NAME.";
        return refused(&ServiceError::new("UnknownHost", message).with_status(421), id);
    }
    let path = head.uri.path();
    if let Some(operation) = path.strip_prefix(API) {
        return api(app, operation, (head, body), seat, id).await.unwrap_or_else(|error| refused(&error, id));
    }
    if path == "/console" {
        let mut moved = response(308, "text/plain", id, Bytes::new());
        moved.headers_mut().insert(LOCATION, HeaderValue::from_static(ROOT));
        return moved;
    }
    match pages {
        Some(pages) if matches!(head.method, Method::GET | Method::HEAD) => {
            pages(head, &hex::encode(app.random_bytes::<16>())).map(Full::new)
        }
        Some(_) => {
            let mut answer = response(405, "text/plain", id, Bytes::new());
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            answer
        }
        None => response(404, "text/plain", id, Bytes::from_static(b"This server has no console.")),
    }
}

async fn api(
    app: &Arc<App>,
    operation: &str,
    (head, body): (&Parts, Incoming),
    seat: &Seat,
    id: &str,
) -> Result<Response<Full<Bytes>>, ServiceError> {
    let value = match (operation, head.method == Method::POST) {
        ("server", false) => Ok(server(app)),
        ("signin" | "signout" | "link", true) => {
            refuse_other_origins(&head.headers)?;
            let body = read(body, seat).await?;
            let asked = Asked { app, head, body: &body, peer: seat.peer, id };
            match operation {
                "signin" if !body.is_empty() => asked.sign_in_by_link().await,
                "signin" => asked.sign_in().await,
                "link" => asked.link().await,
                _ => asked.sign_out().await,
            }
        }
        _ => Err(ServiceError::new("UnknownOperation", "The console's API has no such operation.").with_status(404)),
    }?;
    Ok(json(200, id, value))
}

/// A request to the API, each of which is an event of the audit.
struct Asked<'a> {
    app: &'a Arc<App>,
    head: &'a Parts,
    body: &'a [u8],
    peer: IpAddr,
    id: &'a str,
}

impl Asked<'_> {
    async fn sign_in(&self) -> Result<String, ServiceError> {
        let caller = self.caller(SIGN_IN)?;
        let outcome = console::sign_in(self.app, &caller).await;
        self.record(SIGN_IN, Ok(caller), outcome.as_ref().err());
        session(self.app, &outcome?)
    }

    async fn sign_in_by_link(&self) -> Result<String, ServiceError> {
        let link: LinkToken = serde_json::from_slice(self.body).map_err(|_| {
            ServiceError::new("ValidationError", "The body must be {\"token\": …}, or empty and signed.")
        })?;
        let outcome = console::sign_in_by_link(self.app, link.token.expose(), self.peer).await;
        let caller = outcome.as_ref().map(|signed_in| signed_in.caller.clone()).map_err(|_| None);
        self.record(SIGN_IN, caller, outcome.as_ref().err());
        session(self.app, &outcome?)
    }

    async fn sign_out(&self) -> Result<String, ServiceError> {
        let caller = self.caller(SIGN_OUT)?;
        let outcome = console::sign_out(self.app, &caller).await;
        self.record(SIGN_OUT, Ok(caller), outcome.as_ref().err());
        outcome.map(|()| "{}".to_owned())
    }

    async fn link(&self) -> Result<String, ServiceError> {
        let caller = self.caller(LINK)?;
        let outcome = console::link(self.app, &caller).await;
        self.record(LINK, Ok(caller), outcome.as_ref().err());
        Ok(serde_json::json!({"token": outcome?.expose(), "seconds": console::LINK_SECONDS}).to_string())
    }

    fn caller(&self, operation: &str) -> Result<Caller, ServiceError> {
        let Self { app, head, body, peer, .. } = *self;
        authentication::verified(app, &api::tidegate::SERVICE, head, body, peer).map_err(|error| {
            let error = told(&error);
            self.record(operation, Err(authentication::claimed_key(head)), Some(&error));
            error
        })
    }

    fn record(&self, operation: &str, caller: Result<Caller, Option<String>>, error: Option<&ServiceError>) {
        let recording = Recording {
            app: Arc::clone(self.app),
            service: &api::tidegate::SERVICE,
            operation: operation.to_owned(),
            request_id: self.id.to_owned(),
            origin: origin(self.head, self.peer),
            caller,
            trail: Trail::default(),
        };
        // None of these gives the value of a secret, which alone could be withheld.
        match error {
            None => drop(recording.done()),
            Some(error) => drop(recording.refused(error)),
        }
    }
}

/// What a browser must know before anybody signs in.
fn server(app: &App) -> String {
    let about = serde_json::json!({
        "region": app.settings.region,
        "version": env!("CARGO_PKG_VERSION"),
        "time": app.now().to_rfc3339(),
    });
    about.to_string()
}

fn session(app: &App, signed_in: &SignedIn) -> Result<String, ServiceError> {
    let SignedIn { credentials, caller } = signed_in;
    let begun = Begun {
        access_key_id: &credentials.access_key_id,
        secret_access_key: &credentials.secret_access_key,
        session_token: &credentials.session_token,
        expiration: credentials.expiration.to_rfc3339(),
        account: &caller.account,
        arn: caller.arn(),
        region: &app.settings.region,
    };
    serde_json::to_string(&begun).map_err(|error| ServiceError::new("InternalFailure", error.to_string()))
}

/// Someone has typed a key by hand and needs to know which part of it is wrong.
fn told(error: &SignatureError) -> ServiceError {
    let (code, message) = match error {
        SignatureError::UnknownKey => (
            "UnknownKey",
            "This server has no active access key with this id. `tidegate env` prints the root user's; \
             `aws iam create-access-key` makes one for a user."
                .to_owned(),
        ),
        SignatureError::Mismatch => (
            "WrongSecret",
            "The access key id is right, the secret access key does not belong to it. Look for a character too many or \
             too few."
                .to_owned(),
        ),
        SignatureError::Expired { .. } | SignatureError::NotYetCurrent { .. } => {
            ("WrongClock", format!("The clocks of this computer and of the server differ by too much. {error}"))
        }
        SignatureError::SessionExpired => ("SessionExpired", "The session is over; sign in again.".to_owned()),
        SignatureError::Missing | SignatureError::Incomplete(_) | SignatureError::Scope(_) => {
            ("NotSigned", error.to_string())
        }
    };
    ServiceError::new(code, message).with_status(403)
}

/// Addresses and `localhost` cannot be pointed here by somebody else; other names only count if the operator said them.
fn is_own_host(app: &App, headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok()
        || app.settings.console_hosts.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// A browser says which page makes a POST. Commands do not, and have no page that could be somebody else's.
fn refuse_other_origins(headers: &HeaderMap) -> Result<(), ServiceError> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    if origin.is_some() && origin == host {
        return Ok(());
    }
    Err(ServiceError::new("OtherOrigin", "Only the console's own pages may sign in.").with_status(403))
}

async fn read(body: Incoming, seat: &Seat) -> Result<Bytes, ServiceError> {
    let told = |_| ServiceError::new("ValidationError", "The request is too large or did not come in time.");
    body::read(body, limits::CONSOLE_BODY_BYTES, seat).await.map_err(told)
}

fn refused(error: &ServiceError, id: &str) -> Response<Full<Bytes>> {
    json(error.status, id, serde_json::json!({"code": error.code, "message": error.message}).to_string())
}

/// An answer that nothing on its way may keep.
fn json(status: u16, id: &str, body: String) -> Response<Full<Bytes>> {
    let mut answer = response(status, JSON, id, Bytes::from(body));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
