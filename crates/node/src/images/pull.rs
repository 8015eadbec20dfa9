//! A pull: resolve as this task, then bring what is missing.
//!
//! *Whoever pulls is asked about, every time.* The tag (or digest) is resolved at a place that sees this task's
//! credentials, whatever is cached. Mirrors that may not see them only serve content by digest, after that.
//!
//! *Content is shared by what registries have shown, not by digest alone.* A digest is no secret, so a registry that
//! merely names one in a manifest must not get its content from our disk. Content is reused if this registry and
//! repository has shown it before; if only another repository of the same registry has, that registry is asked (HEAD)
//! whether this task may have it; if only another registry has, it is downloaded again as proof, and only then shared.
//!
//! *Nothing is done twice at once.* Work on one blob of one registry is done under a lock, by one task; the others, each
//! authorised by its own manifest request, find it done.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use domain::compute::RegistryCredentials;
use domain::failure::Failure;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore};
use tokio::task::JoinSet;

use super::auth::Authorizer;
use super::client::{Document, RegistryClient, Shared};
use super::error::{PullError, Retries, Spent};
use super::failure::{self, Asked, Stage};
use super::manifest::{Blob, Configuration, ImageManifest, Manifest, choose};
use super::reference::{Digest, Reference};
use super::registries::Registries;
use super::store::{ImageRecord, Lease, Origin, Store, StoreError};
use super::{Image, PullProgress, collect, layer, limits};

/// How long after a pull the disk is made to have it: the start of the container goes first.
const DURABILITY_DELAY: Duration = Duration::from_secs(10);

/// What pulls of a node share. No authorisation is among it.
pub(super) struct Puller {
    store: Arc<Store>,
    shared: Arc<Shared>,
    locks: Mutex<HashMap<String, Weak<AsyncMutex<()>>>>,
    layers_at_once: Semaphore,
    upkeep_planned: AtomicBool,
}

impl Puller {
    pub(super) fn open(directory: &Path, registries: Registries) -> Result<Self, StoreError> {
        Ok(Self {
            store: Arc::new(Store::open(directory)?),
            shared: Arc::new(Shared::new(registries)),
            locks: Mutex::default(),
            layers_at_once: Semaphore::new(limits::LAYERS_AT_ONCE_NODE),
            upkeep_planned: AtomicBool::new(false),
        })
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    async fn lock(&self, key: String) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| lock.strong_count() > 0);
            let known = locks.get(&key).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let lock = Arc::new(AsyncMutex::new(()));
                locks.insert(key, Arc::downgrade(&lock));
                lock
            })
        };
        lock.lock_owned().await
    }

    /// Plans what follows pulls: the disk gets everything, and the content goes back into its budget.
    fn plan_upkeep(self: &Arc<Self>) {
        if self.upkeep_planned.swap(true, Ordering::AcqRel) {
            return;
        }
        let puller = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(DURABILITY_DELAY).await;
            let Some(puller) = puller.upgrade() else { return };
            puller.upkeep_planned.store(false, Ordering::Release);
            let work = tokio::task::spawn_blocking(move || {
                puller.store.make_durable()?;
                collect::collect(&puller.store, limits::STORE_BYTES)
            });
            if let Ok(Err(error)) = work.await {
                tracing::warn!(%error, "the upkeep of the images failed; it is tried again after the next pull");
            }
        });
    }
}

/// See [`super::Images::pull`].
pub(super) async fn pull(
    puller: &Arc<Puller>,
    reference: &str,
    credentials: Option<RegistryCredentials>,
    architecture: &str,
    progress: Arc<PullProgress>,
) -> Result<Image, Failure> {
    let text = reference;
    let reference: Reference =
        text.parse().map_err(|error| failure::of_reference(text, &PullError::Reference(error)))?;
    let architecture = architecture.strip_prefix("linux/").unwrap_or(architecture);
    let session = Session::new(puller, reference, credentials.as_ref());
    drop(credentials);
    let failed = |stage, spent: &Spent| failure::of(stage, spent, session.asked());
    let late = |attempts| Spent { error: PullError::TimedOut, attempts };

    let resolved = tokio::time::timeout(limits::RESOLVE_TIMEOUT * 2, session.resolve(architecture)).await;
    let resolved = resolved.unwrap_or_else(|_| Err(late(1))).map_err(|spent| failed(Stage::Resolve, &spent))?;
    let session = Arc::new(session);
    let failed = |spent: &Spent| failure::of(Stage::Copy, spent, session.asked());
    let image = tokio::time::timeout(limits::PULL_TIMEOUT, copy(&session, resolved, architecture, &progress)).await;
    let image = image.unwrap_or_else(|_| Err(late(1))).map_err(|spent| failed(&spent))?;
    puller.plan_upkeep();
    Ok(image)
}

