//! GenerateMac, VerifyMac.

use std::sync::Arc;

use api::kms::{GenerateMacInput, GenerateMacOutput, VerifyMacInput, VerifyMacOutput};
use aws_lc_rs::hmac;
use domain::kms::KeySpec;
use wire::Blob;

use super::lookup::{Keys, check_algorithm};
use super::record::KeyRecord;
use super::{error, grants, material};
use crate::{App, Authorized, Request, ServiceError};

/// GenerateMac.
pub(super) async fn generate(
    app: Arc<App>,
    request: Request<GenerateMacInput>,
) -> Result<GenerateMacOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Keys::new(&app, state, caller).access("kms:GenerateMac", &input.key_id);
        Ok(access.with_context("kms:MacAlgorithm", &input.mac_algorithm))
    })?;
    grants::check_tokens(&app, input.grant_tokens.as_deref())?;
    let key = Keys::new(&app, &app.store.read(), &caller).find_for("GenerateMac", &input.key_id)?;
    check_algorithm(&key, &input.mac_algorithm)?;
    error::dry_run(input.dry_run)?;
    let mac = hmac::sign(&secret(&app, &key)?, &input.message.0);
    Ok(GenerateMacOutput {
        mac: Some(Blob(mac.as_ref().to_vec())),
        mac_algorithm: Some(input.mac_algorithm),
        key_id: Some(key.arn.clone()),
    })
}

/// VerifyMac: in constant time.
pub(super) async fn verify(app: Arc<App>, request: Request<VerifyMacInput>) -> Result<VerifyMacOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Keys::new(&app, state, caller).access("kms:VerifyMac", &input.key_id);
        Ok(access.with_context("kms:MacAlgorithm", &input.mac_algorithm))
    })?;
    grants::check_tokens(&app, input.grant_tokens.as_deref())?;
    let key = Keys::new(&app, &app.store.read(), &caller).find_for("VerifyMac", &input.key_id)?;
    check_algorithm(&key, &input.mac_algorithm)?;
    error::dry_run(input.dry_run)?;
    hmac::verify(&secret(&app, &key)?, &input.message.0, &input.mac.0)
        .map_err(|_| ServiceError::new("KMSInvalidMacException", ""))?;
    Ok(VerifyMacOutput {
        key_id: Some(key.arn.clone()),
        mac_valid: Some(true),
        mac_algorithm: Some(input.mac_algorithm),
    })
}

fn secret(app: &App, key: &KeyRecord) -> Result<hmac::Key, ServiceError> {
    let algorithm = match key.spec {
        KeySpec::Hmac224 => hmac::HMAC_SHA224,
        KeySpec::Hmac256 => hmac::HMAC_SHA256,
        KeySpec::Hmac384 => hmac::HMAC_SHA384,
        _ => hmac::HMAC_SHA512,
    };
    Ok(hmac::Key::new(algorithm, &material::opened(app, key)?))
}
