//! A registry, spoken to by one pull: manifests and blobs, challenges answered, redirects followed by hand.
//!
//! Credentials and tokens are sent to the registry's own scheme, host and port. The first redirect away from there drops
//! them for the rest of that request, and a challenge of another host is never answered.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::header::{LOCATION, RANGE, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Method, Response, StatusCode, Url};
use zeroize::Zeroizing;

use super::auth::{Authorization, Authorizer, Challenged};
use super::challenge;
use super::error::{Answer, Denial, DeniedBy, NoAnswer, PullError, ServerWords};
use super::limits;
use super::manifest::ACCEPTED;
use super::registries::{Place, Registries, Wire};
use super::transport::{Ask, Owner, Reach, Transport, authority};
use domain::image::reference::Digest;

/// What all registry clients of a node share: connections, and which loopback registries speak TLS. No authorisation.
pub(super) struct Shared {
    pub(super) transport: Transport,
    pub(super) registries: Registries,
    speaks_tls: Mutex<HashSet<String>>,
}

impl Shared {
    pub(super) fn new(registries: Registries) -> Self {
        Self { transport: Transport::new(), registries, speaks_tls: Mutex::default() }
    }
}

/// A place that is asked for one repository, as one task.
pub(super) struct RegistryClient {
    shared: Arc<Shared>,
    place: Place,
    repository: String,
    authorizer: Authorizer,
}

/// A manifest, an index or a configuration as it came.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) digest: Digest,
    /// The `Content-Type` without parameters; empty if there was none.
    pub(super) media_type: String,
    pub(super) bytes: Vec<u8>,
}

/// What is asked for.
#[derive(Clone, Debug)]
enum Thing<'a> {
    Manifest(&'a str),
    Blob(&'a Digest),
    Tags,
}

/// The answer to the question for tags (OCI distribution specification, "Listing Tags").
#[derive(serde::Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

impl std::fmt::Display for Thing<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Manifest(target) => write!(formatter, "manifests {target}"),
            Self::Blob(digest) => write!(formatter, "blobs {digest}"),
            Self::Tags => formatter.write_str("tags"),
        }
    }
}

/// An answer, with where it came from in the end.
pub(super) struct Reply {
    response: Response,
    url: Url,
    /// Whether it came from the registry itself or from where a redirect led.
    owner: Owner,
    /// How near the registry itself is.
    reach: Reach,
}

impl RegistryClient {
    pub(super) fn new(shared: Arc<Shared>, place: Place, repository: &str, authorizer: Authorizer) -> Self {
        let repository = place.repository(repository);
        Self { shared, place, repository, authorizer }
    }

    /// `host` or `host:port`.
    pub(super) fn host(&self) -> &str {
        &self.place.host
    }

    /// The repository as this place calls it.
    pub(super) fn repository(&self) -> &str {
        &self.repository
    }

    /// The user this asks as.
    pub(super) fn user(&self) -> Option<&str> {
        self.authorizer.user()
    }

    /// Asks what a tag or digest is now, without fetching it. `None`: the registry does not say.
    pub(super) async fn resolve(&self, target: &str) -> Result<Option<Digest>, PullError> {
        let thing = Thing::Manifest(target);
        let reply = self.request(Method::HEAD, &thing, manifest_headers()).await?;
        self.stated_digest(&reply.response)
    }

    /// Fetches a manifest or an index, and checks its digest against what was asked and what the registry states.
    pub(super) async fn manifest(&self, target: &str) -> Result<Document, PullError> {
        let thing = Thing::Manifest(target);
        let reply = self.request(Method::GET, &thing, manifest_headers()).await?;
        let stated = match target.parse::<Digest>() {
            Ok(digest) => Some(digest),
            Err(_) => self.stated_digest(&reply.response)?,
        };
        let media_type = media_type(&reply.response);
        let bytes = self.read(reply, limits::MANIFEST_BYTES).await?;
        let found = Digest::of(&bytes);
        match stated {
            Some(expected) if expected != found => Err(PullError::WrongDigest { expected, found }),
            _ => Ok(Document { digest: found, media_type, bytes }),
        }
    }

    /// Fetches a small blob whole, and checks its digest.
    pub(super) async fn small_blob(&self, digest: &Digest, limit: usize) -> Result<Vec<u8>, PullError> {
        let reply = self.request(Method::GET, &Thing::Blob(digest), HeaderMap::new()).await?;
        let bytes = self.read(reply, limit).await?;
        let found = Digest::of(&bytes);
        if found == *digest { Ok(bytes) } else { Err(PullError::WrongDigest { expected: digest.clone(), found }) }
    }

