//! From a definition with its overrides to the spec that a compute gets: every default chosen, no secret in it.

use api::ecs::{ContainerDefinition, MountPoint, TaskDefinition, TaskOverride};

use super::start::{ephemeral_storage, number};
use super::{ContainerIds, NewTask, Refusal, log_mode};
use crate::compute::{
    ContainerSpec, Dependency, DependencyCondition, HealthCheck, LogTarget, RestartPolicy, TaskSpec, VolumeMount,
};

/// From stop signal to SIGKILL when the definition does not say, in seconds.
const STOP_TIMEOUT_SECONDS: i32 = 30;
/// Open files of a Fargate container when the definition does not say: soft and hard.
const FARGATE_OPEN_FILES: (u64, u64) = (65535, 65535);
/// `-1` in a definition: no limit.
const NO_LIMIT: u64 = u64::MAX;

/// Builds the spec; `containers` have the overrides laid over them already.
pub(super) fn build(
    definition: &TaskDefinition,
    overrides: &TaskOverride,
    containers: &[ContainerDefinition],
    new: &NewTask<'_>,
) -> Result<TaskSpec, Refusal> {
    let family = definition.family.clone().unwrap_or_default();
    let cluster_name = new.cluster_arn.rsplit('/').next().unwrap_or_default();
    let role = |given: &Option<String>, own: &Option<String>| given.clone().or_else(|| own.clone());
    let platform = definition.runtime_platform.as_ref();
    let arm = platform.and_then(|platform| platform.cpu_architecture.as_deref()) == Some("ARM64");
    let mut built = Vec::with_capacity(containers.len());
    for (container, ids) in containers.iter().zip(&new.container_ids) {
        built.push(build_container(container, containers, ids, cluster_name, new)?);
    }
    Ok(TaskSpec {
        task_id: new.task_id.to_owned(),
        task_arn: format!("arn:aws:ecs:{}:{}:task/{cluster_name}/{}", new.region, new.account, new.task_id),
        cluster_arn: new.cluster_arn.to_owned(),
        account: new.account.to_owned(),
        region: new.region.to_owned(),
        availability_zone: new.availability_zone.clone(),
        group: new.group.clone().unwrap_or_else(|| format!("family:{family}")),
        family,
        revision: definition.revision.and_then(|revision| u32::try_from(revision).ok()).unwrap_or_default(),
        launch_type: new.launch_type.to_owned(),
        interface: new.interface.clone(),
        cpu_units: number(overrides.cpu.as_ref().or(definition.cpu.as_ref())),
        memory_mib: number(overrides.memory.as_ref().or(definition.memory.as_ref())),
        ephemeral_storage_gib: (new.launch_type == "FARGATE")
            .then(|| u32::try_from(ephemeral_storage(definition, overrides)).ok())
            .flatten(),
        architecture: if arm { "arm64" } else { "amd64" }.to_owned(),
        task_role_arn: role(&overrides.task_role_arn, &definition.task_role_arn),
        execution_role_arn: role(&overrides.execution_role_arn, &definition.execution_role_arn),
        tags: new.tags.clone(),
        volumes: definition.volumes.iter().flatten().filter_map(|volume| volume.name.clone()).collect(),
        shared_processes: definition.pid_mode.as_deref() == Some("task"),
        containers: built,
        created_at: new.created_at,
    })
}

fn build_container(
    container: &ContainerDefinition,
    all: &[ContainerDefinition],
    ids: &ContainerIds,
    cluster_name: &str,
    new: &NewTask<'_>,
) -> Result<ContainerSpec, Refusal> {
    let name = container.name.clone().unwrap_or_default();
    let linux = container.linux_parameters.as_ref();
    let capabilities = linux.and_then(|linux| linux.capabilities.as_ref());
    let runtime_id = format!("{}-{}", new.task_id, ids.number);
    Ok(ContainerSpec {
        arn: format!("arn:aws:ecs:{}:{}:container/{cluster_name}/{}/{}", new.region, new.account, new.task_id, ids.id),
        image: container.image.clone().unwrap_or_default(),
        private_registry: container.repository_credentials.is_some(),
        essential: container.essential != Some(false),
        entry_point: container.entry_point.clone().filter(|list| !list.is_empty()),
        command: container.command.clone().filter(|list| !list.is_empty()),
        environment: container
            .environment
            .iter()
            .flatten()
            .filter_map(|pair| Some((pair.name.clone()?, pair.value.clone().unwrap_or_default())))
            .collect(),
        secret_names: container.secrets.iter().flatten().map(|secret| secret.name.clone()).collect(),
        user: container.user.clone(),
        working_directory: container.working_directory.clone(),
        cpu_units: unsigned(container.cpu).unwrap_or_default(),
        memory_mib: unsigned(container.memory),
        memory_reservation_mib: unsigned(container.memory_reservation),
        ports: ports(container),
        mounts: mounts(container, all),
        tmpfs: linux
            .iter()
            .flat_map(|linux| linux.tmpfs.iter().flatten())
            .map(|tmpfs| (tmpfs.container_path.clone(), u32::try_from(tmpfs.size).unwrap_or_default()))
            .collect(),
        add_capabilities: capabilities.and_then(|it| it.add.clone()).unwrap_or_default(),
        drop_capabilities: capabilities.and_then(|it| it.drop.clone()).unwrap_or_default(),
        read_only_root: container.readonly_root_filesystem == Some(true),
        init_process: linux.and_then(|linux| linux.init_process_enabled) == Some(true),
        privileged: container.privileged == Some(true),
        ulimits: ulimits(container, new.launch_type),
        system_controls: container
            .system_controls
            .iter()
            .flatten()
            .filter_map(|control| Some((control.namespace.clone()?, control.value.clone()?)))
            .collect(),
        labels: container.docker_labels.clone().unwrap_or_default(),
        depends_on: dependencies(container)?,
        start_timeout_seconds: unsigned(container.start_timeout),
        stop_timeout_seconds: unsigned(Some(container.stop_timeout.unwrap_or(STOP_TIMEOUT_SECONDS)))
            .unwrap_or_default(),
        health_check: health_check(container),
        restart: restart(container),
        log: log_target(container, &name, &runtime_id, new)?,
        pseudo_terminal: container.pseudo_terminal == Some(true),
        runtime_id,
        name,
    })
}

