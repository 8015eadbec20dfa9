//! From a reference to a manifest and a configuration, as one task.
//!
//! *Whoever pulls is asked about, every time.* The tag (or digest) is resolved at a place that sees this task's
//! credentials, whatever is cached. Mirrors that may not see them only serve content by digest, after that.
//!
//! A pull keeps what it read; an inspection keeps nothing and therefore asks for everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::compute::RegistryCredentials;

use super::auth::Authorizer;
use super::client::{Document, RegistryClient, Shared};
use super::error::{PullError, Retries, Spent};
use super::failure::Asked;
use super::limits;
use super::manifest::{Configuration, ImageManifest, Manifest, choose};
use super::store::{Origin, Store};
use domain::image::reference::{Digest, Reference};

/// The places that are asked about one image, as one task.
pub(super) struct Road {
    /// What is kept of manifests and configurations; `None` when nothing is to be kept, and nothing is known.
    store: Option<Arc<Store>>,
    reference: Reference,
    /// Mirrors in order, the registry last.
    clients: Vec<RegistryClient>,
    /// Which of them may resolve: those that see the credentials, or all if there are none.
    resolvers: Vec<usize>,
    /// HEAD told nothing: further attempts go without.
    without_head: AtomicBool,
}

/// What a reference is now.
pub(super) struct Resolved {
    /// The one that resolved it.
    pub(super) resolver: usize,
    pub(super) digest: Digest,
    pub(super) manifest_digest: Digest,
    pub(super) manifest: ImageManifest,
    /// Everything read on the way.
    pub(super) documents: Vec<Digest>,
}

impl Road {
    pub(super) fn new(
        shared: &Arc<Shared>,
        store: Option<Arc<Store>>,
        reference: Reference,
        credentials: Option<&RegistryCredentials>,
    ) -> Self {
        let endpoints = shared.registries.endpoints(&reference);
        let mirrors = endpoints.mirrors.into_iter();
        let places: Vec<_> = mirrors.chain([(endpoints.registry, true)]).collect();
        let resolvers = places.iter().enumerate().filter(|(_, (_, trusted))| *trusted || credentials.is_none());
        let resolvers = resolvers.map(|(index, _)| index).collect();
        let clients = places.into_iter().map(|(place, trusted)| {
            let authorizer =
                Authorizer::new(credentials.filter(|_| trusted).cloned(), place.repository(reference.repository()));
            RegistryClient::new(shared.clone(), place, reference.repository(), authorizer)
        });
        let clients = clients.collect();
        Self { store, reference, clients, resolvers, without_head: AtomicBool::new(false) }
    }

    pub(super) fn reference(&self) -> &Reference {
        &self.reference
    }

    pub(super) fn client(&self, index: usize) -> &RegistryClient {
        &self.clients[index]
    }

    fn registry(&self) -> &RegistryClient {
        &self.clients[self.clients.len() - 1]
    }

    pub(super) fn asked(&self) -> Asked<'_> {
        Asked { reference: &self.reference, host: self.registry().host(), user: self.registry().user() }
    }

    pub(super) fn origin(&self, resolver: usize) -> Origin {
        let client = &self.clients[resolver];
        Origin { host: client.host().to_owned(), repository: client.repository().to_owned() }
    }

    /// Where content comes from: mirrors, then who resolved the reference.
    pub(super) fn sources(&self, resolver: usize) -> Vec<&RegistryClient> {
        let last = self.clients.len() - 1;
        let mirrors = (0..last).filter(|index| *index != resolver);
        mirrors.chain([resolver]).map(|index| &self.clients[index]).collect()
    }

    /// From the reference to the manifest of this platform.
    pub(super) async fn resolve(&self, architecture: &str, mut retries: Retries) -> Result<Resolved, Spent> {
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

    /// The tags of the repository, as the registry itself lists them.
    pub(super) async fn tags(&self) -> Result<Vec<String>, PullError> {
        self.registry().tags().await
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
        let store = self.store.as_ref()?;
        store.blob(digest).origins.contains(&self.origin(resolver)).then(|| store.document(digest)).flatten()
    }

    fn keep_document(&self, resolver: usize, document: &Document) -> Result<(), PullError> {
        let Some(store) = &self.store else { return Ok(()) };
        store.put_document(&document.digest, &document.bytes)?;
        store.remember_blob(&document.digest, None, &self.origin(resolver))?;
        Ok(())
    }

    /// Asks whether this task may have a blob from one of the places that would be asked for it.
    pub(super) async fn vouch(&self, resolver: usize, digest: &Digest) -> Result<(), PullError> {
        let mut last = Err(PullError::TimedOut);
        for client in self.sources(resolver) {
            last = client.vouch(digest).await;
            if last.is_ok() {
                break;
            }
        }
        last
    }

    /// The configuration of the image.
    pub(super) async fn configuration(
        &self,
        resolved: &Resolved,
        mut retries: Retries,
    ) -> Result<Configuration, Spent> {
        let (blob, layers) = (&resolved.manifest.config, resolved.manifest.layers.len());
        let read = |bytes: &[u8]| {
            let host = self.clients[resolved.resolver].host();
            Configuration::read(bytes, layers, host).map_err(|error| Spent { error, attempts: 1 })
        };
        if let Some(bytes) = self.known_document(resolved.resolver, &blob.digest) {
            return read(&bytes);
        }
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
}
