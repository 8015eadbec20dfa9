//! Images made in memory, and a registry that serves them as strictly or as badly as a test wants.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::compute::RegistryCredentials;
use domain::failure::Failure;
use serde_json::json;

use super::server::{Received, Reply, Server};
use crate::images::{Image, Images, PullProgress, Registries};
use domain::image::reference::Digest;

pub(super) const USER: &str = "alice";
pub(super) const PASSWORD: &str = "s3cret-of-alice";

/// An entry of a layer: name and content.
pub(super) fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::Regular);
        builder.append_data(&mut header, name, *content).expect("in memory");
    }
    builder.into_inner().expect("in memory")
}

pub(super) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).expect("in memory");
    encoder.finish().expect("in memory")
}

/// Bytes that do not compress, different for each seed.
pub(super) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let bytes = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    });
    bytes.take(length).collect()
}

/// What a repository has.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub(super) blobs: HashMap<String, Vec<u8>>,
    /// By tag and by digest: media type and bytes.
    pub(super) manifests: HashMap<String, (String, Vec<u8>)>,
}

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const GZIP_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

impl Content {
    /// An image of these (uncompressed) layers, gzipped, under a tag.
    pub(super) fn image(tag: &str, layers: &[Vec<u8>]) -> Self {
        let mut content = Self::default();
        content.add_image(tag, layers);
        content
    }

    pub(super) fn add_image(&mut self, tag: &str, layers: &[Vec<u8>]) -> String {
        let compressed: Vec<_> =
            layers.iter().map(|layer| (GZIP_LAYER, gzip(layer), Digest::of(layer).to_string())).collect();
        self.add_compressed(tag, &compressed)
    }

    /// An image of compressed layers: media type, bytes, stated diff id.
    pub(super) fn add_compressed(&mut self, tag: &str, layers: &[(&str, Vec<u8>, String)]) -> String {
        let diff_ids: Vec<_> = layers.iter().map(|(_, _, diff_id)| diff_id).collect();
        let config = json!({
            "architecture": "amd64", "os": "linux",
            "config": {"Cmd": ["/start"], "Env": ["PATH=/bin"], "ExposedPorts": {"80/tcp": {}}, "Volumes": null},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let config = config.to_string().into_bytes();
        let descriptors: Vec<_> = layers
            .iter()
            .map(|(kind, bytes, _)| json!({"mediaType": kind, "digest": self.add_blob(bytes), "size": bytes.len()}))
            .collect();
        let config_size = config.len();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": self.add_blob(&config), "size": config_size},
            "layers": descriptors,
        });
        self.add_manifest(tag, MANIFEST, manifest.to_string().as_bytes())
    }

    pub(super) fn add_blob(&mut self, bytes: &[u8]) -> String {
        let digest = Digest::of(bytes).to_string();
        self.blobs.insert(digest.clone(), bytes.to_vec());
        digest
    }

    pub(super) fn add_manifest(&mut self, tag: &str, media_type: &str, bytes: &[u8]) -> String {
        let digest = Digest::of(bytes).to_string();
        for key in [tag, &digest] {
            self.manifests.insert(key.to_owned(), (media_type.to_owned(), bytes.to_vec()));
        }
        digest
    }

    /// A well-behaved registry's answer.
    pub(super) fn answer(&self, received: &Received) -> Reply {
        let path = received.path.split('?').next().unwrap_or_default();
        if let Some((_, target)) = path.split_once("/manifests/") {
            return match self.manifests.get(target) {
                Some((kind, bytes)) => Reply::new(200)
                    .header("content-type", kind)
                    .header("docker-content-digest", Digest::of(bytes).to_string())
                    .body(bytes.clone()),
                None => Reply::new(404)
                    .body(br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#.to_vec()),
            };
        }
        let digest = path.rsplit('/').next().unwrap_or_default();
        let Some(bytes) = self.blobs.get(digest) else {
            return Reply::new(404).body(br#"{"errors":[{"code":"BLOB_UNKNOWN","message":"blob unknown"}]}"#.to_vec());
        };
        let start = received
            .header("range")
            .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
        match start {
            Some(start) => Reply::new(206)
                .header("content-range", format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len()))
                .body(bytes[start..].to_vec()),
            None => Reply::new(200).body(bytes.clone()),
        }
    }
}

pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Asks for a password; `None` if the right one came.
pub(super) fn demand_basic(received: &Received) -> Option<Reply> {
    (received.header("authorization") != Some(&basic(USER, PASSWORD))).then(|| {
        Reply::new(401)
            .header("www-authenticate", "Basic realm=\"private\"")
            .body(br#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#.to_vec())
    })
}

/// A registry with a password.
pub(super) async fn basic_registry(content: Content) -> Server {
    Server::start(move |received| demand_basic(received).unwrap_or_else(|| content.answer(received))).await
}

/// A registry for everybody.
pub(super) async fn open_registry(content: Content) -> Server {
    Server::start(move |received| content.answer(received)).await
}

/// A registry whose content can be changed while it runs.
pub(super) async fn changing_registry(content: Arc<Mutex<Content>>) -> Server {
    Server::start(move |received| content.lock().expect("no panic").answer(received)).await
}

#[expect(clippy::unnecessary_wraps, reason = "a pull takes an option")]
pub(super) fn credentials(password: &str) -> Option<RegistryCredentials> {
    Some(RegistryCredentials { username: USER.to_owned(), password: password.to_owned().into() })
}

/// An images room in a fresh directory.
pub(super) struct Room {
    pub(super) images: Images,
    pub(super) directory: tempfile::TempDir,
}

pub(super) fn room() -> Room {
    room_with(Registries::default())
}

pub(super) fn room_with(registries: Registries) -> Room {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let images = Images::open(&directory.path().join("content"), registries).expect("opens");
    Room { images, directory }
}

impl Room {
    pub(super) async fn pull(
        &self,
        reference: &str,
        credentials: Option<RegistryCredentials>,
    ) -> Result<Image, Failure> {
        self.images.pull(reference, credentials, "amd64", Arc::new(PullProgress::default())).await
    }

    pub(super) fn content(&self) -> std::path::PathBuf {
        self.directory.path().join("content")
    }
}

pub(super) fn file_in(image: &Image, layer: usize, name: &str) -> Vec<u8> {
    std::fs::read(image.layers[layer].join(name)).expect("the file is in the layer")
}

/// Whether any file below a directory has these bytes in it.
pub(super) fn is_written_anywhere(directory: &Path, needle: &str) -> bool {
    let mut waiting = vec![directory.to_owned()];
    while let Some(path) = waiting.pop() {
        let metadata = path.symlink_metadata().expect("it was listed");
        if metadata.is_dir() {
            waiting.extend(std::fs::read_dir(&path).expect("readable").map(|entry| entry.expect("readable").path()));
        } else if metadata.is_file() {
            let bytes = std::fs::read(&path).expect("readable");
            if bytes.windows(needle.len()).any(|window| window == needle.as_bytes()) {
                return true;
            }
        }
    }
    false
}
