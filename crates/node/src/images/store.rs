//! What is kept on disk, by digest, shared by all tasks of the node.
//!
//! ```text
//! lock                       one process at a time
//! documents/<hex>            manifests and configurations; hashed again whenever they are read
//! blobs/<hex>.json           of a document or a compressed layer: its diff id, and which registries have shown it to us
//! layers/<hex>/root          an unpacked layer by its diff id, a lower directory of overlay mounts; never written again
//! layers/<hex>/layer.json    its size; `durable` beside it once the disk has it all
//! images/<hex>.json          what references resolved to, for `list` and `collect`
//! leases/<hex>.json          which container directory uses which layers
//! ingest/                    what is being made or thrown away; emptied at the start
//! ```
//!
//! Somebody may take all of it, or a part, away while the server runs: directories are made anew when something is to be
//! written, and a layer that is not whole is no layer, so that it is fetched again.
//!
//! A layer appears by one rename when it is complete. A crash of this process therefore leaves only whole layers; a crash
//! of the machine may lose what the disk did not have yet, so a layer that is not marked durable is trusted only within
//! the boot that made it. That is why a pull does not wait for the disk.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use nix::fcntl::{Flock, FlockArg};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::limits;
use super::unpack::Unpacked;
use crate::trash::Trash;
use domain::image::reference::Digest;

/// The content directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}", path.display())]
pub struct StoreError {
    operation: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl StoreError {
    pub(super) fn new(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self { operation, path: path.to_owned(), source }
    }
}

/// An image that is ready on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSummary {
    /// The full reference.
    pub reference: String,
    /// What it resolved to.
    pub digest: String,
    /// OCI's name of the architecture.
    pub architecture: String,
    /// Compressed layers, in bytes.
    pub size_bytes: u64,
    /// When a task last pulled it.
    pub last_used: SystemTime,
}

/// A registry and repository that has shown that it has a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// `host` or `host:port`.
    pub(super) host: String,
    pub(super) repository: String,
}

/// What is known of a blob.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct BlobRecord {
    /// Of a layer that was unpacked: the digest of its tar stream, verified.
    pub(super) diff_id: Option<Digest>,
    /// Latest last.
    pub(super) origins: Vec<Origin>,
}

/// What is known of an unpacked layer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LayerRecord {
    /// Files' sizes, in bytes.
    pub(super) bytes: u64,
    /// Directories the layer does not describe itself.
    pub(super) implied: Vec<String>,
    /// How many names its root directory has, to tell a layer that was emptied; older records do not say.
    #[serde(default)]
    names: Option<usize>,
    /// The boot in which it was unpacked.
    boot: String,
}

/// What a reference resolved to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ImageRecord {
    pub(super) reference: String,
    pub(super) digest: Digest,
    pub(super) architecture: String,
    pub(super) size_bytes: u64,
    /// Index, manifest, configuration.
    pub(super) documents: Vec<Digest>,
    /// Compressed layers.
    pub(super) blobs: Vec<Digest>,
    /// Unpacked layers.
    pub(super) layers: Vec<Digest>,
}

/// The layers a container directory uses.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DirectoryLease {
    pub(super) directory: PathBuf,
    pub(super) layers: Vec<Digest>,
}

/// The content directory.
#[derive(Debug)]
pub(super) struct Store {
    directory: PathBuf,
    boot: String,
    /// Of what is being made as well: the names are unique.
    trash: Trash,
    /// How many leases of this process each digest has. Whoever removes content holds this lock.
    leases: Mutex<HashMap<Digest, usize>>,
    durability: Mutex<()>,
    _lock: Flock<File>,
}

const PARTS: [&str; 6] = ["documents", "blobs", "layers", "images", "leases", "ingest"];

