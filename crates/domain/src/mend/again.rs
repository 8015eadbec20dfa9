//! Running a task again, as it was run: in its own cluster and network, with what RunTask was told of it.

use serde_json::{Map, Value, json};

use super::Step;
use crate::ecs::Task;

/// RunTask as it made this task. Without its client token, with which no second task would begin.
pub fn again(task: &Task) -> Step {
    let spec = &task.spec;
    let interface = &spec.interface;
    let subnets = if task.subnets.is_empty() { vec![interface.subnet_id.clone()] } else { task.subnets.clone() };
    let assigned = if interface.public_address.is_some() { "ENABLED" } else { "DISABLED" };
    let mut input = json!({
        "cluster": spec.cluster_arn.rsplit('/').next().unwrap_or(&spec.cluster_arn),
        "taskDefinition": task.definition_arn.rsplit('/').next().unwrap_or(&task.definition_arn),
        "networkConfiguration": {"awsvpcConfiguration": {
            "subnets": subnets, "securityGroups": interface.security_groups, "assignPublicIp": assigned,
        }},
    });
    let mut set = |name: &str, value: Option<Value>| {
        if let (Some(value), Some(input)) = (value, input.as_object_mut()) {
            input.insert(name.to_owned(), value);
        }
    };
    match &task.capacity_provider {
        Some(provider) => set("capacityProviderStrategy", Some(json!([{"capacityProvider": provider}]))),
        None => set("launchType", Some(spec.launch_type.clone().into())),
    }
    set("overrides", overrides(task));
    let family_group = format!("family:{}", spec.family);
    set("group", Some(spec.group.clone()).filter(|group| *group != family_group).map(Value::from));
    set("startedBy", task.started_by.clone().map(Value::from));
    set("enableExecuteCommand", task.enable_execute_command.then_some(Value::Bool(true)));
    let (managed, given): (Vec<_>, Vec<_>) = spec.tags.iter().partition(|(key, _)| key.starts_with("aws:"));
    set("enableECSManagedTags", (!managed.is_empty()).then_some(Value::Bool(true)));
    let tags: Vec<Value> = given.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    set("tags", (!tags.is_empty()).then(|| tags.into()));
    Step::new("ecs", "RunTask", input)
}

/// The same with another definition: what a mend registered.
#[must_use]
pub fn with_definition(mut again: Step, definition: &str) -> Step {
    again.input["taskDefinition"] = definition.into();
    again
}

/// The same with a public address.
#[must_use]
pub fn with_public_address(mut again: Step) -> Step {
    again.input["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] = "ENABLED".into();
    again
}

/// What RunTask changed; the task's record has an entry for every container, also where nothing was changed.
fn overrides(task: &Task) -> Option<Value> {
    let Value::Object(mut kept) = pruned(serde_json::to_value(&task.overrides).ok()?)? else { return None };
    if let Some(Value::Array(containers)) = kept.get_mut("containerOverrides") {
        containers.retain(|one| one.as_object().is_some_and(|one| one.len() > 1));
    }
    kept.retain(|_, value| *value != json!([]));
    (!kept.is_empty()).then_some(Value::Object(kept))
}

/// Without what is null or an empty object.
fn pruned(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(members) => {
            let members: Map<String, Value> =
                members.into_iter().filter_map(|(name, value)| Some((name, pruned(value)?))).collect();
            (!members.is_empty()).then_some(Value::Object(members))
        }
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::testing::task;

    #[test]
    fn a_task_is_run_again_where_and_as_it_was() {
        let mut first = task(&[("web", true), ("side", false)]);
        assert_eq!(
            again(&first).input,
            json!({
                "cluster": "c", "taskDefinition": "web:1", "launchType": "FARGATE",
                "networkConfiguration": {"awsvpcConfiguration": {
                    "subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED",
                }},
            })
        );
        first.subnets = vec!["subnet-2".into(), "subnet-1".into()];
        first.capacity_provider = Some("FARGATE_SPOT".into());
        first.started_by = Some("me".into());
        first.enable_execute_command = true;
        first.overrides = serde_json::from_value(json!({
            "cpu": "512", "inferenceAcceleratorOverrides": [],
            "containerOverrides": [{"name": "web", "command": ["it's"]}, {"name": "side"}],
        }))
        .expect("overrides");
        let spec = std::sync::Arc::make_mut(&mut first.spec);
        spec.interface.public_address = Some("198.51.100.9".parse().expect("an address"));
        spec.group = "mine".into();
        spec.tags = [("team", "x"), ("aws:ecs:clusterName", "c")].map(|(key, value)| (key.into(), value.into())).into();
        assert_eq!(
            with_definition(again(&first), "web").input,
            json!({
                "cluster": "c", "taskDefinition": "web", "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}],
                "networkConfiguration": {"awsvpcConfiguration": {
                    "subnets": ["subnet-2", "subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "ENABLED",
                }},
                "overrides": {"cpu": "512", "containerOverrides": [{"name": "web", "command": ["it's"]}]},
                "group": "mine", "startedBy": "me", "enableExecuteCommand": true, "enableECSManagedTags": true,
                "tags": [{"key": "team", "value": "x"}],
            })
        );
    }
}