    /// The repository's tags: the first page of them.
    pub(super) async fn tags(&self) -> Result<Vec<String>, PullError> {
        let reply = self.request(Method::GET, &Thing::Tags, HeaderMap::new()).await?;
        let bytes = self.read(reply, limits::MANIFEST_BYTES).await?;
        let listed: Tags =
            serde_json::from_slice(&bytes).map_err(|error| self.protocol(format!("its list of tags: {error}")))?;
        Ok(listed.tags.unwrap_or_default())
    }

    /// Asks whether this task may have a blob from this repository.
    pub(super) async fn vouch(&self, digest: &Digest) -> Result<(), PullError> {
        self.request(Method::HEAD, &Thing::Blob(digest), HeaderMap::new()).await.map(|_| ())
    }

    /// Opens a blob from an offset on. The body may still begin at 0 if the server knows no ranges; see [`Body::begins`].
    pub(super) async fn blob(&self, digest: &Digest, size: u64, offset: u64) -> Result<Body<'_>, PullError> {
        let mut headers = HeaderMap::new();
        if offset > 0 {
            headers.extend(HeaderValue::from_str(&format!("bytes={offset}-")).ok().map(|value| (RANGE, value)));
        }
        let reply = self.request(Method::GET, &Thing::Blob(digest), headers).await?;
        let begins = match reply.response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let range = reply.response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
                if !range.is_some_and(|range| is_rest(range, offset, size)) {
                    return Err(
                        self.protocol(format!("its range answer ({}) is not what was asked", range.unwrap_or("none")))
                    );
                }
                offset
            }
            _ => 0,
        };
        let length = reply.response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| length != size - begins) {
            let found = begins.saturating_add(length.unwrap_or_default());
            return Err(PullError::WrongSize { digest: digest.clone(), expected: size, found });
        }
        Ok(Body { client: self, reply, begins })
    }

    async fn request(&self, method: Method, thing: &Thing<'_>, headers: HeaderMap) -> Result<Reply, PullError> {
        let mut renewed = false;
        loop {
            let authorization = self.authorizer.current().await;
            let reply = self.first(&method, thing, &headers, &authorization).await?;
            let status = reply.response.status();
            if status == StatusCode::OK || status == StatusCode::PARTIAL_CONTENT {
                return Ok(reply);
            }
            if status == StatusCode::UNAUTHORIZED && reply.owner == Owner::Registry && !renewed {
                renewed = true;
                let values = reply.response.headers().get_all(WWW_AUTHENTICATE).iter().map(HeaderValue::as_bytes);
                let challenges = challenge::parse(values);
                let question = Challenged {
                    challenges: &challenges,
                    registry: &reply.url,
                    reach: reply.reach,
                    refused: &authorization,
                };
                if self.authorizer.answer(&self.shared.transport, &self.shared.registries, &question).await? {
                    continue;
                }
            }
            return Err(self.refusal(reply, thing).await);
        }
    }

    /// Sends to the scheme this place speaks. A loopback registry may speak either, and is asked in both ways if need be.
    async fn first(
        &self,
        method: &Method,
        thing: &Thing<'_>,
        headers: &HeaderMap,
        authorization: &Authorization,
    ) -> Result<Reply, PullError> {
        let once = async |scheme| self.follow(method, self.url(scheme, thing)?, headers, authorization).await;
        match self.place.wire {
            Wire::Tls => return once("https").await,
            Wire::Plain => return once("http").await,
            Wire::Either => {}
        }
        let tls_first = self.speaks_tls().contains(&self.place.host);
        let (first, second) = if tls_first { ("https", "http") } else { ("http", "https") };
        let reply = once(first).await;
        let misunderstood = match &reply {
            Ok(reply) => {
                first == "http" && reply.owner == Owner::Registry && reply.response.status() == StatusCode::BAD_REQUEST
            }
            Err(PullError::NoAnswer { kind, .. }) => *kind == NoAnswer::Broken,
            Err(_) => false,
        };
        if !misunderstood {
            return reply;
        }
        let other = once(second).await;
        match other {
            Ok(_) if second == "https" => {
                self.speaks_tls().insert(self.place.host.clone());
            }
            Ok(_) => {
                self.speaks_tls().remove(&self.place.host);
            }
            // It speaks TLS: that its certificate is not trusted is what has to be said.
            Err(PullError::NoAnswer { kind: NoAnswer::Certificate, .. }) => {}
            Err(_) => return reply,
        }
        other
    }

    fn speaks_tls(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.shared.speaks_tls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn follow(
        &self,
        method: &Method,
        first: Url,
        headers: &HeaderMap,
        authorization: &Authorization,
    ) -> Result<Reply, PullError> {
        let home = first.origin();
        let mut url = first;
        let mut owner = Owner::Registry;
        // The registry is what the task names: anything that can be a registry may be asked.
        let mut reach = Reach::Loopback;
        let mut registry_reach = None;
        for _ in 0..=limits::REDIRECTS {
            let mut headers = headers.clone();
            if owner == Owner::Registry
                && let Some(header) = &authorization.header
            {
                headers.insert(AUTHORIZATION, header.clone());
            }
            let listed = self.shared.registries.known(&authority(&url));
            let trusted = match owner {
                Owner::Registry => self.place.authority.as_ref(),
                Owner::Foreign => listed.and_then(|place| place.authority.as_ref()),
            };
            let reach_here = if listed.is_some() { Reach::Loopback } else { reach };
            let method = method.clone();
            let ask = Ask { method, url: &url, headers, form: None, owner, reach: reach_here, authority: trusted };
            let response = self.shared.transport.send(ask).await?;
            let nearness = *registry_reach.get_or_insert_with(|| {
                response.remote_addr().and_then(|address| Reach::needed_for(address.ip())).unwrap_or(Reach::Public)
            });
            if !is_redirect(response.status()) {
                return Ok(Reply { response, url, owner, reach: nearness });
            }
            reach = nearness;
            url = self.redirected(&url, response.headers().get(LOCATION))?;
            if url.origin() != home {
                owner = Owner::Foreign;
            }
        }
        Err(self.redirect_refused(format!("it did so more than {} times", limits::REDIRECTS)))
    }

    fn redirected(&self, from: &Url, location: Option<&HeaderValue>) -> Result<Url, PullError> {
        let location =
            location.and_then(|location| location.to_str().ok()).and_then(|location| from.join(location).ok());
        let Some(to) = location else { return Err(self.redirect_refused("names no place to go")) };
        match to.scheme() {
            _ if !to.has_host() => Err(self.redirect_refused("names no place to go")),
            _ if !to.username().is_empty() || to.password().is_some() => {
                Err(self.redirect_refused("the address carries user information"))
            }
            "https" => Ok(to),
            "http" if from.scheme() == "http" => Ok(to),
            "http" => Err(self.redirect_refused("from TLS to plain HTTP, which is refused")),
            _ => Err(self.redirect_refused("the address is no HTTP address")),
        }
    }

    fn redirect_refused(&self, why: impl Into<String>) -> PullError {
        PullError::Redirect { host: self.place.host.clone(), why: why.into() }
    }

    fn url(&self, scheme: &str, thing: &Thing<'_>) -> Result<Url, PullError> {
        let (kind, target) = match thing {
            Thing::Manifest(target) => ("manifests", (*target).to_owned()),
            Thing::Blob(digest) => ("blobs", digest.to_string()),
            Thing::Tags => ("tags", format!("list?n={}", limits::TAGS)),
        };
        let text = format!("{scheme}://{}/v2/{}/{kind}/{target}", self.place.host, self.repository);
        Url::parse(&text).map_err(|error| self.protocol(format!("its address is no URL: {error}")))
    }

    fn protocol(&self, why: impl Into<String>) -> PullError {
        PullError::Protocol { host: self.place.host.clone(), why: why.into() }
    }

    fn stated_digest(&self, response: &Response) -> Result<Option<Digest>, PullError> {
        let Some(stated) = response.headers().get("docker-content-digest") else { return Ok(None) };
        let digest = stated.to_str().ok().and_then(|stated| stated.parse().ok());
        digest.map(Some).ok_or_else(|| self.protocol("its Docker-Content-Digest is no SHA-256 digest"))
    }

    async fn refusal(&self, reply: Reply, thing: &Thing<'_>) -> PullError {
        let status = reply.response.status();
        let scheme = self.authorizer.current().await.scheme;
        let values = reply.response.headers().get_all(WWW_AUTHENTICATE).iter().map(HeaderValue::as_bytes);
        let challenge_error =
            challenge::parse(values).iter().find_map(|challenge| challenge.parameter("error").map(str::to_owned));
        let secrets = self.authorizer.secrets();
        let host = if reply.owner == Owner::Registry { self.place.host.clone() } else { authority(&reply.url) };
        let url = reply.owner.shown(&reply.url);
        let mut answer = answer_of(reply.response, host, thing.to_string(), &secrets).await;
        answer.url = url;
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if reply.owner == Owner::Registry => {
                let challenge_error = challenge_error.map(|error| ServerWords::plain(&error, &secrets));
                PullError::Denied(Box::new(Denial { answer, scheme, by: DeniedBy::Registry, challenge_error }))
            }
            _ => PullError::Status(Box::new(answer)),
        }
    }

    async fn read(&self, mut reply: Reply, limit: usize) -> Result<Vec<u8>, PullError> {
        let mut bytes = Vec::new();
        loop {
            match reply.response.chunk().await {
                Ok(Some(chunk)) if bytes.len() + chunk.len() <= limit => bytes.extend_from_slice(&chunk),
                Ok(Some(_)) => return Err(self.protocol(format!("its answer is larger than {limit} bytes"))),
                Ok(None) => return Ok(bytes),
                Err(error) => return Err(self.shared.transport.broken(&error, &reply.url, reply.owner)),
            }
        }
    }
}

