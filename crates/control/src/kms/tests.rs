//! KMS through its handlers: what a ciphertext is bound to, what states forbid, whom policies and grants admit.

mod imports;

use std::collections::BTreeMap;
use std::sync::Arc;

use api::kms::{
    CancelKeyDeletionInput, CreateAliasInput, CreateGrantInput, CreateKeyInput, DecryptInput, DecryptOutput,
    DescribeKeyInput, DisableKeyInput, EnableKeyInput, EnableKeyRotationInput, EncryptInput, GenerateDataKeyInput,
    GrantConstraints, PutKeyPolicyInput, ReEncryptInput, RevokeGrantInput, ScheduleKeyDeletionInput,
};
use domain::iam::Caller;
use serde_json::json;
use wire::Blob;

use super::{aliases, data_keys, encryption, grants, keys, managed, policies, rotation, states, sweep};
use crate::testing::{ACCOUNT, REGION, TestApp, allow, root};
use crate::{Request, ServiceError};

const DAY_SECONDS: i64 = 24 * 3600;

fn ask<I>(input: I, caller: &Caller) -> Request<I> {
    Request::new(input, caller.clone(), "request")
}

fn context(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

async fn create(test: &TestApp, policy: Option<serde_json::Value>) -> String {
    let input = CreateKeyInput { policy: policy.map(|policy| policy.to_string()), ..CreateKeyInput::default() };
    let key = keys::create(Arc::clone(&test.app), ask(input, &root())).await.expect("a key");
    key.key_metadata.and_then(|key| key.arn).expect("an ARN")
}

async fn encrypt(test: &TestApp, key: &str, pairs: &[(&str, &str)]) -> Blob {
    let input = EncryptInput {
        key_id: key.into(),
        plaintext: Blob(b"plain".to_vec()),
        encryption_context: Some(context(pairs)),
        ..EncryptInput::default()
    };
    let answer = encryption::encrypt(Arc::clone(&test.app), ask(input, &root())).await.expect("encrypts");
    answer.ciphertext_blob.expect("a blob")
}

async fn decrypt(
    test: &TestApp,
    blob: &Blob,
    pairs: &[(&str, &str)],
    caller: &Caller,
) -> Result<DecryptOutput, ServiceError> {
    let input = DecryptInput {
        ciphertext_blob: Some(blob.clone()),
        encryption_context: Some(context(pairs)),
        ..DecryptInput::default()
    };
    encryption::decrypt(Arc::clone(&test.app), ask(input, caller)).await
}

fn code<T>(result: Result<T, ServiceError>) -> String {
    result.err().map_or_else(|| "no error".into(), |error| error.code.into_owned())
}

#[tokio::test]
async fn a_ciphertext_opens_only_under_its_context() {
    let test = TestApp::new();
    let key = create(&test, None).await;
    let blob = encrypt(&test, &key, &[("a", "1"), ("b", "2")]).await;
    let answer = decrypt(&test, &blob, &[("b", "2"), ("a", "1")], &root()).await.expect("opens");
    assert_eq!(answer.plaintext, Some(Blob(b"plain".to_vec())));
    assert_eq!(answer.key_id, Some(key));
    for pairs in [&[][..], &[("a", "1")], &[("a", "1"), ("B", "2")], &[("a", "1"), ("b", "2"), ("c", "3")]] {
        assert_eq!(code(decrypt(&test, &blob, pairs, &root()).await), "InvalidCiphertextException", "{pairs:?}");
    }
    for place in 0..blob.0.len() {
        let mut altered = blob.clone();
        altered.0[place] ^= 1;
        let code = code(decrypt(&test, &altered, &[("a", "1"), ("b", "2")], &root()).await);
        assert!(["InvalidCiphertextException", "AccessDeniedException"].contains(&code.as_str()), "{place}: {code}");
    }
}

#[tokio::test]
async fn a_named_key_must_be_the_right_one() {
    let test = TestApp::new();
    let (key, other) = (create(&test, None).await, create(&test, None).await);
    let blob = encrypt(&test, &key, &[]).await;
    let with = |key_id: &str| DecryptInput {
        ciphertext_blob: Some(blob.clone()),
        key_id: Some(key_id.into()),
        ..DecryptInput::default()
    };
    assert!(encryption::decrypt(Arc::clone(&test.app), ask(with(&key), &root())).await.is_ok());
    let wrong = encryption::decrypt(Arc::clone(&test.app), ask(with(&other), &root())).await;
    assert_eq!(code(wrong), "IncorrectKeyException");
}

#[tokio::test]
async fn old_material_still_decrypts_after_a_rotation() {
    let test = TestApp::new();
    let key = create(&test, None).await;
    let input = EnableKeyRotationInput { key_id: key.clone(), rotation_period_in_days: Some(90) };
    rotation::enable(Arc::clone(&test.app), ask(input, &root())).await.expect("enabled");
    let material =
        async |blob: &Blob| decrypt(&test, blob, &[], &root()).await.expect("opens").key_material_id.expect("an id");
    let first = encrypt(&test, &key, &[]).await;
    test.pass_seconds(89 * DAY_SECONDS);
    let second = encrypt(&test, &key, &[]).await;
    assert_eq!(material(&first).await, material(&second).await);
    test.pass_seconds(2 * DAY_SECONDS);
    sweep(&test.app).await.expect("swept");
    let third = encrypt(&test, &key, &[]).await;
    assert_ne!(material(&first).await, material(&third).await);
    test.pass_seconds(91 * DAY_SECONDS);
    sweep(&test.app).await.expect("swept");
    assert_eq!(test.app.store.read().kms_keys.get(&key).expect("the key").materials.len(), 3);
    assert!(decrypt(&test, &first, &[], &root()).await.is_ok());
}

#[tokio::test]
async fn states_forbid_in_kms_own_words() {
    let test = TestApp::new();
    let app = || Arc::clone(&test.app);
    let key = create(&test, None).await;
    let key_id = || key.clone();
    let blob = encrypt(&test, &key, &[]).await;
    states::disable(app(), ask(DisableKeyInput { key_id: key_id() }, &root())).await.expect("disabled");
    let error = decrypt(&test, &blob, &[], &root()).await.expect_err("disabled");
    assert_eq!((&*error.code, error.message), ("DisabledException", format!("{key} is disabled.")));
    states::enable(app(), ask(EnableKeyInput { key_id: key_id() }, &root())).await.expect("enabled");
    let input = ScheduleKeyDeletionInput { key_id: key_id(), pending_window_in_days: Some(7) };
    states::schedule_deletion(app(), ask(input.clone(), &root())).await.expect("scheduled");
    let error = decrypt(&test, &blob, &[], &root()).await.expect_err("pending deletion");
    assert_eq!((&*error.code, error.message), ("KMSInvalidStateException", format!("{key} is pending deletion.")));
    states::cancel_deletion(app(), ask(CancelKeyDeletionInput { key_id: key_id() }, &root())).await.expect("cancelled");
    assert_eq!(code(decrypt(&test, &blob, &[], &root()).await), "DisabledException");
    states::schedule_deletion(app(), ask(input, &root())).await.expect("scheduled");
    test.pass_seconds(7 * DAY_SECONDS);
    let describe = DescribeKeyInput { key_id: key_id(), grant_tokens: None };
    let error = keys::describe(app(), ask(describe, &root())).await.expect_err("gone");
    assert_eq!((&*error.code, error.message), ("NotFoundException", format!("Key '{key}' does not exist")));
    assert_eq!(code(decrypt(&test, &blob, &[], &root()).await), "AccessDeniedException");
    sweep(&test.app).await.expect("swept");
    assert!(test.app.store.read().kms_keys.is_empty());
}

#[tokio::test]
async fn the_key_policy_must_allow_and_hands_on_to_identity_policies() {
    let test = TestApp::new();
    let free = test.put_role("free", &[("all", allow("kms:*", "*"))]).await;
    let bare = test.put_role("bare", &[]).await;
    let open = create(&test, None).await;
    let blob = encrypt(&test, &open, &[]).await;
    assert!(decrypt(&test, &blob, &[], &test.session(&free)).await.is_ok());
    let denied = decrypt(&test, &blob, &[], &test.session(&bare)).await.expect_err("no policy allows it");
    assert_eq!(&*denied.code, "AccessDeniedException");
    assert!(denied.message.ends_with("because no identity-based policy allows the kms:Decrypt action"), "{denied}");
    let closed = create(
        &test,
        Some(json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": root().arn()}, "Action": "kms:PutKeyPolicy", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": bare}, "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*"},
        ]})),
    )
    .await;
    // A root principal with less than kms:* hands on no more than that.
    let input =
        |key: &str| EncryptInput { key_id: key.into(), plaintext: Blob(b"plain".to_vec()), ..EncryptInput::default() };
    let refused = encryption::encrypt(Arc::clone(&test.app), ask(input(&closed), &test.session(&free))).await;
    assert_eq!(code(refused), "AccessDeniedException");
    let named = encryption::encrypt(Arc::clone(&test.app), ask(input(&closed), &test.session(&bare))).await;
    assert!(named.is_ok());
}

