//! A secret's value under a data key of KMS.
//!
//! KMS is called with the caller's own identity, through Secrets Manager: so the key's policy and the caller's policies
//! decide, and `kms:ViaService` is known. The context is the secret's ARN and the version's id, so that no sealed value
//! can be put in the place of another.

use std::sync::Arc;

use api::kms::{DecryptInput, GenerateDataKeyInput, op};
use domain::iam::Caller;
use domain::kms::EncryptionContext;
use wire::{Blob, Sensitive};
use zeroize::{Zeroize as _, Zeroizing};

use super::error::{KeyUse, invalid_parameter, invalid_request, of_kms};
use super::record::{SecretRecord, ValueForm, VersionRecord};
use crate::seal::SealingKey;
use crate::store::State;
use crate::{Access, App, ServiceError, audit, kms};

/// Secrets Manager, as it calls for its callers.
pub(super) const PRINCIPAL: &str = "secretsmanager.amazonaws.com";

/// A value as it was given. Wiped when dropped.
pub(super) struct Value {
    pub(super) form: ValueForm,
    bytes: Zeroizing<Vec<u8>>,
}

impl Value {
    /// The value of a request; `None` when it has none.
    pub(super) fn given(text: Option<&Sensitive>, binary: Option<Blob>) -> Result<Option<Self>, ServiceError> {
        match (text, binary) {
            (Some(_), Some(_)) => Err(invalid_parameter(
                "You can't specify both a binary secret value and a string secret value in the same secret.",
            )),
            (Some(text), None) => {
                Ok(Some(Self { form: ValueForm::Text, bytes: Zeroizing::new(text.expose().as_bytes().to_vec()) }))
            }
            (None, Some(blob)) => Ok(Some(Self { form: ValueForm::Binary, bytes: Zeroizing::new(blob.0) })),
            (None, None) => Ok(None),
        }
    }

    /// The value as an answer has it: text or bytes.
    pub(super) fn into_parts(mut self) -> (Option<Sensitive>, Option<Blob>) {
        let bytes = std::mem::take(&mut *self.bytes);
        match self.form {
            ValueForm::Binary => (None, Some(Blob(bytes))),
            // Only text was ever sealed as text.
            ValueForm::Text => match String::from_utf8(bytes) {
                Ok(text) => (Some(Sensitive::new(text)), None),
                Err(error) => (None, Some(Blob(error.into_bytes()))),
            },
        }
    }

    /// Whether both are the same value.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.form == other.form && self.bytes == other.bytes
    }
}

/// The key of a secret: the one it names, else the account's own for Secrets Manager, which is made if need be.
pub(super) async fn key_of(
    app: &App,
    caller: &Caller,
    account: &str,
    kms_key_id: Option<&str>,
) -> Result<String, ServiceError> {
    if let Some(key_id) = kms_key_id {
        return Ok(key_id.to_owned());
    }
    let region = &caller.region;
    app.store.write(|state| kms::managed::ensure(app, state, "secretsmanager", region, account)).await
}

/// What a request's `KmsKeyId` means: empty and the default key's alias are the default key.
pub(super) fn customer_key(kms_key_id: Option<String>) -> Option<String> {
    kms_key_id.filter(|key_id| !key_id.is_empty() && !key_id.ends_with("alias/aws/secretsmanager"))
}

/// The condition keys of a key that a request names: as it was given, and its ARN if there is such a key.
pub(super) fn with_key(app: &App, state: &State, caller: &Caller, access: Access, key_id: &str) -> Access {
    let access = access.with_context("secretsmanager:KmsKeyId", key_id);
    match kms::lookup::Keys::new(app, state, caller).find(key_id) {
        Ok(key) => access.with_context("secretsmanager:KmsKeyArn", &key.arn),
        Err(_) => access,
    }
}

/// A secret under the account's default key is for its own account only: that key admits nobody else.
pub(super) fn check_account(caller: &Caller, secret: &SecretRecord) -> Result<(), ServiceError> {
    if caller.account != secret.account && secret.kms_key_id.is_none() {
        return Err(invalid_request(
            "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS \
             service key.",
        ));
    }
    Ok(())
}

