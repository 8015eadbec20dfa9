//! One HTTP request and its answer, with two guards: which addresses it may reach, and which certificates count.
//!
//! A registry may send us to other hosts (token servers, blob stores). Where it sends us must not lie nearer to this
//! machine than the registry itself, or an image name would be a way into the machine's own network; link-local addresses
//! (a cloud's metadata service) are never asked. The guard stands in the name resolution of the client that connects, so
//! a name that changes its address between check and use gains nothing. Proxies of the environment (`HTTPS_PROXY`,
//! `HTTP_PROXY`, `NO_PROXY`) are used; then it is the proxy that resolves names.
//!
//! Clients are kept and connections reused between pulls. They carry no authorisation: that is a header of each request.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Response, Url, redirect};

use super::error::{NoAnswer, PullError};
use super::limits;
use super::registries::Authority;

/// How near to this machine a request may go. A wider reach includes the narrower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Reach {
    /// Addresses of the internet.
    Public,
    /// Also private ranges.
    Private,
    /// Also this machine.
    Loopback,
}

impl Reach {
    /// The reach that is needed for an address; `None` for what is never asked.
    pub(super) fn needed_for(address: IpAddr) -> Option<Self> {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let octets = address.octets();
                if octets[0] == 0 || address.is_link_local() || address.is_multicast() || address.is_broadcast() {
                    None
                } else if address.is_loopback() {
                    Some(Self::Loopback)
                } else if address.is_private() || (octets[0] == 100 && octets[1] & 0xc0 == 64) {
                    Some(Self::Private)
                } else {
                    Some(Self::Public)
                }
            }
            IpAddr::V6(address) => {
                if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() {
                    // NAT64: what counts is the address behind it.
                    let [a, b] = high.to_be_bytes();
                    let [c, d] = low.to_be_bytes();
                    return Self::needed_for(IpAddr::from([a, b, c, d]));
                }
                if address.is_unspecified()
                    || address.is_multicast()
                    || address.is_unicast_link_local()
                    || address == METADATA_V6
                {
                    None
                } else if address.is_loopback() {
                    Some(Self::Loopback)
                } else if address.is_unique_local() {
                    Some(Self::Private)
                } else {
                    Some(Self::Public)
                }
            }
        }
    }

    fn covers(self, address: IpAddr) -> bool {
        Self::needed_for(address).is_some_and(|needed| needed <= self)
    }
}

/// AWS's metadata service over IPv6, the one such address outside the link-local range.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// One request.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) headers: HeaderMap,
    pub(super) form: Option<String>,
    pub(super) owner: Owner,
    pub(super) reach: Reach,
    pub(super) authority: Option<&'a Authority>,
}

/// Whose URL it is, which decides how much of it may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The registry's, or its token server's: shown without the query.
    Registry,
    /// Of where a redirect led: its path too may be a ticket.
    Foreign,
}

impl Owner {
    /// A URL without what may be a secret: signatures in the query, user information, tickets.
    pub(super) fn shown(self, url: &Url) -> String {
        match self {
            Self::Registry => format!("{}://{}{}", url.scheme(), authority(url), url.path()),
            Self::Foreign => format!("{}://{}/[redacted]", url.scheme(), authority(url)),
        }
    }
}

/// The clients of a node.
pub(super) struct Transport {
    clients: Mutex<HashMap<(Security, Reach), Client>>,
    resolved: Arc<Mutex<HashMap<String, IpAddr>>>,
    proxies: Arc<Vec<String>>,
}

/// What a connection trusts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Security {
    Plain,
    System,
    SystemAnd(Arc<Vec<u8>>),
}

impl Transport {
    pub(super) fn new() -> Self {
        Self { clients: Mutex::default(), resolved: Arc::default(), proxies: Arc::new(proxies_of_environment()) }
    }

