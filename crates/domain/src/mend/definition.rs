//! New revisions of a task definition: one thing added or named anew, everything else carried over.

use std::collections::BTreeMap;

use api::ecs::TaskDefinition;
use serde_json::{Map, Value, json};

use super::{Mend, Step};

/// What RegisterTaskDefinition takes of what DescribeTaskDefinition shows.
const TAKEN: &[&str] = &[
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "containerDefinitions",
    "volumes",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "inferenceAccelerators",
    "ephemeralStorage",
    "runtimePlatform",
    "enableFaultInjection",
];

/// The input of RegisterTaskDefinition that makes the same definition again. `None` for one that has no JSON.
pub fn definition_input(definition: &TaskDefinition, tags: &BTreeMap<String, String>) -> Option<Value> {
    let Value::Object(mut shown) = serde_json::to_value(definition).ok()? else { return None };
    let mut input = Map::new();
    for name in TAKEN {
        let value = shown.remove(*name).filter(|value| !value.is_null() && *value != json!([]));
        input.extend(value.map(|value| ((*name).to_owned(), value)));
    }
    if !tags.is_empty() {
        let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        input.insert("tags".to_owned(), tags.into());
    }
    Some(Value::Object(input))
}

/// The definition with another image for a container.
pub fn with_image(input: &Value, container: &str, image: &str) -> Option<Mend> {
    changed(input, container, format!("Register a revision with the image {image}"), |definition| {
        definition.insert("image".to_owned(), image.into());
    })
}

/// The definition with a login for the registry of a container.
pub fn with_login(input: &Value, container: &str, secret: &str) -> Option<Mend> {
    let title = format!("Register a revision with the registry's login from {secret}");
    changed(input, container, title, |definition| {
        definition.insert("repositoryCredentials".to_owned(), json!({"credentialsParameter": secret}));
    })
}

/// The definition with a log group that the task makes by itself.
pub fn with_create_group(input: &Value, container: &str) -> Option<Mend> {
    let title = "Register a revision that creates its log group (awslogs-create-group)";
    changed(input, container, title.to_owned(), |definition| {
        definition["logConfiguration"]["options"]["awslogs-create-group"] = "true".into();
    })
}

fn changed(
    input: &Value,
    container: &str,
    title: String,
    change: impl FnOnce(&mut Map<String, Value>),
) -> Option<Mend> {
    let mut input = input.clone();
    let containers = input.get_mut("containerDefinitions")?.as_array_mut()?;
    change(containers.iter_mut().find(|one| one["name"] == container)?.as_object_mut()?);
    Some(Mend::of(title, Step::new("ecs", "RegisterTaskDefinition", input)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_carries_everything_else_over() {
        let shown = json!({
            "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:3", "revision": 3,
            "status": "ACTIVE", "compatibilities": ["EC2", "FARGATE"], "registeredBy": "arn", "requiresAttributes": [],
            "family": "web", "networkMode": "awsvpc", "cpu": "256", "memory": "512", "executionRoleArn": "exec",
            "taskRoleArn": "task", "requiresCompatibilities": ["FARGATE"], "volumes": [{"name": "v"}],
            "placementConstraints": [], "ephemeralStorage": {"sizeInGiB": 30},
            "runtimePlatform": {"cpuArchitecture": "X86_64"},
            "containerDefinitions": [
                {"name": "a", "image": "r/a:1", "environment": [{"name": "X", "value": "it's"}], "essential": true},
                {"name": "b", "image": "r/b:1", "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g"}}},
            ],
        });
        let definition: TaskDefinition = serde_json::from_value(shown.clone()).expect("a definition");
        let input = definition_input(&definition, &[("team".to_owned(), "x".to_owned())].into()).expect("an input");
        let mut expected = shown;
        for gone in [
            "taskDefinitionArn",
            "revision",
            "status",
            "compatibilities",
            "registeredBy",
            "requiresAttributes",
            "placementConstraints",
        ] {
            expected.as_object_mut().expect("an object").remove(gone);
        }
        expected["tags"] = json!([{"key": "team", "value": "x"}]);
        let listed = |value: &Value| value["containerDefinitions"][0]["environment"].clone();
        assert_eq!(listed(&input), listed(&expected));
        let image = with_image(&input, "a", "r/a:2").expect("a mend");
        let mut by_hand = input.clone();
        by_hand["containerDefinitions"][0]["image"] = "r/a:2".into();
        assert_eq!(image.steps[0].input, by_hand);
        for name in [
            "family",
            "cpu",
            "executionRoleArn",
            "taskRoleArn",
            "volumes",
            "ephemeralStorage",
            "runtimePlatform",
            "tags",
        ] {
            assert_eq!(input[name], expected[name], "{name}");
        }
        let known: Vec<&String> = input.as_object().expect("an object").keys().collect();
        assert!(expected.as_object().expect("an object").keys().all(|name| known.contains(&name)), "{known:?}");
        assert_eq!(known.len(), expected.as_object().expect("an object").len());
        let logged = with_create_group(&input, "b").expect("a mend");
        let options = &logged.steps[0].input["containerDefinitions"][1]["logConfiguration"]["options"];
        assert_eq!(*options, json!({"awslogs-group": "g", "awslogs-create-group": "true"}));
        let login = with_login(&input, "b", "login").expect("a mend");
        let credentials = &login.steps[0].input["containerDefinitions"][1]["repositoryCredentials"];
        assert_eq!(*credentials, json!({"credentialsParameter": "login"}));
        assert_eq!(with_image(&input, "c", "r/a:2"), None);
    }
}
