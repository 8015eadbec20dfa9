//! EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus, RotateKeyOnDemand, ListKeyRotations.
//!
//! A rotation is over at once here, so no key ever shows an `OnDemandRotationStartDate`.

use std::sync::Arc;

use api::kms::{
    DisableKeyRotationInput, DisableKeyRotationOutput, EnableKeyRotationInput, EnableKeyRotationOutput,
    GetKeyRotationStatusInput, GetKeyRotationStatusOutput, ListKeyRotationsInput, ListKeyRotationsOutput,
    RotateKeyOnDemandInput, RotateKeyOnDemandOutput, RotationsListEntry,
};
use domain::kms::{KeySpec, KeyState, Rotation};

use super::keys::expiration_model;
use super::lookup::{Keys, change};
use super::page::page;
use super::record::{KeyManager, KeyRecord, MaterialRecord, Origin};
use super::{error, material};
use crate::limits::ON_DEMAND_ROTATIONS;
use crate::seal::KEY_BYTES;
use crate::{App, Authorized, Request, ServiceError};

/// EnableKeyRotation. Enabling it again with another period begins that period now.
pub(super) async fn enable(
    app: Arc<App>,
    request: Request<EnableKeyRotationInput>,
) -> Result<EnableKeyRotationOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Keys::new(&app, state, caller).access("kms:EnableKeyRotation", &input.key_id);
        Ok(match input.rotation_period_in_days {
            Some(days) => access.with_context("kms:RotationPeriodInDays", days.to_string()),
            None => access,
        })
    })?;
    let now = app.now();
    change(&app, &caller, &input.key_id, |key| {
        key.state.usable(&key.arn)?;
        check_rotates(key)?;
        let asked = input.rotation_period_in_days;
        let stays = key.rotation.filter(|rotation| asked.is_none_or(|days| days == rotation.period_days));
        key.rotation = Some(stays.unwrap_or_else(|| Rotation::starting(now, asked)));
        Ok(())
    })
    .await?;
    Ok(EnableKeyRotationOutput {})
}

/// DisableKeyRotation.
pub(super) async fn disable(
    app: Arc<App>,
    request: Request<DisableKeyRotationInput>,
) -> Result<DisableKeyRotationOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:DisableKeyRotation", &input.key_id))
    })?;
    change(&app, &caller, &input.key_id, |key| {
        key.state.usable(&key.arn)?;
        check_rotates(key)?;
        key.rotation = None;
        Ok(())
    })
    .await?;
    Ok(DisableKeyRotationOutput {})
}

/// GetKeyRotationStatus.
pub(super) async fn status(
    app: Arc<App>,
    request: Request<GetKeyRotationStatusInput>,
) -> Result<GetKeyRotationStatusOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:GetKeyRotationStatus", &input.key_id))
    })?;
    let key = Keys::new(&app, &app.store.read(), &caller).find_without_alias(&input.key_id)?;
    // A key that is about to be deleted is not rotated; cancelling the deletion brings the schedule back.
    let rotation = key.rotation.filter(|_| key.state != KeyState::PendingDeletion);
    Ok(GetKeyRotationStatusOutput {
        key_rotation_enabled: Some(rotation.is_some()),
        key_id: Some(key.arn.clone()),
        rotation_period_in_days: rotation.map(|rotation| rotation.period_days),
        next_rotation_date: rotation.map(|rotation| rotation.next_at),
        on_demand_rotation_start_date: None,
    })
}

/// RotateKeyOnDemand: new material now, or the imported material that waits for it.
pub(super) async fn rotate(
    app: Arc<App>,
    request: Request<RotateKeyOnDemandInput>,
) -> Result<RotateKeyOnDemandOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:RotateKeyOnDemand", &input.key_id))
    })?;
    let arn = change(&app, &caller, &input.key_id, |key| {
        key.state.usable(&key.arn)?;
        if key.spec != KeySpec::SymmetricDefault || key.manager == KeyManager::Aws {
            return Err(ServiceError::new("UnsupportedOperationException", ""));
        }
        check_primary(key)?;
        if key.materials.iter().filter(|material| material.on_demand_at.is_some()).count() >= ON_DEMAND_ROTATIONS {
            let message = format!(
                "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be \
                 performed for this key: {}",
                key.arn
            );
            return Err(ServiceError::new("LimitExceededException", message));
        }
        let mut next = match key.origin {
            Origin::AwsKms => material::secret(&app, &key.arn, KEY_BYTES)?,
            Origin::External => key.next_material.take_if(|next| next.is_present()).ok_or_else(|| {
                let message = format!("No available key material pending rotation for the key: {}.", key.arn);
                ServiceError::new("KMSInvalidStateException", message)
            })?,
        };
        next.on_demand_at = Some(app.now());
        key.materials.push(next);
        Ok(key.arn.clone())
    })
    .await?;
    Ok(RotateKeyOnDemandOutput { key_id: Some(arn) })
}

