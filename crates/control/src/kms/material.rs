//! Key material: made, opened for one call, rotated. Nothing else opens it.

use domain::iam::Caller;
use domain::kms::{CiphertextHeader, EncryptionContext, MATERIAL_ID_BYTES};
use wire::Blob;
use zeroize::Zeroizing;

use super::error;
use super::lookup::Keys;
use super::record::{KeyRecord, MaterialRecord};
use crate::seal::{KEY_BYTES, SealError, SealingKey};
use crate::{App, ServiceError};

/// New material for a key.
pub(super) fn generate(app: &App, key_arn: &str) -> Result<MaterialRecord, ServiceError> {
    let id = hex::encode(app.random_bytes::<MATERIAL_ID_BYTES>());
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    app.fill_random(bytes.as_mut_slice());
    let sealed = app.root_key.seal(bytes.as_slice(), &sealing_context(key_arn, &id))?;
    Ok(MaterialRecord { id, created_at: app.now(), sealed })
}

/// Gives the key new material if its rotation is due; the old one goes on decrypting.
pub(super) fn rotate_if_due(app: &App, key: &mut KeyRecord) -> Result<(), ServiceError> {
    if let Some(next) = key.rotation.and_then(|rotation| rotation.after_due(app.now()))
        && key.state.usable(&key.arn).is_ok()
    {
        key.materials.push(generate(app, &key.arn)?);
        key.rotation = Some(next);
    }
    Ok(())
}

/// The key, usable, for encrypting: with new material, if that was due.
pub(super) async fn encrypting_key(app: &App, caller: &Caller, key_id: &str) -> Result<KeyRecord, ServiceError> {
    let key = Keys::new(app, &app.store.read(), caller).find(key_id)?;
    key.state.usable(&key.arn)?;
    if key.rotation.is_none_or(|rotation| rotation.after_due(app.now()).is_none()) {
        return Ok(KeyRecord::clone(&key));
    }
    super::lookup::change(app, caller, &key.arn, |key| {
        rotate_if_due(app, key)?;
        Ok(key.clone())
    })
    .await
}

/// Encrypts under the key's current material.
pub(super) fn encrypt(
    app: &App,
    key: &KeyRecord,
    plain: &[u8],
    context: &EncryptionContext,
) -> Result<Blob, ServiceError> {
    let material = key.materials.last().ok_or(SealError::Seal)?;
    let header = CiphertextHeader { key_arn: key.arn.clone(), material_id: id_bytes(material)? };
    let sealed = open(app, key, material)?.seal(plain, &header.authenticated_data(context))?;
    Ok(Blob(header.join(&sealed.0)))
}

/// Decrypts with the material that the header names.
pub(super) fn decrypt(
    app: &App,
    key: &KeyRecord,
    header: &CiphertextHeader,
    sealed: &[u8],
    context: &EncryptionContext,
) -> Result<Zeroizing<Vec<u8>>, ServiceError> {
    let id = hex::encode(header.material_id);
    let material = key.materials.iter().find(|material| material.id == id).ok_or_else(error::invalid_ciphertext)?;
    let opened = open(app, key, material)?.open(sealed, &header.authenticated_data(context));
    opened.map_err(|_| error::invalid_ciphertext())
}

fn open(app: &App, key: &KeyRecord, material: &MaterialRecord) -> Result<SealingKey, SealError> {
    let bytes = app.root_key.open(&material.sealed, &sealing_context(&key.arn, &material.id))?;
    SealingKey::from_slice(&bytes)
}

fn sealing_context(key_arn: &str, material_id: &str) -> String {
    format!("kms material {material_id} of {key_arn}")
}

fn id_bytes(material: &MaterialRecord) -> Result<[u8; MATERIAL_ID_BYTES], SealError> {
    let mut bytes = [0; MATERIAL_ID_BYTES];
    hex::decode_to_slice(&material.id, &mut bytes).map_err(|_| SealError::Malformed)?;
    Ok(bytes)
}