/// One pull of one image as one task.
struct Session {
    puller: Arc<Puller>,
    reference: Reference,
    /// Mirrors in order, the registry last.
    clients: Vec<RegistryClient>,
    /// Which of them may resolve: those that see the credentials, or all if there are none.
    resolvers: Vec<usize>,
    /// HEAD told nothing: further attempts go without.
    without_head: AtomicBool,
}

/// What a reference is now.
struct Resolved {
    /// The one that resolved it.
    resolver: usize,
    digest: Digest,
    manifest_digest: Digest,
    manifest: ImageManifest,
    /// Everything read on the way.
    documents: Vec<Digest>,
}

impl Session {
    fn new(puller: &Arc<Puller>, reference: Reference, credentials: Option<&RegistryCredentials>) -> Self {
        let endpoints = puller.shared.registries.endpoints(&reference);
        let mirrors = endpoints.mirrors.into_iter();
        let places: Vec<_> = mirrors.chain([(endpoints.registry, true)]).collect();
        let resolvers = places.iter().enumerate().filter(|(_, (_, trusted))| *trusted || credentials.is_none());
        let resolvers = resolvers.map(|(index, _)| index).collect();
        let clients = places.into_iter().map(|(place, trusted)| {
            let authorizer =
                Authorizer::new(credentials.filter(|_| trusted).cloned(), place.repository(reference.repository()));
            RegistryClient::new(puller.shared.clone(), place, reference.repository(), authorizer)
        });
        let clients = clients.collect();
        Self { puller: puller.clone(), reference, clients, resolvers, without_head: AtomicBool::new(false) }
    }

    fn registry(&self) -> &RegistryClient {
        &self.clients[self.clients.len() - 1]
    }

