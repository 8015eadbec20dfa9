//! GenerateDataKeyPair, GenerateDataKeyPairWithoutPlaintext: a key pair whose private half is encrypted under a key.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::kms::{
    GenerateDataKeyPairInput, GenerateDataKeyPairOutput, GenerateDataKeyPairWithoutPlaintextInput,
    GenerateDataKeyPairWithoutPlaintextOutput,
};
use domain::iam::Caller;
use domain::kms::KeySpec;
use wire::Blob;

use super::asymmetric::{self, KeyPair};
use super::encryption::{check_symmetric, context, refuse_recipient};
use super::lookup::Keys;
use super::record::KeyRecord;
use super::{error, grants, material};
use crate::{App, Authorized, Request, ServiceError};

/// GenerateDataKeyPair: the private half plain and encrypted.
pub(super) async fn generate(
    app: Arc<App>,
    request: Request<GenerateDataKeyPairInput>,
) -> Result<GenerateDataKeyPairOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let context = context(input.encryption_context.as_ref());
        let access = Keys::new(&app, state, caller).access_in("kms:GenerateDataKeyPair", &input.key_id, &context);
        Ok(access.with_context("kms:DataKeyPairSpec", &input.key_pair_spec))
    })?;
    grants::check_tokens(&app, input.grant_tokens.as_deref())?;
    refuse_recipient(input.recipient.as_ref())?;
    let asked = Asked {
        operation: "GenerateDataKeyPair",
        key_id: &input.key_id,
        spec: &input.key_pair_spec,
        context: input.encryption_context.as_ref(),
        dry_run: input.dry_run,
    };
    let Made { key, mut pair, encrypted } = asked.make(&app, &caller).await?;
    Ok(GenerateDataKeyPairOutput {
        private_key_ciphertext_blob: Some(encrypted),
        private_key_plaintext: Some(Blob(std::mem::take(&mut *pair.private))),
        public_key: Some(Blob(pair.public)),
        key_material_id: key.current_material_id(),
        key_id: Some(key.arn.clone()),
        key_pair_spec: Some(input.key_pair_spec),
        ciphertext_for_recipient: None,
    })
}

/// GenerateDataKeyPairWithoutPlaintext: the private half only encrypted.
pub(super) async fn generate_without_plaintext(
    app: Arc<App>,
    request: Request<GenerateDataKeyPairWithoutPlaintextInput>,
) -> Result<GenerateDataKeyPairWithoutPlaintextOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let context = context(input.encryption_context.as_ref());
        let action = "kms:GenerateDataKeyPairWithoutPlaintext";
        let access = Keys::new(&app, state, caller).access_in(action, &input.key_id, &context);
        Ok(access.with_context("kms:DataKeyPairSpec", &input.key_pair_spec))
    })?;
    grants::check_tokens(&app, input.grant_tokens.as_deref())?;
    let asked = Asked {
        operation: "GenerateDataKeyPairWithoutPlaintext",
        key_id: &input.key_id,
        spec: &input.key_pair_spec,
        context: input.encryption_context.as_ref(),
        dry_run: input.dry_run,
    };
    let Made { key, pair, encrypted } = asked.make(&app, &caller).await?;
    Ok(GenerateDataKeyPairWithoutPlaintextOutput {
        private_key_ciphertext_blob: Some(encrypted),
        public_key: Some(Blob(pair.public)),
        key_material_id: key.current_material_id(),
        key_id: Some(key.arn.clone()),
        key_pair_spec: Some(input.key_pair_spec),
    })
}

struct Asked<'a> {
    operation: &'static str,
    key_id: &'a str,
    spec: &'a str,
    context: Option<&'a BTreeMap<String, String>>,
    dry_run: Option<bool>,
}

struct Made {
    key: Arc<KeyRecord>,
    pair: KeyPair,
    encrypted: Blob,
}

impl Asked<'_> {
    async fn make(self, app: &App, caller: &Caller) -> Result<Made, ServiceError> {
        let spec = KeySpec::parse(self.spec)?;
        let key = Keys::new(app, &app.store.read(), caller).find_for(self.operation, self.key_id)?;
        check_symmetric(&key)?;
        error::dry_run(self.dry_run)?;
        let pair = asymmetric::generated(spec).await?;
        let encrypted = material::encrypt(app, &key, &pair.private, &context(self.context))?;
        Ok(Made { key, pair, encrypted })
    }
}
