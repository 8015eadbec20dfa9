//! The road up: network, log streams, secrets and pulls side by side; then the bundles; then the shim.
//!
//! Until the shim begins, a stop simply drops the work. The first failure drops the rest. Every failure is named as ECS
//! names it and becomes part of what is observed; nothing is undone here, because a failed start goes down the same road
//! as a stopped task.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use domain::compute::ContainerSpec;
use domain::failure::{Failure, FailureName, Link, LinkKind};
use tokio::task::{JoinHandle, JoinSet};
use wire::{Sensitive, Timestamp};

use super::Inner;
use super::birth::Shim;
use super::directory::KeptImage;
use super::launch::{self, Prepared, PreparedContainer};
use super::link::Line;
use super::task::{Task, Wanted};
use crate::causes::Causes;
use crate::images::Image;
use crate::metadata;

/// How long a network may take to be finished when the task is no longer wanted.
const NETWORK_PATIENCE: Duration = Duration::from_secs(10);

/// Takes a task up. Answers when its shim runs, or it failed, or it was stopped before.
pub(super) async fn run(node: &Arc<Inner>, task: &Arc<Task>) -> Option<Line> {
    if task.observation().failure.is_some() {
        // It failed in an earlier process.
        return None;
    }
    if *task.wanted.borrow() >= Wanted::Stop {
        task.stopped_early();
        return None;
    }
    let mut network = tokio::spawn({
        let (node, task) = (Arc::clone(node), Arc::clone(task));
        async move { prepare_surroundings(&node, &task).await }
    });
    let prepared = tokio::select! {
        biased;
        () = task.wanted_to(Wanted::Stop) => None,
        prepared = prepare(node, task, &mut network) => Some(prepared),
    };
    // A half-made network, or storage, is not dropped but finished, or it would appear after it was taken away.
    if !network.is_finished() && tokio::time::timeout(NETWORK_PATIENCE, &mut network).await.is_err() {
        network.abort();
    }
    let Some(prepared) = prepared else {
        task.stopped_early();
        return None;
    };
    let begun = match prepared {
        Ok(prepared) => begin(node, task, prepared).await,
        Err(failure) => Err(failure),
    };
    begun.map_err(|failure| task.failed(failure)).ok()
}

/// Everything that can be done side by side.
async fn prepare(
    node: &Arc<Inner>,
    task: &Arc<Task>,
    network: &mut JoinHandle<Result<PathBuf, Failure>>,
) -> Result<Prepared, Failure> {
    let mut containers = JoinSet::new();
    for index in 0..task.spec.containers.len() {
        let (node, task) = (Arc::clone(node), Arc::clone(task));
        containers.spawn(async move { prepare_container(&node, &task, index).await });
    }
    let network = async { network.await.map_err(|error| internal(&error))? };
    let all = async {
        let mut prepared = Vec::new();
        while let Some(joined) = containers.join_next().await {
            prepared.push(joined.map_err(|error| internal(&error))??);
        }
        prepared.sort_by_key(|container: &PreparedContainer| container.index);
        Ok(prepared)
    };
    let shim = async {
        let (node, task) = (Arc::clone(node), Arc::clone(task));
        let permit = Arc::clone(&task.birth).acquire_owned().await.map_err(|error| internal(&error))?;
        let begun = tokio::task::spawn_blocking(move || Shim::begin(&node, &task, permit));
        let begun = begun.await.map_err(|error| internal(&error))?;
        begun.map_err(|error| cannot_create(format!("cannot start the task's shim: {error}")))
    };
    let (shim, network_namespace, containers) = tokio::try_join!(shim, network, all)?;
    Ok(Prepared { shim, network_namespace, containers })
}

/// Network and storage: what is mounted or joined somewhere is not dropped half made, so both come to their end.
async fn prepare_surroundings(node: &Arc<Inner>, task: &Arc<Task>) -> Result<PathBuf, Failure> {
    let storage = tokio::task::spawn_blocking({
        let (node, task) = (Arc::clone(node), Arc::clone(task));
        move || node.storage.prepare(&task.directory.storage(), task.spec.ephemeral_storage_gib)
    });
    let (network, storage) = tokio::join!(prepare_network(node, task), storage);
    storage
        .map_err(|error| internal(&error))?
        .map_err(|error| cannot_create(format!("cannot make the task's ephemeral storage: {}", Causes(&error))))?;
    network
}

async fn prepare_network(node: &Inner, task: &Task) -> Result<PathBuf, Failure> {
    let path = node.network.prepare(&task.spec.interface, &task.spec.task_id).await.map_err(|error| {
        let message = error.to_string();
        let mend = "tidegate doctor says what this host lacks";
        let link = Link::broken(LinkKind::Network, &task.spec.interface.id, &message, mend);
        let message = format!("failed to configure ENI: {message}");
        Failure::new(FailureName::ResourceInitializationError, message).with_link(link)
    })?;
    task.observe(|observation| observation.network_ready = true);
    Ok(path)
}

async fn prepare_container(node: &Inner, task: &Task, index: usize) -> Result<PreparedContainer, Failure> {
    let container = &task.spec.containers[index];
    let (services, id, name) = (&node.services, task.spec.task_id.as_str(), container.name.as_str());
    let secrets = async {
        if container.secret_names.is_empty() { Ok(Vec::new()) } else { services.secret_environment(id, name).await }
    };
    let log = async { if container.log.is_some() { services.open_log(id, name).await } else { Ok(()) } };
    let work = async { tokio::try_join!(log, secrets, pull(node, task, container)) };
    let ((), secrets, image) = work
        .await
        .map_err(|failure: Failure| if failure.container.is_some() { failure } else { failure.of_container(name) })?;
    let secrets: Vec<(String, Sensitive)> = secrets;
    Ok(PreparedContainer { index, image, secrets })
}

async fn pull(node: &Inner, task: &Task, container: &ContainerSpec) -> Result<Image, Failure> {
    let credentials = if container.private_registry {
        node.services.registry_auth(&task.spec.task_id, &container.name).await?
    } else {
        None
    };
    let progress = task.pull_began(&container.name, now());
    let pulled = node.images.pull(&container.image, credentials, &task.spec.architecture, progress).await;
    task.pull_ended(now());
    let image = pulled?;
    let kept = KeptImage { digest: image.digest.clone(), manifest_digest: image.manifest_digest.clone() };
    task.pulled(&container.name, kept);
    Ok(image)
}

/// Makes the bundles and starts the shim. From here on a stop is the shim's.
async fn begin(node: &Arc<Inner>, task: &Arc<Task>, prepared: Prepared) -> Result<Line, Failure> {
    task.keep().map_err(|error| cannot_create(format!("{}: {error}", task.directory.path().display())))?;
    metadata::serve(node, task)?;
    let shim = {
        let (node, task) = (Arc::clone(node), Arc::clone(task));
        tokio::task::spawn_blocking(move || launch::launch(&node, &task, prepared))
            .await
            .map_err(|error| internal(&error))??
    };
    task.follow_logs(&node.services);
    shim.into_line().map_err(|error| internal(&error))
}

/// A failure before the container could be started.
pub(super) fn cannot_create(message: String) -> Failure {
    Failure::new(FailureName::CannotCreateContainerError, message)
}

fn internal(error: &dyn std::error::Error) -> Failure {
    Failure::new(FailureName::ContainerRuntimeError, error.to_string())
}

/// Now.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_milliseconds(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
