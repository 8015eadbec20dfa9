//! What time does to imported key material and to the tokens it is imported with.

use std::sync::Arc;

use api::kms::{
    CreateKeyInput, DescribeKeyInput, GetParametersForImportInput, GetParametersForImportOutput,
    ImportKeyMaterialInput, KeyMetadata, ListKeyRotationsInput,
};
use wire::{Blob, Timestamp};

use super::{DAY_SECONDS, ask, code, decrypt, encrypt};
use crate::ServiceError;
use crate::kms::{asymmetric, imports, keys, rotation, states, sweep};
use crate::testing::{TestApp, root};

const WRAPPING: &str = "RSAES_OAEP_SHA_256";
const MATERIAL: [u8; 32] = [1; 32];
const OTHER: [u8; 32] = [2; 32];

async fn empty_key(test: &TestApp) -> String {
    let input = CreateKeyInput { origin: Some("EXTERNAL".into()), ..CreateKeyInput::default() };
    let made = keys::create(Arc::clone(&test.app), ask(input, &root())).await.expect("a key");
    made.key_metadata.and_then(|key| key.arn).expect("an ARN")
}

async fn parameters(test: &TestApp, key: &str) -> GetParametersForImportOutput {
    let input = GetParametersForImportInput {
        key_id: key.into(),
        wrapping_algorithm: WRAPPING.into(),
        wrapping_key_spec: "RSA_2048".into(),
    };
    imports::parameters(Arc::clone(&test.app), ask(input, &root())).await.expect("parameters")
}

/// An import of this material, good until then.
fn import_of(
    key: &str,
    parameters: &GetParametersForImportOutput,
    plain: &[u8],
    valid_to: Option<Timestamp>,
) -> ImportKeyMaterialInput {
    let public = parameters.public_key.as_ref().expect("a public key");
    let wrapped = asymmetric::encrypt("RSAES_OAEP_SHA_256", &public.0, plain).map_err(ServiceError::from);
    ImportKeyMaterialInput {
        key_id: key.into(),
        import_token: parameters.import_token.clone().expect("a token"),
        encrypted_key_material: Blob(wrapped.expect("wrapped")),
        valid_to,
        expiration_model: valid_to.is_none().then(|| "KEY_MATERIAL_DOES_NOT_EXPIRE".into()),
        ..ImportKeyMaterialInput::default()
    }
}

async fn import(test: &TestApp, input: ImportKeyMaterialInput) -> Result<(), ServiceError> {
    imports::import(Arc::clone(&test.app), ask(input, &root())).await.map(drop)
}

async fn describe(test: &TestApp, key: &str) -> KeyMetadata {
    let input = DescribeKeyInput { key_id: key.into(), ..DescribeKeyInput::default() };
    let described = keys::describe(Arc::clone(&test.app), ask(input, &root())).await.expect("described");
    described.key_metadata.expect("metadata")
}

/// Whether a secret lies in the records of the key.
fn is_sealed_in(test: &TestApp, key: &str) -> bool {
    let state = test.app.store.read();
    let key = state.kms_keys.get(key).expect("the key");
    key.materials.iter().chain(&key.next_material).any(|material| !material.sealed.0.is_empty())
}

#[tokio::test]
async fn material_is_gone_at_its_time_and_comes_back_only_as_itself() {
    let test = TestApp::new();
    let key = empty_key(&test).await;
    let parameters = parameters(&test, &key).await;
    let valid_to = test.app.now().plus_seconds(3600);
    import(&test, import_of(&key, &parameters, &MATERIAL, Some(valid_to))).await.expect("imported");
    let shown = describe(&test, &key).await;
    assert_eq!((shown.valid_to, shown.expiration_model.as_deref()), (Some(valid_to), Some("KEY_MATERIAL_EXPIRES")));
    let blob = encrypt(&test, &key, &[]).await;
    test.pass_seconds(3599);
    assert!(decrypt(&test, &blob, &[], &root()).await.is_ok(), "a second before");
    test.pass_seconds(1);
    // At its time, before anything has swept.
    for swept in [false, true] {
        if swept {
            sweep(&test.app).await.expect("swept");
        }
        assert_eq!(is_sealed_in(&test, &key), !swept);
        assert_eq!(code(decrypt(&test, &blob, &[], &root()).await), "KMSInvalidStateException", "{swept}");
        let shown = describe(&test, &key).await;
        assert_eq!((shown.key_state.as_deref(), shown.enabled), (Some("PendingImport"), Some(false)));
        assert_eq!((shown.valid_to, shown.expiration_model), (None, None));
    }
    let other = import(&test, import_of(&key, &parameters, &OTHER, None)).await;
    assert_eq!(code(other), "IncorrectKeyMaterialException");
    import(&test, import_of(&key, &parameters, &MATERIAL, None)).await.expect("the same again");
    let shown = describe(&test, &key).await;
    assert_eq!(shown.expiration_model.as_deref(), Some("KEY_MATERIAL_DOES_NOT_EXPIRE"));
    assert_eq!((shown.key_state.as_deref(), shown.valid_to), (Some("Enabled"), None));
    assert!(decrypt(&test, &blob, &[], &root()).await.is_ok(), "what it had sealed");
    test.pass_seconds(400 * DAY_SECONDS);
    assert!(decrypt(&test, &blob, &[], &root()).await.is_ok(), "it does not expire any more");
}

