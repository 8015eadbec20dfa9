//! Encrypt, Decrypt, ReEncrypt: with a symmetric key, or with RSA.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::kms::{
    DecryptInput, DecryptOutput, EncryptInput, EncryptOutput, ReEncryptInput, ReEncryptOutput, RecipientInfo,
};
use domain::iam::Caller;
use domain::kms::{CiphertextHeader, EncryptionContext, KeySpec};
use wire::Blob;
use zeroize::{Zeroize as _, Zeroizing};

use super::asymmetric::{self, beside};
use super::lookup::{Keys, check_algorithm, check_usable, incompatible};
use super::record::KeyRecord;
use super::{error, grants, material};
use crate::iam::authorization::authorize;
use crate::{Access, App, Authorized, Request, ServiceError};

const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";

/// The context of a request.
pub(super) fn context(pairs: Option<&BTreeMap<String, String>>) -> EncryptionContext {
    pairs.into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Answers for an enclave would be encrypted for it; we have none.
pub(super) fn refuse_recipient(recipient: Option<&RecipientInfo>) -> Result<(), ServiceError> {
    recipient.map_or(Ok(()), |_| Err(error::unsupported("A Recipient (Nitro Enclaves)")))
}

/// Data keys are encrypted by symmetric keys only.
pub(super) fn check_symmetric(key: &KeyRecord) -> Result<(), ServiceError> {
    if key.spec == KeySpec::SymmetricDefault { Ok(()) } else { Err(incompatible(SYMMETRIC, key.spec)) }
}

/// Encrypt.
pub async fn encrypt(app: Arc<App>, request: Request<EncryptInput>) -> Result<EncryptOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let context = context(input.encryption_context.as_ref());
        let access = Keys::new(&app, state, caller).access_in("kms:Encrypt", &input.key_id, &context);
        Ok(access.with_context("kms:EncryptionAlgorithm", input.encryption_algorithm.as_deref().unwrap_or(SYMMETRIC)))
    })?;
    grants::check_tokens(&app, input.grant_tokens.as_deref())?;
    let key = Keys::new(&app, &app.store.read(), &caller).find_for("Encrypt", &input.key_id)?;
    let algorithm = input.encryption_algorithm.as_deref().unwrap_or(SYMMETRIC);
    let context = context(input.encryption_context.as_ref());
    check(&key, algorithm, &context)?;
    let mut plaintext = input.plaintext;
    check_length(&key, algorithm, plaintext.0.len())?;
    error::dry_run(input.dry_run)?;
    let blob = seal(&app, &key, algorithm, &plaintext.0, &context).await;
    plaintext.zeroize();
    Ok(EncryptOutput {
        ciphertext_blob: Some(blob?),
        key_id: Some(key.arn.clone()),
        encryption_algorithm: Some(algorithm.into()),
    })
}

/// Decrypt. A symmetric blob names its key; a KeyId that is given must mean the same one.
pub async fn decrypt(app: Arc<App>, request: Request<DecryptInput>) -> Result<DecryptOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let context = context(input.encryption_context.as_ref());
        let keys = Keys::new(&app, state, caller);
        let key_id = input.key_id.clone().or_else(|| named(keys, input.ciphertext_blob.as_ref()));
        let access = access(keys, "kms:Decrypt", key_id.as_deref(), &context);
        Ok(access.with_context("kms:EncryptionAlgorithm", input.encryption_algorithm.as_deref().unwrap_or(SYMMETRIC)))
    })?;
    grants::check_tokens(&app, input.grant_tokens.as_deref())?;
    refuse_recipient(input.recipient.as_ref())?;
    let algorithm = input.encryption_algorithm.as_deref().unwrap_or(SYMMETRIC);
    let blob = blob(input.ciphertext_blob.as_ref())?;
    let source = Source::of(&app, &caller, "Decrypt", algorithm, input.key_id.as_deref(), blob)?;
    error::dry_run(input.dry_run)?;
    let mut plain = source.open(&app, algorithm, &context(input.encryption_context.as_ref())).await?;
    Ok(DecryptOutput {
        key_id: Some(source.key.arn.clone()),
        plaintext: Some(Blob(std::mem::take(&mut *plain))),
        encryption_algorithm: Some(algorithm.into()),
        ciphertext_for_recipient: None,
        key_material_id: source.material_id(),
    })
}

