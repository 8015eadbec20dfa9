//! From a definition with overrides to the first record of a task.

use serde_json::{Value, json};
use wire::Timestamp;

use super::*;
use crate::ecs::testing::interface;
use crate::ecs::{Registration, register};

const ID: &str = "0123456789abcdef0123456789abcdef";

fn definition(extra: &Value) -> TaskDefinition {
    let mut input = json!({
        "family": "web", "cpu": "256", "memory": "512", "networkMode": "awsvpc", "executionRoleArn": "exec",
        "requiresCompatibilities": ["FARGATE"],
        "volumes": [{"name": "data"}],
        "containerDefinitions": [
            {
                "name": "web", "image": "nginx", "command": ["serve"], "stopTimeout": 5,
                "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "secrets": [{"name": "TOKEN", "valueFrom": "token"}],
                "repositoryCredentials": {"credentialsParameter": "hub"},
                "portMappings": [{"containerPort": 80}, {"containerPortRange": "90-91", "protocol": "udp"}],
                "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}],
                "logConfiguration": {"logDriver": "awslogs", "options":
                    {"awslogs-group": "g", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "p"}},
            },
            {
                "name": "side", "image": "busybox", "essential": false,
                "volumesFrom": [{"sourceContainer": "web", "readOnly": true}],
                "dependsOn": [{"containerName": "web", "condition": "START"}],
                "restartPolicy": {"enabled": true},
            },
        ],
    });
    input.as_object_mut().expect("an object").extend(extra.as_object().cloned().unwrap_or_default());
    let registration = Registration {
        account: "123456789012",
        arn: "arn:aws:ecs:us-east-1:123456789012:task-definition/web:3",
        revision: 3,
        registered_by: "",
        registered_at: Timestamp::from_seconds(0),
    };
    register(serde_json::from_value(input).expect("the shape"), registration).expect("a good definition")
}

fn start(definition: &TaskDefinition, overrides: Value) -> Result<Task, Refusal> {
    let ids = ["1111111111", "2222222222"].map(|number| ContainerIds { id: "uuid".into(), number: number.into() });
    let new = NewTask {
        account: "123456789012",
        region: "us-east-1",
        cluster_arn: "arn:aws:ecs:us-east-1:123456789012:cluster/c",
        task_id: ID,
        launch_type: "FARGATE",
        capacity_provider: None,
        availability_zone: "us-east-1a".into(),
        interface: interface(),
        container_ids: ids.to_vec(),
        group: None,
        started_by: None,
        subnets: Vec::new(),
        enable_execute_command: false,
        default_log_mode: LogMode::Blocking,
        tags: BTreeMap::new(),
        created_at: Timestamp::from_seconds(9),
    };
    new_task(definition, serde_json::from_value(overrides).expect("the shape"), new)
}

#[test]
fn every_choice_is_made_in_the_spec() {
    let task = start(&definition(&json!({})), json!({})).expect("starts");
    let spec = &task.spec;
    assert_eq!(spec.task_arn, format!("arn:aws:ecs:us-east-1:123456789012:task/c/{ID}"));
    assert_eq!((spec.group.as_str(), spec.revision, spec.architecture.as_str()), ("family:web", 3, "amd64"));
    assert_eq!((spec.cpu_units, spec.memory_mib), (Some(256), Some(512)));
    assert_eq!(spec.execution_role_arn.as_deref(), Some("arn:aws:iam::123456789012:role/exec"));
    let [web, side] = &spec.containers[..] else { panic!("two containers") };
    assert_eq!(web.arn, format!("arn:aws:ecs:us-east-1:123456789012:container/c/{ID}/uuid"));
    assert_eq!(web.runtime_id, format!("{ID}-1111111111"));
    assert!(web.private_registry && !side.private_registry);
    assert_eq!(web.secret_names, ["TOKEN"]);
    assert_eq!(web.ports, [(80, "tcp".into()), (90, "udp".into()), (91, "udp".into())]);
    assert_eq!((web.stop_timeout_seconds, side.stop_timeout_seconds), (5, 30));
    assert_eq!(web.ulimits, [("nofile".into(), 65535, 65535)]);
    let log = web.log.as_ref().expect("a log");
    assert_eq!((log.group.as_str(), log.stream.clone()), ("g", format!("p/web/{ID}")));
    assert_eq!((log.region.as_str(), log.mode), ("eu-west-1", LogMode::Blocking), "the account's mode");
    assert_eq!(side.mounts.len(), 1);
    assert!(side.mounts[0].read_only && !web.mounts[0].read_only);
    assert_eq!(side.depends_on[0].condition, crate::compute::DependencyCondition::Start);
    assert_eq!(side.restart.as_ref().map(|restart| restart.attempt_period_seconds), Some(300));
    assert_eq!(task.containers[0].credentials_parameter.as_deref(), Some("hub"));
    assert_eq!(task.containers[0].secrets[0].value_from, "token");
    assert_eq!((task.platform_version.as_deref(), task.ephemeral_storage_gib), (Some("1.4.0"), Some(20)));
    assert_eq!((task.cpu.as_deref(), task.memory.as_deref()), (Some("256"), Some("512")));
}

