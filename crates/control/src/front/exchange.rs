//! The road of one request: read the body under a limit, find the call, authenticate, decode, handle, encode.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::USER_AGENT;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Instant;
use wire::Protocol;
use wire::form::Form;

use super::authentication;
use super::body::{self, BodyError};
use super::call::Call;
use super::console;
use super::guests::Seat;
use super::refusal::{Refusal, response};
use super::router::{Parameters, Router, Running};
use crate::audit::{Origin, Recording, Trail};
use crate::error::NO_ROOM;
use crate::store::Health;
use crate::{App, ServiceError, limits};

const HEALTH: &str = "/_tidegate/health";
/// What the health says while the server ends.
const FAILED: &str = "The records could not be made durable, so the server ends; see its log. Tasks run on.";
/// What the health says while events are lost.
const UNRECORDED: &str =
    "The audit cannot be written, and events are lost. Make room on the disk of the data directory, or mend it.";
const TARGET: &str = "x-amz-target";

/// What every request needs.
pub(super) struct Door {
    pub(super) app: Arc<App>,
    pub(super) router: Arc<Router>,
}

/// For the log: who asked for what. Never how, because parameters may hold secrets.
#[derive(Default)]
struct Seen {
    service: &'static str,
    operation: String,
    caller: String,
}

impl Door {
    /// Answers one request; every way it can go wrong is an answer too.
    pub(super) async fn answer(&self, request: Request<Incoming>, seat: &Seat) -> Response<Full<Bytes>> {
        let began = Instant::now();
        let id = wire::ids::uuid(self.app.random_bytes());
        let (head, body) = request.into_parts();
        if head.uri.path() == HEALTH {
            return health(&self.app, &id);
        }
        if console::is_console(head.uri.path()) {
            return console::answer(&self.app, self.router.pages(), (&head, body), seat, &id).await;
        }
        let mut seen = Seen::default();
        let outcome = self.exchange(&head, body, seat, &id, &mut seen).await;
        let code = outcome.as_ref().err().map_or("", |refusal| refusal.error.code.as_ref());
        let Seen { service, operation, caller } = &seen;
        tracing::debug!(id, service, operation, caller, code, elapsed = ?began.elapsed(), "answered");
        match outcome {
            Ok((protocol, bytes)) => response(200, protocol.content_type(), &id, bytes),
            Err(refusal) => refusal.response(&id),
        }
    }

    async fn exchange(
        &self,
        head: &Parts,
        body: Incoming,
        seat: &Seat,
        id: &str,
        seen: &mut Seen,
    ) -> Result<(Protocol, Vec<u8>), Refusal> {
        let peer = seat.peer;
        let body = read(head, body, seat).await?;
        let target = head.headers.get(TARGET).and_then(|target| target.to_str().ok());
        let form = match target {
            Some(_) => Form::default(),
            None => form(head, &body)?,
        };
        let (call, parameters) = match target {
            Some(target) => (Call::of_target(target)?, Parameters::Json(&body)),
            None => (Call::of_form(&form)?, Parameters::Form(&form)),
        };
        let refuse = |error| Refusal::of(call.service, error);
        seen.service = call.service.name;
        call.operation.clone_into(&mut seen.operation);
        let route = self.router.find(call.service, call.operation).ok_or_else(|| refuse(call.not_served()))?;
        let recording = |caller| Recording {
            app: Arc::clone(&self.app),
            service: call.service,
            operation: call.operation.to_owned(),
            request_id: id.to_owned(),
            origin: origin(head, peer),
            caller,
            trail: Trail::default(),
        };
        let caller = if authentication::is_unsigned(call.service, call.operation) {
            authentication::anonymous(&self.app, head, peer)
        } else {
            let caller = authentication::caller(&self.app, call.service, head, &body, peer).map_err(|error| {
                let refusal = refuse(error);
                recording(Err(authentication::claimed_key(head))).refused(&refusal.error);
                refusal
            })?;
            seat.is_known();
            caller
        };
        seen.caller = caller.arn();
        let recording = recording(Ok(caller.clone()));
        let begin = || route.begin(Arc::clone(&self.app), parameters, caller, id.to_owned());
        let running = recording.trail.follow_now(begin).map_err(|error| {
            let refusal = refuse(error);
            recording.refused(&refusal.error);
            refusal
        })?;
        let answer = finished(running, recording).await?;
        Ok((call.service.protocol, answer))
    }
}

