//! When an access key or a role was used last, as IAM tells it.
//!
//! A use costs no write: see [`crate::bookkeeping`]. AWS tells it with a delay of hours, too.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use wire::Timestamp;

use crate::App;
use crate::store::{State, StoreError};

/// The last use of a key or a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUseRecord {
    /// When, in whole minutes.
    pub at: Timestamp,
    /// Of which service.
    pub service: String,
    /// In which region.
    pub region: String,
}

/// The uses that are not saved yet, by access key id or by the role's unique id.
#[derive(Default)]
pub struct LastUses(Mutex<HashMap<String, LastUseRecord>>);

impl LastUses {
    pub(super) fn note(&self, id: &str, now: Timestamp, service: &str, region: &str) {
        let at = Timestamp::from_seconds(now.seconds().div_euclid(60) * 60);
        let mut unsaved = self.unsaved();
        match unsaved.get_mut(id) {
            Some(known) if known.at == at && known.service == service && known.region == region => {}
            _ => {
                let record = LastUseRecord { at, service: service.to_owned(), region: region.to_owned() };
                unsaved.insert(id.to_owned(), record);
            }
        }
    }

    /// The last use of an access key or a role (by its unique id), saved or not.
    pub(crate) fn of(&self, state: &State, id: &str) -> Option<LastUseRecord> {
        let unsaved = self.unsaved().get(id).cloned();
        unsaved.or_else(|| state.last_uses.get(id).map(|record| LastUseRecord::clone(record)))
    }

    fn unsaved(&self) -> MutexGuard<'_, HashMap<String, LastUseRecord>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the uses since the last time durable, and forgets those of keys and roles that are gone.
///
/// # Errors
/// [`StoreError`]; the uses are kept for the next time then.
pub(crate) async fn save(app: &App) -> Result<(), StoreError> {
    let taken = app.last_uses.unsaved().clone();
    if taken.is_empty() {
        return Ok(());
    }
    app.store
        .write(|state| {
            let roles: Vec<String> = state.iam_roles.values().map(|role| role.entity.id.clone()).collect();
            let is_there =
                |state: &State, id: &str| state.iam_access_keys.contains(id) || roles.iter().any(|role| role == id);
            let gone: Vec<String> =
                state.last_uses.iter().map(|(id, _)| id.to_owned()).filter(|id| !is_there(state, id)).collect();
            for id in gone {
                state.last_uses.remove(&id);
            }
            for (id, record) in &taken {
                if is_there(state, id) {
                    state.last_uses.put(id, record.clone());
                }
            }
            Ok::<_, StoreError>(())
        })
        .await?;
    // What was noted meanwhile stays for the next time.
    app.last_uses.unsaved().retain(|id, record| taken.get(id) != Some(record));
    Ok(())
}