#[tokio::test]
async fn a_grant_admits_its_grantee_under_its_context() {
    let test = TestApp::new();
    let app = || Arc::clone(&test.app);
    let role = test.put_role("grantee", &[]).await;
    let session = test.session(&role);
    let key = create(&test, None).await;
    let fits = encrypt(&test, &key, &[("app", "web"), ("n", "1")]).await;
    let other = encrypt(&test, &key, &[("app", "db")]).await;
    let input = CreateGrantInput {
        key_id: key.clone(),
        grantee_principal: role.clone(),
        operations: vec!["Decrypt".into()],
        constraints: Some(GrantConstraints {
            encryption_context_subset: Some(context(&[("app", "web")])),
            encryption_context_equals: None,
        }),
        name: Some("once".into()),
        ..CreateGrantInput::default()
    };
    let grant = grants::create(app(), ask(input.clone(), &root())).await.expect("a grant");
    let again = grants::create(app(), ask(input, &root())).await.expect("the same grant");
    assert_eq!(grant.grant_id, again.grant_id);
    assert!(decrypt(&test, &fits, &[("app", "web"), ("n", "1")], &session).await.is_ok());
    assert_eq!(code(decrypt(&test, &other, &[("app", "db")], &session).await), "AccessDeniedException");
    let revoke = RevokeGrantInput { key_id: key, grant_id: grant.grant_id.expect("an id"), dry_run: None };
    grants::revoke(app(), ask(revoke, &root())).await.expect("revoked");
    assert_eq!(code(decrypt(&test, &fits, &[("app", "web"), ("n", "1")], &session).await), "AccessDeniedException");
}

