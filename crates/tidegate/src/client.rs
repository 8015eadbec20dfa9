//! The one HTTP client of the commands: plain AWS calls, signed as any other client signs them.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use api::{Operation, Service};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wire::Timestamp;
use wire::arn::Arn;
use wire::sigv4::{Request, Signer, signed_headers};

use crate::credentials::Credentials;

const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to a server, with somebody's key.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    credentials: Credentials,
    host: String,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The server could not be reached.
    #[error("no Tidegate server answers at {endpoint} ({reason}); is `tidegate serve` running?")]
    NoServer { endpoint: String, reason: String },
    /// The service refused, in its own words.
    #[error("{code}: {message}")]
    Service { code: String, message: String },
    /// The answer is not what the service should say.
    #[error("the answer to {operation} cannot be read: {reason}")]
    Answer { operation: String, reason: String },
}

/// An answer of the Query protocols.
#[derive(Clone, Debug)]
pub(crate) struct XmlAnswer(String);

impl XmlAnswer {
    /// The text of the first element of this name.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let (_, after) = self.0.split_once(&format!("<{name}>"))?;
        let (text, _) = after.split_once(&format!("</{name}>"))?;
        Some(unescape(text))
    }
}

/// The error of the awsJson protocol.
#[derive(Deserialize)]
struct JsonError {
    #[serde(rename = "__type")]
    kind: String,
    message: Option<String>,
    /// Some services write it so, and some errors have both.
    #[serde(rename = "Message")]
    capital_message: Option<String>,
}

/// The error of the console's API.
#[derive(Deserialize)]
struct ConsoleError {
    code: String,
    message: String,
}

impl Client {
    /// A client of the server that a command means: the one of `--data-dir` if it is given, else the one that the
    /// environment names, else the one of the default data directory.
    pub(crate) fn find(data_directory: Option<&Path>, default: &Path) -> anyhow::Result<Self> {
        let credentials = match (data_directory, Credentials::from_environment()) {
            (Some(directory), _) => Credentials::read(directory)?,
            (None, Some(credentials)) => credentials,
            (None, None) => Credentials::read(default)?,
        };
        Self::new(credentials)
    }

