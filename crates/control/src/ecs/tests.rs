//! ECS's operations through their handlers, with ECS's texts.

use domain::compute::LogMode;
use domain::ecs::TaskStatus;
use domain::iam::{Caller, Identity};
use expect_test::expect_file;
use serde_json::{Value, json};

use super::testing::{Ecs, definition, last_part};
use super::{
    account_setting, cluster, cluster_capacity, run_task, tag, task, task_definition, task_definition_list, task_list,
};
use crate::limits::STOPPED_TASK_SECONDS;
use crate::testing::{ACCOUNT, root};

/// A user without any policy.
fn stranger() -> Caller {
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/stranger");
    Caller {
        identity: Identity::User { arn, id: "AIDASTRANGER".into(), context: domain::iam::SessionContext::default() },
        ..root()
    }
}

#[tokio::test]
async fn a_task_begins_as_ecs_shows_it() {
    let ecs = Ecs::with_definition().await;
    let extra = json!({"startedBy": "me", "tags": [{"key": "a", "value": "b"}], "enableECSManagedTags": true});
    let answer = ecs.ok(run_task::run, ecs.run_input(&extra)).await;
    let mut shown = answer["tasks"][0].clone();
    let id = last_part(shown["taskArn"].as_str().expect("an ARN"));
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    shown["containers"][0]["containerArn"] = json!("");
    shown["attachments"][0]["id"] = json!("");
    shown["availabilityZone"] = json!("ZONE");
    let text = serde_json::to_string_pretty(&shown).expect("JSON").replace(&id, "ID").replace(&ecs.subnet(), "SUBNET");
    expect_file!["tests/run_task.json"].assert_eq(&text);
    let described = ecs.ok(task::describe, json!({"cluster": "walk", "tasks": [id, "f".repeat(32)]})).await;
    assert_eq!(described["tasks"][0]["lastStatus"], "PROVISIONING");
    assert_eq!(described["tasks"][0]["tags"], json!([]), "tags are shown only when asked for");
    let missing = format!("arn:aws:ecs:us-east-1:{ACCOUNT}:task/walk/{}", "f".repeat(32));
    assert_eq!(described["failures"], json!([{"arn": missing, "reason": "MISSING"}]));
}

#[tokio::test]
async fn what_run_task_refuses_it_refuses_in_ecs_s_words() {
    let ecs = Ecs::with_definition().await;
    let network = |network: Value| json!({"networkConfiguration": {"awsvpcConfiguration": network}});
    let subnet = ecs.subnet();
    let cases = [
        (json!({"cluster": "nope"}), "ClusterNotFoundException: Cluster not found."),
        (json!({"taskDefinition": "nope"}), "ClientException: TaskDefinition not found."),
        (
            json!({"networkConfiguration": null}),
            "InvalidParameterException: Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
        (network(json!({"subnets": []})), "InvalidParameterException: subnets can not be empty."),
        (
            network(json!({"subnets": ["subnet-x"]})),
            "InvalidParameterException: Error retrieving subnet information for [subnet-x]: The subnet ID 'subnet-x' does \
             not exist (ErrorCode: InvalidSubnetID.NotFound)",
        ),
        (
            network(json!({"subnets": [subnet], "securityGroups": ["sg-x"]})),
            "InvalidParameterException: Error retrieving security group information for [sg-x]: The security group \
             'sg-x' does not exist (ErrorCode: InvalidGroup.NotFound)",
        ),
        (
            json!({"launchType": "EC2"}),
            "InvalidParameterException: Assign public IP is not supported for this launch type.",
        ),
        (json!({"count": 11}), "InvalidParameterException: count should be between 1 and 10."),
        (json!({"platformVersion": "9"}), "PlatformUnknownException: The specified platform version doesn't exist."),
        (
            json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]}),
            "InvalidParameterException: Specifying both a launch type and capacity provider strategy is not supported. \
             Remove one and try again.",
        ),
        (
            json!({"overrides": {"containerOverrides": [{"name": "x"}]}}),
            "InvalidParameterException: Override for container named x is not a container in the TaskDefinition.",
        ),
        (json!({"group": "service:x"}), "InvalidParameterException: Invalid namespace for group."),
        (json!({"launchType": "EXTERNAL"}), "UnsupportedFeatureException: Tidegate does not run tasks of the launch"),
    ];
    for (extra, expected) in cases {
        let error = ecs.error(run_task::run, ecs.run_input(&extra)).await;
        assert!(error.starts_with(expected), "{extra}\n  {error}\n  {expected}");
    }
    let state = ecs.app().store.read();
    assert!(state.tasks.is_empty() && state.network_interfaces.is_empty(), "a refused call leaves nothing");
}

