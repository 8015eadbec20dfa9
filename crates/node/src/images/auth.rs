//! Who asks: one task's credentials at one place, for one pull.
//!
//! An [`Authorizer`] is made for one pull and dropped with it, so a token never serves another task. The registry's
//! challenge decides the way (RFC 7235; Docker's token protocol): a bearer token fetched from the realm it names, else
//! user name and password themselves. A token is asked for pulling only, whatever else the challenge mentions.
//!
//! The realm gets the credentials only over TLS, or over plain HTTP when the registry itself is spoken to so. A realm that
//! answers with a redirect to another host is not followed.

use std::fmt::Write as _;
use std::sync::{Mutex as StdMutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::compute::RegistryCredentials;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::Mutex;
use zeroize::{Zeroize, Zeroizing};

use super::challenge::Challenge;
use super::client::{answer_of, read_limited};
use super::error::{Denial, DeniedBy, PullError, Scheme};
use super::limits;
use super::registries::Registries;
use super::transport::{Ask, Owner, Reach, Transport, authority};

/// The user name that says: the password is an identity token, to be exchanged by OAuth2.
const IDENTITY_TOKEN_USER: &str = "<token>";
/// How we name ourselves to a token server.
const CLIENT_ID: &str = "tidegate";

/// One task's credentials at one place, with the token they bought.
pub(super) struct Authorizer {
    credentials: Option<RegistryCredentials>,
    repository: String,
    state: Mutex<State>,
    /// What must not be shown, in every form in which a server could send it back.
    secrets: StdMutex<Vec<Zeroizing<String>>>,
}

struct State {
    header: Option<HeaderValue>,
    scheme: Scheme,
    /// Counts the headers, so that of many requests refused at once only one renews.
    generation: u64,
}

/// The header to send, and which one it is.
pub(super) struct Authorization {
    pub(super) header: Option<HeaderValue>,
    pub(super) scheme: Scheme,
    generation: u64,
}

/// A registry's challenge, with what is known of the registry that made it.
pub(super) struct Challenged<'a> {
    pub(super) challenges: &'a [Challenge],
    pub(super) registry: &'a Url,
    pub(super) reach: Reach,
    pub(super) refused: &'a Authorization,
}

impl Authorizer {
    pub(super) fn new(credentials: Option<RegistryCredentials>, repository: String) -> Self {
        let mut secrets = Vec::new();
        if let Some(credentials) = &credentials {
            secrets.push(Zeroizing::new(credentials.password.expose().to_owned()));
            secrets.push(basic(credentials));
        }
        let state = State { header: None, scheme: Scheme::Unknown, generation: 0 };
        Self { credentials, repository, state: Mutex::new(state), secrets: StdMutex::new(secrets) }
    }

    /// The user this asks as; `None` for nobody.
    pub(super) fn user(&self) -> Option<&str> {
        self.credentials.as_ref().map(|credentials| credentials.username.as_str())
    }

    /// What must not be shown.
    pub(super) fn secrets(&self) -> Vec<Zeroizing<String>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What to send with a request now.
    pub(super) async fn current(&self) -> Authorization {
        let state = self.state.lock().await;
        Authorization { header: state.header.clone(), scheme: state.scheme, generation: state.generation }
    }

    /// Answers a challenge. `true`: ask again, there is something new to send. `false`: the refusal stands.
    ///
    /// # Errors
    ///
    /// The token server refused, or could not be asked.
    pub(super) async fn answer(
        &self,
        transport: &Transport,
        registries: &Registries,
        challenged: &Challenged<'_>,
    ) -> Result<bool, PullError> {
        let mut state = self.state.lock().await;
        if state.generation > challenged.refused.generation {
            return Ok(true);
        }
        let bearer = challenged.challenges.iter().find(|challenge| challenge.scheme == "bearer");
        let basic_offered = challenged.challenges.iter().any(|challenge| challenge.scheme == "basic");
        let (header, scheme) = if let Some(challenge) = bearer
            && let Some(realm) = realm(challenge, challenged.registry)?
        {
            state.scheme = Scheme::Bearer;
            let token = self.fetch_token(transport, registries, challenge, realm, challenged.reach).await?;
            let header = sensitive(&Zeroizing::new(format!("Bearer {}", token.as_str())));
            self.secrets.lock().unwrap_or_else(PoisonError::into_inner).push(token);
            (header, Scheme::Bearer)
        } else if let (true, Some(credentials)) = (basic_offered, &self.credentials) {
            if state.scheme == Scheme::Basic {
                return Ok(false);
            }
            (sensitive(&Zeroizing::new(format!("Basic {}", basic(credentials).as_str()))), Scheme::Basic)
        } else {
            state.scheme = if basic_offered { Scheme::Basic } else { Scheme::Unknown };
            return Ok(false);
        };
        let Some(header) = header else {
            let host = authority(challenged.registry);
            return Err(PullError::Protocol { host, why: String::from("it gave a token that no header can carry") });
        };
        *state = State { header: Some(header), scheme, generation: state.generation + 1 };
        Ok(true)
    }

