//! Image references, read as Docker reads them.
//!
//! `nginx` is `docker.io/library/nginx:latest`; the first component is a host only if it has a dot, a port, an upper
//! case letter or is `localhost`. With a tag and a digest the digest decides. Only SHA-256 digests are understood,
//! because no registry in use serves another kind.

use std::fmt;
use std::str::FromStr;

/// The longest image reference, in bytes.
const REFERENCE_BYTES: usize = 1024;
/// The longest repository with its host, in bytes (Docker's rule).
const NAME_BYTES: usize = 255;
/// The longest tag, in bytes.
const TAG_BYTES: usize = 128;

/// The registry of names without one.
pub const DOCKER_HUB: &str = "docker.io";

/// An image reference in its full form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// The registry as written, `docker.io` or `localhost:5000`. In lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The repository at that registry, `library/nginx`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, if one was written or implied.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, if one was written.
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Whether it lies in a private registry of Amazon ECR, which knows callers by their role and takes no other password.
    pub fn is_in_ecr(&self) -> bool {
        self.host.contains(".dkr.ecr.")
            && (self.host.ends_with(".amazonaws.com") || self.host.ends_with(".amazonaws.com.cn"))
    }

    /// What to ask the registry for: the digest, else the tag.
    pub fn target(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => String::from("latest"),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.len() > REFERENCE_BYTES {
            return Err(ReferenceError::TooLong);
        }
        if text.contains("://") {
            return Err(ReferenceError::Scheme);
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let (host, rest) = split_host(rest);
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Tag);
        }
        let host = host.to_ascii_lowercase();
        // A host only by its upper case letters would be a repository of Docker Hub when it is read again.
        if !is_host(&host) || !looks_like_host(&host) {
            return Err(ReferenceError::Host);
        }
        let host = if host == "index.docker.io" { String::from(DOCKER_HUB) } else { host };
        let official = host == DOCKER_HUB && !path.contains('/');
        if official && path.len() == 64 && path.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ReferenceError::Repository);
        }
        let repository = if official { format!("library/{path}") } else { path.to_owned() };
        if !repository.split('/').all(is_component) {
            return Err(ReferenceError::Repository);
        }
        if host.len() + 1 + repository.len() > NAME_BYTES {
            return Err(ReferenceError::TooLong);
        }
        let tag = tag.map(str::to_owned).or_else(|| digest.is_none().then(|| String::from("latest")));
        Ok(Self { host, repository, tag, digest })
    }
}

/// Why a text is no image reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Too long as a whole, or the name above 255 characters.
    #[error("it is too long")]
    TooLong,
    /// It begins like a URL.
    #[error("a reference has no scheme; leave out what stands before the host")]
    Scheme,
    /// The host part is no host name.
    #[error("the part before the first slash is no registry host")]
    Host,
    /// The repository does not follow the grammar.
    #[error("a repository has lower case letters, digits and single separators (. _ __ -) between slashes")]
    Repository,
    /// The tag does not follow the grammar.
    #[error("a tag has at most 128 letters, digits, '_', '.' and '-', and begins with neither '.' nor '-'")]
    Tag,
    /// The digest is not SHA-256 in lower case.
    #[error("a digest is sha256: and 64 lower case hexadecimal digits")]
    Digest,
}

/// A SHA-256 digest, `sha256:` and 64 lower case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self::from_hash(&sha2::Sha256::digest(bytes))
    }

    /// From the 32 bytes of a finished hash.
    pub fn from_hash(hash: &[u8]) -> Self {
        Self(hex::encode(hash))
    }

    /// The 64 hexadecimal digits: safe as a file name.
    pub fn hex(&self) -> &str {
        &self.0
    }
}

impl FromStr for Digest {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let digits = text.strip_prefix("sha256:").ok_or(ReferenceError::Digest)?;
        let valid = digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if valid { Ok(Self(digits.to_owned())) } else { Err(ReferenceError::Digest) }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha256:{}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

fn split_host(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        Some((first, rest)) if looks_like_host(first) => (first, rest),
        _ => (DOCKER_HUB, text),
    }
}

