//! From pulled images to a shim with a plan: root file systems and bundles. All of it blocks, none of it waits long.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use domain::compute::{ContainerSpec, LogMode, LogTarget};
use domain::failure::{Failure, FailureName};
use wire::Sensitive;

use super::Inner;
use super::birth::Shim;
use super::start::cannot_create;
use super::task::Task;
use crate::causes::Causes;
use crate::images::Image;
use crate::network::{self, NetworkFiles};
use crate::runtime::cgroup::TaskLimits;
use crate::runtime::ground::{self, GroundError};
use crate::runtime::limits::{effective_capabilities, least_oom_score};
use crate::runtime::process::{self, ImageDefaults};
use crate::runtime::{chain, spec, user};
use crate::shim::NAMESPACE_NAME;
use crate::shim::plan::{ContainerPlan, OutputKeeping, ShimPlan};

/// How much output may wait for the log service when the definition does not say, in bytes.
const UNREAD_BYTES: u64 = 256 << 20;

/// What was made ready side by side.
pub(super) struct Prepared {
    pub(super) shim: Shim,
    pub(super) network_namespace: PathBuf,
    pub(super) containers: Vec<PreparedContainer>,
}

/// One container's image and secrets.
pub(super) struct PreparedContainer {
    pub(super) index: usize,
    pub(super) image: Image,
    pub(super) secrets: Vec<(String, Sensitive)>,
}

/// Makes the bundles and the task's control group, and tells the shim its plan.
pub(super) fn launch(node: &Inner, task: &Task, prepared: Prepared) -> Result<Shim, Failure> {
    let spec = &task.spec;
    let files = network::files(&spec.interface);
    node.cgroups
        .prepare(&spec.task_id, &TaskLimits::of(spec))
        .map_err(|error| cannot_create(format!("cannot limit what the task uses: {}", Causes(&error))))?;
    for volume in &spec.volumes {
        make_directory(&task.directory.volumes().join(volume), 0o777)
            .map_err(|error| cannot_create(error.to_string()))?;
    }
    let mut containers = Vec::new();
    for ready in prepared.containers {
        let container = &spec.containers[ready.index];
        let plan = bundle(node, task, container, ready, &files, &prepared.network_namespace)
            .map_err(|failure| failure.of_container(container.name.clone()))?;
        containers.push(plan);
    }
    let plan = ShimPlan {
        task_id: spec.task_id.clone(),
        task_arn: spec.task_arn.clone(),
        directory: task.directory.path().to_owned(),
        runtime: node.settings.runtime.clone(),
        containers,
    };
    prepared.shim.tell(&plan).map_err(|error| cannot_create(format!("cannot start the task's shim: {error}")))?;
    Ok(prepared.shim)
}

fn bundle(
    node: &Inner,
    task: &Task,
    container: &ContainerSpec,
    ready: PreparedContainer,
    files: &NetworkFiles,
    network_namespace: &Path,
) -> Result<ContainerPlan, Failure> {
    let directory = task.directory.container(&container.name);
    let writable = task.directory.writable(&container.name);
    for path in [&directory, &writable] {
        make_directory(path, 0o711).map_err(|error| cannot_create(error.to_string()))?;
    }
    let root = node
        .images
        .mount_rootfs(&ready.image, &directory, &writable)
        .map_err(|error| cannot_create(Causes(&error).to_string()))?;
    let mut process = process::merge(&task.spec, container, &defaults(&ready.image), &files.hostname)
        .map_err(|error| cannot_create(error.to_string()))?;
    let user = user::resolve(&root, &process.user).map_err(|error| cannot_create(error.to_string()))?;
    if !process.environment.iter().any(|(name, _)| name == "HOME") {
        process.environment.push(("HOME".to_owned(), user.home.clone()));
    }
    let ground = ground::prepare(&root, container, &process.working_directory, &task.directory.volumes())
        .map_err(|error| cannot_start(&error))?;
    write_files(&directory, files).map_err(|error| cannot_create(error.to_string()))?;
    let config = spec::config(&spec::Bundle {
        task: &task.spec,
        container,
        process: &process,
        user: &user,
        hostname: &files.hostname,
        directory: &directory,
        root: &root,
        ground: &ground,
        volumes: &task.directory.volumes(),
        network_namespace,
        process_namespace: task.spec.shared_processes.then(|| task.directory.path().join(NAMESPACE_NAME)),
        capabilities_of_host: effective_capabilities(),
        least_oom_score: least_oom_score(),
    });
    fs::write(directory.join("config.json"), config.to_string()).map_err(|error| cannot_create(error.to_string()))?;
    Ok(ContainerPlan {
        name: container.name.clone(),
        bundle: directory,
        essential: container.essential,
        depends_on: container.depends_on.clone(),
        start_timeout_seconds: container.start_timeout_seconds,
        stop_timeout_seconds: container.stop_timeout_seconds,
        stop_signal: process.stop_signal,
        health_check: container.health_check.clone(),
        restart: container.restart.clone(),
        arguments: process.arguments,
        environment: process.environment,
        secret_environment: ready.secrets,
        init_process: container.init_process,
        pseudo_terminal: container.pseudo_terminal,
        output: keeping(container.log.as_ref()),
    })
}

/// A log that may not lose anything waits for its reader, another one keeps what it promises.
fn keeping(log: Option<&LogTarget>) -> OutputKeeping {
    match log.map(|log| log.mode) {
        None => OutputKeeping::NewestOnly,
        Some(LogMode::Blocking) => OutputKeeping::Blocking(UNREAD_BYTES),
        Some(LogMode::NonBlocking { buffer_bytes }) => OutputKeeping::NonBlocking(buffer_bytes.unwrap_or(UNREAD_BYTES)),
    }
}

/// What a container runtime would say of an image that it cannot start a process in.
fn cannot_start(error: &GroundError) -> Failure {
    let message = format!("failed to create task: unable to start container process: {}", chain(error));
    Failure::new(FailureName::CannotStartContainerError, message)
}

fn defaults(image: &Image) -> ImageDefaults {
    let config = &image.config;
    ImageDefaults {
        entry_point: config.entrypoint().clone().unwrap_or_default(),
        command: config.cmd().clone().unwrap_or_default(),
        environment: config.env().clone().unwrap_or_default(),
        user: config.user().clone().unwrap_or_default(),
        working_directory: config.working_dir().clone().unwrap_or_default(),
        stop_signal: config.stop_signal().clone(),
    }
}

fn write_files(directory: &Path, files: &NetworkFiles) -> io::Result<()> {
    fs::write(directory.join("resolv.conf"), &files.resolv_conf)?;
    fs::write(directory.join("hosts"), &files.hosts)?;
    fs::write(directory.join("hostname"), format!("{}\n", files.hostname))
}

fn make_directory(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o711).create(path)?;
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}
