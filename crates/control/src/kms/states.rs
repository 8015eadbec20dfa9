//! EnableKey, DisableKey, ScheduleKeyDeletion, CancelKeyDeletion.

use std::sync::Arc;

use api::kms::{
    CancelKeyDeletionInput, CancelKeyDeletionOutput, DisableKeyInput, DisableKeyOutput, EnableKeyInput,
    EnableKeyOutput, ScheduleKeyDeletionInput, ScheduleKeyDeletionOutput,
};
use domain::deletion;
use domain::kms::KeyState;

use super::lookup::{Keys, change};
use super::record::{KeyRecord, Origin};
use super::{error, replicas};
use crate::{App, Authorized, Request, ServiceError};

const DAY_SECONDS: i64 = 24 * 3600;

/// EnableKey.
pub(super) async fn enable(app: Arc<App>, request: Request<EnableKeyInput>) -> Result<EnableKeyOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(&app, |input, state, caller| {
        Ok(Keys::new(&app, state, caller).access("kms:EnableKey", &input.key_id))
    })?;
    change(&app, &caller, &input.key_id, |key| {
        key.state.switchable(&key.arn)?;
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
        key.state.switchable(&key.arn)?;
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
    let days = deletion::window_days(input.pending_window_in_days.map(i64::from)).ok_or_else(|| {
        error::validation("1 validation error detected: Value at 'pendingWindowInDays' failed to satisfy constraint: Member must be between 7 and 30")
    })?;
    let at = app.now().plus_seconds(days * DAY_SECONDS);
    let key = app
        .store
        .write(|state| {
            let mut key = KeyRecord::clone(&*Keys::new(&app, state, &caller).find_without_alias(&input.key_id)?);
            key.state.changeable(&key.arn)?;
            if replicas::has_replicas(state, &key) {
                // Its window begins when the last replica is gone.
                (key.state, key.deletion_window_days) = (KeyState::PendingReplicaDeletion, Some(days));
            } else {
                (key.state, key.deletion_at) = (KeyState::PendingDeletion, Some(at));
            }
            state.kms_keys.put(&key.arn.clone(), key.clone());
            Ok::<_, ServiceError>(key)
        })
        .await?;
    Ok(ScheduleKeyDeletionOutput {
        key_id: Some(key.arn),
        deletion_date: key.deletion_at,
        key_state: Some(key.state.name().into()),
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
        (key.deletion_at, key.deletion_window_days) = (None, None);
        if key.origin == Origin::External {
            key.settle_import();
        }
        Ok(key.arn.clone())
    })
    .await?;
    Ok(CancelKeyDeletionOutput { key_id: Some(arn) })
}