fn unsigned(value: Option<i32>) -> Option<u32> {
    value.and_then(|value| u32::try_from(value).ok())
}

fn ports(container: &ContainerDefinition) -> Vec<(u16, String)> {
    let mappings = container.port_mappings.iter().flatten();
    mappings
        .filter_map(|mapping| super::definition::port_range(mapping).ok().map(|ports| (ports, mapping)))
        .flat_map(|(ports, mapping)| {
            let protocol = mapping.protocol.clone().unwrap_or_else(|| "tcp".to_owned());
            ports.map(move |port| (port, protocol.clone()))
        })
        .collect()
}

/// The container's own mount points, and those of the containers it takes volumes from.
fn mounts(container: &ContainerDefinition, all: &[ContainerDefinition]) -> Vec<VolumeMount> {
    let mount = |point: &MountPoint, read_only: Option<bool>| VolumeMount {
        volume: point.source_volume.clone().unwrap_or_default(),
        path: point.container_path.clone().unwrap_or_default(),
        read_only: point.read_only == Some(true) || read_only == Some(true),
    };
    let own = container.mount_points.iter().flatten().map(|point| mount(point, None));
    let taken = container.volumes_from.iter().flatten().flat_map(|from| {
        let source = all.iter().find(|other| other.name == from.source_container);
        let points = source.into_iter().flat_map(|source| source.mount_points.iter().flatten());
        points.map(move |point| mount(point, from.read_only))
    });
    own.chain(taken).collect()
}

fn ulimits(container: &ContainerDefinition, launch_type: &str) -> Vec<(String, u64, u64)> {
    let limit = |value: i32| u64::try_from(value).unwrap_or(NO_LIMIT);
    let mut limits: Vec<_> = container
        .ulimits
        .iter()
        .flatten()
        .map(|ulimit| (ulimit.name.clone(), limit(ulimit.soft_limit), limit(ulimit.hard_limit)))
        .collect();
    if launch_type == "FARGATE" && !limits.iter().any(|(name, ..)| name == "nofile") {
        let (soft, hard) = FARGATE_OPEN_FILES;
        limits.push(("nofile".to_owned(), soft, hard));
    }
    limits
}

fn dependencies(container: &ContainerDefinition) -> Result<Vec<Dependency>, Refusal> {
    container
        .depends_on
        .iter()
        .flatten()
        .map(|dependency| {
            let condition = match dependency.condition.as_str() {
                "START" => DependencyCondition::Start,
                "COMPLETE" => DependencyCondition::Complete,
                "SUCCESS" => DependencyCondition::Success,
                "HEALTHY" => DependencyCondition::Healthy,
                other => return Err(Refusal::client(format!("Unknown dependency condition '{other}'."))),
            };
            Ok(Dependency { container: dependency.container_name.clone(), condition })
        })
        .collect()
}

fn health_check(container: &ContainerDefinition) -> Option<HealthCheck> {
    let health = container.health_check.as_ref()?;
    if health.command.first().is_some_and(|word| word == "NONE") {
        return None;
    }
    Some(HealthCheck {
        command: health.command.clone(),
        interval_seconds: unsigned(health.interval).unwrap_or(30),
        timeout_seconds: unsigned(health.timeout).unwrap_or(5),
        retries: unsigned(health.retries).unwrap_or(3),
        start_period_seconds: unsigned(health.start_period).unwrap_or(0),
    })
}

fn restart(container: &ContainerDefinition) -> Option<RestartPolicy> {
    let policy = container.restart_policy.as_ref().filter(|policy| policy.enabled)?;
    Some(RestartPolicy {
        ignored_exit_codes: policy.ignored_exit_codes.clone().unwrap_or_default(),
        attempt_period_seconds: unsigned(policy.restart_attempt_period).unwrap_or(300),
    })
}

/// Only awslogs goes anywhere; what `json-file` would keep stays with the task.
fn log_target(
    container: &ContainerDefinition,
    name: &str,
    runtime_id: &str,
    new: &NewTask<'_>,
) -> Result<Option<LogTarget>, Refusal> {
    let Some(log) = container.log_configuration.as_ref().filter(|log| log.log_driver == "awslogs") else {
        return Ok(None);
    };
    let option = |name: &str| log.options.as_ref().and_then(|options| options.get(name)).cloned();
    let Some(group) = option("awslogs-group") else { return Ok(None) };
    Ok(Some(LogTarget {
        group,
        stream: match option("awslogs-stream-prefix") {
            Some(prefix) => format!("{prefix}/{name}/{}", new.task_id),
            None => runtime_id.to_owned(),
        },
        region: option("awslogs-region").unwrap_or_else(|| new.region.to_owned()),
        create_group: option("awslogs-create-group").as_deref() == Some("true"),
        mode: log_mode::of(log, new.default_log_mode)?,
    }))
}
