//! Making a task of a definition: overrides checked and laid over, the first record with its spec.

use std::collections::BTreeMap;

use api::ecs::{ContainerDefinition, ContainerOverride, KeyValuePair, TaskDefinition, TaskOverride};
use wire::Timestamp;

use super::definition::fargate;
use super::{Refusal, SecretReference, Task, TaskContainer, names, size, spec, unsupported};
use crate::compute::{InterfaceSpec, LogMode};

/// The longest overrides, as JSON characters.
const OVERRIDE_CHARACTERS: usize = 8192;
/// The disk of a Fargate task when none is asked for, in GiB.
const EPHEMERAL_STORAGE_GIB: i32 = 20;
/// The only platform version of Fargate that is in use.
const PLATFORM_VERSION: &str = "1.4.0";

/// What RunTask adds to the definition. Identifiers are made by the caller.
#[derive(Clone, Debug)]
pub struct NewTask<'a> {
    /// The account's 12 digits.
    pub account: &'a str,
    /// The region.
    pub region: &'a str,
    /// The cluster's ARN.
    pub cluster_arn: &'a str,
    /// 32 hexadecimal digits.
    pub task_id: &'a str,
    /// `FARGATE` or `EC2`.
    pub launch_type: &'a str,
    /// `FARGATE` or `FARGATE_SPOT`, when a capacity provider was asked for.
    pub capacity_provider: Option<String>,
    /// The availability zone of the interface's subnet.
    pub availability_zone: String,
    /// The task's interface.
    pub interface: InterfaceSpec,
    /// One for each container of the definition.
    pub container_ids: Vec<ContainerIds>,
    /// The task group; the family's when absent.
    pub group: Option<String>,
    /// As the caller wrote it.
    pub started_by: Option<String>,
    /// The subnets that one could be chosen of.
    pub subnets: Vec<String>,
    /// Whether ExecuteCommand was asked for.
    pub enable_execute_command: bool,
    /// The account setting `defaultLogDriverMode`: for logs whose definition names no `mode`.
    pub default_log_mode: LogMode,
    /// The task's tags.
    pub tags: BTreeMap<String, String>,
    /// Now.
    pub created_at: Timestamp,
}

/// The identifiers of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerIds {
    /// A UUID, the last part of its ARN.
    pub id: String,
    /// 10 digits, the last part of its runtime id.
    pub number: String,
}

/// The task as it begins: PROVISIONING, wanted RUNNING.
///
/// # Errors
/// Overrides that ECS refuses, and definitions that Tidegate does not run.
pub fn new_task(definition: &TaskDefinition, overrides: TaskOverride, new: NewTask<'_>) -> Result<Task, Refusal> {
    unsupported::check(definition)?;
    let overrides = check_overrides(definition, overrides, &new)?;
    let containers = overridden(definition, &overrides);
    let spec = spec::build(definition, &overrides, &containers, &new)?;
    let definition_arn = definition.task_definition_arn.clone().unwrap_or_default();
    let on_fargate = new.launch_type == "FARGATE";
    Ok(Task {
        cpu: Some(shown_cpu(definition, &overrides, &containers)),
        memory: Some(shown_memory(definition, &overrides, &containers)),
        ephemeral_storage_gib: on_fargate.then(|| ephemeral_storage(definition, &overrides)),
        overrides,
        platform_version: on_fargate.then(|| PLATFORM_VERSION.to_owned()),
        capacity_provider: new.capacity_provider,
        started_by: new.started_by,
        subnets: new.subnets,
        enable_execute_command: new.enable_execute_command,
        tags: new.tags,
        ..Task::provisioning(spec, definition_arn, containers.iter().map(task_container).collect())
    })
}

/// The storage of a task on Fargate, in GiB.
pub(super) fn ephemeral_storage(definition: &TaskDefinition, overrides: &TaskOverride) -> i32 {
    let asked = overrides.ephemeral_storage.as_ref().or(definition.ephemeral_storage.as_ref());
    asked.map_or(EPHEMERAL_STORAGE_GIB, |storage| storage.size_in_gib)
}

fn task_container(container: &ContainerDefinition) -> TaskContainer {
    TaskContainer {
        credentials_parameter: container.repository_credentials.as_ref().map(|it| it.credentials_parameter.clone()),
        secrets: container
            .secrets
            .iter()
            .flatten()
            .map(|secret| SecretReference { name: secret.name.clone(), value_from: secret.value_from.clone() })
            .collect(),
        ..TaskContainer::pending(container.name.clone().unwrap_or_default())
    }
}