/// The body of a blob while it comes.
pub(super) struct Body<'a> {
    client: &'a RegistryClient,
    reply: Reply,
    begins: u64,
}

impl Body<'_> {
    /// The error of this body when it ended before its time, or came too slowly.
    pub(super) fn insufficient(&self, kind: NoAnswer, words: &str) -> PullError {
        let Reply { url, owner, .. } = &self.reply;
        PullError::NoAnswer {
            method: "Get",
            url: owner.shown(url),
            host: authority(url),
            words: words.to_owned(),
            kind,
        }
    }

    /// The offset of the first byte that comes.
    pub(super) const fn begins(&self) -> u64 {
        self.begins
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<bytes::Bytes>, PullError> {
        let Reply { response, url, owner, .. } = &mut self.reply;
        response.chunk().await.map_err(|error| self.client.shared.transport.broken(&error, url, *owner))
    }
}

/// An unsuccessful answer, with what the server says about it.
pub(super) async fn answer_of(response: Response, host: String, what: String, secrets: &[Zeroizing<String>]) -> Answer {
    let status = response.status().as_u16();
    let url = Owner::Registry.shown(response.url());
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?));
    let body = tokio::time::timeout(limits::CONNECT_TIMEOUT, read_start(response)).await.unwrap_or_default();
    Answer { host, url, what, status, server: ServerWords::new(&body, secrets), retry_after }
}