/// ListKeyRotations: the rotations that were, the oldest first; all material, if it is asked for.
pub(super) async fn list(
    app: Arc<App>,
    request: Request<ListKeyRotationsInput>,
) -> Result<ListKeyRotationsOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:ListKeyRotations", &input.key_id))
    })?;
    let key = Keys::new(&app, &app.store.read(), &caller).find_without_alias(&input.key_id)?;
    if key.spec != KeySpec::SymmetricDefault {
        return Err(error::unsupported_by(&key.arn));
    }
    let all = input.include_key_material.as_deref() == Some("ALL_KEY_MATERIAL");
    let mut entries: Vec<(String, RotationsListEntry)> = key
        .materials
        .iter()
        .enumerate()
        .filter(|(place, _)| all || *place > 0)
        .map(|(place, material)| (format!("{place:08}"), entry(&key, place, material)))
        .collect();
    if let Some(next) = key.next_material.as_ref().filter(|_| all) {
        entries.push((String::from("next"), of_next(&key, next)));
    }
    let entries = entries.iter().map(|(name, entry)| (name.as_str(), entry));
    let (entries, next_marker) = page(entries, input.marker.as_deref(), input.limit)?;
    Ok(ListKeyRotationsOutput {
        rotations: Some(entries.into_iter().cloned().collect()),
        truncated: Some(next_marker.is_some()),
        next_marker,
    })
}

fn entry(key: &KeyRecord, place: usize, material: &MaterialRecord) -> RotationsListEntry {
    let is_current = place + 1 == key.materials.len();
    let kind = if material.on_demand_at.is_some() { "ON_DEMAND" } else { "AUTOMATIC" };
    RotationsListEntry {
        key_material_state: Some(if is_current { "CURRENT" } else { "NON_CURRENT" }.into()),
        rotation_date: (place > 0).then(|| material.on_demand_at.unwrap_or(material.created_at)),
        rotation_type: (place > 0).then(|| kind.into()),
        ..of_next(key, material)
    }
}

fn of_next(key: &KeyRecord, material: &MaterialRecord) -> RotationsListEntry {
    let is_imported = key.origin == Origin::External;
    let import_state = if material.is_present() { "IMPORTED" } else { "PENDING_IMPORT" };
    RotationsListEntry {
        key_id: Some(key.arn.clone()),
        key_material_id: Some(material.id.clone()),
        key_material_description: material.description.clone(),
        import_state: is_imported.then(|| import_state.into()),
        key_material_state: Some("PENDING_ROTATION".into()),
        expiration_model: (is_imported && material.is_present()).then(|| expiration_model(material).into()),
        valid_to: material.valid_to,
        rotation_date: None,
        rotation_type: None,
    }
}

/// Only symmetric keys with material of KMS's own rotate by themselves, and replicas with their primary key.
fn check_rotates(key: &KeyRecord) -> Result<(), ServiceError> {
    if key.spec != KeySpec::SymmetricDefault || key.manager == KeyManager::Aws {
        return Err(ServiceError::new("UnsupportedOperationException", ""));
    }
    if key.origin != Origin::AwsKms {
        return Err(error::wrong_origin(key));
    }
    check_primary(key)
}

fn check_primary(key: &KeyRecord) -> Result<(), ServiceError> {
    match &key.primary_arn {
        None => Ok(()),
        Some(primary) => Err(ServiceError::new(
            "UnsupportedOperationException",
            format!("{} is a replica; its rotation follows the primary key {primary}.", key.arn),
        )),
    }
}