    /// A client with these credentials.
    pub(crate) fn new(credentials: Credentials) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let endpoint = reqwest::Url::parse(&credentials.endpoint)
            .with_context(|| format!("the endpoint {} is not a URL", credentials.endpoint))?;
        let name = endpoint.host_str().with_context(|| format!("the endpoint {endpoint} names no host"))?;
        let host = endpoint.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        Ok(Self { http, credentials, host })
    }

    /// Where the server listens.
    pub(crate) fn endpoint(&self) -> &str {
        &self.credentials.endpoint
    }

    /// The same in another region.
    pub(crate) fn in_region(&self, region: impl Into<String>) -> Self {
        let credentials = Credentials { region: region.into(), ..self.credentials.clone() };
        Self { http: self.http.clone(), credentials, host: self.host.clone() }
    }

    /// The same in the region of what an ARN names; unchanged for other names.
    pub(crate) fn in_region_of(self, name: &str) -> Self {
        match name.parse::<Arn>() {
            Ok(arn) if !arn.region.is_empty() => self.in_region(arn.region),
            _ => self,
        }
    }

    /// The region in which calls are made.
    pub(crate) fn region(&self) -> &str {
        &self.credentials.region
    }

    /// Calls an operation of a service that speaks awsJson.
    pub(crate) async fn call<O>(&self, input: &O::Input) -> Result<O::Output, CallError>
    where
        O: Operation,
        O::Input: Serialize,
        O::Output: DeserializeOwned,
    {
        let unreadable = |reason: String| CallError::Answer { operation: O::NAME.to_owned(), reason };
        let body = serde_json::to_vec(input).map_err(|error| unreadable(error.to_string()))?;
        let target = format!("{}.{}", O::SERVICE.target_prefix, O::NAME);
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let (status, answer) = self.send(O::SERVICE, &headers, body).await?;
        if status.is_success() {
            let text = if answer.is_empty() { "{}" } else { answer.as_str() };
            return serde_json::from_str(text).map_err(|error| unreadable(error.to_string()));
        }
        let error: JsonError =
            serde_json::from_str(&answer).map_err(|_| unreadable(format!("HTTP status {status}")))?;
        let code = error.kind.rsplit('#').next().unwrap_or_default().to_owned();
        Err(CallError::Service { code, message: error.message.or(error.capital_message).unwrap_or_default() })
    }

    /// Calls an operation of a service that speaks awsQuery or ec2Query.
    pub(crate) async fn query(
        &self,
        service: &Service,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Result<XmlAnswer, CallError> {
        let pairs = [("Action", operation), ("Version", service.version)].into_iter().chain(parameters.iter().copied());
        let body: Vec<String> =
            pairs.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))).collect();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let (status, answer) = self.send(service, &headers, body.join("&").into_bytes()).await?;
        let answer = XmlAnswer(answer);
        if status.is_success() {
            return Ok(answer);
        }
        match (answer.text("Code"), answer.text("Message")) {
            (Some(code), Some(message)) => Err(CallError::Service { code, message }),
            _ => Err(CallError::Answer { operation: operation.to_owned(), reason: format!("HTTP status {status}") }),
        }
    }

    /// Calls the console's own API.
    pub(crate) async fn console<A: DeserializeOwned>(&self, operation: &str) -> Result<A, CallError> {
        let unreadable = |reason: String| CallError::Answer { operation: operation.to_owned(), reason };
        let path = format!("/console/api/{operation}");
        let (status, answer) = self.send_to(&path, &api::tidegate::SERVICE, &[], Vec::new()).await?;
        if status.is_success() {
            return serde_json::from_str(&answer).map_err(|error| unreadable(error.to_string()));
        }
        let error: ConsoleError =
            serde_json::from_str(&answer).map_err(|_| unreadable(format!("HTTP status {status}")))?;
        Err(CallError::Service { code: error.code, message: error.message })
    }

    async fn send(
        &self,
        service: &Service,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<(reqwest::StatusCode, String), CallError> {
        self.send_to("/", service, headers, body).await
    }

    async fn send_to(
        &self,
        path: &str,
        service: &Service,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<(reqwest::StatusCode, String), CallError> {
        let credentials = &self.credentials;
        let mut sent = vec![("host", self.host.as_str())];
        sent.extend_from_slice(headers);
        let request = Request { method: "POST", path, query: "", headers: &sent, body: &body };
        let signer = Signer {
            access_key_id: &credentials.access_key_id,
            secret_access_key: &credentials.secret_access_key,
            session_token: credentials.session_token.as_ref().map(wire::Sensitive::expose),
            region: &credentials.region,
            service: service.signing_name,
        };
        let added = signed_headers(&request, &signer, now());
        let mut post = self.http.post(format!("{}{path}", credentials.endpoint.trim_end_matches('/')));
        for (name, value) in sent {
            post = post.header(name, value);
        }
        for (name, value) in added {
            post = post.header(name, value);
        }
        let no_server = |error: reqwest::Error| CallError::NoServer {
            endpoint: credentials.endpoint.clone(),
            reason: innermost(&error),
        };
        let answer = post.body(body).send().await.map_err(no_server)?;
        let status = answer.status();
        Ok((status, answer.text().await.map_err(no_server)?))
    }
}

/// Now.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_milliseconds(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The text of the cause that has no further cause.
fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

fn unescape(text: &str) -> String {
    let mut plain = text.to_owned();
    for (escaped, character) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&")]
    {
        plain = plain.replace(escaped, character);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_is_read_by_the_names_of_elements() {
        let answer = XmlAnswer("<a><b>one &lt;&amp;lt; two</b><b>second</b></a>".into());
        assert_eq!(answer.text("b").as_deref(), Some("one <&lt; two"));
        assert_eq!(answer.text("c"), None);
    }
}
