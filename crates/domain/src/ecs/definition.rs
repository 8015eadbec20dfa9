//! Registering a task definition: every rule ECS has, and then the definition as ECS shows it, defaults filled in.

use std::collections::BTreeSet;

use api::ecs::{ContainerDefinition, RegisterTaskDefinitionInput, TaskDefinition};
use wire::Timestamp;

use super::{Refusal, names, size};

mod attributes;
mod container;
mod dependency;
pub(super) mod fargate;
#[cfg(test)]
mod tests;
mod volume;

pub(super) use container::port_range;

/// The most containers of one definition.
const CONTAINERS: usize = 10;
/// The largest definition as JSON, in bytes.
const DEFINITION_BYTES: usize = 64 * 1024;

/// What the registration adds to what the caller wrote.
#[derive(Clone, Copy, Debug)]
pub struct Registration<'a> {
    /// The account's 12 digits; completes role names.
    pub account: &'a str,
    /// The definition's ARN with its revision.
    pub arn: &'a str,
    /// Its revision.
    pub revision: i32,
    /// The caller's ARN.
    pub registered_by: &'a str,
    /// Now.
    pub registered_at: Timestamp,
}

/// The definition as it will be shown from now on.
///
/// # Errors
/// The first rule that it breaks, in ECS's words.
pub fn register(input: RegisterTaskDefinitionInput, by: Registration<'_>) -> Result<TaskDefinition, Refusal> {
    if !names::is_name(&input.family) {
        return Err(Refusal::client("Family contains invalid characters."));
    }
    if input.inference_accelerators.is_some() {
        return Err(Refusal::client("Unsupported field 'inferenceAccelerators'"));
    }
    let wants_fargate = input.requires_compatibilities.iter().flatten().any(|name| name == "FARGATE");
    let cpu = input.cpu.as_deref().map(size::cpu).transpose()?;
    let memory = input.memory.as_deref().map(size::memory).transpose()?;
    let role = |role: Option<String>| role.map(|role| names::complete_role(&role, by.account)).transpose();
    let mut definition = TaskDefinition {
        task_definition_arn: Some(by.arn.to_owned()),
        family: Some(input.family),
        revision: Some(by.revision),
        status: Some("ACTIVE".to_owned()),
        task_role_arn: role(input.task_role_arn)?,
        execution_role_arn: role(input.execution_role_arn)?,
        network_mode: input.network_mode,
        container_definitions: Some(input.container_definitions),
        volumes: Some(input.volumes.unwrap_or_default()),
        placement_constraints: Some(input.placement_constraints.unwrap_or_default()),
        requires_compatibilities: input.requires_compatibilities,
        cpu: cpu.map(|cpu| cpu.to_string()),
        memory: memory.map(|memory| memory.to_string()),
        pid_mode: input.pid_mode,
        ipc_mode: input.ipc_mode,
        proxy_configuration: input.proxy_configuration,
        ephemeral_storage: input.ephemeral_storage,
        runtime_platform: input.runtime_platform,
        enable_fault_injection: input.enable_fault_injection,
        registered_at: Some(by.registered_at),
        registered_by: Some(by.registered_by.to_owned()),
        ..TaskDefinition::default()
    };
    check_size(&definition)?;
    check(&definition, cpu, memory)?;
    let on_fargate = fargate::check(&definition, cpu, memory);
    if wants_fargate {
        on_fargate.clone()?;
    }
    let awsvpc = definition.network_mode.as_deref() == Some("awsvpc");
    for container in definition.container_definitions.iter_mut().flatten() {
        container::fill_in(container, awsvpc);
    }
    definition.requires_attributes = Some(attributes::required(&definition));
    definition.compatibilities = Some(attributes::compatibilities(&definition, on_fargate.is_ok()));
    Ok(definition)
}

