//! What a client cannot see or wait for: what lies in the store, what time does, and that a ciphertext stays where it is.

use std::sync::Arc;

use api::ssm::{GetParameterInput, GetParametersByPathInput, PutParameterInput};
use domain::iam::Caller;
use serde_json::json;

use super::record::StoredValue;
use super::{put, reading, sweep};
use crate::store::StoreError;
use crate::testing::{ACCOUNT, REGION, TestApp, allow, root};
use crate::{Request, ServiceError};

async fn put(test: &TestApp, input: PutParameterInput) -> i64 {
    let answer = put::run(Arc::clone(&test.app), Request::new(input, root(), "r")).await;
    answer.expect("put").version.expect("a version")
}

fn secure(name: &str, value: &str, tier: &str) -> PutParameterInput {
    PutParameterInput {
        name: name.into(),
        value: value.into(),
        r#type: Some("SecureString".into()),
        tier: Some(tier.into()),
        ..PutParameterInput::default()
    }
}

async fn get(test: &TestApp, caller: &Caller, name: &str) -> Result<String, ServiceError> {
    let input = GetParameterInput { name: name.into(), with_decryption: Some(true) };
    let answer = reading::get(Arc::clone(&test.app), Request::new(input, caller.clone(), "r")).await?;
    Ok(answer.parameter.and_then(|parameter| parameter.value).expect("a value").expose().to_owned())
}

fn arn(name: &str) -> String {
    format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{name}")
}

#[tokio::test]
async fn a_secure_string_is_sealed_and_bound_to_its_parameter() {
    let test = TestApp::new();
    for tier in ["Standard", "Advanced"] {
        let (one, other) = (format!("/{tier}/one"), format!("/{tier}/other"));
        put(&test, secure(&one, "s3cret-one", tier)).await;
        put(&test, secure(&other, "s3cret-other", tier)).await;
        assert_eq!(get(&test, &root(), &one).await.expect("opens"), "s3cret-one");
        let state = test.app.store.read();
        let record = state.parameters.get(&arn(&one)).expect("there");
        assert!(!serde_json::to_string(&**record).expect("JSON").contains("s3cret"));
        assert!(!matches!(record.latest.value, StoredValue::Plain(_)));
        let moved = record.latest.value.clone();
        let swapped = test.app.store.write(|state| {
            state.parameters.update(&arn(&other), |parameter| parameter.latest.value = moved);
            Ok::<_, StoreError>(())
        });
        swapped.await.expect("durable");
        assert_eq!(get(&test, &root(), &other).await.expect_err("bound").code, "InvalidKeyId");
    }
}

#[tokio::test]
async fn an_expired_parameter_is_gone_at_its_time_and_swept_later() {
    let test = TestApp::new();
    let at = test.app.now().plus_seconds(60).to_rfc3339();
    let policies = json!([{"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": at}}]).to_string();
    put(&test, PutParameterInput { policies: Some(policies), ..secure("/soon", "x", "Advanced") }).await;
    assert!(get(&test, &root(), "/soon").await.is_ok());
    test.pass_seconds(60);
    assert_eq!(get(&test, &root(), "/soon").await.expect_err("gone").code, "ParameterNotFound");
    assert_eq!(put(&test, secure("/soon", "again", "Standard")).await, 1);
    test.pass_seconds(60);
    sweep(&test.app).await.expect("sweeps");
    assert_eq!(get(&test, &root(), "/soon").await.expect("the new one stays"), "again");
}

#[tokio::test]
async fn a_reader_needs_the_parameter_and_through_ssm_its_key() {
    let test = TestApp::new();
    put(&test, secure("/app/password", "s3cret", "Standard")).await;
    let read = allow("ssm:GetParameter*", &arn("/app/*"));
    let caller = test.session(&test.put_role("reader", &[("read", read.clone())]).await);
    // The account's own key for SSM lets everyone in, through SSM.
    assert_eq!(get(&test, &caller, "/app/password").await.expect("allowed"), "s3cret");
    assert_eq!(get(&test, &caller, "/other").await.expect_err("not allowed").code, "AccessDeniedException");
    let deny = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Action": "kms:Decrypt", "Resource": "*",
        "Condition": {"StringEquals": {
            "kms:ViaService": format!("ssm.{REGION}.amazonaws.com"),
            "kms:EncryptionContext:PARAMETER_ARN": arn("/app/password"),
        }},
    }]});
    let caller = test.session(&test.put_role("reader", &[("read", read), ("deny", deny)]).await);
    let refused = get(&test, &caller, "/app/password").await.expect_err("the key is denied");
    assert_eq!(refused.code, "AccessDeniedException");
    assert!(refused.message.contains("is not authorized to perform: kms:Decrypt"), "{}", refused.message);
    assert!(
        refused.message.contains("(Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException; Request ID: ")
    );
}

#[tokio::test]
async fn a_condition_can_forbid_to_read_whole_trees() {
    let test = TestApp::new();
    put(&test, secure("/app/a/b", "x", "Standard")).await;
    let flat = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "ssm:GetParametersByPath", "Resource": arn("/app"),
        "Condition": {"StringEquals": {"ssm:Recursive": "false"}},
    }]});
    let caller = test.session(&test.put_role("reader", &[("flat", flat)]).await);
    let list = async |recursive| {
        let input = GetParametersByPathInput {
            path: "/app".into(),
            recursive: Some(recursive),
            ..GetParametersByPathInput::default()
        };
        reading::by_path(Arc::clone(&test.app), Request::new(input, caller.clone(), "r")).await
    };
    assert!(list(false).await.is_ok());
    assert_eq!(list(true).await.expect_err("forbidden").code, "AccessDeniedException");
}
