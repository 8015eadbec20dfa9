//! GetParametersForImport, ImportKeyMaterial, DeleteImportedKeyMaterial: key material that comes from outside.
//!
//! The import token is the wrapping key itself, sealed under the root key for one KMS key and one day: nothing of it is
//! stored, and it can be used any number of times until it expires, as on AWS. The id of imported material is a keyed
//! fingerprint of it, so that the same material, and no other, can be imported again after it was deleted.

use std::sync::Arc;

use api::kms::{
    DeleteImportedKeyMaterialInput, DeleteImportedKeyMaterialOutput, GetParametersForImportInput,
    GetParametersForImportOutput, ImportKeyMaterialInput, ImportKeyMaterialOutput,
};
use aws_lc_rs::key_wrap::{AES_256, KeyEncryptionKey, KeyWrapPadded as _};
use domain::kms::{KeySpec, KeyState};
use wire::{Blob, Timestamp};
use zeroize::Zeroizing;

use super::asymmetric::{self, CryptoError, beside};
use super::lookup::{Keys, change};
use super::record::{KeyRecord, MaterialRecord, Origin};
use super::{error, material};
use crate::limits::IMPORT_PARAMETERS_SECONDS;
use crate::{App, Authorized, Request, ServiceError};

const EXPIRES: &str = "KEY_MATERIAL_EXPIRES";
const YEAR_SECONDS: i64 = 365 * 24 * 3600;

/// GetParametersForImport: a public key under which the material is to be wrapped.
pub(super) async fn parameters(
    app: Arc<App>,
    request: Request<GetParametersForImportInput>,
) -> Result<GetParametersForImportOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Keys::new(&app, state, caller).access("kms:GetParametersForImport", &input.key_id);
        Ok(access
            .with_context("kms:WrappingAlgorithm", &input.wrapping_algorithm)
            .with_context("kms:WrappingKeySpec", &input.wrapping_key_spec))
    })?;
    let key = Keys::new(&app, &app.store.read(), &caller).find_without_alias(&input.key_id)?;
    check_origin(&key)?;
    key.state.changeable(&key.arn)?;
    let wrapping = Wrapping::of(&input.wrapping_algorithm)?;
    let spec = KeySpec::parse(&input.wrapping_key_spec)?;
    if spec.rsa_bytes().is_none() {
        return Err(error::unsupported(&format!("The wrapping key spec {}", spec.name())));
    }
    if key.spec.rsa_bytes().is_some() && wrapping.aes == Aes::None {
        return Err(error::validation(format!(
            "Wrapping algorithm {} is not compatible with key spec {}: an RSA private key is too long for it.",
            input.wrapping_algorithm,
            key.spec.name()
        )));
    }
    let pair = asymmetric::generated(spec).await?;
    let valid_to = app.now().plus_seconds(IMPORT_PARAMETERS_SECONDS);
    let token = Token { valid_to, algorithm: input.wrapping_algorithm, spec, private: pair.private };
    Ok(GetParametersForImportOutput {
        import_token: Some(token.seal(&app, &key.arn)?),
        key_id: Some(key.arn.clone()),
        public_key: Some(Blob(pair.public)),
        parameters_valid_to: Some(valid_to),
    })
}

/// ImportKeyMaterial.
pub(super) async fn import(
    app: Arc<App>,
    request: Request<ImportKeyMaterialInput>,
) -> Result<ImportKeyMaterialOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let mut access = Keys::new(&app, state, caller).access("kms:ImportKeyMaterial", &input.key_id);
        access = access.with_context("kms:ExpirationModel", input.expiration_model.as_deref().unwrap_or(EXPIRES));
        if let Some(valid_to) = input.valid_to {
            access = access.with_context("kms:ValidTo", valid_to.to_rfc3339());
        }
        Ok(access)
    })?;
    let key = Keys::new(&app, &app.store.read(), &caller).find_without_alias(&input.key_id)?;
    check_origin(&key)?;
    key.state.changeable(&key.arn)?;
    let valid_to = valid_to(&app, input.expiration_model.as_deref(), input.valid_to)?;
    let token = Token::open(&app, &key.arn, &input.import_token)?;
    let (spec, wrapped) = (key.spec, input.encrypted_key_material);
    let Unwrapped { bytes, public } = beside(move || token.unwrap(spec, &wrapped.0)).await?;
    let id = hex::encode(app.root_key.fingerprint(&bytes, &format!("kms material of {}:{}", key.account, key.id)));
    if input.key_material_id.as_ref().is_some_and(|expected| *expected != id) {
        return Err(error::incorrect_material());
    }
    let mut imported = material::seal(&app, &key.arn, id.clone(), &bytes, public)?;
    imported.valid_to = valid_to;
    imported.description = input.key_material_description;
    let import_type = input.import_type;
    let arn = change(&app, &caller, &key.arn, |key| {
        key.state.changeable(&key.arn)?;
        put(key, imported, import_type.as_deref())?;
        Ok(key.arn.clone())
    })
    .await?;
    Ok(ImportKeyMaterialOutput {
        key_id: Some(arn),
        key_material_id: (spec == KeySpec::SymmetricDefault).then_some(id),
    })
}