    async fn fetch_token(
        &self,
        transport: &Transport,
        registries: &Registries,
        challenge: &Challenge,
        realm: Url,
        reach: Reach,
    ) -> Result<Zeroizing<String>, PullError> {
        let scopes = scopes(challenge, &self.repository);
        let service = challenge.parameter("service");
        let host = authority(&realm);
        let known = registries.known(&host);
        let reach = if known.is_some() { Reach::Loopback } else { reach };
        let send = async |method: Method, url: Url, headers: HeaderMap, form: Option<String>| {
            let authority = known.and_then(|place| place.authority.as_ref());
            follow_within_origin(
                transport,
                Ask { method, url: &url, headers, form, owner: Owner::Registry, reach, authority },
            )
            .await
        };
        let identity_token =
            self.credentials.as_ref().filter(|credentials| credentials.username == IDENTITY_TOKEN_USER);
        let response = if let Some(credentials) = identity_token {
            let grant = [("grant_type", "refresh_token"), ("refresh_token", credentials.password.expose())];
            send(Method::POST, realm.clone(), accept_json(), Some(form(&grant, service, &scopes))).await?
        } else {
            let mut headers = accept_json();
            if let Some(credentials) = &self.credentials {
                let header = sensitive(&Zeroizing::new(format!("Basic {}", basic(credentials).as_str())));
                headers.extend(header.map(|header| (AUTHORIZATION, header)));
            }
            let response = send(Method::GET, token_url(&realm, service, &scopes), headers, None).await?;
            match (response.status(), &self.credentials) {
                // A pure OAuth2 server knows no GET.
                (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, Some(credentials)) => {
                    let grant = [
                        ("grant_type", "password"),
                        ("username", credentials.username.as_str()),
                        ("password", credentials.password.expose()),
                    ];
                    send(Method::POST, realm.clone(), accept_json(), Some(form(&grant, service, &scopes))).await?
                }
                _ => response,
            }
        };
        self.read_token(response, host, challenge).await
    }

    async fn read_token(
        &self,
        response: Response,
        host: String,
        challenge: &Challenge,
    ) -> Result<Zeroizing<String>, PullError> {
        let status = response.status();
        if !status.is_success() {
            let answer = answer_of(response, host, String::from("token"), &self.secrets()).await;
            return Err(match status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
                    let challenge_error = challenge.parameter("error").map(str::to_owned);
                    PullError::Denied(Box::new(Denial {
                        answer,
                        scheme: Scheme::Bearer,
                        by: DeniedBy::TokenServer,
                        challenge_error,
                    }))
                }
                // A missing token server is not a missing image.
                _ if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => PullError::Protocol {
                    host: answer.host.clone(),
                    why: format!("its token server answered {}", answer.status_line()),
                },
                _ => PullError::Status(Box::new(answer)),
            });
        }
        let body = Zeroizing::new(read_limited(response, limits::TOKEN_ANSWER_BYTES).await.map_err(|why| {
            PullError::Protocol { host: host.clone(), why: format!("the token server's answer {why}") }
        })?);
        let why = || PullError::Protocol { host, why: String::from("the token server's answer has no token") };
        token_of(&body).ok_or_else(why)
    }
}

