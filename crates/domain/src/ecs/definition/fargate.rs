//! What a task definition must keep to run on Fargate.

use api::ecs::{ContainerDefinition, TaskDefinition, Volume};

use crate::ecs::{Refusal, names, size};

/// Ephemeral storage that can be asked for, in GiB.
const EPHEMERAL_STORAGE_GIB: std::ops::RangeInclusive<i32> = 21..=200;
/// The log drivers of Fargate.
const LOG_DRIVERS: [&str; 3] = ["awslogs", "splunk", "awsfirelens"];
/// CPU that Windows needs, in units.
const WINDOWS_CPU: u32 = 1024;

/// The first of Fargate's rules that the definition breaks.
pub(in crate::ecs) fn check(definition: &TaskDefinition, cpu: Option<u32>, memory: Option<u32>) -> Result<(), Refusal> {
    if definition.network_mode.as_deref() != Some("awsvpc") {
        return Err(Refusal::client("Fargate only supports network mode ‘awsvpc’."));
    }
    let cpu = cpu.ok_or_else(|| Refusal::client("Fargate requires that 'cpu' be defined at the task level."))?;
    let memory =
        memory.ok_or_else(|| Refusal::client("Fargate requires that 'memory' be defined at the task level."))?;
    size::check_fargate(cpu, memory)?;
    check_platform(definition, cpu)?;
    if definition.pid_mode.as_deref() == Some("host") {
        return Err(Refusal::client(
            "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is \
             'task'.",
        ));
    }
    refuse(definition.ipc_mode.is_some(), "ipcMode")?;
    refuse(!definition.placement_constraints.iter().flatten().count().eq(&0), "constraints")?;
    if let Some(storage) = &definition.ephemeral_storage {
        check_storage(storage.size_in_gib)?;
    }
    definition.volumes.iter().flatten().try_for_each(check_volume)?;
    definition.container_definitions.iter().flatten().try_for_each(|container| check_container(definition, container))
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
    if given {
        return Err(Refusal::client(format!("Fargate compatible task definitions do not support {what}")));
    }
    Ok(())
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

fn check_volume(volume: &Volume) -> Result<(), Refusal> {
    refuse(volume.docker_volume_configuration.is_some(), "dockerVolumeConfiguration")?;
    refuse(volume.host.as_ref().is_some_and(|host| host.source_path.is_some()), "sourcePath")?;
    refuse(volume.fsx_windows_file_server_volume_configuration.is_some(), "fsxWindowsFileServerVolumeConfiguration")
}

fn check_container(definition: &TaskDefinition, container: &ContainerDefinition) -> Result<(), Refusal> {
    if container.privileged == Some(true) {
        return Err(Refusal::client("Fargate requires that the 'privileged' setting be 'false'"));
    }
    refuse(
        container.docker_security_options.as_ref().is_some_and(|options| !options.is_empty()),
        "dockerSecurityOptions",
    )?;
    refuse(container.credential_specs.as_ref().is_some_and(|specs| !specs.is_empty()), "credentialSpecs")?;
    if container.resource_requirements.iter().flatten().any(|requirement| requirement.r#type == "GPU") {
        return Err(Refusal::client("Tasks using the Fargate launch type do not support GPU resource requirements"));
    }
    check_linux(container)?;
    for (setting, value) in [("startTimeout", container.start_timeout), ("stopTimeout", container.stop_timeout)] {
        if value.is_some_and(|seconds| seconds > 120) {
            return Err(Refusal::client(format!(
                "the '{setting}' setting for container '{}' must be between 2 and 120",
                container.name.as_deref().unwrap_or_default()
            )));
        }
    }
    if names::is_ecr_image(container.image.as_deref().unwrap_or_default()) && definition.execution_role_arn.is_none() {
        return Err(Refusal::client(
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        ));
    }
    check_log(definition, container)
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