#[tokio::test]
async fn a_managed_key_works_only_through_its_service() {
    let test = TestApp::new();
    let ensured = test.app.store.write(|state| managed::ensure(&test.app, state, "secretsmanager", REGION, ACCOUNT));
    let key = ensured.await.expect("a key");
    let input = GenerateDataKeyInput {
        key_id: "alias/aws/secretsmanager".into(),
        key_spec: Some("AES_256".into()),
        ..GenerateDataKeyInput::default()
    };
    let direct = data_keys::generate(Arc::clone(&test.app), ask(input.clone(), &root())).await;
    assert_eq!(code(direct), "AccessDeniedException");
    let role = test.put_role("any", &[]).await;
    for caller in [root(), test.session(&role)] {
        let through = Caller { via_service: Some(format!("secretsmanager.{REGION}.amazonaws.com")), ..caller.clone() };
        let answer = data_keys::generate(Arc::clone(&test.app), ask(input.clone(), &through)).await.expect("allowed");
        assert_eq!(answer.key_id.as_ref(), Some(&key));
        let elsewhere = Caller { via_service: Some(format!("ssm.{REGION}.amazonaws.com")), ..caller };
        let refused = data_keys::generate(Arc::clone(&test.app), ask(input.clone(), &elsewhere)).await;
        assert_eq!(code(refused), "AccessDeniedException");
    }
}