    fn asked(&self) -> Asked<'_> {
        Asked { reference: &self.reference, host: self.registry().host(), user: self.registry().user() }
    }

    fn origin(&self, resolver: usize) -> Origin {
        let client = &self.clients[resolver];
        Origin { host: client.host().to_owned(), repository: client.repository().to_owned() }
    }

    /// Where content comes from: mirrors, then who resolved the reference.
    fn sources(&self, resolver: usize) -> Vec<&RegistryClient> {
        let last = self.clients.len() - 1;
        let mirrors = (0..last).filter(|index| *index != resolver);
        mirrors.chain([resolver]).map(|index| &self.clients[index]).collect()
    }

    async fn resolve(&self, architecture: &str) -> Result<Resolved, Spent> {
        let mut retries = Retries::within(limits::RESOLVE_TIMEOUT);
        loop {
            for index in &self.resolvers {
                let error = match self.resolve_at(*index, architecture).await {
                    Ok(resolved) => return Ok(resolved),
                    Err(error) => error,
                };
                if *index == self.clients.len() - 1 {
                    retries.after(error).await?;
                } else {
                    tracing::info!(mirror = self.clients[*index].host(), %error, "a mirror did not resolve the image");
                }
            }
        }
    }

    async fn resolve_at(&self, resolver: usize, architecture: &str) -> Result<Resolved, PullError> {
        let (digest, mut manifest) = self.ask(resolver).await?;
        let mut manifest_digest = digest.clone();
        let mut documents = vec![digest.clone()];
        for _ in 0..=limits::INDEX_DEPTH {
            let entries = match manifest {
                Manifest::Image(manifest) => {
                    documents.push(manifest.config.digest.clone());
                    return Ok(Resolved { resolver, digest, manifest_digest, manifest, documents });
                }
                Manifest::Index(entries) => entries,
            };
            manifest_digest = choose(&entries, architecture)?.clone();
            manifest = self.manifest(resolver, &manifest_digest, &self.sources(resolver)).await?;
            documents.push(manifest_digest.clone());
        }
        let why = format!("its indexes are nested more than {} deep", limits::INDEX_DEPTH);
        Err(PullError::Protocol { host: self.clients[resolver].host().to_owned(), why })
    }

    /// The registry's own word on the reference, as this task. This is what authorises everything after it.
    ///
    /// HEAD goes first: it does not count against Docker Hub's pull limit, and suffices if the content is here.
    async fn ask(&self, resolver: usize) -> Result<(Digest, Manifest), PullError> {
        let client = &self.clients[resolver];
        let target = self.reference.target();
        if !self.without_head.load(Ordering::Relaxed) {
            match client.resolve(&target).await {
                Ok(stated) => {
                    let digest = self.reference.digest().cloned().or(stated);
                    if let Some(digest) = digest {
                        let manifest = self.manifest(resolver, &digest, &[client]).await?;
                        return Ok((digest, manifest));
                    }
                }
                // Some registries know no HEAD; others have words for a refusal that only GET brings.
                Err(PullError::Status(answer)) if (400..500).contains(&answer.status) && answer.status != 429 => {}
                Err(PullError::Denied(denial)) if denial.status == 403 => {}
                Err(error) => return Err(error),
            }
            self.without_head.store(true, Ordering::Relaxed);
        }
        let document = client.manifest(&target).await?;
        Ok((document.digest.clone(), self.checked(resolver, &document)?))
    }

    /// A manifest by its digest, which this task was led to by what it may read.
    async fn manifest(
        &self,
        resolver: usize,
        digest: &Digest,
        sources: &[&RegistryClient],
    ) -> Result<Manifest, PullError> {
        if let Some(bytes) = self.known_document(resolver, digest) {
            let document = Document { digest: digest.clone(), media_type: String::new(), bytes };
            return Manifest::read(&document, self.clients[resolver].host());
        }
        let mut last = None;
        for client in sources {
            match client.manifest(&digest.to_string()).await {
                Ok(document) => return self.checked(resolver, &document),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or(PullError::TimedOut))
    }

    /// Reads a manifest that just came, and keeps it if it is sound: its media type is known only now.
    fn checked(&self, resolver: usize, document: &Document) -> Result<Manifest, PullError> {
        let manifest = Manifest::read(document, self.clients[resolver].host())?;
        self.keep_document(resolver, document)?;
        Ok(manifest)
    }

    /// A document that is here and that this very repository has shown before.
    fn known_document(&self, resolver: usize, digest: &Digest) -> Option<Vec<u8>> {
        let store = &self.puller.store;
        store.blob(digest).origins.contains(&self.origin(resolver)).then(|| store.document(digest)).flatten()
    }

    fn keep_document(&self, resolver: usize, document: &Document) -> Result<(), PullError> {
        let store = &self.puller.store;
        store.put_document(&document.digest, &document.bytes)?;
        store.remember_blob(&document.digest, None, &self.origin(resolver))?;
        Ok(())
    }

    async fn configuration(&self, resolved: &Resolved) -> Result<Configuration, Spent> {
        let (blob, layers) = (&resolved.manifest.config, resolved.manifest.layers.len());
        let read = |bytes: &[u8]| {
            let host = self.clients[resolved.resolver].host();
            Configuration::read(bytes, layers, host).map_err(|error| Spent { error, attempts: 1 })
        };
        if let Some(bytes) = self.known_document(resolved.resolver, &blob.digest) {
            return read(&bytes);
        }
        let mut retries = Retries::within(limits::RESOLVE_TIMEOUT);
        let sources = self.sources(resolved.resolver);
        loop {
            for (index, client) in sources.iter().enumerate() {
                let fetched = client.small_blob(&blob.digest, limits::CONFIG_BYTES);
                let fetched = tokio::time::timeout(limits::RESOLVE_TIMEOUT, fetched).await;
                match fetched.unwrap_or(Err(PullError::TimedOut)) {
                    Ok(bytes) => {
                        let document = Document { digest: blob.digest.clone(), media_type: String::new(), bytes };
                        let kept = self.keep_document(resolved.resolver, &document);
                        kept.map_err(|error| Spent { error, attempts: retries.attempts() + 1 })?;
                        return read(&document.bytes);
                    }
                    Err(error) if index + 1 == sources.len() => retries.after(error).await?,
                    Err(_) => {}
                }
            }
        }
    }

    /// Makes one layer ready, under the rules at the top of this file.
    async fn layer(
        &self,
        resolver: usize,
        blob: &Blob,
        diff_id: &Digest,
        progress: &PullProgress,
    ) -> Result<(), Spent> {
        let origin = self.origin(resolver);
        let puller = &self.puller;
        let _turn = puller.lock(format!("{} {}", origin.host, blob.digest)).await;
        let _permit = puller.layers_at_once.acquire().await;
        let store = &puller.store;
        let kept = |result: Result<(), StoreError>| result.map_err(|error| Spent { error: error.into(), attempts: 1 });
        let known = store.blob(&blob.digest);
        if known.diff_id.as_ref().is_some_and(|known| known != diff_id) {
            let source = super::unpack::UnpackError::DiffId;
            return Err(Spent { error: PullError::Layer { layer: diff_id.clone(), source }, attempts: 1 });
        }
        let sources = self.sources(resolver);
        if known.diff_id.is_none() || store.layer_record(diff_id).is_none() {
            let ingest = store.ingest().map_err(|error| Spent { error: error.into(), attempts: 1 })?;
            let (ingest, unpacked) = layer::fetch(&sources, blob, diff_id, ingest, progress).await?;
            kept(store.keep_layer(&ingest, diff_id, &unpacked))?;
            return kept(store.remember_blob(&blob.digest, Some(diff_id), &origin));
        }
        if !known.origins.contains(&origin) {
            let same_registry = known.origins.iter().any(|known| known.host == origin.host);
            if !(same_registry && self.vouched(resolver, blob).await?) {
                layer::prove(&sources, blob, progress).await?;
                return kept(store.remember_blob(&blob.digest, None, &origin));
            }
            kept(store.remember_blob(&blob.digest, None, &origin))?;
        }
        progress.add(blob.size);
        Ok(())
    }

    /// Whether the registry says that this task may have the blob. `false`: it does not say.
    async fn vouched(&self, resolver: usize, blob: &Blob) -> Result<bool, Spent> {
        let mut retries = Retries::within(limits::RESOLVE_TIMEOUT);
        loop {
            match self.clients[resolver].vouch(&blob.digest).await {
                Ok(()) => return Ok(true),
                Err(PullError::Status(answer)) if (400..500).contains(&answer.status) && answer.status != 429 => {
                    return Ok(false);
                }
                Err(error) => retries.after(error).await?,
            }
        }
    }
}

