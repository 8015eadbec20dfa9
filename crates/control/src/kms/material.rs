//! Key material: made, opened for one call, rotated. Nothing else opens it.

use domain::kms::{CiphertextHeader, EncryptionContext, KeySpec, MATERIAL_ID_BYTES};
use wire::Blob;
use zeroize::Zeroizing;

use super::record::{KeyRecord, MaterialRecord};
use super::{asymmetric, error};
use crate::seal::{SealError, SealingKey};
use crate::{App, ServiceError};

/// New material for a key of this spec: an RSA key takes a while.
pub(super) async fn generate(app: &App, key_arn: &str, spec: KeySpec) -> Result<MaterialRecord, ServiceError> {
    if let Some(length) = spec.secret_bytes() {
        return secret(app, key_arn, length);
    }
    let pair = asymmetric::generated(spec).await?;
    let id = hex::encode(app.random_bytes::<MATERIAL_ID_BYTES>());
    seal(app, key_arn, id, &pair.private, Some(pair.public))
}

/// New material that has no public half.
pub(super) fn secret(app: &App, key_arn: &str, length: usize) -> Result<MaterialRecord, ServiceError> {
    let mut bytes = Zeroizing::new(vec![0; length]);
    app.fill_random(&mut bytes);
    seal(app, key_arn, hex::encode(app.random_bytes::<MATERIAL_ID_BYTES>()), &bytes, None)
}

/// Material of these bytes.
pub(super) fn seal(
    app: &App,
    key_arn: &str,
    id: String,
    bytes: &[u8],
    public_key: Option<Vec<u8>>,
) -> Result<MaterialRecord, ServiceError> {
    Ok(MaterialRecord {
        sealed: app.root_key.seal(bytes, &sealing_context(key_arn, &id))?,
        id,
        created_at: app.now(),
        sealed_for: None,
        public_key: public_key.map(Blob),
        on_demand_at: None,
        valid_to: None,
        description: None,
    })
}

/// Gives the key new material if its rotation is due; the old one goes on decrypting. The sweep does it, so that no call
/// that encrypts waits for the disk.
pub(super) fn rotate_if_due(app: &App, key: &mut KeyRecord) -> Result<(), ServiceError> {
    if let Some(next) = key.rotation.and_then(|rotation| rotation.after_due(app.now()))
        && key.primary_arn.is_none()
        && key.state.usable(&key.arn).is_ok()
        && let Some(length) = key.spec.secret_bytes()
    {
        key.materials.push(secret(app, &key.arn, length)?);
        key.rotation = Some(next);
    }
    Ok(())
}

/// Encrypts under the key's current material.
pub(super) fn encrypt(
    app: &App,
    key: &KeyRecord,
    plain: &[u8],
    context: &EncryptionContext,
) -> Result<Blob, ServiceError> {
    let material = key.current().ok_or(SealError::Seal)?;
    let header = CiphertextHeader { key_arn: key.arn.clone(), material_id: id_bytes(material)? };
    let sealing = SealingKey::from_slice(&open(app, key, material)?)?;
    let sealed = sealing.seal(plain, &header.authenticated_data(context))?;
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
    let material = key.materials.iter().find(|material| material.id == id && material.is_present());
    let material = material.ok_or_else(error::invalid_ciphertext)?;
    let sealing = SealingKey::from_slice(&open(app, key, material)?)?;
    sealing.open(sealed, &header.authenticated_data(context)).map_err(|_| error::invalid_ciphertext())
}

/// The current secret: the bytes of an HMAC key, the private key in PKCS #8 of an asymmetric one.
pub(super) fn opened(app: &App, key: &KeyRecord) -> Result<Zeroizing<Vec<u8>>, ServiceError> {
    let material = key.current().ok_or(SealError::Open)?;
    Ok(open(app, key, material)?)
}

/// The current public key of an asymmetric key.
pub(super) fn public(key: &KeyRecord) -> Result<&[u8], ServiceError> {
    let public = key.current().and_then(|material| material.public_key.as_ref());
    public.map(|public| public.0.as_slice()).ok_or_else(|| error::unsupported_by(&key.arn))
}

fn open(app: &App, key: &KeyRecord, material: &MaterialRecord) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let sealed_for = material.sealed_for.as_ref().unwrap_or(&key.arn);
    app.root_key.open(&material.sealed, &sealing_context(sealed_for, &material.id))
}

fn sealing_context(key_arn: &str, material_id: &str) -> String {
    format!("kms material {material_id} of {key_arn}")
}

fn id_bytes(material: &MaterialRecord) -> Result<[u8; MATERIAL_ID_BYTES], SealError> {
    let mut bytes = [0; MATERIAL_ID_BYTES];
    hex::decode_to_slice(&material.id, &mut bytes).map_err(|_| SealError::Malformed)?;
    Ok(bytes)
}