#[test]
fn overrides_are_laid_over_the_definition() {
    let task = start(
        &definition(&json!({})),
        json!({
            "cpu": ".5 vCPU", "memory": "1 GB", "taskRoleArn": "app",
            "containerOverrides": [{
                "name": "web", "command": ["other"], "cpu": 100, "memory": 300,
                "environment": [{"name": "B", "value": "two"}, {"name": "C", "value": "3"}],
            }],
        }),
    )
    .expect("starts");
    let web = &task.spec.containers[0];
    let environment: Vec<String> = web.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(environment, ["A=1", "B=two", "C=3"]);
    assert_eq!(web.command.as_deref(), Some(&["other".to_owned()][..]));
    assert_eq!((web.cpu_units, web.memory_mib), (100, Some(300)));
    assert_eq!((task.spec.cpu_units, task.spec.memory_mib), (Some(512), Some(1024)));
    assert_eq!(task.spec.task_role_arn.as_deref(), Some("arn:aws:iam::123456789012:role/app"));
    let shown = serde_json::to_value(&task.overrides).expect("a shape");
    assert_eq!(shown["containerOverrides"][1], json!({"name": "side"}));
    assert_eq!((&shown["cpu"], &shown["memory"]), (&json!("512"), &json!("1024")));
    assert_eq!(shown["inferenceAcceleratorOverrides"], json!([]));
}

#[test]
fn bad_overrides_are_refused() {
    let definition = definition(&json!({}));
    let cases = [
        (
            json!({"containerOverrides": [{"name": "x"}]}),
            "InvalidParameterException: Override for container named x is not a container in the TaskDefinition.",
        ),
        (json!({"cpu": "x"}), "InvalidParameterException: Invalid 'cpu' setting for task."),
        (
            json!({"cpu": "512"}),
            "ClientException: No Fargate configuration exists for given values: 512 CPU, 512 memory",
        ),
        (json!({"taskRoleArn": "a b"}), "ClientException: Role is not valid"),
        (
            json!({"ephemeralStorage": {"sizeInGiB": 5}}),
            "InvalidParameterException: EphemeralStorage size should be at",
        ),
        (
            json!({"containerOverrides": [{"name": "web", "command": ["x".repeat(9000)]}]}),
            "InvalidParameterException: Container Overrides length must be at most 8192",
        ),
        (
            json!({"containerOverrides": [{"name": "web"}, {"name": "web"}]}),
            "InvalidParameterException: Container web is",
        ),
        (json!({"containerOverrides": [{"name": "web", "cpu": -1}]}), "InvalidParameterException: The 'cpu', 'memory'"),
    ];
    for (overrides, expected) in cases {
        let refusal = start(&definition, overrides.clone()).expect_err("refused").to_string();
        assert!(refusal.starts_with(expected), "{overrides}\n  {refusal}\n  {expected}");
    }
}

#[test]
fn what_tidegate_does_not_run_is_said() {
    let cases = [
        (
            json!({"volumes": [{"name": "data", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]}),
            "an EFS file system",
        ),
        (
            json!({"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}, "cpu": "1024",
            "memory": "2048"}),
            "operating system family 'WINDOWS_SERVER_2022_CORE'",
        ),
    ];
    for (extra, expected) in cases {
        let refusal = start(&definition(&extra), json!({})).expect_err("not served");
        assert_eq!(refusal.code, "UnsupportedFeatureException");
        assert!(refusal.message.contains(expected), "{refusal}");
    }
}
