//! One container's road: the registry's credentials, the registry, the image, its platform, then secrets and logs.
//!
//! The registries of all containers are asked at the same time, and have a time to answer.

use std::sync::Arc;
use std::time::Duration;

use domain::compute::{ContainerSpec, ImageFacts, ImageInspection, RegistryCredentials, TaskServices as _};
use domain::ecs::{Task, TaskContainer};
use domain::failure::{Failure, Link, LinkKind, Outcome};
use domain::iam::Caller;
use domain::image::reference::Reference;
use domain::mend::{self, Fault};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Road, settled};
use crate::task_services::AppTaskServices;
use crate::{Rehearsal, limits, logs};

const NO_CREDENTIALS: &str = "Not reached: there are no credentials for the registry.";
const NOT_ASKED: &str = "Not asked.";
const MIB: u64 = 1024 * 1024;

/// Looks at every container of the task. `session` is the execution role's. Without `images` no registry is asked.
pub(super) async fn look(
    rehearsal: &Rehearsal,
    task: &Task,
    session: Option<&Caller>,
    images: Option<&Arc<dyn ImageInspection>>,
) -> Vec<Road> {
    let services = AppTaskServices::new(Arc::clone(rehearsal.app()));
    let mut inspections = JoinSet::new();
    let mut roads = Vec::with_capacity(task.containers.len());
    for (index, (spec, container)) in task.spec.containers.iter().zip(&task.containers).enumerate() {
        let look = Look { rehearsal, services: &services, task, session, spec, container };
        let (mut links, credentials) = look.credentials().await;
        match (credentials, images) {
            (Credentials::Known(credentials), Some(images)) => {
                let asked = Inspection::new(images, task, spec);
                inspections.spawn(async move { (index, asked.ask(credentials).await) });
            }
            (Credentials::Known(_), None) => {
                links.extend(image_not_reached(&spec.image, &task.spec.architecture, NOT_ASKED));
            }
            (Credentials::Unknown, _) => {
                links.retain(|link| link.kind != LinkKind::Registry);
                links.extend(image_not_reached(&spec.image, &task.spec.architecture, NO_CREDENTIALS));
            }
        }
        let road = Road::new(Some(spec.name.clone()), links);
        roads.push((road, look.after_image().await));
    }
    while let Some(asked) = inspections.join_next().await {
        if let Ok((index, links)) = asked {
            roads[index].0.links.extend(links);
        }
    }
    let joined = roads.into_iter().map(|(mut road, after)| {
        road.links.extend(after);
        road
    });
    joined.collect()
}

/// Whether the registry can be asked.
enum Credentials {
    /// With these, or with none because none are wanted.
    Known(Option<RegistryCredentials>),
    /// There should be some.
    Unknown,
}

/// One container.
struct Look<'a> {
    rehearsal: &'a Rehearsal,
    services: &'a AppTaskServices,
    task: &'a Task,
    session: Option<&'a Caller>,
    spec: &'a ContainerSpec,
    container: &'a TaskContainer,
}

impl Look<'_> {
    async fn credentials(&self) -> (Vec<Link>, Credentials) {
        let Some(parameter) = &self.container.credentials_parameter else {
            return (Vec::new(), Credentials::Known(None));
        };
        let Some(session) = self.session else {
            return (vec![not_asked(LinkKind::Secret, parameter)], Credentials::Unknown);
        };
        match self.services.registry_auth(self.task.id(), &self.spec.name).await {
            Ok(credentials) => {
                let road = self.services.credentials_road(session, parameter);
                (without_role(road), Credentials::Known(credentials))
            }
            Err(failure) => (of_failure(failure), Credentials::Unknown),
        }
    }

    /// Secrets and logs.
    async fn after_image(&self) -> Vec<Link> {
        let mut links = Vec::new();
        for secret in &self.container.secrets {
            let Some(session) = self.session else {
                links.push(not_asked(LinkKind::Secret, &secret.value_from));
                continue;
            };
            links.extend(without_role(settled(self.services.variable_road(session, secret).await)));
        }
        if let Some(target) = &self.spec.log {
            match self.session {
                None => links.push(not_asked(LinkKind::Logs, &target.group)),
                Some(session) => match logs::task::rehearse(self.rehearsal, session, target).await {
                    Ok(link) => links.push(link),
                    Err(failure) => links.extend(of_failure(failure)),
                },
            }
        }
        links
    }
}

