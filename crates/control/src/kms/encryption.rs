//! Encrypt, Decrypt, ReEncrypt.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::kms::{
    DecryptInput, DecryptOutput, EncryptInput, EncryptOutput, ReEncryptInput, ReEncryptOutput, RecipientInfo,
};
use domain::iam::Caller;
use domain::kms::{CiphertextHeader, EncryptionContext};
use wire::Blob;

use super::lookup::Keys;
use super::record::KeyRecord;
use super::{error, grants, material};
use crate::iam::authorization::authorize;
use crate::{Access, App, Authorized, Request, ServiceError};

const ALGORITHM: &str = "SYMMETRIC_DEFAULT";

/// The context of a request.
pub(super) fn context(pairs: Option<&BTreeMap<String, String>>) -> EncryptionContext {
    pairs.into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Answers for an enclave would be encrypted for it; we have none.
pub(super) fn refuse_recipient(recipient: Option<&RecipientInfo>) -> Result<(), ServiceError> {
    recipient.map_or(Ok(()), |_| Err(error::unsupported("A Recipient (Nitro Enclaves)")))
}

fn check_algorithm(algorithm: Option<&str>) -> Result<(), ServiceError> {
    match algorithm {
        None | Some(ALGORITHM) => Ok(()),
        Some(other) => Err(ServiceError::new(
            "InvalidKeyUsageException",
            format!("Algorithm {other} is not compatible with key spec {ALGORITHM}."),
        )),
    }
}

/// Encrypt.
pub async fn encrypt(app: Arc<App>, request: Request<EncryptInput>) -> Result<EncryptOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let context = context(input.encryption_context.as_ref());
        Ok(Keys::new(&app, state, caller).access_in("kms:Encrypt", &input.key_id, &context))
    })?;
    grants::check_tokens(&app, input.grant_tokens.as_deref())?;
    check_algorithm(input.encryption_algorithm.as_deref())?;
    let key = material::encrypting_key(&app, &caller, &input.key_id).await?;
    error::dry_run(input.dry_run)?;
    let context = context(input.encryption_context.as_ref());
    let mut plaintext = input.plaintext;
    let blob = material::encrypt(&app, &key, &plaintext.0, &context);
    zeroize::Zeroize::zeroize(&mut plaintext);
    Ok(EncryptOutput {
        ciphertext_blob: Some(blob?),
        key_id: Some(key.arn),
        encryption_algorithm: Some(ALGORITHM.into()),
    })
}

/// Decrypt. The blob names its key; a KeyId that is given must mean the same one.
pub async fn decrypt(app: Arc<App>, request: Request<DecryptInput>) -> Result<DecryptOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let context = context(input.encryption_context.as_ref());
        let key_id = input.key_id.clone().or_else(|| named(input.ciphertext_blob.as_ref()));
        Ok(access(Keys::new(&app, state, caller), "kms:Decrypt", key_id.as_deref(), &context))
    })?;
    grants::check_tokens(&app, input.grant_tokens.as_deref())?;
    check_algorithm(input.encryption_algorithm.as_deref())?;
    refuse_recipient(input.recipient.as_ref())?;
    let context = context(input.encryption_context.as_ref());
    let source = Source::of(&app, &caller, input.key_id.as_deref(), blob(input.ciphertext_blob.as_ref())?)?;
    error::dry_run(input.dry_run)?;
    let mut plain = material::decrypt(&app, &source.key, &source.header, source.sealed, &context)?;
    Ok(DecryptOutput {
        key_id: Some(source.key.arn.clone()),
        plaintext: Some(Blob(std::mem::take(&mut *plain))),
        encryption_algorithm: Some(ALGORITHM.into()),
        ciphertext_for_recipient: None,
        key_material_id: Some(hex::encode(source.header.material_id)),
    })
}

/// ReEncrypt: needs `kms:ReEncryptFrom` on the one key and `kms:ReEncryptTo` on the other.
pub(super) async fn re_encrypt(
    app: Arc<App>,
    request: Request<ReEncryptInput>,
) -> Result<ReEncryptOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let context = context(input.source_encryption_context.as_ref());
        let key_id = input.source_key_id.clone().or_else(|| named(input.ciphertext_blob.as_ref()));
        Ok(access(Keys::new(&app, state, caller), "kms:ReEncryptFrom", key_id.as_deref(), &context))
    })?;
    let from = context(input.source_encryption_context.as_ref());
    let to = context(input.destination_encryption_context.as_ref());
    {
        let state = app.store.read();
        let access = Keys::new(&app, &state, &caller).access_in("kms:ReEncryptTo", &input.destination_key_id, &to);
        authorize(&app, &state, &caller, &access)?;
    }
    grants::check_tokens(&app, input.grant_tokens.as_deref())?;
    check_algorithm(input.source_encryption_algorithm.as_deref())?;
    check_algorithm(input.destination_encryption_algorithm.as_deref())?;
    let source = Source::of(&app, &caller, input.source_key_id.as_deref(), blob(input.ciphertext_blob.as_ref())?)?;
    let destination = material::encrypting_key(&app, &caller, &input.destination_key_id).await?;
    error::dry_run(input.dry_run)?;
    let plain = material::decrypt(&app, &source.key, &source.header, source.sealed, &from)?;
    Ok(ReEncryptOutput {
        ciphertext_blob: Some(material::encrypt(&app, &destination, &plain, &to)?),
        source_key_id: Some(source.key.arn.clone()),
        source_encryption_algorithm: Some(ALGORITHM.into()),
        destination_encryption_algorithm: Some(ALGORITHM.into()),
        source_key_material_id: Some(hex::encode(source.header.material_id)),
        destination_key_material_id: destination.materials.last().map(|material| material.id.clone()),
        key_id: Some(destination.arn),
    })
}

fn blob(blob: Option<&Blob>) -> Result<&[u8], ServiceError> {
    let missing = "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: Member must \
                   not be null";
    blob.map(|blob| blob.0.as_slice()).ok_or_else(|| error::validation(missing))
}

/// The key that a blob names.
fn named(blob: Option<&Blob>) -> Option<String> {
    CiphertextHeader::split(&blob?.0).map(|(header, _)| header.key_arn)
}

/// The access to a key; to any, when neither the request nor the blob names one.
fn access(keys: Keys<'_>, action: &'static str, key_id: Option<&str>, context: &EncryptionContext) -> Access {
    key_id.map_or_else(|| Access::to_any(action), |key_id| keys.access_in(action, key_id, context))
}

/// A ciphertext taken apart, with its key.
struct Source<'a> {
    key: Arc<KeyRecord>,
    header: CiphertextHeader,
    sealed: &'a [u8],
}

impl<'a> Source<'a> {
    fn of(app: &App, caller: &Caller, key_id: Option<&str>, blob: &'a [u8]) -> Result<Self, ServiceError> {
        let state = app.store.read();
        let keys = Keys::new(app, &state, caller);
        let named = key_id.map(|key_id| keys.find(key_id)).transpose()?;
        let (header, sealed) = CiphertextHeader::split(blob).ok_or_else(error::invalid_ciphertext)?;
        if named.is_some_and(|named| named.arn != header.key_arn) {
            return Err(ServiceError::new(
                "IncorrectKeyException",
                "The key ID in the request does not identify a CMK that can perform this operation.",
            ));
        }
        let key = keys.at(&header.key_arn).ok_or_else(|| {
            ServiceError::new(
                "AccessDeniedException",
                "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or \
                 you are not allowed to access.",
            )
        })?;
        key.state.usable(&key.arn)?;
        Ok(Self { key, header, sealed })
    }
}