    /// Sends a request and waits for the head of the answer. Redirects are not followed.
    ///
    /// # Errors
    ///
    /// [`PullError::NoAnswer`] in all cases.
    pub(super) async fn send(&self, ask: Ask<'_>) -> Result<Response, PullError> {
        let method = go_method(&ask.method);
        let fail = |kind, words: String| PullError::NoAnswer {
            method,
            url: ask.owner.shown(ask.url),
            host: authority(ask.url),
            words,
            kind,
        };
        if let Some(address) = literal(ask.url)
            && !ask.reach.covers(address)
        {
            return Err(fail(NoAnswer::Forbidden, forbidden_words(address)));
        }
        let client = self.client(&ask).map_err(|words| fail(NoAnswer::Certificate, words))?;
        let mut request = client.request(ask.method.clone(), ask.url.clone()).headers(ask.headers);
        if let Some(form) = ask.form {
            request = request.header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        }
        match tokio::time::timeout(limits::ANSWER_TIMEOUT, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                let (kind, words) = self.explain(&error, ask.url);
                Err(fail(kind, words))
            }
            Err(_) => Err(fail(NoAnswer::Silent, String::from("net/http: timeout awaiting response headers"))),
        }
    }

    /// What broke a body that was being read.
    pub(super) fn broken(&self, error: &reqwest::Error, url: &Url, owner: Owner) -> PullError {
        let (kind, words) = self.explain(error, url);
        PullError::NoAnswer { method: "Get", url: owner.shown(url), host: authority(url), words, kind }
    }

    fn client(&self, ask: &Ask<'_>) -> Result<Client, String> {
        let security = match (ask.url.scheme(), ask.authority) {
            ("https", None) => Security::System,
            ("https", Some(authority)) => Security::SystemAnd(authority.pem.clone()),
            _ => Security::Plain,
        };
        let key = (security, ask.reach);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let client = self.make_client(&key.0, key.1).map_err(|error| {
            let place =
                ask.authority.map_or_else(String::new, |authority| format!(" and {}", authority.path.display()));
            format!("tls: the system's certificates{place} cannot be used: {}", root_cause(&error))
        })?;
        clients.insert(key, client.clone());
        Ok(client)
    }

    fn make_client(&self, security: &Security, reach: Reach) -> reqwest::Result<Client> {
        let resolver = GuardedResolver { reach, resolved: self.resolved.clone(), proxies: self.proxies.clone() };
        let builder = Client::builder()
            .user_agent(concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(limits::CONNECT_TIMEOUT)
            .read_timeout(limits::ANSWER_TIMEOUT)
            .http2_adaptive_window(true)
            .dns_resolver(resolver);
        match security {
            // Reading the system's certificates takes milliseconds that plain HTTP does not need.
            Security::Plain => builder.tls_certs_only([]).build(),
            Security::System => builder.build(),
            Security::SystemAnd(pem) => builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?).build(),
        }
    }

    /// The words Go's network library has for this, because they are what ECS's users know.
    fn explain(&self, error: &reqwest::Error, url: &Url) -> (NoAnswer, String) {
        if let Some(forbidden) = find::<Forbidden>(error) {
            return (NoAnswer::Forbidden, forbidden.to_string());
        }
        if let Some(unknown) = find::<NoSuchHost>(error) {
            return (NoAnswer::Dns, format!("dial tcp: {unknown}"));
        }
        let address = self.address(url);
        if let Some(words) = certificate_words(error) {
            return (NoAnswer::Certificate, format!("tls: failed to verify certificate: {words}"));
        }
        if error.is_timeout() {
            let silent = (NoAnswer::Silent, format!("read tcp {address}: i/o timeout"));
            return if error.is_connect() {
                (NoAnswer::TimedOut, format!("dial tcp {address}: i/o timeout"))
            } else {
                silent
            };
        }
        let kind = find::<io::Error>(error).map_or(io::ErrorKind::Other, io::Error::kind);
        let dial = |words: &str| format!("dial tcp {address}: connect: {words}");
        match kind {
            io::ErrorKind::ConnectionRefused => (NoAnswer::Refused, dial("connection refused")),
            io::ErrorKind::HostUnreachable => (NoAnswer::Refused, dial("no route to host")),
            io::ErrorKind::NetworkUnreachable => (NoAnswer::Refused, dial("network is unreachable")),
            io::ErrorKind::ConnectionReset => {
                (NoAnswer::Broken, format!("read tcp {address}: read: connection reset by peer"))
            }
            io::ErrorKind::UnexpectedEof => (NoAnswer::Broken, String::from("unexpected EOF")),
            _ if url.scheme() == "https" && error.is_connect() => {
                (NoAnswer::Broken, format!("tls: {}", root_cause(error)))
            }
            _ => (NoAnswer::Broken, root_cause(error)),
        }
    }

    fn address(&self, url: &Url) -> String {
        let port = url.port_or_known_default().unwrap_or(0);
        let resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        let address = literal(url).or_else(|| url.host_str().and_then(|host| resolved.get(host).copied()));
        address.map_or_else(|| authority(url), |address| SocketAddr::new(address, port).to_string())
    }
}

