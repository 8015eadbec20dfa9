//! What can go wrong in a pull, as values. `failure` turns them into AWS's sentences; how often to try again is said here.
//!
//! No variant holds a credential: URLs are kept without their query, a server's words pass through
//! [`ServerWords::new`] first.

use std::time::Duration;

use zeroize::Zeroizing;

use super::limits;
use super::store::StoreError;
use super::unpack::UnpackError;
use domain::image::reference::{Digest, ReferenceError};

/// Why a pull, or one attempt of it, failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum PullError {
    #[error("invalid reference format: {0}")]
    Reference(#[from] ReferenceError),
    #[error("failed to do request: {method} \"{url}\": {words}")]
    NoAnswer { method: &'static str, url: String, host: String, words: String, kind: NoAnswer },
    #[error("{} answered {}", .0.host, .0.status_line())]
    Denied(Box<Denial>),
    #[error("{} answered {}", .0.host, .0.status_line())]
    Status(Box<Answer>),
    #[error("{host} redirected the request, but {why}")]
    Redirect { host: String, why: String },
    #[error("{host} answered against the protocol: {why}")]
    Protocol { host: String, why: String },
    #[error("image Manifest does not contain descriptor matching platform 'linux/{wanted}'")]
    Platform { wanted: String, offered: Vec<String> },
    #[error("{0}")]
    Unsupported(String),
    #[error("unexpected commit digest {found}, expected {expected}: failed precondition")]
    WrongDigest { expected: Digest, found: Digest },
    #[error("unexpected commit size {found}, expected {expected}: failed precondition")]
    WrongSize { digest: Digest, expected: u64, found: u64 },
    #[error("failed to extract layer {layer}: {source}")]
    Layer { layer: Digest, source: UnpackError },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("context deadline exceeded")]
    TimedOut,
}

/// How a request got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The name has no address.
    Dns,
    /// Nobody listens there.
    Refused,
    /// No connection came about in time.
    TimedOut,
    /// There was a connection, and then nothing came through it, or next to nothing.
    Silent,
    /// The server's certificate is not trusted.
    Certificate,
    /// The connection broke, or the other side speaks another protocol.
    Broken,
    /// The address lies where this request may not go.
    Forbidden,
}

/// An answer that is no success.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Who answered, `host` or `host:port`.
    pub(super) host: String,
    /// The URL without its query; of other hosts than the registry only the host.
    pub(super) url: String,
    /// `manifests latest`, `blobs sha256:…`, `token`.
    pub(super) what: String,
    /// The HTTP status code.
    pub(super) status: u16,
    /// What the server said about it.
    pub(super) server: Option<ServerWords>,
    /// When it wants to be asked again.
    pub(super) retry_after: Option<Duration>,
}

impl Answer {
    /// `404 Not Found`.
    pub(super) fn status_line(&self) -> String {
        match http_reason(self.status) {
            "" => self.status.to_string(),
            reason => format!("{} {reason}", self.status),
        }
    }
}

/// An answer 401 or 403.
#[derive(Clone, Debug)]
pub(super) struct Denial {
    /// The answer.
    pub(super) answer: Answer,
    /// How we had authenticated.
    pub(super) scheme: Scheme,
    /// Whether it was the token server that refused.
    pub(super) by: DeniedBy,
    /// The challenge's `error` parameter (RFC 6750).
    pub(super) challenge_error: Option<String>,
}

impl std::ops::Deref for Denial {
    type Target = Answer;

    fn deref(&self) -> &Answer {
        &self.answer
    }
}

/// Who refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeniedBy {
    /// The registry.
    Registry,
    /// The token server that the registry names.
    TokenServer,
}

/// How a registry wants to be told who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// It did not ask, or nothing we understand.
    Unknown,
    /// User name and password with every request.
    Basic,
    /// A token of a token server.
    Bearer,
}

/// What a server said, fit to be shown: no secrets of this pull, no control characters, not too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerWords(String);

impl ServerWords {
    /// Reads an error body: the registry form, the token servers' forms, else plain text if it is short and plain.
    pub(super) fn new(body: &[u8], secrets: &[Zeroizing<String>]) -> Option<Self> {
        #[derive(serde::Deserialize)]
        struct Body {
            #[serde(default)]
            errors: Vec<Item>,
            #[serde(alias = "details", alias = "error_description", alias = "error")]
            message: Option<String>,
        }
        #[derive(serde::Deserialize)]
        struct Item {
            #[serde(default)]
            code: String,
            #[serde(default)]
            message: String,
        }
        let words = match serde_json::from_slice::<Body>(body) {
            Ok(Body { errors, message }) => match errors.first() {
                Some(Item { code, message }) if message.is_empty() => code.to_lowercase().replace('_', " "),
                Some(Item { code, message }) if code.is_empty() => message.clone(),
                Some(Item { code, message }) => format!("{}: {message}", code.to_lowercase().replace('_', " ")),
                None => message?,
            },
            Err(_) => {
                String::from_utf8(body.to_vec()).ok().filter(|text| !text.trim_start().starts_with(['<', '{']))?
            }
        };
        let words = Self::plain(&words, secrets);
        (!words.is_empty()).then_some(Self(words))
    }

