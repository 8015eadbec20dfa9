//! What time does to keys: deletions whose window has ended, rotations that are due.

use super::material;
use super::record::KeyRecord;
use crate::{App, ServiceError};

/// Deletes the keys whose window has ended, with their aliases and grants, and rotates what is due. To be called now
/// and then; a late call changes nothing that a caller can see, because a key is gone for them at its time.
pub async fn sweep(app: &App) -> Result<(), ServiceError> {
    let now = app.now();
    let is_due =
        |key: &KeyRecord| key.is_gone(now) || key.rotation.is_some_and(|rotation| rotation.after_due(now).is_some());
    if !app.store.read().kms_keys.values().any(|key| is_due(key)) {
        return Ok(());
    }
    app.store
        .write(|state| {
            let due: Vec<KeyRecord> =
                state.kms_keys.values().filter(|key| is_due(key)).map(|key| KeyRecord::clone(key)).collect();
            for mut key in due {
                let arn = key.arn.clone();
                if key.is_gone(now) {
                    delete(state, &arn);
                } else {
                    material::rotate_if_due(app, &mut key)?;
                    state.kms_keys.put(&arn, key);
                }
            }
            Ok(())
        })
        .await
}

fn delete(state: &mut crate::store::State, arn: &str) {
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