/// ReEncrypt: needs `kms:ReEncryptFrom` on the one key and `kms:ReEncryptTo` on the other.
pub(super) async fn re_encrypt(
    app: Arc<App>,
    request: Request<ReEncryptInput>,
) -> Result<ReEncryptOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let context = context(input.source_encryption_context.as_ref());
        let keys = Keys::new(&app, state, caller);
        let key_id = input.source_key_id.clone().or_else(|| named(keys, input.ciphertext_blob.as_ref()));
        let access = access(keys, "kms:ReEncryptFrom", key_id.as_deref(), &context);
        Ok(access.with_context("kms:ReEncryptOnSameKey", same_key(keys, input, key_id.as_deref()).to_string()))
    })?;
    let from = context(input.source_encryption_context.as_ref());
    let to = context(input.destination_encryption_context.as_ref());
    {
        let state = app.store.read();
        let keys = Keys::new(&app, &state, &caller);
        let source = input.source_key_id.clone().or_else(|| named(keys, input.ciphertext_blob.as_ref()));
        let same = same_key(keys, &input, source.as_deref()).to_string();
        let access = keys.access_in("kms:ReEncryptTo", &input.destination_key_id, &to);
        authorize(&app, &state, &caller, &access.with_context("kms:ReEncryptOnSameKey", same))?;
    }
    grants::check_tokens(&app, input.grant_tokens.as_deref())?;
    let source_algorithm = input.source_encryption_algorithm.as_deref().unwrap_or(SYMMETRIC);
    let algorithm = input.destination_encryption_algorithm.as_deref().unwrap_or(SYMMETRIC);
    let blob = blob(input.ciphertext_blob.as_ref())?;
    let source = Source::of(&app, &caller, "ReEncryptFrom", source_algorithm, input.source_key_id.as_deref(), blob)?;
    let destination = Keys::new(&app, &app.store.read(), &caller).find_for("ReEncryptTo", &input.destination_key_id)?;
    check(&destination, algorithm, &to)?;
    error::dry_run(input.dry_run)?;
    let plain = source.open(&app, source_algorithm, &from).await?;
    check_length(&destination, algorithm, plain.len())?;
    Ok(ReEncryptOutput {
        ciphertext_blob: Some(seal(&app, &destination, algorithm, &plain, &to).await?),
        source_key_material_id: source.material_id(),
        source_key_id: Some(source.key.arn.clone()),
        source_encryption_algorithm: Some(source_algorithm.into()),
        destination_encryption_algorithm: Some(algorithm.into()),
        destination_key_material_id: destination.current_material_id(),
        key_id: Some(destination.arn.clone()),
    })
}

/// Encrypts with an algorithm that was checked.
async fn seal(
    app: &App,
    key: &KeyRecord,
    algorithm: &str,
    plain: &[u8],
    context: &EncryptionContext,
) -> Result<Blob, ServiceError> {
    if algorithm == SYMMETRIC {
        return material::encrypt(app, key, plain, context);
    }
    let (public, algorithm) = (material::public(key)?.to_vec(), algorithm.to_owned());
    let plain = Zeroizing::new(plain.to_vec());
    Ok(Blob(beside(move || asymmetric::encrypt(&algorithm, &public, &plain)).await?))
}

/// Whether the key works with the algorithm, and the algorithm with the context.
fn check(key: &KeyRecord, algorithm: &str, context: &EncryptionContext) -> Result<(), ServiceError> {
    check_algorithm(key, algorithm)?;
    if algorithm == SYMMETRIC || context.is_empty() {
        return Ok(());
    }
    Err(error::validation(format!("An encryption context is not supported with the algorithm {algorithm}.")))
}

