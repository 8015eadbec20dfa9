//! Every rule of a task definition with ECS's text for it, and the defaults of a definition that is well.

#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

use expect_test::expect;
use serde_json::{Value, json};
use wire::Timestamp;

use super::*;

/// The blog article's definition.
fn article() -> Value {
    json!({
        "family": "space-td",
        "containerDefinitions": [{
            "name": "space", "image": "alice/space:latest", "cpu": 0,
            "portMappings": [{"protocol": "tcp", "containerPort": 80}],
            "repositoryCredentials": {
                "credentialsParameter": "arn:aws:secretsmanager:us-east-1:123456789012:secret:hub-AbCdEf"
            },
        }],
        "memory": "512", "cpu": "256", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc",
        "executionRoleArn": "ecsExec",
    })
}

const REGISTRATION: Registration<'_> = Registration {
    account: "123456789012",
    arn: "arn:aws:ecs:us-east-1:123456789012:task-definition/space-td:1",
    revision: 1,
    registered_by: "arn:aws:iam::123456789012:root",
    registered_at: Timestamp::from_seconds(1),
};

fn try_register(input: Value) -> Result<TaskDefinition, Refusal> {
    register(serde_json::from_value(input).expect("the shape of the model"), REGISTRATION)
}

fn broken_rules(input: Value) -> Vec<String> {
    let examined = examine(serde_json::from_value(input).expect("the shape of the model"), REGISTRATION);
    examined.err().unwrap_or_default().into_iter().map(|refusal| refusal.message).collect()
}

/// The article's definition with other values at some places (`/containerDefinitions/0/cpu`); null takes away.
fn changed(changes: &[(&str, Value)]) -> Value {
    let mut input = article();
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        let parent = input.pointer_mut(parent).expect("the parent is there");
        match (parent, value) {
            (Value::Object(object), Value::Null) => drop(object.remove(key)),
            (Value::Object(object), value) => drop(object.insert(key.to_owned(), value.clone())),
            (Value::Array(array), value) => array.push(value.clone()),
            _ => panic!("{pointer} leads nowhere"),
        }
    }
    input
}

