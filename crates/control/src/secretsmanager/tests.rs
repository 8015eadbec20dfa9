//! Secrets Manager through its handlers: names, versions, keys, deletion; and that nothing plain reaches the disk.

mod accounts;
mod rotations;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::kms::CreateKeyInput;
use api::secretsmanager::{
    BatchGetSecretValueInput, CreateSecretInput, CreateSecretOutput, DeleteSecretInput, DescribeSecretInput, Filter,
    GetRandomPasswordInput, GetSecretValueInput, GetSecretValueOutput, ListSecretsInput, PutResourcePolicyInput,
    PutSecretValueInput, RestoreSecretInput, UpdateSecretInput, UpdateSecretVersionStageInput,
};
use domain::failure::{LinkKind, Outcome};
use domain::iam::Caller;
use serde_json::json;
use wire::{Blob, Sensitive};

use super::{batch, create, deletion, describe, password, policies, sweep, update, values, versions};
use crate::testing::{ACCOUNT, REGION, TestApp, allow, root};
use crate::{Request, ServiceError, kms};

const DAY_SECONDS: i64 = 24 * 3600;
const PASSWORD: &str = "correct horse battery staple";

fn ask<I>(input: I, caller: &Caller) -> Request<I> {
    Request::new(input, caller.clone(), "request")
}

fn code<T>(result: Result<T, ServiceError>) -> String {
    result.err().map_or_else(|| "no error".into(), |error| error.code.into_owned())
}

/// A new one, as an SDK sends it with every request.
fn token() -> String {
    static USED: AtomicU64 = AtomicU64::new(0);
    format!("{:032}", USED.fetch_add(1, Ordering::Relaxed))
}

fn new_secret(name: &str, value: &str) -> CreateSecretInput {
    CreateSecretInput {
        name: name.into(),
        secret_string: Some(Sensitive::from(value)),
        client_request_token: Some(token()),
        ..CreateSecretInput::default()
    }
}

async fn create(test: &TestApp, input: CreateSecretInput) -> Result<CreateSecretOutput, ServiceError> {
    create::run(Arc::clone(&test.app), ask(input, &root())).await
}

async fn arn_of_new(test: &TestApp, name: &str, value: &str) -> String {
    create(test, new_secret(name, value)).await.expect("a secret").arn.expect("an ARN")
}

fn current(secret_id: &str) -> GetSecretValueInput {
    GetSecretValueInput { secret_id: secret_id.into(), ..GetSecretValueInput::default() }
}

async fn get(
    test: &TestApp,
    input: GetSecretValueInput,
    caller: &Caller,
) -> Result<GetSecretValueOutput, ServiceError> {
    values::get(Arc::clone(&test.app), ask(input, caller)).await
}

async fn text(test: &TestApp, input: GetSecretValueInput) -> String {
    let value = get(test, input, &root()).await.expect("readable");
    value.secret_string.expect("a text").expose().to_owned()
}

async fn put(test: &TestApp, secret_id: &str, value: &str, token: Option<&str>) -> Result<String, ServiceError> {
    let input = PutSecretValueInput {
        secret_id: secret_id.into(),
        secret_string: Some(Sensitive::from(value)),
        client_request_token: Some(token.map_or_else(self::token, Into::into)),
        ..PutSecretValueInput::default()
    };
    values::put(Arc::clone(&test.app), ask(input, &root())).await.map(|answer| answer.version_id.expect("an id"))
}

async fn delete(test: &TestApp, input: DeleteSecretInput) -> Result<(), ServiceError> {
    deletion::delete(Arc::clone(&test.app), ask(input, &root())).await.map(drop)
}

async fn customer_key(test: &TestApp) -> String {
    let key = kms::keys::create(Arc::clone(&test.app), ask(CreateKeyInput::default(), &root())).await.expect("a key");
    key.key_metadata.and_then(|key| key.arn).expect("an ARN")
}

