//! A pull: resolve as this task, then bring what is missing.
//!
//! *Whoever pulls is asked about, every time*, whatever is cached: see [`super::resolve`].
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
use domain::image::layers::distinct;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore};
use tokio::task::JoinSet;

use super::client::Shared;
use super::error::{PullError, Retries, Spent};
use super::failure::{self, Stage};
use super::manifest::{Blob, Configuration};
use super::registries::Registries;
use super::resolve::{Resolved, Road};
use super::store::{ImageRecord, Lease, Store, StoreError};
use super::{Image, PullProgress, collect, layer, limits};
use crate::causes::Causes;
use domain::image::reference::{Digest, Reference};

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
                let error = Causes(&error);
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
    let road = Road::new(&puller.shared, Some(puller.store.clone()), reference, credentials.as_ref());
    drop(credentials);
    let failed = |stage, spent: &Spent| failure::of(stage, spent, road.asked());
    let late = |attempts| Spent { error: PullError::TimedOut, attempts };

    let resolving = road.resolve(architecture, Retries::within(limits::RESOLVE_TIMEOUT));
    let resolved = tokio::time::timeout(limits::RESOLVE_TIMEOUT * 2, resolving).await;
    let resolved = resolved.unwrap_or_else(|_| Err(late(1))).map_err(|spent| failed(Stage::Resolve, &spent))?;
    let session = Arc::new(Session { puller: puller.clone(), road });
    let failed = |spent: &Spent| failure::of(Stage::Copy, spent, session.road.asked());
    let image = tokio::time::timeout(limits::PULL_TIMEOUT, copy(&session, resolved, architecture, &progress)).await;
    let image = image.unwrap_or_else(|_| Err(late(1))).map_err(|spent| failed(&spent))?;
    puller.plan_upkeep();
    Ok(image)
}

/// One pull of one image as one task.
struct Session {
    puller: Arc<Puller>,
    road: Road,
}

impl Session {
    /// Makes one layer ready, under the rules at the top of this file.
    async fn layer(
        &self,
        resolver: usize,
        blob: &Blob,
        diff_id: &Digest,
        progress: &PullProgress,
    ) -> Result<(), Spent> {
        let origin = self.road.origin(resolver);
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
        let sources = self.road.sources(resolver);
        if known.diff_id.is_none() || !store.has_layer(diff_id) {
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
            match self.road.client(resolver).vouch(&blob.digest).await {
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
    progress.expect(resolved.manifest.size(), resolved.manifest.layers.len());
    let configuration = session.road.configuration(&resolved, Retries::within(limits::RESOLVE_TIMEOUT)).await?;
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
            working.spawn(async move {
                session.layer(by, &blob, &diff_id, &progress).await.inspect(|()| progress.layer_is_ready())
            });
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
        reference: session.road.reference().to_string(),
        digest: resolved.digest.clone(),
        architecture: architecture.to_owned(),
        size_bytes: resolved.manifest.size(),
        documents: resolved.documents,
        blobs: resolved.manifest.layers.into_iter().map(|layer| layer.digest).collect(),
        layers: configuration.diff_ids.clone(),
    })?;
    let layers = distinct(&configuration.diff_ids);
    let implied =
        layers.iter().map(|diff_id| store.layer_record(diff_id).map_or_else(Vec::new, |record| record.implied));
    Ok(Image {
        reference: session.road.reference().to_string(),
        digest: resolved.digest.to_string(),
        manifest_digest: resolved.manifest_digest.to_string(),
        architecture: configuration.architecture,
        config: configuration.config,
        implied: implied.collect(),
        layers: layers.iter().map(|diff_id| store.layer_root(diff_id)).collect(),
        lease: Arc::new(lease),
    })
}