/// A failure's chain from the role on, which is told before.
fn of_failure(failure: Failure) -> Vec<Link> {
    without_role(settled(failure.chain))
}

fn without_role(chain: Vec<Link>) -> Vec<Link> {
    chain.into_iter().filter(|link| link.kind != LinkKind::Role || link.outcome == Outcome::Broken).collect()
}

fn not_asked(kind: LinkKind, subject: &str) -> Link {
    Link::not_reached(kind, subject, "Not reached: there is no execution role to ask as.")
}

/// Registry, image and platform, not reached.
fn image_not_reached(image: &str, architecture: &str, detail: &str) -> [Link; 3] {
    [
        Link::not_reached(LinkKind::Registry, registry_of(image), detail),
        Link::not_reached(LinkKind::Image, image, detail),
        Link::not_reached(LinkKind::Platform, format!("linux/{architecture}"), detail),
    ]
}

/// The registry of an image; of a text that names none, the text.
pub(super) fn registry_of(image: &str) -> String {
    image.parse::<Reference>().map_or_else(|_| image.to_owned(), |reference| reference.host().to_owned())
}

/// One image to be asked for.
struct Inspection {
    images: Arc<dyn ImageInspection>,
    image: String,
    architecture: String,
}

impl Inspection {
    fn new(images: &Arc<dyn ImageInspection>, task: &Task, spec: &ContainerSpec) -> Self {
        Self { images: Arc::clone(images), image: spec.image.clone(), architecture: task.spec.architecture.clone() }
    }

    async fn ask(&self, credentials: Option<RegistryCredentials>) -> Vec<Link> {
        let asking = async {
            match self.images.inspect(&self.image, credentials.clone(), &self.architecture).await {
                Ok(facts) => found(&facts),
                Err(failure) => self.with_tags(self.not_found(failure), credentials).await,
            }
        };
        timeout(Duration::from_secs(limits::INSPECTION_SECONDS), asking).await.unwrap_or_else(|_| self.late())
    }

    /// The links, with the tags that there are where one is missing.
    async fn with_tags(&self, mut links: Vec<Link>, credentials: Option<RegistryCredentials>) -> Vec<Link> {
        let is_missing = |link: &&mut Link| matches!(link.fault.as_deref(), Some(Fault::NoTag { .. }));
        if let Some(link) = links.iter_mut().find(is_missing) {
            let tags = self.images.tags(&self.image, credentials).await;
            let near = mend::closest(&self.image, &tags);
            if !near.is_empty() {
                link.mend = format!("{}; there is {}", link.mend, near.join(", "));
            }
            link.fault = Some(Box::new(Fault::NoTag { tags }));
        }
        links
    }

    /// The failure's chain, filled up to the platform.
    fn not_found(&self, failure: Failure) -> Vec<Link> {
        let mut links = settled(failure.chain);
        for link in self.not_reached() {
            if links.iter().all(|known| known.kind != link.kind) && !is_before(&link, &links) {
                links.push(link);
            }
        }
        links
    }

    fn late(&self) -> Vec<Link> {
        let mut links = self.not_reached();
        links[0] = Link::broken(
            LinkKind::Registry,
            registry_of(&self.image),
            format!("It did not answer within {} seconds.", limits::INSPECTION_SECONDS),
            "Check the network between this machine and the registry.",
        );
        links.to_vec()
    }

    fn not_reached(&self) -> [Link; 3] {
        image_not_reached(&self.image, &self.architecture, "Not reached.")
    }
}

/// Whether a link belongs before those that are there: an image whose name is wrong has no registry.
fn is_before(link: &Link, links: &[Link]) -> bool {
    link.kind == LinkKind::Registry && !links.is_empty()
}

fn found(facts: &ImageFacts) -> Vec<Link> {
    let login = match &facts.user {
        Some(user) => format!("It took the password of {user}."),
        None => "It answers without a password.".to_owned(),
    };
    let megabytes = facts.size_bytes.div_ceil(MIB);
    let there = if facts.layers_seen == facts.layers {
        "The registry has its configuration and all layers."
    } else {
        "The registry has its configuration; whether it has all layers it does not say."
    };
    let image = format!("{}, {} layers, {megabytes} MiB compressed. {there}", facts.digest, facts.layers);
    vec![
        Link::good(LinkKind::Registry, &facts.registry, login),
        Link::good(LinkKind::Image, &facts.reference, image),
        Link::good(LinkKind::Platform, &facts.platform, "The image is for the platform of the task."),
    ]
}
