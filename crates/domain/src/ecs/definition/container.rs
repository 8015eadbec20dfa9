//! The rules of one container of a task definition, and what ECS fills in.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use api::ecs::{ContainerDefinition, PortMapping, Secret, TaskDefinition};

use crate::compute::LogMode;
use crate::ecs::{Refusal, log_mode, names};

/// The longest name of a port mapping.
const PORT_NAME_LENGTH: usize = 64;
/// The most ports of one `containerPortRange` (ECS's quota).
const PORTS_PER_RANGE: u16 = 100;
/// The most environment files of one container.
const ENVIRONMENT_FILES: usize = 10;
/// The most exit codes that a restart policy ignores.
const IGNORED_EXIT_CODES: usize = 50;

/// Checks what holds for a container wherever it will run: the first that is broken of each group of rules.
pub(in crate::ecs) fn check(definition: &TaskDefinition, container: &ContainerDefinition) -> Vec<Refusal> {
    // That there must be an image is told elsewhere.
    let image = container.image.as_deref().filter(|image| !image.is_empty());
    let checks = [
        image.map_or(Ok(()), names::check_image),
        check_numbers(container),
        check_credentials(definition, container),
        check_environment(definition, container),
        check_network(definition, container),
        check_log(container),
        check_health(container),
        check_ulimits(container),
    ];
    checks.into_iter().filter_map(Result::err).collect()
}

fn check_ulimits(container: &ContainerDefinition) -> Result<(), Refusal> {
    for ulimit in container.ulimits.iter().flatten() {
        if ulimit.soft_limit > ulimit.hard_limit && ulimit.hard_limit != -1 {
            return Err(Refusal::client(format!("Soft limit exceeds hard limit for ulimit {}", ulimit.name)));
        }
    }
    Ok(())
}

fn name(container: &ContainerDefinition) -> &str {
    container.name.as_deref().unwrap_or_default()
}

fn range(
    container: &ContainerDefinition,
    setting: &str,
    value: Option<i32>,
    range: RangeInclusive<i32>,
) -> Result<(), Refusal> {
    match value {
        Some(value) if !range.contains(&value) => Err(Refusal::client(format!(
            "the '{setting}' setting for container '{}' must be between {} and {}",
            name(container),
            range.start(),
            range.end()
        ))),
        _ => Ok(()),
    }
}

fn check_numbers(container: &ContainerDefinition) -> Result<(), Refusal> {
    range(container, "cpu", container.cpu, 0..=i32::MAX)?;
    range(container, "memory", container.memory, 4..=i32::MAX)?;
    range(container, "memoryReservation", container.memory_reservation, 4..=i32::MAX)?;
    if let (Some(memory), Some(reservation)) = (container.memory, container.memory_reservation)
        && memory < reservation
    {
        return Err(Refusal::client(format!(
            "Invalid setting for container '{}'. 'memory' must be greater than or equal to 'memoryReservation'",
            name(container)
        )));
    }
    range(container, "startTimeout", container.start_timeout, 2..=i32::MAX)?;
    range(container, "stopTimeout", container.stop_timeout, 2..=i32::MAX)?;
    if let Some(policy) = &container.restart_policy {
        range(container, "restartAttemptPeriod", policy.restart_attempt_period, 60..=1800)?;
        if policy.ignored_exit_codes.as_ref().is_some_and(|codes| codes.len() > IGNORED_EXIT_CODES) {
            return Err(Refusal::client(format!(
                "the 'ignoredExitCodes' setting for container '{}' must have at most {IGNORED_EXIT_CODES} exit codes",
                name(container)
            )));
        }
    }
    Ok(())
}

