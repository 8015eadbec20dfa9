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
    examine(input, by).map_err(|mut broken| broken.swap_remove(0))
}

/// The same, for whoever wants to hear of everything at once.
///
/// # Errors
/// Every rule that it breaks, as far as one can be told without the other: the first of each group of rules, for each
/// container. In the order in which ECS finds them; never empty.
pub fn examine(input: RegisterTaskDefinitionInput, by: Registration<'_>) -> Result<TaskDefinition, Vec<Refusal>> {
    let mut broken = Vec::new();
    if !names::is_name(&input.family) {
        broken.push(Refusal::client("Family contains invalid characters."));
    }
    if input.inference_accelerators.is_some() {
        broken.push(Refusal::client("Unsupported field 'inferenceAccelerators'"));
    }
    let wants_fargate = input.requires_compatibilities.iter().flatten().any(|name| name == "FARGATE");
    let size = Size {
        cpu: read(input.cpu.as_deref(), size::cpu, &mut broken),
        memory: read(input.memory.as_deref(), size::memory, &mut broken),
    };
    // A role that cannot be read stays as it was written: that there is none is not what is wrong.
    let role = |role: &str| names::complete_role(role, by.account);
    let mut definition = TaskDefinition {
        task_definition_arn: Some(by.arn.to_owned()),
        family: Some(input.family),
        revision: Some(by.revision),
        status: Some("ACTIVE".to_owned()),
        task_role_arn: read(input.task_role_arn.as_deref(), role, &mut broken).known().or(input.task_role_arn),
        execution_role_arn: read(input.execution_role_arn.as_deref(), role, &mut broken)
            .known()
            .or(input.execution_role_arn),
        network_mode: input.network_mode,
        container_definitions: Some(input.container_definitions),
        volumes: Some(input.volumes.unwrap_or_default()),
        placement_constraints: Some(input.placement_constraints.unwrap_or_default()),
        requires_compatibilities: input.requires_compatibilities,
        cpu: size.cpu.known().map(|cpu| cpu.to_string()),
        memory: size.memory.known().map(|memory| memory.to_string()),
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
    broken.extend(check_size(&definition).err());
    broken.extend(check(&definition, size));
    let on_fargate = fargate::check(&definition, size);
    let compatible = on_fargate.is_empty();
    broken.extend(on_fargate.into_iter().filter(|_| wants_fargate));
    if !broken.is_empty() {
        return Err(each_once(broken));
    }
    let awsvpc = definition.network_mode.as_deref() == Some("awsvpc");
    for container in definition.container_definitions.iter_mut().flatten() {
        container::fill_in(container, awsvpc);
    }
    definition.requires_attributes = Some(attributes::required(&definition));
    definition.compatibilities = Some(attributes::compatibilities(&definition, compatible));
    Ok(definition)
}

/// A setting as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting<T> {
    /// It was not.
    Absent,
    /// This.
    Known(T),
    /// It means nothing, and that is told: what follows from it is not.
    Unreadable,
}

impl<T> Setting<T> {
    fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

/// The size of the task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// In CPU units.
    cpu: Setting<u32>,
    /// In MiB.
    memory: Setting<u32>,
}

fn read<T>(text: Option<&str>, read: impl Fn(&str) -> Result<T, Refusal>, broken: &mut Vec<Refusal>) -> Setting<T> {
    match text.map(read) {
        None => Setting::Absent,
        Some(Ok(value)) => Setting::Known(value),
        Some(Err(refusal)) => {
            broken.push(refusal);
            Setting::Unreadable
        }
    }
}

/// Several containers may break a rule whose text does not name them.
fn each_once(refusals: Vec<Refusal>) -> Vec<Refusal> {
    let mut told: Vec<Refusal> = Vec::with_capacity(refusals.len());
    for refusal in refusals {
        if !told.contains(&refusal) {
            told.push(refusal);
        }
    }
    told
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
fn check(definition: &TaskDefinition, size: Size) -> Vec<Refusal> {
    let containers = definition.container_definitions.as_deref().unwrap_or_default();
    let mut broken = check_containers(containers);
    broken.extend(volume::check(definition).err());
    for container in containers {
        broken.extend(container::check(definition, container));
    }
    broken.extend(dependency::check(containers).err());
    broken.extend(check_ports(definition, containers).err());
    broken.extend(containers.iter().filter_map(|container| check_memory(container, size.memory).err()));
    broken.extend(check_cpu(containers, size.cpu).err());
    if let Some(proxy) = &definition.proxy_configuration
        && !containers.iter().any(|container| container.name.as_deref() == Some(&proxy.container_name))
    {
        broken.push(Refusal::client(format!("Proxy container [{}] does not exist", proxy.container_name)));
    }
    broken
}

fn check_containers(containers: &[ContainerDefinition]) -> Vec<Refusal> {
    if containers.is_empty() {
        return vec![Refusal::client("Container list cannot be empty")];
    }
    let mut broken = Vec::new();
    if containers.len() > CONTAINERS {
        broken.push(Refusal::client("Too many containers"));
    }
    let mut seen = BTreeSet::new();
    for container in containers {
        let name = container.name.as_deref().unwrap_or_default();
        for (field, value) in [("name", name), ("image", container.image.as_deref().unwrap_or_default())] {
            if value.is_empty() {
                broken.push(Refusal::client(format!("Container.{field} should not be null or empty.")));
            }
        }
        if name.is_empty() {
            continue;
        }
        if !names::is_name(name) {
            broken.push(Refusal::client("Container.name contains invalid characters."));
        }
        if !seen.insert(name) {
            broken.push(Refusal::client("Container names must be unique within a task definition"));
        }
    }
    if containers.iter().all(|container| container.essential == Some(false)) {
        broken.push(Refusal::client("Task definition doesn't have any essential container"));
    }
    broken
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

fn check_memory(container: &ContainerDefinition, memory: Setting<u32>) -> Result<(), Refusal> {
    let name = container.name.as_deref().unwrap_or_default();
    if memory == Setting::Absent && container.memory.is_none() && container.memory_reservation.is_none() {
        return Err(Refusal::client(format!(
            "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
        )));
    }
    if let Some(limit) = container.memory
        && memory.known().is_some_and(|memory| i64::from(limit) > i64::from(memory))
    {
        return Err(Refusal::client(format!(
            "The 'memory' setting for container '{name}' is greater than for the task"
        )));
    }
    Ok(())
}

fn check_cpu(containers: &[ContainerDefinition], cpu: Setting<u32>) -> Result<(), Refusal> {
    let sum: i64 = containers.iter().filter_map(|container| container.cpu).map(i64::from).sum();
    if cpu.known().is_some_and(|cpu| sum > i64::from(cpu)) {
        return Err(Refusal::client(
            "The sum of all container 'cpu' values cannot be greater than the task-level 'cpu' value",
        ));
    }
    Ok(())
}