    /// Any text of a server, fit to be shown.
    pub(super) fn plain(words: &str, secrets: &[Zeroizing<String>]) -> String {
        let without_secrets = |words: String| {
            let secrets = secrets.iter().filter(|secret| !secret.is_empty());
            secrets.fold(words, |words, secret| words.replace(secret.as_str(), "***"))
        };
        let words = without_secrets(words.to_owned());
        let words = words.split(|character: char| character.is_whitespace() || character.is_control());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        // Once more, because a secret with a space in it may just have come together.
        let words = without_secrets(words.join(" "));
        match words.char_indices().nth(limits::SERVER_WORDS) {
            Some((end, _)) => format!("{}...", &words[..end]),
            None => words,
        }
    }
}

impl std::fmt::Display for ServerWords {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl PullError {
    /// How often this is worth trying.
    fn patience(&self) -> Patience {
        match self {
            // A tag that was pushed a moment ago may not be everywhere yet; AWS asks seven times as well.
            Self::Status(answer) if answer.status == 404 => Patience::quick(),
            Self::Platform { .. } => Patience::quick(),
            Self::Status(answer) if answer.status == 429 => Patience::told(answer.retry_after, Duration::from_secs(1)),
            Self::Status(answer) if answer.status >= 500 || answer.status == 408 => {
                Patience::told(answer.retry_after, Duration::from_millis(200))
            }
            Self::NoAnswer {
                kind: NoAnswer::Dns | NoAnswer::Refused | NoAnswer::Broken | NoAnswer::TimedOut, ..
            } => Patience { tries: 5, first: Duration::from_millis(100), factor: 2, longest: Duration::from_secs(1) },
            // Each try has waited long already.
            Self::NoAnswer { kind: NoAnswer::Silent, .. } => {
                Patience { tries: 3, first: Duration::from_millis(100), factor: 2, longest: Duration::from_secs(1) }
            }
            Self::WrongDigest { .. } | Self::WrongSize { .. } | Self::Protocol { .. } => {
                Patience { tries: 2, first: Duration::from_millis(100), factor: 1, longest: Duration::from_secs(1) }
            }
            _ => Patience::none(),
        }
    }
}

/// How often, and with which pauses.
struct Patience {
    tries: u32,
    first: Duration,
    factor: u32,
    longest: Duration,
}

impl Patience {
    const fn none() -> Self {
        Self { tries: 1, first: Duration::ZERO, factor: 1, longest: Duration::ZERO }
    }

    const fn quick() -> Self {
        Self { tries: 7, first: Duration::from_millis(10), factor: 3, longest: Duration::from_millis(250) }
    }

    fn told(retry_after: Option<Duration>, first: Duration) -> Self {
        match retry_after {
            Some(pause) if pause > limits::RETRY_AFTER => Self::none(),
            Some(pause) => Self { tries: 5, first: pause, factor: 1, longest: pause },
            None => Self { tries: 5, first, factor: 2, longest: Duration::from_secs(5) },
        }
    }
}

/// The attempts of one stage of a pull.
pub(super) struct Retries {
    attempts: u32,
    give_up: tokio::time::Instant,
}

/// The error that ended a stage, and how many attempts it took.
#[derive(Debug)]
pub(super) struct Spent {
    pub(super) error: PullError,
    pub(super) attempts: u32,
}

impl Retries {
    /// A stage that may take this long with all its attempts and pauses.
    pub(super) fn within(limit: Duration) -> Self {
        Self { attempts: 0, give_up: tokio::time::Instant::now() + limit }
    }

    /// One attempt.
    pub(super) fn none() -> Self {
        Self::within(Duration::ZERO)
    }

    /// Attempts that failed until now.
    pub(super) const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Counts from anew, because there was progress.
    pub(super) const fn forget(&mut self) {
        self.attempts = 0;
    }

    /// Waits before the next attempt, or gives the error back if there should be none.
    pub(super) async fn after(&mut self, error: PullError) -> Result<(), Spent> {
        self.attempts += 1;
        let patience = error.patience();
        let pause =
            patience.first.saturating_mul(patience.factor.saturating_pow(self.attempts - 1)).min(patience.longest);
        let pause = pause.mul_f64(jitter());
        if self.attempts >= patience.tries || tokio::time::Instant::now() + pause >= self.give_up {
            return Err(Spent { error, attempts: self.attempts });
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// Between 1 and 1.2, so that tasks that failed together do not come again together.
fn jitter() -> f64 {
    let nanoseconds =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |at| at.subsec_nanos());
    1.0 + f64::from(nanoseconds % 1000) / 5000.0
}

fn http_reason(status: u16) -> &'static str {
    reqwest::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default()
}
