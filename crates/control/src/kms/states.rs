//! EnableKey, DisableKey, ScheduleKeyDeletion, CancelKeyDeletion.

use std::sync::Arc;

use api::kms::{
    CancelKeyDeletionInput, CancelKeyDeletionOutput, DisableKeyInput, DisableKeyOutput, EnableKeyInput,
    EnableKeyOutput, ScheduleKeyDeletionInput, ScheduleKeyDeletionOutput,
};
use domain::kms::{KeyState, deletion_window_days};

use super::error;
use super::lookup::{Keys, change};
use crate::{App, Authorized, Request, ServiceError};

const DAY_SECONDS: i64 = 24 * 3600;

/// EnableKey.
pub(super) async fn enable(app: Arc<App>, request: Request<EnableKeyInput>) -> Result<EnableKeyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:EnableKey", &input.key_id))
    })?;
    change(&app, &caller, &input.key_id, |key| {
        key.state.changeable(&key.arn)?;
        key.state = KeyState::Enabled;
        Ok(())
    })
    .await?;
    Ok(EnableKeyOutput {})
}

/// DisableKey.
pub(super) async fn disable(
    app: Arc<App>,
    request: Request<DisableKeyInput>,
) -> Result<DisableKeyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:DisableKey", &input.key_id))
    })?;
    change(&app, &caller, &input.key_id, |key| {
        key.state.changeable(&key.arn)?;
        key.state = KeyState::Disabled;
        Ok(())
    })
    .await?;
    Ok(DisableKeyOutput {})
}

/// ScheduleKeyDeletion.
pub(super) async fn schedule_deletion(
    app: Arc<App>,
    request: Request<ScheduleKeyDeletionInput>,
) -> Result<ScheduleKeyDeletionOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        let access = Keys::new(&app, state, caller).access("kms:ScheduleKeyDeletion", &input.key_id);
        let days = input.pending_window_in_days.unwrap_or(30).to_string();
        Ok(access.with_context("kms:ScheduleKeyDeletionPendingWindowInDays", days))
    })?;
    let days = deletion_window_days(input.pending_window_in_days.map(i64::from)).ok_or_else(|| {
        error::validation("1 validation error detected: Value at 'pendingWindowInDays' failed to satisfy constraint: Member must be between 7 and 30")
    })?;
    let deletion_at = app.now().plus_seconds(days * DAY_SECONDS);
    let arn = change(&app, &caller, &input.key_id, |key| {
        key.state.changeable(&key.arn)?;
        key.state = KeyState::PendingDeletion;
        key.deletion_at = Some(deletion_at);
        Ok(key.arn.clone())
    })
    .await?;
    Ok(ScheduleKeyDeletionOutput {
        key_id: Some(arn),
        deletion_date: Some(deletion_at),
        key_state: Some(KeyState::PendingDeletion.name().into()),
        pending_window_in_days: i32::try_from(days).ok(),
    })
}

/// CancelKeyDeletion: the key comes back disabled.
pub(super) async fn cancel_deletion(
    app: Arc<App>,
    request: Request<CancelKeyDeletionInput>,
) -> Result<CancelKeyDeletionOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:CancelKeyDeletion", &input.key_id))
    })?;
    let arn = change(&app, &caller, &input.key_id, |key| {
        key.state.cancellable(&key.arn)?;
        key.state = KeyState::Disabled;
        key.deletion_at = None;
        Ok(key.arn.clone())
    })
    .await?;
    Ok(CancelKeyDeletionOutput { key_id: Some(arn) })
}
