//! A look at an image where it lies: the same questions to the same places as a pull, and nothing is kept.
//!
//! It has no content store, so it could not keep anything. It asks once: whoever wants to know whether an image can be
//! pulled wants to hear of the trouble, not to wait for its end. Of layers only their presence is asked (HEAD), a few at
//! a time; that their bytes are sound is seen in a pull.

use std::path::Path;
use std::sync::Arc;

use domain::compute::{BoxFuture, ImageFacts, ImageInspection, RegistryCredentials};
use domain::failure::Failure;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::client::Shared;
use super::error::{PullError, Retries, Spent};
use super::failure::{self, Stage};
use super::limits;
use super::manifest::Configuration;
use super::registries::Registries;
use super::resolve::{Resolved, Road};
use domain::image::reference::{Digest, Reference};

/// Looks at images as a pull on this machine would.
pub struct Inspector {
    shared: Arc<Shared>,
    at_once: Semaphore,
}

impl Inspector {
    /// An inspector that knows the operator's registries.
    pub fn new(registries: Registries) -> Self {
        Self { shared: Arc::new(Shared::new(registries)), at_once: Semaphore::new(limits::INSPECTIONS_AT_ONCE) }
    }

    async fn look(
        &self,
        image: &str,
        credentials: Option<RegistryCredentials>,
        architecture: &str,
    ) -> Result<ImageFacts, Failure> {
        let reference: Reference =
            image.parse().map_err(|error| failure::of_reference(image, &PullError::Reference(error)))?;
        let road = Arc::new(Road::new(&self.shared, None, reference, credentials.as_ref()));
        drop(credentials);
        let looking = async {
            // Waiting for one's turn counts as well.
            let _turn = self.at_once.acquire().await;
            let of_manifest = |spent| (Stage::Resolve, spent);
            let of_blob = |spent| (Stage::Copy, spent);
            let resolved = road.resolve(architecture, Retries::none()).await.map_err(of_manifest)?;
            let configuration = road.configuration(&resolved, Retries::none()).await.map_err(of_blob)?;
            check_platform(&configuration, architecture).map_err(of_manifest)?;
            let layers_seen = look_for_layers(&road, &resolved).await.map_err(of_blob)?;
            Ok(facts(&road, &resolved, &configuration, layers_seen))
        };
        let late = |_| Err((Stage::Resolve, Spent { error: PullError::TimedOut, attempts: 1 }));
        let looked = tokio::time::timeout(limits::INSPECTION_TIMEOUT, looking).await.unwrap_or_else(late);
        looked.map_err(|(stage, spent)| failure::of(stage, &spent, road.asked()))
    }
}

/// Asks for every layer whether it is there, and answers for how many the registry said so. A layer that is missing is an
/// error; of several the lowest.
async fn look_for_layers(road: &Arc<Road>, resolved: &Resolved) -> Result<usize, Spent> {
    let mut waiting = resolved.manifest.layers.iter().map(|layer| layer.digest.clone()).enumerate();
    let mut asking = JoinSet::new();
    let mut answers = Vec::with_capacity(resolved.manifest.layers.len());
    loop {
        while asking.len() < limits::LAYERS_AT_ONCE
            && let Some((index, digest)) = waiting.next()
        {
            let (road, place) = (Arc::clone(road), resolved.resolver);
            asking.spawn(async move { (index, is_there(&road, place, &digest).await) });
        }
        match asking.join_next().await {
            Some(Ok(answer)) => answers.push(answer),
            Some(Err(_)) => {}
            None => break,
        }
    }
    answers.sort_by_key(|(index, _)| *index);
    let mut seen = 0;
    for (_, answer) in answers {
        seen += usize::from(answer.map_err(|error| Spent { error, attempts: 1 })?);
    }
    Ok(seen)
}

/// Whether the registry says that a blob is there. `false` where it does not know the question: HEAD, or HEAD at the place
/// that it redirects to.
async fn is_there(road: &Road, place: usize, digest: &Digest) -> Result<bool, PullError> {
    match road.vouch(place, digest).await {
        Ok(()) => Ok(true),
        Err(PullError::Status(answer)) if [403, 405, 501].contains(&answer.status) => Ok(false),
        Err(error) => Err(error),
    }
}

impl ImageInspection for Inspector {
    fn inspect<'a>(
        &'a self,
        image: &'a str,
        credentials: Option<RegistryCredentials>,
        architecture: &'a str,
    ) -> BoxFuture<'a, Result<ImageFacts, Failure>> {
        Box::pin(self.look(image, credentials, architecture))
    }

    fn tags<'a>(&'a self, image: &'a str, credentials: Option<RegistryCredentials>) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async move {
            let Ok(reference) = image.parse() else { return Vec::new() };
            let road = Road::new(&self.shared, None, reference, credentials.as_ref());
            drop(credentials);
            let asking = async {
                let _turn = self.at_once.acquire().await;
                road.tags().await
            };
            match tokio::time::timeout(limits::INSPECTION_TIMEOUT, asking).await {
                Ok(Ok(tags)) => tags,
                Ok(Err(error)) => {
                    tracing::debug!(%error, image, "the registry does not list its tags");
                    Vec::new()
                }
                Err(_) => Vec::new(),
            }
        })
    }
}

/// An index is searched for the platform; an image without one says it only in its configuration, and a pull believes the
/// task. A processor that this machine has not got is told too.
fn check_platform(configuration: &Configuration, architecture: &str) -> Result<(), Spent> {
    let offered = &configuration.architecture;
    if !offered.is_empty() && offered != architecture {
        let offered = vec![format!("linux/{offered}")];
        let error = PullError::Platform { wanted: architecture.to_owned(), offered };
        return Err(Spent { error, attempts: 1 });
    }
    if runs_here(architecture) {
        return Ok(());
    }
    let error = PullError::Unsupported(format!("this machine has no processor for linux/{architecture}"));
    Err(Spent { error, attempts: 1 })
}

/// Whether programs of this architecture run on this machine, by its processor or by an emulator.
fn runs_here(architecture: &str) -> bool {
    let (own, emulator) = match architecture {
        "amd64" => ("x86_64", "qemu-x86_64"),
        _ => ("aarch64", "qemu-aarch64"),
    };
    std::env::consts::ARCH == own || Path::new("/proc/sys/fs/binfmt_misc").join(emulator).exists()
}

fn facts(road: &Road, resolved: &Resolved, configuration: &Configuration, layers_seen: usize) -> ImageFacts {
    let asked = road.asked();
    ImageFacts {
        reference: road.reference().to_string(),
        registry: asked.host.to_owned(),
        user: asked.user.map(str::to_owned),
        digest: resolved.digest.to_string(),
        platform: format!("linux/{}", configuration.architecture),
        layers: resolved.manifest.layers.len(),
        layers_seen,
        size_bytes: resolved.manifest.size(),
    }
}
