//! When the values of secrets were last read, as a day; see [`crate::bookkeeping`].

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use wire::Timestamp;

use super::record::SecretRecord;
use crate::App;
use crate::store::StoreError;

const DAY_SECONDS: i64 = 24 * 3600;

/// The days that are not saved yet, by the secret's ARN and the version's id.
#[derive(Default)]
pub struct LastAccesses(Mutex<HashMap<String, BTreeMap<String, Timestamp>>>);

impl LastAccesses {
    pub(super) fn note(&self, secret: &SecretRecord, version_id: &str, now: Timestamp) {
        let today = Timestamp::from_seconds(now.seconds().div_euclid(DAY_SECONDS) * DAY_SECONDS);
        let known = secret.versions.get(version_id).and_then(|version| version.accessed_on);
        if known == Some(today) && secret.accessed_on == Some(today) {
            return;
        }
        self.unsaved().entry(secret.arn.clone()).or_default().insert(version_id.to_owned(), today);
    }

    /// The day of the last reading of a secret, saved or not.
    pub(super) fn of_secret(&self, secret: &SecretRecord) -> Option<Timestamp> {
        let unsaved = self.unsaved().get(&secret.arn).and_then(|versions| versions.values().max().copied());
        unsaved.max(secret.accessed_on)
    }

    /// The day of the last reading of one version, saved or not.
    pub(super) fn of_version(&self, secret: &SecretRecord, version_id: &str) -> Option<Timestamp> {
        let unsaved = self.unsaved().get(&secret.arn).and_then(|versions| versions.get(version_id).copied());
        unsaved.max(secret.versions.get(version_id).and_then(|version| version.accessed_on))
    }

    fn unsaved(&self) -> MutexGuard<'_, HashMap<String, BTreeMap<String, Timestamp>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the days since the last time durable, of secrets that are still there.
pub(crate) async fn save(app: &App) -> Result<(), StoreError> {
    let taken = app.last_accesses.unsaved().clone();
    if taken.is_empty() {
        return Ok(());
    }
    app.store
        .write(|state| {
            for (arn, versions) in &taken {
                state.secrets.update(arn, |secret| {
                    secret.accessed_on = secret.accessed_on.max(versions.values().max().copied());
                    for (id, day) in versions {
                        if let Some(version) = secret.versions.get_mut(id) {
                            version.accessed_on = version.accessed_on.max(Some(*day));
                        }
                    }
                });
            }
            Ok::<_, StoreError>(())
        })
        .await?;
    // What was noted meanwhile stays for the next time.
    app.last_accesses.unsaved().retain(|arn, versions| taken.get(arn) != Some(versions));
    Ok(())
}