/// Whether the server can do what it is for: 200, or 503 with the reason.
fn health(app: &App, id: &str) -> Response<Full<Bytes>> {
    let (status, document) = match app.store.health() {
        Health::Well if app.audit.lost() > 0 => (503, serde_json::json!({"status": "unwell", "reason": UNRECORDED})),
        Health::Well => (200, serde_json::json!({"status": "ok"})),
        Health::NoRoom => (503, serde_json::json!({"status": "unwell", "reason": NO_ROOM})),
        Health::Failed(_) => (503, serde_json::json!({"status": "unwell", "reason": FAILED})),
    };
    response(status, "application/json", id, Bytes::from(document.to_string()))
}

pub(super) fn origin(head: &Parts, peer: IpAddr) -> Origin {
    Origin::Client { peer, user_agent: authentication::text_of(head, &USER_AGENT) }
}

async fn read(head: &Parts, body: Incoming, seat: &Seat) -> Result<Bytes, Refusal> {
    let protocol = if head.headers.contains_key(TARGET) { Protocol::Json } else { Protocol::Query };
    let refuse = |code, message: &str, status| {
        Refusal::unaddressed(protocol, ServiceError::new(code, message).with_status(status))
    };
    if head.uri.path() != "/" {
        return Err(refuse(
            "UnknownOperationException",
            "AWS's APIs are served at /, the console at /console/, health at /_tidegate/health.",
            404,
        ));
    }
    body::read(body, limits::REQUEST_BODY_BYTES, seat).await.map_err(|error| match error {
        BodyError::TooLarge(_) => refuse("RequestEntityTooLargeException", "The request is larger than 2 MiB.", 413),
        BodyError::BrokeOff(_) => refuse("RequestAbortedException", "The request's body broke off.", 400),
        BodyError::TooSlow => refuse("RequestTimeoutException", "The request's body did not come in time.", 408),
        BodyError::NoRoom => {
            refuse("ServiceUnavailable", "The server has no room for more requests now; try again.", 503)
        }
    })
}

/// A presigned request has its parameters behind the `?`, every other one in its body.
fn form<'a>(head: &'a Parts, body: &'a [u8]) -> Result<Form<'a>, Refusal> {
    let text = match head.uri.query() {
        Some(query) if body.is_empty() => query.as_bytes(),
        _ => body,
    };
    Form::parse(text).map_err(|error| {
        let message = format!("The request's parameters cannot be read: {error}.");
        Refusal::unaddressed(Protocol::Query, ServiceError::new("MalformedQueryString", message))
    })
}

/// Runs the handler to its end even if the client goes away, so that what it began is finished and recorded; a panic in
/// it is an error of this one call.
async fn finished(running: Running, recording: Recording) -> Result<Vec<u8>, Refusal> {
    let service = recording.service;
    let recorded = recording.clone();
    let handled = tokio::spawn(async move {
        let answer = recorded.trail.follow(running).await.map_err(|error| Refusal::of(service, error));
        match &answer {
            Ok(_) => recorded.done().map(drop).map_err(|error| Refusal::of(service, error))?,
            Err(refusal) => drop(recorded.refused(&refusal.error)),
        }
        answer
    });
    handled.await.unwrap_or_else(|error| {
        tracing::error!(service = service.name, operation = recording.operation, %error, "a handler panicked");
        let message = "The request failed inside Tidegate; see the server's log.";
        let refusal = Refusal::of(service, ServiceError::new("InternalFailure", message).with_status(500));
        recording.refused(&refusal.error);
        Err(refusal)
    })
}