fn check_size(definition: &TaskDefinition) -> Result<(), Refusal> {
    let length = serde_json::to_string(definition).map_or(usize::MAX, |text| text.len());
    if length > DEFINITION_BYTES {
        return Err(Refusal::client(format!(
            "Actual length: '{length}'. Max allowed length is '{DEFINITION_BYTES}' bytes."
        )));
    }
    Ok(())
}

/// What holds wherever the tasks will run.
fn check(definition: &TaskDefinition, cpu: Option<u32>, memory: Option<u32>) -> Result<(), Refusal> {
    let containers = definition.container_definitions.as_deref().unwrap_or_default();
    check_containers(containers)?;
    volume::check(definition)?;
    for container in containers {
        container::check(definition, container)?;
    }
    dependency::check(containers)?;
    check_ports(definition, containers)?;
    check_sizes(containers, cpu, memory)?;
    if let Some(proxy) = &definition.proxy_configuration
        && !containers.iter().any(|container| container.name.as_deref() == Some(&proxy.container_name))
    {
        return Err(Refusal::client(format!("Proxy container [{}] does not exist", proxy.container_name)));
    }
    Ok(())
}

fn check_containers(containers: &[ContainerDefinition]) -> Result<(), Refusal> {
    if containers.is_empty() {
        return Err(Refusal::client("Container list cannot be empty"));
    }
    if containers.len() > CONTAINERS {
        return Err(Refusal::client("Too many containers"));
    }
    let mut seen = BTreeSet::new();
    for container in containers {
        let name = container.name.as_deref().unwrap_or_default();
        for (field, value) in [("name", name), ("image", container.image.as_deref().unwrap_or_default())] {
            if value.is_empty() {
                return Err(Refusal::client(format!("Container.{field} should not be null or empty.")));
            }
        }
        if !names::is_name(name) {
            return Err(Refusal::client("Container.name contains invalid characters."));
        }
        if !seen.insert(name) {
            return Err(Refusal::client("Container names must be unique within a task definition"));
        }
    }
    if containers.iter().all(|container| container.essential == Some(false)) {
        return Err(Refusal::client("Task definition doesn't have any essential container"));
    }
    Ok(())
}

/// Ports of all containers together: one namespace, one of each.
fn check_ports(definition: &TaskDefinition, containers: &[ContainerDefinition]) -> Result<(), Refusal> {
    let shared = matches!(definition.network_mode.as_deref(), Some("awsvpc" | "host"));
    let mut ports = BTreeSet::new();
    let mut port_names = BTreeSet::new();
    for mapping in containers.iter().flat_map(|container| container.port_mappings.iter().flatten()) {
        if let Some(name) = mapping.name.as_deref()
            && !port_names.insert(name)
        {
            return Err(Refusal::client("port mapping name is already used"));
        }
        let protocol = mapping.protocol.as_deref().unwrap_or("tcp");
        for port in container::port_range(mapping)? {
            if shared && !ports.insert((port, protocol)) {
                return Err(Refusal::client("container port is used multiple times in task"));
            }
        }
    }
    Ok(())
}

fn check_sizes(containers: &[ContainerDefinition], cpu: Option<u32>, memory: Option<u32>) -> Result<(), Refusal> {
    for container in containers {
        let name = container.name.as_deref().unwrap_or_default();
        if memory.is_none() && container.memory.is_none() && container.memory_reservation.is_none() {
            return Err(Refusal::client(format!(
                "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be \
                 specified."
            )));
        }
        if let Some(limit) = container.memory
            && memory.is_some_and(|memory| i64::from(limit) > i64::from(memory))
        {
            return Err(Refusal::client(format!(
                "The 'memory' setting for container '{name}' is greater than for the task"
            )));
        }
    }
    let sum: i64 = containers.iter().filter_map(|container| container.cpu).map(i64::from).sum();
    if cpu.is_some_and(|cpu| sum > i64::from(cpu)) {
        return Err(Refusal::client(
            "The sum of all container 'cpu' values cannot be greater than the task-level 'cpu' value",
        ));
    }
    Ok(())
}
