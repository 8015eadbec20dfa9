//! The account's root access key, made at first start.

use wire::Sensitive;

use super::credentials::{open_secret, seal_secret};
use super::error::unsealable;
use super::name::{access_key_id, now, secret_access_key};
use super::record::AccessKeyRecord;
use crate::store::State;
use crate::{App, ServiceError};

/// The access key of the account's root user.
#[derive(Clone, Debug)]
pub struct RootAccessKey {
    /// `AKIA…`, or what the operator chose.
    pub access_key_id: String,
    /// The signing key.
    pub secret_access_key: Sensitive,
}

/// Makes sure that the account's root user has an access key: the one the operator gives, else the one that is there,
/// else a new one. Answers it, for `tidegate env`.
///
/// # Errors
/// `ServiceFailure` when it cannot be sealed or opened.
pub fn root_access_key(
    app: &App,
    state: &mut State,
    given: Option<RootAccessKey>,
) -> Result<RootAccessKey, ServiceError> {
    let account = &app.settings.account;
    let key = match given {
        Some(given) => given,
        None => known_or_new(app, state)?,
    };
    let is_known = state.iam_access_keys.get(&key.access_key_id).is_some_and(|record| {
        record.user.is_none()
            && record.account == *account
            && record.active
            && open_secret(app, &key.access_key_id, &record.sealed_secret)
                .is_ok_and(|secret| secret.expose() == key.secret_access_key.expose())
    });
    if !is_known {
        let record = AccessKeyRecord {
            account: account.clone(),
            user: None,
            sealed_secret: seal_secret(app, &key.access_key_id, &key.secret_access_key)?,
            active: true,
            created: now(app),
        };
        state.iam_access_keys.put(&key.access_key_id, record);
    }
    Ok(key)
}

fn known_or_new(app: &App, state: &State) -> Result<RootAccessKey, ServiceError> {
    let account = &app.settings.account;
    let known =
        state.iam_access_keys.iter().find(|(_, key)| key.account == *account && key.user.is_none() && key.active);
    Ok(match known {
        Some((id, record)) => RootAccessKey {
            access_key_id: id.to_owned(),
            secret_access_key: open_secret(app, id, &record.sealed_secret).map_err(|error| unsealable(&error))?,
        },
        None => RootAccessKey {
            access_key_id: access_key_id(app, "AKIA", account),
            secret_access_key: secret_access_key(app),
        },
    })
}
