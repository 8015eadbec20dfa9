//! EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus.

use std::sync::Arc;

use api::kms::{
    DisableKeyRotationInput, DisableKeyRotationOutput, EnableKeyRotationInput, EnableKeyRotationOutput,
    GetKeyRotationStatusInput, GetKeyRotationStatusOutput,
};
use domain::kms::{KeyState, Rotation};

use super::lookup::{Keys, change};
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