fn check_credentials(definition: &TaskDefinition, container: &ContainerDefinition) -> Result<(), Refusal> {
    let Some(credentials) = &container.repository_credentials else { return Ok(()) };
    if !names::is_secret(&credentials.credentials_parameter) {
        return Err(Refusal::client(format!(
            "The repository credentials parameter specified for container '{}' is invalid. Parameter names can include \
             up to 255 (uppercase and lowercase), numbers, hyphens, and underscores are allowed. Spaces are not allowed.",
            name(container)
        )));
    }
    if names::is_ecr_image(container.image.as_deref().unwrap_or_default()) {
        return Err(Refusal::client(
            "Private repository credentials are not a supported authentication method for ECR repositories.",
        ));
    }
    if definition.execution_role_arn.is_none() {
        return Err(Refusal::client(
            "Private repository authentication requires that the task definition specify a value for executionRoleArn.",
        ));
    }
    Ok(())
}

fn check_environment(definition: &TaskDefinition, container: &ContainerDefinition) -> Result<(), Refusal> {
    let log_secrets = container.log_configuration.iter().flat_map(|log| log.secret_options.iter().flatten());
    let secrets: Vec<&Secret> = container.secrets.iter().flatten().collect();
    if secrets.iter().copied().chain(log_secrets.clone()).next().is_some() && definition.execution_role_arn.is_none() {
        return Err(Refusal::client(
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        ));
    }
    for secret in secrets.iter().copied().chain(log_secrets) {
        check_secret(secret)?;
    }
    let mut taken: BTreeSet<&str> =
        container.environment.iter().flatten().filter_map(|pair| pair.name.as_deref()).collect();
    for secret in secrets {
        if !taken.insert(&secret.name) {
            return Err(Refusal::client(format!(
                "The secret name must be unique and not shared with any new or existing environment variables set on \
                 the container, such as '{}'.",
                secret.name
            )));
        }
    }
    let files = container.environment_files.as_deref().unwrap_or_default();
    if files.len() > ENVIRONMENT_FILES {
        return Err(Refusal::client(
            "The maximum number of environment files was exceeded. Specify ten or less and try again",
        ));
    }
    if files.iter().any(|file| !names::is_arn(&file.value)) {
        return Err(Refusal::client("Invalid arn syntax"));
    }
    if let Some(file) =
        files.iter().find(|file| file.value.rsplit_once('.').is_none_or(|(_, extension)| extension != "env"))
    {
        return Err(Refusal::client(format!(
            "The environment file '{}' is not valid: its name must end with '.env'.",
            file.value
        )));
    }
    Ok(())
}

fn check_secret(secret: &Secret) -> Result<(), Refusal> {
    if names::is_parameter(&secret.value_from) {
        return Ok(());
    }
    Err(Refusal::client(format!(
        "The Systems Manager parameter name specified for secret {} is invalid. The parameter name can be up to 2048 \
         characters and include the following letters and symbols: a-zA-Z0-9_.-,",
        secret.name
    )))
}

fn check_network(definition: &TaskDefinition, container: &ContainerDefinition) -> Result<(), Refusal> {
    let mode = definition.network_mode.as_deref().unwrap_or("bridge");
    for mapping in container.port_mappings.iter().flatten() {
        if let Some(name) = mapping.name.as_deref()
            && !is_port_name(name)
        {
            return Err(Refusal::client(format!("'{name}' is not a valid port mapping name.")));
        }
        if matches!(mode, "awsvpc" | "host")
            && mapping.host_port.is_some_and(|host| host != 0 && Some(host) != mapping.container_port)
        {
            return Err(Refusal::client(format!(
                "When networkMode={mode}, the host ports and container ports in port mappings must match."
            )));
        }
    }
    if mode != "awsvpc" {
        return Ok(());
    }
    let given = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    let refused = [
        (given(&container.links), "Links are not supported when networkMode=awsvpc"),
        (given(&container.dns_servers), "DNS servers are not supported on container when networkMode=awsvpc"),
        (
            given(&container.dns_search_domains),
            "DNS search domains are not supported on container when networkMode=awsvpc",
        ),
        (
            container.extra_hosts.as_ref().is_some_and(|hosts| !hosts.is_empty()),
            "Extra hosts are not supported on container when networkMode=awsvpc",
        ),
        (container.hostname.is_some(), "hostname is not supported on container when networkMode=awsvpc"),
        (
            container.disable_networking == Some(true),
            "Disable Networking is not supported on container when networkMode=awsvpc",
        ),
    ];
    match refused.into_iter().find(|(refused, _)| *refused) {
        Some((_, message)) => Err(Refusal::client(message)),
        None => Ok(()),
    }
}