#[tokio::test]
async fn aliases_stand_for_keys() {
    let test = TestApp::new();
    let key = create(&test, None).await;
    let alias = async |name: &str, target: &str| {
        let input = CreateAliasInput { alias_name: name.into(), target_key_id: target.into() };
        code(aliases::create(Arc::clone(&test.app), ask(input, &root())).await)
    };
    assert_eq!(alias("alias/a", &key).await, "no error");
    assert_eq!(alias("alias/a", &key).await, "AlreadyExistsException");
    assert_eq!(alias("alias/aws/mine", &key).await, "NotAuthorizedException");
    assert_eq!(alias("a", &key).await, "ValidationException");
    assert_eq!(alias("alias/b", "alias/a").await, "ValidationException");
    let blob = encrypt(&test, "alias/a", &[]).await;
    assert!(decrypt(&test, &blob, &[], &root()).await.is_ok());
    let disable = DisableKeyInput { key_id: "alias/a".into() };
    let error = states::disable(Arc::clone(&test.app), ask(disable, &root())).await.expect_err("takes no alias");
    assert_eq!(error.to_string(), "NotFoundException: Invalid keyId 'alias/a'");
    let unknown = DescribeKeyInput { key_id: "alias/unknown".into(), grant_tokens: None };
    let error = keys::describe(Arc::clone(&test.app), ask(unknown, &root())).await.expect_err("unknown");
    assert_eq!(error.message, format!("Alias arn:aws:kms:{REGION}:{ACCOUNT}:alias/unknown is not found."));
}

#[tokio::test]
async fn data_keys_have_the_length_that_is_asked_for() {
    let test = TestApp::new();
    let key = create(&test, None).await;
    let cases = [
        (Some("AES_256"), None, Some(32)),
        (Some("AES_128"), None, Some(16)),
        (None, Some(100), Some(100)),
        (Some("AES_256"), Some(32), None),
        (None, None, None),
    ];
    for (spec, bytes, expected) in cases {
        let input = GenerateDataKeyInput {
            key_id: key.clone(),
            key_spec: spec.map(Into::into),
            number_of_bytes: bytes,
            ..GenerateDataKeyInput::default()
        };
        let answer = data_keys::generate(Arc::clone(&test.app), ask(input, &root())).await;
        assert_eq!(
            answer.ok().and_then(|answer| answer.plaintext).map(|key| key.0.len()),
            expected,
            "{spec:?} {bytes:?}"
        );
    }
}

#[tokio::test]
async fn re_encryption_moves_to_another_key_and_context() {
    let test = TestApp::new();
    let (from, to) = (create(&test, None).await, create(&test, None).await);
    let input = ReEncryptInput {
        ciphertext_blob: Some(encrypt(&test, &from, &[("a", "1")]).await),
        source_encryption_context: Some(context(&[("a", "1")])),
        destination_key_id: to.clone(),
        destination_encryption_context: Some(context(&[("b", "2")])),
        ..ReEncryptInput::default()
    };
    let answer = encryption::re_encrypt(Arc::clone(&test.app), ask(input, &root())).await.expect("re-encrypts");
    let blob = answer.ciphertext_blob.expect("a blob");
    assert_eq!(decrypt(&test, &blob, &[("b", "2")], &root()).await.expect("opens").key_id, Some(to));
    assert!(decrypt(&test, &blob, &[("a", "1")], &root()).await.is_err());
}

#[tokio::test]
async fn nobody_locks_themselves_out_by_mistake() {
    let test = TestApp::new();
    let key = create(&test, None).await;
    let put = async |bypass: Option<bool>, document: &str| {
        let input = PutKeyPolicyInput {
            key_id: key.clone(),
            policy: document.into(),
            bypass_policy_lockout_safety_check: bypass,
            policy_name: None,
        };
        code(policies::put(Arc::clone(&test.app), ask(input, &root())).await)
    };
    let lockout = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": root().arn()}, "Action": "kms:Decrypt", "Resource": "*"},
    ]})
    .to_string();
    assert_eq!(put(None, "{").await, "MalformedPolicyDocumentException");
    assert_eq!(put(None, &lockout).await, "MalformedPolicyDocumentException");
    assert_eq!(put(Some(true), &lockout).await, "no error");
}

#[tokio::test]
async fn key_material_lies_sealed() {
    let test = TestApp::new();
    let key = create(&test, None).await;
    let record = Arc::clone(test.app.store.read().kms_keys.get(&key).expect("the key"));
    let material = &record.materials[0];
    assert_eq!(material.sealed.0.len(), 1 + 12 + 32 + 16);
    assert!(test.app.root_key.open(&material.sealed, "kms material of another key").is_err());
}
