//! What a task definition asks of an agent (`requiresAttributes`), and where it can run (`compatibilities`).

use std::collections::BTreeSet;

use api::ecs::{Attribute, ContainerDefinition, TaskDefinition};

use crate::ecs::names;

/// The capabilities of ECS's agent that the definition needs, in order.
pub(in crate::ecs) fn required(definition: &TaskDefinition) -> Vec<Attribute> {
    let mut needed = BTreeSet::from(["com.amazonaws.ecs.capability.docker-remote-api.1.18".to_owned()]);
    let mut need = |name: &str| {
        needed.insert(name.to_owned());
    };
    if definition.network_mode.as_deref() == Some("awsvpc") {
        need("ecs.capability.task-eni");
    }
    if definition.task_role_arn.is_some() {
        need(match definition.network_mode.as_deref() {
            Some("host") => "com.amazonaws.ecs.capability.task-iam-role-network-host",
            _ => "com.amazonaws.ecs.capability.task-iam-role",
        });
    }
    if definition.pid_mode.is_some() || definition.ipc_mode.is_some() {
        need("ecs.capability.pid-ipc-namespace-sharing");
    }
    if definition.volumes.iter().flatten().any(|volume| volume.efs_volume_configuration.is_some()) {
        need("ecs.capability.efs");
    }
    for container in definition.container_definitions.iter().flatten() {
        of_container(container, definition.execution_role_arn.is_some(), &mut need);
    }
    needed.into_iter().map(|name| Attribute { name, ..Attribute::default() }).collect()
}

fn of_container(container: &ContainerDefinition, execution_role: bool, need: &mut impl FnMut(&str)) {
    if container.repository_credentials.is_some() {
        need("ecs.capability.private-registry-authentication.secretsmanager");
    }
    if names::is_ecr_image(container.image.as_deref().unwrap_or_default()) {
        need("com.amazonaws.ecs.capability.ecr-auth");
        if execution_role {
            need("ecs.capability.execution-role-ecr-pull");
        }
    }
    if let Some(log) = &container.log_configuration {
        need("com.amazonaws.ecs.capability.docker-remote-api.1.19");
        need(&format!("com.amazonaws.ecs.capability.logging-driver.{}", log.log_driver));
        if log.log_driver == "awslogs" && execution_role {
            need("ecs.capability.execution-role-awslogs");
        }
    }
    for secret in container.secrets.iter().flatten() {
        need(if secret.value_from.contains(":secretsmanager:") {
            "ecs.capability.secrets.asm.environment-variables"
        } else {
            "ecs.capability.secrets.ssm.environment-variables"
        });
    }
    let given = [
        (container.privileged == Some(true), "com.amazonaws.ecs.capability.privileged-container"),
        (container.memory_reservation.is_some(), "com.amazonaws.ecs.capability.docker-remote-api.1.21"),
        (container.health_check.is_some(), "ecs.capability.container-health-check"),
        (container.environment_files.as_ref().is_some_and(|files| !files.is_empty()), "ecs.capability.env-files.s3"),
        (
            container.start_timeout.is_some() || container.stop_timeout.is_some() || container.depends_on.is_some(),
            "ecs.capability.container-ordering",
        ),
        (
            container.restart_policy.as_ref().is_some_and(|policy| policy.enabled),
            "ecs.capability.container-restart-policy",
        ),
    ];
    for (_, name) in given.into_iter().filter(|(given, _)| *given) {
        need(name);
    }
    if let Some(firelens) = &container.firelens_configuration {
        need(&format!("ecs.capability.firelens.{}", firelens.r#type));
    }
}

/// The kinds of infrastructure whose rules the definition keeps.
pub(in crate::ecs) fn compatibilities(definition: &TaskDefinition, fargate: bool) -> Vec<String> {
    let awsvpc = definition.network_mode.as_deref() == Some("awsvpc");
    let kinds = [(!awsvpc, "EXTERNAL"), (true, "EC2"), (fargate, "FARGATE")];
    kinds.into_iter().filter(|(kept, _)| *kept).map(|(_, kind)| kind.to_owned()).collect()
}
