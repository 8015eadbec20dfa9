//! Manifests, indexes and configurations: read strictly, then the platform is chosen.
//!
//! A document is an index or a manifest by its media type, and must not look like both (CVE-2021-41190). What is no
//! runnable image of layers (schema 1, artifacts, foreign layers) is refused by name.

use serde::Deserialize;

use super::client::Document;
use super::error::PullError;
use super::limits;
use domain::image::reference::Digest;

/// Every manifest type that is understood, for the `Accept` header.
pub(super) const ACCEPTED: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYERS: [&str; 6] = [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
];

/// What a registry gave for a reference.
#[derive(Debug)]
pub(super) enum Manifest {
    /// Several platforms.
    Index(Vec<Entry>),
    /// One image.
    Image(ImageManifest),
}

/// One image: its configuration and its layers, lowest first.
#[derive(Debug)]
pub(super) struct ImageManifest {
    pub(super) config: Blob,
    pub(super) layers: Vec<Blob>,
}

/// A blob as a manifest describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) digest: Digest,
    /// In bytes.
    pub(super) size: u64,
}

/// An entry of an index.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    digest: Digest,
    platform: Option<Platform>,
    attestation: bool,
}

#[derive(Clone, Debug, Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
}

/// What of an image's configuration matters.
#[derive(Debug)]
pub(super) struct Configuration {
    pub(super) architecture: String,
    pub(super) config: oci_spec::image::Config,
    pub(super) diff_ids: Vec<Digest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    schema_version: u64,
    #[serde(default)]
    media_type: String,
    manifests: Option<Vec<RawDescriptor>>,
    config: Option<RawDescriptor>,
    layers: Option<Vec<RawDescriptor>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    platform: Option<Platform>,
    #[serde(default)]
    urls: Vec<String>,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

impl Manifest {
    /// Reads a document of a registry (`host` is only for the error text).
    pub(super) fn read(document: &Document, host: &str) -> Result<Self, PullError> {
        let wrong = |why: String| PullError::Protocol { host: host.to_owned(), why };
        if document.media_type.contains("manifest.v1+") && document.media_type.contains("docker") {
            return Err(PullError::Unsupported(String::from(
                "the image has the old manifest schema 1, which is no longer supported; push it again with a current client",
            )));
        }
        let raw: Raw = serde_json::from_slice(&document.bytes)
            .map_err(|error| wrong(format!("its manifest is no manifest: {error}")))?;
        if raw.schema_version != 2 {
            return Err(wrong(format!("its manifest has schema version {}, not 2", raw.schema_version)));
        }
        if !raw.media_type.is_empty() && is_manifest_type(&document.media_type) && raw.media_type != document.media_type
        {
            return Err(wrong(format!(
                "its manifest is of type {} but was sent as {}",
                raw.media_type, document.media_type
            )));
        }
        let stated = if raw.media_type.is_empty() { &document.media_type } else { &raw.media_type };
        match (raw.manifests, raw.config, raw.layers) {
            (Some(entries), None, None) if may_be(stated, &[OCI_INDEX, DOCKER_LIST]) => {
                if entries.len() > limits::INDEX_ENTRIES {
                    return Err(wrong(format!("its index has more than {} entries", limits::INDEX_ENTRIES)));
                }
                // Entries of other kinds (unknown types, other digests) belong to somebody else.
                Ok(Self::Index(entries.into_iter().filter_map(Entry::read).collect()))
            }
            (None, Some(config), Some(layers)) if may_be(stated, &[OCI_MANIFEST, DOCKER_MANIFEST]) => {
                ImageManifest::read(&config, &layers, host).map(Self::Image)
            }
            _ => Err(wrong(format!("its manifest's fields do not fit its type ({stated})"))),
        }
    }
}

impl ImageManifest {
    fn read(config: &RawDescriptor, layers: &[RawDescriptor], host: &str) -> Result<Self, PullError> {
        let wrong = |why: String| PullError::Protocol { host: host.to_owned(), why };
        if ![OCI_CONFIG, DOCKER_CONFIG].contains(&config.media_type.as_str()) {
            let kind = ServerType(&config.media_type);
            return Err(PullError::Unsupported(format!(
                "this is no container image: its configuration is of type {kind}"
            )));
        }
        if layers.len() > limits::LAYERS {
            return Err(PullError::Unsupported(format!(
                "the image has {} layers, more than {}",
                layers.len(),
                limits::LAYERS
            )));
        }
        if let Some(foreign) =
            layers.iter().find(|layer| !LAYERS.contains(&layer.media_type.as_str()) || !layer.urls.is_empty())
        {
            let kind = ServerType(&foreign.media_type);
            return Err(PullError::Unsupported(format!(
                "the image has a layer that is not in the registry or not supported: {kind}"
            )));
        }
        let blob = |descriptor: &RawDescriptor| {
            let digest = descriptor.digest.parse().map_err(|error| wrong(format!("a descriptor's digest: {error}")))?;
            Ok(Blob { digest, size: descriptor.size })
        };
        let layers = layers.iter().map(blob).collect::<Result<Vec<_>, PullError>>()?;
        let total = layers.iter().try_fold(0_u64, |total, layer| total.checked_add(layer.size));
        if total.is_none_or(|total| total > limits::IMAGE_BYTES) {
            return Err(PullError::Unsupported(format!("the image is larger than {} bytes", limits::IMAGE_BYTES)));
        }
        if config.size > limits::CONFIG_BYTES as u64 {
            return Err(wrong(format!("the image's configuration is larger than {} bytes", limits::CONFIG_BYTES)));
        }
        Ok(Self { config: blob(config)?, layers })
    }