impl Store {
    /// Opens or makes the directory, and clears what a crash left.
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        let fail = |operation, path: &Path| {
            let path = path.to_owned();
            move |source| StoreError { operation, path, source }
        };
        make_parts(directory).map_err(fail("make", directory))?;
        let path = directory.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(fail("open", &path))?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| StoreError {
            operation: "lock (is another server using it?)",
            path: path.clone(),
            source: errno.into(),
        })?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned();
        let ingest = directory.join("ingest");
        let store = Self {
            directory: directory.to_owned(),
            boot,
            trash: Trash::open(&ingest).map_err(fail("empty", &ingest))?,
            leases: Mutex::default(),
            durability: Mutex::default(),
            _lock: lock,
        };
        store.distrust_layers_of_other_boots()?;
        store.sweep_leases()?;
        Ok(store)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The directory that overlay mounts use for a layer.
    pub(super) fn layer_root(&self, diff_id: &Digest) -> PathBuf {
        self.layer(diff_id).join("root")
    }

    pub(super) fn layer_record(&self, diff_id: &Digest) -> Option<LayerRecord> {
        read_json(&self.layer(diff_id).join("layer.json"))
    }

    /// Whether the layer is there, as far as one look can tell.
    pub(super) fn has_layer(&self, diff_id: &Digest) -> bool {
        let names = || fs::read_dir(self.layer_root(diff_id)).map(Iterator::count).ok();
        self.layer_record(diff_id)
            .is_some_and(|record| names().is_some_and(|found| record.names.is_none_or(|expected| expected == found)))
    }

    pub(super) fn blob(&self, digest: &Digest) -> BlobRecord {
        read_json(&self.blob_path(digest)).unwrap_or_default()
    }

    /// Remembers that a registry has shown a blob, and of a layer what it unpacks to.
    pub(super) fn remember_blob(
        &self,
        digest: &Digest,
        diff_id: Option<&Digest>,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        // Pulls from different registries may write at the same time.
        let _guard = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = self.blob(digest);
        record.diff_id = diff_id.cloned().or(record.diff_id);
        record.origins.retain(|known| known != origin);
        if record.origins.len() >= limits::ORIGINS {
            record.origins.remove(0);
        }
        record.origins.push(origin.clone());
        self.write_json(&self.blob_path(digest), &record)
    }

    /// A document, if it is there and whole.
    pub(super) fn document(&self, digest: &Digest) -> Option<Vec<u8>> {
        let bytes = fs::read(self.directory.join("documents").join(digest.hex())).ok()?;
        (Digest::of(&bytes) == *digest).then_some(bytes)
    }

    pub(super) fn put_document(&self, digest: &Digest, bytes: &[u8]) -> Result<(), StoreError> {
        self.write(&self.directory.join("documents").join(digest.hex()), bytes)
    }

    /// A new empty directory for a layer to be unpacked; gone when dropped, unless [`Store::keep_layer`] takes it.
    pub(super) fn ingest(self: &Arc<Self>) -> Result<Ingest, StoreError> {
        let path = self.trash.unique("layer");
        let root = path.join("root");
        fs::create_dir_all(&root).map_err(|source| StoreError { operation: "make", path: root.clone(), source })?;
        Ok(Ingest { store: Arc::clone(self), path, root })
    }

    /// Makes an unpacked and verified layer known. If it is there already, this one is thrown away; if what is there is
    /// not whole, that is.
    pub(super) fn keep_layer(&self, ingest: &Ingest, diff_id: &Digest, unpacked: &Unpacked) -> Result<(), StoreError> {
        let names = fs::read_dir(&ingest.root).map(Iterator::count);
        let names = names.map_err(|source| StoreError::new("read", &ingest.root, source))?;
        let (implied, boot) = (unpacked.implied.clone(), self.boot.clone());
        let record = LayerRecord { bytes: unpacked.bytes, implied, names: Some(names), boot };
        self.write_json(&ingest.path.join("layer.json"), &record)?;
        let target = self.layer(diff_id);
        let kept = match self.anew(|| fs::rename(&ingest.path, &target)) {
            Err(_) if self.has_layer(diff_id) => Ok(()),
            Err(_) if target.exists() => self.trash.throw(&target).and_then(|()| fs::rename(&ingest.path, &target)),
            other => other,
        };
        kept.map_err(|source| StoreError { operation: "make", path: target, source })
    }

    /// Waits until the disk has everything, and marks the layers so.
    pub(super) fn make_durable(&self) -> Result<(), StoreError> {
        let _guard = self.durability.lock().unwrap_or_else(PoisonError::into_inner);
        let layers = self.directory.join("layers");
        let waiting: Vec<PathBuf> = names(&layers)?.into_iter().map(|(_, path)| path.join("durable")).collect();
        let waiting: Vec<PathBuf> = waiting.into_iter().filter(|mark| !mark.exists()).collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let fail = |source: io::Error| StoreError { operation: "write to disk", path: layers.clone(), source };
        let directory = File::open(&layers).map_err(fail)?;
        nix::unistd::syncfs(&directory).map_err(|errno| fail(errno.into()))?;
        for mark in waiting {
            // A layer may have been collected meanwhile.
            let _ = File::create(mark);
        }
        Ok(())
    }

    /// Keeps digests (of layers and documents) from being collected until the lease is dropped.
    pub(super) fn lease(self: &Arc<Self>, digests: Vec<Digest>) -> Lease {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        for digest in &digests {
            *leases.entry(digest.clone()).or_default() += 1;
        }
        drop(leases);
        Lease { store: Arc::clone(self), digests }
    }

    /// Notes that a container directory uses layers, until [`Store::end_lease`] or until the directory is gone.
    pub(super) fn lease_for_directory(&self, lease: &DirectoryLease) -> Result<(), StoreError> {
        self.write_json(&self.lease_path(&lease.directory), lease)
    }

    /// A container directory uses no layers any more. It need not have used any.
    pub(super) fn end_lease(&self, directory: &Path) -> Result<(), StoreError> {
        let path = self.lease_path(directory);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::new("remove", &path, source)),
            _ => Ok(()),
        }
    }

    pub(super) fn put_image(&self, record: &ImageRecord) -> Result<(), StoreError> {
        let key = Digest::of(format!("{}\n{}", record.reference, record.architecture).as_bytes());
        self.write_json(&self.directory.join("images").join(format!("{}.json", key.hex())), record)
    }

    /// Runs with the leases at rest: what is not leased now may be removed within.
    pub(super) fn with_leases<T>(&self, run: impl FnOnce(&HashMap<Digest, usize>) -> T) -> T {
        run(&self.leases.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a layer away in one step; its files are deleted in the background.
    pub(super) fn throw_layer(&self, digest: &Digest) -> Result<(), StoreError> {
        let path = self.layer(digest);
        self.trash.throw(&path).map_err(|source| StoreError::new("throw away", &path, source))
    }

    fn layer(&self, diff_id: &Digest) -> PathBuf {
        self.directory.join("layers").join(diff_id.hex())
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.directory.join("blobs").join(format!("{}.json", digest.hex()))
    }

    fn lease_path(&self, directory: &Path) -> PathBuf {
        let name = Digest::of(directory.as_os_str().as_encoded_bytes());
        self.directory.join("leases").join(format!("{}.json", name.hex()))
    }

    /// Makes something below the content directory; once more, with new directories, if a directory is missing.
    fn anew<T>(&self, make: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match make() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_parts(&self.directory).and_then(|()| make()),
            other => other,
        }
    }

    fn write_json(&self, path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(value).map_err(|error| StoreError::new("write", path, error.into()))?;
        self.write(path, &bytes)
    }

    /// By rename, so that a reader sees the old or the new. Not synced: whoever reads can tell a torn file, and a lost one
    /// is only fetched again.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let new = self.trash.unique("file");
        self.anew(|| fs::write(&new, bytes).and_then(|()| fs::rename(&new, path)))
            .map_err(|source| StoreError::new("write", path, source))
    }

    fn distrust_layers_of_other_boots(&self) -> Result<(), StoreError> {
        for (_, path) in names(&self.directory.join("layers"))? {
            let trusted = read_json(&path.join("layer.json"))
                .is_some_and(|record: LayerRecord| path.join("durable").exists() || record.boot == self.boot);
            if !trusted {
                self.trash.throw(&path).map_err(|source| StoreError::new("throw away", &path, source))?;
            }
        }
        Ok(())
    }

    /// Leases of container directories that are gone.
    fn sweep_leases(&self) -> Result<(), StoreError> {
        for (_, path) in names(&self.directory.join("leases"))? {
            let lease = read_json::<DirectoryLease>(&path);
            if lease.is_none_or(|lease| !lease.directory.exists()) {
                remove(&path);
            }
        }
        Ok(())
    }
}

