//! A `SecureString` under KMS: encrypted by KMS itself in the standard tier, under a data key in the advanced tier.
//!
//! KMS is called with the caller's own identity, through SSM: so the key's policy and the caller's policies decide, and
//! `kms:ViaService` is known. The context is the parameter's ARN, so that no ciphertext can be put in the place of
//! another parameter's.

use std::sync::Arc;

use api::kms::{DecryptInput, EncryptInput, GenerateDataKeyInput, op};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::iam::Caller;
use domain::kms::EncryptionContext;
use domain::ssm::Tier;
use wire::{Blob, Sensitive};
use zeroize::{Zeroize as _, Zeroizing};

use super::error::of_kms;
use super::record::{ParameterRecord, StoredValue, VersionRecord};
use crate::seal::SealingKey;
use crate::{App, ServiceError, audit, kms};

/// SSM, as it calls for its callers.
pub(super) const PRINCIPAL: &str = "ssm.amazonaws.com";
/// The key of a `SecureString` for which none is chosen.
pub(super) const DEFAULT_KEY: &str = "alias/aws/ssm";

/// Encrypts a value; with the account's own key for SSM, which is made if need be, when that is the key.
pub(super) async fn seal(
    app: &Arc<App>,
    caller: &Caller,
    arn: &str,
    key_id: &str,
    tier: Tier,
    value: &Sensitive,
) -> Result<StoredValue, ServiceError> {
    if key_id.ends_with(DEFAULT_KEY) {
        app.store.write(|state| kms::managed::ensure(app, state, "ssm", &caller.region, &caller.account)).await?;
    }
    match tier {
        Tier::Standard => encrypt(app, caller, arn, key_id, value).await,
        Tier::Advanced => enclose(app, caller, arn, key_id, value).await,
    }
}

async fn encrypt(
    app: &Arc<App>,
    caller: &Caller,
    arn: &str,
    key_id: &str,
    value: &Sensitive,
) -> Result<StoredValue, ServiceError> {
    let input = EncryptInput {
        key_id: key_id.to_owned(),
        plaintext: Blob(value.expose().as_bytes().to_vec()),
        encryption_context: Some(context(arn).into_map()),
        ..EncryptInput::default()
    };
    let id = app.uuid();
    let request = (input, through_us(caller), id.clone());
    let answer = audit::call::<op::Encrypt, _, _>(app, PRINCIPAL, request, kms::encryption::encrypt);
    let answer = answer.await.map_err(|refused| of_kms(&refused, key_id, &id))?;
    Ok(StoredValue::Encrypted {
        key_arn: answer.key_id.unwrap_or_default(),
        ciphertext: answer.ciphertext_blob.unwrap_or_default(),
    })
}

async fn enclose(
    app: &Arc<App>,
    caller: &Caller,
    arn: &str,
    key_id: &str,
    value: &Sensitive,
) -> Result<StoredValue, ServiceError> {
    let context = context(arn);
    let input = GenerateDataKeyInput {
        key_id: key_id.to_owned(),
        encryption_context: Some(context.clone().into_map()),
        key_spec: Some("AES_256".into()),
        ..GenerateDataKeyInput::default()
    };
    let id = app.uuid();
    let request = (input, through_us(caller), id.clone());
    let answer = audit::call::<op::GenerateDataKey, _, _>(app, PRINCIPAL, request, kms::data_keys::generate);
    let answer = answer.await.map_err(|refused| of_kms(&refused, key_id, &id))?;
    let mut plain = answer.plaintext.unwrap_or_default();
    let sealing_key = SealingKey::from_slice(&plain.0);
    plain.zeroize();
    Ok(StoredValue::Enveloped {
        key_arn: answer.key_id.unwrap_or_default(),
        data_key: answer.ciphertext_blob.unwrap_or_default(),
        sealed: sealing_key?.seal(value.expose().as_bytes(), &context.canonical())?,
    })
}

/// Whether a reader wants a `SecureString` opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decryption {
    /// `WithDecryption`.
    Wanted,
    /// The ciphertext, as text, is given.
    NotWanted,
}

impl Decryption {
    /// What a request says.
    pub(super) fn of(with_decryption: Option<bool>) -> Self {
        if with_decryption == Some(true) { Self::Wanted } else { Self::NotWanted }
    }
}

/// The value of a version, as the reader wants it.
pub(super) async fn value(
    app: &Arc<App>,
    caller: &Caller,
    parameter: &ParameterRecord,
    version: &VersionRecord,
    decryption: Decryption,
) -> Result<Sensitive, ServiceError> {
    match (&version.value, decryption) {
        (StoredValue::Plain(text), _) => Ok(text.clone()),
        (StoredValue::Encrypted { ciphertext, .. }, Decryption::NotWanted) => Ok(STANDARD.encode(&ciphertext.0).into()),
        (StoredValue::Enveloped { data_key, sealed, .. }, Decryption::NotWanted) => {
            Ok(STANDARD.encode([data_key.0.as_slice(), &sealed.0].concat()).into())
        }
        (StoredValue::Encrypted { key_arn, ciphertext }, Decryption::Wanted) => {
            text(decrypt(app, caller, &parameter.arn, key_arn, ciphertext).await?)
        }
        (StoredValue::Enveloped { key_arn, data_key, sealed }, Decryption::Wanted) => {
            let data_key = decrypt(app, caller, &parameter.arn, key_arn, data_key).await?;
            let context = context(&parameter.arn);
            text(SealingKey::from_slice(&data_key)?.open(&sealed.0, &context.canonical())?)
        }
    }
}

async fn decrypt(
    app: &Arc<App>,
    caller: &Caller,
    arn: &str,
    key_arn: &str,
    ciphertext: &Blob,
) -> Result<Zeroizing<Vec<u8>>, ServiceError> {
    let input = DecryptInput {
        ciphertext_blob: Some(ciphertext.clone()),
        encryption_context: Some(context(arn).into_map()),
        key_id: Some(key_arn.to_owned()),
        ..DecryptInput::default()
    };
    let id = app.uuid();
    let request = (input, through_us(caller), id.clone());
    let answer = audit::call::<op::Decrypt, _, _>(app, PRINCIPAL, request, kms::encryption::decrypt);
    let answer = answer.await.map_err(|refused| of_kms(&refused, key_arn, &id))?;
    Ok(Zeroizing::new(answer.plaintext.unwrap_or_default().0))
}

/// The opened text. Only text was ever sealed.
fn text(mut bytes: Zeroizing<Vec<u8>>) -> Result<Sensitive, ServiceError> {
    let text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|error| {
        error.into_bytes().zeroize();
        ServiceError::new("InternalServerError", "The parameter's value is not text.").with_status(500)
    })?;
    Ok(text.into())
}

fn context(arn: &str) -> EncryptionContext {
    [("PARAMETER_ARN", arn)].into_iter().collect()
}

/// The caller, as KMS sees them when they come through SSM.
fn through_us(caller: &Caller) -> Caller {
    Caller { via_service: Some(format!("ssm.{}.amazonaws.com", caller.region)), ..caller.clone() }
}