fn looks_like_host(component: &str) -> bool {
    component.contains(['.', ':'])
        || component == "localhost"
        || component.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether it names a registry: `name`, `name:port`, `[v6]`, `[v6]:port`.
pub fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let Some((address, port)) = rest.split_once(']') else { return false };
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            (None, port.strip_prefix(':').or(port.is_empty().then_some("1")))
        }
        None => match host.split_once(':') {
            Some((name, port)) => (Some(name), Some(port)),
            None => (Some(host), Some("1")),
        },
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.is_none_or(|name| name.split('.').all(label))
        && port.is_some_and(|port| {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
}

fn is_tag(tag: &str) -> bool {
    tag.len() <= TAG_BYTES
        && tag.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// Whether it is a part of a repository's name: `[a-z0-9]+` joined by `.`, `_`, `__` or any number of `-`.
pub fn is_component(component: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = component.as_bytes();
    if !(bytes.first().copied().is_some_and(plain) && bytes.last().copied().is_some_and(plain)) {
        return false;
    }
    bytes
        .split(|byte| plain(*byte))
        .all(|separator| matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|byte| *byte == b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Digest, Reference, ReferenceError};

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn names_are_completed_as_docker_does() {
        let digest = format!("sha256:{HEX}");
        let table = [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.27", "docker.io/library/nginx:1.27"),
            ("alice/space", "docker.io/alice/space:latest"),
            ("docker.io/nginx", "docker.io/library/nginx:latest"),
            ("index.docker.io/alice/space:1", "docker.io/alice/space:1"),
            ("localhost/space", "localhost/space:latest"),
            ("localhost:5000/space", "localhost:5000/space:latest"),
            ("127.0.0.1:5000/alice/space:v1", "127.0.0.1:5000/alice/space:v1"),
            ("[::1]:5000/space", "[::1]:5000/space:latest"),
            ("registry.example.com/a/b/c/d:x_y.z-1", "registry.example.com/a/b/c/d:x_y.z-1"),
            ("LOCALHOST/space", "localhost/space:latest"),
            ("a__b/c.d/e--f", "docker.io/a__b/c.d/e--f:latest"),
            ("127.0.0.1:1/alice/space", "127.0.0.1:1/alice/space:latest"),
        ];
        for (text, full) in table {
            assert_eq!(text.parse::<Reference>().map(|reference| reference.to_string()), Ok(full.to_owned()), "{text}");
        }
        let both: Reference = format!("nginx:1@{digest}").parse().expect("valid");
        assert_eq!(both.target(), digest);
        assert_eq!(both.to_string(), format!("docker.io/library/nginx:1@{digest}"));
        let only: Reference = format!("r.io/nginx@{digest}").parse().expect("valid");
        assert_eq!((only.tag(), only.target()), (None, digest));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        use ReferenceError::{Host, Repository, Scheme, Tag, TooLong};
        let long_tag = format!("nginx:{}", "t".repeat(129));
        let long_name = format!("r.io/{}", "n".repeat(251));
        let very_long = "n".repeat(2000);
        let table = [
            ("", Repository),
            ("https://r.io/nginx", Scheme),
            ("r.io/UPPER", Repository),
            ("Nginx", Repository),
            ("a//b", Repository),
            ("a/", Repository),
            ("-a", Repository),
            ("a_-b", Repository),
            ("a___b", Repository),
            ("a..b/c..d", Host),
            ("r.io/../etc", Repository),
            ("r_x.io/a", Host),
            ("Registry/space", Host),
            ("r.io:99999/a", Host),
            ("r.io:/a", Host),
            ("[::1/a", Host),
            ("nginx:", Tag),
            ("nginx:.x", Tag),
            ("nginx:a b", Tag),
            (&long_tag, Tag),
            (&long_name, TooLong),
            (&very_long, TooLong),
            ("nginx@sha256:abc", ReferenceError::Digest),
            ("nginx@sha512:00", ReferenceError::Digest),
            (HEX, Repository),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<Reference>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_digest_is_lower_case_sha256() {
        assert_eq!(
            Digest::of(b"").to_string(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert!(format!("sha256:{}", HEX.to_uppercase()).parse::<Digest>().is_err());
        assert!("sha256:../../../etc/passwd".parse::<Digest>().is_err());
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser_and_the_full_form_is_stable(text in "\\PC{0,80}") {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference));
            }
        }

        #[test]
        fn valid_names_are_kept(
            host in "[a-z][a-z0-9]{0,8}\\.[a-z]{2,5}(:[1-9][0-9]{0,3})?",
            path in "[a-z0-9]{1,8}([._-][a-z0-9]{1,8}){0,2}(/[a-z0-9]{1,8}){0,3}",
            tag in "[A-Za-z0-9_][A-Za-z0-9._-]{0,20}",
        ) {
            let text = format!("{host}/{path}:{tag}");
            let reference: Reference = text.parse().expect("valid");
            prop_assert_eq!(reference.host(), host.as_str());
            // `docker.io` is the one host that changes a path.
            if host != "docker.io" {
                prop_assert_eq!(reference.repository(), path.as_str());
            }
            prop_assert_eq!(reference.tag(), Some(tag.as_str()));
        }
    }
}
