//! GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateRandom.

use std::sync::Arc;

use api::kms::{
    GenerateDataKeyInput, GenerateDataKeyOutput, GenerateDataKeyWithoutPlaintextInput,
    GenerateDataKeyWithoutPlaintextOutput, GenerateRandomInput, GenerateRandomOutput,
};
use wire::Blob;
use zeroize::Zeroizing;

use super::encryption::{check_symmetric, context, refuse_recipient};
use super::lookup::Keys;
use super::{error, grants, material};
use crate::{Access, App, Authorized, Request, ServiceError};

/// GenerateDataKey: a new key, plain and encrypted.
pub async fn generate(
    app: Arc<App>,
    request: Request<GenerateDataKeyInput>,
) -> Result<GenerateDataKeyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let context = context(input.encryption_context.as_ref());
        Ok(Keys::new(&app, state, caller).access_in("kms:GenerateDataKey", &input.key_id, &context))
    })?;
    grants::check_tokens(&app, input.grant_tokens.as_deref())?;
    refuse_recipient(input.recipient.as_ref())?;
    let length = data_key_bytes(input.key_spec.as_deref(), input.number_of_bytes)?;
    let key = Keys::new(&app, &app.store.read(), &caller).find_for("GenerateDataKey", &input.key_id)?;
    check_symmetric(&key)?;
    error::dry_run(input.dry_run)?;
    let mut plain = random(&app, length);
    let blob = material::encrypt(&app, &key, &plain, &context(input.encryption_context.as_ref()))?;
    Ok(GenerateDataKeyOutput {
        ciphertext_blob: Some(blob),
        plaintext: Some(Blob(std::mem::take(&mut *plain))),
        key_material_id: key.current_material_id(),
        key_id: Some(key.arn.clone()),
        ciphertext_for_recipient: None,
    })
}

/// GenerateDataKeyWithoutPlaintext: a new key, only encrypted.
pub(super) async fn generate_without_plaintext(
    app: Arc<App>,
    request: Request<GenerateDataKeyWithoutPlaintextInput>,
) -> Result<GenerateDataKeyWithoutPlaintextOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let context = context(input.encryption_context.as_ref());
        let action = "kms:GenerateDataKeyWithoutPlaintext";
        Ok(Keys::new(&app, state, caller).access_in(action, &input.key_id, &context))
    })?;
    grants::check_tokens(&app, input.grant_tokens.as_deref())?;
    let length = data_key_bytes(input.key_spec.as_deref(), input.number_of_bytes)?;
    let key = Keys::new(&app, &app.store.read(), &caller).find_for("GenerateDataKeyWithoutPlaintext", &input.key_id)?;
    check_symmetric(&key)?;
    error::dry_run(input.dry_run)?;
    let plain = random(&app, length);
    Ok(GenerateDataKeyWithoutPlaintextOutput {
        ciphertext_blob: Some(material::encrypt(&app, &key, &plain, &context(input.encryption_context.as_ref()))?),
        key_material_id: key.current_material_id(),
        key_id: Some(key.arn.clone()),
    })
}

/// GenerateRandom.
pub(super) async fn generate_random(
    app: Arc<App>,
    request: Request<GenerateRandomInput>,
) -> Result<GenerateRandomOutput, ServiceError> {
    let Authorized { input, .. } = request.authorize(&app, |_, _, _| Ok(Access::to_any("kms:GenerateRandom")))?;
    refuse_recipient(input.recipient.as_ref())?;
    if input.custom_key_store_id.is_some() {
        return Err(error::unsupported("A custom key store"));
    }
    let length = input.number_of_bytes.and_then(|length| usize::try_from(length).ok());
    let length = length.ok_or_else(|| error::validation("NumberOfBytes is required."))?;
    Ok(GenerateRandomOutput {
        plaintext: Some(Blob(std::mem::take(&mut *random(&app, length)))),
        ciphertext_for_recipient: None,
    })
}

fn random(app: &App, length: usize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    app.fill_random(&mut bytes);
    bytes
}

/// The length of a data key: by its spec or in bytes, not both.
fn data_key_bytes(spec: Option<&str>, bytes: Option<i32>) -> Result<usize, ServiceError> {
    match (spec, bytes) {
        (Some("AES_256"), None) => Ok(32),
        (Some("AES_128"), None) => Ok(16),
        (None, Some(bytes)) => usize::try_from(bytes).map_err(|_| error::validation("Invalid number of bytes.")),
        _ => Err(error::validation("Please specify either number of bytes or key spec.")),
    }
}
