//! What ECS accepts in a definition and Tidegate does not run. Such a definition can be registered; RunTask says so.

use api::ecs::{ContainerDefinition, TaskDefinition, Volume};

use super::Refusal;

/// The first thing in the definition that Tidegate does not run.
pub(super) fn check(definition: &TaskDefinition) -> Result<(), Refusal> {
    unsupported(definition).into_iter().next().map_or(Ok(()), Err)
}

/// What in the definition Tidegate does not run, one refusal for each thing; of volumes and containers the first of each.
pub fn unsupported(definition: &TaskDefinition) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mode = definition.network_mode.as_deref().unwrap_or("bridge");
    if mode != "awsvpc" {
        refusals.extend(refuse(&format!("tasks of network mode '{mode}'; use 'awsvpc'")).err());
    }
    let system = definition.runtime_platform.as_ref().and_then(|platform| platform.operating_system_family.as_deref());
    if let Some(system) = system
        && system != "LINUX"
    {
        refusals.extend(refuse(&format!("tasks of the operating system family '{system}'")).err());
    }
    if definition.pid_mode.as_deref() == Some("host") || definition.ipc_mode.as_deref() == Some("host") {
        refusals.extend(refuse("tasks in the host's process or IPC namespace").err());
    }
    if definition.proxy_configuration.is_some() {
        refusals.extend(refuse("proxy configurations").err());
    }
    refusals.extend(definition.volumes.iter().flatten().filter_map(|volume| check_volume(volume).err()));
    let containers = definition.container_definitions.iter().flatten();
    refusals.extend(containers.filter_map(|container| check_container(container).err()));
    refusals
}

fn refuse(what: &str) -> Result<(), Refusal> {
    Err(Refusal::unsupported(format!("Tidegate does not run {what}.")))
}

fn check_volume(volume: &Volume) -> Result<(), Refusal> {
    let name = volume.name.as_deref().unwrap_or_default();
    let docker = volume.docker_volume_configuration.as_ref();
    let kinds = [
        (volume.efs_volume_configuration.is_some(), "an EFS file system"),
        (volume.s3files_volume_configuration.is_some(), "an S3 Files file system"),
        (volume.fsx_windows_file_server_volume_configuration.is_some(), "an FSx file system"),
        (volume.configured_at_launch == Some(true), "an EBS volume configured at launch"),
        (volume.host.as_ref().is_some_and(|host| host.source_path.is_some()), "a directory of the host"),
        (
            docker.is_some_and(|docker| {
                docker.scope.as_deref() == Some("shared")
                    || docker.driver.as_deref().is_some_and(|driver| driver != "local")
                    || docker.driver_opts.is_some()
            }),
            "a shared Docker volume or one of another driver",
        ),
    ];
    match kinds.into_iter().find(|(given, _)| *given) {
        Some((_, kind)) => refuse(&format!("tasks whose volume '{name}' is {kind}")),
        None => Ok(()),
    }
}

fn check_container(container: &ContainerDefinition) -> Result<(), Refusal> {
    let name = container.name.as_deref().unwrap_or_default();
    let filled = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    let linux = container.linux_parameters.as_ref();
    let kinds = [
        (container.environment_files.as_ref().is_some_and(|files| !files.is_empty()), "environment files"),
        (container.firelens_configuration.is_some(), "a FireLens configuration"),
        (container.resource_requirements.as_ref().is_some_and(|needs| !needs.is_empty()), "GPUs or accelerators"),
        (filled(&container.credential_specs), "credential specs"),
        (filled(&container.docker_security_options), "Docker security options"),
        (linux.is_some_and(|linux| linux.devices.as_ref().is_some_and(|devices| !devices.is_empty())), "host devices"),
        (linux.is_some_and(|linux| linux.shared_memory_size.is_some()), "a shared memory size"),
    ];
    if let Some((_, kind)) = kinds.into_iter().find(|(given, _)| *given) {
        return refuse(&format!("container '{name}' with {kind}"));
    }
    match container.log_configuration.as_ref().map(|log| log.log_driver.as_str()) {
        None | Some("awslogs" | "json-file") => Ok(()),
        Some(driver) => refuse(&format!("container '{name}' with the log driver '{driver}'")),
    }
}