/// Makes sure that the caller may use the key that a secret is to be sealed with, before anything depends on it.
pub(super) async fn validate_key_access(
    app: &Arc<App>,
    caller: &Caller,
    arn: &str,
    key_id: &str,
) -> Result<(), ServiceError> {
    let context = context(arn, "RequestToValidateKeyAccess");
    let data_key = generate(app, caller, key_id, &context).await?;
    decrypt(app, caller, &data_key.key_arn, data_key.encrypted, &context).await.map(drop)
}

/// Seals a value for one version of a secret.
pub(super) async fn seal(
    app: &Arc<App>,
    caller: &Caller,
    arn: &str,
    version_id: &str,
    key_id: &str,
    value: &Value,
) -> Result<VersionRecord, ServiceError> {
    let context = context(arn, version_id);
    let data_key = generate(app, caller, key_id, &context).await?;
    let sealed = data_key.plain.seal(&value.bytes, &context.canonical())?;
    Ok(VersionRecord {
        created_at: app.now(),
        accessed_on: None,
        key_arn: data_key.key_arn,
        data_key: data_key.encrypted,
        sealed,
        form: value.form,
    })
}

/// Opens the value of one version of a secret.
pub(super) async fn open(
    app: &Arc<App>,
    caller: &Caller,
    secret: &SecretRecord,
    version_id: &str,
    version: &VersionRecord,
) -> Result<Value, ServiceError> {
    let context = context(&secret.arn, version_id);
    let data_key = decrypt(app, caller, &version.key_arn, version.data_key.clone(), &context).await?;
    let bytes = data_key.open(&version.sealed.0, &context.canonical())?;
    Ok(Value { form: version.form, bytes })
}

fn context(arn: &str, version_id: &str) -> EncryptionContext {
    [("SecretARN", arn), ("SecretVersionId", version_id)].into_iter().collect()
}

struct DataKey {
    plain: SealingKey,
    encrypted: Blob,
    key_arn: String,
}

async fn generate(
    app: &Arc<App>,
    caller: &Caller,
    key_id: &str,
    context: &EncryptionContext,
) -> Result<DataKey, ServiceError> {
    let input = GenerateDataKeyInput {
        key_id: key_id.to_owned(),
        encryption_context: Some(context.clone().into_map()),
        key_spec: Some("AES_256".into()),
        ..GenerateDataKeyInput::default()
    };
    let request = (input, through_us(caller), app.uuid());
    let answer = audit::call::<op::GenerateDataKey, _, _>(app, PRINCIPAL, request, kms::data_keys::generate);
    let answer = answer.await.map_err(|error| of_kms(error, key_id, KeyUse::Encrypt))?;
    let mut plain = answer.plaintext.unwrap_or_default();
    let sealing_key = SealingKey::from_slice(&plain.0);
    plain.zeroize();
    Ok(DataKey {
        plain: sealing_key?,
        encrypted: answer.ciphertext_blob.unwrap_or_default(),
        key_arn: answer.key_id.unwrap_or_default(),
    })
}

async fn decrypt(
    app: &Arc<App>,
    caller: &Caller,
    key_arn: &str,
    data_key: Blob,
    context: &EncryptionContext,
) -> Result<SealingKey, ServiceError> {
    let input = DecryptInput {
        ciphertext_blob: Some(data_key),
        encryption_context: Some(context.clone().into_map()),
        key_id: Some(key_arn.to_owned()),
        ..DecryptInput::default()
    };
    let request = (input, through_us(caller), app.uuid());
    let answer = audit::call::<op::Decrypt, _, _>(app, PRINCIPAL, request, kms::encryption::decrypt);
    let answer = answer.await.map_err(|error| of_kms(error, key_arn, KeyUse::Decrypt))?;
    let mut plain = answer.plaintext.unwrap_or_default();
    let sealing_key = SealingKey::from_slice(&plain.0);
    plain.zeroize();
    Ok(sealing_key?)
}

/// The caller, as KMS sees them when they come through Secrets Manager.
fn through_us(caller: &Caller) -> Caller {
    Caller { via_service: Some(format!("secretsmanager.{}.amazonaws.com", caller.region)), ..caller.clone() }
}