#[tokio::test]
async fn a_secret_is_found_by_name_and_by_arn() {
    let test = TestApp::new();
    let arn = arn_of_new(&test, "prod/db", PASSWORD).await;
    let partial = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/db");
    assert!(arn.starts_with(&format!("{partial}-")) && arn.len() == partial.len() + 7, "{arn}");
    arn_of_new(&test, "prod/db-second", "other").await;
    arn_of_new(&test, "prod/db-", "a hyphen at the end").await;
    assert_eq!(text(&test, current("prod/db-")).await, "a hyphen at the end");
    for secret_id in ["prod/db", &arn, &partial] {
        assert_eq!(text(&test, current(secret_id)).await, PASSWORD, "{secret_id}");
    }
    for secret_id in ["prod/d", "prod", &arn[..arn.len() - 1], "prod/DB"] {
        let error = get(&test, current(secret_id), &root()).await.expect_err("unknown");
        assert_eq!(error.to_string(), "ResourceNotFoundException: Secrets Manager can't find the specified secret.");
    }
}

#[tokio::test]
async fn a_name_is_taken_once_and_a_token_repeats() {
    let test = TestApp::new();
    let token = "0123456789abcdef0123456789abcdef";
    let input = CreateSecretInput { client_request_token: Some(token.into()), ..new_secret("a", PASSWORD) };
    let first = create(&test, input.clone()).await.expect("a secret");
    assert_eq!(create(&test, input).await.expect("the same"), first);
    let error = create(&test, new_secret("a", PASSWORD)).await.expect_err("taken");
    assert_eq!(error.to_string(), "ResourceExistsException: The operation failed because the secret a already exists.");
    assert_eq!(put(&test, "a", PASSWORD, Some(token)).await.expect("the same"), token);
    assert_eq!(code(put(&test, "a", "another", Some(token)).await), "ResourceExistsException");
    assert_eq!(code(create(&test, new_secret("a b", "x")).await), "ValidationException");
    let without = CreateSecretInput { client_request_token: None, ..new_secret("without", "x") };
    assert_eq!(
        create(&test, without).await.expect_err("refused").to_string(),
        "InvalidRequestException: You must provide a ClientRequestToken value. We recommend a UUID-type value."
    );
    let both = CreateSecretInput { secret_binary: Some(Blob(vec![1])), ..new_secret("both", "x") };
    assert_eq!(code(create(&test, both).await), "InvalidParameterException");
}

#[tokio::test]
async fn versions_move_their_labels() {
    let test = TestApp::new();
    arn_of_new(&test, "a", "one").await;
    let two = put(&test, "a", "two", None).await.expect("a version");
    assert_eq!(text(&test, current("a")).await, "two");
    let previous = GetSecretValueInput { version_stage: Some("AWSPREVIOUS".into()), ..current("a") };
    assert_eq!(text(&test, previous.clone()).await, "one");
    let by_id = GetSecretValueInput { version_id: Some(two.clone()), ..current("a") };
    assert_eq!(text(&test, by_id.clone()).await, "two");
    let mismatch = GetSecretValueInput { version_stage: Some("AWSPREVIOUS".into()), ..by_id };
    assert_eq!(code(get(&test, mismatch, &root()).await), "InvalidRequestException");
    let one = get(&test, previous.clone(), &root()).await.expect("there").version_id.expect("an id");
    let back = UpdateSecretVersionStageInput {
        secret_id: "a".into(),
        version_stage: "AWSCURRENT".into(),
        remove_from_version_id: Some(two),
        move_to_version_id: Some(one),
    };
    versions::update_stage(Arc::clone(&test.app), ask(back, &root())).await.expect("moved");
    assert_eq!(text(&test, current("a")).await, "one");
    assert_eq!(text(&test, previous).await, "two");
    let unknown = GetSecretValueInput { version_stage: Some("AWSPENDING".into()), ..current("a") };
    assert_eq!(
        get(&test, unknown, &root()).await.expect_err("unknown").message,
        "Secrets Manager can't find the specified secret value for staging label: AWSPENDING"
    );
}

