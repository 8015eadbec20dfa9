//! What time does to keys: deletions whose window has ended, rotations that are due, imported material that expires.

use domain::kms::KeyState;
use wire::Timestamp;

use super::record::KeyRecord;
use super::{material, replicas};
use crate::store::State;
use crate::{App, ServiceError};

const DAY_SECONDS: i64 = 24 * 3600;

/// Deletes the keys whose window has ended, with their aliases and grants, rotates what is due, and takes away what has
/// expired. To be called now
/// and then; a late call changes nothing that a caller can see, because a key is gone for them at its time.
pub async fn sweep(app: &App) -> Result<(), ServiceError> {
    let now = app.now();
    let is_due = |key: &KeyRecord| {
        let rotates =
            key.primary_arn.is_none() && key.rotation.is_some_and(|rotation| rotation.after_due(now).is_some());
        key.is_gone(now) || key.has_expired_material(now) || rotates
    };
    if !app.store.read().kms_keys.values().any(|key| is_due(key)) {
        return Ok(());
    }
    app.store
        .write(|state| {
            let due: Vec<KeyRecord> =
                state.kms_keys.values().filter(|key| is_due(key)).map(|key| KeyRecord::clone(key)).collect();
            for mut key in due {
                if key.is_gone(now) {
                    delete(state, &key.arn);
                    begin_window_of_primary(state, &key, now);
                } else {
                    key.expire_material(now);
                    material::rotate_if_due(app, &mut key)?;
                    replicas::put_with_replicas(state, key);
                }
            }
            Ok(())
        })
        .await
}

/// A primary key that waits for its replicas begins to wait for its own deletion when the last of them is gone.
fn begin_window_of_primary(state: &mut State, gone: &KeyRecord, now: Timestamp) {
    let primary = gone.primary_arn.as_ref().and_then(|arn| state.kms_keys.get(arn)).map(|key| KeyRecord::clone(key));
    if let Some(mut primary) = primary
        && let Some(days) = primary.deletion_window_days.take()
        && !replicas::has_replicas(state, &primary)
    {
        (primary.state, primary.deletion_at) = (KeyState::PendingDeletion, Some(now.plus_seconds(days * DAY_SECONDS)));
        state.kms_keys.put(&primary.arn.clone(), primary);
    }
}

fn delete(state: &mut State, arn: &str) {
    state.kms_keys.remove(arn);
    let aliases: Vec<String> =
        state.kms_aliases.values().filter(|alias| alias.target_arn == arn).map(|alias| alias.arn.clone()).collect();
    for alias in aliases {
        state.kms_aliases.remove(&alias);
    }
    let grants: Vec<String> =
        state.kms_grants.with_prefix(&format!("{arn}/grant/")).map(|(key, _)| key.to_owned()).collect();
    for grant in grants {
        state.kms_grants.remove(&grant);
    }
}