/// DeleteImportedKeyMaterial: the key cannot be used until the same material is imported again.
pub(super) async fn delete(
    app: Arc<App>,
    request: Request<DeleteImportedKeyMaterialInput>,
) -> Result<DeleteImportedKeyMaterialOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:DeleteImportedKeyMaterial", &input.key_id))
    })?;
    change(&app, &caller, &input.key_id, |key| {
        check_origin(key)?;
        let id = input.key_material_id.clone().or_else(|| key.materials.last().map(|material| material.id.clone()));
        let id = id.unwrap_or_default();
        let pending = key.next_material.take_if(|material| material.id == id).is_some();
        let found = key.materials.iter_mut().find(|material| material.id == id);
        if input.key_material_id.is_some() && found.is_none() && !pending {
            return Err(error::incorrect_material());
        }
        if let Some(found) = found {
            found.forget();
        }
        key.settle_import();
        Ok(DeleteImportedKeyMaterialOutput {
            key_id: Some(key.arn.clone()),
            key_material_id: (key.spec == KeySpec::SymmetricDefault && !id.is_empty()).then_some(id),
        })
    })
    .await
}

/// Puts imported material where it belongs.
fn put(key: &mut KeyRecord, imported: MaterialRecord, import_type: Option<&str>) -> Result<(), ServiceError> {
    if let Some(same) = key.materials.iter_mut().chain(&mut key.next_material).find(|old| old.id == imported.id) {
        let (created_at, on_demand_at) = (same.created_at, same.on_demand_at);
        let description = imported.description.clone().or_else(|| same.description.clone());
        *same = MaterialRecord { created_at, on_demand_at, description, ..imported };
        key.settle_import();
        return Ok(());
    }
    if key.materials.is_empty() {
        key.materials.push(imported);
        key.settle_import();
        return Ok(());
    }
    if import_type != Some("NEW_KEY_MATERIAL") || key.spec != KeySpec::SymmetricDefault {
        return Err(error::incorrect_material());
    }
    if let Some(pending) = &key.next_material {
        let message = format!(
            "New key material (id: {}) cannot be imported into KMS key {}, because another key material (id: {}) is \
             pending rotation.",
            imported.id, key.arn, pending.id
        );
        return Err(ServiceError::new("KMSInvalidStateException", message));
    }
    if key.state == KeyState::PendingImport {
        let message = format!("{} is pending import.", key.arn);
        return Err(ServiceError::new("KMSInvalidStateException", message));
    }
    key.next_material = Some(imported);
    Ok(())
}

/// When the material expires, if it does.
fn valid_to(app: &App, model: Option<&str>, asked: Option<Timestamp>) -> Result<Option<Timestamp>, ServiceError> {
    match (model.unwrap_or(EXPIRES) == EXPIRES, asked) {
        (true, None) => {
            Err(error::validation("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES"))
        }
        (true, Some(at)) if at <= app.now() || at > app.now().plus_seconds(YEAR_SECONDS) => {
            Err(error::validation("The validTo date must be in the future, and within 365 days."))
        }
        (true, at) => Ok(at),
        (false, None) => Ok(None),
        (false, Some(_)) => Err(error::validation(
            "A validTo date cannot be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE",
        )),
    }
}

fn check_origin(key: &KeyRecord) -> Result<(), ServiceError> {
    if key.origin == Origin::External { Ok(()) } else { Err(error::wrong_origin(key)) }
}

/// How the wrapping key is used (`WrappingAlgorithm`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aes {
    /// It wraps the material.
    None,
    /// It wraps an AES key, which wraps the material (RFC 5649).
    Wraps,
}

#[derive(Clone, Copy)]
struct Wrapping {
    oaep: &'static str,
    aes: Aes,
}