/// `host` or `host:port` of a URL, without the port if it is the scheme's own.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// As Go's HTTP client writes a method in its errors.
fn go_method(method: &Method) -> &'static str {
    match *method {
        Method::HEAD => "Head",
        Method::POST => "Post",
        _ => "Get",
    }
}

fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Resolves names, and drops the addresses a request may not reach.
struct GuardedResolver {
    reach: Reach,
    resolved: Arc<Mutex<HashMap<String, IpAddr>>>,
    proxies: Arc<Vec<String>>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, resolved, proxies) = (self.reach, self.resolved.clone(), self.proxies.clone());
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> = match tokio::net::lookup_host((host, 0)).await {
                Ok(found) => found.collect(),
                Err(error) => return Err(NoSuchHost { host: host.to_owned(), why: lookup_words(&error) }.into()),
            };
            let is_proxy = proxies.iter().any(|proxy| proxy == host);
            let allowed: Vec<SocketAddr> =
                found.iter().copied().filter(|address| is_proxy || reach.covers(address.ip())).collect();
            match (allowed.first(), found.first()) {
                (Some(first), _) => {
                    let mut resolved = resolved.lock().unwrap_or_else(PoisonError::into_inner);
                    // Only kept for error texts: it may be emptied at any time.
                    if resolved.len() >= 1024 {
                        resolved.clear();
                    }
                    resolved.insert(host.to_owned(), first.ip());
                }
                (None, Some(first)) => return Err(Forbidden(first.ip()).into()),
                (None, None) => {
                    return Err(NoSuchHost { host: host.to_owned(), why: String::from("no such host") }.into());
                }
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[derive(Debug)]
struct Forbidden(IpAddr);

impl std::fmt::Display for Forbidden {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&forbidden_words(self.0))
    }
}

impl Error for Forbidden {}

fn forbidden_words(address: IpAddr) -> String {
    format!("the address {address} may not be reached this way")
}

#[derive(Debug, thiserror::Error)]
#[error("lookup {host}: {why}")]
struct NoSuchHost {
    host: String,
    why: String,
}

fn lookup_words(error: &io::Error) -> String {
    let text = error.to_string();
    if text.contains("Name or service not known") || text.contains("No address associated") {
        return String::from("no such host");
    }
    text.rsplit(": ").next().unwrap_or(&text).to_owned()
}

/// Go's words for a certificate that rustls does not trust.
fn certificate_words(error: &reqwest::Error) -> Option<String> {
    let text = chain(error).map(ToString::to_string).find(|text| text.contains("invalid peer certificate"))?;
    let reason = text.split("invalid peer certificate: ").nth(1).unwrap_or(&text);
    Some(if reason.starts_with("UnknownIssuer") {
        String::from("x509: certificate signed by unknown authority")
    } else if reason.contains("xpired") {
        String::from("x509: certificate has expired or is not yet valid")
    } else {
        format!("x509: {reason}")
    })
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |error| {
        let error = *error;
        // An io::Error hides what it wraps from `source`.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    chain(error).filter_map(|error| error.downcast_ref::<E>()).last()
}

fn root_cause(error: &reqwest::Error) -> String {
    chain(error).last().map_or_else(|| String::from("the request could not be made"), ToString::to_string)
}

fn proxies_of_environment() -> Vec<String> {
    let names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let values = names.iter().filter_map(|name| std::env::var(name).ok()).filter(|value| !value.is_empty());
    let urls = values.filter_map(|value| {
        Url::parse(&value).ok().filter(Url::has_host).or_else(|| Url::parse(&format!("http://{value}")).ok())
    });
    urls.filter_map(|url| url.host_str().map(str::to_owned)).collect()
}
