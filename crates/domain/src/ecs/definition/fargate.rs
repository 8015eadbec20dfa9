//! What a task definition must keep to run on Fargate.

use api::ecs::{ContainerDefinition, TaskDefinition, Volume};

use super::{Setting, Size};
use crate::ecs::{Refusal, names, size};

/// Ephemeral storage that can be asked for, in GiB.
const EPHEMERAL_STORAGE_GIB: std::ops::RangeInclusive<i32> = 21..=200;
/// The log drivers of Fargate.
const LOG_DRIVERS: [&str; 3] = ["awslogs", "splunk", "awsfirelens"];
/// CPU that Windows needs, in units.
const WINDOWS_CPU: u32 = 1024;

/// Fargate's rules that the definition breaks.
pub(in crate::ecs) fn check(definition: &TaskDefinition, size: Size) -> Vec<Refusal> {
    let mut broken = Vec::new();
    if definition.network_mode.as_deref() != Some("awsvpc") {
        broken.push(Refusal::client("Fargate only supports network mode ‘awsvpc’."));
    }
    broken.extend(check_size(size));
    let host_processes = definition.pid_mode.as_deref() == Some("host");
    let checks = [
        size.cpu.known().map_or(Ok(()), |cpu| check_platform(definition, cpu)),
        refuse_with(
            host_processes,
            "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is \
             'task'.",
        ),
        refuse(definition.ipc_mode.is_some(), "ipcMode"),
        refuse(definition.placement_constraints.iter().flatten().next().is_some(), "constraints"),
        definition.ephemeral_storage.as_ref().map_or(Ok(()), |storage| check_storage(storage.size_in_gib)),
    ];
    broken.extend(checks.into_iter().filter_map(Result::err));
    broken.extend(definition.volumes.iter().flatten().flat_map(check_volume));
    let containers = definition.container_definitions.iter().flatten();
    broken.extend(containers.flat_map(|container| check_container(definition, container)));
    broken
}

fn check_size(size: Size) -> Vec<Refusal> {
    let mut broken = Vec::new();
    for (name, setting) in [("cpu", size.cpu), ("memory", size.memory)] {
        if setting == Setting::Absent {
            broken.push(Refusal::client(format!("Fargate requires that '{name}' be defined at the task level.")));
        }
    }
    if let (Some(cpu), Some(memory)) = (size.cpu.known(), size.memory.known()) {
        broken.extend(size::check_fargate(cpu, memory).err());
    }
    broken
}

/// Checks the size of the ephemeral storage that a definition or RunTask asks for.
pub(in crate::ecs) fn check_storage(gib: i32) -> Result<(), Refusal> {
    if gib < *EPHEMERAL_STORAGE_GIB.start() {
        return Err(Refusal::client(format!(
            "EphemeralStorage size should be at least {}",
            EPHEMERAL_STORAGE_GIB.start()
        )));
    }
    if gib > *EPHEMERAL_STORAGE_GIB.end() {
        return Err(Refusal::client(format!(
            "EphemeralStorage size should be at most {}",
            EPHEMERAL_STORAGE_GIB.end()
        )));
    }
    Ok(())
}

fn refuse(given: bool, what: &str) -> Result<(), Refusal> {
    refuse_with(given, &format!("Fargate compatible task definitions do not support {what}"))
}

fn refuse_with(given: bool, message: &str) -> Result<(), Refusal> {
    if given { Err(Refusal::client(message)) } else { Ok(()) }
}

fn check_platform(definition: &TaskDefinition, cpu: u32) -> Result<(), Refusal> {
    let system = definition.runtime_platform.as_ref().and_then(|platform| platform.operating_system_family.as_deref());
    if system.is_some_and(|system| system != "LINUX") && cpu < WINDOWS_CPU {
        return Err(Refusal::client(format!(
            "Fargate requires at least {WINDOWS_CPU} CPU units for tasks of the Windows family."
        )));
    }
    Ok(())
}