impl Wrapping {
    fn of(name: &str) -> Result<Self, ServiceError> {
        let (oaep, aes) = match name {
            "RSAES_OAEP_SHA_1" => ("RSAES_OAEP_SHA_1", Aes::None),
            "RSAES_OAEP_SHA_256" => ("RSAES_OAEP_SHA_256", Aes::None),
            "RSA_AES_KEY_WRAP_SHA_1" => ("RSAES_OAEP_SHA_1", Aes::Wraps),
            "RSA_AES_KEY_WRAP_SHA_256" => ("RSAES_OAEP_SHA_256", Aes::Wraps),
            other => return Err(error::unsupported(&format!("The wrapping algorithm {other}"))),
        };
        Ok(Self { oaep, aes })
    }
}

/// The wrapping key of one import.
struct Token {
    valid_to: Timestamp,
    algorithm: String,
    spec: KeySpec,
    private: Zeroizing<Vec<u8>>,
}

struct Unwrapped {
    bytes: Zeroizing<Vec<u8>>,
    public: Option<Vec<u8>>,
}

impl Token {
    /// `seconds ‖ length of the names (1 byte) ‖ algorithm,spec ‖ PKCS #8`, sealed.
    fn seal(&self, app: &App, key_arn: &str) -> Result<Blob, ServiceError> {
        let names = format!("{},{}", self.algorithm, self.spec.name());
        let length = u8::try_from(names.len()).map_err(|_| error::internal())?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(9 + names.len() + self.private.len()));
        bytes.extend_from_slice(&self.valid_to.seconds().to_be_bytes());
        bytes.push(length);
        bytes.extend_from_slice(names.as_bytes());
        bytes.extend_from_slice(&self.private);
        Ok(app.root_key.seal(&bytes, &Self::context(key_arn))?)
    }

    fn open(app: &App, key_arn: &str, token: &Blob) -> Result<Self, ServiceError> {
        let invalid = || ServiceError::new("InvalidImportTokenException", "");
        let bytes = app.root_key.open(token, &Self::context(key_arn)).map_err(|_| invalid())?;
        let (seconds, rest) = bytes.split_first_chunk::<8>().ok_or_else(invalid)?;
        let (length, rest) = rest.split_first().ok_or_else(invalid)?;
        let (names, private) = rest.split_at_checked(usize::from(*length)).ok_or_else(invalid)?;
        let names = std::str::from_utf8(names).map_err(|_| invalid())?;
        let (algorithm, spec) = names.split_once(',').ok_or_else(invalid)?;
        let valid_to = Timestamp::from_seconds(i64::from_be_bytes(*seconds));
        if valid_to <= app.now() {
            return Err(ServiceError::new("ExpiredImportTokenException", ""));
        }
        let private = Zeroizing::new(private.to_vec());
        Ok(Self { valid_to, algorithm: algorithm.to_owned(), spec: KeySpec::parse(spec)?, private })
    }

    fn context(key_arn: &str) -> String {
        format!("kms import token of {key_arn}")
    }

    /// The material that was wrapped for a key of this spec.
    fn unwrap(&self, spec: KeySpec, wrapped: &[u8]) -> Result<Unwrapped, ServiceError> {
        let wrapping = Wrapping::of(&self.algorithm)?;
        let bytes = self.unwrapped(wrapping, wrapped).map_err(|_| error::invalid_ciphertext())?;
        if let Some(length) = spec.secret_bytes() {
            let good = bytes.len() == length;
            return if good { Ok(Unwrapped { bytes, public: None }) } else { Err(error::incorrect_material()) };
        }
        let pair = asymmetric::parse(spec, &bytes).map_err(|_| error::incorrect_material())?;
        Ok(Unwrapped { bytes: pair.private, public: Some(pair.public) })
    }

    fn unwrapped(&self, wrapping: Wrapping, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        if wrapping.aes == Aes::None {
            return asymmetric::decrypt(wrapping.oaep, &self.private, wrapped);
        }
        let length = self.spec.rsa_bytes().ok_or(CryptoError::Invalid)?;
        let (key, wrapped) = wrapped.split_at_checked(length).ok_or(CryptoError::Invalid)?;
        let key = asymmetric::decrypt(wrapping.oaep, &self.private, key)?;
        let mut bytes = Zeroizing::new(vec![0; wrapped.len()]);
        let length = KeyEncryptionKey::new(&AES_256, &key)?.unwrap_with_padding(wrapped, &mut bytes)?.len();
        bytes.truncate(length);
        Ok(bytes)
    }
}