/// A body up to a limit; the error says in words what is wrong with it.
pub(super) async fn read_limited(mut response: Response, limit: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= limit => bytes.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(format!("is larger than {limit} bytes")),
            Ok(None) => return Ok(bytes),
            Err(_) => return Err(String::from("broke off")),
        }
    }
}

async fn read_start(mut response: Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= limits::ERROR_BYTES {
            bytes.truncate(limits::ERROR_BYTES);
            break;
        }
    }
    bytes
}

/// Seconds, or a date (RFC 9110, 10.2.3).
fn retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = time::OffsetDateTime::parse(
        &value.trim().replace("GMT", "+0000"),
        &time::format_description::well_known::Rfc2822,
    );
    let pause = at.ok()? - time::OffsetDateTime::now_utc();
    Some(Duration::try_from(pause).unwrap_or_default())
}

/// Whether `Content-Range: bytes <offset>-<end>/<size>` is the rest of the blob from the offset on.
fn is_rest(range: &str, offset: u64, size: u64) -> bool {
    let parts = range.strip_prefix("bytes ").and_then(|range| {
        let (span, total) = range.split_once('/')?;
        let (start, end) = span.split_once('-')?;
        Some((start.trim().parse::<u64>().ok()?, end.trim().parse::<u64>().ok()?, total.trim()))
    });
    parts.is_some_and(|(start, end, total)| {
        start == offset && end.checked_add(1) == Some(size) && (total == "*" || total.parse() == Ok(size))
    })
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn manifest_headers() -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(ACCEPTED))])
}

fn media_type(response: &Response) -> String {
    let value = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
