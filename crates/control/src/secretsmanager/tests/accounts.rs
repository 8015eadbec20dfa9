//! Secrets of another account: they need both accounts' consent, and a key of the owner's that admits the reader.

use std::sync::Arc;

use api::kms::CreateKeyInput;
use api::secretsmanager::{CreateSecretInput, PutResourcePolicyInput};
use domain::iam::Caller;
use serde_json::{Value, json};

use super::{ask, code, create, current, get, new_secret, policies};
use crate::iam::record::RoleRecord;
use crate::iam::sessions;
use crate::kms;
use crate::store::StoreError;
use crate::testing::{ACCOUNT, REGION, TestApp, root};

const OTHER: &str = "210987654321";

/// A session of a role in the other account.
async fn guest(test: &TestApp, inline: &[(&str, Value)]) -> Caller {
    test.put_role("guest", inline).await;
    let arn = format!("arn:aws:iam::{OTHER}:role/guest");
    let moved = test.app.store.write(|state| {
        let role = state.iam_roles.remove(&format!("{ACCOUNT}/guest")).expect("the role");
        let mut role = RoleRecord::clone(&role);
        role.entity.arn.clone_from(&arn);
        state.iam_roles.put(&format!("{OTHER}/guest"), role);
        Ok::<_, StoreError>(())
    });
    moved.await.expect("durable");
    sessions::for_task(&test.app, &test.app.store.read(), &arn, "session", REGION).expect("a session")
}

fn document(principal: &str, action: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}, "Action": "*", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": "*"},
    ]})
}

async fn admit(test: &TestApp, secret_id: &str, principal: &str) {
    let input = PutResourcePolicyInput {
        secret_id: secret_id.into(),
        resource_policy: document(principal, "secretsmanager:GetSecretValue").to_string(),
        block_public_policy: Some(true),
    };
    policies::put(Arc::clone(&test.app), ask(input, &root())).await.expect("a policy");
}

async fn key(test: &TestApp, policy: Option<Value>) -> String {
    let input = CreateKeyInput { policy: policy.map(|policy| policy.to_string()), ..CreateKeyInput::default() };
    let key = kms::keys::create(Arc::clone(&test.app), ask(input, &root())).await.expect("a key");
    key.key_metadata.and_then(|key| key.arn).expect("an ARN")
}

fn allows(actions: &[&str]) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})
}

#[tokio::test]
async fn both_accounts_must_agree_and_the_key_must_too() {
    let test = TestApp::new();
    let role = format!("arn:aws:iam::{OTHER}:role/guest");
    let everything = allows(&["secretsmanager:GetSecretValue", "kms:Decrypt"]);
    let (shut, open) = (key(&test, None).await, key(&test, Some(document(&role, "kms:Decrypt"))).await);
    for (key, identity, resource, expected) in [
        (&open, None, true, "AccessDeniedException"),
        (&open, Some(everything.clone()), false, "AccessDeniedException"),
        (&shut, Some(everything.clone()), true, "AccessDeniedException"),
        (&open, Some(allows(&["secretsmanager:GetSecretValue"])), true, "AccessDeniedException"),
        (&open, Some(everything.clone()), true, "no error"),
    ] {
        let name = test.app.uuid();
        let input = CreateSecretInput { kms_key_id: Some(key.clone()), ..new_secret(&name, "x") };
        let arn = create(&test, input).await.expect("a secret").arn.expect("an ARN");
        if resource {
            admit(&test, &arn, &role).await;
        }
        let inline: Vec<(&str, Value)> = identity.iter().map(|policy| ("read", policy.clone())).collect();
        let guest = guest(&test, &inline).await;
        assert_eq!(code(get(&test, current(&arn), &guest).await), expected, "{identity:?} {resource}");
        // A name is one of the caller's own account.
        assert_ne!(code(get(&test, current(&name), &guest).await), "no error");
    }
}

#[tokio::test]
async fn the_default_key_is_for_its_own_account() {
    let test = TestApp::new();
    let arn = create(&test, new_secret("a", "x")).await.expect("a secret").arn.expect("an ARN");
    admit(&test, &arn, &format!("arn:aws:iam::{OTHER}:root")).await;
    let guest = guest(&test, &[("read", allows(&["*"]))]).await;
    assert_eq!(
        get(&test, current(&arn), &guest).await.expect_err("refused").to_string(),
        "InvalidRequestException: You can't access a secret from a different AWS account if you encrypt the secret with \
         the default KMS service key."
    );
}