#[tokio::test]
async fn a_scheduled_secret_is_shut_until_it_is_restored_or_gone() {
    let test = TestApp::new();
    let arn = arn_of_new(&test, "a", PASSWORD).await;
    let window = |days| DeleteSecretInput {
        secret_id: arn.clone(),
        recovery_window_in_days: Some(days),
        force_delete_without_recovery: None,
    };
    assert_eq!(code(delete(&test, window(6)).await), "InvalidParameterException");
    delete(&test, window(7)).await.expect("scheduled");
    let error = get(&test, current("a"), &root()).await.expect_err("scheduled");
    assert_eq!(
        error.to_string(),
        "InvalidRequestException: You can't perform this operation on the secret because it was marked for deletion."
    );
    assert_eq!(code(create(&test, new_secret("a", "x")).await), "InvalidRequestException");
    let restore = RestoreSecretInput { secret_id: arn.clone() };
    deletion::restore(Arc::clone(&test.app), ask(restore, &root())).await.expect("restored");
    assert_eq!(text(&test, current("a")).await, PASSWORD);
    delete(&test, window(7)).await.expect("scheduled");
    test.pass_seconds(7 * DAY_SECONDS - 1);
    assert_eq!(code(get(&test, current("a"), &root()).await), "InvalidRequestException");
    test.pass_seconds(1);
    assert_eq!(code(get(&test, current("a"), &root()).await), "ResourceNotFoundException");
    let second = arn_of_new(&test, "a", "again").await;
    assert_ne!(second, arn);
    sweep(&test.app).await.expect("swept");
    assert_eq!(test.app.store.read().secrets.len(), 1);
    let force = DeleteSecretInput {
        secret_id: "a".into(),
        recovery_window_in_days: None,
        force_delete_without_recovery: Some(true),
    };
    for _ in 0..2 {
        delete(&test, force.clone()).await.expect("gone, and no error when it is");
    }
    assert!(test.app.store.read().secrets.is_empty());
}

#[tokio::test]
async fn a_customer_key_is_asked_as_the_caller() {
    let test = TestApp::new();
    let key = customer_key(&test).await;
    let input = CreateSecretInput { kms_key_id: Some(key.clone()), ..new_secret("a", PASSWORD) };
    let arn = create(&test, input).await.expect("a secret").arn.expect("an ARN");
    let read = allow("secretsmanager:GetSecretValue", &arn);
    let role = test.put_role("reader", &[("read", read.clone())]).await;
    let error = get(&test, current("a"), &test.session(&role)).await.expect_err("KMS refuses");
    assert_eq!(error.to_string(), "AccessDeniedException: Access to KMS is not allowed");
    let link = error.chain.last().expect("a link");
    assert_eq!((link.kind, link.outcome, &link.subject), (LinkKind::Key, Outcome::Broken, &key));
    assert!(link.detail.contains("kms:Decrypt") && link.detail.contains("assumed-role/reader/"), "{}", link.detail);
    assert!(link.mend.contains(&role), "{}", link.mend);
    let role = test.put_role("reader", &[("read", read), ("open", allow("kms:Decrypt", &key))]).await;
    assert!(get(&test, current("a"), &test.session(&role)).await.is_ok());
    let writer = test.put_role("writer", &[("create", allow("secretsmanager:CreateSecret", "*"))]).await;
    let input = CreateSecretInput { kms_key_id: Some(key), ..new_secret("b", PASSWORD) };
    let refused = create::run(Arc::clone(&test.app), ask(input, &test.session(&writer))).await;
    assert_eq!(refused.expect_err("KMS refuses").message, "Access to KMS is not allowed");
}

#[tokio::test]
async fn another_key_seals_every_labelled_version_again() {
    let test = TestApp::new();
    arn_of_new(&test, "a", "one").await;
    put(&test, "a", "two", None).await.expect("a version");
    let key = customer_key(&test).await;
    let input =
        UpdateSecretInput { secret_id: "a".into(), kms_key_id: Some(key.clone()), ..UpdateSecretInput::default() };
    update::run(Arc::clone(&test.app), ask(input, &root())).await.expect("updated");
    let state = test.app.store.read();
    let secret = state.secrets.values().next().expect("the secret");
    assert!(secret.versions.values().all(|version| version.key_arn == key));
    assert_eq!(text(&test, current("a")).await, "two");
    let previous = GetSecretValueInput { version_stage: Some("AWSPREVIOUS".into()), ..current("a") };
    assert_eq!(text(&test, previous).await, "one");
}