    /// All layers together, compressed, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.layers.iter().map(|layer| layer.size).sum()
    }
}

impl Entry {
    fn read(raw: RawDescriptor) -> Option<Self> {
        let attestation = raw.annotations.contains_key("vnd.docker.reference.type");
        let digest = raw.digest.parse().ok()?;
        may_be(&raw.media_type, &[OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST]).then_some(Self {
            digest,
            platform: raw.platform,
            attestation,
        })
    }

    /// How well this entry fits; `None` if not at all. Lower is better.
    fn rank(&self, architecture: &str) -> Option<u32> {
        let Some(platform) = self.platform.as_ref().filter(|_| !self.attestation) else {
            // Without a platform it may be anything; the configuration will tell.
            return (!self.attestation).then_some(9);
        };
        if platform.os != "linux" || platform.architecture != architecture {
            return None;
        }
        match (architecture, platform.variant.as_str()) {
            ("arm64", "v8") | (_, "") => Some(0),
            ("amd64", "v1") => Some(1),
            // A later variant needs a later processor than the architecture promises.
            _ => None,
        }
    }

    fn offered(&self) -> Option<String> {
        let platform = self.platform.as_ref().filter(|platform| !self.attestation && platform.os != "unknown")?;
        let variant = if platform.variant.is_empty() { String::new() } else { format!("/{}", platform.variant) };
        Some(ServerType(&format!("{}/{}{variant}", platform.os, platform.architecture)).to_string())
    }
}

/// The entry of an index for `linux` on this architecture.
pub(super) fn choose<'a>(entries: &'a [Entry], architecture: &str) -> Result<&'a Digest, PullError> {
    let ranked = entries.iter().filter_map(|entry| Some((entry.rank(architecture)?, entry)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, entry)| &entry.digest).ok_or_else(|| PullError::Platform {
        wanted: architecture.to_owned(),
        offered: entries.iter().filter_map(Entry::offered).take(16).collect(),
    })
}

impl Configuration {
    /// Reads an image's configuration; there must be one diff id for each layer.
    pub(super) fn read(bytes: &[u8], layers: usize, host: &str) -> Result<Self, PullError> {
        #[derive(Deserialize)]
        struct RawConfiguration {
            #[serde(default)]
            architecture: String,
            #[serde(default)]
            os: String,
            config: Option<oci_spec::image::Config>,
            rootfs: RootFs,
        }
        #[derive(Deserialize)]
        struct RootFs {
            #[serde(default)]
            diff_ids: Vec<Digest>,
        }
        let wrong = |why: String| PullError::Protocol { host: host.to_owned(), why };
        let raw: RawConfiguration = serde_json::from_slice(bytes)
            .map_err(|error| wrong(format!("the image's configuration cannot be read: {error}")))?;
        if !matches!(raw.os.as_str(), "" | "linux") {
            return Err(PullError::Platform {
                wanted: raw.architecture.clone(),
                offered: vec![ServerType(&format!("{}/{}", raw.os, raw.architecture)).to_string()],
            });
        }
        if raw.rootfs.diff_ids.len() != layers {
            let found = raw.rootfs.diff_ids.len();
            return Err(wrong(format!("the image has {layers} layers, but its configuration has {found} diff ids")));
        }
        Ok(Self {
            architecture: raw.architecture,
            config: raw.config.unwrap_or_default(),
            diff_ids: raw.rootfs.diff_ids,
        })
    }
}

fn is_manifest_type(media_type: &str) -> bool {
    [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST].contains(&media_type)
}

/// Whether a stated type allows one of these. Types that say nothing (none, plain JSON) allow all.
fn may_be(stated: &str, kinds: &[&str]) -> bool {
    kinds.contains(&stated) || matches!(stated, "" | "application/json" | "text/plain" | "application/octet-stream")
}

/// A name of a stranger, cut and cleaned to be shown.
struct ServerType<'a>(&'a str);

impl std::fmt::Display for ServerType<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plain: String = self.0.chars().filter(char::is_ascii_graphic).take(100).collect();
        formatter.write_str(if plain.is_empty() { "(none)" } else { &plain })
    }
}