fn check_volume(volume: &Volume) -> Vec<Refusal> {
    let checks = [
        refuse(volume.docker_volume_configuration.is_some(), "dockerVolumeConfiguration"),
        refuse(volume.host.as_ref().is_some_and(|host| host.source_path.is_some()), "sourcePath"),
        refuse(
            volume.fsx_windows_file_server_volume_configuration.is_some(),
            "fsxWindowsFileServerVolumeConfiguration",
        ),
    ];
    checks.into_iter().filter_map(Result::err).collect()
}

fn check_container(definition: &TaskDefinition, container: &ContainerDefinition) -> Vec<Refusal> {
    let filled = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    let is_ecr_image = names::is_ecr_image(container.image.as_deref().unwrap_or_default());
    let checks = [
        refuse_with(container.privileged == Some(true), "Fargate requires that the 'privileged' setting be 'false'"),
        refuse(filled(&container.docker_security_options), "dockerSecurityOptions"),
        refuse(filled(&container.credential_specs), "credentialSpecs"),
        refuse_with(
            container.resource_requirements.iter().flatten().any(|requirement| requirement.r#type == "GPU"),
            "Tasks using the Fargate launch type do not support GPU resource requirements",
        ),
        check_linux(container),
        check_timeout(container, "startTimeout", container.start_timeout),
        check_timeout(container, "stopTimeout", container.stop_timeout),
        refuse_with(
            is_ecr_image && definition.execution_role_arn.is_none(),
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        ),
        check_log(definition, container),
    ];
    checks.into_iter().filter_map(Result::err).collect()
}

fn check_timeout(container: &ContainerDefinition, setting: &str, value: Option<i32>) -> Result<(), Refusal> {
    let name = container.name.as_deref().unwrap_or_default();
    let message = format!("the '{setting}' setting for container '{name}' must be between 2 and 120");
    refuse_with(value.is_some_and(|seconds| seconds > 120), &message)
}

fn check_linux(container: &ContainerDefinition) -> Result<(), Refusal> {
    let Some(linux) = &container.linux_parameters else { return Ok(()) };
    refuse(linux.devices.as_ref().is_some_and(|devices| !devices.is_empty()), "devices")?;
    refuse(linux.shared_memory_size.is_some(), "sharedMemorySize")?;
    refuse(linux.max_swap.is_some(), "maxSwap")?;
    refuse(linux.swappiness.is_some(), "swappiness")?;
    let added = linux.capabilities.iter().flat_map(|capabilities| capabilities.add.iter().flatten());
    match added.into_iter().find(|capability| *capability != "SYS_PTRACE") {
        Some(capability) => Err(Refusal::client(format!("{capability} is not allowed on Fargate."))),
        None => Ok(()),
    }
}

fn check_log(definition: &TaskDefinition, container: &ContainerDefinition) -> Result<(), Refusal> {
    let Some(log) = &container.log_configuration else { return Ok(()) };
    let driver = log.log_driver.as_str();
    if !LOG_DRIVERS.contains(&driver) {
        return Err(Refusal::client(format!(
            "{driver} is not a valid log driver. Must be one of [{}]",
            LOG_DRIVERS.join(", ")
        )));
    }
    if driver == "awsfirelens"
        && !definition.container_definitions.iter().flatten().any(|other| other.firelens_configuration.is_some())
    {
        return Err(Refusal::client(
            "When awsfirelens log driver is specified in log configuration, a firelens configuration is required on a \
             container of the task definition.",
        ));
    }
    if driver != "awslogs" {
        return Ok(());
    }
    if definition.execution_role_arn.is_none() {
        return Err(Refusal::client(
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ));
    }
    for option in ["awslogs-stream-prefix", "awslogs-region"] {
        if !log.options.iter().flatten().any(|(name, value)| name == option && !value.is_empty()) {
            return Err(Refusal::client(format!(
                "Fargate requires log configuration options to include {option} to support log driver awslogs."
            )));
        }
    }
    Ok(())
}