async fn copy(
    session: &Arc<Session>,
    resolved: Resolved,
    architecture: &str,
    progress: &Arc<PullProgress>,
) -> Result<Image, Spent> {
    let store = &session.puller.store;
    let _documents = store.lease(resolved.documents.clone());
    progress.expect(resolved.manifest.size());
    let configuration = session.configuration(&resolved).await?;
    // Leased before anybody looks whether they are there, so that they cannot be collected in between.
    let lease = store.lease(configuration.diff_ids.clone());
    layers(session, &resolved, &configuration, progress).await?;
    finish(session, resolved, configuration, architecture, lease)
        .map_err(|error| Spent { error: error.into(), attempts: 1 })
}

/// All layers, some at a time. The first that fails ends the others.
async fn layers(
    session: &Arc<Session>,
    resolved: &Resolved,
    configuration: &Configuration,
    progress: &Arc<PullProgress>,
) -> Result<(), Spent> {
    let mut waiting = resolved.manifest.layers.iter().cloned().zip(configuration.diff_ids.iter().cloned());
    let mut working = JoinSet::new();
    loop {
        while working.len() < limits::LAYERS_AT_ONCE
            && let Some((blob, diff_id)) = waiting.next()
        {
            let (session, progress, by) = (session.clone(), progress.clone(), resolved.resolver);
            working.spawn(async move { session.layer(by, &blob, &diff_id, &progress).await });
        }
        match working.join_next().await {
            None => return Ok(()),
            Some(Ok(result)) => result?,
            Some(Err(_)) => return Err(Spent { error: PullError::TimedOut, attempts: 1 }),
        }
    }
}

fn finish(
    session: &Session,
    resolved: Resolved,
    configuration: Configuration,
    architecture: &str,
    lease: Lease,
) -> Result<Image, StoreError> {
    let store = &session.puller.store;
    store.put_image(&ImageRecord {
        reference: session.reference.to_string(),
        digest: resolved.digest.clone(),
        architecture: architecture.to_owned(),
        size_bytes: resolved.manifest.size(),
        documents: resolved.documents,
        blobs: resolved.manifest.layers.into_iter().map(|layer| layer.digest).collect(),
        layers: configuration.diff_ids.clone(),
    })?;
    let implied = configuration
        .diff_ids
        .iter()
        .map(|diff_id| store.layer_record(diff_id).map_or_else(Vec::new, |record| record.implied));
    Ok(Image {
        reference: session.reference.to_string(),
        digest: resolved.digest.to_string(),
        manifest_digest: resolved.manifest_digest.to_string(),
        architecture: configuration.architecture,
        config: configuration.config,
        implied: implied.collect(),
        layers: configuration.diff_ids.iter().map(|diff_id| store.layer_root(diff_id)).collect(),
        lease: Arc::new(lease),
    })
}