fn is_port_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= PORT_NAME_LENGTH
        && !name.starts_with('-')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

/// The container ports of a mapping.
pub(in crate::ecs) fn port_range(mapping: &PortMapping) -> Result<RangeInclusive<u16>, Refusal> {
    let invalid = || Refusal::client("Invalid 'containerPortRange' setting");
    match (mapping.container_port, mapping.container_port_range.as_deref()) {
        (Some(_), Some(_)) => Err(Refusal::client("cannot specify both single port and port range")),
        (_, Some(range)) => {
            let (first, last) = range.split_once('-').ok_or_else(invalid)?;
            let first: u16 = first.parse().map_err(|_| invalid())?;
            let last: u16 = last.parse().map_err(|_| invalid())?;
            if first == 0 || first > last || last - first >= PORTS_PER_RANGE {
                return Err(invalid());
            }
            Ok(first..=last)
        }
        (Some(port), None) => match u16::try_from(port) {
            Ok(port) if port > 0 => Ok(port..=port),
            _ => Err(Refusal::client(format!("Invalid container port '{port}'. Ports are between 1 and 65535."))),
        },
        (None, None) => Err(Refusal::client("Container port should not be null.")),
    }
}

fn check_log(container: &ContainerDefinition) -> Result<(), Refusal> {
    let Some(log) = &container.log_configuration else { return Ok(()) };
    if log.log_driver != "awslogs" {
        return Ok(());
    }
    let option = |name: &str| log.options.iter().flatten().any(|(key, value)| key == name && !value.is_empty());
    if !option("awslogs-group") {
        return Err(Refusal::client("Log driver awslogs requires options: awslogs-group"));
    }
    if option("awslogs-datetime-format") && option("awslogs-multiline-pattern") {
        return Err(Refusal::client(
            "Log driver awslogs: you cannot configure both awslogs-datetime-format and awslogs-multiline-pattern.",
        ));
    }
    // With any default, a wrong option is wrong.
    log_mode::of(log, LogMode::default()).map(drop)
}

fn check_health(container: &ContainerDefinition) -> Result<(), Refusal> {
    let Some(health) = &container.health_check else { return Ok(()) };
    if !matches!(health.command.first().map(String::as_str), Some("CMD" | "CMD-SHELL" | "NONE")) {
        return Err(Refusal::client(format!(
            "The health check command of container '{}' must start with CMD or CMD-SHELL.",
            name(container)
        )));
    }
    range(container, "healthCheck.interval", health.interval, 5..=300)?;
    range(container, "healthCheck.timeout", health.timeout, 2..=60)?;
    range(container, "healthCheck.retries", health.retries, 1..=10)?;
    range(container, "healthCheck.startPeriod", health.start_period, 0..=300)
}

/// Fills in what ECS shows when the caller wrote nothing.
pub(in crate::ecs) fn fill_in(container: &mut ContainerDefinition, awsvpc: bool) {
    container.cpu.get_or_insert(0);
    container.essential.get_or_insert(true);
    container.environment.get_or_insert_default();
    container.mount_points.get_or_insert_default();
    container.volumes_from.get_or_insert_default();
    container.system_controls.get_or_insert_default();
    for mapping in container.port_mappings.get_or_insert_default() {
        mapping.protocol.get_or_insert_with(|| "tcp".to_owned());
        if awsvpc {
            mapping.host_port = mapping.container_port;
        } else if mapping.container_port.is_some() {
            mapping.host_port.get_or_insert(0);
        }
    }
    if let Some(health) = &mut container.health_check {
        health.interval.get_or_insert(30);
        health.timeout.get_or_insert(5);
        health.retries.get_or_insert(3);
    }
    if let Some(policy) = &mut container.restart_policy {
        policy.restart_attempt_period.get_or_insert(300);
    }
}