#[tokio::test]
async fn the_time_of_material_can_be_put_off_and_has_bounds() {
    let test = TestApp::new();
    let key = empty_key(&test).await;
    let parameters = parameters(&test, &key).await;
    let at = |seconds| Some(test.app.now().plus_seconds(seconds));
    for (valid_to, expected) in [
        (at(-1), "ValidationException"),
        (at(0), "ValidationException"),
        (at(365 * DAY_SECONDS + 1), "ValidationException"),
        (at(365 * DAY_SECONDS), "no error"),
        (at(60), "no error"),
    ] {
        assert_eq!(code(import(&test, import_of(&key, &parameters, &MATERIAL, valid_to)).await), expected);
    }
    test.pass_seconds(59);
    import(&test, import_of(&key, &parameters, &MATERIAL, at(120))).await.expect("put off");
    test.pass_seconds(61);
    sweep(&test.app).await.expect("swept");
    assert_eq!(describe(&test, &key).await.key_state.as_deref(), Some("Enabled"));
    test.pass_seconds(60);
    assert_eq!(describe(&test, &key).await.key_state.as_deref(), Some("PendingImport"));
}

#[tokio::test]
async fn a_token_is_for_one_key_and_one_day() {
    let test = TestApp::new();
    let key = empty_key(&test).await;
    let parameters = parameters(&test, &key).await;
    assert_eq!(parameters.parameters_valid_to, Some(test.app.now().plus_seconds(DAY_SECONDS)));
    let other = empty_key(&test).await;
    let refused = import(&test, import_of(&other, &parameters, &MATERIAL, None)).await;
    assert_eq!(code(refused), "InvalidImportTokenException");
    test.pass_seconds(DAY_SECONDS - 1);
    import(&test, import_of(&key, &parameters, &MATERIAL, None)).await.expect("on its last second");
    import(&test, import_of(&key, &parameters, &MATERIAL, None)).await.expect("more than once");
    test.pass_seconds(1);
    let refused = import(&test, import_of(&key, &parameters, &MATERIAL, None)).await;
    assert_eq!(code(refused), "ExpiredImportTokenException");
    assert!(is_sealed_in(&test, &key), "what was imported stays");
}

#[tokio::test]
async fn material_that_waits_for_its_rotation_expires_too() {
    let test = TestApp::new();
    let key = empty_key(&test).await;
    let parameters = parameters(&test, &key).await;
    import(&test, import_of(&key, &parameters, &MATERIAL, None)).await.expect("imported");
    let mut next = import_of(&key, &parameters, &OTHER, Some(test.app.now().plus_seconds(60)));
    next.import_type = Some("NEW_KEY_MATERIAL".into());
    import(&test, next).await.expect("the next");
    test.pass_seconds(60);
    assert_eq!(describe(&test, &key).await.key_state.as_deref(), Some("Enabled"), "the current one is there");
    encrypt(&test, &key, &[]).await;
    let rotated = api::kms::RotateKeyOnDemandInput { key_id: key.clone() };
    let rotated = rotation::rotate(Arc::clone(&test.app), ask(rotated, &root())).await;
    assert_eq!(code(rotated), "KMSInvalidStateException");
    let list = ListKeyRotationsInput {
        key_id: key.clone(),
        include_key_material: Some("ALL_KEY_MATERIAL".into()),
        ..ListKeyRotationsInput::default()
    };
    let listed = rotation::list(Arc::clone(&test.app), ask(list, &root())).await.expect("listed");
    let states: Vec<_> = listed
        .rotations
        .iter()
        .flatten()
        .map(|entry| (entry.key_material_state.as_deref(), entry.import_state.as_deref()))
        .collect();
    assert!(states.contains(&(Some("PENDING_ROTATION"), Some("PENDING_IMPORT"))), "{states:?}");
}

#[tokio::test]
async fn a_key_whose_deletion_is_cancelled_does_not_get_expired_material_back() {
    let test = TestApp::new();
    let key = empty_key(&test).await;
    let parameters = parameters(&test, &key).await;
    let valid_to = test.app.now().plus_seconds(60);
    import(&test, import_of(&key, &parameters, &MATERIAL, Some(valid_to))).await.expect("imported");
    let schedule = api::kms::ScheduleKeyDeletionInput { key_id: key.clone(), ..Default::default() };
    states::schedule_deletion(Arc::clone(&test.app), ask(schedule, &root())).await.expect("scheduled");
    test.pass_seconds(60);
    assert_eq!(describe(&test, &key).await.key_state.as_deref(), Some("PendingDeletion"));
    let cancel = api::kms::CancelKeyDeletionInput { key_id: key.clone() };
    states::cancel_deletion(Arc::clone(&test.app), ask(cancel, &root())).await.expect("cancelled");
    assert_eq!(describe(&test, &key).await.key_state.as_deref(), Some("PendingImport"));
    assert!(!is_sealed_in(&test, &key));
}
