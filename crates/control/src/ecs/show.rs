//! A task as ECS shows it.

use api::ecs::{
    Attachment, Attribute, Container, EphemeralStorage, KeyValuePair, NetworkInterface, TaskEphemeralStorage,
};
use domain::compute::{ContainerSpec, Health};
use domain::ecs::{AttachmentStatus, Task, TaskContainer};

use super::tag;

/// The task without its tags.
pub fn show(task: &Task) -> api::ecs::Task {
    let spec = &task.spec;
    let fargate = spec.launch_type == "FARGATE";
    api::ecs::Task {
        attachments: Some(vec![attachment(task)]),
        attributes: Some(vec![Attribute {
            name: "ecs.cpu-architecture".to_owned(),
            value: Some(if spec.architecture == "arm64" { "arm64" } else { "x86_64" }.to_owned()),
            ..Attribute::default()
        }]),
        availability_zone: Some(spec.availability_zone.clone()),
        capacity_provider_name: task.capacity_provider.clone(),
        cluster_arn: Some(spec.cluster_arn.clone()),
        connectivity: task.connectivity_at.map(|_| "CONNECTED".to_owned()),
        connectivity_at: task.connectivity_at,
        containers: Some(
            spec.containers
                .iter()
                .zip(&task.containers)
                .map(|(spec, container)| show_container(task, spec, container))
                .collect(),
        ),
        cpu: task.cpu.clone(),
        created_at: Some(spec.created_at),
        desired_status: Some(task.desired_status.as_str().to_owned()),
        enable_execute_command: Some(task.enable_execute_command),
        execution_stopped_at: task.execution_stopped_at,
        group: Some(spec.group.clone()),
        health_status: Some(word(health(task)).to_owned()),
        inference_accelerators: Some(Vec::new()),
        last_status: Some(task.last_status.as_str().to_owned()),
        // A task of a capacity provider has a launch type as well.
        launch_type: Some(spec.launch_type.clone()),
        memory: task.memory.clone(),
        overrides: Some(task.overrides.clone()),
        platform_version: task.platform_version.clone(),
        platform_family: fargate.then(|| "Linux".to_owned()),
        pull_started_at: task.pull_started_at,
        pull_stopped_at: task.pull_stopped_at,
        started_at: task.started_at,
        started_by: task.started_by.clone(),
        stop_code: task.stop_code.map(|code| code.as_str().to_owned()),
        stopped_at: task.stopped_at,
        stopped_reason: task.stopped_reason.clone(),
        stopping_at: task.stopping_at,
        tags: Some(Vec::new()),
        task_arn: Some(spec.task_arn.clone()),
        task_definition_arn: Some(task.definition_arn.clone()),
        version: Some(task.version),
        ephemeral_storage: task.ephemeral_storage_gib.map(|size_in_gib| EphemeralStorage { size_in_gib }),
        fargate_ephemeral_storage: task
            .ephemeral_storage_gib
            .map(|size| TaskEphemeralStorage { size_in_gib: Some(size), kms_key_id: None }),
        ..api::ecs::Task::default()
    }
}

/// The task with its tags.
pub(super) fn show_with_tags(task: &Task) -> api::ecs::Task {
    api::ecs::Task { tags: Some(tag::show(&task.tags)), ..show(task) }
}

/// The task's network interface. Until the task has it, ECS shows only where it will be.
fn attachment(task: &Task) -> Attachment {
    let interface = &task.spec.interface;
    let mut details = vec![("subnetId", interface.subnet_id.clone())];
    if task.attachment != AttachmentStatus::Precreated {
        details.push(("networkInterfaceId", interface.id.clone()));
        details.push(("macAddress", interface.mac_address.clone()));
        details.extend(interface.private_dns_name.clone().map(|name| ("privateDnsName", name)));
        details.push(("privateIPv4Address", interface.address.to_string()));
    }
    let detail = |(name, value): (&str, String)| KeyValuePair { name: Some(name.to_owned()), value: Some(value) };
    Attachment {
        id: Some(interface.attachment_id.clone()),
        r#type: Some("ElasticNetworkInterface".to_owned()),
        status: Some(task.attachment.as_str().to_owned()),
        details: Some(details.into_iter().map(detail).collect()),
    }
}

fn show_container(task: &Task, spec: &ContainerSpec, container: &TaskContainer) -> Container {
    let attached = task.attachment != AttachmentStatus::Precreated;
    let interface = &task.spec.interface;
    Container {
        container_arn: Some(spec.arn.clone()),
        task_arn: Some(task.spec.task_arn.clone()),
        name: Some(spec.name.clone()),
        image: Some(spec.image.clone()),
        image_digest: container.image_digest.clone(),
        runtime_id: Some(spec.runtime_id.clone()).filter(|_| container.image_digest.is_some()),
        last_status: Some(container.last_status.as_str().to_owned()),
        exit_code: container.exit_code,
        reason: container.reason.clone(),
        network_bindings: Some(Vec::new()),
        network_interfaces: Some(if attached {
            vec![NetworkInterface {
                attachment_id: Some(interface.attachment_id.clone()),
                private_ipv4_address: Some(interface.address.to_string()),
                ipv6_address: None,
            }]
        } else {
            Vec::new()
        }),
        health_status: Some(word(container.health).to_owned()),
        cpu: Some(spec.cpu_units.to_string()),
        memory: spec.memory_mib.map(|mib| mib.to_string()),
        memory_reservation: spec.memory_reservation_mib.map(|mib| mib.to_string()),
        ..Container::default()
    }
}

/// Unhealthy if any essential container is, else unknown if any is, else healthy.
fn health(task: &Task) -> Health {
    let mut essential = task.spec.containers.iter().zip(&task.containers).filter(|(spec, _)| spec.essential);
    if essential.clone().any(|(_, container)| container.health == Health::Unhealthy) {
        return Health::Unhealthy;
    }
    if essential.all(|(_, container)| container.health == Health::Healthy) { Health::Healthy } else { Health::Unknown }
}

fn word(health: Health) -> &'static str {
    match health {
        Health::Unknown => "UNKNOWN",
        Health::Healthy => "HEALTHY",
        Health::Unhealthy => "UNHEALTHY",
    }
}