fn check_length(key: &KeyRecord, algorithm: &str, length: usize) -> Result<(), ServiceError> {
    match key.spec.oaep_bytes(algorithm) {
        Some(limit) if length > limit => Err(error::validation(format!(
            "Algorithm {algorithm} and key spec {} cannot encrypt data larger than {limit} bytes.",
            key.spec.name()
        ))),
        _ => Ok(()),
    }
}

fn blob(blob: Option<&Blob>) -> Result<&[u8], ServiceError> {
    let missing = "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: Member must \
                   not be null";
    blob.map(|blob| blob.0.as_slice()).ok_or_else(|| error::validation(missing))
}

/// The key that a blob names, as this region has it.
fn named(keys: Keys<'_>, blob: Option<&Blob>) -> Option<String> {
    CiphertextHeader::split(&blob?.0).map(|(header, _)| keys.local(&header.key_arn))
}

fn same_key(keys: Keys<'_>, input: &ReEncryptInput, source: Option<&str>) -> bool {
    let source = source.and_then(|source| keys.find(source).ok());
    source.is_some_and(|source| keys.find(&input.destination_key_id).is_ok_and(|key| key.arn == source.arn))
}

/// The access to a key; to any, when neither the request nor the blob names one.
fn access(keys: Keys<'_>, action: &'static str, key_id: Option<&str>, context: &EncryptionContext) -> Access {
    key_id.map_or_else(|| Access::to_any(action), |key_id| keys.access_in(action, key_id, context))
}

/// A ciphertext taken apart, with its key.
struct Source<'a> {
    key: Arc<KeyRecord>,
    /// What made it; RSA puts nothing before the text.
    header: Option<CiphertextHeader>,
    sealed: &'a [u8],
}

impl<'a> Source<'a> {
    fn of(
        app: &App,
        caller: &Caller,
        operation: &str,
        algorithm: &str,
        key_id: Option<&str>,
        blob: &'a [u8],
    ) -> Result<Self, ServiceError> {
        let state = app.store.read();
        let keys = Keys::new(app, &state, caller);
        let named = key_id.map(|key_id| keys.find(key_id)).transpose()?;
        if algorithm != SYMMETRIC {
            let missing = || error::validation(format!("A KeyId is required with the algorithm {algorithm}."));
            let key = named.ok_or_else(missing)?;
            check_usable(&key, operation)?;
            check_algorithm(&key, algorithm)?;
            return Ok(Self { key, header: None, sealed: blob });
        }
        let (header, sealed) = CiphertextHeader::split(blob).ok_or_else(error::invalid_ciphertext)?;
        let arn = keys.local(&header.key_arn);
        if named.is_some_and(|named| named.arn != arn) {
            return Err(ServiceError::new(
                "IncorrectKeyException",
                "The key ID in the request does not identify a CMK that can perform this operation.",
            ));
        }
        let key = keys.find(&arn).map_err(|_| {
            ServiceError::new(
                "AccessDeniedException",
                "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or \
                 you are not allowed to access.",
            )
        })?;
        check_usable(&key, operation)?;
        Ok(Self { key, header: Some(header), sealed })
    }

    async fn open(
        &self,
        app: &App,
        algorithm: &str,
        context: &EncryptionContext,
    ) -> Result<Zeroizing<Vec<u8>>, ServiceError> {
        if let Some(header) = &self.header {
            return material::decrypt(app, &self.key, header, self.sealed, context);
        }
        let (private, algorithm) = (material::opened(app, &self.key)?, algorithm.to_owned());
        let sealed = self.sealed.to_vec();
        beside(move || asymmetric::decrypt(&algorithm, &private, &sealed).map_err(|_| error::invalid_ciphertext()))
            .await
    }

    fn material_id(&self) -> Option<String> {
        self.header.as_ref().map(|header| hex::encode(header.material_id))
    }
}