fn make_parts(directory: &Path) -> io::Result<()> {
    for part in PARTS {
        fs::create_dir_all(directory.join(part))?;
    }
    fs::set_permissions(directory, std::os::unix::fs::PermissionsExt::from_mode(0o700))
}

/// A layer being unpacked.
#[derive(Debug)]
pub(super) struct Ingest {
    store: Arc<Store>,
    path: PathBuf,
    root: PathBuf,
}

impl Ingest {
    /// Where to unpack.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        // After `keep_layer` nothing is there any more.
        if let Err(error) = self.store.trash.throw(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot throw a layer away that was not finished");
        }
    }
}

/// Keeps content from being collected.
#[derive(Debug)]
pub(super) struct Lease {
    store: Arc<Store>,
    digests: Vec<Digest>,
}

impl Lease {
    /// What is leased.
    pub(super) fn digests(&self) -> &[Digest] {
        &self.digests
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut leases = self.store.leases.lock().unwrap_or_else(PoisonError::into_inner);
        for digest in &self.digests {
            if let Some(count) = leases.get_mut(digest) {
                *count -= 1;
                if *count == 0 {
                    leases.remove(digest);
                }
            }
        }
    }
}

/// The images in a content directory, also while a server uses it. Latest used first.
///
/// # Errors
///
/// The directory cannot be read.
pub fn list(directory: &Path) -> Result<Vec<ImageSummary>, StoreError> {
    let mut images = Vec::new();
    for (_, path) in names(&directory.join("images"))? {
        let Some(record) = read_json::<ImageRecord>(&path) else { continue };
        let last_used = fs::metadata(&path).and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        images.push(ImageSummary {
            reference: record.reference,
            digest: record.digest.to_string(),
            architecture: record.architecture,
            size_bytes: record.size_bytes,
            last_used,
        });
    }
    images.sort_by(|one, other| other.last_used.cmp(&one.last_used).then_with(|| one.reference.cmp(&other.reference)));
    Ok(images)
}

/// The entries of a directory: name and path. None if it is not there.
pub(super) fn names(directory: &Path) -> Result<Vec<(String, PathBuf)>, StoreError> {
    let fail = |source| StoreError { operation: "read", path: directory.to_owned(), source };
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(fail)?,
    };
    entries
        .map(|entry| entry.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())).map_err(fail))
        .collect()
}

/// A record; `None` if it is not there or torn.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Removes a record that nobody needs any more.
pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "cannot remove a record of content that is gone");
    }
}
