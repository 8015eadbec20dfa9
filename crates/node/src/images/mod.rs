//! Images: from a reference and one task's credentials to a root file system.
//!
//! Private registry authentication is what Tidegate is for, so the whole client is our own:
//!
//! - [`registries`] is the operator's `--registries` file (`domain::image::reference` reads image names);
//! - `challenge` and `auth` answer a registry's challenge with this task's credentials, and with nobody else's;
//! - `transport` and `client` carry requests, follow redirects by hand, and decide where credentials may go;
//! - `resolve` goes from a name to a manifest; `inspect` does only that, and keeps nothing; `pull` brings the layers;
//! - `manifest` chooses the platform; `layer`, `tar` and `unpack` stream, verify and unpack a layer in one pass;
//! - `store` keeps content by digest, `collect` throws away what nobody uses, [`snapshot`] mounts it (with `implied`).
//!
//! Two rules stand above all others. *The cache saves bytes, never authorisation*: the registry is asked for the manifest
//! with this task's credentials on every pull, and content that came from one registry is not handed to an image of
//! another until that other one has shown that it has the content too. *Credentials stay where they belong*: they go to
//! the image's registry and to the token realm it names, never along a redirect, never into an error or a log.
//!
//! Deliberately not here: pushing, image signatures, and building.

mod auth;
mod challenge;
mod client;
mod collect;
mod error;
mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod implied;
mod inspect;
mod layer;
mod limits;
mod manifest;
mod pull;
pub mod registries;
mod resolve;
pub mod snapshot;
mod store;
mod tar;
#[cfg(test)]
mod tests;
mod transport;
mod unpack;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::compute::RegistryCredentials;
use domain::failure::Failure;

pub use self::inspect::Inspector;
pub use self::registries::{Registries, RegistriesError};
#[cfg(test)]
use self::snapshot::unmount;
pub use self::snapshot::{SnapshotError, check_overlay};
pub use self::store::{ImageSummary, StoreError, list};

/// The images of one node: one content directory, shared by all tasks. Cheap to clone.
#[derive(Clone)]
pub struct Images {
    inner: Arc<pull::Puller>,
}

impl Images {
    /// Opens (or makes) the content directory and clears away what a crash left half done.
    ///
    /// # Errors
    ///
    /// The directory cannot be made or read, or another process has it open.
    pub fn open(directory: &Path, registries: Registries) -> Result<Self, StoreError> {
        Ok(Self { inner: Arc::new(pull::Puller::open(directory, registries)?) })
    }

    /// Resolves the reference at its registry with these credentials and makes every layer ready.
    ///
    /// The registry is asked on every call, whatever is cached. Dropping the future stops the pull.
    ///
    /// `architecture` is OCI's name, `amd64` or `arm64` (`linux/amd64` is understood too).
    ///
    /// # Errors
    ///
    /// `CannotPullContainerError` with AWS's sentence, and the chain that says who refused what, and the mend.
    pub async fn pull(
        &self,
        reference: &str,
        credentials: Option<RegistryCredentials>,
        architecture: &str,
        progress: Arc<PullProgress>,
    ) -> Result<Image, Failure> {
        pull::pull(&self.inner, reference, credentials, architecture, progress).await
    }

    /// Mounts a writable root file system of the image at `directory/rootfs` and gives that path.
    ///
    /// `directory` belongs to one container; `writable`, which may lie on another file system, holds what it writes.
    /// Mounting what is mounted already changes nothing. The layers stay safe from [`Images::collect`] until
    /// [`Images::release`], also over a restart of this process.
    ///
    /// # Errors
    ///
    /// The host has no overlay file system, or `writable` lies on one that cannot carry it.
    pub fn mount_rootfs(&self, image: &Image, directory: &Path, writable: &Path) -> Result<PathBuf, SnapshotError> {
        snapshot::mount(self.inner.store(), image, directory, writable)
    }

    /// The root file system at `directory` is unmounted: its layers may go.
    ///
    /// # Errors
    ///
    /// The content directory cannot be written.
    pub fn release(&self, directory: &Path) -> Result<(), StoreError> {
        self.inner.store().end_lease(directory)
    }

    /// Throws away images nobody uses, oldest first, until the content is within the budget. Returns the bytes freed.
    ///
    /// # Errors
    ///
    /// The content directory cannot be read.
    pub fn collect(&self, budget_bytes: u64) -> Result<u64, StoreError> {
        collect::collect(self.inner.store(), budget_bytes)
    }

    /// The images that are ready on this node.
    ///
    /// # Errors
    ///
    /// The content directory cannot be read.
    pub fn list(&self) -> Result<Vec<ImageSummary>, StoreError> {
        store::list(self.inner.store().directory())
    }
}

/// A pulled image. As long as it lives its layers stay on disk.
#[derive(Clone, Debug)]
pub struct Image {
    /// The reference in its full form, `docker.io/library/nginx:latest`.
    pub reference: String,
    /// What the reference resolved to, `sha256:…`: ECS's `imageDigest` (an index's digest where there is an index).
    pub digest: String,
    /// The digest of the manifest for this platform.
    pub manifest_digest: String,
    /// The architecture the image says it is for.
    pub architecture: String,
    /// Environment, entry point, command, user, working directory, stop signal, labels.
    pub config: oci_spec::image::Config,
    /// The unpacked layers, lowest first, each once (`domain::image::layers`). Shared with other tasks: never write to them.
    pub layers: Vec<PathBuf>,
    /// For each layer the directories it does not describe itself.
    implied: Vec<Vec<String>>,
    /// Keeps the layers from being collected.
    lease: Arc<store::Lease>,
}

/// How far a pull is, in bytes of compressed layers and in layers. To be read while the pull runs.
#[derive(Debug, Default)]
pub struct PullProgress {
    total_bytes: AtomicU64,
    ready_bytes: AtomicU64,
    total_layers: AtomicU64,
    ready_layers: AtomicU64,
}

impl PullProgress {
    /// All layers of the image; 0 until the manifest is known.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes.load(Ordering::Relaxed)
    }

    /// What is here already: cached, or downloaded by this pull.
    pub fn ready_bytes(&self) -> u64 {
        self.ready_bytes.load(Ordering::Relaxed)
    }

    /// The layers of the image; 0 until the manifest is known.
    pub fn total_layers(&self) -> u64 {
        self.total_layers.load(Ordering::Relaxed)
    }

    /// The layers that are verified and unpacked.
    pub fn ready_layers(&self) -> u64 {
        self.ready_layers.load(Ordering::Relaxed)
    }

    fn expect(&self, bytes: u64, layers: usize) {
        self.total_bytes.store(bytes, Ordering::Relaxed);
        self.total_layers.store(layers as u64, Ordering::Relaxed);
    }

    fn layer_is_ready(&self) {
        self.ready_layers.fetch_add(1, Ordering::Relaxed);
    }

    fn add(&self, bytes: u64) {
        self.ready_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}