/// The token in a token server's answer.
pub(super) fn token_of(body: &[u8]) -> Option<Zeroizing<String>> {
    #[derive(Deserialize)]
    struct TokenAnswer {
        token: Option<String>,
        access_token: Option<String>,
    }
    let TokenAnswer { token, access_token } = serde_json::from_slice(body).ok()?;
    let keep = |token: &String| !token.is_empty();
    let token = match (token.filter(keep), access_token) {
        (Some(token), Some(mut other)) => {
            other.zeroize();
            Some(token)
        }
        (token, other) => token.or(other).filter(keep),
    };
    token.map(Zeroizing::new)
}

/// The realm, if credentials may go there.
pub(super) fn realm(challenge: &Challenge, registry: &Url) -> Result<Option<Url>, PullError> {
    let Some(realm) = challenge.parameter("realm") else { return Ok(None) };
    let Ok(realm) = Url::parse(realm) else { return Ok(None) };
    let refuse = |why: &str| {
        Err(PullError::Protocol {
            host: authority(registry),
            why: format!("its token realm {why}; no credentials were sent"),
        })
    };
    match realm.scheme() {
        _ if !realm.has_host() => refuse("has no host"),
        _ if !realm.username().is_empty() || realm.password().is_some() => refuse("carries user information"),
        "https" => Ok(Some(realm)),
        "http" if registry.scheme() == "http" => Ok(Some(realm)),
        "http" => refuse("is plain HTTP while the registry itself is not"),
        _ => refuse("is no HTTP address"),
    }
}

/// The scopes to ask for: those of the challenge, cut down to pulling from repositories.
pub(super) fn scopes(challenge: &Challenge, repository: &str) -> Vec<String> {
    let asked = challenge.parameter("scope").unwrap_or_default().split_ascii_whitespace();
    let pulls = asked.filter_map(|scope| {
        let (resource, _actions) = scope.rsplit_once(':')?;
        resource.starts_with("repository").then(|| format!("{resource}:pull"))
    });
    let pulls: Vec<String> = pulls.take(limits::SCOPES).collect();
    if pulls.is_empty() { vec![format!("repository:{repository}:pull")] } else { pulls }
}

pub(super) fn token_url(realm: &Url, service: Option<&str>, scopes: &[String]) -> Url {
    let mut url = realm.clone();
    {
        let mut query = url.query_pairs_mut();
        if let Some(service) = service {
            query.append_pair("service", service);
        }
        for scope in scopes {
            query.append_pair("scope", scope);
        }
    }
    url
}

/// An `application/x-www-form-urlencoded` body of OAuth2.
fn form(grant: &[(&str, &str)], service: Option<&str>, scopes: &[String]) -> String {
    let scope = scopes.join(" ");
    let rest = [("client_id", Some(CLIENT_ID)), ("scope", Some(scope.as_str())), ("service", service)];
    let rest = rest.iter().filter_map(|(name, value)| value.map(|value| (*name, value)));
    let pairs = grant.iter().copied().chain(rest).map(|(name, value)| format!("{name}={}", escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// Sends to a token server; follows a redirect only where it stays on the same scheme, host and port.
async fn follow_within_origin(transport: &Transport, ask: Ask<'_>) -> Result<Response, PullError> {
    let mut url = ask.url.clone();
    for _ in 0..=limits::REDIRECTS {
        let again = Ask {
            method: ask.method.clone(),
            url: &url,
            headers: ask.headers.clone(),
            form: ask.form.clone(),
            owner: ask.owner,
            reach: ask.reach,
            authority: ask.authority,
        };
        let response = transport.send(again).await?;
        if !response.status().is_redirection() {
            return Ok(response);
        }
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        match location.and_then(|location| url.join(location).ok()) {
            Some(next) if next.origin() == url.origin() => url = next,
            _ => {
                let why = String::from("a token server's redirect to another host is not followed with credentials");
                return Err(PullError::Redirect { host: authority(&url), why });
            }
        }
    }
    Err(PullError::Redirect { host: authority(&url), why: String::from("again and again") })
}

fn accept_json() -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))])
}

fn basic(credentials: &RegistryCredentials) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{}:{}", credentials.username, credentials.password.expose()));
    Zeroizing::new(STANDARD.encode(pair.as_bytes()))
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

impl std::fmt::Debug for Authorizer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Authorizer").field("user", &self.user()).finish_non_exhaustive()
    }
}
