//! The operator's word on registries: `--registries FILE`.
//!
//! ```toml
//! [registry."docker.io"]
//! rename = "registry.internal:5000/hub"   # this registry is really there; the task's credentials go there
//! ca = "/etc/tidegate/internal-ca.pem"    # trusted beside the system's certificates
//! plain_http = false
//!
//! [[registry."docker.io".mirror]]         # asked for content first, in this order
//! host = "mirror.internal:5000"
//! credentials = false                     # true: this mirror may see the task's credentials
//! ```
//!
//! There is no "skip verification": a registry with a certificate of its own gets its `ca` listed. Plain HTTP is allowed
//! for loopback addresses and where it is listed, nowhere else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use domain::image::reference::{DOCKER_HUB, Reference, is_component, is_host};

/// Where Docker Hub's registry really is.
const DOCKER_HUB_HOST: &str = "registry-1.docker.io";

/// What is known about registries. The default knows nothing special.
#[derive(Clone, Debug, Default)]
pub struct Registries {
    registries: BTreeMap<String, Registry>,
}

#[derive(Clone, Debug)]
struct Registry {
    place: Place,
    mirrors: Vec<Mirror>,
}

#[derive(Clone, Debug)]
struct Mirror {
    place: Place,
    holds_credentials: bool,
}

/// Where a registry is, and how to speak with it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// `host` or `host:port`.
    pub(super) host: String,
    /// Put before every repository, without slashes at its ends; mostly empty.
    pub(super) prefix: String,
    /// How to speak.
    pub(super) wire: Wire,
    /// Certificates to trust beside the system's.
    pub(super) authority: Option<Authority>,
}

impl Place {
    /// The repository as this place calls it.
    pub(super) fn repository(&self, repository: &str) -> String {
        if self.prefix.is_empty() { repository.to_owned() } else { format!("{}/{repository}", self.prefix) }
    }
}

/// How to speak with a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// TLS only.
    Tls,
    /// Plain HTTP only, because the operator says so.
    Plain,
    /// A loopback address: plain HTTP or TLS, whichever it speaks.
    Either,
}

/// A private certificate authority.
#[derive(Clone, Debug)]
pub(super) struct Authority {
    /// PEM; one or more certificates.
    pub(super) pem: Arc<Vec<u8>>,
    /// The file it came from.
    pub(super) path: PathBuf,
}

/// The places to ask for an image.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    /// Mirrors in order, with whether they may see the task's credentials.
    pub(super) mirrors: Vec<(Place, bool)>,
    /// The registry itself.
    pub(super) registry: Place,
}

/// Why a registries file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistriesError {
    /// The file, or a certificate file it names, cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, or not of this form.
    #[error("{} is no registries file: {source}", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A name that is no registry host.
    #[error("{}: \"{name}\" is no registry host (host, host:port, or host:port/prefix)", path.display())]
    Host {
        /// Which file.
        path: PathBuf,
        /// What stands there.
        name: String,
    },
    /// A certificate file without a certificate.
    #[error("{} has no PEM certificate", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    registry: BTreeMap<String, RegistryTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegistryTable {
    rename: Option<String>,
    ca: Option<PathBuf>,
    plain_http: Option<bool>,
    #[serde(default)]
    mirror: Vec<MirrorTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MirrorTable {
    host: String,
    ca: Option<PathBuf>,
    plain_http: Option<bool>,
    #[serde(default)]
    credentials: bool,
}

impl Registries {
    /// Reads a registries file. Certificate paths in it are relative to its directory.
    ///
    /// # Errors
    ///
    /// The file or a certificate cannot be read or understood.
    pub fn load(path: &Path) -> Result<Self, RegistriesError> {
        let text = read(path)?;
        let text = String::from_utf8_lossy(&text);
        let file: File = toml::from_str(&text)
            .map_err(|source| RegistriesError::Form { path: path.to_owned(), source: Box::new(source) })?;
        let mut registries = BTreeMap::new();
        for (name, table) in file.registry {
            let name = name.to_ascii_lowercase();
            if !is_host(&name) {
                return Err(RegistriesError::Host { path: path.to_owned(), name });
            }
            let at = table.rename.as_deref().unwrap_or_else(|| default_host(&name));
            let place = place(path, at, table.plain_http, table.ca.as_deref())?;
            let mirrors = table.mirror.iter().map(|mirror| {
                let place = self::place(path, &mirror.host, mirror.plain_http, mirror.ca.as_deref())?;
                Ok(Mirror { place, holds_credentials: mirror.credentials })
            });
            let mirrors = mirrors.collect::<Result<_, RegistriesError>>()?;
            registries.insert(name, Registry { place, mirrors });
        }
        Ok(Self { registries })
    }

    /// The places to ask for this image.
    pub(super) fn endpoints(&self, reference: &Reference) -> Endpoints {
        if let Some(Registry { place, mirrors }) = self.registries.get(reference.host()) {
            let mirrors = mirrors.iter().map(|mirror| (mirror.place.clone(), mirror.holds_credentials));
            return Endpoints { mirrors: mirrors.collect(), registry: place.clone() };
        }
        let host = default_host(reference.host()).to_owned();
        let wire = wire(&host, None);
        Endpoints { mirrors: Vec::new(), registry: Place { host, prefix: String::new(), wire, authority: None } }
    }

    /// What the operator says about a host that a registry leads to (a token server, a blob store).
    pub(super) fn known(&self, host: &str) -> Option<&Place> {
        let places = self.registries.values().flat_map(|registry| {
            std::iter::once(&registry.place).chain(registry.mirrors.iter().map(|mirror| &mirror.place))
        });
        places.into_iter().find(|place| place.host == host)
    }
}

fn default_host(name: &str) -> &str {
    if name == DOCKER_HUB { DOCKER_HUB_HOST } else { name }
}

fn wire(host: &str, plain_http: Option<bool>) -> Wire {
    match plain_http {
        Some(true) => Wire::Plain,
        None if is_loopback(host) => Wire::Either,
        Some(false) | None => Wire::Tls,
    }
}

/// Whether a host (with or without a port) is this machine by its name alone.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn place(file: &Path, at: &str, plain_http: Option<bool>, ca: Option<&Path>) -> Result<Place, RegistriesError> {
    let at = at.to_ascii_lowercase();
    let (host, prefix) = at.split_once('/').unwrap_or((&at, ""));
    let prefix = prefix.trim_end_matches('/');
    if !is_host(host) || !(prefix.is_empty() || prefix.split('/').all(is_component)) {
        return Err(RegistriesError::Host { path: file.to_owned(), name: at.clone() });
    }
    let authority = match ca {
        None => None,
        Some(ca) => {
            let path = file.parent().unwrap_or(Path::new("")).join(ca);
            let pem = read(&path)?;
            if !reqwest::Certificate::from_pem_bundle(&pem).is_ok_and(|certificates| !certificates.is_empty()) {
                return Err(RegistriesError::Certificate { path });
            }
            Some(Authority { pem: Arc::new(pem), path })
        }
    };
    Ok(Place { host: host.to_owned(), prefix: prefix.to_owned(), wire: wire(host, plain_http), authority })
}

fn read(path: &Path) -> Result<Vec<u8>, RegistriesError> {
    std::fs::read(path).map_err(|source| RegistriesError::Read { path: path.to_owned(), source })
}