/// The overrides as ECS shows them: values in their plain form, an entry for every container.
fn check_overrides(
    definition: &TaskDefinition,
    mut overrides: TaskOverride,
    new: &NewTask<'_>,
) -> Result<TaskOverride, Refusal> {
    if serde_json::to_string(&overrides).map_or(usize::MAX, |text| text.chars().count()) > OVERRIDE_CHARACTERS {
        return Err(Refusal::parameter(format!("Container Overrides length must be at most {OVERRIDE_CHARACTERS}")));
    }
    if overrides.inference_accelerator_overrides.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(Refusal::client("Unsupported field 'inferenceAccelerators'"));
    }
    let parameter = |refusal: Refusal| Refusal::parameter(refusal.message);
    for role in [&mut overrides.task_role_arn, &mut overrides.execution_role_arn] {
        if let Some(given) = role.take() {
            *role = Some(names::complete_role(&given, new.account)?);
        }
    }
    if let Some(cpu) = &mut overrides.cpu {
        *cpu = size::cpu(cpu).map_err(parameter)?.to_string();
    }
    if let Some(memory) = &mut overrides.memory {
        *memory = size::memory(memory).map_err(parameter)?.to_string();
    }
    if new.launch_type == "FARGATE" {
        let cpu = number(overrides.cpu.as_ref().or(definition.cpu.as_ref()));
        let memory = number(overrides.memory.as_ref().or(definition.memory.as_ref()));
        size::check_fargate(cpu.unwrap_or(0), memory.unwrap_or(0))?;
        if let Some(storage) = &overrides.ephemeral_storage {
            fargate::check_storage(storage.size_in_gib).map_err(parameter)?;
        }
    }
    let containers = definition.container_definitions.as_deref().unwrap_or_default();
    let given = overrides.container_overrides.get_or_insert_default();
    check_container_overrides(containers, given)?;
    for container in containers {
        if !given.iter().any(|one| one.name == container.name) {
            given.push(ContainerOverride { name: container.name.clone(), ..ContainerOverride::default() });
        }
    }
    overrides.inference_accelerator_overrides.get_or_insert_default();
    Ok(overrides)
}

fn check_container_overrides(containers: &[ContainerDefinition], given: &[ContainerOverride]) -> Result<(), Refusal> {
    for (index, one) in given.iter().enumerate() {
        let name = one.name.as_deref().unwrap_or_default();
        if !containers.iter().any(|container| container.name == one.name) {
            return Err(Refusal::parameter(format!(
                "Override for container named {name} is not a container in the TaskDefinition."
            )));
        }
        if given[..index].iter().any(|earlier| earlier.name == one.name) {
            return Err(Refusal::parameter(format!("Container {name} is overridden more than once.")));
        }
        if [one.cpu, one.memory, one.memory_reservation].into_iter().flatten().any(|value| value < 0) {
            return Err(Refusal::parameter(format!(
                "The 'cpu', 'memory' and 'memoryReservation' overrides for container '{name}' must not be negative."
            )));
        }
    }
    Ok(())
}

/// The definition's containers with the overrides laid over them.
fn overridden(definition: &TaskDefinition, overrides: &TaskOverride) -> Vec<ContainerDefinition> {
    let mut containers = definition.container_definitions.clone().unwrap_or_default();
    for container in &mut containers {
        let given = overrides.container_overrides.iter().flatten().find(|one| one.name == container.name);
        let Some(given) = given.cloned() else { continue };
        container.command = given.command.or(container.command.take());
        container.cpu = given.cpu.or(container.cpu);
        container.memory = given.memory.or(container.memory);
        container.memory_reservation = given.memory_reservation.or(container.memory_reservation);
        container.environment_files = given.environment_files.or(container.environment_files.take());
        container.resource_requirements = given.resource_requirements.or(container.resource_requirements.take());
        for pair in given.environment.into_iter().flatten() {
            set_variable(container.environment.get_or_insert_default(), pair);
        }
    }
    containers
}

fn set_variable(environment: &mut Vec<KeyValuePair>, pair: KeyValuePair) {
    match environment.iter_mut().find(|known| known.name == pair.name) {
        Some(known) => known.value = pair.value,
        None => environment.push(pair),
    }
}

/// A number that registration or the check above wrote.
pub(super) fn number(text: Option<&String>) -> Option<u32> {
    text.and_then(|text| text.parse().ok())
}

fn shown_cpu(definition: &TaskDefinition, overrides: &TaskOverride, containers: &[ContainerDefinition]) -> String {
    let task = overrides.cpu.clone().or_else(|| definition.cpu.clone());
    task.unwrap_or_else(|| containers.iter().filter_map(|c| c.cpu).map(i64::from).sum::<i64>().to_string())
}

fn shown_memory(definition: &TaskDefinition, overrides: &TaskOverride, containers: &[ContainerDefinition]) -> String {
    let task = overrides.memory.clone().or_else(|| definition.memory.clone());
    let of_containers = || containers.iter().filter_map(|c| c.memory.or(c.memory_reservation)).map(i64::from);
    task.unwrap_or_else(|| of_containers().sum::<i64>().to_string())
}

#[cfg(test)]
mod tests;
