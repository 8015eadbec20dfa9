//! A look at an image where it lies: the same questions to the same places as a pull, and nothing is kept.
//!
//! It has no content store, so it could not keep anything. It asks once: whoever wants to know whether an image can be
//! pulled wants to hear of the trouble, not to wait for its end.

use std::path::Path;
use std::sync::Arc;

use domain::compute::{BoxFuture, ImageFacts, ImageInspection, RegistryCredentials};
use domain::failure::Failure;
use tokio::sync::Semaphore;

use super::client::Shared;
use super::error::{PullError, Retries, Spent};
use super::failure::{self, Stage};
use super::limits;
use super::manifest::Configuration;
use super::reference::Reference;
use super::registries::Registries;
use super::resolve::{Resolved, Road};

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
        let road = Road::new(&self.shared, None, reference, credentials.as_ref());
        drop(credentials);
        let looking = async {
            // Waiting for one's turn counts as well.
            let _turn = self.at_once.acquire().await;
            let resolved = road.resolve(architecture, Retries::none()).await?;
            let configuration = road.configuration(&resolved, Retries::none()).await?;
            check_platform(&configuration, architecture)?;
            Ok((resolved, configuration))
        };
        let late = |_| Err(Spent { error: PullError::TimedOut, attempts: 1 });
        let looked = tokio::time::timeout(limits::INSPECTION_TIMEOUT, looking).await.unwrap_or_else(late);
        let (resolved, configuration) = looked.map_err(|spent| failure::of(Stage::Resolve, &spent, road.asked()))?;
        Ok(facts(&road, &resolved, &configuration))
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

fn facts(road: &Road, resolved: &Resolved, configuration: &Configuration) -> ImageFacts {
    let asked = road.asked();
    ImageFacts {
        reference: road.reference().to_string(),
        registry: asked.host.to_owned(),
        user: asked.user.map(str::to_owned),
        digest: resolved.digest.to_string(),
        platform: format!("linux/{}", configuration.architecture),
        layers: resolved.manifest.layers.len(),
        size_bytes: resolved.manifest.size(),
    }
}