#[tokio::test]
async fn a_resource_policy_admits_by_itself_and_the_public_is_kept_out() {
    let test = TestApp::new();
    arn_of_new(&test, "a", PASSWORD).await;
    let role = test.put_role("guest", &[]).await;
    assert_eq!(code(get(&test, current("a"), &test.session(&role)).await), "AccessDeniedException");
    let put = async |principal: &str| {
        let document = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": principal}, "Action": "secretsmanager:GetSecretValue",
            "Resource": "*",
        }]});
        let input = PutResourcePolicyInput {
            secret_id: "a".into(),
            resource_policy: document.to_string(),
            block_public_policy: Some(true),
        };
        code(policies::put(Arc::clone(&test.app), ask(input, &root())).await)
    };
    assert_eq!(put("*").await, "PublicPolicyException");
    assert_eq!(put(&role).await, "no error");
    assert!(get(&test, current("a"), &test.session(&role)).await.is_ok());
}

#[tokio::test]
async fn lists_are_filtered_and_come_in_pages() {
    let test = TestApp::new();
    for name in ["prod/a", "prod/b", "prod/c", "test/a"] {
        arn_of_new(&test, name, "x").await;
        test.pass_seconds(1);
    }
    let mut names = Vec::new();
    let mut next_token = None;
    loop {
        let input = ListSecretsInput {
            filters: Some(vec![Filter { key: Some("name".into()), values: Some(vec!["prod/".into()]) }]),
            max_results: Some(2),
            next_token,
            ..ListSecretsInput::default()
        };
        let page = describe::list(Arc::clone(&test.app), ask(input, &root())).await.expect("a page");
        names.extend(page.secret_list.into_iter().flatten().filter_map(|secret| secret.name));
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(names, ["prod/a", "prod/b", "prod/c"]);
    let input = BatchGetSecretValueInput {
        secret_id_list: Some(vec!["prod/a".into(), "unknown".into()]),
        ..BatchGetSecretValueInput::default()
    };
    let answer = batch::run(Arc::clone(&test.app), ask(input, &root())).await.expect("an answer");
    assert_eq!(answer.secret_values.map(|values| values.len()), Some(1));
    let errors = answer.errors.expect("errors");
    assert_eq!(errors[0].error_code.as_deref(), Some("ResourceNotFoundException"));
}

#[tokio::test]
async fn a_description_never_shows_the_value() {
    let test = TestApp::new();
    arn_of_new(&test, "a", PASSWORD).await;
    let input = DescribeSecretInput { secret_id: "a".into() };
    let answer = describe::run(Arc::clone(&test.app), ask(input, &root())).await.expect("described");
    assert!(answer.kms_key_id.is_none() && answer.rotation_enabled.is_none());
    assert!(!serde_json::to_string(&answer).expect("JSON").contains(PASSWORD));
    let value = get(&test, current("a"), &root()).await.expect("readable");
    assert!(!format!("{value:?}").contains(PASSWORD));
}

#[tokio::test]
async fn random_passwords_have_the_length_that_is_asked_for() {
    let test = TestApp::new();
    let input = GetRandomPasswordInput { password_length: Some(20), ..GetRandomPasswordInput::default() };
    let answer = password::run(Arc::clone(&test.app), ask(input, &root())).await.expect("a password");
    assert_eq!(answer.random_password.map(|password| password.expose().len()), Some(20));
}

#[tokio::test]
async fn nothing_plain_is_in_the_database() {
    let test = TestApp::new();
    let arn = arn_of_new(&test, "a", PASSWORD).await;
    put(&test, &arn, &format!("{PASSWORD}, again"), None).await.expect("a version");
    assert!(text(&test, current("a")).await.starts_with(PASSWORD));
    let mut files = 0;
    for entry in std::fs::read_dir(test.data_directory()).expect("read") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let bytes = std::fs::read(&path).expect("read");
            let found = bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes());
            assert!(!found, "the password is in {}", path.display());
            files += 1;
        }
    }
    assert!(files >= 2, "the database and its write-ahead log");
}
