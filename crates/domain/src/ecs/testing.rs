//! A task and observations of it, for tests.

use wire::Timestamp;

use super::{Task, TaskContainer};
use crate::compute::{ContainerObservation, ContainerPhase, ContainerSpec, InterfaceSpec, TaskObservation, TaskSpec};

/// A task of these containers (name, essential) that was just created at second 0.
pub(crate) fn task(containers: &[(&str, bool)]) -> Task {
    let definition_arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1".into();
    let pending = containers.iter().map(|(name, _)| TaskContainer::pending((*name).into())).collect();
    Task {
        cpu: Some("256".into()),
        memory: Some("512".into()),
        ephemeral_storage_gib: Some(20),
        platform_version: Some("1.4.0".into()),
        tags: [("a".to_owned(), "b".to_owned())].into(),
        ..Task::provisioning(spec(containers), definition_arn, pending)
    }
}

fn spec(containers: &[(&str, bool)]) -> TaskSpec {
    TaskSpec {
        task_id: "0123456789abcdef0123456789abcdef".into(),
        task_arn: "arn:aws:ecs:us-east-1:123456789012:task/c/0123456789abcdef0123456789abcdef".into(),
        cluster_arn: "arn:aws:ecs:us-east-1:123456789012:cluster/c".into(),
        account: "123456789012".into(),
        region: "us-east-1".into(),
        availability_zone: "us-east-1a".into(),
        family: "web".into(),
        revision: 1,
        launch_type: "FARGATE".into(),
        group: "family:web".into(),
        interface: interface(),
        cpu_units: Some(256),
        memory_mib: Some(512),
        ephemeral_storage_gib: Some(20),
        architecture: "amd64".into(),
        task_role_arn: None,
        execution_role_arn: None,
        tags: std::collections::BTreeMap::new(),
        volumes: Vec::new(),
        shared_processes: false,
        containers: containers
            .iter()
            .map(|(name, essential)| {
                serde_json::from_value(serde_json::json!({
                    "name": name, "arn": "", "runtime_id": "", "image": "busybox", "private_registry": false,
                    "essential": essential, "environment": [], "secret_names": [], "cpu_units": 0, "ports": [],
                    "mounts": [], "tmpfs": [], "add_capabilities": [], "drop_capabilities": [],
                    "read_only_root": false, "init_process": false, "privileged": false, "ulimits": [],
                    "system_controls": [], "labels": {}, "depends_on": [], "stop_timeout_seconds": 30,
                    "pseudo_terminal": false
                }))
                .expect("a container")
            })
            .collect::<Vec<ContainerSpec>>(),
        created_at: Timestamp::from_seconds(0),
    }
}

/// An interface in the default VPC.
pub(crate) fn interface() -> InterfaceSpec {
    InterfaceSpec {
        id: "eni-1".into(),
        attachment_id: "4b6c5e8e-0000-4000-8000-000000000000".into(),
        mac_address: "02:00:00:00:00:01".into(),
        address: [172, 31, 0, 4].into(),
        public_address: None,
        subnet_id: "subnet-1".into(),
        subnet_cidr: "172.31.0.0/20".parse().expect("a range"),
        vpc_id: "vpc-1".into(),
        vpc_cidrs: vec!["172.31.0.0/16".parse().expect("a range")],
        private_dns_name: Some("ip-172-31-0-4.ec2.internal".into()),
        security_groups: vec!["sg-1".into()],
    }
}

/// What a compute says of the task when it has just begun with it.
pub(crate) fn begun(task: &Task) -> TaskObservation {
    TaskObservation {
        containers: task
            .spec
            .containers
            .iter()
            .map(|container| ContainerObservation { name: container.name.clone(), ..Default::default() })
            .collect(),
        ..Default::default()
    }
}

/// The same when all containers run since `second`.
pub(crate) fn running(task: &Task, second: i64) -> TaskObservation {
    let mut observation = begun(task);
    observation.network_ready = true;
    observation.pull_started_at = Some(Timestamp::from_seconds(second - 2));
    observation.pull_stopped_at = Some(Timestamp::from_seconds(second - 1));
    for container in &mut observation.containers {
        container.phase = ContainerPhase::Running;
        container.started_at = Some(Timestamp::from_seconds(second));
        container.image_digest = Some("sha256:00".into());
    }
    observation
}
