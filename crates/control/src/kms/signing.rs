//! Sign, Verify, GetPublicKey, DeriveSharedSecret: what the two halves of an asymmetric key do.

use std::sync::Arc;

use api::kms::{
    DeriveSharedSecretInput, DeriveSharedSecretOutput, GetPublicKeyInput, GetPublicKeyOutput, SignInput, SignOutput,
    VerifyInput, VerifyOutput,
};
use domain::kms::KeyUsage;
use wire::Blob;

use super::asymmetric::{self, CryptoError, Message, beside};
use super::encryption::refuse_recipient;
use super::lookup::{Keys, check_algorithm};
use super::{error, grants, material};
use crate::{Access, App, Authorized, Request, ServiceError};

/// Sign.
pub(super) async fn sign(app: Arc<App>, request: Request<SignInput>) -> Result<SignOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Keys::new(&app, state, caller).access("kms:Sign", &input.key_id);
        Ok(with_signing_keys(access, &input.signing_algorithm, input.message_type.as_deref()))
    })?;
    grants::check_tokens(&app, input.grant_tokens.as_deref())?;
    let key = Keys::new(&app, &app.store.read(), &caller).find_for("Sign", &input.key_id)?;
    check_algorithm(&key, &input.signing_algorithm)?;
    let kind = Kind::of(input.message_type.as_deref())?;
    error::dry_run(input.dry_run)?;
    let (private, spec, algorithm) = (material::opened(&app, &key)?, key.spec, input.signing_algorithm.clone());
    let signature =
        beside(move || asymmetric::sign(spec, &algorithm, &private, kind.message(&input.message.0))).await?;
    Ok(SignOutput {
        key_id: Some(key.arn.clone()),
        signature: Some(Blob(signature)),
        signing_algorithm: Some(input.signing_algorithm),
    })
}

/// Verify.
pub(super) async fn verify(app: Arc<App>, request: Request<VerifyInput>) -> Result<VerifyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Keys::new(&app, state, caller).access("kms:Verify", &input.key_id);
        Ok(with_signing_keys(access, &input.signing_algorithm, input.message_type.as_deref()))
    })?;
    grants::check_tokens(&app, input.grant_tokens.as_deref())?;
    let key = Keys::new(&app, &app.store.read(), &caller).find_for("Verify", &input.key_id)?;
    check_algorithm(&key, &input.signing_algorithm)?;
    let kind = Kind::of(input.message_type.as_deref())?;
    error::dry_run(input.dry_run)?;
    let (public, spec, algorithm) = (material::public(&key)?.to_vec(), key.spec, input.signing_algorithm.clone());
    let verified = move || {
        let message = kind.message(&input.message.0);
        asymmetric::verify(spec, &algorithm, &public, message, &input.signature.0).map_err(|error| match error {
            CryptoError::Invalid => ServiceError::new("KMSInvalidSignatureException", ""),
            other => other.into(),
        })
    };
    beside(verified).await?;
    Ok(VerifyOutput {
        key_id: Some(key.arn.clone()),
        signature_valid: Some(true),
        signing_algorithm: Some(input.signing_algorithm),
    })
}

/// GetPublicKey.
pub(super) async fn public_key(
    app: Arc<App>,
    request: Request<GetPublicKeyInput>,
) -> Result<GetPublicKeyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:GetPublicKey", &input.key_id))
    })?;
    grants::check_tokens(&app, input.grant_tokens.as_deref())?;
    let key = Keys::new(&app, &app.store.read(), &caller).find(&input.key_id)?;
    if !key.spec.is_asymmetric() {
        return Err(error::unsupported_by(&key.arn));
    }
    key.state.usable(&key.arn)?;
    let algorithms = |usage: KeyUsage| {
        (key.usage == usage).then(|| key.spec.algorithms(usage).iter().copied().map(str::to_owned).collect())
    };
    Ok(GetPublicKeyOutput {
        key_id: Some(key.arn.clone()),
        public_key: Some(Blob(material::public(&key)?.to_vec())),
        customer_master_key_spec: Some(key.spec.name().into()),
        key_spec: Some(key.spec.name().into()),
        key_usage: Some(key.usage.name().into()),
        encryption_algorithms: algorithms(KeyUsage::EncryptDecrypt),
        signing_algorithms: algorithms(KeyUsage::SignVerify),
        key_agreement_algorithms: algorithms(KeyUsage::KeyAgreement),
    })
}

/// DeriveSharedSecret.
pub(super) async fn derive_shared_secret(
    app: Arc<App>,
    request: Request<DeriveSharedSecretInput>,
) -> Result<DeriveSharedSecretOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Keys::new(&app, state, caller).access("kms:DeriveSharedSecret", &input.key_id);
        Ok(access.with_context("kms:KeyAgreementAlgorithm", &input.key_agreement_algorithm))
    })?;
    grants::check_tokens(&app, input.grant_tokens.as_deref())?;
    refuse_recipient(input.recipient.as_ref())?;
    let key = Keys::new(&app, &app.store.read(), &caller).find_for("DeriveSharedSecret", &input.key_id)?;
    check_algorithm(&key, &input.key_agreement_algorithm)?;
    error::dry_run(input.dry_run)?;
    let (private, spec) = (material::opened(&app, &key)?, key.spec);
    let agreed = move || {
        asymmetric::agree(spec, &private, &input.public_key.0).map_err(|error| match error {
            CryptoError::Invalid => error::validation(""),
            other => other.into(),
        })
    };
    let mut secret = beside(agreed).await?;
    Ok(DeriveSharedSecretOutput {
        key_id: Some(key.arn.clone()),
        shared_secret: Some(Blob(std::mem::take(&mut *secret))),
        ciphertext_for_recipient: None,
        key_agreement_algorithm: Some(input.key_agreement_algorithm),
        key_origin: Some(key.origin.name().into()),
    })
}

/// What the message of a request is (`MessageType`).
#[derive(Clone, Copy)]
enum Kind {
    Raw,
    Digest,
}

impl Kind {
    fn of(name: Option<&str>) -> Result<Self, ServiceError> {
        match name {
            None | Some("RAW") => Ok(Self::Raw),
            Some("DIGEST") => Ok(Self::Digest),
            Some(other) => Err(error::unsupported(&format!("The message type {other}"))),
        }
    }

    fn message(self, bytes: &[u8]) -> Message<'_> {
        match self {
            Self::Raw => Message::Raw(bytes),
            Self::Digest => Message::Digest(bytes),
        }
    }
}

fn with_signing_keys(access: Access, algorithm: &str, message_type: Option<&str>) -> Access {
    access
        .with_context("kms:SigningAlgorithm", algorithm)
        .with_context("kms:MessageType", message_type.unwrap_or("RAW"))
}