#[test]
fn defaults_are_filled_in_as_ecs_shows_them() {
    let definition = try_register(article()).expect("the article's definition is well");
    let shown = serde_json::to_string_pretty(&definition).expect("a shape");
    expect![[r#"
        {
          "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/space-td:1",
          "containerDefinitions": [
            {
              "name": "space",
              "image": "alice/space:latest",
              "repositoryCredentials": {
                "credentialsParameter": "arn:aws:secretsmanager:us-east-1:123456789012:secret:hub-AbCdEf"
              },
              "cpu": 0,
              "portMappings": [
                {
                  "containerPort": 80,
                  "hostPort": 80,
                  "protocol": "tcp"
                }
              ],
              "essential": true,
              "environment": [],
              "mountPoints": [],
              "volumesFrom": [],
              "systemControls": []
            }
          ],
          "family": "space-td",
          "executionRoleArn": "arn:aws:iam::123456789012:role/ecsExec",
          "networkMode": "awsvpc",
          "revision": 1,
          "volumes": [],
          "status": "ACTIVE",
          "requiresAttributes": [
            {
              "name": "com.amazonaws.ecs.capability.docker-remote-api.1.18"
            },
            {
              "name": "ecs.capability.private-registry-authentication.secretsmanager"
            },
            {
              "name": "ecs.capability.task-eni"
            }
          ],
          "placementConstraints": [],
          "compatibilities": [
            "EC2",
            "FARGATE"
          ],
          "requiresCompatibilities": [
            "FARGATE"
          ],
          "cpu": "256",
          "memory": "512",
          "registeredAt": 1.0,
          "registeredBy": "arn:aws:iam::123456789012:root"
        }"#]]
    .assert_eq(&shown);
}

#[test]
fn sizes_are_shown_in_plain_units() {
    let definition = try_register(changed(&[("/cpu", json!("1 vCPU")), ("/memory", json!("2 GB"))])).expect("is well");
    assert_eq!((definition.cpu.as_deref(), definition.memory.as_deref()), (Some("1024"), Some("2048")));
}

#[test]
fn compatibilities_tell_which_rules_are_kept() {
    let cases = [
        (changed(&[("/requiresCompatibilities", Value::Null)]), vec!["EC2", "FARGATE"]),
        (changed(&[("/requiresCompatibilities", Value::Null), ("/cpu", json!("300"))]), vec!["EC2"]),
        (
            changed(&[("/requiresCompatibilities", json!(["EC2"])), ("/networkMode", json!("bridge"))]),
            vec!["EXTERNAL", "EC2"],
        ),
    ];
    for (input, expected) in cases {
        let definition = try_register(input.clone()).expect("is well");
        assert_eq!(definition.compatibilities.unwrap_or_default(), expected, "{input}");
    }
}

#[test]
fn capabilities_follow_from_what_is_used() {
    let c = "/containerDefinitions/0";
    let definition = try_register(changed(&[
        ("/taskRoleArn", json!("app")),
        (&format!("{c}/repositoryCredentials"), Value::Null),
        (&format!("{c}/image"), json!("123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1")),
        (&format!("{c}/secrets"), json!([{"name": "A", "valueFrom": "arn:aws:secretsmanager:us-east-1:1:secret:a"}])),
        (
            &format!("{c}/logConfiguration"),
            json!({"logDriver": "awslogs", "options":
                {"awslogs-group": "g", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"}}),
        ),
    ]))
    .expect("is well");
    let names: Vec<String> = definition.requires_attributes.into_iter().flatten().map(|it| it.name).collect();
    expect![[r#"
        com.amazonaws.ecs.capability.docker-remote-api.1.18
        com.amazonaws.ecs.capability.docker-remote-api.1.19
        com.amazonaws.ecs.capability.ecr-auth
        com.amazonaws.ecs.capability.logging-driver.awslogs
        com.amazonaws.ecs.capability.task-iam-role
        ecs.capability.execution-role-awslogs
        ecs.capability.execution-role-ecr-pull
        ecs.capability.secrets.asm.environment-variables
        ecs.capability.task-eni"#]]
    .assert_eq(&names.join("\n"));
}

/// Registers the article's definition with one change after another and checks the beginning of each refusal.
fn check_refusals(cases: &[(&str, Value, &str)]) {
    for (pointer, value, expected) in cases {
        let result = try_register(changed(&[(pointer, value.clone())]));
        let refusal = result.expect_err(&format!("{pointer} = {value} should be refused"));
        assert_eq!(refusal.code, "ClientException");
        assert!(refusal.message.starts_with(expected), "{pointer} = {value}\n  {}\n  {expected}", refusal.message);
    }
}

/// The same for members of the container.
fn check_container_refusals(cases: &[(&str, Value, &str)]) {
    let cases: Vec<_> = cases
        .iter()
        .map(|(field, value, text)| (format!("/containerDefinitions/0/{field}"), value.clone(), *text))
        .collect();
    let cases: Vec<_> = cases.iter().map(|(pointer, value, text)| (&**pointer, value.clone(), *text)).collect();
    check_refusals(&cases);
}

/// A second container.
fn second(extra: &Value) -> Value {
    let mut container = json!({"name": "b", "image": "busybox"});
    container.as_object_mut().expect("an object").extend(extra.as_object().cloned().unwrap_or_default());
    container
}

#[test]
fn what_breaks_a_rule_of_the_whole_definition_is_refused() {
    check_refusals(&[
        ("/family", json!("a b"), "Family contains invalid characters."),
        ("/containerDefinitions", json!([]), "Container list cannot be empty"),
        ("/containerDefinitions", json!(vec![json!({"name": "a", "image": "b"}); 11]), "Too many containers"),
        ("/containerDefinitions/-", second(&json!({"name": "space"})), "Container names must be unique"),
        ("/containerDefinitions/0/essential", json!(false), "Task definition doesn't have any essential container"),
        ("/containerDefinitions/0/name", Value::Null, "Container.name should not be null or empty."),
        ("/containerDefinitions/0/image", Value::Null, "Container.image should not be null or empty."),
        ("/containerDefinitions/0/image", json!("no spaces"), "Container.image contains invalid characters."),
        ("/containerDefinitions/0/memory", json!(513), "The 'memory' setting for container 'space' is greater than"),
        ("/containerDefinitions/0/cpu", json!(257), "The sum of all container 'cpu' values cannot be greater than"),
        ("/cpu", json!("many"), "Invalid 'cpu' setting for task."),
        ("/cpu", json!("300"), "No Fargate configuration exists for given values"),
        ("/cpu", Value::Null, "Fargate requires that 'cpu' be defined at the task level."),
        ("/memory", json!("513"), "No Fargate configuration exists for given values"),
        ("/networkMode", json!("bridge"), "Fargate only supports network mode ‘awsvpc’."),
        ("/networkMode", Value::Null, "Fargate only supports network mode ‘awsvpc’."),
        ("/taskRoleArn", json!("no spaces"), "Role is not valid"),
        ("/pidMode", json!("host"), "Tasks using the Fargate launch type do not support pidMode 'host'."),
        ("/ipcMode", json!("task"), "Fargate compatible task definitions do not support ipcMode"),
        ("/inferenceAccelerators", json!([]), "Unsupported field 'inferenceAccelerators'"),
    ]);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    check_refusals(&[
        ("/ephemeralStorage", json!({"sizeInGiB": 20}), "EphemeralStorage size should be at least 21"),
        ("/ephemeralStorage", json!({"sizeInGiB": 201}), "EphemeralStorage size should be at most 200"),
        (
            "/placementConstraints",
            json!([{"type": "memberOf"}]),
            "Fargate compatible task definitions do not support c",
        ),
        ("/proxyConfiguration", json!({"containerName": "x"}), "Proxy container [x] does not exist"),
        (
            "/volumes",
            json!([{"name": "v", "host": {"sourcePath": "/"}}]),
            "Fargate compatible task definitions do not su",
        ),
        ("/volumes", json!([{"name": "v"}, {"name": "v"}]), "Volume names must be unique"),
        (
            "/containerDefinitions/-",
            second(&json!({"portMappings": [{"containerPort": 80}]})),
            "container port is used m",
        ),
        (
            "/containerDefinitions/-",
            second(&json!({"dependsOn": [{"containerName": "x", "condition": "START"}]})),
            "Cannot depend on container x because it does not exist",
        ),
        (
            "/containerDefinitions/-",
            second(&json!({"dependsOn": [{"containerName": "space", "condition": "SUCCESS"}]})),
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
        ),
        (
            "/containerDefinitions/-",
            second(&json!({"dependsOn": [{"containerName": "space", "condition": "HEALTHY"}]})),
            "A dependency container with HEALTHY condition must have health check configured",
        ),
        (
            "/containerDefinitions/0/dependsOn",
            json!([{"containerName": "space", "condition": "START"}]),
            "Container dependencies form a cycle: space",
        ),
        ("/containerDefinitions/0/command", json!(["x".repeat(70_000)]), "Actual length: '70"),
    ]);
}

#[test]
fn roles_are_demanded_where_something_must_be_fetched() {
    let without_role = |extra: &[(&str, Value)]| {
        let mut changes = vec![("/executionRoleArn", Value::Null)];
        changes.extend_from_slice(extra);
        try_register(changed(&changes)).expect_err("a role is missing").message
    };
    let c = "/containerDefinitions/0";
    let public = (&*format!("{c}/repositoryCredentials"), Value::Null);
    let log = json!({"logDriver": "awslogs", "options": {"awslogs-group": "g"}});
    assert_eq!(
        without_role(&[]),
        "Private repository authentication requires that the task definition specify a value for executionRoleArn."
    );
    assert_eq!(
        without_role(&[public.clone(), (&format!("{c}/secrets"), json!([{"name": "A", "valueFrom": "a"}]))]),
        "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
    );
    assert_eq!(
        without_role(&[public.clone(), (&format!("{c}/image"), json!("1.dkr.ecr.us-east-1.amazonaws.com/a"))]),
        "Fargate requires task definition to have execution role ARN to support ECR images."
    );
    assert_eq!(
        without_role(&[public, (&format!("{c}/logConfiguration"), log)]),
        "Fargate requires task definition to have execution role ARN to support log driver awslogs."
    );
}

#[test]
fn what_breaks_a_rule_of_a_container_is_refused() {
    let cases: Vec<(&str, Value, &str)> = vec![
        (
            "repositoryCredentials",
            json!({"credentialsParameter": "no spaces"}),
            "The repository credentials parameter specified for container 'space' is invalid. Parameter names can",
        ),
        (
            "image",
            json!("123456789012.dkr.ecr.us-east-1.amazonaws.com/alice/space:1"),
            "Private repository credentials are not a supported authentication method for ECR repositories.",
        ),
        ("portMappings", json!([{"containerPort": 80, "hostPort": 81}]), "When networkMode=awsvpc, the host ports and"),
        ("portMappings", json!([{"containerPort": 0}]), "Invalid container port '0'."),
        ("portMappings", json!([{"containerPort": 1, "containerPortRange": "1-2"}]), "cannot specify both single port"),
        ("portMappings", json!([{"containerPortRange": "9-2"}]), "Invalid 'containerPortRange' setting"),
        ("portMappings", json!([{"containerPort": 1, "name": "A"}]), "'A' is not a valid port mapping name."),
        (
            "portMappings",
            json!([{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]),
            "port mapping name is already used",
        ),
        ("links", json!(["a"]), "Links are not supported when networkMode=awsvpc"),
        ("dnsServers", json!(["1.1.1.1"]), "DNS servers are not supported on container when networkMode=awsvpc"),
        ("extraHosts", json!([{}]), "Extra hosts are not supported on container when networkMode=awsvpc"),
        ("hostname", json!("a"), "hostname is not supported on container when networkMode=awsvpc"),
        ("disableNetworking", json!(true), "Disable Networking is not supported on container"),
        ("privileged", json!(true), "Fargate requires that the 'privileged' setting be 'false'"),
        ("linuxParameters", json!({"capabilities": {"add": ["SYS_ADMIN"]}}), "SYS_ADMIN is not allowed on Fargate."),
        ("linuxParameters", json!({"devices": [{}]}), "Fargate compatible task definitions do not support devices"),
        ("linuxParameters", json!({"maxSwap": 1}), "Fargate compatible task definitions do not support maxSwap"),
        ("resourceRequirements", json!([{"type": "GPU"}]), "Tasks using the Fargate launch type do not support GPU"),
    ];
    check_container_refusals(&cases);
}

#[test]
fn settings_of_a_container_out_of_range_are_refused() {
    let cases: Vec<(&str, Value, &str)> = vec![
        ("memory", json!(3), "the 'memory' setting for container 'space' must be between 4"),
        ("stopTimeout", json!(121), "the 'stopTimeout' setting for container 'space' must be between 2 and 120"),
        (
            "restartPolicy",
            json!({"enabled": true, "restartAttemptPeriod": 59}),
            "the 'restartAttemptPeriod' setting for container 'space' must be between 60 and 1800",
        ),
        (
            "ulimits",
            json!([{"name": "nofile", "softLimit": 2, "hardLimit": 1}]),
            "Soft limit exceeds hard limit for ulimit nofile",
        ),
        ("mountPoints", json!([{"sourceVolume": "v", "containerPath": "/v"}]), "Unknown volume 'v'."),
        ("volumesFrom", json!([{"sourceContainer": "x"}]), "Cannot mount volumes from container x"),
        ("environmentFiles", json!([{"value": "a.env"}]), "Invalid arn syntax"),
        ("environmentFiles", json!(vec![json!({"value": "a"}); 11]), "The maximum number of environment files was"),
        (
            "secrets",
            json!([{"name": "A", "valueFrom": "a:key::"}]),
            "The Systems Manager parameter name specified for s",
        ),
        (
            "logConfiguration",
            json!({"logDriver": "json-file"}),
            "json-file is not a valid log driver. Must be one of [",
        ),
        ("logConfiguration", json!({"logDriver": "awslogs"}), "Log driver awslogs requires options: awslogs-group"),
        (
            "logConfiguration",
            json!({"logDriver": "awslogs", "options": {"awslogs-group": "g"}}),
            "Fargate requires log configuration options to include awslogs-stream-prefix",
        ),
        (
            "logConfiguration",
            json!({"logDriver": "awslogs", "options": {"awslogs-group": "g", "mode": "quick"}}),
            "Log driver awslogs: 'quick' is not a valid mode. Valid v",
        ),
        (
            "logConfiguration",
            json!({"logDriver": "awslogs", "options": {"awslogs-group": "g", "max-buffer-size": "much"}}),
            "Log driver awslogs: 'much' is not a valid max-buffer-siz",
        ),
        (
            "logConfiguration",
            json!({"logDriver": "awsfirelens"}),
            "When awsfirelens log driver is specified in log con",
        ),
        ("healthCheck", json!({"command": ["curl"]}), "The health check command of container 'space' must start with"),
        (
            "healthCheck",
            json!({"command": ["CMD", "x"], "retries": 11}),
            "the 'healthCheck.retries' setting for container 'space' must be between 1 and 10",
        ),
    ];
    check_container_refusals(&cases);
}

#[test]
fn a_variable_comes_from_one_place() {
    let c = "/containerDefinitions/0";
    let refusal = try_register(changed(&[
        (&format!("{c}/environment"), json!([{"name": "A", "value": "1"}])),
        (&format!("{c}/secrets"), json!([{"name": "A", "valueFrom": "a"}])),
    ]))
    .expect_err("twice the same variable");
    assert!(refusal.message.ends_with("such as 'A'."), "{refusal}");
}

#[test]
fn off_fargate_some_memory_must_be_given() {
    let changes = [("/requiresCompatibilities", json!(["EC2"])), ("/memory", Value::Null)];
    let refusal = try_register(changed(&changes)).expect_err("no memory anywhere");
    assert!(
        refusal.message.starts_with("Invalid setting for container 'space'. At least one of 'memory'"),
        "{refusal}"
    );
}

#[test]
fn every_rule_that_is_broken_is_told_and_the_first_first() {
    assert_eq!(broken_rules(article()), [""; 0]);
    let c = "/containerDefinitions/0";
    let input = changed(&[
        ("/family", json!("no family")),
        ("/networkMode", json!("host")),
        ("/memory", json!("513")),
        ("/ipcMode", json!("task")),
        (&format!("{c}/privileged"), json!(true)),
        (&format!("{c}/stopTimeout"), json!(1)),
        (&format!("{c}/mountPoints"), json!([{"sourceVolume": "nowhere", "containerPath": "/a"}])),
    ]);
    let told = broken_rules(input.clone());
    let starts = [
        "Family contains invalid characters.",
        "Unknown volume 'nowhere'.",
        "the 'stopTimeout' setting for container 'space' must be between",
        "Fargate only supports network mode",
        "No Fargate configuration exists for given values",
        "Fargate compatible task definitions do not support ipcMode",
        "Fargate requires that the 'privileged' setting be 'false'",
    ];
    assert_eq!(told.len(), starts.len(), "{told:?}");
    for (text, start) in told.iter().zip(starts) {
        assert!(text.starts_with(start), "{text} is not {start}");
    }
    assert_eq!(try_register(input).expect_err("broken").message, told[0]);
}

#[test]
fn what_only_follows_from_something_else_is_not_told() {
    let c = "/containerDefinitions/0";
    for (pointer, value, start) in [
        ("/cpu", json!("much"), "Invalid 'cpu' setting for task."),
        ("/memory", json!("much"), "Invalid 'memory' setting for task."),
        ("/executionRoleArn", json!("arn:aws:iam::123456789012:user/a"), ""),
        (&format!("{c}/image"), Value::Null, "Container.image should not be null or empty."),
        (&format!("{c}/name"), Value::Null, "Container.name should not be null or empty."),
        ("/containerDefinitions", json!([]), "Container list cannot be empty"),
    ] {
        let told = broken_rules(changed(&[(pointer, value)]));
        assert_eq!(told.len(), 1, "{pointer}: {told:?}");
        assert!(told[0].starts_with(start), "{told:?}");
    }
    // Two containers that break one rule whose text names neither.
    let mut input = changed(&[(&format!("{c}/privileged"), json!(true))]);
    let mut second = input["containerDefinitions"][0].clone();
    second["name"] = json!("second");
    second["portMappings"] = json!([]);
    input["containerDefinitions"].as_array_mut().expect("a list").push(second);
    assert_eq!(broken_rules(input), ["Fargate requires that the 'privileged' setting be 'false'"]);
}
