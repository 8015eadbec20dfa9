//! The check against a registry that has everything: what is told, what is hidden, and that nothing is written.

use std::sync::Arc;

use api::secretsmanager::CreateSecretInput;
use api::tidegate::{CheckTaskDefinitionInput, CheckTaskDefinitionOutput};
use serde_json::json;
use tokio::sync::Semaphore;
use wire::Sensitive;

use super::{House, run};
use crate::testing::{ACCOUNT, OWNER, TestApp, allow, images, root};
use crate::{Request, ServiceError, ec2, secretsmanager};

async fn world() -> (TestApp, String) {
    let test = TestApp::new();
    ec2::ensure_default_network(&test.app, OWNER).await.expect("a default VPC");
    let input = CreateSecretInput {
        name: "login".into(),
        client_request_token: Some("0".repeat(32)),
        secret_string: Some(Sensitive::from(r#"{"username":"alice","password":"s3cret"}"#)),
        ..CreateSecretInput::default()
    };
    let made = secretsmanager::create::run(Arc::clone(&test.app), Request::new(input, root(), "r")).await;
    (test, made.expect("a secret").arn.expect("an ARN"))
}

fn document(secret: &str) -> String {
    let definition = json!({
        "family": "web", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "executionRoleArn": "exec",
        "containerDefinitions": [{
            "name": "web", "image": "registry.example/web",
            "repositoryCredentials": {"credentialsParameter": secret},
        }],
    });
    definition.to_string()
}

async fn check(test: &TestApp, places: usize, document: &str) -> Result<CheckTaskDefinitionOutput, ServiceError> {
    let input = CheckTaskDefinitionInput { document: Some(document.into()), ..CheckTaskDefinitionInput::default() };
    run(Arc::clone(&test.app), Request::new(input, root(), "r"), house(places)).await
}

fn house(places: usize) -> Arc<House> {
    Arc::new(House { images: images(), services: crate::services(), places: Semaphore::new(places) })
}

fn told(answer: &CheckTaskDefinitionOutput) -> Vec<(&str, &str)> {
    let links = answer.roads.iter().flat_map(|road| &road.links);
    links.map(|link| (link.kind.as_str(), link.outcome.as_str())).collect()
}

#[tokio::test]
async fn a_sound_road_is_good_and_leaves_no_record() {
    let (test, secret) = world().await;
    test.put_role("exec", &[("read", allow("secretsmanager:GetSecretValue", &secret))]).await;
    let revision = *test.app.store.revision().borrow();
    let answer = check(&test, 1, &document(&secret)).await.expect("checked");
    assert_eq!(answer.outcome, "good", "{answer:?}");
    let kinds: Vec<_> = told(&answer).into_iter().map(|(kind, _)| kind).collect();
    let road = ["definition", "launch", "role", "policy", "secret", "key", "registry", "image", "platform"];
    assert_eq!(kinds, road);
    assert!(!format!("{answer:?}").contains("s3cret"));
    assert_eq!(*test.app.store.revision().borrow(), revision, "something was written");
    let state = test.app.store.read();
    assert_eq!((state.tasks.values().count(), state.task_definitions.values().count()), (0, 0));
}

#[tokio::test]
async fn without_the_right_to_the_secret_the_registry_is_not_reached() {
    let (test, secret) = world().await;
    test.put_role("exec", &[]).await;
    let answer = check(&test, 1, &document(&secret)).await.expect("checked");
    let expected = [
        ("definition", "good"),
        ("launch", "good"),
        ("role", "good"),
        ("policy", "broken"),
        ("secret", "notReached"),
        ("key", "notReached"),
        ("registry", "notReached"),
        ("image", "notReached"),
        ("platform", "notReached"),
    ];
    assert_eq!(told(&answer), expected, "{answer:?}");
    assert_eq!(answer.task_definition, Some(format!("arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/web:1")));
}

#[tokio::test]
async fn too_many_checks_and_too_little_input_are_refused() {
    let (test, secret) = world().await;
    let error = check(&test, 0, &document(&secret)).await.expect_err("no place");
    assert_eq!(error.code, "ThrottlingException");
    let neither = Request::new(CheckTaskDefinitionInput::default(), root(), "r");
    let error = run(Arc::clone(&test.app), neither, house(1)).await.expect_err("neither");
    assert_eq!(error.code, "InvalidParameterException");
}