#[tokio::test]
async fn inactive_definitions_and_clusters_run_nothing() {
    let ecs = Ecs::with_definition().await;
    let register = || ecs.ok(task_definition::register, definition());
    assert_eq!(register().await["taskDefinition"]["revision"], 2);
    let gone = ecs.ok(task_definition::deregister, json!({"taskDefinition": "web:2"})).await;
    assert_eq!(gone["taskDefinition"]["status"], "INACTIVE");
    let error = ecs.error(run_task::run, ecs.run_input(&json!({"taskDefinition": "web:2"}))).await;
    assert_eq!(error, "InvalidParameterException: TaskDefinition is inactive");
    let latest = ecs.ok(task_definition::describe, json!({"taskDefinition": "web"})).await;
    assert_eq!(latest["taskDefinition"]["revision"], 1, "a family alone means its newest ACTIVE revision");
    assert_eq!(register().await["taskDefinition"]["revision"], 3, "numbers are never used again");
    let deleted = ecs.ok(task_definition::delete, json!({"taskDefinitions": ["web:2", "web:1", "web:9"]})).await;
    assert_eq!(deleted["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS");
    assert_eq!(deleted["failures"].as_array().map(Vec::len), Some(2));
    ecs.ok(cluster::delete, json!({"cluster": "walk"})).await;
    let error = ecs.error(run_task::run, ecs.run_input(&json!({}))).await;
    assert_eq!(error, "InvalidParameterException: The referenced cluster was inactive.");
    let error = ecs.error(task_definition::describe, json!({"taskDefinition": "web:9"})).await;
    assert_eq!(error, "ClientException: Unable to describe task definition.");
}

#[tokio::test]
async fn a_client_token_makes_tasks_once() {
    let ecs = Ecs::with_definition().await;
    let token = json!({"clientToken": "once", "count": 2});
    let first = ecs.run(&token).await;
    assert_eq!(ecs.run(&token).await, first);
    assert_eq!(ecs.app().store.read().tasks.len(), 2);
    let error = ecs.error(run_task::run, ecs.run_input(&json!({"clientToken": "once", "count": 3}))).await;
    assert!(error.starts_with("ConflictException: "), "{error}");
}

#[tokio::test]
async fn stopping_is_said_once() {
    let ecs = Ecs::with_definition().await;
    let id = ecs.run(&json!({})).await.remove(0);
    let stopped = ecs.stop(&id).await;
    assert_eq!(stopped["task"]["desiredStatus"], "STOPPED");
    assert_eq!(stopped["task"]["stopCode"], "UserInitiated");
    let again = ecs.ok(task::stop, json!({"cluster": "walk", "task": id})).await;
    assert_eq!(again["task"]["stoppedReason"], "enough", "the first reason stays");
    for (task, expected) in [
        ("f".repeat(32), "InvalidParameterException: The referenced task was not found."),
        ("short".to_owned(), "InvalidParameterException: taskId length should be one of [32,36]"),
    ] {
        assert_eq!(ecs.error(task::stop, json!({"cluster": "walk", "task": task})).await, expected);
    }
    let error = ecs.error(task::describe, json!({"cluster": "walk", "tasks": []})).await;
    assert_eq!(error, "InvalidParameterException: Tasks cannot be empty.");
}

#[tokio::test]
async fn tasks_are_listed_by_filters_and_pages() {
    let ecs = Ecs::with_definition().await;
    let ids = ecs.run(&json!({"count": 5, "startedBy": "me"})).await;
    ecs.run(&json!({"count": 2})).await;
    ecs.stop(&ids[0]).await;
    let list = async |extra: Value| {
        let mut input = json!({"cluster": "walk"});
        input.as_object_mut().expect("an object").extend(extra.as_object().cloned().unwrap_or_default());
        ecs.ok(task_list::list, input).await
    };
    let count = |answer: &Value| answer["taskArns"].as_array().expect("a list").len();
    assert_eq!(count(&list(json!({})).await), 6);
    assert_eq!(count(&list(json!({"startedBy": "me"})).await), 4);
    assert_eq!(count(&list(json!({"desiredStatus": "STOPPED"})).await), 1);
    assert_eq!(count(&list(json!({"family": "other"})).await), 0);
    assert_eq!(count(&list(json!({"launchType": "EC2"})).await), 0);
    let mut seen = Vec::new();
    let mut page = list(json!({"maxResults": 4})).await;
    loop {
        seen.extend(page["taskArns"].as_array().expect("a list").clone());
        let Some(token) = page["nextToken"].as_str() else { break };
        page = list(json!({"maxResults": 4, "nextToken": token})).await;
    }
    assert_eq!(seen.len(), 6);
    let error = ecs.error(task_list::list, json!({"cluster": "walk", "nextToken": "?"})).await;
    assert_eq!(error, "InvalidParameterException: Invalid token.");
}

#[tokio::test]
async fn definitions_are_listed_in_the_order_of_their_numbers() {
    let ecs = Ecs::with_definition().await;
    for _ in 0..10 {
        ecs.ok(task_definition::register, definition()).await;
    }
    let list = async |input: Value| {
        let answer = ecs.ok(task_definition_list::definitions, input).await;
        let arns = answer["taskDefinitionArns"].as_array().expect("a list").clone();
        (
            arns.iter().map(|arn| last_part(arn.as_str().expect("an ARN"))).collect::<Vec<_>>(),
            answer["nextToken"].clone(),
        )
    };
    let (all, _) = list(json!({})).await;
    assert_eq!((all[0].as_str(), all[1].as_str(), all[10].as_str()), ("web:1", "web:2", "web:11"));
    let (first, token) = list(json!({"sort": "DESC", "maxResults": 2})).await;
    assert_eq!(first, ["web:11", "web:10"]);
    let (second, _) = list(json!({"sort": "DESC", "maxResults": 2, "nextToken": token})).await;
    assert_eq!(second, ["web:9", "web:8"]);
    let families = ecs.ok(task_definition_list::families, json!({"familyPrefix": "w"})).await;
    assert_eq!(families["families"], json!(["web"]));
    let families = ecs.ok(task_definition_list::families, json!({"status": "INACTIVE"})).await;
    assert_eq!(families["families"], json!([]));
}

#[tokio::test]
async fn clusters_come_and_go() {
    let ecs = Ecs::with_definition().await;
    let created = ecs.ok(cluster::create, json!({})).await;
    assert_eq!(created["cluster"]["clusterName"], "default");
    let described = ecs.ok(cluster::describe, json!({"clusters": ["walk", "nope"], "include": ["SETTINGS"]})).await;
    assert_eq!(described["clusters"][0]["status"], "ACTIVE");
    assert_eq!(described["clusters"][0]["settings"], json!([{"name": "containerInsights", "value": "disabled"}]));
    assert_eq!(described["failures"][0]["reason"], "MISSING");
    ecs.run(&json!({})).await;
    let error = ecs.error(cluster::delete, json!({"cluster": "walk"})).await;
    assert_eq!(error, "ClusterContainsTasksException: The Cluster cannot be deleted while Tasks are active.");
    let described = ecs.ok(cluster::describe, json!({"clusters": ["walk"], "include": ["STATISTICS"]})).await;
    assert_eq!(described["clusters"][0]["pendingTasksCount"], 1);
    ecs.ok(cluster::delete, json!({"cluster": "default"})).await;
    let listed = ecs.ok(cluster::list, json!({})).await;
    assert_eq!(listed["clusterArns"].as_array().map(Vec::len), Some(1));
    let again = ecs.ok(cluster::create, json!({"tags": [{"key": "a", "value": "b"}]})).await;
    assert_eq!((&again["cluster"]["status"], &again["cluster"]["tags"][0]["key"]), (&json!("ACTIVE"), &json!("a")));
}

#[tokio::test]
async fn capacity_providers_choose_the_place() {
    let ecs = Ecs::with_definition().await;
    let strategy = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
    let spot = json!({"launchType": null, "capacityProviderStrategy": strategy});
    let error = ecs.error(run_task::run, ecs.run_input(&spot)).await;
    assert!(error.contains("not associated with the cluster"), "{error}");
    let put = json!({"cluster": "walk", "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "defaultCapacityProviderStrategy": strategy});
    ecs.ok(cluster_capacity::put, put).await;
    for input in [spot, json!({"launchType": null})] {
        let id = ecs.run(&input).await.remove(0);
        let task = ecs.task(&id);
        assert_eq!(task.capacity_provider.as_deref(), Some("FARGATE_SPOT"));
        assert_eq!(task.spec.launch_type, "FARGATE");
    }
}

#[tokio::test]
async fn everything_can_be_tagged() {
    let ecs = Ecs::with_definition().await;
    let id = ecs.run(&json!({})).await.remove(0);
    let arn = |resource: &str| format!("arn:aws:ecs:us-east-1:{ACCOUNT}:{resource}");
    for resource in [arn("cluster/walk"), arn("task-definition/web:1"), arn(&format!("task/walk/{id}"))] {
        let tags = json!([{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]);
        ecs.ok(tag::add, json!({"resourceArn": resource, "tags": tags})).await;
        ecs.ok(tag::remove, json!({"resourceArn": resource, "tagKeys": ["a"]})).await;
        let listed = ecs.ok(tag::list, json!({"resourceArn": resource})).await;
        assert_eq!(listed["tags"], json!([{"key": "b", "value": "2"}]), "{resource}");
    }
    let error = ecs.error(tag::list, json!({"resourceArn": arn("cluster/nope")})).await;
    assert!(error.starts_with("ResourceNotFoundException"), "{error}");
    let run = json!({"propagateTags": "TASK_DEFINITION", "tags": [{"key": "own", "value": "3"}]});
    let tagged = ecs.task(&ecs.run(&run).await.remove(0));
    assert_eq!(tagged.tags, [("b".to_owned(), "2".to_owned()), ("own".to_owned(), "3".to_owned())].into());
}

#[tokio::test]
async fn account_settings_are_kept_per_principal() {
    let ecs = Ecs::new().await;
    let effective = ecs.ok(account_setting::list, json!({"effectiveSettings": true})).await;
    assert_eq!(effective["settings"].as_array().map(Vec::len), Some(10));
    assert!(effective["nextToken"].is_string());
    ecs.ok(account_setting::put, json!({"name": "containerInsights", "value": "enabled"})).await;
    let log_mode = || account_setting::default_log_mode(&ecs.app().store.read(), &root());
    assert_eq!(log_mode(), LogMode::default());
    ecs.ok(account_setting::put, json!({"name": "defaultLogDriverMode", "value": "blocking"})).await;
    assert_eq!(log_mode(), LogMode::Blocking);
    let own = ecs.ok(account_setting::list, json!({"name": "containerInsights"})).await;
    assert_eq!(own["settings"][0]["value"], "enabled");
    let error = ecs.error(account_setting::put, json!({"name": "x", "value": "enabled"})).await;
    assert_eq!(error, "InvalidParameterException: Invalid setting name 'x'.");
}

#[tokio::test]
async fn what_is_old_is_swept_away() {
    let ecs = Ecs::with_definition().await;
    let id = ecs.run(&json!({"clientToken": "once"})).await.remove(0);
    let now = ecs.app().now();
    let sweep = async || {
        let now = ecs.app().now();
        ecs.app()
            .store
            .write(|state| {
                super::sweep(state, now);
                Ok::<_, crate::ServiceError>(())
            })
            .await
            .expect("written");
    };
    let stop = |state: &mut crate::store::State| {
        state.tasks.update(&id, |task| {
            task.last_status = TaskStatus::Stopped;
            task.stopped_at = Some(now);
        });
        Ok::<_, crate::ServiceError>(())
    };
    ecs.app().store.write(stop).await.expect("written");
    ecs.test.pass_seconds(STOPPED_TASK_SECONDS - 1);
    sweep().await;
    assert!(ecs.app().store.read().tasks.contains(&id), "visible for an hour");
    ecs.test.pass_seconds(1);
    sweep().await;
    assert!(!ecs.app().store.read().tasks.contains(&id));
    ecs.test.pass_seconds(24 * 3600);
    sweep().await;
    assert!(ecs.app().store.read().task_client_tokens.is_empty());
}

#[tokio::test]
async fn a_stranger_is_refused_everywhere() {
    let ecs = Ecs::with_definition().await;
    let id = ecs.run(&json!({})).await.remove(0);
    let arn = format!("arn:aws:ecs:us-east-1:{ACCOUNT}:cluster/walk");
    macro_rules! refused {
        ($($handler:path => $input:expr,)*) => {$(
            let error = ecs.call_as(stranger(), $handler, $input).await.expect_err("no policy allows it");
            assert_eq!(error.code, "AccessDeniedException", stringify!($handler));
        )*};
    }
    refused! {
        cluster::create => json!({}),
        cluster::describe => json!({}),
        cluster::list => json!({}),
        cluster::delete => json!({"cluster": "walk"}),
        cluster::update => json!({"cluster": "walk"}),
        cluster::update_settings => json!({"cluster": "walk", "settings": []}),
        cluster_capacity::put => json!({"cluster": "walk"}),
        task_definition::register => definition(),
        task_definition::describe => json!({"taskDefinition": "web"}),
        task_definition::deregister => json!({"taskDefinition": "web:1"}),
        task_definition::delete => json!({"taskDefinitions": ["web:1"]}),
        task_definition_list::definitions => json!({}),
        task_definition_list::families => json!({}),
        run_task::run => ecs.run_input(&json!({})),
        task::describe => json!({"cluster": "walk", "tasks": [id]}),
        task::stop => json!({"cluster": "walk", "task": id}),
        task_list::list => json!({"cluster": "walk"}),
        tag::add => json!({"resourceArn": arn, "tags": []}),
        tag::remove => json!({"resourceArn": arn, "tagKeys": []}),
        tag::list => json!({"resourceArn": arn}),
        account_setting::list => json!({}),
        account_setting::put => json!({"name": "containerInsights", "value": "enabled"}),
    }
}
